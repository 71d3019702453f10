//! What the fuzz targets and the program that makes inputs for them have in common: how an input is read, and whether what is written of it can be.

mod spelling;

pub use spelling::Spelling;

use portreeve_app::Transport;

/// The LINKTYPE_ numbers that decode knows, and one that it does not: an input of `decode` begins with an index into these.
pub const LINKS: [u32; 21] = [
    1, 0, 8, 9, 10, 50, 51, 101, 104, 105, 107, 113, 127, 182, 192, 204, 226, 239, 258, 276, 147,
];

/// What `applications` has to find out the protocol for: no protocol has this number.
pub const ANY_PROTOCOL: u8 = u8::MAX;

/// The transports that an input of `applications` can name.
pub const TRANSPORTS: [Transport; 2] = [Transport::Tcp, Transport::Udp];

/// A frame as an input of `decode`: whole, with its checksums verified.
#[must_use]
pub fn frame_input(link: usize, frame: &[u8]) -> Vec<u8> {
    let mut input = vec![link as u8, 1];
    input.extend_from_slice(frame);
    input
}

/// What somebody says in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The responder says it.
    pub responder: bool,
    pub bytes: Vec<u8>,
}

/// The byte before a piece, who sends it.
pub const ORIGINATOR: u8 = 2;
pub const RESPONDER: u8 = 3;
/// With the lowest bit as the sender and not the second: as many bytes were never seen.
pub const GAP: u8 = 32;
/// The most bytes that a piece can have.
const LONGEST: usize = 255 << 3 | 7;

/// The length of a piece by the two bytes before it: the second, shifted by the first one's two highest bits, with as many bits of the first behind it.
#[must_use]
pub fn length(first: u8, second: u8) -> usize {
    let shift = first >> 6;
    usize::from(second) << shift | usize::from(first >> 2 & 7) & ((1 << shift) - 1)
}

/// The two bytes before a piece of so many bytes, [`LONGEST`] at most.
fn before_piece(who: u8, bytes: usize) -> [u8; 2] {
    let shift = (0..4).find(|shift| bytes >> shift <= 255).unwrap_or(3);
    let low = bytes & ((1 << shift) - 1);
    [
        who | (low as u8) << 2 | (shift as u8) << 6,
        (bytes >> shift) as u8,
    ]
}

/// A conversation as an input of `applications`: the protocol's number, what carries it, and the pieces, each behind two bytes ([`length`]).
#[must_use]
pub fn conversation(protocol: u8, transport: Transport, pieces: &[Piece]) -> Vec<u8> {
    let carried = TRANSPORTS.iter().position(|t| *t == transport);
    let mut input = vec![protocol, carried.unwrap_or_default() as u8];
    for piece in pieces {
        let who = if piece.responder {
            RESPONDER
        } else {
            ORIGINATOR
        };
        for bytes in piece.bytes.chunks(LONGEST) {
            input.extend(before_piece(who, bytes.len()));
            input.extend_from_slice(bytes);
        }
    }
    input
}

/// Frames as an input of `capture`: the link, how it goes (nothing unusual), and each frame behind its length (two bytes, big-endian) and its time, in steps behind the
/// frame before.
#[must_use]
pub fn capture(link: usize, frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut input = vec![link as u8, 0];
    for (step, frame) in frames {
        input.extend((frame.len() as u16).to_be_bytes());
        input.push(*step);
        input.extend_from_slice(frame);
    }
    input
}

/// The length and the step of time that stand before a frame in an input of `capture`.
#[must_use]
pub fn before_frame(bytes: &[u8; 3]) -> (usize, u8) {
    let [high, low, step] = *bytes;
    (u16::from_be_bytes([high, low]).into(), step)
}
