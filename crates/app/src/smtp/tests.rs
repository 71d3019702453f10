//! Conversations that were made up; real ones are in tests/mail.rs.

use portreeve_record::{App, Record, app::smtp::Smtp};

use super::session::Session;
use crate::testing::{From, Play, play_cut};
use crate::{SESSION_BYTES, Transport};

const _: () = assert!(size_of::<Session>() <= SESSION_BYTES);

fn smtp(records: &[Record]) -> Vec<&Smtp> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::App(App::Smtp(smtp)) => Some(&**smtp),
            _ => None,
        })
        .collect()
}

const TALK: &[(From, &[u8])] = &[
    (From::Resp, b"220-mx.example ESMTP\r\n220 ready\r\n"),
    (From::Orig, b"EHLO client.example\r\n"),
    (From::Resp, b"250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"),
    (From::Orig, b"MAIL FROM:<a@example.org> SIZE=5\r\nRCPT TO:<b@example.net>\r\nrcpt to:<c@example.net>\r\nDATA\r\n"),
    (From::Resp, b"250 ok\r\n250 ok\r\n550 no c\r\n354 go\r\n"),
    (
        From::Orig,
        b"Received: from a (a.example [192.0.2.7])\r\n\tby b with ESMTP\r\nSubject: one\r\n  and two\r\nTo: \"B, the\" <b@example.net>, c@example.net\r\nCc: d@example.net\r\nDate: now\r\nMessage-Id: <1@a>\r\nX-Mailer: m\r\n\r\nSubject: not this\r\n..\r\n.x\r\n.\r\nMAIL FROM:<z@example.org>\r\nRCPT TO:<b@example.net>\r\n",
    ),
    (From::Resp, b"250 queued as 7\r\n250 ok\r\n250 ok\r\n"),
    (From::Orig, b"BDAT 18\r\nSubject: in piecesBDAT 18 LAST\r\n\r\nFrom: x\r\n\r\n.\r\nRSET\r\nQUIT\r\n"),
    (From::Resp, b"250 17 bytes\r\n250 done\r\n250 reset\r\n221 bye\r\n"),
];

#[test]
fn messages_are_told_however_they_are_cut() {
    let outcome = play_cut(25, TALK);
    assert_eq!(outcome.service, Some("smtp"));
    let told = smtp(&outcome.records);
    let [one, two] = told[..] else {
        panic!("{told:#?}");
    };
    assert_eq!((one.trans_depth, two.trans_depth), (1, 2));
    assert_eq!(
        (one.helo.as_deref(), two.helo.as_deref()),
        (Some("client.example"), Some("client.example"))
    );
    assert_eq!(one.mailfrom.as_deref(), Some("a@example.org"));
    assert_eq!(
        one.rcptto,
        [Box::from("b@example.net"), Box::from("c@example.net")]
    );
    assert_eq!(
        one.to,
        [
            Box::from("\"B, the\" <b@example.net>"),
            Box::from("c@example.net")
        ]
    );
    assert_eq!(one.subject.as_deref(), Some("one and two"));
    assert_eq!(
        one.first_received.as_deref(),
        Some("from a (a.example [192.0.2.7]) by b with ESMTP")
    );
    assert_eq!(one.path.len(), 3);
    assert_eq!(one.last_reply.as_deref(), Some("250 queued as 7"));
    assert_eq!(two.subject.as_deref(), Some("in pieces"));
    assert_eq!(two.last_reply.as_deref(), Some("250 done"));
}

#[test]
fn a_client_alone_is_told() {
    let mut play = Play::new(Transport::Tcp, 50_000, 2526);
    for (from, bytes) in TALK {
        if *from == From::Orig {
            play.orig(bytes);
        }
    }
    assert_eq!(smtp(&play.finish().records).len(), 2);
}

#[test]
fn a_refused_message_is_no_message() {
    let script: [(From, &[u8]); 6] = [
        (From::Resp, b"220 x ESMTP\r\n"),
        (From::Orig, b"HELO a\r\n"),
        (From::Resp, b"250 x\r\n"),
        (From::Orig, b"DATA\r\n"),
        (From::Resp, b"503 first who\r\n"),
        (From::Orig, b"MAIL FROM:<a@b>\r\n"),
    ];
    let outcome = play_cut(25, &script);
    assert_eq!(smtp(&outcome.records)[0].mailfrom.as_deref(), Some("a@b"));
}

#[test]
fn secrets_are_nowhere() {
    let script: [(From, &[u8]); 8] = [
        (From::Resp, b"220 x ESMTP\r\n"),
        (From::Orig, b"EHLO a\r\nAUTH LOGIN\r\n"),
        (From::Resp, b"250 x\r\n334 VXNlcg==\r\n"),
        (From::Orig, b"c2VjcmV0\r\n"),
        (From::Resp, b"334 UGFzcw==\r\n"),
        (From::Orig, b"c2VjcmV0\r\n"),
        (From::Resp, b"235 in\r\n"),
        (From::Orig, b"MAIL FROM:<a@b>\r\nSTARTTLS\r\n"),
    ];
    let outcome = play_cut(587, &script);
    assert!(!format!("{:?}", outcome.records).contains("c2Vj"));
}

#[test]
fn tls_takes_over() {
    let script: [(From, &[u8]); 4] = [
        (From::Resp, b"220 x ESMTP\r\n"),
        (From::Orig, b"EHLO a\r\nSTARTTLS\r\n"),
        (From::Resp, b"250 x\r\n220 go\r\n"),
        (From::Orig, b"\x16\x03\x01"),
    ];
    let outcome = play_cut(25, &script);
    let told = smtp(&outcome.records);
    assert!(told[0].tls && told.len() == 1);
    assert_eq!(told[0].last_reply.as_deref(), Some("220 go"));
}

#[test]
fn gaps_are_survived() {
    let mut play = Play::new(Transport::Tcp, 50_000, 25);
    play.resp(b"220 x ESMTP\r\n")
        .orig(b"EHLO a\r\nMAIL FROM:<a@b>\r\nDATA\r\n")
        .resp(b"250 x\r\n250 x\r\n354 x\r\n");
    play.orig(b"Subject: s\r\n\r\nbo")
        .orig_gap(5000)
        .resp(b"250 queued\r\n")
        .orig(b"MAIL FROM:<c@d>\r\n");
    let outcome = play.finish();
    let told = smtp(&outcome.records);
    assert_eq!(told.len(), 2);
    assert_eq!(
        (told[0].last_reply.as_deref(), told[1].trans_depth),
        (Some("250 queued"), 2)
    );
}

#[test]
fn damage_harms_nothing() {
    let all: Vec<u8> = TALK
        .iter()
        .filter(|(from, _)| *from == From::Orig)
        .flat_map(|(_, bytes)| bytes.to_vec())
        .collect();
    let replies: Vec<u8> = TALK
        .iter()
        .filter(|(from, _)| *from == From::Resp)
        .flat_map(|(_, bytes)| bytes.to_vec())
        .collect();
    let mut state = 1u32;
    for len in 0..all.len() {
        let mut bytes = all[..len].to_vec();
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= state as u8;
            }
        }
        let mut play = Play::of(&super::SMTP, Transport::Tcp, 50_000, 25);
        play.orig(&bytes)
            .resp(&replies)
            .orig_gap(9)
            .orig(&all[len..])
            .resp(&bytes);
        play.finish();
    }
}
