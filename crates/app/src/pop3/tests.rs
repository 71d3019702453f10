use super::*;
use crate::Transport;
use crate::testing::{From, Play, play_cut};

#[test]
fn it_is_known_by_its_greeting() {
    let script: [(From, &[u8]); 4] = [
        (From::Resp, b"+OK ready\r\n"),
        (From::Orig, b"CAPA\r\n"),
        (From::Resp, b"+OK\r\nSTLS\r\n.\r\n"),
        (From::Orig, b"USER x\r\nPASS y\r\n"),
    ];
    assert_eq!(play_cut(1100, &script).service, Some("pop3"));
    let mut play = Play::new(Transport::Tcp, 50_000, 6379);
    play.orig(b"*1\r\n$4\r\nPING\r\n").resp(b"+OK\r\n");
    assert_ne!(play.finish().service, Some("pop3"));
}

#[test]
fn tls_is_asked_for() {
    let script: [(From, &[u8]); 5] = [
        (From::Resp, b"+OK ready\r\n"),
        (From::Orig, b"stls\r\n"),
        (From::Resp, b"-ERR not now\r\n"),
        (From::Orig, b"STLS\r\n"),
        (From::Resp, b"+OK go\r\n"),
    ];
    let service = play_cut(110, &script).service;
    let tls = registry::by_name("ssl").is_some();
    assert_eq!(service, Some(if tls { "pop3,ssl" } else { "pop3" }));
}
