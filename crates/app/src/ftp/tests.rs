//! Conversations that were made up; real ones are in tests/ftp.rs.

use portreeve_record::app::files::{Files, UNCLAIMED};
use portreeve_record::{App, Record, app::ftp::Ftp};

use super::session::Session;
use crate::testing::{From, Play, START, play_cut};
use crate::{Hashes, SESSION_BYTES, Transport};

const _: () = assert!(size_of::<Session>() <= SESSION_BYTES);

fn ftp(records: &[Record]) -> Vec<&Ftp> {
    let all = records.iter().filter_map(|record| match record {
        Record::App(App::Ftp(ftp)) => Some(&**ftp),
        _ => None,
    });
    all.collect()
}

const TALK: &[(From, &[u8])] = &[
    (From::Resp, b"220-welcome\r\n220 to x\r\n"),
    (From::Orig, b"USER joe\r\n"),
    (From::Resp, b"331 who says so\r\n"),
    (From::Orig, b"PASS secret\r\n"),
    (From::Resp, b"230-in\r\n  200 files\r\n230 in\r\n"),
    (From::Orig, b"CWD /pub/a\r\nCDUP\r\nEPSV\r\n"),
    (From::Resp, b"250 ok\r\n200 ok\r\n229 here (|||4000|)\r\n"),
    (From::Orig, b"RETR some file\r\n"),
    (From::Resp, b"150 Opening for some file (1234 bytes)\r\n"),
    (From::Orig, b"PORT 192,0,2,1,10,1\r\n"),
    (From::Resp, b"226 done\r\n200 ok\r\n"),
    (From::Orig, b"STOR x\r\n"),
];

#[test]
fn commands_are_told_however_they_are_cut() {
    let outcome = play_cut(21, TALK);
    assert_eq!(outcome.service, Some("ftp"));
    let told = ftp(&outcome.records);
    let words: Vec<_> = told.iter().map(|ftp| &*ftp.command).collect();
    assert_eq!(words, ["EPSV", "RETR", "PORT", "STOR"]);
    let channel = told[0].data_channel.unwrap();
    assert!(channel.passive && channel.resp_p == 4000 && channel.resp_h == told[0].head.resp_h);
    assert_eq!(
        told[1].arg.as_deref(),
        Some("ftp://192.0.2.2/pub/some file")
    );
    assert_eq!(
        (told[1].file_size, told[1].reply_code),
        (Some(1234), Some(226))
    );
    let channel = told[2].data_channel.unwrap();
    assert!(!channel.passive && channel.resp_p == 2561 && channel.orig_h == told[0].head.resp_h);
    assert_eq!(
        (told[3].user.as_deref(), told[3].reply_code),
        (Some("joe"), None)
    );
    assert!(!format!("{told:?}").contains("secret"));
}

#[test]
fn numbers_that_are_no_size_are_none() {
    let mut play = Play::new(Transport::Tcp, 50_000, 21);
    play.resp(b"220 an FTP server\r\n").orig(b"RETR a.bin\r\n");
    play.resp(b"150-Accepted\r\n150 12.3 kbytes to download\r\n226 done\r\n");
    play.orig(b"RETR y2024.txt\r\n");
    play.resp(b"150 Opening data channel for \"/y2024.txt\"\r\n226 done\r\n");
    let outcome = play.finish();
    let told = ftp(&outcome.records);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|ftp| ftp.file_size.is_none()), "{told:?}");
}

#[test]
fn a_client_that_says_what_it_is_is_heard() {
    let script: [(From, &[u8]); 4] = [
        (From::Resp, b"220 an FTP server\r\n"),
        (From::Orig, b"USER joe\r\n"),
        (From::Resp, b"331 x\r\n"),
        (From::Orig, b"CLNT Total Commander\r\nCLNT\r\n"),
    ];
    let outcome = play_cut(21, &script);
    let [Record::App(App::Software(heard))] = &outcome.records[..] else {
        panic!("{:?}", outcome.records);
    };
    assert_eq!(&*heard.unparsed_version, "Total Commander");
    assert_eq!(heard.host, heard.head.orig_h);
    assert_eq!((heard.software_type, &heard.name), ("FTP::CLIENT", &None));
}

#[test]
fn guests_have_no_secrets() {
    let script: [(From, &[u8]); 3] = [
        (From::Resp, b"220 an FTP server\r\n"),
        (From::Orig, b"USER Anonymous\r\nPASS me@home\r\nPASV\r\n"),
        (From::Resp, b"331 x\r\n230 x\r\n227 (1,2,3,4,5,6)\r\n"),
    ];
    let outcome = play_cut(2222, &script);
    assert_eq!(
        ftp(&outcome.records)[0].password.as_deref(),
        Some("me@home")
    );
}

#[test]
fn tls_takes_over() {
    let mut play = Play::new(Transport::Tcp, 50_000, 21);
    play.resp(b"220 x\r\n")
        .orig(b"AUTH TLS\r\n")
        .resp(b"234 go\r\n")
        .orig(b"PASV\r\n");
    assert!(ftp(&play.finish().records).is_empty());
}

