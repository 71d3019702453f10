//! Which protocol it is: what has come is held until one is found, or none can be.

use super::{Conversation, Env, Phase};
use crate::ftp;
use crate::protocol::{Peer, Probe, Protocol, Transport};
use crate::registry::{self, Found};

/// The most bytes each way that a protocol is looked for in.
const DETECT_BYTES: usize = 2048;
/// The most segments with payload that a protocol is looked for in: a beginning that comes byte by byte is still found.
const DETECT_SEGMENTS: u16 = 256;
/// The most datagrams.
const DETECT_DATAGRAMS: u16 = 6;

impl Conversation {
    pub(super) fn detect_datagram(&mut self, from: usize, payload: &[u8], env: &mut Env<'_>) {
        let inbox = &mut self.inboxes[from];
        inbox.clear(env.budget);
        let Some((protocol, client)) = self.look(from, payload, env) else {
            let kept = payload.get(..DETECT_BYTES).unwrap_or(payload);
            if !self.is_ended() && !self.inboxes[from].push(kept, env.now, env.budget) {
                self.give_up(env);
            }
            return;
        };
        let other = 1 - from;
        let before = self.inboxes[other].take(env.budget);
        self.start(protocol, client);
        if !before.is_empty() {
            self.unit_of_datagram(other, &before, env);
        }
        self.unit_of_datagram(from, payload, env);
    }

    pub(super) fn detect_stream(&mut self, from: usize, bytes: &[u8], env: &mut Env<'_>) {
        if self.inboxes[from].lost {
            return;
        }
        // What comes in one piece, as it mostly does, is not copied.
        let copied = self.inboxes[from].holds();
        if copied && !self.inboxes[from].push(bytes, env.now, env.budget) {
            return self.give_up(env);
        }
        let first = match self.phase {
            Phase::Detecting { first, .. } => first.into(),
            _ => from,
        };
        match self.look(from, if copied { &[] } else { bytes }, env) {
            Some((protocol, client)) => {
                self.start(protocol, client);
                let bytes = if copied { &[] } else { bytes };
                if first == from {
                    self.deliver(from, bytes, env);
                    self.deliver(1 - from, &[], env);
                } else {
                    self.deliver(1 - from, &[], env);
                    self.deliver(from, bytes, env);
                }
            }
            None if self.is_ended() || copied => {}
            None => {
                if !self.inboxes[from].push(bytes, env.now, env.budget) {
                    self.give_up(env);
                }
            }
        }
    }

    /// Looks for the protocol; `fresh` are bytes that are not held. Without one, and when no more may be looked at, the conversation is over.
    fn look(
        &mut self,
        from: usize,
        fresh: &[u8],
        env: &Env<'_>,
    ) -> Option<(&'static Protocol, Peer)> {
        let Phase::Detecting {
            candidates,
            packets,
            ..
        } = &mut self.phase
        else {
            return None;
        };
        *packets += 1;
        let mut sides = [self.inboxes[0].rest(), self.inboxes[1].rest()];
        if !fresh.is_empty() {
            sides[from] = fresh;
        }
        let [orig_p, resp_p] = env.facts.ports();
        let probe = Probe {
            transport: self.transport,
            orig: sides[0],
            resp: sides[1],
            orig_p,
            resp_p,
        };
        let most = match self.transport {
            Transport::Tcp => DETECT_SEGMENTS,
            Transport::Udp => DETECT_DATAGRAMS,
        };
        let last = *packets >= most || sides.iter().any(|s| s.len() >= DETECT_BYTES);
        match registry::detect(&probe, candidates) {
            Found::Protocol(protocol, orig) => return Some((protocol, orig)),
            Found::Perhaps if !last => {}
            Found::Perhaps | Found::Nothing => {
                if sides[1 - from].is_empty() && self.may_be_data(from, env) {
                    return Some((&ftp::PERHAPS_DATA, Peer::Client));
                }
                self.phase = Phase::Over;
            }
        }
        None
    }

    /// Whether what `from` alone has sent may be FTP's data: the connection's beginning was seen, and nobody else claims it.
    fn may_be_data(&self, from: usize, env: &Env<'_>) -> bool {
        self.transport == Transport::Tcp
            && self.looks_anew == 0
            && self.streams[1 - from].has_begun()
            && !self.inboxes.iter().any(|inbox| inbox.lost)
            && ftp::may_be_data(env.facts.ports())
            && self.applications.has(&ftp::FTP_DATA)
    }

    /// A connection that was over before its protocol could be told: what is held of it may be FTP's data.
    pub(super) fn end_undecided(&mut self, env: &mut Env<'_>) {
        let Phase::Detecting { first, since, .. } = self.phase else {
            return;
        };
        let from = usize::from(first) & 1;
        if !self.inboxes[from].holds()
            || self.inboxes[1 - from].holds()
            || !self.may_be_data(from, env)
        {
            return;
        }
        self.start(&ftp::PERHAPS_DATA, Peer::Client);
        // It came then.
        let now = std::mem::replace(&mut env.now, since);
        self.deliver(from, &[], env);
        env.now = now;
    }
}
