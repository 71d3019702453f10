//! Streams that are open: each a request and its response.

use std::collections::VecDeque;

use portreeve_record::app::http::Http;

use crate::Context;
use crate::file::kind;
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
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    /// Its fields have come; what comes now are trailers.
    has_fields: bool,
    opaque: bool,
    looked_at: bool,
    ended: bool,
}

/// The streams of a connection that are not yet written, oldest first.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: VecDeque<Box<Stream>>,
    depth: u64,
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

    /// The same, opened if it is not there.
    pub(super) fn open(&mut self, id: u32, context: &mut Context<'_>) -> Option<&mut Stream> {
        if self.position(id).is_none() {
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
        self.get(id)
    }

    /// `peer` has no more for this stream. When neither has, it is written.
    pub(super) fn ended(&mut self, id: u32, peer: Peer, context: &mut Context<'_>) {
        let Some(at) = self.position(id) else {
            return;
        };
        if let Some(stream) = self.open.get_mut(at) {
            stream.sides[peer.index()].ended = true;
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
            context.emit(stream.record);
        }
    }

    /// Writes all there are.
    pub(super) fn end(&mut self, context: &mut Context<'_>) {
        for stream in self.open.drain(..) {
            context.emit(stream.record);
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
                    Some(Name::ContentEncoding | Name::ContentRange) => {
                        self.sides[peer.index()].opaque = true;
                    }
                    // `:authority` stands for it.
                    Some(Name::Host) if record.host.is_some() => {}
                    Some(name) => fields::note(record, peer, name, value),
                    None => {}
                }
            }
        }
    }

    /// Whether the first bytes of `peer`'s content are still to be looked at.
    pub(super) fn wants_prefix(&self, peer: Peer) -> bool {
        let half = self.sides[peer.index()];
        !half.opaque && !half.looked_at
    }

    /// The first bytes of `peer`'s content.
    pub(super) fn look_at(&mut self, peer: Peer, prefix: &[u8]) {
        self.sides[peer.index()].looked_at = true;
        let content = match peer {
            Peer::Client => &mut self.record.orig,
            Peer::Server => &mut self.record.resp,
        };
        content.mime_types.extend(kind::of(prefix).map(Into::into));
    }

    /// `peer` sent so many bytes of content.
    pub(super) fn content(&mut self, peer: Peer, len: u64) {
        let place = match peer {
            Peer::Client => &mut self.record.request_body_len,
            Peer::Server => &mut self.record.response_body_len,
        };
        *place = place.saturating_add(len);
    }
}

/// An authority without the user, who may come with a password (RFC 3986 section 3.2.1).
fn without_user(authority: &[u8]) -> &[u8] {
    let at = authority.iter().rposition(|&byte| byte == b'@');
    at.and_then(|at| authority.get(at + 1..))
        .unwrap_or(authority)
}
