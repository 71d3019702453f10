//! What is known of a conversation: shares, files, and what was asked and not yet answered. All of it bounded; the oldest goes first.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use portreeve_record::Fuid;
use portreeve_record::app::smb_files::{SmbAction, SmbFiles, SmbTimes};
use portreeve_record::app::smb_mapping::SmbMapping;

use super::transfer::Transfer;
use crate::dce_rpc::Rpc;
use crate::gssapi::Gss;
use crate::{Context, Peer};

const MAX_TREES: usize = 32;
const MAX_FILES: usize = 128;
const MAX_PENDING: usize = 64;
/// How many of the last records are remembered, so that the same is not written over and over.
const MAX_RECENT: usize = 64;
/// Names of pipes that a file can only be on a share of pipes: tells such a share where its connecting was not seen. Zeek's list.
const PIPES: &[&str] = &[
    "spoolss", "winreg", "samr", "srvsvc", "netdfs", "lsarpc", "wkssvc", "MsFteWds",
];

/// A few things by their number; the oldest make room.
#[derive(Debug)]
pub(super) struct Table<V, const MOST: usize>(Vec<(u64, V)>);

impl<V, const MOST: usize> Default for Table<V, MOST> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

impl<V, const MOST: usize> Table<V, MOST> {
    pub(super) fn get(&self, key: u64) -> Option<&V> {
        self.0.iter().rev().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let found = self.0.iter_mut().rev().find(|(k, _)| *k == key);
        found.map(|(_, v)| v)
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<V> {
        let at = self.0.iter().position(|(k, _)| *k == key)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn insert(&mut self, key: u64, value: V) {
        if let Some(there) = self.get_mut(key) {
            *there = value;
            return;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((key, value));
    }
}

/// What a share is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Share {
    #[default]
    Disk,
    Pipe,
    Print,
}

impl Share {
    fn name(self) -> &'static str {
        match self {
            Share::Disk => "DISK",
            Share::Pipe => "PIPE",
            Share::Print => "PRINT",
        }
    }
}

/// A share that the client is connected to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    pub(super) path: Option<Arc<str>>,
    pub(super) share: Share,
}

/// A file, pipe or printer that is open, or asked for.
#[derive(Debug, Default)]
pub(super) struct File {
    /// When it was asked for.
    pub(super) ts: i64,
    pub(super) name: Option<Box<str>>,
    pub(super) prev_name: Option<Box<str>>,
    pub(super) path: Option<Arc<str>>,
    pub(super) size: u64,
    pub(super) times: Option<SmbTimes>,
    pub(super) share: Share,
    pub(super) delete_on_close: bool,
    pub(super) rpc: Option<Box<Rpc>>,
    /// What is written and read of it, by who sends it: client, server.
    pub(super) transfers: [Option<Box<Transfer>>; 2],
    pub(super) fuid: Option<Fuid>,
}

impl File {
    /// Nothing more of it is written or read.
    fn end_transfers(&mut self, context: &mut Context<'_>) {
        for transfer in &mut self.transfers {
            if let Some(transfer) = transfer.take() {
                transfer.end(context);
            }
        }
    }
}

/// Which file a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// The open one of this number.
    Open(u64),
    /// The one that this message asks for: in a compound what follows is sent before the number is known ([MS-SMB2] section 3.3.5.2.7.2).
    Asked(u64),
}

/// So many bytes behind a message's part that is looked at are data of this file.
#[derive(Clone, Copy, Debug)]
pub(super) struct More {
    pub(super) file: u64,
    pub(super) len: u64,
}

/// What was asked and not yet answered.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) ts: i64,
    pub(super) tree: u64,
    /// The file it is about, where that is open.
    pub(super) file: u64,
    /// The message that asks for the file, where it is not open yet.
    pub(super) asked: Option<u64>,
    /// Where in the file.
    pub(super) offset: u64,
    /// What is to be opened.
    pub(super) opens: Option<File>,
    /// The share to connect to.
    pub(super) path: Option<Arc<str>>,
    pub(super) service: Option<Box<str>>,
}

impl Pending {
    /// It is about that file.
    pub(super) fn set_file(&mut self, file: Handle) {
        match file {
            Handle::Open(number) => self.file = number,
            Handle::Asked(message) => self.asked = Some(message),
        }
    }

