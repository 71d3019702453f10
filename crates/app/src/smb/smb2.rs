//! Messages of SMB2 and SMB3 ([MS-SMB2] section 2.2).

use portreeve_record::app::smb_files::{SmbAction, SmbTimes};

use super::frame::HEADER;
use super::state::{File, Handle, More, Pending, Share, State};
use crate::file::kind::PREFIX;
use crate::utf16::utf16;
use crate::{Context, Peer, Reader};

const NEGOTIATE: u16 = 0;
const SESSION_SETUP: u16 = 1;
const TREE_CONNECT: u16 = 3;
const TREE_DISCONNECT: u16 = 4;
const CREATE: u16 = 5;
const CLOSE: u16 = 6;
const READ: u16 = 8;
const WRITE: u16 = 9;
const IOCTL: u16 = 11;
const SET_INFO: u16 = 17;

const SUCCESS: u32 = 0;
const PENDING: u32 = 0x103;
const BUFFER_OVERFLOW: u32 = 0x8000_0005;
const MORE_PROCESSING_REQUIRED: u32 = 0xc000_0016;

/// FSCTL_PIPE_TRANSCEIVE: a write and a read at once.
const PIPE_TRANSCEIVE: u32 = 0x0011_c017;
/// FILE_DELETE_ON_CLOSE among the options of CREATE.
const DELETE_ON_CLOSE: u32 = 0x1000;
/// Names, lists and tokens are looked at so far.
const MAX_BODY: usize = 64 << 10;
/// What is set of a file is looked at so far: names, not attributes or security descriptors.
const MAX_INFO: usize = 8 << 10;

/// SMB2 PACKET HEADER (section 2.2.1).
struct Header {
    status: u32,
    command: u16,
    is_response: bool,
    is_async: bool,
    /// It goes on with what the message before it in the compound is about.
    is_related: bool,
    message: u64,
    tree: u64,
}

/// Where the next message of the same length begins, counted from this one's header; 0 if there is none.
pub(super) fn next(header: &[u8]) -> usize {
    let next = header.get(20..).and_then(|rest| Reader::new(rest).u32_le());
    next.unwrap_or_default() as usize
}

fn header(bytes: &[u8]) -> Option<Header> {
    let mut reader = Reader::new(bytes.get(8..)?);
    let (status, command) = (reader.u32_le()?, reader.u16_le()?);
    reader.u16_le()?;
    let flags = reader.u32_le()?;
    reader.u32_le()?;
    let message = reader.u64_le()?;
    reader.u32_le()?;
    Some(Header {
        status,
        command,
        is_response: flags & 1 != 0,
        is_async: flags & 2 != 0,
        is_related: flags & 4 != 0,
        message,
        tree: reader.u32_le()?.into(),
    })
}

/// How much of a message's body of `body` bytes is to be looked at.
pub(super) fn needs(bytes: &[u8], body: usize, state: &State) -> usize {
    let Some(header) = header(bytes) else {
        return 0;
    };
    let pending = || state.pending.get(header.message);
    let piped = || pending().is_some_and(|p| state.is_pipe(p.tree, p.handle()));
    match (header.command, header.is_response) {
        (NEGOTIATE | SESSION_SETUP | TREE_CONNECT, _) | (CREATE, false) => MAX_BODY,
        (CREATE, true) => 88,
        (CLOSE, false) => 24,
        (READ, false) => 48,
        (READ, true) if piped() => MAX_BODY,
        (READ, true) if pending().is_some() => 16 + PREFIX,
        // The file is not known before the body is: what goes to a share of pipes, or nobody knows where, is little.
        (WRITE, false) if may_be_pipe(header.tree, state) => MAX_BODY,
        (WRITE, false) => 48 + PREFIX,
        (IOCTL, false) if may_be_pipe(header.tree, state) => MAX_BODY,
        (IOCTL, true) if piped() => MAX_BODY,
        (SET_INFO, false) => MAX_INFO,
        _ => 0,
    }
    .min(body)
}

fn may_be_pipe(tree: u64, state: &State) -> bool {
    state
        .trees
        .get(tree)
        .is_some_and(|t| t.share == Share::Pipe)
}

/// A message. What of its rest is to be looked at.
pub(super) fn message(
    bytes: &[u8],
    body: &[u8],
    state: &mut State,
    context: &mut Context<'_>,
) -> Option<More> {
    let header = header(bytes)?;
    // A body that ends too early gives what it has.
    if header.is_response {
        response(&header, body, state, context)
    } else {
        request(&header, body, state, context)
    }
}

/// What there is from `offset` bytes behind the header's beginning on.
fn front(body: &[u8], offset: u32) -> Option<&[u8]> {
    body.get((offset as usize).checked_sub(HEADER)?..)
}

