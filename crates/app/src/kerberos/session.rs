//! Kerberos over UDP and TCP.

use super::PREFIX;
use super::exchange::Exchange;
use crate::inbox::MAX_UNIT;
use crate::protocol::{Peer, Session, Transport, Want};
use crate::{Context, Reader};

/// A conversation with a key distribution centre.
#[derive(Debug, Default)]
pub(super) struct Kerberos {
    exchange: Exchange,
    /// By peer: the length of the message that comes, if it was read.
    message: [Option<usize>; 2],
}

impl Session for Kerberos {
    fn start(&mut self, _peer: Peer) -> Want {
        Want::Bytes(PREFIX)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if context.transport() == Transport::Udp {
            self.exchange.message(unit, context);
            return Want::Any;
        }
        let message = &mut self.message[peer.index()];
        match message.take() {
            None => {
                let len = Reader::new(unit).u32().unwrap_or(0) as usize;
                if len == 0 || len >= 1 << 24 {
                    return Want::Nothing;
                }
                *message = Some(len);
                Want::Bytes(len.min(MAX_UNIT))
            }
            Some(len) => {
                self.exchange.message(unit, context);
                match len - unit.len().min(len) {
                    0 => Want::Bytes(PREFIX),
                    rest => Want::Skip(rest as u64),
                }
            }
        }
    }

    fn skipped(&mut self, _peer: Peer, _context: &mut Context<'_>) -> Want {
        Want::Bytes(PREFIX)
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.exchange.end(context);
    }
}
