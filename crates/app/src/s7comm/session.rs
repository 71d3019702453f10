//! TPKT and COTP, message by message.

use portreeve_record::app::cotp::Cotp;

use super::{DATA, DATA_HEADER, TPKT, message};
use crate::{Context, Peer, Want};

/// What of a message is looked at: all headers, and the name of a service behind its parameters.
const LOOKED_AT: usize = 256;

/// What comes next of a peer.
#[derive(Clone, Copy, Debug, Default)]
enum Expects {
    #[default]
    Header,
    /// A message, of which so many bytes more are not looked at.
    Message { behind: usize },
}

#[derive(Clone, Copy, Debug, Default)]
struct Side {
    expects: Expects,
    /// The last piece of data was not the end of its message: the next one does not begin one.
    within: bool,
}

/// A connection.
#[derive(Debug, Default)]
pub(super) struct Session {
    sides: [Side; 2],
}

impl crate::Session for Session {
    fn start(&mut self, _: Peer) -> Want {
        Want::Bytes(TPKT)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        let Expects::Message { behind } = side.expects else {
            return self.header(peer, unit, context);
        };
        side.expects = Expects::Header;
        self.message(peer, unit, context);
        if behind > 0 {
            Want::Skip(behind as u64)
        } else {
            Want::Bytes(TPKT)
        }
    }

    fn skipped(&mut self, _: Peer, _: &mut Context<'_>) -> Want {
        Want::Bytes(TPKT)
    }
}

impl Session {
    fn header(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let length = match *unit {
            [3, 0, high, low] => usize::from(u16::from_be_bytes([high, low])),
            _ => 0,
        };
        let Some(length) = length.checked_sub(TPKT).filter(|length| *length >= 2) else {
            context.weird("cotp_malformed");
            return Want::Nothing;
        };
        let looked_at = length.min(LOOKED_AT);
        self.sides[peer.index()].expects = Expects::Message {
            behind: length - looked_at,
        };
        Want::Bytes(looked_at)
    }

    fn message(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) {
        let Some(code) = unit.get(1) else {
            return;
        };
        let is_orig = (peer == Peer::Client) == context.client_is_orig();
        let pdu = code >> 4;
        if pdu != DATA {
            context.emit(Cotp {
                head: context.head(context.now()),
                is_orig,
                pdu,
            });
            return;
        }
        let side = &mut self.sides[peer.index()];
        let begins = !side.within;
        side.within = unit.get(2).is_some_and(|number| number & 0x80 == 0);
        let data = unit.get(DATA_HEADER..).unwrap_or_default();
        if begins && let Some(service) = message::read(data, is_orig, context) {
            context.also(service);
        }
    }
}
