//! Where one side of a connection stands.

use super::content::Content;
use crate::file::{File, PIECE};
use crate::mime::Entities;
use crate::protocol::Want;

/// The most bytes of a line that are looked at; the rest of it is thrown away.
pub(super) const MAX_LINE: usize = 8 << 10;
/// The most bytes in which a message is looked for, after the place in the stream was lost.
const MAX_ADRIFT: usize = 64 << 10;
/// So much of a multipart is taken apart where nothing is hashed.
pub(super) const MAX_MULTIPART: u64 = 64 << 10;
/// The length of content that ends with the connection.
pub(super) const TO_THE_END: u64 = u64::MAX;

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// A start line.
    #[default]
    Start,
    /// A field, or the empty line behind the last.
    Fields,
    /// The first `len` bytes of content, to be looked at; then `behind` more.
    Prefix { len: usize, behind: u64 },
    /// So many bytes of content that nobody looks at.
    Content(u64),
    /// So many bytes of content that are all looked at: a file that is hashed, a multipart that is taken apart.
    Body(u64),
    /// A chunk's size.
    ChunkSize,
    /// The end of a chunk's line.
    ChunkEnd,
    /// Fields behind the last chunk.
    Trailers,
    /// Something: the place in the stream was lost. A message is looked for in so many bytes more.
    Adrift(usize),
    /// Nothing any more.
    Over,
}

/// What an upgrade leads to (RFC 9110 section 7.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    WebSocket,
    Http2,
    Other,
}

/// What a Content-Range says (RFC 9110 section 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// Where in the whole the content begins.
    pub(crate) first: u64,
    /// How long the whole is.
    pub(crate) total: Option<u64>,
}

/// What a message's content is.
#[derive(Debug, Default)]
pub(super) enum Carries {
    /// There is none, or it has not begun.
    #[default]
    Nothing,
    File(Box<File>),
    Parts(Box<Entities>),
}

/// What is known of the message that is being sent.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) chunked: bool,
    /// The boundary of a multipart.
    pub(super) boundary: Option<Box<[u8]>>,
    pub(super) carries: Carries,
    /// Hashes are asked for.
    pub(super) hashed: bool,
    pub(super) upgrade: Option<Upgrade>,
    pub(super) body_len: u64,
}

impl Message {
    /// Whether more of a multipart is to be taken apart.
    pub(super) fn is_taken_apart(&self) -> bool {
        self.hashed || self.body_len < MAX_MULTIPART
    }
}

/// One side of a connection.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) state: State,
    pub(super) message: Message,
    /// The line that is coming was too long: what comes of it is thrown away.
    pub(super) in_long_line: bool,
}

impl Side {
    /// What is wanted, standing here.
    pub(super) fn want(&self) -> Want {
        match self.state {
            State::Fields => Want::Field(MAX_LINE),
            State::Start
            | State::ChunkSize
            | State::ChunkEnd
            | State::Trailers
            | State::Adrift(_) => Want::Line(MAX_LINE),
            State::Prefix { len, .. } => Want::Bytes(len),
            State::Content(len) => Want::Skip(len),
            State::Body(TO_THE_END) => Want::Any,
            State::Body(len) => Want::Bytes(len.min(PIECE as u64) as usize),
            State::Over => Want::Nothing,
        }
    }

    /// The place in the stream is lost.
    pub(super) fn set_adrift(&mut self) {
        self.state = State::Adrift(MAX_ADRIFT);
        self.in_long_line = false;
    }

    /// So many bytes of content begin (of a chunk, or all).
    pub(super) fn content(&mut self, len: u64) {
        let wanted = match &self.message.carries {
            Carries::Nothing => 0,
            // The front comes first, with or without hashes, so that both tell the same time.
            Carries::File(file) if file.wanted() == 0 && file.wants_all() => {
                self.state = State::Body(len);
                return;
            }
            Carries::File(file) => file.wanted(),
            Carries::Parts(_) if self.message.is_taken_apart() => {
                self.state = State::Body(len);
                return;
            }
            Carries::Parts(_) => 0,
        };
        let prefix = len.min(wanted as u64);
        self.state = match len - prefix {
            _ if prefix == 0 => State::Content(len),
            _ if len == TO_THE_END => State::Prefix {
                len: wanted,
                behind: TO_THE_END,
            },
            behind => State::Prefix {
                len: prefix as usize,
                behind,
            },
        };
    }
}
