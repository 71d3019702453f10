//! Messages of SMB1 ([MS-CIFS] section 2.2, [MS-SMB] section 2.2).

use portreeve_record::app::smb_files::SmbTimes;

use super::state::{Handle, More, Pending, Share, State, unix};
use crate::file::kind::PREFIX;
use crate::text::text;
use crate::utf16::{len_before_nul, utf16};
use crate::{Context, Peer, Reader};

/// The shortest message: a header, no words, no bytes.
const HEADER: usize = 32;
const CLOSE: u8 = 0x04;
const TRANSACTION: u8 = 0x25;
const READ_ANDX: u8 = 0x2e;
const WRITE_ANDX: u8 = 0x2f;
const NEGOTIATE: u8 = 0x72;
const SESSION_SETUP_ANDX: u8 = 0x73;
const TREE_CONNECT_ANDX: u8 = 0x75;
const TREE_DISCONNECT: u8 = 0x71;
const NT_CREATE_ANDX: u8 = 0xa2;
/// No command follows.
const NO_ANDX: u8 = 0xff;
/// The most commands of one message.
const MAX_CHAIN: usize = 8;
/// Commands with names or tokens are looked at so far.
const MAX_MESSAGE: usize = 64 << 10;
/// Words of a read or write, with what is around them, are looked at so far.
const MAX_WORDS: usize = 64;
/// The most dialects that are looked at of an offer.
const MAX_DIALECTS: usize = 32;
/// Texts are in UTF-16.
const UNICODE: u16 = 0x8000;
/// Authentication goes by tokens of GSS-API.
const EXTENDED_SECURITY: u16 = 0x0800;
const MORE_PROCESSING_REQUIRED: u32 = 0xc000_0016;
const BUFFER_OVERFLOW: u32 = 0x8000_0005;
/// TRANS_TRANSACT_NMPIPE: a write and a read of a pipe at once.
const TRANSACT_PIPE: u16 = 0x26;
/// FILE_DELETE_ON_CLOSE among the options of NT_CREATE_ANDX.
const DELETE_ON_CLOSE: u32 = 0x1000;

struct Header {
    command: u8,
    status: u32,
    is_response: bool,
    flags: u16,
    tree: u64,
    message: u64,
}

fn header(bytes: &[u8]) -> Option<Header> {
    let mut reader = Reader::new(bytes.get(4..HEADER)?);
    let (command, status) = (reader.u8()?, reader.u32_le()?);
    let is_response = reader.u8()? & 0x80 != 0;
    let flags = reader.u16_le()?;
    reader.take(12)?;
    let tree = reader.u16_le()?;
    // Process and multiplex identifier together tell what is an answer to what.
    let (process, _user, multiplex) = (reader.u16_le()?, reader.u16_le()?, reader.u16_le()?);
    Some(Header {
        command,
        status,
        is_response,
        flags,
        tree: tree.into(),
        message: u64::from(process) << 16 | u64::from(multiplex),
    })
}

/// How much of a message is to be looked at, of the `left` bytes behind its first ones.
pub(super) fn needs(bytes: &[u8], left: usize, state: &State) -> usize {
    let Some(header) = header(bytes) else {
        return 0;
    };
    let piped = || {
        let pending = state.pending.get(header.message);
        pending.is_some_and(|p| state.is_pipe(p.tree, p.handle()))
    };
    match (header.command, header.is_response) {
        (WRITE_ANDX, false) => {
            let tree = state.trees.get(header.tree);
            if tree.is_some_and(|tree| tree.share == Share::Pipe) {
                MAX_MESSAGE
            } else {
                MAX_WORDS + PREFIX
            }
        }
        (READ_ANDX, true) if !piped() && state.pending.get(header.message).is_some() => {
            MAX_WORDS + PREFIX
        }
        (READ_ANDX, true) if !piped() => 0,
        (
            CLOSE | TRANSACTION | READ_ANDX | NEGOTIATE | SESSION_SETUP_ANDX | TREE_CONNECT_ANDX
            | TREE_DISCONNECT | NT_CREATE_ANDX,
            _,
        ) => MAX_MESSAGE,
        _ => 0,
    }
    .min(left)
}

/// One command of a message: its words, its bytes, and where those stand in the message.
struct Block<'a> {
    message: &'a [u8],
    words: &'a [u8],
    bytes: &'a [u8],
    bytes_at: usize,
    unicode: bool,
}

impl<'a> Block<'a> {
    fn at(message: &'a [u8], at: usize, unicode: bool) -> Option<Block<'a>> {
        let mut reader = Reader::new(message.get(at..)?);
        let words = usize::from(reader.u8()?) * 2;
        let words = reader.take(words)?;
        let len = usize::from(reader.u16_le().unwrap_or(0));
        // Large writes have more bytes than their number says, cut messages fewer.
        let rest = reader.rest();
        Some(Block {
            message,
            words,
            bytes: rest.get(..len).unwrap_or(rest),
            bytes_at: message.len() - rest.len(),
            unicode,
        })
    }

    /// The command that follows in the same message, and where.
    fn next(&self) -> Option<(u8, usize)> {
        let mut reader = Reader::new(self.words);
        let command = reader.u8()?;
        reader.u8()?;
        (command != NO_ANDX).then_some((command, reader.u16_le()?.into()))
    }

    /// `len` bytes that stand `offset` bytes behind the message's beginning.
    fn data(&self, offset: usize, len: usize) -> Option<&'a [u8]> {
        self.message.get(offset..offset.checked_add(len)?)
    }

