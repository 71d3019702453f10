//! What FTP's connections for data carry. The commands agree on a connection (`PASV`, `EPSV`, `PORT`, `EPRT`), and another worker may have it: it tells what a connection
//! of no known protocol carried ([`UNCLAIMED`]), and here that is found among what was agreed on.
//!
//! Either may come first. What nobody agreed on is let go of, which is most of it: any protocol that is not known, where one side alone has spoken.

use std::collections::VecDeque;
use std::net::IpAddr;

use portreeve_record::app::files::{FTP_DATA, Files, UNCLAIMED};
use portreeve_record::app::ftp::Ftp;
use portreeve_record::{Fate, Record};

use crate::bounded::Bounded;
use crate::config::SECOND;

/// How long a connection may let wait for itself after the command, as in Zeek.
const OPENED_WITHIN: i64 = 300 * SECOND;
/// How long a file waits for the command's record, by the times of records: the record comes with the next command, or with another worker's next records.
const WAIT: i64 = 300 * SECOND;
/// The most files that wait; the one that waited longest is let go of then.
const MAX_WAITING: usize = 1024;

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

/// Connections that were agreed on, and files that may have come over one.
#[derive(Debug)]
pub(crate) struct Transfers {
    agreed: Bounded<Key, Agreed>,
    /// Files, and since when they wait, oldest first.
    waiting: VecDeque<(i64, Box<Files>)>,
}

impl Transfers {
    /// At most so many connections are remembered.
    pub(crate) fn new(entries: usize) -> Self {
        Transfers {
            agreed: Bounded::new(entries),
            waiting: VecDeque::new(),
        }
    }

    /// A command: what was agreed on there, and the files that waited for it.
    pub(crate) fn command(&mut self, ftp: &Ftp, made: &mut Vec<Record>) {
        let Some(channel) = ftp.data_channel else {
            return;
        };
        let key = (channel.orig_h, channel.resp_h, channel.resp_p);
        let mut agreed = Agreed::at(ftp.head.ts);
        if let Some(known) = self.agreed.get(&key) {
            agreed = *known;
            agreed.again(ftp.head.ts);
        }
        self.agreed.insert(key, agreed);
        self.waiting.retain(|(_, file)| {
            let is_its = key_of(file) == key && agreed.fits(file.head.ts);
            if is_its {
                made.push(claimed(file));
            }
            !is_its
        });
    }

