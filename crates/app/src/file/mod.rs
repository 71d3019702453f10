//! Files: what conversations carry that has a beginning and an end, as the log `files` tells of it.
//!
//! ```text
//!  begin ──▶ data: bytes that are there   ─┬─▶ end ──▶ record `files`
//!            passed: bytes nobody looks at │
//!                    or that were missed  ─┘
//! ```
//!
//! A session that finds a file begins a `File` and hands it what comes of it, in order. For its media type the first `kind::PREFIX` bytes are enough, so that
//! the rest may be skipped ([`crate::Want::Skip`]), unless hashes are asked for (`File::wants_all`). A byte that was not handed over ends the hashing of
//! that file: a hash is of all bytes, or there is none.
//!
//! What is held of a file is bounded: the first bytes, and the state of the hashes.

pub(crate) mod coding;
mod hash;
pub(crate) mod kind;

use portreeve_record::Fuid;
use portreeve_record::app::files::Files;

pub use hash::Hashes;

use crate::{Context, Peer};
use coding::{Coding, Inflater};
use hash::Hashers;

/// So many bytes of a file are asked for at a time where it is hashed.
pub(crate) const PIECE: usize = 16 << 10;

/// A file on its way.
pub(crate) struct File {
    record: Files,
    /// When its last bytes were seen.
    last: i64,
    /// Its first bytes, while they are too few to tell its type.
    prefix: Vec<u8>,
    /// Its type was looked for, or cannot be told.
    looked_at: bool,
    coding: Coding,
    hashers: Option<Box<Hashers>>,
    /// Between its bytes and the hashes, where it is compressed.
    inflater: Option<Box<Inflater>>,
}

/// What other logs say of a file.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) fuid: Fuid,
    pub(crate) mime_type: Option<&'static str>,
    pub(crate) filename: Option<Box<str>>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.record.fmt(f)
    }
}

impl File {
    /// A file that `peer` begins to send over the protocol that Zeek calls `source`.
    pub(crate) fn begin(source: &'static str, peer: Peer, context: &mut Context<'_>) -> Box<File> {
        let head = context.head(context.now());
        let is_orig = context.is_orig(peer);
        let record = Files {
            head,
            fuid: context.next_fuid(peer, head.uid),
            source,
            local_orig: context.is_local(if is_orig { head.orig_h } else { head.resp_h }),
            is_orig,
            ..Files::default()
        };
        Box::new(File {
            last: record.head.ts,
            record,
            prefix: Vec::new(),
            looked_at: false,
            coding: Coding::None,
            inflater: None,
            hashers: Hashers::new(context.hashes()),
        })
    }

    /// The same with an identifier that was made otherwise.
    pub(crate) fn set_fuid(&mut self, fuid: Fuid) {
        self.record.fuid = fuid;
    }

    /// Its identifier.
    pub(crate) fn fuid(&self) -> Fuid {
        self.record.fuid
    }

    /// Its name.
    pub(crate) fn set_name(&mut self, name: Option<Box<str>>) {
        self.record.filename = name;
    }

    /// How many bytes it has.
    pub(crate) fn set_total(&mut self, total: Option<u64>) {
        self.record.total_bytes = total;
    }

    /// Which of its connection's parts it is.
    pub(crate) fn set_depth(&mut self, depth: u64) {
        self.record.depth = depth;
    }

    /// Its first bytes say nothing of its type: it is compressed, or a later part of something.
    pub(crate) fn set_opaque(&mut self) {
        self.looked_at = true;
    }

    /// It is compressed on its way: its type and hashes are of what comes out.
    pub(crate) fn set_coding(&mut self, coding: Coding, context: &Context<'_>) {
        self.coding = coding;
        self.looked_at |= coding == Coding::Other;
        if coding == Coding::None || self.hashers.is_none() {
            return;
        }
        self.inflater = Inflater::new(coding, context.inflaters()).map(Box::new);
        if self.inflater.is_none() {
            self.hashers = None;
        }
    }

    /// It is a part of a larger file: its hash would be of nothing.
    pub(crate) fn set_partial(&mut self) {
        self.give_up_hashes();
        self.record.timedout = true;
    }

