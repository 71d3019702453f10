//! MIME (RFC 2045, RFC 2046): the entities of a message, in mail and in HTTP's multipart content, as files.
//!
//! ```text
//!  headers ─ empty line ─▶ body ─┬─ multipart: entities, a boundary before each   ─▶ headers …
//!                                ├─ message: an entity                            ─▶ headers …
//!                                └─ all others: a file, decoded
//! ```
//!
//! A message is read line by line, once, and what is held of it is bounded: a line, a header, the boundaries of the multiparts that are open.

pub(crate) mod base64;
mod header;
mod quoted;
#[cfg(test)]
mod tests;

pub(crate) use header::{Kind, kind};

use memchr::memchr;

use crate::file::{File, Told};
use crate::{Context, Peer};
use header::{Encoding, Headers};

/// The most bytes of a line that are taken together.
pub(crate) const MAX_LINE: usize = 4096;
/// The most bytes of a header; what is beyond is left out.
const MAX_HEADER: usize = 8192;
/// The most multiparts within each other. What is deeper is one file.
const MAX_OPEN: usize = 8;
/// The most entities of a message: those beyond belong to the last.
const MAX_ENTITIES: u32 = 1000;
/// The most files of a message that are told to other logs.
const MAX_TOLD: usize = 100;

/// Where in a message one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Headers,
    /// The content of a file.
    Content,
    /// Before the first boundary of a multipart, or behind its last.
    Between,
}

/// The entities of a message.
#[derive(Debug)]
pub(crate) struct Entities {
    source: &'static str,
    /// How many entities the connection had before this message; without it they are not counted.
    depth: Option<u64>,
    entities: u32,
    place: Place,
    /// The boundaries of the multiparts that are open, outermost first.
    open: Vec<Box<[u8]>>,
    /// The entity at hand lies directly in a multipart: its last line end is the boundary's. That of a message in a multipart is its own, as in Zeek.
    in_multipart: bool,
    headers: Headers,
    /// The header at hand.
    header: Vec<u8>,
    /// A line that is not whole.
    line: Vec<u8>,
    /// The next bytes begin a line.
    begins: bool,
    /// A line end that belongs to the content if more of it comes: the one before a boundary is the boundary's (RFC 2046 section 5.1.1).
    line_end: &'static [u8],
    decoder: base64::Decoder,
    decoded: Vec<u8>,
    file: Option<Box<File>>,
    told: Vec<Told>,
}

impl Entities {
    /// A mail, with headers at its front. Its entities are counted on from `depth`.
    pub(crate) fn mail(source: &'static str, depth: u64) -> Entities {
        Entities {
            depth: Some(depth + 1),
            ..Entities::new(source)
        }
    }

    /// The content of a multipart whose headers were read elsewhere.
    pub(crate) fn multipart(source: &'static str, boundary: Box<[u8]>) -> Entities {
        Entities {
            place: Place::Between,
            open: vec![boundary],
            ..Entities::new(source)
        }
    }

    fn new(source: &'static str) -> Entities {
        Entities {
            source,
            depth: None,
            entities: 0,
            place: Place::Headers,
            open: Vec::new(),
            in_multipart: false,
            headers: Headers::default(),
            header: Vec::new(),
            line: Vec::new(),
            begins: true,
            line_end: b"",
            decoder: base64::Decoder::default(),
            decoded: Vec::new(),
            file: None,
            told: Vec::new(),
        }
    }

    /// How many entities the connection had up to now.
    pub(crate) fn depth(&self) -> u64 {
        self.depth.unwrap_or_default()
    }

    /// The next bytes of `peer`. They need not be whole lines.
    pub(crate) fn data(&mut self, peer: Peer, mut bytes: &[u8], context: &mut Context<'_>) {
        while !bytes.is_empty() {
            let room = MAX_LINE.saturating_sub(self.line.len());
            let window = bytes.get(..room).unwrap_or(bytes);
            let end = memchr(b'\n', window);
            let len = end.map_or(window.len(), |at| at + 1);
            let (piece, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
            bytes = rest;
            let whole = end.is_some() || len == room;
            if whole && self.line.is_empty() {
                self.piece(peer, piece, context);
                continue;
            }
            self.line.extend_from_slice(piece);
            if whole {
                let line = std::mem::take(&mut self.line);
                self.piece(peer, &line, context);
                self.line = line;
                self.line.clear();
            }
        }
    }

    /// `missing` bytes of the message were never seen.
    pub(crate) fn gap(&mut self, peer: Peer, missing: u64, context: &mut Context<'_>) {
        self.flush(peer, context);
        self.begins = false;
        if self.place == Place::Headers {
            self.place = Place::Between;
        }
        if let Some(file) = &mut self.file {
            file.passed(0, missing, context.now());
        }
    }

    /// `seen` bytes went by that are not taken apart.
    pub(crate) fn passed(&mut self, seen: u64, missing: u64, context: &Context<'_>) {
        if let Some(file) = &mut self.file {
            file.passed(seen, missing, context.now());
        }
    }

    /// The message is over. The files that it had.
    pub(crate) fn end(&mut self, peer: Peer, context: &mut Context<'_>) -> Vec<Told> {
        self.flush(peer, context);
        self.end_file(context);
        std::mem::take(&mut self.told)
    }

    fn flush(&mut self, peer: Peer, context: &mut Context<'_>) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.piece(peer, &line, context);
        }
    }

