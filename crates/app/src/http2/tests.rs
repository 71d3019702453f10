//! Conversations that are played.

use portreeve_record::app::http::Http;
use portreeve_record::{App, Record};

use super::HTTP2;
use super::frame::PREFACE;
use crate::protocol::Transport;
use crate::testing::{From, Outcome, Play, play_cut};

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
    assert_eq!((first.trans_depth, later.trans_depth), (1, 2));
    let told = format!("{outcome:?}");
    assert!(!told.contains("secret") && !told.contains("pass@"));
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
            (From::Resp, &frame(1, 5, 1, &[0x88])),
        ],
    );
    assert_eq!(outcome.service, Some("http,http2"));
    let codes: Vec<_> = records(&outcome).iter().map(|r| r.status_code).collect();
    assert_eq!(codes, [Some(101), Some(200)]);
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