    /// The file it is about.
    pub(super) fn handle(&self) -> Handle {
        self.asked.map_or(Handle::Open(self.file), Handle::Asked)
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) trees: Table<Tree, MAX_TREES>,
    pub(super) files: Table<File, MAX_FILES>,
    pub(super) pending: Table<Pending, MAX_PENDING>,
    recent: Vec<u64>,
    pub(super) gss: Gss,
    pub(super) dialect: Option<&'static str>,
    /// The dialects that an SMB1 client offered, as far as they have names here.
    pub(super) offered: Vec<Option<&'static str>>,
    /// The file that the message before is about: what is compounded behind it may mean the same.
    pub(super) before: Option<Handle>,
}

impl State {
    /// The conversation is over.
    pub(super) fn end(&mut self, context: &mut Context<'_>) {
        for (_, file) in &mut self.files.0 {
            if let Some(rpc) = &mut file.rpc {
                rpc.end(context);
            }
            file.end_transfers(context);
        }
        self.gss.end(context);
    }

    fn file(&self, file: Handle) -> Option<&File> {
        match file {
            Handle::Open(number) => self.files.get(number),
            Handle::Asked(message) => self.pending.get(message)?.opens.as_ref(),
        }
    }

    fn file_mut(&mut self, file: Handle) -> Option<&mut File> {
        match file {
            Handle::Open(number) => self.files.get_mut(number),
            Handle::Asked(message) => self.pending.get_mut(message)?.opens.as_mut(),
        }
    }

    /// Whether `file` is one that is read and written, as far as is known.
    pub(super) fn is_file(&self, file: Handle) -> bool {
        self.file(file).is_some_and(|f| f.share == Share::Disk)
    }

    /// `peer` sends `len` bytes of `file`, of which `front` is there. What of the rest is to be looked at.
    pub(super) fn carried(
        &mut self,
        peer: Peer,
        file: Handle,
        (offset, len): (u64, u64),
        front: &[u8],
        context: &mut Context<'_>,
    ) -> Option<More> {
        let handle = file;
        let file = self.file_mut(file).filter(|f| f.share == Share::Disk)?;
        if len == 0 {
            return None;
        }
        let transfer = file.transfers[peer.index()].get_or_insert_with(|| {
            let transfer = Transfer::begin(peer, file.name.clone(), file.size, context);
            file.fuid.get_or_insert(transfer.fuid());
            Box::new(transfer)
        });
        let front = front
            .get(..usize::try_from(len).unwrap_or(usize::MAX))
            .unwrap_or(front);
        transfer.seek(offset);
        transfer.data(front, context);
        let rest = len - front.len() as u64;
        // One that is only asked for may change its place before the rest has come.
        if let Handle::Open(file) = handle
            && rest > 0
            && transfer.wants_all()
        {
            return Some(More { file, len: rest });
        }
        transfer.pass(rest, context.now());
        None
    }

    fn transfer(&mut self, peer: Peer, file: u64) -> Option<&mut Transfer> {
        let file = self.files.get_mut(file)?;
        file.transfers[peer.index()].as_deref_mut()
    }

    /// More of what `peer` is sending of `file`.
    pub(super) fn more(&mut self, peer: Peer, file: u64, bytes: &[u8], context: &Context<'_>) {
        if let Some(transfer) = self.transfer(peer, file) {
            transfer.data(bytes, context);
        }
    }

    /// Bytes of what `peer` is sending of `file` were missed.
    pub(super) fn broken(&mut self, peer: Peer, file: u64) {
        if let Some(transfer) = self.transfer(peer, file) {
            transfer.broken();
        }
    }

    /// Whether what goes through `file` of `tree` is for a pipe.
    pub(super) fn is_pipe(&self, tree: u64, file: Handle) -> bool {
        match self.file(file) {
            Some(file) => file.share == Share::Pipe,
            None => self.trees.get(tree).is_some_and(|t| t.share == Share::Pipe),
        }
    }

    /// A file that is asked for.
    pub(super) fn asked_for(&mut self, tree: u64, name: Box<str>, now: i64) -> File {
        let mut share = self.trees.get(tree).map(|t| t.share).unwrap_or_default();
        let bare = name.trim_start_matches('\\');
        if share != Share::Pipe && PIPES.contains(&bare) {
            share = Share::Pipe;
            let tree_of_pipes = Tree {
                path: Some("<unknown>".into()),
                share,
            };
            if self.trees.get(tree).is_none() {
                self.trees.insert(tree, tree_of_pipes);
            }
        }
        File {
            ts: now,
            name: Some(name),
            share,
            ..File::default()
        }
    }

