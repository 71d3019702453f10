//! What FTP's connections for data carry. The commands agree on a connection (`PASV`, `EPSV`, `PORT`, `EPRT`), and another worker may have it: it tells what a connection
//! of no known protocol carried ([`UNCLAIMED`]), and here that is found among what was agreed on.
//!
//! Either may come first. What nobody agreed on is let go of, which is most of it: any protocol that is not known, where one side alone has spoken.
//!
//! ```text
//! ftp  PASV … ──▶ agreed:   who opens which connection ──┬──▶ files:  FTP's, by what was agreed on
//!                                                        └──▶ conn:   `service` is `ftp-data`
//! ftp  RETR … ◀── carried:  what came over the connection that its session agreed on last: `fuid`, `mime_type`
//! ```
//!
//! A command was seen before its connection began, so its record is late only by what one worker is behind another: a `conn` whose file waits is held for that
//! long, and so is a transfer's command whose file did not come yet. No others are.

mod held;
#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::time::SystemTime;

use ahash::RandomState;
use portreeve_record::app::files::{FTP_DATA, Files, UNCLAIMED};
use portreeve_record::app::ftp::Ftp;
use portreeve_record::{Conn, Fate, Fuid, Record, Uid};

use crate::bounded::Bounded;
use crate::config::SECOND;
use held::Held;

/// The name of FTP's connections for data, as Zeek has it.
pub(crate) const SERVICE: &str = "ftp-data";
const TCP: u8 = 6;

/// How long a connection may let wait for itself after the command, as in Zeek.
const OPENED_WITHIN: i64 = 300 * SECOND;
/// How long a file waits for the command's record, by the times of records: the record comes with the next command, or with another worker's next records.
const WAIT: i64 = 300 * SECOND;
/// The most files that wait; the one that waited longest is let go of then.
const MAX_WAITING: usize = 1024;
/// The most files over one connection's ends that wait for their commands; the first to come is let go of then.
const MAX_CARRIED: usize = 16;
/// Commands that move a file.
const TRANSFERS: [&str; 4] = ["APPE", "RETR", "STOR", "STOU"];

/// Who opens the connection, to whom and to which port.
type Key = (IpAddr, IpAddr, u16);

/// When a connection was agreed on: first and last, with never more than [`OPENED_WITHIN`] between. Servers with few ports name the same again and again.
#[derive(Clone, Copy, Debug)]
struct Agreed {
    first: i64,
    last: i64,
}

impl Agreed {
    fn at(ts: i64) -> Agreed {
        Agreed {
            first: ts,
            last: ts,
        }
    }

    /// It was agreed on at `ts` too.
    fn again(&mut self, ts: i64) {
        if ts >= self.last.saturating_add(OPENED_WITHIN) {
            *self = Agreed::at(ts);
        } else if ts.saturating_add(OPENED_WITHIN) > self.first {
            self.first = self.first.min(ts);
            self.last = self.last.max(ts);
        }
    }

    /// Whether the connection was to be expected at `ts`.
    fn fits(&self, ts: i64) -> bool {
        (self.first..self.last.saturating_add(OPENED_WITHIN)).contains(&ts)
    }
}

/// A file that came over a connection, and when its first bytes did.
#[derive(Clone, Copy, Debug)]
struct Carried {
    ts: i64,
    fuid: Fuid,
    mime_type: Option<&'static str>,
}

impl Carried {
    /// Whether it came between the command and the last reply to it.
    fn is_of(&self, ftp: &Ftp) -> bool {
        (ftp.head.ts..=ftp.replied.unwrap_or(i64::MAX)).contains(&self.ts)
    }
}

/// What is known of a `conn` when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nothing.
    Nobodys,
    /// It was agreed on.
    Ftps,
    /// It may have been: it is held.
    Held,
}

