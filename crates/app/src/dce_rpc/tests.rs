//! What is recognised, what records come of packets, and that broken ones do no harm.

use portreeve_record::{App, Record};

use super::*;
use crate::testing::{From, Play, play_cut};

const PORT: u16 = 135;
/// The endpoint mapper's UUID as it stands in a binding.
const EPMAPPER: [u8; 16] = [
    8, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 8, 0, 0x2b, 0x14, 0xa0, 0xfa,
];

fn packet(kind: u8, call: u32, body: &[u8]) -> Vec<u8> {
    let mut out = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    out.extend_from_slice(&(body.len() as u16 + 16).to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&call.to_le_bytes());
    out.extend_from_slice(body);
    out
}

fn bind(uuid: [u8; 16]) -> Vec<u8> {
    let mut body = vec![0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    body.extend_from_slice(&uuid);
    body.extend_from_slice(&[3, 0, 0, 0]);
    body.extend_from_slice(&[4; 20]);
    packet(11, 1, &body)
}

fn conversation(uuid: [u8; 16]) -> Vec<(From, Vec<u8>)> {
    let mut bound = vec![0xd0, 0x16, 0xd0, 0x16, 1, 0, 0, 0, 4, 0];
    bound.extend_from_slice(b"135\0");
    bound.extend_from_slice(&[0; 32]);
    let mut call = vec![0, 0, 0, 0, 0, 0, 3, 0];
    call.extend_from_slice(&[9; 3000]);
    let mut answer = vec![0, 0, 0, 0, 0, 0, 0, 0];
    answer.extend_from_slice(&[9; 200]);
    vec![
        (From::Orig, bind(uuid)),
        (From::Resp, packet(12, 1, &bound)),
        (From::Orig, packet(0, 2, &call)),
        (From::Resp, packet(2, 2, &answer)),
    ]
}

#[test]
fn calls_are_named_in_any_cut() {
    for (uuid, endpoint, operation) in [
        (EPMAPPER, "epmapper", "ept_map"),
        (
            [0x11; 16],
            "unknown-11111111-1111-1111-1111-111111111111",
            "unknown-3",
        ),
    ] {
        let script = conversation(uuid);
        let script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
        let outcome = play_cut(PORT, &script);
        assert_eq!(outcome.service, Some("dce_rpc"));
        let [Record::App(App::DceRpc(record))] = &outcome.records[..] else {
            panic!("{:?}", outcome.records);
        };
        assert_eq!(record.named_pipe.as_deref(), Some("135"));
        assert_eq!(record.endpoint.as_deref(), Some(endpoint));
        assert_eq!(record.operation.as_deref(), Some(operation));
        assert!(record.rtt.is_some_and(|rtt| rtt > 0));
    }
}

#[test]
fn others_are_not_claimed() {
    for bytes in [
        &b"\x05\x01\x00"[..],
        b"\x05\0\x0b\x03\x10\0\0\0\x0f\0\0\0\0\0\0\0",
        b"hello",
    ] {
        let mut play = Play::new(Transport::Tcp, 50_000, 1080);
        play.orig(bytes);
        assert_eq!(play.finish().service, None, "{bytes:?}");
    }
}

#[test]
fn broken_packets_do_no_harm() {
    let script = conversation(EPMAPPER);
    for (at, (from, packet)) in script.iter().enumerate() {
        for len in 0..packet.len().min(120) {
            let mut play = Play::of(&DCE_RPC, Transport::Tcp, 50_000, PORT);
            for (from, bytes) in &script[..at] {
                match from {
                    From::Orig => play.orig(bytes),
                    From::Resp => play.resp(bytes),
                };
            }
            let mut flipped = packet.clone();
            flipped[len] ^= 0x81;
            match from {
                From::Orig => play.orig(&flipped).orig(&packet[..len]),
                From::Resp => play.resp(&flipped).resp(&packet[..len]),
            };
            play.finish();
        }
    }
}
