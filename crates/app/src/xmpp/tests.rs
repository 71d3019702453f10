use crate::protocol::Transport;
use crate::testing::{From, Play, play_cut};

const CLIENT: &[u8] = b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' to='example.org' version='1.0'>";
const SERVER: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='3449578488' from='example.org' version='1.0'>";
const ASKS: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEEDS: &[u8] = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[test]
fn a_stream_is_known_by_its_namespace_on_any_port() {
    let mut play = Play::new(Transport::Tcp, 40_000, 80);
    play.orig(CLIENT);
    assert_eq!(play.finish().service, Some("xmpp"));
    // The middle of one, on its port only.
    for (port, service) in [(5222, Some("xmpp")), (80, None)] {
        let mut play = Play::new(Transport::Tcp, 40_000, port);
        play.resp(b"<message from='a@example.org' to='b@example.org'>");
        assert_eq!(play.finish().service, service);
    }
    // XML of another kind.
    let mut play = Play::new(Transport::Tcp, 40_000, 5222);
    play.orig(&[b"<?xml version='1.0'?>".as_slice(), &[b' '; 600]].concat());
    assert_eq!(play.finish().service, None);
}

#[test]
fn behind_the_word_to_proceed_there_is_tls() {
    let script = [
        (From::Orig, CLIENT),
        (From::Resp, SERVER),
        (From::Orig, ASKS),
        (From::Resp, PROCEEDS),
    ];
    assert_eq!(play_cut(5222, &script).service, Some("xmpp,ssl"));
    // Nobody asked.
    let script = [
        (From::Orig, CLIENT),
        (From::Resp, SERVER),
        (From::Resp, PROCEEDS),
    ];
    assert_eq!(play_cut(5222, &script).service, Some("xmpp"));
    // The answer was seen first.
    let mut play = Play::new(Transport::Tcp, 40_000, 5222);
    play.resp(SERVER);
    play.orig(CLIENT);
    play.orig(ASKS);
    play.resp(PROCEEDS);
    assert_eq!(play.finish().service, Some("xmpp,ssl"));
}