/// Connections that were agreed on, and files that may have come over one.
#[derive(Debug)]
pub(crate) struct Transfers {
    agreed: Bounded<Key, Agreed>,
    /// Files, and since when they wait, oldest first.
    waiting: VecDeque<(i64, Box<Files>)>,
    /// Whose they are.
    uids: HashSet<Uid, RandomState>,
    /// The ends of such connections.
    conns: Held<Conn>,
    /// What a session for commands agreed on last.
    sessions: Bounded<Uid, Key>,
    /// The last files of FTP between two ends, until a command is known that moved them. Listings stay.
    carried: Bounded<Key, Vec<Carried>>,
    /// Commands whose file did not come yet, and the connection that it comes over.
    commands: Held<(Key, Ftp)>,
}

impl Transfers {
    /// At most so many connections are remembered.
    pub(crate) fn new(entries: usize) -> Self {
        Transfers {
            agreed: Bounded::new(entries),
            waiting: VecDeque::new(),
            uids: HashSet::default(),
            conns: Held::default(),
            sessions: Bounded::new(entries),
            carried: Bounded::new(entries),
            commands: Held::default(),
        }
    }

    /// A command. The files that waited for what it agreed on are made, the `conn` that were held are `released`; a transfer is made with its file, or held for it.
    pub(crate) fn command(
        &mut self,
        ftp: &Ftp,
        made: &mut Vec<Record>,
        released: &mut Vec<Conn>,
    ) -> Fate {
        if let Some(channel) = ftp.data_channel {
            let key = (channel.orig_h, channel.resp_h, channel.resp_p);
            self.sessions.insert(ftp.head.uid, key);
            self.agree(key, ftp.head.ts, made, released);
        }
        if !TRANSFERS.contains(&&*ftp.command) {
            return Fate::Write;
        }
        let Some(&key) = self.sessions.get(&ftp.head.uid) else {
            return Fate::Write;
        };
        if let Some(files) = self.carried.get_mut(&key)
            && let Some(place) = files.iter().position(|file| file.is_of(ftp))
        {
            made.push(moved(ftp.clone(), files.remove(place)));
            return Fate::TakeIn;
        }
        let is_done = ftp.reply_code.is_some_and(|code| code / 100 == 2);
        if is_done && self.commands.has_room() {
            self.commands.push((key, ftp.clone()));
            return Fate::TakeIn;
        }
        Fate::Write
    }

    /// A connection was agreed on at `ts`.
    fn agree(&mut self, key: Key, ts: i64, made: &mut Vec<Record>, released: &mut Vec<Conn>) {
        let mut agreed = Agreed::at(ts);
        if let Some(known) = self.agreed.get(&key) {
            agreed = *known;
            agreed.again(ts);
        }
        self.agreed.insert(key, agreed);
        let mut found = Vec::new();
        self.waiting.retain_mut(|(_, file)| {
            let is_its = key_of(file) == key && agreed.fits(file.head.ts);
            if is_its {
                self.uids.remove(&file.head.uid);
                found.push(std::mem::take(&mut **file));
            }
            !is_its
        });
        for file in found {
            self.claim(file, made);
        }
        let is_its = |conn: &Conn| ends(conn) == key && agreed.fits(conn.ts);
        while let Some(conn) = self.conns.take_last(is_its) {
            released.push(named(&conn));
        }
    }

    /// A file that is FTP's.
    fn claim(&mut self, file: Files, made: &mut Vec<Record>) {
        self.carry(&file, made);
        let file = Files {
            source: FTP_DATA,
            ..file
        };
        made.push(Record::App(file.into()));
    }

    /// Notes what came over a connection; the command that waits for it is made.
    fn carry(&mut self, file: &Files, made: &mut Vec<Record>) {
        let key = key_of(file);
        let carried = Carried {
            ts: file.head.ts,
            fuid: file.fuid,
            mime_type: file.mime_type,
        };
        let moved_it = |(over, ftp): &(Key, Ftp)| *over == key && carried.is_of(ftp);
        if let Some((_, ftp)) = self.commands.take_last(moved_it) {
            made.push(moved(ftp, carried));
            return;
        }
        let files = self.carried.entry(key);
        if files.len() >= MAX_CARRIED {
            files.remove(0);
        }
        files.push(carried);
    }

