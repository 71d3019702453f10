//! Conversations that are played.

use portreeve_record::app::quic::Quic as Record;
use portreeve_record::app::ssl::Ssl;
use portreeve_record::{App, Record as Any};

use super::samples::{
    DCID, Path, SERVER_INITIAL, client_hello, client_initial, crypto, hex, random, short,
};
use super::{ONE, TWO};
use crate::quic::version::Version;
use crate::testing::{Outcome, Play};
use crate::{Peer, Transport};

const SERVER_ID: &[u8] = &[0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5];

fn play() -> Play {
    Play::new(Transport::Udp, 50_000, 443)
}

fn quics(outcome: &Outcome) -> Vec<&Record> {
    outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Any::App(App::Quic(quic)) => Some(&**quic),
            _ => None,
        })
        .collect()
}

fn ssls(outcome: &Outcome) -> Vec<&Ssl> {
    outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Any::App(App::Ssl(ssl)) => Some(&**ssl),
            _ => None,
        })
        .collect()
}

fn client<'a>(version: Version, initial: &'a [u8], dcid: &'a [u8]) -> Path<'a> {
    Path {
        version,
        initial,
        from: Peer::Client,
        dcid,
        scid: &[],
    }
}

fn server<'a>(version: Version, initial: &'a [u8]) -> Path<'a> {
    Path {
        version,
        initial,
        from: Peer::Server,
        dcid: &[],
        scid: SERVER_ID,
    }
}

/// The server's hello, out of the RFC's packet.
fn server_hello() -> Vec<u8> {
    use super::{Frame, Frames, Keys, Kind, Packet, Packets};
    let sealed = hex(SERVER_INITIAL);
    let keys = Keys::derive(ONE, &hex(DCID), Peer::Server).unwrap();
    let Some(Packet::Long(long)) = Packets::of(&sealed, false).next() else {
        panic!()
    };
    let Kind::Initial { packet, number_at } = long.kind else {
        panic!()
    };
    let frames = keys.open(packet, number_at).unwrap();
    let Some(Frame::Crypto { data, .. }) = Frames::of(&frames, false).next() else {
        panic!()
    };
    data.to_vec()
}

#[test]
fn the_conversation_of_rfc_9001() {
    let mut play = play();
    play.orig(&client_initial())
        .resp(&[hex(SERVER_INITIAL), server(ONE, &[]).handshake()].concat())
        .orig(&short())
        .resp(&short())
        // Nothing of this is looked at any more.
        .orig(&short())
        .orig(&short());
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("quic,ssl"));
    let quics = quics(&outcome);
    assert_eq!(quics.len(), 1);
    let quic = quics[0];
    assert_eq!(quic.version, 1);
    assert_eq!(quic.client_initial_dcid.as_deref(), Some(DCID));
    assert_eq!(quic.client_scid.as_deref(), Some(""));
    assert_eq!(quic.server_scid.as_deref(), Some("f067a5502a4262b5"));
    assert_eq!(quic.server_name.as_deref(), Some("example.com"));
    assert_eq!(quic.client_protocol.as_deref(), Some("alpn"));
    assert_eq!(&*quic.history, "ISishOo");
    let ssls = ssls(&outcome);
    assert_eq!(ssls.len(), 1);
    assert_eq!(ssls[0].server_name.as_deref(), Some("example.com"));
    assert_eq!(ssls[0].version, Some(0x0304));
    assert_eq!(ssls[0].cipher, Some(0x1301));
    assert_eq!(ssls[0].curve, Some(0x1d));
    assert_eq!(&*ssls[0].history, "Cs");
    assert!(ssls[0].ja4.as_deref().unwrap().starts_with("q13d0211an_"));
}

