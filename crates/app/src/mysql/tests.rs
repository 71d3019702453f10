use portreeve_record::{App, Record, app::mysql::Mysql};

use super::session::Session;
use crate::testing::{From, Play, play_cut};
use crate::{SESSION_BYTES, Transport};

const _: () = assert!(size_of::<Session>() <= SESSION_BYTES);

fn mysql(records: &[Record]) -> Vec<&Mysql> {
    let all = records.iter().filter_map(|record| match record {
        Record::App(App::Mysql(mysql)) => Some(&**mysql),
        _ => None,
    });
    all.collect()
}

fn packet(number: u8, content: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = (content.len() as u32).to_le_bytes();
    [&[a, b, c, number], content].concat()
}

fn script() -> Vec<(From, Vec<u8>)> {
    let greeting = [b"\x0a8.0.36\0".as_slice(), &[7; 60]].concat();
    let login = [
        b"\x05\x02\0\0\0\0\0\x01\x21".as_slice(),
        &[0; 23],
        b"joe\0\x14proof",
    ]
    .concat();
    vec![
        (From::Resp, packet(0, &greeting)),
        (From::Orig, packet(1, &login)),
        (From::Resp, packet(2, b"\xfecaching\0salt")),
        (From::Orig, packet(3, b"proof")),
        (From::Resp, packet(4, b"\0\0\0\x02\0\0\0")),
        (From::Orig, packet(0, b"\x03select 1")),
        (
            From::Resp,
            [
                packet(1, b"\x01"),
                packet(2, b"\0column"),
                packet(3, b"\xfe"),
                packet(4, b"\x011"),
                packet(5, b"\xfe"),
            ]
            .concat(),
        ),
        (From::Orig, packet(0, b"\x03delete from t")),
        (From::Resp, packet(1, b"\0\xfc\x01\x01\0")),
        (From::Orig, packet(0, b"\x02nowhere")),
        (From::Resp, packet(1, b"\xff\x19\x04#42000Unknown database")),
        (From::Orig, packet(0, b"\x01")),
    ]
}

#[test]
fn commands_are_told_however_they_are_cut() {
    let script = script();
    let script: Vec<(From, &[u8])> = script
        .iter()
        .map(|(from, bytes)| (*from, &bytes[..]))
        .collect();
    let outcome = play_cut(33060, &script);
    assert_eq!(outcome.service, Some("mysql"));
    let told: Vec<_> = mysql(&outcome.records)
        .into_iter()
        .map(|m| (m.cmd, &*m.arg, m.success, m.rows, m.response.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("login", "joe", Some(true), Some(0), None),
            ("query", "select 1", Some(true), Some(0), None),
            ("query", "delete from t", Some(true), Some(257), None),
            (
                "init_db",
                "nowhere",
                Some(false),
                None,
                Some("Unknown database")
            ),
            ("quit", "", None, None, None),
        ]
    );
}

#[test]
fn damage_harms_nothing() {
    let side = |side: From| -> Vec<u8> {
        script()
            .into_iter()
            .filter(|(from, _)| *from == side)
            .flat_map(|(_, bytes)| bytes)
            .collect()
    };
    let (client, server) = (side(From::Orig), side(From::Resp));
    for at in 0..client.len() {
        for bit in 0..8u8 {
            let (mut client, mut server) = (client.clone(), server.clone());
            client[at] ^= 1 << bit;
            let len = server.len();
            server[at % len] ^= 1 << bit;
            let mut play = Play::of(&super::MYSQL, Transport::Tcp, 1, 3306);
            play.resp(&server)
                .orig(&client)
                .resp(&server[at % len..])
                .orig_gap(2)
                .orig(&client);
            play.finish();
        }
    }
}
