//! Conversations that are played.

use portreeve_record::app::files::Files;
use portreeve_record::app::http::Http;
use portreeve_record::{App, Record};

use super::HTTP2;
use super::frame::PREFACE;
use crate::Hashes;
use crate::protocol::Transport;
use crate::testing::{From, Outcome, Play, START, STEP, play_cut, play_cut_hashing};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field that goes into the table, without Huffman's code.
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0x40, name.len() as u8];
    field.extend(name.as_bytes());
    field.push(value.len() as u8);
    field.extend(value.as_bytes());
    field
}

fn records(outcome: &Outcome) -> Vec<&Http> {
    outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Record::App(App::Http(http)) => Some(&**http),
            _ => None,
        })
        .collect()
}

fn files(outcome: &Outcome) -> Vec<&Files> {
    outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Record::App(App::Files(files)) => Some(&**files),
            _ => None,
        })
        .collect()
}

/// A client that asks twice, the second time by the numbers of what it said before.
fn client() -> Vec<u8> {
    let first = [
        vec![0x83, 0x86, 0x84],
        field(":authority", "user:pass@example.org"),
        field("user-agent", "test"),
        field("cookie", "secret"),
    ]
    .concat();
    let (begin, rest) = first.split_at(10);
    [
        PREFACE.to_vec(),
        frame(4, 0, 0, &[0, 1, 0, 0, 0x20, 0]),
        frame(1, 0, 1, begin),
        frame(9, 4, 1, rest),
        // Padded: three bytes of content, two of padding.
        frame(0, 0x09, 1, b"\x02abc\0\0"),
        frame(1, 0x25, 3, &[0, 0, 0, 0, 9, 0x82, 0x86, 0x85, 0xc0, 0xbf]),
        frame(6, 0, 0, &[0; 8]),
    ]
    .concat()
}

fn server() -> Vec<u8> {
    let type_of = field("content-type", "text/html; charset=utf-8");
    [
        frame(4, 0, 0, &[]),
        frame(4, 1, 0, &[]),
        frame(1, 4, 3, &[vec![0x8d], type_of].concat()),
        frame(1, 4, 1, &[0x08, 0x03, b'1', b'0', b'3']),
        frame(1, 4, 1, &[0x88, 0xbe]),
        frame(0, 0, 1, &[b"<html>".as_slice(), &[b' '; 2000]].concat()),
        frame(0, 1, 3, b""),
        frame(0, 0, 1, b"more"),
        frame(1, 5, 1, &field("trailer", "x")),
    ]
    .concat()
}

#[test]
fn streams_are_told_apart() {
    let outcome = play_cut(8080, &[(From::Orig, &client()), (From::Resp, &server())]);
    assert_eq!(outcome.service, Some("http2"));
    let records = records(&outcome);
    let [later, first] = records[..] else {
        panic!("{records:#?}");
    };
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    assert_eq!(
        (text(&first.method), text(&first.uri)),
        ("POST".into(), "/".into())
    );
    assert_eq!(
        (text(&later.method), text(&later.uri)),
        ("GET".into(), "/index.html".into())
    );
    for record in [first, later] {
        assert_eq!(record.host.as_deref(), Some("example.org"));
        assert_eq!(record.user_agent.as_deref(), Some("test"));
        assert_eq!(record.version, Some("2"));
        assert_eq!(record.content_type.as_deref(), Some("text/html"));
    }
    assert_eq!(
        (first.status_code, later.status_code),
        (Some(200), Some(404))
    );
    assert_eq!(first.info_code, Some(103));
    assert_eq!((first.request_body_len, first.response_body_len), (3, 2010));
    assert_eq!(&*first.resp.mime_types[0], "text/html");
    let [request, response] = files(&outcome)[..] else {
        panic!("{outcome:#?}");
    };
    assert!(request.is_orig && !response.is_orig);
    assert_eq!((request.seen_bytes, response.seen_bytes), (3, 2010));
    assert_eq!(first.orig.fuids, [request.fuid]);
    assert_eq!(first.resp.fuids, [response.fuid]);
    assert!(later.orig.fuids.is_empty() && later.resp.fuids.is_empty());
    assert_eq!((first.trans_depth, later.trans_depth), (1, 2));
    let told = format!("{outcome:?}");
    assert!(!told.contains("secret") && !told.contains("pass@"));
}