#[test]
fn mail_is_not_ftp() {
    let mut play = Play::new(Transport::Tcp, 50_000, 2222);
    play.resp(b"220 hello\r\n").orig(b"EHLO x\r\n");
    assert_eq!(play.finish().service, Some("smtp"));
}

fn file_of(outcome: &crate::testing::Outcome) -> &Files {
    let mut files = outcome.records.iter().filter_map(|record| match record {
        Record::App(App::Files(files)) => Some(&**files),
        _ => None,
    });
    files.next().expect("a file")
}

#[test]
fn data_is_known_by_the_servers_port_and_a_file() {
    let content = b"GIF89a".repeat(3000);
    for size in [1, 3, 500, 512, 1460, usize::MAX] {
        for hash in [false, true] {
            let hashes = Hashes {
                md5: hash,
                ..Hashes::default()
            };
            let mut play = Play::new(Transport::Tcp, 20, 50_000).hashing(hashes);
            for piece in content.chunks(size) {
                play.orig(piece);
            }
            let outcome = play.finish();
            assert_eq!(outcome.service, Some("ftp-data"));
            let file = file_of(&outcome);
            assert_eq!((file.source, file.is_orig), ("FTP_DATA", true));
            assert_eq!(
                (file.seen_bytes, file.mime_type),
                (18_000, Some("image/gif"))
            );
            // By md5sum.
            let md5 = "99e5259d69e17c5eabd540635fb59fcb";
            assert_eq!(file.md5.as_deref(), hash.then_some(md5));
        }
    }
    let mut play = Play::new(Transport::Tcp, 20, 50_000).hashing(Hashes {
        md5: true,
        ..Hashes::default()
    });
    play.resp(b"up").resp_gap(5).resp(b"load");
    let outcome = play.finish();
    let file = file_of(&outcome);
    assert_eq!((file.seen_bytes, file.missing_bytes), (6, 5));
    assert!(file.md5.is_none() && !file.is_orig);
}

/// A connection between ports that say nothing, whose beginning was seen.
fn between_free_ports() -> Play {
    let mut play = Play::new(Transport::Tcp, 50_000, 40_000);
    play.begin();
    play
}

fn files(outcome: &crate::testing::Outcome) -> Vec<&Files> {
    let files = outcome.records.iter().filter_map(|record| match record {
        Record::App(App::Files(files)) => Some(&**files),
        _ => None,
    });
    files.collect()
}

#[test]
fn what_one_side_alone_sends_may_be_ftps() {
    let long = b"GIF89a".repeat(3000);
    // Too short to say that it is none of the protocols, too.
    for content in [long.as_slice(), b"2\r\n", b"S"] {
        for size in [1, 3, 500, 1460, usize::MAX] {
            for from in [From::Orig, From::Resp] {
                let mut play = between_free_ports();
                for piece in content.chunks(size) {
                    match from {
                        From::Orig => play.orig(piece),
                        From::Resp => play.resp(piece),
                    };
                }
                let outcome = play.finish();
                assert_eq!(outcome.service, None);
                let [file] = files(&outcome)[..] else {
                    panic!("{:?}", outcome.records);
                };
                assert_eq!(file.source, UNCLAIMED);
                assert_eq!(file.seen_bytes, content.len() as u64);
                assert_eq!(file.is_orig, from == From::Orig);
                let image = content.len() > 6;
                assert_eq!(file.mime_type == Some("image/gif"), image);
                if !image {
                    // When it came, not when the connection was over.
                    assert_eq!(file.head.ts, START);
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_ftps_is_not_told() {
    // Both talk, early or late.
    for len in [10, 100_000] {
        let mut play = between_free_ports();
        play.orig(&vec![0xff; len]).resp(b"\xff").orig(b"\xff");
        assert!(files(&play.finish()).is_empty());
    }
    // A service's own port; a beginning that was not seen; another protocol.
    let mut play = Play::new(Transport::Tcp, 50_000, 443);
    play.begin().resp(&[0xff; 1000]);
    assert!(files(&play.finish()).is_empty());
    let mut play = Play::new(Transport::Tcp, 50_000, 40_000);
    play.resp(&[0xff; 1000]);
    assert!(files(&play.finish()).is_empty());
    let mut play = between_free_ports();
    play.resp(b"SSH-2.0-a\r\n");
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("ssh"));
    assert!(files(&outcome).is_empty());
}

#[test]
fn damage_harms_nothing() {
    let side = |side: From| -> Vec<u8> {
        TALK.iter()
            .filter(|(from, _)| *from == side)
            .flat_map(|(_, bytes)| bytes.to_vec())
            .collect()
    };
    let (all, replies) = (side(From::Orig), side(From::Resp));
    let mut state = 1u32;
    for len in 0..all.len() {
        let (mut bytes, mut answers) = (all[..len].to_vec(), replies.clone());
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize;
            for bytes in [&mut bytes, &mut answers] {
                let at = at % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= state as u8;
                }
            }
        }
        let mut play = Play::of(&super::FTP, Transport::Tcp, 50_000, 21);
        play.orig(&bytes)
            .resp(&answers)
            .resp_gap(9)
            .orig(&all[len..])
            .resp(&bytes);
        play.finish();
    }
}
