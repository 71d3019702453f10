//! The samples of RFC 9001 appendix A and RFC 9369 appendix A, and what makes packets like them.

use crate::Peer;
use crate::quic::protection::Keys;
use crate::quic::version::Version;

/// What the client first calls the server.
pub(super) const DCID: &str = "8394c8f03e515708";

/// Version, peer, key, initialisation vector, and header protection key (A.1 of both).
pub(super) const KEYS: [(u32, Peer, &str, &str, &str); 4] = [
    (
        1,
        Peer::Client,
        "1f369613dd76d5467730efcbe3b1a22d",
        "fa044b2f42a3fd3b46fb255c",
        "9f50449e04a0e810283a1e9933adedd2",
    ),
    (
        1,
        Peer::Server,
        "cf3a5331653c364c88f0f379b6067e37",
        "0ac1493ca1905853b0bba03e",
        "c206b8d9b9f0f37644430b490eeaa314",
    ),
    (
        0x6b33_43cf,
        Peer::Client,
        "8b1a0bc121284290a29e0971b5cd045d",
        "91f73e2351d8fa91660e909f",
        "45b95e15235d6f45a6b19cbcb0294ba9",
    ),
    (
        0x6b33_43cf,
        Peer::Server,
        "82db637861d55e1d011f19ea71d5d2a7",
        "dd13c276499c0249d3310652",
        "edf6d05c83121201b436e16877593c3a",
    ),
];

/// The CRYPTO frame of the client's packet (RFC 9001 A.2).
pub(super) const CLIENT_CRYPTO: &str = "
    060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
    0d0010000e0403050306030203080408050806002d00020101001c0002400100
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
    75300901100f088394c8f03e51570806048000ffff";
/// Its header before it is protected.
const CLIENT_HEADER: &str = "c300000001088394c8f03e5157080000449e00000002";
/// How long its frames are, with padding.
const CLIENT_FRAMES: usize = 1162;
/// How the protected packet begins and ends.
pub(super) const CLIENT_BEGIN: &str =
    "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11";
pub(super) const CLIENT_END: &str = "e221af44860018ab0856972e194cd934";

/// The server's packet, protected (RFC 9001 A.3).
pub(super) const SERVER_INITIAL: &str = "
    cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a
    5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3
    dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84
    022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4
    2158407dd074ee";
/// The same of version 2 (RFC 9369 A.3).
pub(super) const SERVER_INITIAL_TWO: &str = "
    dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698
    baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17
    f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2
    c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8
    4bed8521e2e140";

/// The bytes of a text in hexadecimal; spaces do not count.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// Numbers below a bound, the same in every run.
pub(super) fn random(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |bound| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % bound.max(1)
    }
}

/// The client's packet, protected (RFC 9001 A.2).
pub(super) fn client_initial() -> Vec<u8> {
    let mut frames = hex(CLIENT_CRYPTO);
    frames.resize(CLIENT_FRAMES, 0);
    let keys = Keys::derive(Version(1), &hex(DCID), Peer::Client).unwrap();
    keys.seal(&hex(CLIENT_HEADER), 4, &frames)
}

/// The client's hello, as it is in [`CLIENT_CRYPTO`].
pub(super) fn client_hello() -> Vec<u8> {
    hex(CLIENT_CRYPTO)[4..].to_vec()
}

/// Who sends a packet, and to whom.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) version: Version,
    /// What the keys are made of.
    pub(super) initial: &'a [u8],
    pub(super) from: Peer,
    pub(super) dcid: &'a [u8],
    pub(super) scid: &'a [u8],
}

impl Path<'_> {
    /// An Initial packet with these frames; a client's is padded to what is asked of it.
    pub(super) fn initial(&self, packet_number: u8, frames: &[u8]) -> Vec<u8> {
        let mut frames = frames.to_vec();
        if self.from == Peer::Client && frames.len() < 1162 {
            frames.resize(1162, 0);
        }
        let two = self.version == Version(0x6b33_43cf);
        let mut header = self.header(if two { 0xd0 } else { 0xc0 });
        header.push(0);
        let len = 1 + frames.len() + 16;
        header.extend((0x4000 | len as u16).to_be_bytes());
        header.push(packet_number);
        let keys = Keys::derive(self.version, self.initial, self.from).unwrap();
        keys.seal(&header, 1, &frames)
    }

    /// A Handshake packet: nobody can open it.
    pub(super) fn handshake(&self) -> Vec<u8> {
        let mut packet = self.header(0xe0);
        packet.push(40);
        packet.extend([0x5a; 40]);
        packet
    }

    /// A Retry.
    pub(super) fn retry(&self) -> Vec<u8> {
        let mut packet = self.header(0xf0);
        packet.extend(b"token");
        packet.extend([0xa5; 16]);
        packet
    }

    /// A header up to the identifiers.
    pub(super) fn header(&self, first: u8) -> Vec<u8> {
        let mut header = vec![first];
        header.extend(self.version.0.to_be_bytes());
        for id in [self.dcid, self.scid] {
            header.push(id.len() as u8);
            header.extend(id);
        }
        header
    }
}

/// A CRYPTO frame.
pub(super) fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![6];
    for number in [offset, data.len()] {
        frame.extend((0x4000 | number as u16).to_be_bytes());
    }
    frame.extend(data);
    frame
}

/// A packet with a short header.
pub(super) fn short() -> Vec<u8> {
    let mut packet = vec![0x41];
    packet.extend([0x77; 60]);
    packet
}
