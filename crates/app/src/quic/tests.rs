//! Tests of the parts, and of conversations that are played.

mod conversations;
mod samples;

use super::crypto::message;
use super::frame::{Frame, Frames};
use super::packet::{self, Kind, Packet, Packets};
use super::protection::{Keys, Material};
use super::version::Version;
use super::{google, packet::number};
use crate::pieces::{MAX_BYTES, Pieces};
use crate::{Peer, Reader};
use samples::{hex, random};

const ONE: Version = Version(1);
const TWO: Version = Version(0x6b33_43cf);

#[test]
fn lengths_are_read_as_in_rfc_9000() {
    for (bytes, value) in [
        ("c2197c5eff14e88c", 151_288_809_941_952_652),
        ("9d7f3e7d", 494_878_333),
        ("7bbd", 15_293),
        ("25", 37),
        ("4025", 37),
    ] {
        let bytes = hex(bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!(number(&mut reader), Some(value));
        assert!(reader.is_empty());
        let mut short = Reader::new(&bytes[..bytes.len() - 1]);
        assert_eq!(number(&mut short), None);
    }
}

#[test]
fn keys_are_those_of_the_rfcs() {
    let dcid = hex(samples::DCID);
    let material = |version, peer| Material::derive(version, &dcid, peer).unwrap();
    for (version, peer, key, iv, header) in samples::KEYS {
        let made = material(Version(version), peer);
        assert_eq!(made.key[..], hex(key), "{version:#x} {peer:?}");
        assert_eq!(made.iv[..], hex(iv));
        assert_eq!(made.header[..], hex(header));
    }
    assert_eq!(Material::derive(Version(2), &dcid, Peer::Client), None);
}

#[test]
fn the_clients_packet_of_rfc_9001_is_opened() {
    let keys = Keys::derive(ONE, &hex(samples::DCID), Peer::Client).unwrap();
    let sealed = samples::client_initial();
    assert_eq!(sealed.len(), 1200);
    assert!(sealed.starts_with(&hex(samples::CLIENT_BEGIN)));
    assert!(sealed.ends_with(&hex(samples::CLIENT_END)));
    let packets: Vec<_> = Packets::of(&sealed, false).collect();
    let [Packet::Long(long)] = packets[..] else {
        panic!("{packets:?}")
    };
    assert_eq!(long.dcid, hex(samples::DCID));
    let Kind::Initial { packet, number_at } = long.kind else {
        panic!("{long:?}")
    };
    let frames = keys.open(packet, number_at).unwrap();
    assert_eq!(frames.len(), 1162);
    assert!(frames.starts_with(&hex(samples::CLIENT_CRYPTO)));
    // Any bit that is changed is noticed, and so is every byte that is missing.
    for at in (0..packet.len()).step_by(7) {
        let mut changed = packet.to_vec();
        changed[at] ^= 0x10;
        assert_eq!(keys.open(&changed, number_at), None, "{at}");
        assert_eq!(keys.open(&packet[..at], number_at), None, "{at}");
    }
    let others = Keys::derive(ONE, &hex(samples::DCID), Peer::Server).unwrap();
    assert_eq!(others.open(packet, number_at), None);
}

#[test]
fn the_servers_packets_of_the_rfcs_are_opened() {
    for (version, packet) in [
        (ONE, samples::SERVER_INITIAL),
        (TWO, samples::SERVER_INITIAL_TWO),
    ] {
        let keys = Keys::derive(version, &hex(samples::DCID), Peer::Server).unwrap();
        let sealed = hex(packet);
        let Some(Packet::Long(long)) = Packets::of(&sealed, false).next() else {
            panic!("{version:?}")
        };
        let Kind::Initial { packet, number_at } = long.kind else {
            panic!("{long:?}")
        };
        let frames = keys.open(packet, number_at).unwrap();
        let frames: Vec<_> = Frames::of(&frames, false).collect();
        let [Frame::Crypto { offset: 0, data }] = frames[..] else {
            panic!("{frames:?}")
        };
        let (kind, body, end) = message(data, 0).unwrap();
        assert_eq!((kind, body.len(), end), (2, 86, 90));
    }
}

#[test]
fn retries_of_the_rfcs_are_told() {
    for (version, packet) in [
        (
            ONE,
            "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba",
        ),
        (
            TWO,
            "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6",
        ),
    ] {
        let bytes = hex(packet);
        let (long, rest) = packet::long(&bytes, false).unwrap();
        assert_eq!((long.version, long.kind), (version, Kind::Retry));
        assert_eq!(long.scid, hex("f067a5502a4262b5"));
        assert!(rest.is_empty());
    }
}

#[test]
fn frames_that_tell_nothing_are_passed_over() {
    // PADDING, PING, ACK with two ranges and marks, CRYPTO, PADDING, CRYPTO.
    let bytes =
        hex("0000 01 03 05 4064 02 01 00 00 02 03 01 02 03 06 02 03 616263 00 06 00 02 7879");
    let frames: Vec<_> = Frames::of(&bytes, false).collect();
    assert_eq!(
        frames,
        [
            Frame::Crypto {
                offset: 2,
                data: b"abc"
            },
            Frame::Crypto {
                offset: 0,
                data: b"xy"
            }
        ]
    );
    // STREAM must not be there: nothing is believed from there on.
    let stream = hex("06 00 01 61 08 00 06 00 01 62");
    assert_eq!(Frames::of(&stream, false).count(), 1);
    // An acknowledgement that claims more ranges than fit.
    assert_eq!(Frames::of(&hex("02 05 00 bfffffff 00"), false).count(), 0);
    let close = hex("1c 4001 06 02 6e6f");
    assert_eq!(
        Frames::of(&close, false).collect::<Vec<_>>(),
        [Frame::Close]
    );
}

#[test]
fn pieces_of_a_handshake_in_any_order_give_the_same() {
    let whole: Vec<u8> = (0..3000u32).map(|n| ((n * n) >> 3) as u8).collect();
    let mut next = random(7);
    for round in 0..200 {
        // Cut at random places, some pieces twice and longer than they need be, shuffled.
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < whole.len() {
            let len = 1 + next(if round % 2 == 0 { 40 } else { 700 });
            let end = (at + len).min(whole.len());
            let longer = (end + next(20)).min(whole.len());
            pieces.push((at, end));
            if next(4) == 0 {
                pieces.push((at, longer));
            }
            at = end;
        }
        for last in (1..pieces.len()).rev() {
            pieces.swap(last, next(last + 1));
        }
        let mut crypto = Pieces::default();
        for (begin, end) in pieces {
            let before = crypto.ready().len();
            let more = crypto.take(begin as u64, &whole[begin..end]);
            assert_eq!(more, crypto.ready().len() > before);
            assert_eq!(crypto.ready(), &whole[..crypto.ready().len()]);
        }
        assert_eq!(crypto.ready(), whole);
    }
}

#[test]
fn what_is_held_of_a_handshake_is_bounded() {
    let mut crypto = Pieces::default();
    assert!(!crypto.take(u64::MAX, b"abc"));
    assert!(!crypto.take(MAX_BYTES as u64, b"abc"));
    for at in 0..100_000u64 {
        assert!(!crypto.take(1 + at % MAX_BYTES as u64, &[1; 1000]));
    }
    assert!(crypto.held() <= 2 * MAX_BYTES);
    // The first bytes bring it all into order.
    assert!(crypto.take(0, b"a"));
    assert!(crypto.ready().len() <= MAX_BYTES);
}

#[test]
fn googles_own_hello_is_read() {
    let mut hello = b"CHLO\x03\x00\x00\x00PAD\0".to_vec();
    hello.extend(4u32.to_le_bytes());
    hello.extend(b"SNI\0");
    hello.extend(15u32.to_le_bytes());
    hello.extend(b"UAID");
    hello.extend(18u32.to_le_bytes());
    hello.extend(b"----example.org" as &[u8]);
    hello.extend(b"UA1");
    let frames = [&hex("a0010004")[..], &hello].concat();
    let found = google::hello(&frames).unwrap();
    assert_eq!(google::value(found, *b"SNI\0"), Some(&b"example.org"[..]));
    assert_eq!(google::value(found, *b"UAID"), Some(&b"UA1"[..]));
    assert_eq!(google::value(found, *b"NONE"), None);
    for end in 0..hello.len() - 3 {
        assert_eq!(google::value(&hello[..end], *b"UAID"), None);
    }
}
