//! A connection for data: a file or a listing, from its beginning to its end.

use crate::file::File;
use crate::{Context, Peer, Session, Want};

/// The protocol's name in the log of files.
const SOURCE: &str = "FTP_DATA";

/// What one side sends.
#[derive(Default)]
enum Side {
    #[default]
    Nothing,
    File(Box<File>),
    /// The rest of it is not looked at.
    Passing(Box<File>),
    Over,
}

/// A connection for data.
#[derive(Default)]
pub(super) struct Data {
    sides: [Side; 2],
}

impl Data {
    /// The next bytes of `peer`'s file, and what is wanted of those behind them.
    fn bytes(&mut self, peer: Peer, bytes: &[u8], context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        let mut file = match std::mem::take(side) {
            Side::Nothing => File::begin(SOURCE, peer, context),
            Side::File(file) | Side::Passing(file) => file,
            Side::Over => return Want::Nothing,
        };
        file.data(bytes, context.now());
        if file.wants_all() || file.wanted() > 0 {
            *side = Side::File(file);
            Want::Any
        } else {
            *side = Side::Passing(file);
            Want::Skip(u64::MAX)
        }
    }
}

impl Session for Data {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        self.bytes(peer, unit, context)
    }

    fn gap(&mut self, peer: Peer, rest: &[u8], missing: u64, context: &mut Context<'_>) -> Want {
        let want = self.bytes(peer, rest, context);
        let side = &mut self.sides[peer.index()];
        if let Side::File(file) | Side::Passing(file) = side {
            file.passed(0, missing, context.now());
        }
        want
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        if !rest.is_empty() {
            let _ = self.bytes(peer, rest, context);
        }
        let skipped = context.skipped(peer);
        let side = &mut self.sides[peer.index()];
        match std::mem::replace(side, Side::Over) {
            Side::File(file) => {
                file.end(context);
            }
            Side::Passing(mut file) => {
                file.passed(skipped, 0, context.now());
                file.end(context);
            }
            Side::Nothing | Side::Over => {}
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        // Given up before it was closed.
        for side in &mut self.sides {
            if let Side::File(file) | Side::Passing(file) = std::mem::take(side) {
                file.end(context);
            }
        }
    }
}
