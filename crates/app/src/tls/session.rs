//! A conversation of TLS over a stream: its records (RFC 8446 section 5.1).
//!
//! ```text
//!  type 1 · version 2 · length 2 · fragment
//! ```

use super::fragments::Fragments;
use super::handshake::{Handshake, content};
use super::hello::Carrier;
use super::messages;
use super::v2;
use crate::context::Context;
use crate::protocol::{self, Peer, Want};

/// Type, version and length.
const HEAD: usize = 5;
/// The longest fragment: 2^14 bytes and what encryption may add to them (RFC 5246 section 6.2.3), with some grace.
const MAX_FRAGMENT: u16 = (1 << 14) + 4096;

/// What comes next of one side.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    /// A record's header.
    #[default]
    Head,
    /// The fragment of a record that is looked at.
    Fragment { kind: u8, len: u16 },
    /// The fragment of one that is not.
    Passing,
    /// A header of SSL 2.0.
    OldHead,
    /// A message of SSL 2.0 behind its type.
    OldMessage { kind: u8, begun: Option<[u8; 2]> },
}

#[derive(Debug, Default)]
struct Side {
    next: Next,
    fragments: Fragments,
}

/// A conversation of TLS.
#[derive(Debug)]
pub(super) struct Session {
    handshake: Handshake,
    sides: [Side; 2],
    /// Both speak SSL 2.0.
    old: bool,
    over: bool,
}

impl Session {
    pub(super) fn new() -> Session {
        Session {
            handshake: Handshake::new(Carrier::Tls),
            sides: Default::default(),
            old: false,
            over: false,
        }
    }

    /// Nothing more is needed.
    fn finish(&mut self, context: &mut Context<'_>) -> Want {
        self.over = true;
        if self.handshake.findings.any() {
            context.done();
        } else {
            context.not_mine();
        }
        Want::Nothing
    }

    fn expect(&mut self, peer: Peer, next: Next) {
        self.sides[peer.index()].next = next;
    }

    /// What a record's header asks for.
    fn head(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let &[kind, major, minor, high, low] = unit else {
            return self.finish(context);
        };
        let len = u16::from_be_bytes([high, low]);
        let known = (content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT).contains(&kind);
        if !known || major != 3 || minor > 4 || len > MAX_FRAGMENT {
            return self.strange_head(peer, unit, context);
        }
        if self.handshake.is_encrypted(peer, kind) {
            if self.handshake.encrypted_record(peer) {
                return self.finish(context);
            }
            self.expect(peer, Next::Passing);
            return Want::Skip(len.into());
        }
        match kind {
            content::HANDSHAKE => {
                self.expect(peer, Next::Fragment { kind, len });
                Want::Bytes(len.into())
            }
            content::ALERT if len == 2 => {
                self.expect(peer, Next::Fragment { kind, len });
                Want::Bytes(len.into())
            }
            _ => {
                self.handshake.clear_record(peer, kind, &[], context);
                self.expect(peer, Next::Passing);
                Want::Skip(len.into())
            }
        }
    }

    /// A header that is none of TLS': perhaps SSL 2.0's.
    fn strange_head(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if let &[first, second, kind, third, fourth] = unit
            && let Some(len) = v2::payload_len(first, second)
            && let Some(rest) = len.checked_sub(HEAD - 2)
            && kind == if peer == Peer::Client { 1 } else { 4 }
        {
            let begun = Some([third, fourth]);
            self.expect(peer, Next::OldMessage { kind, begun });
            return Want::Bytes(rest);
        }
        self.finish(context)
    }

    fn old_head(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if self.handshake.is_encrypted(peer, 0) && self.handshake.encrypted_record(peer) {
            return self.finish(context);
        }
        let &[first, second, kind] = unit else {
            return self.finish(context);
        };
        match v2::payload_len(first, second).and_then(|len| len.checked_sub(1)) {
            Some(rest) => {
                self.expect(peer, Next::OldMessage { kind, begun: None });
                Want::Bytes(rest)
            }
            None => self.finish(context),
        }
    }