#[test]
fn a_hello_in_pieces_over_datagrams_out_of_order() {
    let hello = client_hello();
    let dcid = hex(DCID);
    for version in [ONE, TWO, Version(0xff00_001d), Version(0xface_b002)] {
        let path = client(version, &dcid, &dcid);
        let piece = |begin: usize, end: usize| crypto(begin, &hello[begin..end]);
        let last = piece(200, hello.len());
        let middle = [piece(90, 150), piece(10, 90), piece(140, 200)].concat();
        let mut play = play();
        play.orig(&path.initial(2, &last))
            .orig(&path.initial(1, &middle))
            .orig(&path.initial(1, &middle))
            .orig(&path.initial(0, &piece(0, 20)));
        let outcome = play.finish();
        let quics = quics(&outcome);
        assert_eq!(quics.len(), 1);
        assert_eq!(quics[0].server_name.as_deref(), Some("example.com"));
        assert_eq!(&*quics[0].history, "IIIIS");
    }
}

#[test]
fn a_retry_begins_anew() {
    let (dcid, hello) = (hex(DCID), client_hello());
    let again = client(ONE, SERVER_ID, SERVER_ID);
    let mut play = play();
    play.orig(&client_initial())
        .resp(&server(ONE, &dcid).retry())
        .resp(&server(ONE, &dcid).retry())
        .orig(&again.initial(1, &crypto(0, &hello)))
        .resp(&server(ONE, SERVER_ID).initial(0, &crypto(0, &server_hello())));
    let outcome = play.finish();
    let quics = quics(&outcome);
    let histories: Vec<&str> = quics.iter().map(|quic| &*quic.history).collect();
    assert_eq!(histories, ["ISr", "ISis"]);
    assert_eq!(
        quics[1].client_initial_dcid.as_deref(),
        Some("f067a5502a4262b5")
    );
    let ssls = ssls(&outcome);
    assert_eq!(ssls.len(), 1);
    assert_eq!(&*ssls[0].history, "CCs");
}

#[test]
fn a_retry_that_was_not_seen_is_found_out() {
    let hello = client_hello();
    let mut play = play();
    play.orig(&client_initial())
        .orig(&client(ONE, SERVER_ID, SERVER_ID).initial(1, &crypto(0, &hello)))
        .resp(&server(ONE, SERVER_ID).initial(0, &crypto(0, &server_hello())));
    let outcome = play.finish();
    let quics = quics(&outcome);
    let histories: Vec<&str> = quics.iter().map(|quic| &*quic.history).collect();
    assert_eq!(histories, ["IS", "ISis"]);
}

#[test]
fn a_version_is_negotiated() {
    let dcid = hex(DCID);
    let mut first = client(Version(0x1a2a_3a4a), &dcid, &dcid).header(0xc0);
    first.resize(1200, 0x11);
    let mut answer = server(Version::NEGOTIATION, &dcid).header(0x8f);
    answer.extend(1u32.to_be_bytes());
    answer.extend(0x6b33_43cfu32.to_be_bytes());
    let mut play = play();
    play.orig(&first).resp(&answer).orig(&client_initial());
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("quic,ssl"));
    let quics = quics(&outcome);
    let histories: Vec<&str> = quics.iter().map(|quic| &*quic.history).collect();
    assert_eq!(histories, ["Uu", "IS"]);
    assert_eq!(quics[0].version, 0x1a2a_3a4a);
    assert_eq!(quics[1].version, 1);
}

#[test]
fn a_server_that_answers_in_another_version() {
    let dcid = hex(DCID);
    let mut play = play();
    play.orig(&client_initial())
        .resp(&server(TWO, &dcid).initial(0, &crypto(0, &server_hello())));
    let outcome = play.finish();
    assert_eq!(&*quics(&outcome)[0].history, "ISis");
}

#[test]
fn a_close_is_told() {
    let dcid = hex(DCID);
    let mut play = play();
    play.orig(&client_initial())
        .resp(&server(ONE, &dcid).initial(0, &hex("02 00 00 00 00 1c 4128 00 00")));
    let outcome = play.finish();
    assert_eq!(&*quics(&outcome)[0].history, "ISic");
}