/// What stands `offset` bytes behind the header's beginning.
fn buffer(body: &[u8], offset: u32, len: u32) -> Option<&[u8]> {
    let from = (offset as usize).checked_sub(HEADER)?;
    body.get(from..from.checked_add(len as usize)?)
}

/// A FILE_ID's two halves, added as Zeek does: they are few, and either half may be all that differs.
fn file_id(reader: &mut Reader<'_>) -> Option<u64> {
    let (persistent, volatile) = (reader.u64_le()?, reader.u64_le()?);
    Some(persistent.wrapping_add(volatile))
}

/// The file that a request is about. All ones mean that of the message before.
fn about(reader: &mut Reader<'_>, state: &mut State) -> Option<Handle> {
    if reader.rest().starts_with(&[0xff; 16]) {
        reader.take(16)?;
        return state.before;
    }
    let file = Handle::Open(file_id(reader)?);
    state.before = Some(file);
    Some(file)
}

fn request(
    header: &Header,
    body: &[u8],
    state: &mut State,
    context: &mut Context<'_>,
) -> Option<More> {
    let mut pending = Pending {
        ts: context.now(),
        tree: header.tree,
        ..Pending::default()
    };
    if !header.is_related {
        state.before = None;
    }
    let mut reader = Reader::new(body);
    match header.command {
        SESSION_SETUP => {
            reader.take(12)?;
            let (offset, len) = (reader.u16_le()?, reader.u16_le()?);
            let token = buffer(body, offset.into(), len.into())?;
            state.gss.token(token, context);
            return None;
        }
        TREE_CONNECT => {
            reader.take(4)?;
            let (offset, len) = (reader.u16_le()?, reader.u16_le()?);
            pending.path = Some(utf16(buffer(body, offset.into(), len.into())?).into());
        }
        TREE_DISCONNECT => {
            state.trees.remove(header.tree);
            return None;
        }
        CREATE => {
            reader.take(40)?;
            let options = reader.u32_le()?;
            let (offset, len) = (reader.u16_le()?, reader.u16_le()?);
            let name = match len {
                0 => "<share_root>".into(),
                len => utf16(buffer(body, offset.into(), len.into())?),
            };
            let mut file = state.asked_for(header.tree, name, context.now());
            file.delete_on_close = options & DELETE_ON_CLOSE != 0;
            pending.opens = Some(file);
            state.before = Some(Handle::Asked(header.message));
        }
        CLOSE => {
            reader.take(8)?;
            match about(&mut reader, state)? {
                Handle::Open(file) if !header.is_related => {
                    state.closed(file, context);
                    return None;
                }
                // What is read before it in the compound is still to come.
                file => pending.set_file(file),
            }
        }
        READ => {
            reader.take(8)?;
            pending.offset = reader.u64_le()?;
            let file = about(&mut reader, state)?;
            if !state.is_pipe(header.tree, file) && !state.is_file(file) {
                return None;
            }
            pending.set_file(file);
        }
        WRITE => {
            reader.take(2)?;
            let (offset, len) = (reader.u16_le()?, reader.u32_le()?);
            let at = reader.u64_le()?;
            let file = about(&mut reader, state)?;
            if state.is_pipe(header.tree, file) {
                let data = buffer(body, offset.into(), len)?;
                state.pipe(Peer::Client, file, data, context);
                return None;
            }
            let data = front(body, offset.into())?;
            return state.carried(Peer::Client, file, (at, len.into()), data, context);
        }
        IOCTL => {
            reader.take(4)?;
            if reader.u32_le()? != PIPE_TRANSCEIVE {
                return None;
            }
            let file = about(&mut reader, state)?;
            let (offset, len) = (reader.u32_le()?, reader.u32_le()?);
            if let Some(data) = buffer(body, offset, len) {
                state.pipe(Peer::Client, file, data, context);
            }
            pending.set_file(file);
        }
        SET_INFO => {
            let _ = set_info(body, state, context);
            return None;
        }
        _ => return None,
    }
    state.pending.insert(header.message, pending);
    None
}

