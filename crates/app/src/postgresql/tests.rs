use crate::protocol::Transport;
use crate::testing::{From, Play, play_cut};

const TLS_PLEASE: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const LOGIN: &[u8] = b"\0\0\0\x15\0\x03\0\0user\0someone\0\0";

#[test]
fn it_is_known_by_how_it_begins() {
    for beginning in [LOGIN, TLS_PLEASE] {
        let outcome = play_cut(5432, &[(From::Orig, beginning), (From::Resp, b"N")]);
        assert_eq!(outcome.service, Some("postgresql"));
    }
    let mut play = Play::new(Transport::Tcp, 1, 5432);
    play.orig(b"\0\0\0\x08\x04\xd2\x16\x30");
    assert_eq!(play.finish().service, Some("postgresql"));
    let mut play = Play::new(Transport::Tcp, 1, 5432);
    play.orig(b"\0\0\0\x09\x04\xd2\x16\x2f");
    assert_eq!(play.finish().service, None);
}

#[test]
fn behind_a_yes_there_is_tls() {
    let script: [(From, &[u8]); 2] = [(From::Orig, TLS_PLEASE), (From::Resp, b"S")];
    assert_eq!(play_cut(5432, &script).service, Some("postgresql,ssl"));
    // After a no the client begins anew, in the clear.
    let script: [(From, &[u8]); 4] = [
        (From::Orig, TLS_PLEASE),
        (From::Resp, b"N"),
        (From::Orig, LOGIN),
        (From::Resp, b"R\0\0\0\x08\0\0\0\0"),
    ];
    assert_eq!(play_cut(5432, &script).service, Some("postgresql"));
}
