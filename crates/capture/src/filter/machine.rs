//! The classic BPF machine, in safe Rust: what libpcap's `bpf_filter` does, on a frame whose stripped VLAN tag is seen in its place.

use crate::bpf::BpfInstruction;

/// Scratch words of the machine (`BPF_MEMWORDS`).
const MEMORY: usize = 16;
/// The longest program (`BPF_MAXINSNS`); the kernel takes no longer one either.
pub(super) const MAX_INSTRUCTIONS: usize = 4096;

// Classes.
const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ST: u16 = 0x02;
const STX: u16 = 0x03;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
const MISC: u16 = 0x07;

/// Bytes of a VLAN tag, and where it stands in an Ethernet frame.
const TAG: usize = 4;
const TAG_AT: usize = 12;

/// The bytes that a program sees.
pub(super) trait Packet {
    /// The byte at `offset`, if it was captured.
    fn byte(&self, offset: usize) -> Option<u8>;
    /// The two bytes there, big-endian.
    fn half(&self, offset: usize) -> Option<u16>;
    /// The four bytes there, big-endian.
    fn word(&self, offset: usize) -> Option<u32>;
    /// Length on the wire.
    fn wire_len(&self) -> u32;
}

/// A frame as it is.
pub(super) struct Plain<'a> {
    pub(super) data: &'a [u8],
    pub(super) wire_len: u32,
}

impl Packet for Plain<'_> {
    #[inline]
    fn byte(&self, offset: usize) -> Option<u8> {
        self.data.get(offset).copied()
    }

    #[inline]
    fn half(&self, offset: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.data.get(offset..)?.first_chunk()?))
    }

    #[inline]
    fn word(&self, offset: usize) -> Option<u32> {
        Some(u32::from_be_bytes(*self.data.get(offset..)?.first_chunk()?))
    }

    #[inline]
    fn wire_len(&self) -> u32 {
        self.wire_len
    }
}

/// An Ethernet frame whose VLAN tag was taken out, seen as it was with it.
pub(super) struct Tagged<'a> {
    pub(super) data: &'a [u8],
    pub(super) wire_len: u32,
    /// The tag as it stood in the frame: protocol, then control information.
    pub(super) tag: [u8; TAG],
}

impl Packet for Tagged<'_> {
    fn byte(&self, offset: usize) -> Option<u8> {
        match offset {
            ..TAG_AT => self.data.get(offset).copied(),
            // Without both addresses there is no place for the tag.
            _ if self.data.len() < TAG_AT => None,
            _ => match self.tag.get(offset - TAG_AT) {
                Some(byte) => Some(*byte),
                None => self.data.get(offset - TAG).copied(),
            },
        }
    }

    fn half(&self, offset: usize) -> Option<u16> {
        let second = offset.checked_add(1)?;
        Some(u16::from_be_bytes([self.byte(offset)?, self.byte(second)?]))
    }

    fn word(&self, offset: usize) -> Option<u32> {
        let second = offset.checked_add(2)?;
        Some(u32::from(self.half(offset)?) << 16 | u32::from(self.half(second)?))
    }

    fn wire_len(&self) -> u32 {
        self.wire_len.saturating_add(TAG as u32)
    }
}

/// Whether a program may be run: it ends, jumps only forwards and within itself, and uses the scratch words that there are.
/// (libpcap makes no other; this guards against a mistake.)
pub(super) fn is_sound(program: &[BpfInstruction]) -> bool {
    let length = program.len();
    let ends = program.last().is_some_and(|last| last.code & 7 == RET);
    ends && length <= MAX_INSTRUCTIONS
        && program.iter().enumerate().all(|(at, instruction)| {
            let behind = length - at - 1;
            let k = instruction.k as usize;
            match instruction.code & 7 {
                JMP if instruction.code == JMP => k < behind,
                JMP => usize::from(instruction.jt) < behind && usize::from(instruction.jf) < behind,
                ST | STX => k < MEMORY,
                LD | LDX if instruction.code & 0xe0 == 0x60 => k < MEMORY,
                _ => true,
            }
        })
}

/// Runs `program`: how many bytes of the frame it accepts; 0 rejects it, as does a load from where nothing was captured.
#[inline]
pub(super) fn run<P: Packet>(program: &[BpfInstruction], packet: &P) -> u32 {
    let (mut a, mut x) = (0u32, 0u32);
    let mut memory = [0u32; MEMORY];
    let mut at = 0usize;
    while let Some(instruction) = program.get(at) {
        at += 1;
        let k = instruction.k;
        let operand = if instruction.code & 0x08 != 0 { x } else { k };
        match instruction.code & 7 {
            LD => match load(instruction.code, k, x, packet, &memory) {
                Some(value) => a = value,
                None => return 0,
            },
            LDX => {
                // 0xb1 is the IPv4 header length: 4 * (byte & 15).
                let value = if instruction.code == 0xb1 {
                    packet
                        .byte(k as usize)
                        .map(|byte| u32::from(byte & 0x0f) << 2)
                } else {
                    load(instruction.code, k, x, packet, &memory)
                };
                match value {
                    Some(value) => x = value,
                    None => return 0,
                }
            }
            class @ (ST | STX) => {
                if let Some(word) = memory.get_mut(k as usize) {
                    *word = if class == ST { a } else { x };
                }
            }
            ALU => match calculate(instruction.code & 0xf0, a, operand) {
                Some(value) => a = value,
                None => return 0,
            },
            JMP => {
                let condition = match instruction.code & 0xf0 {
                    0x00 => {
                        at = at.saturating_add(k as usize);
                        continue;
                    }
                    0x10 => a == operand,
                    0x20 => a > operand,
                    0x30 => a >= operand,
                    0x40 => a & operand != 0,
                    _ => return 0,
                };
                let distance = if condition {
                    instruction.jt
                } else {
                    instruction.jf
                };
                at += usize::from(distance);
            }
            RET => {
                return if instruction.code & 0x18 == 0x10 {
                    a
                } else {
                    k
                };
            }
            MISC if instruction.code & 0x80 == 0 => x = a,
            _ => a = x,
        }
    }
    0
}

#[inline]
fn load<P: Packet>(code: u16, k: u32, x: u32, packet: &P, memory: &[u32; MEMORY]) -> Option<u32> {
    let offset = match code & 0xe0 {
        0x00 => return Some(k),
        0x20 => k as usize,
        0x40 => x.checked_add(k)? as usize,
        0x60 => return memory.get(k as usize).copied(),
        0x80 => return Some(packet.wire_len()),
        _ => return None,
    };
    match code & 0x18 {
        0x00 => packet.word(offset),
        0x08 => packet.half(offset).map(u32::from),
        0x10 => packet.byte(offset).map(u32::from),
        _ => None,
    }
}

#[inline]
fn calculate(operator: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match operator {
        0x00 => a.wrapping_add(operand),
        0x10 => a.wrapping_sub(operand),
        0x20 => a.wrapping_mul(operand),
        0x30 => a.checked_div(operand)?,
        0x40 => a | operand,
        0x50 => a & operand,
        // A shift by 32 or more leaves nothing, as libpcap has it.
        0x60 => a.checked_shl(operand).unwrap_or(0),
        0x70 => a.checked_shr(operand).unwrap_or(0),
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(operand)?,
        0xa0 => a ^ operand,
        _ => return None,
    })
}
