use portreeve_record::app::redis::Redis;
use portreeve_record::{App, Record};

use crate::Transport;
use crate::testing::{From, Play, play_cut};

fn told(records: &[Record]) -> Vec<String> {
    let text = |r: &Redis| {
        let part = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
        let success = match r.success {
            Some(true) => "T",
            Some(false) => "F",
            None => "-",
        };
        [
            part(&r.name),
            part(&r.key),
            part(&r.value),
            success.into(),
            part(&r.reply),
        ]
        .join(" ")
    };
    let records = records.iter().filter_map(|record| match record {
        Record::App(App::Redis(redis)) => Some(text(redis)),
        _ => None,
    });
    records.collect()
}

#[test]
fn commands_and_replies_are_paired_in_any_cut() {
    let long = [b"$5000\r\n", &[b'x'; 5000][..], b"\r\n"].concat();
    let outcome = play_cut(
        6379,
        &[
            (
                From::Orig,
                b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n",
            ),
            (From::Resp, b"+OK\r\n-WRONGPASS no\r\n"),
            (From::Orig, b"MGET a b\r\nHGETALL h\r\n"),
            (
                From::Resp,
                b"*2\r\n$-1\r\n*0\r\n|1\r\n+ttl\r\n:1\r\n%2\r\n+a\r\n:1\r\n+b\r\n#t\r\n",
            ),
            (
                From::Orig,
                b"*6\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$4\r\nefgh\r\n",
            ),
            (From::Resp, b":5\r\n"),
            (From::Orig, b"GET big\r\nPING\r\n"),
            (From::Resp, &long),
            (From::Resp, b">3\r\n+message\r\n+c\r\n+hello\r\n+PONG\r\n"),
        ],
    );
    assert_eq!(outcome.service, Some("redis"));
    let mut told = told(&outcome.records);
    assert_eq!(told.remove(5), format!("GET big - T {}", "x".repeat(4096)));
    let expected = [
        "SET k  T OK",
        "AUTH - - F WRONGPASS no",
        "MGET a - T [, []]",
        "HGETALL - - T {a: 1, b: T}",
        "DEL a - T 5",
        "PING - - T PONG",
    ];
    assert_eq!(told, expected);
    let all = format!("{:?}", outcome.records);
    assert!(!all.contains("secret"), "a password is kept");
}

#[test]
fn what_is_published_is_no_reply() {
    let outcome = play_cut(
        6379,
        &[
            (From::Orig, b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"),
            (From::Resp, b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"),
            (From::Orig, b"*1\r\n$4\r\nPING\r\n"),
            (From::Resp, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
        ],
    );
    assert_eq!(
        told(&outcome.records),
        ["SUBSCRIBE - - - -", "PING - - T [pong, ]"]
    );
}

#[test]
fn what_is_nested_or_waits_is_bounded() {
    let mut play = Play::new(Transport::Tcp, 40_000, 6379);
    play.orig(b"PING\r\n");
    for _ in 0..100 {
        play.resp(b"*1\r\n");
    }
    assert_eq!(told(&play.finish().records), ["PING - - - -"]);
    let mut play = Play::new(Transport::Tcp, 40_000, 6379);
    for _ in 0..5000 {
        play.orig(b"PING\r\n");
    }
    assert_eq!(told(&play.finish().records).len(), 1024);
}

#[test]
fn nothing_breaks_it() {
    let script = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\nGET \"a b\" 'c\r\n|1\r\n+t\r\n:1\r\n%1\r\n+a\r\n$-1\r\n>1\r\n!3\r\nabc\r\n";
    let mut state = 1u32;
    for _ in 0..3000 {
        let mut bytes = script.to_vec();
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize % bytes.len();
            bytes[at] = b"*$0123456789\r\n\"\\%|"[state as usize % 18];
        }
        let mut play = Play::new(Transport::Tcp, 5000, 6379);
        play.orig(&bytes)
            .resp(&bytes)
            .orig_gap(2)
            .orig(&bytes)
            .resp(&bytes);
        play.finish();
    }
}
