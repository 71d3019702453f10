//! Messages out of the stream: lengths, headers, and how much of each is looked at.

use super::state::{More, State};
use super::{smb1, smb2};
use crate::file::PIECE;
use crate::inbox::MAX_UNIT;
use crate::protocol::{Peer, Session, Want};
use crate::{Context, Reader};

/// The longest header: SMB2's. SMB1 messages may be shorter as a whole.
pub(super) const HEADER: usize = 64;
/// Bytes before each message: kind and length.
const PREFIX: usize = 4;
/// The most messages in a row that are encrypted before the conversation is left alone: shares may be encrypted one by one, a session as a whole.
const MAX_ENCRYPTED: u8 = 16;
/// How often a message is looked for after a loss.
const MAX_SEARCHES: u8 = 64;
/// Kinds of NetBIOS' session service (RFC 1002 section 4.3.1).
const SESSION_MESSAGE: u8 = 0;
const SESSION_REQUEST: u8 = 0x81;
const KEEP_ALIVE: u8 = 0x85;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Before a message's length.
    #[default]
    Prefix,
    /// Before a header.
    Header,
    /// Before what is looked at of a message.
    Body,
    /// Within what is not looked at.
    Rest,
    /// Within data of a file.
    Data,
    /// After a loss: before what may be a length and a header's first bytes.
    Search,
    /// After a loss: in the middle of something.
    Lost,
}

/// One peer's stream.
#[derive(Debug)]
struct Side {
    phase: Phase,
    /// Bytes behind the last length that were not yet asked for.
    left: usize,
    /// Bytes behind `Phase::Body` that nobody looks at.
    rest: usize,
    /// Before them, data of this file.
    more: Option<More>,
    header: [u8; HEADER],
    /// How many bytes of `header` are there.
    len: usize,
    searches: u8,
}

impl Default for Side {
    fn default() -> Self {
        Side {
            phase: Phase::Prefix,
            left: 0,
            rest: 0,
            more: None,
            header: [0; HEADER],
            len: 0,
            searches: 0,
        }
    }
}

impl Side {
    /// What is wanted at the end of a message.
    fn next(&mut self) -> Want {
        if let Some(more) = self.more.filter(|more| more.len > 0) {
            self.phase = Phase::Data;
            return Want::Bytes(more.len.min(PIECE as u64) as usize);
        }
        self.more = None;
        self.len = 0;
        if self.rest > 0 {
            self.phase = Phase::Rest;
            Want::Skip(std::mem::take(&mut self.rest) as u64)
        } else if self.left > 0 {
            self.phase = Phase::Header;
            Want::Bytes(self.left.min(HEADER))
        } else {
            self.phase = Phase::Prefix;
            Want::Bytes(PREFIX)
        }
    }

    fn skip_all(&mut self) -> Want {
        self.rest = std::mem::take(&mut self.left);
        self.next()
    }

    fn search(&mut self) -> Want {
        self.searches += 1;
        if self.searches > MAX_SEARCHES {
            return Want::Nothing;
        }
        self.phase = Phase::Search;
        Want::Bytes(PREFIX + 4)
    }
}

/// A conversation in SMB.
#[derive(Default)]
pub(super) struct Smb {
    sides: [Side; 2],
    encrypted: u8,
    state: Box<State>,
}

/// Kind and length.
fn prefix(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut reader = Reader::new(bytes);
    Some((reader.u8()?, reader.u24()? as usize))
}

impl Smb {
    fn header(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        side.left -= unit.len().min(side.left);
        let room = side.header.get_mut(side.len..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(unit) {
            *to = *from;
        }
        side.len = (side.len + unit.len()).min(HEADER);
        let header = side.header;
        let header = header.get(..side.len).unwrap_or_default();
        let (body, wanted) = match header {
            [0xff, b'S', b'M', b'B', ..] => {
                (side.left, smb1::needs(header, side.left, &self.state))
            }
            [0xfe, b'S', b'M', b'B', ..] if header.len() == HEADER => {
                let next = smb2::next(header).saturating_sub(HEADER);
                let body = if next == 0 {
                    side.left
                } else {
                    next.min(side.left)
                };
                (body, smb2::needs(header, body, &self.state))
            }
            [0xfd, b'S', b'M', b'B', ..] => {
                self.encrypted += 1;
                if self.encrypted >= MAX_ENCRYPTED {
                    context.done();
                }
                return side.skip_all();
            }
            [0xfc, b'S', b'M', b'B', ..] => return side.skip_all(),
            _ if side.searches > 0 => return side.search(),
            _ => return side.skip_all(),
        };
        self.encrypted = 0;
        let wanted = wanted.min(body).min(MAX_UNIT);
        side.left -= body;
        side.rest = body - wanted;
        if wanted == 0 {
            return self.body(peer, &[], context);
        }
        side.phase = Phase::Body;
        Want::Bytes(wanted)
    }

    fn body(&mut self, peer: Peer, body: &[u8], context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        let header = side.header;
        let header = header.get(..side.len).unwrap_or_default();
        let more = if header.first() == Some(&0xfe) {
            smb2::message(header, body, &mut self.state, context)
        } else {
            smb1::message(&[header, body].concat(), &mut self.state, context)
        };
        let side = &mut self.sides[peer.index()];
        // A message that says it has more than its length leaves room for is not believed.
        side.more = more.map(|more| More {
            len: more.len.min(side.rest as u64),
            ..more
        });
        side.rest -= side.more.map_or(0, |more| more.len as usize);
        side.next()
    }

    /// The next data of a file.
    fn data(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        if let Some(more) = &mut side.more {
            more.len = more.len.saturating_sub(unit.len() as u64);
            let file = more.file;
            self.state.more(peer, file, unit, context);
        }
        self.sides[peer.index()].next()
    }
}

impl Session for Smb {
    fn start(&mut self, _peer: Peer) -> Want {
        Want::Bytes(PREFIX)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        match side.phase {
            Phase::Prefix => match prefix(unit) {
                Some((SESSION_MESSAGE, len)) => {
                    side.left = len;
                    side.next()
                }
                Some((SESSION_REQUEST..=KEEP_ALIVE, len)) => {
                    side.left = len;
                    side.skip_all()
                }
                _ => side.search(),
            },
            Phase::Header => self.header(peer, unit, context),
            Phase::Body => self.body(peer, unit, context),
            Phase::Data => self.data(peer, unit, context),
            Phase::Rest | Phase::Lost => side.search(),
            Phase::Search => match (prefix(unit), unit.get(PREFIX..)) {
                (Some((SESSION_MESSAGE, len)), Some(magic @ [0xfc..=0xff, b'S', b'M', b'B']))
                    if len > magic.len() =>
                {
                    side.searches = 0;
                    side.left = len - magic.len();
                    side.len = magic.len();
                    for (to, from) in side.header.iter_mut().zip(magic) {
                        *to = *from;
                    }
                    side.phase = Phase::Header;
                    Want::Bytes(side.left.min(HEADER - magic.len()))
                }
                _ => {
                    side.phase = Phase::Lost;
                    Want::Any
                }
            },
        }
    }

    fn skipped(&mut self, peer: Peer, _context: &mut Context<'_>) -> Want {
        self.sides[peer.index()].next()
    }

    fn gap(&mut self, peer: Peer, _rest: &[u8], _missing: u64, _context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        (side.left, side.rest, side.len) = (0, 0, 0);
        if let Some(more) = side.more.take() {
            self.state.broken(peer, more.file);
        }
        let side = &mut self.sides[peer.index()];
        side.search()
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.state.end(context);
    }
}
