use portreeve_record::{App, Record, app::irc::Irc};

use crate::testing::{From, Play, play_cut};
use crate::{Transport, registry};

fn irc(records: &[Record]) -> Vec<&Irc> {
    let all = records.iter().filter_map(|record| match record {
        Record::App(App::Irc(irc)) => Some(&**irc),
        _ => None,
    });
    all.collect()
}

const TALK: &[(From, &[u8])] = &[
    (From::Resp, b":irc.example NOTICE * :*** Looking up\r\n"),
    (From::Orig, b"NICK joe\r\nUSER j 8 * :Joe Doe\r\n"),
    (From::Resp, b":irc.example 001 joe :Welcome\r\n"),
    (From::Orig, b"JOIN #a,#b key\r\n"),
    (
        From::Resp,
        b":ann!a@h PRIVMSG joe :\x01DCC SEND \"a file\" 3232235777 5000 1234\x01\r\n",
    ),
    (From::Orig, b"PRIVMSG #a :hello\r\nSTARTTLS\r\n"),
    (From::Resp, b":irc.example 670 joe :go\r\n"),
];

#[test]
fn a_chat_is_told_however_it_is_cut() {
    let outcome = play_cut(7000, TALK);
    let tls = registry::by_name("ssl").is_some();
    assert_eq!(outcome.service, Some(if tls { "irc,ssl" } else { "irc" }));
    let told = irc(&outcome.records);
    let commands: Vec<_> = told
        .iter()
        .map(|irc| (irc.command, irc.value.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        commands,
        [
            ("NICK", "joe"),
            ("USER", "j"),
            ("JOIN", "#a"),
            ("JOIN", "#b"),
            ("DCC", "joe")
        ]
    );
    assert_eq!(
        (told[0].nick.as_deref(), told[1].nick.as_deref()),
        (None, Some("joe"))
    );
    assert_eq!(told[1].addl.as_deref(), Some("8 * Joe Doe"));
    assert_eq!(
        told[2].addl.as_deref(),
        Some(" with channel key: '<hidden>'")
    );
    assert_eq!(
        (told[4].dcc_file_name.as_deref(), told[4].dcc_file_size),
        (Some("a file"), Some(1234))
    );
}

#[test]
fn others_users_are_not_irc() {
    let mut play = Play::new(Transport::Tcp, 50_000, 2222);
    play.orig(b"USER joe\r\n");
    assert_eq!(play.finish().service, None);
    let mut play = Play::new(Transport::Tcp, 50_000, 2222);
    play.orig(b"PASS x\r\nNICK y\r\n");
    assert_eq!(play.finish().service, Some("irc"));
}

#[test]
fn damage_harms_nothing() {
    let all: Vec<u8> = TALK.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
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
        let mut play = Play::of(&super::IRC, Transport::Tcp, 50_000, 6667);
        play.orig(&bytes)
            .resp(&all)
            .orig_gap(9)
            .orig(&all[len..])
            .resp(&bytes);
        play.finish();
    }
}
