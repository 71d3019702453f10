//! Versions of QUIC: what they are called, and how each protects its Initial packets.

/// A version, as the long header carries it (RFC 9000 section 15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Version(pub(super) u32);

/// The generation of a version: what its bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// As RFC 9000 has it, or a late draft of it.
    Ietf,
    /// As RFC 9369 has it: other numbers for the types of packets, other labels.
    Two,
    /// Google's Q050: the IETF's header and protection, Google's own handshake in it.
    GoogleCrypto,
    /// Google's Q046: a long header, nothing protected.
    GoogleLong,
    /// Google's Q043 and older: a header of its own, nothing protected.
    GoogleOld,
}

/// What the keys of a version's Initial packets are made with (RFC 9001 section 5.2, RFC 9369 section 3.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct Protection {
    /// The salt of the first derivation.
    pub(super) salt: &'static [u8; 20],
    /// The labels of key, initialisation vector, and header protection key, as `HkdfLabel` structures (RFC 8446 section 7.1).
    pub(super) labels: &'static [&'static [u8]; 3],
}

const LABELS_ONE: [&[u8]; 3] = [
    b"\x00\x10\x0etls13 quic key\x00",
    b"\x00\x0c\x0dtls13 quic iv\x00",
    b"\x00\x10\x0dtls13 quic hp\x00",
];
const LABELS_TWO: [&[u8]; 3] = [
    b"\x00\x10\x10tls13 quicv2 key\x00",
    b"\x00\x0c\x0ftls13 quicv2 iv\x00",
    b"\x00\x10\x0ftls13 quicv2 hp\x00",
];

/// Drafts 21 and 22.
const SALT_22: [u8; 20] =
    *b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a";
/// Drafts 23 to 28.
const SALT_23: [u8; 20] =
    *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02";
/// Drafts 29 to 32.
const SALT_29: [u8; 20] =
    *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
/// RFC 9001, and drafts 33 and 34.
const SALT_ONE: [u8; 20] =
    *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
/// RFC 9369.
const SALT_TWO: [u8; 20] =
    *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
/// The first drafts of version 2.
const SALT_TWO_DRAFT: [u8; 20] =
    *b"\xa7\x07\xc2\x03\xa5\x9b\x47\x18\x4a\x1d\x62\xca\x57\x04\x06\xea\x7a\xe3\xe5\xd3";
/// Google's versions that are protected like the IETF's.
const SALT_Q050: [u8; 20] =
    *b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45";
const SALT_T050: [u8; 20] =
    *b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10";
const SALT_T051: [u8; 20] =
    *b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d";

impl Version {
    /// The version of a Version Negotiation packet, which has none (RFC 8999 section 6).
    pub(super) const NEGOTIATION: Version = Version(0);

    /// Google's versions from `low` to `high`, as their number is written: `Q` or `T` and three digits.
    fn google(self, letter: u8, low: u32, high: u32) -> bool {
        let [first, digits @ ..] = self.0.to_be_bytes();
        if first != letter || !digits.iter().all(u8::is_ascii_digit) {
            return false;
        }
        let number = digits
            .iter()
            .fold(0, |number, digit| 10 * number + u32::from(digit - b'0'));
        (low..=high).contains(&number)
    }

    /// What its bytes look like; `None` for one that is not known.
    pub(super) fn generation(self) -> Option<Generation> {
        match self.0 {
            1 | 0xff00_0016..=0xff00_0022 => Some(Generation::Ietf),
            // Facebook's mvfst.
            0xface_b001..=0xface_b003 | 0xface_b00d..=0xface_b013 | 0xface_feed => {
                Some(Generation::Ietf)
            }
            0x6b33_43cf | 0x709a_50c4 | 0xff02_0000 => Some(Generation::Two),
            _ if self.google(b'T', 50, 51) => Some(Generation::Ietf),
            _ if self.google(b'Q', 50, 50) => Some(Generation::GoogleCrypto),
            _ if self.google(b'Q', 46, 46) => Some(Generation::GoogleLong),
            _ if self.google(b'Q', 24, 43) => Some(Generation::GoogleOld),
            _ => None,
        }
    }

    /// Whether its frames have some numbers that only Google's have.
    pub(super) fn has_google_frames(self) -> bool {
        self.google(b'Q', 50, 50) || self.google(b'T', 50, 51)
    }

    /// Whether it is set aside to make servers negotiate: `?a?a?a?a` (RFC 9000 section 15).
    pub(super) fn forces_negotiation(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }

    /// How its Initial packets are protected; `None` if they are not, or nobody knows.
    pub(super) fn protection(self) -> Option<Protection> {
        let (salt, labels) = match self.0 {
            1 | 0xff00_0021..=0xff00_0022 | 0xface_b003 | 0xface_feed => (&SALT_ONE, &LABELS_ONE),
            0x6b33_43cf => (&SALT_TWO, &LABELS_TWO),
            0x709a_50c4 | 0xff02_0000 => (&SALT_TWO_DRAFT, &LABELS_TWO),
            0xff00_001d..=0xff00_0020 => (&SALT_29, &LABELS_ONE),
            // No server answers, and there is no rule; clients were seen to take this.
            _ if self.forces_negotiation() => (&SALT_29, &LABELS_ONE),
            0xff00_0017..=0xff00_001c | 0xface_b002 | 0xface_b00d..=0xface_b013 => {
                (&SALT_23, &LABELS_ONE)
            }
            0xff00_0016 | 0xface_b001 => (&SALT_22, &LABELS_ONE),
            _ if self.google(b'Q', 50, 50) => (&SALT_Q050, &LABELS_ONE),
            _ if self.google(b'T', 50, 50) => (&SALT_T050, &LABELS_ONE),
            _ if self.google(b'T', 51, 51) => (&SALT_T051, &LABELS_ONE),
            _ => return None,
        };
        Some(Protection { salt, labels })
    }
}
