use portreeve_record::{App, Record, app::socks::Socks};

use super::session::Session;
use crate::SESSION_BYTES;
use crate::testing::{From, play_cut};

const _: () = assert!(size_of::<Session>() <= SESSION_BYTES);

fn socks(records: &[Record]) -> &Socks {
    let mut told = records.iter().filter_map(|record| match record {
        Record::App(App::Socks(socks)) => Some(&**socks),
        _ => None,
    });
    told.next().expect("a record of SOCKS")
}

/// How many times the conversation is said to be a tunnel.
fn tunnels(records: &[Record]) -> usize {
    let is_tunnel = |record: &&Record| matches!(record, Record::App(App::Tunnel(_)));
    records.iter().filter(is_tunnel).count()
}

#[test]
fn version_5_with_a_password() {
    let script: [(From, &[u8]); 7] = [
        (From::Orig, b"\x05\x02\x00\x02"),
        (From::Resp, b"\x05\x02"),
        (From::Orig, b"\x01\x03joe\x06secret"),
        (From::Resp, b"\x01\x00"),
        (From::Orig, b"\x05\x01\x00\x03\x0bexample.org\x01\xbb"),
        (From::Resp, b"\x05\x00\x00\x01\xc0\x00\x02\x09\x1f\x90"),
        (From::Orig, b"SSH-2.0-behind\r\n"),
    ];
    let outcome = play_cut(10800, &script);
    assert_eq!(outcome.service, Some("socks,ssh"));
    assert_eq!(tunnels(&outcome.records), 1);
    let told = socks(&outcome.records);
    assert_eq!(
        (told.version, told.user.as_deref(), told.status),
        (5, Some("joe"), Some("succeeded"))
    );
    assert_eq!(
        (told.request.name.as_deref(), told.request.port),
        (Some("example.org"), Some(443))
    );
    assert_eq!(
        (told.bound.host, told.bound.port),
        (Some("192.0.2.9".parse().unwrap()), Some(8080))
    );
    assert!(!format!("{told:?}").contains("secret"));
}

#[test]
fn version_4_with_a_name() {
    let script: [(From, &[u8]); 3] = [
        (
            From::Orig,
            b"\x04\x01\x00\x50\x00\x00\x00\x01joe\x00example.org\x00",
        ),
        (From::Resp, b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
        (From::Resp, b"SSH-2.0-behind\r\n"),
    ];
    let outcome = play_cut(1080, &script);
    assert_eq!(outcome.service, Some("socks,ssh"));
    assert_eq!(tunnels(&outcome.records), 1);
    let told = socks(&outcome.records);
    assert_eq!(
        (told.request.name.as_deref(), told.request.host),
        (Some("example.org"), None)
    );
    assert_eq!(
        (told.user.as_deref(), told.request.port),
        (Some("joe"), Some(80))
    );
}

#[test]
fn refused() {
    let script: [(From, &[u8]); 4] = [
        (From::Orig, b"\x05\x01\x00"),
        (From::Resp, b"\x05\x00"),
        (
            From::Orig,
            b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50",
        ),
        (From::Resp, b"\x05\x05\x00\x01\0\0\0\0\0\0"),
    ];
    let outcome = play_cut(1080, &script);
    let told = socks(&outcome.records);
    assert_eq!(
        (told.status, told.request.host),
        (
            Some("Connection refused"),
            Some("2001:db8::1".parse().unwrap())
        )
    );
    assert_eq!(outcome.service, Some("socks"));
}

#[test]
fn damage_harms_nothing() {
    let client = b"\x05\x02\x00\x02\x01\x03joe\x06secret\x05\x01\x00\x03\x0bexample.org\x01\xbb";
    let server = b"\x05\x02\x01\x00\x05\x00\x00\x01\xc0\x00\x02\x09\x1f\x90";
    for len in 0..client.len() {
        for bit in 0..8u8 {
            let mut client = client.to_vec();
            client[len] ^= 1 << bit;
            let mut play = crate::testing::Play::of(&super::SOCKS, crate::Transport::Tcp, 1, 1080);
            play.orig(&client)
                .resp(server)
                .orig_gap(3)
                .orig(&client)
                .resp(&client);
            play.finish();
        }
    }
}