    /// The text that ends at a NUL, `from` bytes into the bytes, and how many bytes it has with its NUL and padding.
    fn string(&self, from: usize, unicode: bool) -> Option<(Box<str>, usize)> {
        let padding = usize::from(unicode && (self.bytes_at + from) % 2 == 1);
        let bytes = self.bytes.get(from + padding..)?;
        if unicode {
            let len = len_before_nul(bytes);
            Some((utf16(bytes), padding + len + 2))
        } else {
            let len = bytes.iter().position(|byte| *byte == 0);
            let len = len.unwrap_or(bytes.len());
            Some((text(bytes.get(..len)?), len + 1))
        }
    }
}

/// A message. What of its rest is to be looked at.
pub(super) fn message(bytes: &[u8], state: &mut State, context: &mut Context<'_>) -> Option<More> {
    let header = header(bytes)?;
    let mut more = None;
    let (mut command, mut at) = (header.command, HEADER);
    for _ in 0..MAX_CHAIN {
        let Some(block) = Block::at(bytes, at, header.flags & UNICODE != 0) else {
            break;
        };
        // A command that ends too early gives what it has.
        let found = if header.is_response {
            response(command, &header, &block, state, context)
        } else {
            request(command, &header, &block, state, context)
        };
        more = found.or(more);
        let chained = [
            READ_ANDX,
            WRITE_ANDX,
            SESSION_SETUP_ANDX,
            TREE_CONNECT_ANDX,
            NT_CREATE_ANDX,
        ];
        match block.next() {
            Some((next, behind)) if chained.contains(&command) && behind > at => {
                (command, at) = (next, behind);
            }
            _ => break,
        }
    }
    more
}

/// The upper half of an offset, where it was sent.
fn high(half: Option<u32>) -> u64 {
    u64::from(half.unwrap_or(0)) << 32
}

fn request(
    command: u8,
    header: &Header,
    block: &Block<'_>,
    state: &mut State,
    context: &mut Context<'_>,
) -> Option<More> {
    let mut pending = Pending {
        ts: context.now(),
        tree: header.tree,
        ..Pending::default()
    };
    let mut words = Reader::new(block.words);
    match command {
        NEGOTIATE => {
            let offered = block.bytes.split(|byte| *byte == 0).take(MAX_DIALECTS);
            state.offered = offered
                .filter_map(|dialect| dialect.strip_prefix(&[2]))
                .map(dialect)
                .collect();
            return None;
        }
        SESSION_SETUP_ANDX => {
            // Words: ANDX (4), buffer size, multiplex, VC number (2 each), session key (4), token's length.
            words.take(14)?;
            if block.words.len() == 24 && header.flags & EXTENDED_SECURITY != 0 {
                let len = usize::from(words.u16_le()?);
                let token = block.bytes.get(..len)?;
                state.gss.token(token, context);
            }
            return None;
        }
        TREE_CONNECT_ANDX => {
            words.take(6)?;
            let password = usize::from(words.u16_le()?);
            let (path, len) = block.string(password, block.unicode)?;
            pending.path = Some(path.into());
            // What kind of share is wanted is never in UTF-16.
            pending.service = block
                .string(password + len, false)
                .map(|(service, _)| service);
        }
        TREE_DISCONNECT => {
            state.trees.remove(header.tree);
            return None;
        }
        NT_CREATE_ANDX => {
            words.take(5)?;
            let len = usize::from(words.u16_le()?);
            words.take(32)?;
            let options = words.u32_le()?;
            let (name, _) = block.string(0, block.unicode)?;
            let name = if len == 0 {
                "<share_root>".into()
            } else {
                name
            };
            let mut file = state.asked_for(header.tree, name, context.now());
            file.delete_on_close = options & DELETE_ON_CLOSE != 0;
            pending.opens = Some(file);
        }
        CLOSE => {
            state.closed(words.u16_le()?.into(), context);
            return None;
        }
        READ_ANDX => {
            words.take(4)?;
            pending.file = words.u16_le()?.into();
            pending.offset = words.u32_le()?.into();
            words.take(10)?;
            pending.offset |= high(words.u32_le());
            let file = pending.handle();
            if !state.is_pipe(header.tree, file) && !state.is_file(file) {
                return None;
            }
        }
        WRITE_ANDX => {
            words.take(4)?;
            let file = Handle::Open(words.u16_le()?.into());
            let at = u64::from(words.u32_le()?);
            words.take(8)?;
            let len_high = words.u16_le()?;
            let (len, offset) = (words.u16_le()?, words.u16_le()?);
            if state.is_pipe(header.tree, file) {
                let data = block.data(offset.into(), len.into())?;
                state.pipe(Peer::Client, file, data, context);
                return None;
            }
            let at = at | high(words.u32_le());
            let len = u64::from(len_high) << 16 | u64::from(len);
            let data = block.message.get(offset.into()..)?;
            return state.carried(Peer::Client, file, (at, len), data, context);
        }
        TRANSACTION => {
            // Words: totals and maxima (8), setup count and reserved, flags, timeout, reserved; then parameters and data: length and offset each.
            words.take(22)?;
            let (len, offset) = (words.u16_le()?, words.u16_le()?);
            let setup = words.u8()?;
            words.u8()?;
            if setup != 2 || words.u16_le()? != TRANSACT_PIPE {
                return None;
            }
            pending.file = words.u16_le()?.into();
            let data = block.data(offset.into(), len.into())?;
            state.pipe(Peer::Client, pending.handle(), data, context);
        }
        _ => return None,
    }
    // Several commands of one message are answered in one message: each asks for something of its own.
    match state.pending.get_mut(header.message) {
        Some(there) if there.ts == pending.ts => {
            there.path = pending.path.or(there.path.take());
            there.service = pending.service.or(there.service.take());
            there.opens = pending.opens.or(there.opens.take());
        }
        _ => state.pending.insert(header.message, pending),
    }
    None
}

