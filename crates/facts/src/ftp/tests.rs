//! Which connections and files are FTP's, whatever comes first.

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
    let _ = transfers.command(&command(5, 4000), &mut made, &mut Vec::new());
    assert_eq!(
        transfers.file(&file(6, 4000), &mut made),
        Fate::TakeIn,
        "it is written as FTP's"
    );
    assert_eq!(sources(&made), ["FTP_DATA"]);
    made.clear();
    assert_eq!(transfers.file(&file(9, 4001), &mut made), Fate::TakeIn);
    assert!(made.is_empty());
    let _ = transfers.command(&command(8, 4001), &mut made, &mut Vec::new());
    assert_eq!(sources(&made), ["FTP_DATA"]);
    assert!(transfers.waiting.is_empty());
}

#[test]
fn one_port_serves_many_transfers() {
    let (mut transfers, mut made) = (Transfers::new(10), Vec::new());
    let late = 5 + 2 * OPENED_WITHIN;
    for ts in [5, OPENED_WITHIN, 6, late] {
        let _ = transfers.command(&command(ts, 4000), &mut made, &mut Vec::new());
    }
    // A transfer is told of when it is over: what was agreed on since does not matter, unless it is long after.
    for (ts, expected) in [(late - 1, 0), (late, 1), (late + 1, 1)] {
        made.clear();
        let _ = transfers.file(&file(ts, 4000), &mut made);
        assert_eq!(made.len(), expected, "{ts}");
    }
    let mut transfers = Transfers::new(10);
    for ts in [5, OPENED_WITHIN, 2] {
        let _ = transfers.command(&command(ts, 4000), &mut made, &mut Vec::new());
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
    let _ = transfers.command(&command(5, 4000), &mut made, &mut Vec::new());
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

fn conn(ts: i64, port: u16, uid: u32) -> Conn {
    Conn {
        ts,
        uid: Uid([0, 0, uid]),
        orig_h: [10, 0, 0, 1].into(),
        resp_h: [10, 0, 0, 2].into(),
        resp_p: port,
        ip_proto: TCP,
        ..Conn::default()
    }
}

fn file_of(conn: &Conn) -> Files {
    let mut file = file(conn.ts, conn.resp_p);
    file.head.uid = conn.uid;
    file
}

#[test]
fn connections_are_named_by_what_was_agreed_on() {
    let (mut transfers, mut made, mut released) = (Transfers::new(10), Vec::new(), Vec::new());
    assert_eq!(transfers.conn(&conn(6, 4000, 1)), Claim::Nobodys);
    let _ = transfers.command(&command(5, 4000), &mut made, &mut released);
    assert_eq!(transfers.conn(&conn(6, 4000, 1)), Claim::Ftps);
    let late = 5 + 2 * OPENED_WITHIN;
    for other in [
        conn(4, 4000, 1),
        conn(late, 4000, 1),
        conn(6, 4001, 1),
        Conn {
            service: Some("ssl"),
            ..conn(6, 4000, 1)
        },
        Conn {
            ip_proto: 17,
            ..conn(6, 4000, 1)
        },
    ] {
        assert_eq!(transfers.conn(&other), Claim::Nobodys, "{other:?}");
    }
    // A long one goes on under its name.
    assert_eq!(transfers.update(&conn(late, 4000, 1)), Claim::Ftps);
    assert_eq!(transfers.update(&conn(4, 4000, 1)), Claim::Nobodys);
    transfers.finish(&mut made, &mut released);
    assert!(made.is_empty() && released.is_empty());
}

#[test]
fn a_connection_whose_file_waits_is_held() {
    let (mut transfers, mut made, mut released) = (Transfers::new(10), Vec::new(), Vec::new());
    for (uid, port) in [(1, 4000), (2, 4001), (3, 4002)] {
        let conn = conn(6, port, uid);
        let _ = transfers.file(&file_of(&conn), &mut made);
        assert_eq!(transfers.conn(&conn), Claim::Held);
    }
    assert_eq!(transfers.conn(&conn(6, 4002, 4)), Claim::Nobodys);
    let _ = transfers.command(&command(5, 4001), &mut made, &mut released);
    let now = SystemTime::UNIX_EPOCH;
    transfers.tick(now, &mut made, &mut released);
    transfers.tick(now + held::HOLD, &mut made, &mut released);
    transfers.finish(&mut made, &mut released);
    let told: Vec<_> = released.iter().map(|c| (c.uid.0[2], c.service)).collect();
    assert_eq!(told, [(2, Some(SERVICE)), (1, None), (3, None)]);
}

/// A command for a file, by the session of `command`.
fn transfer(ts: i64, word: &str, code: u16) -> Ftp {
    Ftp {
        command: word.into(),
        reply_code: Some(code),
        replied: Some(ts + 2),
        data_channel: None,
        ..command(ts, 0)
    }
}

fn fuids(made: &[Record]) -> Vec<Option<Fuid>> {
    let fuid = |record: &Record| match record {
        Record::App(App::Ftp(ftp)) => Some(ftp.fuid),
        _ => None,
    };
    made.iter().filter_map(fuid).collect()
}

#[test]
fn a_transfer_tells_its_file_whichever_comes_first() {
    let (mut transfers, mut made, mut released) = (Transfers::new(10), Vec::new(), Vec::new());
    let with = |ts, port, fuid| Files {
        fuid,
        ..file(ts, port)
    };
    let [listing, first, second, active] =
        [1, 2, 3, 4].map(|n| Fuid::new(Uid([0, 0, 9]), false, n));
    let _ = transfers.command(&command(1, 4000), &mut made, &mut released);
    let _ = transfers.file(&with(2, 4000, listing), &mut made);
    let _ = transfers.command(&command(3, 4001), &mut made, &mut released);
    let _ = transfers.file(&with(5, 4001, first), &mut made);
    let retr = transfer(4, "RETR", 226);
    let fate = transfers.command(&retr, &mut made, &mut released);
    assert_eq!((fate, fuids(&made)), (Fate::TakeIn, vec![Some(first)]));
    made.clear();
    // The file comes later; and one that FTP's own port told.
    let _ = transfers.command(&command(6, 4002), &mut made, &mut released);
    let fate = transfers.command(&transfer(7, "STOR", 226), &mut made, &mut released);
    assert_eq!((fate, fuids(&made)), (Fate::TakeIn, vec![]));
    let _ = transfers.file(&with(8, 4002, second), &mut made);
    assert_eq!(fuids(&made), [Some(second)]);
    made.clear();
    let _ = transfers.command(&command(9, 4003), &mut made, &mut released);
    let of_port_20 = Files {
        source: FTP_DATA,
        ..with(11, 4003, active)
    };
    assert_eq!(transfers.file(&of_port_20, &mut made), Fate::Write);
    let _ = transfers.command(&transfer(10, "RETR", 226), &mut made, &mut released);
    assert_eq!(fuids(&made), [Some(active)]);
}

#[test]
fn of_many_files_over_one_port_a_transfer_tells_its_own() {
    let (mut transfers, mut made, mut released) = (Transfers::new(10), Vec::new(), Vec::new());
    let fuid = |n| Fuid::new(Uid([0, 0, 9]), false, n);
    let commands = [command(1, 4000), command(11, 4000), command(21, 4000)];
    let moves = [transfer(2, "STOR", 226), transfer(12, "RETR", 226)];
    // All files first, the last one foremost; or all commands first.
    for files_first in [true, false] {
        for step in [files_first, !files_first] {
            if step {
                for (n, ts) in [(3, 23), (1, 3), (2, 13)] {
                    let file = Files {
                        fuid: fuid(n),
                        ..file(ts, 4000)
                    };
                    let _ = transfers.file(&file, &mut made);
                }
            } else {
                for ftp in commands.iter().chain(&moves) {
                    let fate = transfers.command(ftp, &mut made, &mut released);
                    if fate == Fate::Write && !ftp.command.is_empty() {
                        made.push(Record::App(ftp.clone().into()));
                    }
                }
            }
        }
        assert_eq!(fuids(&made), [Some(fuid(1)), Some(fuid(2))]);
        (made, released) = (Vec::new(), Vec::new());
        transfers = Transfers::new(10);
    }
}

#[test]
fn a_transfer_without_a_file_is_written_all_the_same() {
    let (mut transfers, mut made, mut released) = (Transfers::new(10), Vec::new(), Vec::new());
    let retr = transfer(4, "RETR", 226);
    let fate = transfers.command(&retr, &mut made, &mut released);
    assert_eq!(fate, Fate::Write, "nothing was agreed on");
    let _ = transfers.command(&command(3, 4001), &mut made, &mut released);
    // A file of before is another command's.
    let _ = transfers.file(&file(3, 4001), &mut made);
    made.clear();
    let refused = transfer(4, "RETR", 550);
    for other in [refused, transfer(4, "DELE", 250)] {
        let fate = transfers.command(&other, &mut made, &mut released);
        assert_eq!(fate, Fate::Write);
    }
    let fate = transfers.command(&retr, &mut made, &mut released);
    assert_eq!((fate, made.len()), (Fate::TakeIn, 0));
    transfers.finish(&mut made, &mut released);
    assert_eq!(fuids(&made), [None]);
}

#[test]
fn what_waits_is_bounded() {
    let (mut transfers, mut made) = (Transfers::new(10), Vec::new());
    for port in 0..5000 {
        let _ = transfers.file(&file(6, port), &mut made);
    }
    assert_eq!(transfers.waiting.len(), MAX_WAITING);
    assert!(transfers.uids.len() <= MAX_WAITING);
    let _ = transfers.command(&command(5, 4999), &mut made, &mut Vec::new());
    let _ = transfers.command(&command(5, 0), &mut made, &mut Vec::new());
    assert_eq!(made.len(), 1);
}
