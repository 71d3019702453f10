//! Streams that are open: each a request and its response.

use std::collections::VecDeque;

use portreeve_record::app::http::Http;

use crate::Context;
use crate::file::{File, PIECE};
use crate::http::content::Content;
use crate::http::fields::{self, Name, kept, note_target};
use crate::protocol::Peer;

/// The most streams that are followed at a time: when there are more, the oldest is written as it is.
const MAX_STREAMS: usize = 100;
/// The most bytes of texts that a stream's record takes: fields behind them are left out.
const MAX_RECORD: usize = 8 << 10;
/// The most bytes of texts that open streams hold together: when there are more, the oldest is written as it is.
const MAX_TEXTS: usize = 64 << 10;

/// A request and its response, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) id: u32,
    record: Http,
    sides: [Half; 2],
    /// Bytes of the fields that were noted.
    noted: usize,
}

/// What one side sent of a stream.
#[derive(Debug, Default)]
struct Half {
    /// Its fields have come; what comes now are trailers.
    has_fields: bool,
    ended: bool,
    /// What its fields say of its content.
    said: Content,
    /// Its content, once some has come.
    file: Option<Box<File>>,
}

/// The streams of a connection that are not yet written, oldest first.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: VecDeque<Box<Stream>>,
    depth: u64,
    /// The highest numbers that were begun, by promises (even) and by requests (odd).
    begun: [u32; 2],
    /// The first stream was open. An upgrade opens it without a request of its own (RFC 7540 section 3.2).
    first_was: bool,
}

impl Streams {
    fn position(&self, id: u32) -> Option<usize> {
        self.open.iter().position(|stream| stream.id == id)
    }

    /// The stream of that number.
    pub(super) fn get(&mut self, id: u32) -> Option<&mut Stream> {
        let at = self.position(id)?;
        self.open.get_mut(at).map(|boxed| &mut **boxed)
    }

    /// Whether the stream of that number was open and is no more: what comes of it was under way when it was given up (RFC 9113 section 5.1).
    fn is_closed(&self, id: u32) -> bool {
        id <= self.begun[(id & 1) as usize] && (id != 1 || self.first_was)
    }

    /// The same, opened for what `peer` says if it is not there. `None` if it was.
    pub(super) fn open(
        &mut self,
        id: u32,
        peer: Peer,
        context: &mut Context<'_>,
    ) -> Option<&mut Stream> {
        if self.position(id).is_none() {
            if self.is_closed(id) {
                return None;
            }
            self.first_was |= id == 1;
            let noted: usize = self.open.iter().map(|stream| stream.noted).sum();
            if self.open.len() >= MAX_STREAMS || noted > MAX_TEXTS {
                self.write(0, context);
            }
            self.depth += 1;
            let mut stream = Box::<Stream>::default();
            stream.id = id;
            stream.record.head = context.head(context.now());
            stream.record.trans_depth = self.depth;
            self.open.push_back(stream);
        }
        if peer == Peer::Client {
            let begun = &mut self.begun[(id & 1) as usize];
            *begun = id.max(*begun);
        }
        self.get(id)
    }

    /// `peer` has no more for this stream. When neither has, it is written.
    pub(super) fn ended(&mut self, id: u32, peer: Peer, context: &mut Context<'_>) {
        let Some(at) = self.position(id) else {
            return;
        };
        if let Some(stream) = self.open.get_mut(at) {
            stream.sides[peer.index()].ended = true;
            stream.file_ends(peer, true, context);
            if stream.sides.iter().all(|half| half.ended) {
                self.write(at, context);
            }
        }
    }

    /// The stream was given up by one of them.
    pub(super) fn reset(&mut self, id: u32, context: &mut Context<'_>) {
        if let Some(at) = self.position(id) {
            self.write(at, context);
        }
    }

    fn write(&mut self, at: usize, context: &mut Context<'_>) {
        if let Some(stream) = self.open.remove(at) {
            stream.write(context);
        }
    }

    /// Writes all there are.
    pub(super) fn end(&mut self, context: &mut Context<'_>) {
        for stream in self.open.drain(..) {
            stream.write(context);
        }
    }
}

impl Stream {
    /// Whether `peer`'s fields have come already.
    pub(super) fn has_fields(&self, peer: Peer) -> bool {
        self.sides[peer.index()].has_fields
    }