    /// A file: lets it go by if it is known whose it is.
    pub(crate) fn file(&mut self, file: &Files, made: &mut Vec<Record>) -> Fate {
        if file.source != UNCLAIMED {
            return Fate::Write;
        }
        let agreed = self.agreed.get(&key_of(file));
        if agreed.is_some_and(|agreed| agreed.fits(file.head.ts)) {
            made.push(claimed(file));
            return Fate::TakeIn;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        let since = file.head.ts.saturating_add(file.duration);
        self.waiting.push_back((since, Box::new(file.clone())));
        Fate::TakeIn
    }

    /// Lets those go that waited long enough at `now`.
    pub(crate) fn release(&mut self, now: i64) {
        while self
            .waiting
            .front()
            .is_some_and(|(since, _)| since.saturating_add(WAIT) <= now)
        {
            self.waiting.pop_front();
        }
    }
}

fn key_of(file: &Files) -> Key {
    (file.head.orig_h, file.head.resp_h, file.head.resp_p)
}

fn claimed(file: &Files) -> Record {
    let file = Files {
        source: FTP_DATA,
        ..file.clone()
    };
    Record::App(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::app::ftp::DataChannel;
    use portreeve_record::{App, Head};

    fn command(ts: i64, port: u16) -> Ftp {
        Ftp {
            head: Head {
                ts,
                ..Head::default()
            },
            data_channel: Some(DataChannel {
                passive: true,
                orig_h: [10, 0, 0, 1].into(),
                resp_h: [10, 0, 0, 2].into(),
                resp_p: port,
            }),
            ..Ftp::default()
        }
    }

    fn file(ts: i64, port: u16) -> Files {
        Files {
            head: Head {
                ts,
                orig_h: [10, 0, 0, 1].into(),
                orig_p: 50_000,
                resp_h: [10, 0, 0, 2].into(),
                resp_p: port,
                ..Head::default()
            },
            source: UNCLAIMED,
            seen_bytes: 7,
            ..Files::default()
        }
    }

    fn sources(made: &[Record]) -> Vec<&'static str> {
        let source = |record: &Record| match record {
            Record::App(App::Files(file)) => file.source,
            other => panic!("{other:?}"),
        };
        made.iter().map(source).collect()
    }

    #[test]
    fn a_file_is_ftps_whichever_comes_first() {
        let (mut transfers, mut made) = (Transfers::new(10), Vec::new());
        transfers.command(&command(5, 4000), &mut made);
        assert_eq!(
            transfers.file(&file(6, 4000), &mut made),
            Fate::TakeIn,
            "it is written as FTP's"
        );
        assert_eq!(sources(&made), ["FTP_DATA"]);
        made.clear();
        assert_eq!(transfers.file(&file(9, 4001), &mut made), Fate::TakeIn);
        assert!(made.is_empty());
        transfers.command(&command(8, 4001), &mut made);
        assert_eq!(sources(&made), ["FTP_DATA"]);
        assert!(transfers.waiting.is_empty());
    }

    #[test]
    fn one_port_serves_many_transfers() {
        let (mut transfers, mut made) = (Transfers::new(10), Vec::new());
        let late = 5 + 2 * OPENED_WITHIN;
        for ts in [5, OPENED_WITHIN, 6, late] {
            transfers.command(&command(ts, 4000), &mut made);
        }
        // A transfer is told of when it is over: what was agreed on since does not matter, unless it is long after.
        for (ts, expected) in [(late - 1, 0), (late, 1), (late + 1, 1)] {
            made.clear();
            let _ = transfers.file(&file(ts, 4000), &mut made);
            assert_eq!(made.len(), expected, "{ts}");
        }
        let mut transfers = Transfers::new(10);
        for ts in [5, OPENED_WITHIN, 2] {
            transfers.command(&command(ts, 4000), &mut made);
        }
        for (ts, expected) in [(1, 0), (2, 1), (7, 1), (2 * OPENED_WITHIN, 0)] {
            made.clear();
            let _ = transfers.file(&file(ts, 4000), &mut made);
            assert_eq!(made.len(), expected, "{ts}");
        }
    }

    #[test]
    fn what_was_not_agreed_on_is_let_go_of() {
        let (mut transfers, mut made) = (Transfers::new(10), Vec::new());
        let of_http = Files {
            source: "HTTP",
            ..file(6, 4000)
        };
        assert_eq!(transfers.file(&of_http, &mut made), Fate::Write);
        // Before it was agreed on, too late, another port, the other way round.
        transfers.command(&command(5, 4000), &mut made);
        let mut other_way = file(6, 4000);
        std::mem::swap(&mut other_way.head.orig_h, &mut other_way.head.resp_h);
        let others = [
            file(4, 4000),
            file(5 + OPENED_WITHIN, 4000),
            file(6, 4001),
            other_way,
        ];
        for file in &others {
            assert_eq!(transfers.file(file, &mut made), Fate::TakeIn);
        }
        assert_eq!(transfers.waiting.len(), others.len());
        transfers.release(5 + WAIT);
        assert_eq!(transfers.waiting.len(), 3);
        transfers.release(5 + OPENED_WITHIN + WAIT);
        assert!(transfers.waiting.is_empty() && made.is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut transfers, mut made) = (Transfers::new(10), Vec::new());
        for port in 0..5000 {
            let _ = transfers.file(&file(6, port), &mut made);
        }
        assert_eq!(transfers.waiting.len(), MAX_WAITING);
        transfers.command(&command(5, 4999), &mut made);
        transfers.command(&command(5, 0), &mut made);
        assert_eq!(made.len(), 1);
    }
}
