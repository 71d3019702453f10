use super::*;
use crate::testing::{From, play_cut};

#[test]
fn it_is_known_by_its_greeting_and_goes_over_to_tls() {
    let script: [(From, &[u8]); 4] = [
        (From::Resp, b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
        (From::Orig, b"a1 CAPABILITY\r\n"),
        (From::Resp, b"* CAPABILITY STARTTLS\r\na1 OK\r\n"),
        (From::Orig, b"a2 StartTLS\r\n"),
    ];
    assert_eq!(play_cut(1430, &script).service, Some("imap"));
    let mut script = script.to_vec();
    script.push((From::Resp, b"a2 OK go\r\n"));
    let tls = registry::by_name("ssl").is_some();
    assert_eq!(
        play_cut(143, &script).service,
        Some(if tls { "imap,ssl" } else { "imap" })
    );
}

#[test]
fn a_client_alone_is_known_on_its_port() {
    assert_eq!(
        play_cut(143, &[(From::Orig, b"1 login joe secret\r\n")]).service,
        Some("imap")
    );
    assert_eq!(
        play_cut(1430, &[(From::Orig, b"1 login joe secret\r\n")]).service,
        None
    );
}
