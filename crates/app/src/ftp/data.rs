//! A connection for data: a file or a listing, from its beginning to its end.

use portreeve_record::app::files::{FTP_DATA, UNCLAIMED};

use crate::file::File;
use crate::{Context, Peer, Session, Want};

/// What one side sends.
#[derive(Default)]
enum Side {
    #[default]
    Nothing,
    File(Box<File>),
    /// The rest of it is not looked at.
    Passing(Box<File>),
    /// It is whole: to be told when the connection is over.
    Whole(Box<File>),
    Over,
}

/// A connection for data.
pub(super) struct Data {
    source: &'static str,
    sides: [Side; 2],
}

impl Data {
    /// One that FTP's own port tells.
    pub(super) fn of_ftp() -> Data {
        Data {
            source: FTP_DATA,
            sides: Default::default(),
        }
    }

    /// One that may be FTP's, or anybody's: what it carries is told of when it is over, if one side alone has sent something.
    pub(super) fn unclaimed() -> Data {
        Data {
            source: UNCLAIMED,
            sides: Default::default(),
        }
    }

    fn is_unclaimed(&self) -> bool {
        self.source == UNCLAIMED
    }

    /// The next bytes of `peer`'s file, and what is wanted of those behind them.
    fn bytes(&mut self, peer: Peer, bytes: &[u8], context: &mut Context<'_>) -> Want {
        let other = &self.sides[peer.other().index()];
        if self.is_unclaimed() && !matches!(other, Side::Nothing) {
            // They talk: FTP's data goes one way.
            self.sides = [Side::Over, Side::Over];
            context.done();
            return Want::Nothing;
        }
        let side = &mut self.sides[peer.index()];
        let mut file = match std::mem::take(side) {
            Side::Nothing => File::begin(self.source, peer, context),
            Side::File(file) | Side::Passing(file) => file,
            over => {
                *side = over;
                return Want::Nothing;
            }
        };
        file.data(bytes, context.since(), context.now());
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
        let waits = self.is_unclaimed();
        let side = &mut self.sides[peer.index()];
        let file = match std::mem::take(side) {
            Side::File(file) => file,
            Side::Passing(mut file) => {
                file.passed(skipped, 0, context.now());
                file
            }
            // Who says nothing may well close first.
            Side::Nothing if waits => return,
            Side::Nothing | Side::Whole(_) | Side::Over => {
                *side = Side::Over;
                return;
            }
        };
        if waits {
            *side = Side::Whole(file);
        } else {
            *side = Side::Over;
            file.end(context);
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        // Given up before it was closed, or to be told only now.
        for side in &mut self.sides {
            if let Side::File(file) | Side::Passing(file) | Side::Whole(file) = std::mem::take(side)
            {
                file.end(context);
            }
        }
    }
}
