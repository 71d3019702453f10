//! Files that are read or written piece by piece, in any order.

use crate::file::File;
use crate::{Context, Peer};

/// The protocol's name in the log of files.
const SOURCE: &str = "SMB";

/// What of an open file goes one way.
#[derive(Debug)]
pub(super) struct Transfer {
    file: Box<File>,
    /// Where the next byte belongs.
    at: u64,
    /// The end of what was carried so far.
    reach: u64,
}

impl Transfer {
    /// One that `peer` begins to send: of a file of this name, with so many bytes.
    pub(super) fn begin(
        peer: Peer,
        name: Option<Box<str>>,
        size: u64,
        context: &mut Context<'_>,
    ) -> Transfer {
        let mut file = File::begin(SOURCE, peer, context);
        file.set_name(name);
        file.set_total((size > 0).then_some(size));
        Transfer {
            file,
            at: 0,
            reach: 0,
        }
    }

    pub(super) fn fuid(&self) -> portreeve_record::Fuid {
        self.file.fuid()
    }

    /// What comes next belongs at `offset`.
    pub(super) fn seek(&mut self, offset: u64) {
        self.at = offset;
        // A type is told by the front alone.
        if self.reach == 0 && offset > 0 {
            self.file.set_opaque();
        }
    }

    /// Whether all of its bytes are wanted.
    pub(super) fn wants_all(&self) -> bool {
        self.file.wants_all() && self.at == self.reach
    }

    /// The next bytes.
    pub(super) fn data(&mut self, bytes: &[u8], context: &Context<'_>) {
        if self.at != self.reach {
            return self.pass(bytes.len() as u64, context.now());
        }
        self.file.data(bytes, context.since(), context.now());
        self.at = self.at.saturating_add(bytes.len() as u64);
        self.reach = self.at;
    }

    /// So many bytes went by.
    pub(super) fn pass(&mut self, len: u64, now: i64) {
        let end = self.at.saturating_add(len);
        let beyond = end.saturating_sub(self.at.max(self.reach));
        let within = len - beyond.min(len);
        // What comes late fills holes, as long as there are some; the rest was there before.
        let holes = self.reach.saturating_sub(self.file.seen());
        let late = within.min(holes);
        self.file.passed(beyond.saturating_add(late), 0, now);
        self.file.overlapped(within - late);
        self.at = end;
        self.reach = self.reach.max(end);
    }

    /// Bytes of it were never seen.
    pub(super) fn broken(&mut self) {
        self.file.give_up_hashes();
    }

    /// Nothing more of it comes.
    pub(super) fn end(mut self, context: &mut Context<'_>) {
        let missing = self.reach.saturating_sub(self.file.seen());
        self.file.missed(missing);
        self.file.end(context);
    }
}