#[test]
fn what_was_given_up_is_not_begun_again() {
    let request = |id| frame(1, 5, id, &[0x82, 0x86, 0x84]);
    let settings = || [frame(4, 0, 0, &[]), frame(4, 1, 0, &[])].concat();
    let promise = [&2u32.to_be_bytes()[..], &[0x82, 0x86, 0x85]].concat();
    let script: [(From, Vec<u8>); 5] = [
        (From::Orig, [PREFACE, &frame(4, 0, 0, &[])].concat()),
        (From::Resp, settings()),
        (From::Orig, [request(1), request(3)].concat()),
        (From::Resp, frame(5, 4, 3, &promise)),
        (
            From::Orig,
            [frame(3, 0, 1, &[0, 0, 0, 8]), frame(3, 0, 2, &[0, 0, 0, 8])].concat(),
        ),
    ];
    // Under way when it was given up, but for the last; what it says of fields is known behind it all the same.
    let late = [
        frame(1, 4, 1, &[vec![0x88], field("server", "s")].concat()),
        frame(0, 1, 1, b"hello"),
        frame(1, 5, 2, &[0x88]),
        frame(1, 5, 3, &[0x8d, 0xbe]),
    ];
    let late = late.concat();
    let mut script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
    script.push((From::Resp, &late));
    let outcome = play_cut(8080, &script);
    let said: Vec<_> = records(&outcome)
        .iter()
        .map(|http| {
            (
                http.uri.as_deref(),
                http.status_code,
                http.server.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (Some("/"), None, None),
            (Some("/index.html"), None, None),
            (Some("/"), Some(404), Some("s")),
        ]
    );
    assert!(files(&outcome).is_empty());
}

#[test]
fn content_is_as_old_as_its_first_byte() {
    let mut play = Play::new(Transport::Tcp, 50_000, 8080);
    play.orig(
        &[
            PREFACE,
            &frame(4, 0, 0, &[]),
            &frame(1, 5, 1, &[0x82, 0x86, 0x84]),
        ]
        .concat(),
    );
    let data = frame(0, 1, 1, &[b'x'; 900]);
    let (front, rest) = data.split_at(100);
    play.resp(&[frame(4, 0, 0, &[]), frame(1, 4, 1, &[0x88])].concat());
    play.step(1_000_000_000).resp(front).resp(rest);
    let outcome = play.finish();
    let [file] = files(&outcome)[..] else {
        panic!("{outcome:#?}");
    };
    let first = START + STEP + 1_000_000_000;
    assert_eq!((file.head.ts, file.duration), (first, 1_000_000_000));
}

#[test]
fn a_server_alone_opens_what_it_answers() {
    let answer = |id| frame(1, 5, id, &[0x88]);
    let script = [frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]), answer(3), answer(1)].concat();
    let outcome = play_cut(8080, &[(From::Resp, &script)]);
    assert_eq!(records(&outcome).len(), 2);
}

/// A server's answers in two streams, in pieces that take turns, one with padding; the second ends if `whole`.
fn answers(whole: bool) -> Vec<u8> {
    let padded = [&[3][..], b"lo", &[0; 3]].concat();
    [
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
        frame(1, 4, 1, &[0x88]),
        frame(1, 4, 3, &[0x88]),
        frame(0, 0, 1, b"hel"),
        frame(0, 0, 3, &[b'x'; 20_000]),
        frame(0, 9, 1, &padded),
        frame(0, u8::from(whole), 3, b"y"),
    ]
    .concat()
}

#[test]
fn content_is_a_file_for_each_stream() {
    let hashes = Hashes {
        md5: true,
        ..Hashes::default()
    };
    for whole in [true, false] {
        let script = [(From::Resp, &*answers(whole))];
        let outcome = play_cut_hashing(8080, hashes, &script);
        let [first, second] = files(&outcome)[..] else {
            panic!("{outcome:#?}");
        };
        assert_eq!((first.seen_bytes, first.source), (5, "HTTP"));
        // By md5sum.
        let md5 = "5d41402abc4b2a76b9719d911017c592";
        assert_eq!(first.md5.as_deref(), Some(md5));
        assert_eq!(second.seen_bytes, 20_001);
        // What was not brought to its end has no hash.
        assert_eq!(second.md5.is_some(), whole);
        let plain = play_cut(8080, &script);
        let sizes: Vec<_> = files(&plain).iter().map(|file| file.seen_bytes).collect();
        assert_eq!(sizes, [5, 20_001]);
    }
}