    /// How many of the next bytes are needed for its type.
    pub(crate) fn wanted(&self) -> usize {
        if self.looked_at {
            0
        } else {
            kind::PREFIX.saturating_sub(self.prefix.len())
        }
    }

    /// Whether all of its bytes are wanted.
    pub(crate) fn wants_all(&self) -> bool {
        self.hashers.is_some()
    }

    /// Bytes that were seen so far.
    pub(crate) fn seen(&self) -> u64 {
        self.record.seen_bytes
    }

    /// Its next bytes, of which the first came at `since`.
    pub(crate) fn data(&mut self, bytes: &[u8], since: i64, now: i64) {
        if bytes.is_empty() {
            return;
        }
        // What is not looked at from the front on began when it was announced, as far as is known.
        if self.record.seen_bytes == 0 && !self.looked_at {
            self.record.head.ts = since;
        }
        self.last = now;
        self.record.seen_bytes = self.record.seen_bytes.saturating_add(bytes.len() as u64);
        self.hash(bytes);
        if self.looked_at {
            return;
        }
        let all = self.record.total_bytes == Some(bytes.len() as u64);
        if self.prefix.is_empty() && (all || bytes.len() >= kind::PREFIX) {
            self.look(bytes);
            return;
        }
        let wanted = bytes.get(..self.wanted()).unwrap_or(bytes);
        self.prefix.extend_from_slice(wanted);
        if self.prefix.len() >= kind::PREFIX {
            self.look_at_prefix();
        }
    }

    fn hash(&mut self, bytes: &[u8]) {
        let Some(hashers) = &mut self.hashers else {
            return;
        };
        let Some(inflater) = &mut self.inflater else {
            hashers.update(bytes);
            return;
        };
        if inflater
            .feed(bytes, &mut |out| hashers.update(out))
            .is_err()
        {
            self.give_up_hashes();
        }
    }

    fn look(&mut self, bytes: &[u8]) {
        let prefix = bytes.get(..kind::PREFIX).unwrap_or(bytes);
        self.record.mime_type = self.coding.kind(prefix);
        self.looked_at = true;
    }

    fn look_at_prefix(&mut self) {
        let prefix = std::mem::take(&mut self.prefix);
        self.look(&prefix);
    }

    /// `seen` bytes went by that nobody looked at, and `missing` more were not there.
    pub(crate) fn passed(&mut self, seen: u64, missing: u64, now: i64) {
        if seen == 0 && missing == 0 {
            return;
        }
        self.last = now;
        let record = &mut self.record;
        record.seen_bytes = record.seen_bytes.saturating_add(seen);
        record.missing_bytes = record.missing_bytes.saturating_add(missing);
        self.give_up_hashes();
        if !self.looked_at {
            self.look_at_prefix();
        }
    }

    /// So many bytes more came of what was there before.
    pub(crate) fn overlapped(&mut self, bytes: u64) {
        let overflow = &mut self.record.overflow_bytes;
        *overflow = overflow.saturating_add(bytes);
    }

    /// So many bytes were not there, as it turned out.
    pub(crate) fn missed(&mut self, bytes: u64) {
        if bytes > 0 {
            self.record.missing_bytes = self.record.missing_bytes.saturating_add(bytes);
            self.give_up_hashes();
        }
    }

    /// Not all of its bytes come.
    pub(crate) fn give_up_hashes(&mut self) {
        self.hashers = None;
        self.inflater = None;
    }

    /// It is over: writes its record. `None` if nothing of it was seen.
    pub(crate) fn end(mut self, context: &mut Context<'_>) -> Option<Told> {
        if self.record.seen_bytes == 0 {
            return None;
        }
        if !self.looked_at {
            self.look_at_prefix();
        }
        let mut record = self.record;
        record.duration = self.last.saturating_sub(record.head.ts);
        if let Some(hashers) = self.hashers
            && record
                .total_bytes
                .is_none_or(|total| total == record.seen_bytes)
            && self.inflater.is_none_or(|inflater| inflater.is_whole())
        {
            hashers.finish(&mut record);
        }
        let told = Told {
            fuid: record.fuid,
            mime_type: record.mime_type,
            filename: record.filename.clone(),
        };
        context.emit(record);
        Some(told)
    }
}