    /// A line, or the next piece of one that is too long.
    fn piece(&mut self, peer: Peer, piece: &[u8], context: &mut Context<'_>) {
        let ends = piece.ends_with(b"\n");
        let begins = std::mem::replace(&mut self.begins, ends);
        let line = if ends {
            crate::text::line(piece)
        } else {
            piece
        };
        if begins && line.starts_with(b"--") && self.boundary(line, context) {
            return;
        }
        match self.place {
            Place::Headers if !begins => self.more_header(line),
            Place::Headers if line.is_empty() => self.headers_end(),
            Place::Headers if matches!(line.first(), Some(b' ' | b'\t')) => self.more_header(line),
            Place::Headers => {
                self.header_ends();
                self.more_header(line);
            }
            Place::Content => {
                // As it was sent: content need not be text.
                let end: &'static [u8] = match piece.len() - line.len() {
                    0 => b"",
                    1 => b"\n",
                    _ => b"\r\n",
                };
                self.content(peer, line, end, context);
            }
            Place::Between => {}
        }
    }

    fn more_header(&mut self, bytes: &[u8]) {
        let room = MAX_HEADER.saturating_sub(self.header.len());
        self.header
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn header_ends(&mut self) {
        if !self.header.is_empty() {
            self.headers.add(&self.header);
            self.header.clear();
        }
    }

    fn headers_end(&mut self) {
        self.header_ends();
        self.place = Place::Content;
        match std::mem::take(&mut self.headers.kind) {
            Kind::Leaf => {}
            Kind::Multipart(boundary) if self.open.len() < MAX_OPEN => {
                self.open.push(boundary);
                self.place = Place::Between;
            }
            Kind::Message if self.entities < MAX_ENTITIES => self.begin_entity(false),
            Kind::Multipart(_) | Kind::Message => {}
        }
    }

    fn begin_entity(&mut self, in_multipart: bool) {
        self.entities += 1;
        if let Some(depth) = &mut self.depth {
            *depth += 1;
        }
        self.in_multipart = in_multipart;
        self.headers = Headers::default();
        self.header.clear();
        self.place = Place::Headers;
    }

    /// Whether a line that begins with two dashes is a boundary of a multipart that is open, and what that means.
    fn boundary(&mut self, line: &[u8], context: &mut Context<'_>) -> bool {
        let behind = line.get(2..).unwrap_or_default();
        let found = self.open.iter().enumerate().find_map(|(at, boundary)| {
            let rest = behind.strip_prefix(&**boundary)?;
            Some((at, rest.starts_with(b"--")))
        });
        let Some((at, is_last)) = found else {
            return false;
        };
        if self.entities >= MAX_ENTITIES {
            return true;
        }
        self.end_file(context);
        if is_last {
            self.open.truncate(at);
            self.place = Place::Between;
        } else {
            self.open.truncate(at + 1);
            self.begin_entity(true);
        }
        true
    }

    /// A line of content, and what it ends with.
    fn content(&mut self, peer: Peer, line: &[u8], end: &'static [u8], context: &mut Context<'_>) {
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        decoded.extend_from_slice(std::mem::take(&mut self.line_end));
        let ends = match self.headers.encoding {
            Encoding::Base64 => {
                self.decoder.decode(line, &mut decoded);
                false
            }
            Encoding::QuotedPrintable => quoted::decode(line, !end.is_empty(), &mut decoded),
            Encoding::None => {
                decoded.extend_from_slice(line);
                true
            }
        };
        if ends && !self.in_multipart {
            decoded.extend_from_slice(end);
        } else if ends {
            self.line_end = end;
        }
        self.bytes(peer, &decoded, context);
        self.decoded = decoded;
    }

    /// The next bytes of the file at hand, which begins with them if there is none.
    fn bytes(&mut self, peer: Peer, bytes: &[u8], context: &mut Context<'_>) {
        if bytes.is_empty() {
            return;
        }
        let file = self.file.get_or_insert_with(|| {
            let mut file = File::begin(self.source, peer, context);
            file.set_name(self.headers.filename.take());
            file.set_depth(self.depth.unwrap_or_default());
            file
        });
        file.data(bytes, context.now(), context.now());
    }

    fn end_file(&mut self, context: &mut Context<'_>) {
        self.line_end = b"";
        self.decoder = base64::Decoder::default();
        let told = self.file.take().and_then(|file| file.end(context));
        if self.told.len() < MAX_TOLD {
            self.told.extend(told);
        }
    }
}
