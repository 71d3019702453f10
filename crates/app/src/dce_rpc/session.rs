//! DCE/RPC over TCP: packets out of the stream.

use super::pdu::{HEADER, Header, header, needs};
use super::rpc::Rpc;
use crate::Context;
use crate::protocol::{Peer, Session, Want};

/// How often a packet is looked for after a loss.
const MAX_SEARCHES: u8 = 64;

#[derive(Debug, Default)]
struct Side {
    /// The packet that is at hand.
    packet: Option<Header>,
    /// Bytes behind what is looked at of it.
    rest: usize,
    searches: u8,
}

impl Side {
    fn next(&mut self) -> Want {
        self.packet = None;
        match std::mem::take(&mut self.rest) {
            0 => Want::Bytes(HEADER),
            rest => Want::Skip(rest as u64),
        }
    }
}

/// A connection of DCE/RPC.
#[derive(Debug, Default)]
pub(super) struct DceRpc {
    sides: [Side; 2],
    rpc: Rpc,
    seen: bool,
}

impl Session for DceRpc {
    fn start(&mut self, _peer: Peer) -> Want {
        Want::Bytes(HEADER)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        if let Some(packet) = side.packet {
            self.rpc.packet(&packet, unit, context);
            return side.next();
        }
        let Some(packet) = header(unit) else {
            if !self.seen {
                context.not_mine();
                return Want::Nothing;
            }
            // A header may begin the next segment.
            side.searches += 1;
            return match (side.searches, unit.len()) {
                (MAX_SEARCHES.., _) => Want::Nothing,
                (_, HEADER) => Want::Any,
                _ => Want::Bytes(HEADER),
            };
        };
        self.seen = true;
        let wanted = needs(&packet);
        side.rest = packet.len - HEADER - wanted;
        if wanted == 0 {
            self.rpc.packet(&packet, &[], context);
            return side.next();
        }
        side.packet = Some(packet);
        Want::Bytes(wanted)
    }

    fn skipped(&mut self, peer: Peer, _context: &mut Context<'_>) -> Want {
        self.sides[peer.index()].next()
    }

    fn gap(&mut self, peer: Peer, _rest: &[u8], _missing: u64, _context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        (side.packet, side.rest) = (None, 0);
        Want::Bytes(HEADER)
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.rpc.end(context);
    }
}