/// SET_INFO (section 2.2.39): a file is renamed or deleted.
fn set_info(body: &[u8], state: &mut State, context: &mut Context<'_>) -> Option<()> {
    const FILE: u8 = 1;
    const RENAME: [u8; 2] = [10, 65];
    const DISPOSITION: [u8; 2] = [13, 64];
    let mut reader = Reader::new(body);
    reader.take(2)?;
    let (kind, class) = (reader.u8()?, reader.u8()?);
    let (len, offset) = (reader.u32_le()?, reader.u16_le()?);
    reader.take(6)?;
    let file = about(&mut reader, state)?;
    if kind != FILE {
        return None;
    }
    let mut info = Reader::new(buffer(body, offset.into(), len)?);
    let action = if RENAME.contains(&class) {
        SmbAction::FileRename
    } else if DISPOSITION.contains(&class) && info.u8()? & 1 != 0 {
        SmbAction::FileDelete
    } else {
        return None;
    };
    // Taken out of its table, to be put back.
    let mut about = match file {
        Handle::Open(number) => state.files.remove(number),
        Handle::Asked(message) => {
            let pending = state.pending.get_mut(message);
            pending.and_then(|p| p.opens.take())
        }
    }
    .unwrap_or_else(|| File {
        ts: context.now(),
        ..File::default()
    });
    if action == SmbAction::FileRename {
        info.take(16)?;
        let len = info.u32_le()?;
        let name = utf16(info.take(len as usize)?);
        about.prev_name = about.name.replace(name);
    } else {
        about.delete_on_close = false;
    }
    state.write(action, &about, context);
    match file {
        Handle::Open(number) => state.files.insert(number, about),
        Handle::Asked(message) => {
            if let Some(pending) = state.pending.get_mut(message) {
                pending.opens = Some(about);
            }
        }
    }
    Some(())
}

fn response(
    header: &Header,
    body: &[u8],
    state: &mut State,
    context: &mut Context<'_>,
) -> Option<More> {
    if header.status == PENDING && header.is_async {
        return None;
    }
    let mut reader = Reader::new(body);
    match header.command {
        NEGOTIATE => {
            reader.take(4)?;
            state.dialect = dialect(reader.u16_le()?).or(state.dialect);
            reader.take(50)?;
            let (offset, len) = (reader.u16_le()?, reader.u16_le()?);
            let token = buffer(body, offset.into(), len.into())?;
            state.gss.token(token, context);
            return None;
        }
        SESSION_SETUP => {
            reader.take(4)?;
            let (offset, len) = (reader.u16_le()?, reader.u16_le()?);
            if matches!(header.status, SUCCESS | MORE_PROCESSING_REQUIRED) {
                let token = buffer(body, offset.into(), len.into()).unwrap_or_default();
                state.gss.token(token, context);
            }
            match header.status {
                SUCCESS => state.gss.result(true, context),
                MORE_PROCESSING_REQUIRED => {}
                _ => state.gss.result(false, context),
            }
            return None;
        }
        _ => {}
    }
    let pending = state.pending.remove(header.message);
    let tree = match &pending {
        Some(pending) if header.is_async => pending.tree,
        _ => header.tree,
    };
    let ok = header.status == SUCCESS;
    match header.command {
        TREE_CONNECT if ok => {
            reader.take(2)?;
            let share = match reader.u8()? {
                2 => Share::Pipe,
                3 => Share::Print,
                _ => Share::Disk,
            };
            let pending = pending.unwrap_or_else(|| Pending {
                ts: context.now(),
                ..Pending::default()
            });
            state.connected(tree, pending, share, None, context);
        }
        CREATE if ok => {
            let mut file = pending?.opens?;
            reader.take(8)?;
            let [created, accessed, modified, changed] = [
                reader.u64_le()?,
                reader.u64_le()?,
                reader.u64_le()?,
                reader.u64_le()?,
            ]
            .map(super::state::unix);
            reader.take(8)?;
            file.size = reader.u64_le()?;
            reader.take(8)?;
            let number = file_id(&mut reader)?;
            file.times = (modified > 0).then_some(SmbTimes {
                modified,
                accessed,
                created,
                changed,
            });
            state.opened(number, file, tree, context);
            state.numbered(header.message, number);
        }
        CLOSE if ok => {
            if let Handle::Open(file) = pending?.handle() {
                state.closed(file, context);
            }
        }
        READ if ok || header.status == BUFFER_OVERFLOW => {
            reader.take(2)?;
            let offset = reader.u16_le()? & 0xff;
            let len = reader.u32_le()?;
            let pending = pending?;
            let file = pending.handle();
            if state.is_file(file) {
                let data = front(body, offset.into())?;
                let place = (pending.offset, len.into());
                return state.carried(Peer::Server, file, place, data, context);
            }
            let data = buffer(body, offset.into(), len)?;
            state.pipe(Peer::Server, file, data, context);
        }
        IOCTL if ok || header.status == BUFFER_OVERFLOW => {
            reader.take(4)?;
            if reader.u32_le()? != PIPE_TRANSCEIVE {
                return None;
            }
            reader.take(24)?;
            let (offset, len) = (reader.u32_le()?, reader.u32_le()?);
            let data = buffer(body, offset, len)?;
            state.pipe(Peer::Server, pending?.handle(), data, context);
        }
        _ => {}
    }
    None
}

/// A dialect's name (section 2.2.4).
fn dialect(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0202 => "2.02",
        0x0210 => "2.10",
        0x02ff => "2.FF",
        0x0300 => "3.00",
        0x0302 => "3.02",
        0x0311 => "3.11",
        _ => return None,
    })
}