fn response(
    command: u8,
    header: &Header,
    block: &Block<'_>,
    state: &mut State,
    context: &mut Context<'_>,
) -> Option<More> {
    let mut words = Reader::new(block.words);
    let ok = header.status == 0;
    match command {
        NEGOTIATE => {
            let index = words.u16_le()?;
            let chosen = state.offered.get(usize::from(index)).copied().flatten();
            state.dialect = chosen.or(state.dialect);
            if block.words.len() == 34 && header.flags & EXTENDED_SECURITY != 0 {
                // A GUID, then the token.
                let token = block.bytes.get(16..)?;
                state.gss.token(token, context);
            }
        }
        SESSION_SETUP_ANDX => {
            let more = header.status == MORE_PROCESSING_REQUIRED;
            if (ok || more) && block.words.len() == 8 {
                words.take(6)?;
                let len = usize::from(words.u16_le()?);
                let token = block.bytes.get(..len).unwrap_or_default();
                state.gss.token(token, context);
            }
            if !more {
                state.gss.result(ok, context);
            }
        }
        TREE_CONNECT_ANDX if ok => {
            let mut pending = state.pending.remove(header.message)?;
            let (service, len) = block.string(0, false)?;
            let share = match &*service {
                "IPC" => Share::Pipe,
                "LPT1:" => Share::Print,
                _ => Share::Disk,
            };
            pending.service = Some(service);
            let system = block.string(len, block.unicode).map(|(system, _)| system);
            let system = system.filter(|system| !system.is_empty());
            // What was asked in the same message is still to be answered.
            if let Some(opens) = pending.opens.take() {
                let rest = Pending {
                    ts: pending.ts,
                    opens: Some(opens),
                    ..Pending::default()
                };
                state.pending.insert(header.message, rest);
            }
            state.connected(header.tree, pending, share, system, context);
        }
        NT_CREATE_ANDX => {
            let pending = state.pending.remove(header.message)?;
            if !ok {
                return None;
            }
            let mut file = pending.opens?;
            words.take(5)?;
            let number = words.u16_le()?.into();
            words.take(4)?;
            let [created, accessed, modified, changed] = [
                words.u64_le()?,
                words.u64_le()?,
                words.u64_le()?,
                words.u64_le()?,
            ]
            .map(unix);
            words.take(12)?;
            file.size = words.u64_le()?;
            file.times = (modified > 0).then_some(SmbTimes {
                modified,
                accessed,
                created,
                changed,
            });
            state.opened(number, file, header.tree, context);
        }
        READ_ANDX => {
            let pending = state.pending.remove(header.message)?;
            words.take(10)?;
            let (len, offset) = (words.u16_le()?, words.u16_le()?);
            if state.is_file(pending.handle()) {
                let len = u64::from(words.u16_le()?) << 16 | u64::from(len);
                let data = block.message.get(offset.into()..)?;
                let place = (pending.offset, len);
                return state.carried(Peer::Server, pending.handle(), place, data, context);
            }
            let data = block.data(offset.into(), len.into())?;
            state.pipe(Peer::Server, pending.handle(), data, context);
        }
        TRANSACTION if ok || header.status == BUFFER_OVERFLOW => {
            let pending = state.pending.remove(header.message)?;
            words.take(12)?;
            let (len, offset) = (words.u16_le()?, words.u16_le()?);
            let data = block.data(offset.into(), len.into())?;
            state.pipe(Peer::Server, pending.handle(), data, context);
        }
        _ => {}
    }
    None
}

/// A dialect that has a name here.
fn dialect(name: &[u8]) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "PC NETWORK PROGRAM 1.0",
        "LANMAN1.0",
        "Windows for Workgroups 3.1a",
        "LM1.2X002",
        "LANMAN2.1",
        "NT LM 0.12",
        "SMB 2.002",
        "SMB 2.???",
    ];
    NAMES.iter().copied().find(|known| known.as_bytes() == name)
}