    /// The end of a connection.
    pub(crate) fn conn(&mut self, conn: &Conn) -> Claim {
        if !self.may_name(conn) {
            return Claim::Nobodys;
        }
        let agreed = self.agreed.get(&ends(conn));
        if agreed.is_some_and(|agreed| agreed.fits(conn.ts)) {
            return Claim::Ftps;
        }
        if !self.uids.contains(&conn.uid) || !self.conns.has_room() {
            return Claim::Nobodys;
        }
        self.conns.push(*conn);
        Claim::Held
    }

    /// A connection that goes on: nothing of it is held.
    pub(crate) fn update(&self, conn: &Conn) -> Claim {
        // The time is the interval's, which may begin long after the connection.
        let agreed = |known: &Agreed| known.first <= conn.ts;
        if self.may_name(conn) && self.agreed.get(&ends(conn)).is_some_and(agreed) {
            Claim::Ftps
        } else {
            Claim::Nobodys
        }
    }

    fn may_name(&self, conn: &Conn) -> bool {
        conn.ip_proto == TCP
            && conn.service.is_none()
            && !(self.agreed.is_empty() && self.uids.is_empty())
    }

    /// A file: lets it go by if it is known whose it is.
    pub(crate) fn file(&mut self, file: &Files, made: &mut Vec<Record>) -> Fate {
        if file.source != UNCLAIMED {
            if file.source == FTP_DATA {
                self.carry(file, made);
            }
            return Fate::Write;
        }
        let agreed = self.agreed.get(&key_of(file));
        if agreed.is_some_and(|agreed| agreed.fits(file.head.ts)) {
            self.claim(file.clone(), made);
            return Fate::TakeIn;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.let_go();
        }
        let since = file.head.ts.saturating_add(file.duration);
        self.uids.insert(file.head.uid);
        self.waiting.push_back((since, Box::new(file.clone())));
        Fate::TakeIn
    }

    /// Lets the files go that waited long enough at `now`, by the times of records.
    pub(crate) fn release(&mut self, now: i64) {
        while self
            .waiting
            .front()
            .is_some_and(|(since, _)| since.saturating_add(WAIT) <= now)
        {
            self.let_go();
        }
    }

    /// Lets the file go that waited longest.
    fn let_go(&mut self) {
        if let Some((_, file)) = self.waiting.pop_front() {
            self.uids.remove(&file.head.uid);
        }
    }

    /// Lets those go that were held long enough at `now`, by the clock. To be called a few times a second.
    pub(crate) fn tick(
        &mut self,
        now: SystemTime,
        made: &mut Vec<Record>,
        released: &mut Vec<Conn>,
    ) {
        released.extend(std::iter::from_fn(|| self.conns.due(now)));
        made.extend(std::iter::from_fn(|| self.commands.due(now)).map(record));
    }

    /// Lets all go that are held.
    pub(crate) fn finish(&mut self, made: &mut Vec<Record>, released: &mut Vec<Conn>) {
        released.extend(std::iter::from_fn(|| self.conns.pop()));
        made.extend(std::iter::from_fn(|| self.commands.pop()).map(record));
    }
}

fn record((_, ftp): (Key, Ftp)) -> Record {
    Record::App(ftp.into())
}

/// A command with the file that it moved.
fn moved(ftp: Ftp, file: Carried) -> Record {
    Record::App(
        Ftp {
            fuid: Some(file.fuid),
            mime_type: file.mime_type,
            ..ftp
        }
        .into(),
    )
}

/// A `conn` under FTP's name.
pub(crate) fn named(conn: &Conn) -> Conn {
    Conn {
        service: Some(SERVICE),
        ..*conn
    }
}

fn ends(conn: &Conn) -> Key {
    (conn.orig_h, conn.resp_h, conn.resp_p)
}

fn key_of(file: &Files) -> Key {
    (file.head.orig_h, file.head.resp_h, file.head.resp_p)
}
