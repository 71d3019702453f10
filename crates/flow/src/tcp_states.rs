//! TCP's endpoint states and what moves them (Zeek's `Update…State`).

use crate::slot::{Class, cold_flags, tcp_state as st};
use crate::tcp::{Segment, Tcp};
use crate::weird::WeirdKind as W;

impl Tcp<'_> {
    /// Whether the sender has closed now.
    pub(crate) fn state_machine(&mut self, s: &Segment, ahead: i32) -> bool {
        match self.tcp(self.side) {
            st::INACTIVE => self.inactive(s),
            st::SYN_SENT | st::SYN_ACK_SENT => self.syn_sent(s),
            st::ESTABLISHED | st::PARTIAL => self.established(s),
            st::CLOSED => self.closed(s, ahead),
            _ => {
                if s.flags.syn() {
                    self.weird(W::SynAfterReset);
                }
                if s.flags.fin() {
                    self.weird(W::FinAfterReset);
                }
                if s.len > 0 && !s.flags.rst() {
                    self.weird(W::DataAfterReset);
                }
                false
            }
        }
    }

    fn inactive(&mut self, s: &Segment) -> bool {
        let f = s.flags;
        let mut side = self.side;
        let mut peer = 1 - side;
        let mut close = false;
        if f.syn() {
            if self.by_orig() {
                if f.ack() {
                    self.weird(W::OriginatorSynAck);
                    self.set_tcp(side, st::SYN_ACK_SENT);
                } else {
                    self.set_tcp(side, st::SYN_SENT);
                }
                if self.tcp(peer) == st::INACTIVE {
                    self.hot.state.set_class(Class::TcpAttempt);
                    self.cold.timer = self.ts.saturating_add(self.timeouts.tcp_attempt);
                }
            } else {
                if f.ack() {
                    let sent = self.hot.sides[peer];
                    let isn = self.cold.sides[peer].isn;
                    if !matches!(self.tcp(peer), st::INACTIVE | st::PARTIAL)
                        && s.ack.wrapping_sub(isn) > sent.seq.wrapping_sub(isn)
                    {
                        self.weird(W::BadSynAck);
                    }
                } else if self.tcp(peer) == st::SYN_ACK_SENT && s.seq == self.cold.sides[side].isn {
                    // SYN-ACK before SYN: turned round, and established.
                    self.hot.state.flip();
                    self.cold.letters.push_flip();
                    self.cold.set_to(cold_flags::PARTIAL, false);
                    self.set_tcp(peer, st::ESTABLISHED);
                    self.cold.set(cold_flags::FIRST_SEEN, side);
                } else {
                    self.weird(W::SimultaneousOpen);
                }
                if self.tcp(peer) == st::SYN_SENT {
                    self.set_tcp(peer, st::ESTABLISHED);
                } else if self.tcp(peer) == st::INACTIVE {
                    self.weird(W::UnsolicitedSynResponse);
                }
                self.set_tcp(side, st::ESTABLISHED);
            }
        }
        side = self.side;
        peer = 1 - side;
        if f.fin() {
            self.set_tcp(side, st::CLOSED);
            close = true;
            if self.tcp(peer) != st::PARTIAL && !f.syn() {
                self.weird(W::SpontaneousFin);
            }
        }
        if f.rst() {
            self.set_tcp(side, st::RESET);
            close = true;
            let reject = if self.by_orig() {
                self.tcp(peer) == st::ESTABLISHED
            } else {
                matches!(self.tcp(peer), st::SYN_SENT | st::SYN_ACK_SENT)
            };
            if !reject && self.tcp(peer) == st::INACTIVE {
                self.weird(W::SpontaneousRst);
            }
        }
        if self.tcp(side) == st::INACTIVE {
            let orig = self.hot.state.orig();
            if side != orig && s.len == 0 && self.tcp(orig) == st::SYN_SENT {
                // Some answer a SYN with an ACK before the SYN-ACK.
            } else if f.ack() && self.tcp(peer) == st::ESTABLISHED {
                self.set_tcp(side, st::ESTABLISHED);
                self.cold.set_to(cold_flags::PARTIAL, false);
                self.cold.set(cold_flags::FIRST_SEEN, side);
            } else {
                self.set_tcp(side, st::PARTIAL);
            }
        }
        close
    }

    fn syn_sent(&mut self, s: &Segment) -> bool {
        let f = s.flags;
        let side = self.side;
        let mut close = false;
        if f.syn() {
            if self.by_orig() {
                if f.ack() && !f.fin() && !f.rst() && self.tcp(side) != st::SYN_ACK_SENT {
                    self.weird(W::RepeatedSynWithAck);
                }
            } else if !f.ack() && self.tcp(side) != st::SYN_SENT {
                self.weird(W::RepeatedSynReplyWithoutAck);
            }
        }
        if f.fin() {
            if matches!(self.tcp(1 - side), st::INACTIVE | st::SYN_SENT) {
                self.weird(W::InappropriateFin);
            }
            self.set_tcp(side, st::CLOSED);
            close = true;
        }
        if f.rst() {
            self.set_tcp(side, st::RESET);
            close = true;
        } else if s.len > 0 {
            self.weird(W::DataBeforeEstablished);
        }
        close
    }

    fn established(&mut self, s: &Segment) -> bool {
        let f = s.flags;
        let side = self.side;
        let peer = 1 - side;
        let mut close = false;
        if f.syn() && self.tcp(side) == st::PARTIAL && self.tcp(peer) == st::INACTIVE && !f.ack() {
            self.weird(W::SynAfterPartial);
            self.set_tcp(side, st::SYN_SENT);
        }
        if f.fin() && !f.rst() {
            self.set_tcp(side, st::CLOSED);
            if self.tcp(peer) == st::RESET && self.cold.previous(peer) == st::CLOSED {
                self.set_tcp(peer, st::CLOSED);
            }
            close = true;
        }
        if f.rst() {
            self.set_tcp(side, st::RESET);
            close = true;
        }
        close
    }

    fn closed(&mut self, s: &Segment, ahead: i32) -> bool {
        let f = s.flags;
        let side = self.side;
        if f.syn() {
            self.weird(W::SynAfterClose);
        }
        if f.fin() && ahead > 0 {
            self.weird(W::FinAdvancedLastSeq);
        }
        if f.rst() && self.tcp(1 - side) != st::CLOSED {
            self.set_tcp(side, st::RESET);
            return !self.hot.state.did_close(side);
        }
        false
    }
}