    /// The file that `message` asks for has this number: so it is in what was sent behind it.
    pub(super) fn numbered(&mut self, message: u64, number: u64) {
        for (_, pending) in &mut self.pending.0 {
            if pending.asked == Some(message) {
                (pending.asked, pending.file) = (None, number);
            }
        }
        if self.before == Some(Handle::Asked(message)) {
            self.before = Some(Handle::Open(number));
        }
    }

    /// A file was opened.
    pub(super) fn opened(
        &mut self,
        number: u64,
        mut file: File,
        tree: u64,
        context: &mut Context<'_>,
    ) {
        file.path = self.trees.get(tree).and_then(|tree| tree.path.clone());
        let action = match file.share {
            Share::Disk => Some(SmbAction::FileOpen),
            Share::Print => Some(SmbAction::PrintOpen),
            Share::Pipe => None,
        };
        if let Some(action) = action {
            self.write(action, &file, context);
        }
        self.files.insert(number, file);
    }

    /// A file is closed.
    pub(super) fn closed(&mut self, number: u64, context: &mut Context<'_>) {
        let Some(mut file) = self.files.remove(number) else {
            return;
        };
        if let Some(rpc) = &mut file.rpc {
            rpc.end(context);
        }
        file.end_transfers(context);
        if file.share == Share::Print {
            self.write(SmbAction::PrintClose, &file, context);
        } else if file.delete_on_close && file.share == Share::Disk {
            self.write(SmbAction::FileDelete, &file, context);
        }
    }

    /// A share was connected to.
    pub(super) fn connected(
        &mut self,
        tree: u64,
        pending: Pending,
        share: Share,
        native_file_system: Option<Box<str>>,
        context: &mut Context<'_>,
    ) {
        context.emit(SmbMapping {
            head: context.head(pending.ts),
            path: pending.path.as_deref().map(Into::into),
            service: pending.service,
            native_file_system,
            share_type: share.name(),
            dialect: self.dialect,
        });
        let path = pending.path;
        self.trees.insert(tree, Tree { path, share });
    }

    /// Writes a record, unless the same was written just before.
    pub(super) fn write(&mut self, action: SmbAction, file: &File, context: &mut Context<'_>) {
        let Some(name) = &file.name else {
            return;
        };
        if let Some(times) = file.times {
            let mut hasher = DefaultHasher::new();
            let times = SmbTimes {
                accessed: 0,
                ..times
            };
            (action, name, &file.path, file.size, times).hash(&mut hasher);
            let hash = hasher.finish();
            if self.recent.contains(&hash) {
                return;
            }
            if self.recent.len() >= MAX_RECENT {
                self.recent.remove(0);
            }
            self.recent.push(hash);
        }
        context.emit(SmbFiles {
            head: context.head(file.ts),
            fuid: file.fuid,
            action,
            path: file.path.as_deref().map(Into::into),
            name: Some(name.clone()),
            size: file.size,
            prev_name: file.prev_name.clone(),
            times: file.times,
        });
    }

    /// What went through a pipe.
    pub(super) fn pipe(
        &mut self,
        peer: Peer,
        file: Handle,
        data: &[u8],
        context: &mut Context<'_>,
    ) {
        if data.is_empty() {
            return;
        }
        if let Handle::Open(number) = file
            && self.files.get(number).is_none()
        {
            let pipe = File {
                ts: context.now(),
                share: Share::Pipe,
                ..File::default()
            };
            self.files.insert(number, pipe);
        }
        let Some(file) = self.file_mut(file) else {
            return;
        };
        let rpc = file.rpc.get_or_insert_with(|| {
            let name = file.name.as_deref();
            Box::new(Rpc::on_pipe(name))
        });
        rpc.data(peer, data, context);
    }
}

/// A moment as Windows counts it, in 100 ns since 1601-01-01 UTC, in nanoseconds since 1970-01-01 UTC; 0 if that cannot be said.
pub(super) fn unix(filetime: u64) -> i64 {
    /// From 1601 to 1970.
    const EPOCH: i64 = 116_444_736_000_000_000;
    i64::try_from(filetime)
        .ok()
        .and_then(|time| time.checked_sub(EPOCH)?.checked_mul(100))
        .unwrap_or(0)
}
