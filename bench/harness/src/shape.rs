//! What the traffic is like: sizes, popularity, and what the two ends of a conversation do in turn.

/// Sizes of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// The least an Ethernet frame can be: 64 bytes with FCS. IPv4; TCP without timestamps (they do not fit).
    Small,
    /// The "simple IMIX" of 7 small : 4 of 594 : 1 of 1518 bytes with FCS. One flow in five is IPv6, half of TCP has timestamps, and
    /// both make small packets a little larger than 64 bytes.
    Imix,
}

/// How often the flows come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popularity {
    /// Each as often as any other, in random order: no locality at all.
    Uniform,
    /// Zipf's law with exponent 1.
    Zipf,
}

/// All of it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Sizes.
    pub mix: Mix,
    /// Popularity.
    pub popularity: Popularity,
    /// Concurrent flows; at most 2^24.
    pub flows: u32,
    /// Seed; the same one gives the same packets.
    pub seed: u64,
    /// Tells the flows of several workers apart: their addresses are in 10+`partition`/8.
    pub partition: u8,
}

impl Shape {
    /// One line for a table.
    #[must_use]
    pub fn name(&self) -> String {
        let mix = match self.mix {
            Mix::Small => "64B",
            Mix::Imix => "IMIX",
        };
        let popularity = match self.popularity {
            Popularity::Uniform => "uniform",
            Popularity::Zipf => "zipf",
        };
        let flows = match self.flows {
            flows if flows >= 1_000_000 => format!("{}M", flows / 1_000_000),
            flows => format!("{}k", flows / 1000),
        };
        format!("{mix:<4} {flows:>4} {popularity:<7}")
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Originator,
    Responder,
}

/// How much payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// TCP: an acknowledgement only. UDP: as `Tiny`.
    Nothing,
    /// What fits the smallest frame.
    Tiny,
    /// A frame of 594 bytes with FCS.
    Medium,
    /// A frame of 1518 bytes with FCS.
    Large,
}

use Sender::{Originator, Responder};
use Size::{Large, Medium, Nothing, Tiny};

/// One turn of a conversation after the other, round and round. No acknowledgement stands where nothing new is to be
/// acknowledged, so that no flow looks as if it had lost packets.
impl Mix {
    pub(crate) fn turns(self) -> &'static [(Sender, Size)] {
        match self {
            Mix::Small => &[
                (Originator, Tiny),
                (Responder, Nothing),
                (Responder, Tiny),
                (Originator, Nothing),
            ],
            Mix::Imix => &[
                (Originator, Medium),
                (Responder, Nothing),
                (Responder, Large),
                (Responder, Medium),
                (Originator, Nothing),
                (Responder, Medium),
                (Originator, Nothing),
                (Responder, Medium),
                (Originator, Nothing),
                (Originator, Tiny),
                (Responder, Tiny),
                (Originator, Nothing),
            ],
        }
    }

    /// The turns a flow can begin with: those that send data.
    pub(crate) fn first_turns(self) -> &'static [u8] {
        match self {
            Mix::Small => &[0, 2],
            Mix::Imix => &[0, 2, 3, 5, 7, 9, 10],
        }
    }
}