    /// A block of `peer`'s fields is whole.
    pub(super) fn fields_end(&mut self, peer: Peer) {
        let interim = matches!(self.record.status_code, Some(100..=199));
        if peer == Peer::Client || !interim {
            self.sides[peer.index()].has_fields = true;
        } else {
            // What an interim response says is not of the content that comes.
            self.sides[peer.index()].said = Content::default();
        }
    }

    /// One of `peer`'s fields.
    pub(super) fn field(&mut self, peer: Peer, name: &[u8], value: &[u8]) {
        let pseudo = name.first() == Some(&b':');
        let known = Name::of(name);
        if !pseudo && (known.is_none() || self.noted > MAX_RECORD) {
            return;
        }
        self.noted += value.len();
        let record = &mut self.record;
        match (peer, name) {
            (Peer::Client, b":method") => record.method = Some(kept(value)),
            (Peer::Client, b":path") => note_target(record, value),
            (Peer::Client, b":authority") => record.host = Some(kept(without_user(value))),
            (Peer::Server, b":status") => {
                let code = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                record.status_code = code;
                record.version = Some("2");
                if matches!(code, Some(100..=199)) {
                    record.info_code = code;
                }
            }
            _ => {
                match known {
                    // `:authority` stands for it.
                    Some(Name::Host) if record.host.is_some() => {}
                    Some(name) => {
                        fields::note(record, peer, name, value);
                        self.sides[peer.index()].said.note(name, value);
                    }
                    None => {}
                }
            }
        }
    }

    /// How many of the next bytes of `peer`'s content are to be looked at, some of which have come: it is a file from here on.
    pub(super) fn wanted(&mut self, peer: Peer, context: &mut Context<'_>) -> usize {
        let half = &mut self.sides[peer.index()];
        if half.ended {
            return 0;
        }
        let file = half.file.get_or_insert_with(|| {
            let said = &half.said;
            said.file(peer, said.length, Some(&self.record), context)
        });
        match file.wanted() {
            0 if file.wants_all() => PIECE,
            wanted => wanted,
        }
    }

    /// The next bytes of `peer`'s content.
    pub(super) fn data(&mut self, peer: Peer, bytes: &[u8], context: &Context<'_>) {
        self.count(peer, bytes.len() as u64);
        if let Some(file) = &mut self.sides[peer.index()].file {
            file.data(bytes, context.since(), context.now());
        }
    }

    /// Content of `peer` went by that nobody looked at, or was missed.
    pub(super) fn passed(&mut self, peer: Peer, seen: u64, missing: u64, now: i64) {
        self.count(peer, seen.saturating_add(missing));
        if let Some(file) = &mut self.sides[peer.index()].file {
            file.passed(seen, missing, now);
        }
    }

    /// `peer` sent so many bytes of content.
    fn count(&mut self, peer: Peer, len: u64) {
        let place = match peer {
            Peer::Client => &mut self.record.request_body_len,
            Peer::Server => &mut self.record.response_body_len,
        };
        *place = place.saturating_add(len);
    }

    /// Nothing more comes of `peer`'s content; whether that is by its own word.
    fn file_ends(&mut self, peer: Peer, whole: bool, context: &mut Context<'_>) {
        let Some(mut file) = self.sides[peer.index()].file.take() else {
            return;
        };
        if !whole {
            file.give_up_hashes();
        }
        let Some(told) = file.end(context) else {
            return;
        };
        let content = match peer {
            Peer::Client => &mut self.record.orig,
            Peer::Server => &mut self.record.resp,
        };
        content.fuids.push(told.fuid);
        content.filenames.extend(told.filename);
        content.mime_types.extend(told.mime_type.map(Into::into));
    }

    /// Writes its record, and those of its files.
    fn write(mut self: Box<Self>, context: &mut Context<'_>) {
        for peer in [Peer::Client, Peer::Server] {
            self.file_ends(peer, false, context);
        }
        context.emit(self.record);
    }
}

/// An authority without the user, who may come with a password (RFC 3986 section 3.2.1).
fn without_user(authority: &[u8]) -> &[u8] {
    let at = authority.iter().rposition(|&byte| byte == b'@');
    at.and_then(|at| authority.get(at + 1..))
        .unwrap_or(authority)
}