#[test]
fn content_that_was_missed_is_told() {
    let front = [
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
        frame(1, 4, 1, &[0x88]),
        frame(0, 1, 1, &[b'x'; 5000]),
    ]
    .concat();
    let behind = [frame(1, 4, 3, &[0x88]), frame(0, 1, 3, b"more")].concat();
    // Within what is passed over, and within the first bytes, behind which nothing can be followed.
    for (seen, expected) in [(4000, &[(4900, 100), (4, 0)][..]), (200, &[(200, 100)])] {
        let mut play = Play::new(Transport::Tcp, 50_000, 8080);
        let at = front.len() - 5000 + seen;
        play.resp(&front[..at])
            .resp_gap(100)
            .resp(&front[at + 100..])
            .resp(&behind);
        let outcome = play.finish();
        let told: Vec<_> = files(&outcome)
            .iter()
            .map(|file| (file.seen_bytes, file.missing_bytes))
            .collect();
        assert_eq!(told, expected);
    }
    // The connection breaks off.
    let mut play = Play::new(Transport::Tcp, 50_000, 8080);
    play.resp(&front[..front.len() - 1000]);
    let outcome = play.finish();
    assert_eq!(files(&outcome)[0].seen_bytes, 4000);
    assert_eq!(records(&outcome)[0].response_body_len, 4000);
}

#[test]
fn a_server_alone_is_known_by_its_settings() {
    let bytes = [
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0]),
        frame(1, 5, 1, &[0x8d]),
    ]
    .concat();
    let outcome = play_cut(8080, &[(From::Resp, &bytes)]);
    assert_eq!(outcome.service, Some("http2"));
    assert_eq!(records(&outcome)[0].status_code, Some(404));
}

#[test]
fn an_upgrade_leads_here() {
    let outcome = play_cut(
        80,
        &[
            (
                From::Orig,
                b"GET /up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
            ),
            (
                From::Resp,
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            ),
            (From::Orig, PREFACE),
            (From::Resp, &frame(4, 0, 0, &[])),
            // The next request goes out before the first is answered.
            (From::Orig, &frame(1, 5, 3, &[0x82, 0x86, 0x84])),
            (From::Resp, &frame(1, 5, 1, &[0x88])),
            (From::Resp, &frame(1, 5, 3, &[0x8d])),
        ],
    );
    assert_eq!(outcome.service, Some("http,http2"));
    let codes: Vec<_> = records(&outcome).iter().map(|r| r.status_code).collect();
    assert_eq!(codes, [Some(101), Some(404), Some(200)]);
}

#[test]
fn streams_without_end_are_bounded() {
    let mut play = Play::of(&HTTP2, Transport::Tcp, 50_000, 80);
    play.orig(PREFACE);
    for number in 0..1000 {
        play.orig(&frame(1, 5, 2 * number + 1, &[0x82, 0x84]));
    }
    let outcome = play.finish();
    assert_eq!(records(&outcome).len(), 1000);
}

#[test]
fn hostile_input_is_survived() {
    let (client, server) = (client(), server());
    for cut in 0..client.len() {
        let mut play = Play::new(Transport::Tcp, 50_000, 80);
        play.orig(&client[..cut]);
        play.finish();
    }
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..3000 {
        let (mut client, mut server) = (client.clone(), server.clone());
        for _ in 0..random() % 6 {
            let at = PREFACE.len() + random() % (client.len() - PREFACE.len());
            client[at] = random() as u8;
            let at = random() % server.len();
            server[at] = random() as u8;
        }
        let mut play = Play::of(&HTTP2, Transport::Tcp, 50_000, 80);
        for piece in client.chunks(1 + random() % 50) {
            play.orig(piece);
        }
        play.resp(&server);
        assert!(records(&play.finish()).len() <= 10);
    }
}