    fn old_message(&mut self, peer: Peer, kind: u8, body: &[u8], context: &mut Context<'_>) {
        let findings = &mut self.handshake.findings;
        match v2::message(kind, body) {
            v2::Message::ClientHello { session_id } => {
                findings.begin(context);
                findings.old_client_hello(session_id);
                findings.note(peer, 'c');
            }
            v2::Message::ServerHello {
                cipher,
                certificate,
            } => {
                self.old = true;
                findings.begin(context);
                findings.old_server_hello(cipher);
                if !certificate.is_empty() {
                    messages::one(certificate, peer, true, findings, context);
                }
                findings.note(peer, 's');
            }
            v2::Message::ClientMasterKey => {
                self.handshake.encrypts(Peer::Client);
                self.handshake.encrypts(Peer::Server);
            }
            v2::Message::Other => {}
        }
    }

    /// The next record.
    fn next_head(&mut self, peer: Peer) -> Want {
        if self.over {
            return Want::Nothing;
        }
        if self.old {
            self.expect(peer, Next::OldHead);
            Want::Bytes(v2::HEAD)
        } else {
            self.expect(peer, Next::Head);
            Want::Bytes(HEAD)
        }
    }

    /// A piece of the handshake protocol.
    fn fragment(&mut self, peer: Peer, data: &[u8], context: &mut Context<'_>) {
        let Session {
            handshake, sides, ..
        } = self;
        sides[peer.index()].fragments.feed(data, |kind, body| {
            handshake.message(peer, kind, body, context);
        });
    }

    /// `rest` is the last that came of a record, and more of it will not.
    fn broken(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        let next = self.sides[peer.index()].next;
        if let Next::Fragment {
            kind: content::HANDSHAKE,
            ..
        } = next
        {
            self.fragment(peer, rest, context);
        }
        if let Some((kind, body)) = self.sides[peer.index()].fragments.break_off() {
            self.handshake.broken_message(kind, &body, context);
        }
    }
}

impl protocol::Session for Session {
    fn start(&mut self, peer: Peer) -> Want {
        self.next_head(peer)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        match self.sides[peer.index()].next {
            Next::Head => return self.head(peer, unit, context),
            Next::OldHead => return self.old_head(peer, unit, context),
            Next::Fragment { kind, .. } if kind == content::HANDSHAKE => {
                self.fragment(peer, unit, context);
            }
            Next::Fragment { kind, .. } => {
                self.handshake.clear_record(peer, kind, unit, context);
            }
            Next::OldMessage { kind, begun } => match begun {
                Some(begun) => {
                    let body = [&begun[..], unit].concat();
                    self.old_message(peer, kind, &body, context);
                }
                None => self.old_message(peer, kind, unit, context),
            },
            Next::Passing => {}
        }
        if self.old {
            // The client's first record was read as TLS' would be.
            let other = peer.other();
            if matches!(self.sides[other.index()].next, Next::Head) {
                let want = self.next_head(other);
                context.want(other, want);
            }
        }
        self.next_head(peer)
    }

    fn skipped(&mut self, peer: Peer, _context: &mut Context<'_>) -> Want {
        self.next_head(peer)
    }

    fn gap(&mut self, peer: Peer, rest: &[u8], missing: u64, context: &mut Context<'_>) -> Want {
        self.broken(peer, rest, context);
        // Where the gap lies within one record the next one is found again.
        let behind = match self.sides[peer.index()].next {
            Next::Fragment { len, .. } => u64::from(len)
                .checked_sub(rest.len() as u64)
                .and_then(|left| left.checked_sub(missing)),
            _ => None,
        };
        match behind {
            Some(behind) => {
                self.expect(peer, Next::Passing);
                Want::Skip(behind)
            }
            None => Want::Nothing,
        }
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        self.broken(peer, rest, context);
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.handshake.findings.write(context);
    }
}