#[test]
fn a_server_that_was_seen_first_is_known_by_its_port() {
    // The capture began in the middle: the flow's originator is the server.
    let mut play = Play::new(Transport::Udp, 443, 50_000);
    play.orig(&hex(SERVER_INITIAL)).resp(&client_initial());
    let outcome = play.finish();
    let quics = quics(&outcome);
    assert_eq!(&*quics[0].history, "iIS");
    assert_eq!(quics[0].server_name.as_deref(), Some("example.com"));
}

#[test]
fn other_protocols_are_not_claimed() {
    let dns = hex("c000 0100 0001 0000 0000 0000 03777777 07657861 6d706c65 00 0001 0001");
    let mut rtp = hex("80 60 0001 00000001 12345678");
    rtp.resize(172, 0xd5);
    let stun = hex("0001 0000 2112a442 000102030405060708090a0b");
    let dtls = hex("16 fefd 0000 000000000001 0010 01000004 0000 000000 000004 fefd0000");
    let mut ntp = hex("23 02 06 ec");
    ntp.resize(48, 0);
    // The length of an identifier is beyond what there can be.
    let mut long_id = hex("c0 00000001 15");
    long_id.resize(1200, 0);
    // No fixed bit.
    let mut no_bit = client_initial();
    no_bit[0] &= !0x40;
    // Negotiates between versions that nobody knows.
    let mut negotiation = server(Version::NEGOTIATION, &[]).header(0x80);
    negotiation.extend([0x12, 0x34, 0x56, 0x78]);
    for bytes in [dns, rtp, stun, dtls, ntp, long_id, no_bit, negotiation] {
        let mut play = play();
        play.orig(&bytes).resp(&bytes).orig(&bytes);
        let outcome = play.finish();
        assert_ne!(outcome.service, Some("quic"), "{bytes:02x?}");
        assert!(quics(&outcome).is_empty());
    }
}

#[test]
fn hostile_datagrams_do_no_harm() {
    let dcid = hex(DCID);
    let good = [
        client_initial(),
        hex(SERVER_INITIAL),
        client(TWO, &dcid, &dcid).initial(0, &crypto(3, &client_hello())),
        server(ONE, &dcid).retry(),
        server(ONE, &dcid).handshake(),
        short(),
    ];
    // Cut at every length.
    for datagram in &good {
        for end in 1..datagram.len() {
            let mut play = play();
            play.orig(&datagram[..end]).orig(&client_initial());
            play.resp(&datagram[..end]);
            let outcome = play.finish();
            assert!(quics(&outcome).len() <= 4);
        }
    }
    // Changed at random, and what was inside changed and protected again.
    let mut next = random(11);
    for _ in 0..2000 {
        let mut play = play();
        for _ in 0..1 + next(4) {
            let mut datagram = good[next(good.len())].clone();
            for _ in 0..next(6) {
                let at = next(datagram.len());
                datagram[at] = next(256) as u8;
            }
            if next(2) == 0 {
                play.orig(&datagram);
            } else {
                play.resp(&datagram);
            }
        }
        let mut frames = [crypto(0, &client_hello()), hex("02 05 00 01 01 02 03")].concat();
        for _ in 0..next(8) {
            let at = next(frames.len());
            frames[at] = next(256) as u8;
        }
        play.orig(&client(ONE, &dcid, &dcid).initial(0, &frames));
        play.finish();
    }
}

#[test]
fn one_flow_is_not_looked_at_for_ever() {
    let dcid = hex(DCID);
    let mut play = play();
    play.orig(&client_initial());
    let mut other = client(ONE, &dcid, &dcid).initial(0, &[1]);
    for round in 0..1000u32 {
        // Always another name, and nothing that could be opened.
        other[6..10].copy_from_slice(&round.to_be_bytes());
        play.orig(&other);
    }
    let outcome = play.finish();
    assert!(quics(&outcome)[0].history.len() <= 100);
}
