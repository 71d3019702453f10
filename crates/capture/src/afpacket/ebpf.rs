//! From classic BPF to eBPF: the same filter, and it counts what it rejects.
//!
//! A classic filter cannot count, and what it rejects is in none of the kernel's statistics. So the
//! program that libpcap made is translated, instruction by instruction, and every way to rejection ends at
//! one place that adds one to a counter of the processor it runs on.
//!
//! The translation also puts back the VLAN tag that the NIC or the kernel took out of a frame. libpcap's program knows a frame as it was
//! on the wire; so it is translated twice: for frames as they are, and for frames whose tag is apart, where loads from behind
//! the tag are moved and loads of the tag itself come from the socket buffer. The two runs give what a
//! run over the whole frame in user space would give.
//!
//! ```text
//! r6 socket buffer   r7 A   r8 X   [fp-4] loaded bytes   [fp-8] key   [fp-72..fp-8] M[0..16]
//! ```

use crate::bpf::BpfInstruction;

use super::filter::Side;

/// One eBPF instruction as the kernel takes it: opcode, registers (source above destination), jump offset, constant.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u8,
    pub(super) registers: u8,
    pub(super) offset: i16,
    pub(super) constant: i32,
}

/// The most instructions that are generated: jumps must fit 16 bits.
const MAX_LENGTH: usize = 30_000;

// Fields of struct __sk_buff.
const LENGTH: i16 = 0;
const PACKET_TYPE: i16 = 4;
const VLAN_PRESENT: i16 = 20;
const VLAN_TCI: i16 = 24;
const VLAN_PROTOCOL: i16 = 28;
const INTERFACE: i16 = 40;

// Helper functions.
const MAP_LOOKUP: i32 = 1;
const PROCESSOR: i32 = 8;
const LOAD_BYTES: i32 = 26;

const CONTEXT: u8 = 6;
const A: u8 = 7;
const X: u8 = 8;
const FRAME: u8 = 10;
const BYTES: i16 = -4;
const KEY: i16 = -8;
const MEMORY: i16 = -72;

/// Where a jump leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Rejected: counted.
    Reject,
    /// Not ours: nothing is counted.
    Ignore,
    /// The tagged body.
    Tagged,
    /// The translation of the classic instruction at this index in the body (false: plain, true: tagged).
    Classic(bool, usize),
}

struct Translator {
    code: Vec<Instruction>,
    jumps: Vec<(usize, Target)>,
    /// Where the translation of each classic instruction begins, in either body.
    places: [Vec<usize>; 2],
    snap: u32,
}

/// Translates a filter. `program` is what libpcap made for frames with their tags, empty for none; `map` is the descriptor
/// of the array of counters; `ethernet` says that frames begin with an Ethernet header, so that a tag has a place to be put back to.
///
/// `None`: the program does something that has no translation.
pub(super) fn translate(
    program: &[BpfInstruction],
    side: Side,
    snap_length: Option<u32>,
    ethernet: bool,
    map: i32,
) -> Option<Vec<Instruction>> {
    // Nothing may fall off the end.
    if program.last().is_some_and(|last| last.code & 7 != 6) {
        return None;
    }
    let mut t = Translator {
        code: Vec::with_capacity(program.len() * 16 + 64),
        jumps: Vec::new(),
        places: [Vec::new(), Vec::new()],
        snap: snap_length.unwrap_or(u32::MAX).max(1),
    };
    t.move_register(CONTEXT, 1);
    t.side(side);
    if program.is_empty() {
        t.accept(u32::MAX);
    } else {
        t.move_constant(A, 0);
        t.move_constant(X, 0);
        if program.iter().any(|i| matches!(i.code, 0x60 | 0x61)) {
            for word in 0..8 {
                // *(u64 *)(fp + MEMORY + 8 * word) = 0
                t.emit(0x7a, FRAME, 0, MEMORY + 8 * word, 0);
            }
        }
        if ethernet {
            t.load_context(0, VLAN_PRESENT);
            t.jump_if(0x55, 0, 0, Target::Tagged);
        }
        t.body(program, false)?;
        if ethernet {
            t.body(program, true)?;
        }
    }
    t.finish(map)
}

impl Translator {
    fn emit(&mut self, code: u8, to: u8, from: u8, offset: i16, constant: i32) {
        self.code.push(Instruction {
            code,
            registers: from << 4 | to,
            offset,
            constant,
        });
    }

    /// 32-bit move: the upper half becomes zero, as everything classic BPF computes with.
    fn move_register(&mut self, to: u8, from: u8) {
        // The socket buffer's address has 64 bits.
        let code = if to == CONTEXT || from == CONTEXT || from == FRAME {
            0xbf
        } else {
            0xbc
        };
        self.emit(code, to, from, 0, 0);
    }

    fn move_constant(&mut self, to: u8, constant: u32) {
        self.emit(0xb4, to, 0, 0, constant.cast_signed());
    }

    fn load_context(&mut self, to: u8, field: i16) {
        self.emit(0x61, to, CONTEXT, field, 0);
    }

    fn call(&mut self, helper: i32) {
        self.emit(0x85, 0, 0, 0, helper);
    }

    fn jump(&mut self, target: Target) {
        self.jumps.push((self.code.len(), target));
        self.emit(0x05, 0, 0, 0, 0);
    }

    fn jump_if(&mut self, code: u8, register: u8, constant: u32, target: Target) {
        self.jumps.push((self.code.len(), target));
        self.emit(code, register, 0, 0, constant.cast_signed());
    }

    fn side(&mut self, side: Side) {
        match side {
            Side::Both => {}
            Side::Received => {
                self.load_context(0, PACKET_TYPE);
                self.jump_if(0x15, 0, super::filter::OUTGOING, Target::Ignore);
            }
            Side::Sent => {
                self.load_context(0, PACKET_TYPE);
                self.jump_if(0x55, 0, super::filter::OUTGOING, Target::Ignore);
            }
            Side::ReceivedOn(index) => {
                self.load_context(0, PACKET_TYPE);
                // if r0 != OUTGOING skip the next two
                self.emit(0x55, 0, 0, 2, super::filter::OUTGOING.cast_signed());
                self.load_context(0, INTERFACE);
                self.jump_if(0x15, 0, index, Target::Ignore);
            }
        }
    }

    fn accept(&mut self, length: u32) {
        self.move_constant(0, length.min(self.snap));
        self.emit(0x95, 0, 0, 0, 0);
    }

    fn body(&mut self, program: &[BpfInstruction], tagged: bool) -> Option<()> {
        for (index, instruction) in program.iter().enumerate() {
            let here = self.code.len();
            self.places[usize::from(tagged)].push(here);
            self.instruction(instruction, index, program.len(), tagged)?;
            if self.code.len() > MAX_LENGTH {
                return None;
            }
        }
        Some(())
    }

    fn instruction(
        &mut self,
        i: &BpfInstruction,
        index: usize,
        length: usize,
        tagged: bool,
    ) -> Option<()> {
        let memory = || {
            let word = i16::try_from(i.k).ok().filter(|word| *word < 16)?;
            Some(MEMORY + 4 * word)
        };
        let classic = |skip: usize| {
            let to = index + 1 + skip;
            (to < length).then_some(Target::Classic(tagged, to))
        };
        match i.code {
            // Loads.
            0x00 => self.move_constant(A, i.k),
            0x01 => self.move_constant(X, i.k),
            0x20 | 0x28 | 0x30 => {
                let size = size(i.code)?;
                self.absolute(i.k, size, tagged)?;
                self.emit(0xbc, A, 0, 0, 0);
            }
            0x40 | 0x48 | 0x50 => {
                let size = size(i.code)?;
                self.indexed(i.k, size, tagged)?;
                self.emit(0xbc, A, 0, 0, 0);
            }
            // X = 4 * (frame[k] & 0xf)
            0xb1 => {
                self.absolute(i.k, 1, tagged)?;
                self.emit(0x54, 0, 0, 0, 0x0f);
                self.emit(0x64, 0, 0, 0, 2);
                self.emit(0xbc, X, 0, 0, 0);
            }
            0x80 | 0x81 => {
                let to = if i.code == 0x80 { A } else { X };
                self.load_context(to, LENGTH);
                if tagged {
                    self.emit(0x04, to, 0, 0, 4);
                }
            }
            0x60 => self.emit(0x61, A, FRAME, memory()?, 0),
            0x61 => self.emit(0x61, X, FRAME, memory()?, 0),
            0x02 => self.emit(0x63, FRAME, A, memory()?, 0),
            0x03 => self.emit(0x63, FRAME, X, memory()?, 0),
            // Arithmetic: the same opcodes, on 32 bits. A division by zero rejects.
            0x34 | 0x94 if i.k == 0 => self.jump(Target::Reject),
            0x64 | 0x74 if i.k > 31 => return None,
            0x04 | 0x14 | 0x24 | 0x34 | 0x44 | 0x54 | 0x64 | 0x74 | 0x94 | 0xa4 => {
                self.emit(i.code as u8, A, 0, 0, i.k.cast_signed());
            }
            0x3c | 0x9c => {
                self.jump_if(0x16, X, 0, Target::Reject);
                self.emit(i.code as u8, A, X, 0, 0);
            }
            0x0c | 0x1c | 0x2c | 0x4c | 0x5c | 0xac => self.emit(i.code as u8, A, X, 0, 0),
            0x6c | 0x7c => {
                // Shifts by 32 or more have no one meaning: see that they are not asked for.
                self.jump_if(0x26, X, 31, Target::Reject);
                self.emit(i.code as u8, A, X, 0, 0);
            }
            0x84 => self.emit(0x84, A, 0, 0, 0),
            0x07 => self.move_register(X, A),
            0x87 => self.move_register(A, X),
            // Jumps: the same operators, on 32 bits (class JMP32).
            0x05 => {
                let target = classic(usize::try_from(i.k).ok()?)?;
                self.jump(target);
            }
            0x15 | 0x25 | 0x35 | 0x45 | 0x1d | 0x2d | 0x3d | 0x4d => {
                let (yes, no) = (classic(i.jt.into())?, classic(i.jf.into())?);
                let code = (i.code as u8 & 0xf8) | 0x06;
                self.jumps.push((self.code.len(), yes));
                if i.code & 0x08 == 0 {
                    self.emit(code, A, 0, 0, i.k.cast_signed());
                } else {
                    self.emit(code, A, X, 0, 0);
                }
                if i.jf != 0 {
                    self.jump(no);
                }
            }
            // Ends.
            0x06 if i.k == 0 => self.jump(Target::Reject),
            0x06 => self.accept(i.k),
            0x16 => {
                self.jump_if(0x16, A, 0, Target::Reject);
                self.emit(0xbc, 0, A, 0, 0);
                // if r0 <= snap skip the next
                self.emit(0xb6, 0, 0, 1, self.snap.cast_signed());
                self.move_constant(0, self.snap);
                self.emit(0x95, 0, 0, 0, 0);
            }
            _ => return None,
        }
        Some(())
    }

    /// r0 = `size` bytes at `k`, which the classic program counts in the frame with its tag.
    fn absolute(&mut self, k: u32, size: u32, tagged: bool) -> Option<()> {
        // Loads from behind SKF_AD_OFF and the like: ancillary data.
        let k = k.cast_signed();
        if k < 0 {
            return None;
        }
        let k = k.cast_unsigned();
        let end = k.checked_add(size)?;
        if !tagged || end <= 12 {
            self.move_constant(2, k);
            self.load_bytes(size);
        } else if k >= 16 {
            self.move_constant(2, k - 4);
            self.load_bytes(size);
        } else if k >= 12 && end <= 16 {
            // The tag: type and control information, in the order of the wire.
            self.load_context(1, VLAN_PROTOCOL);
            self.emit(0xdc, 1, 0, 0, 16);
            self.emit(0x64, 1, 0, 0, 16);
            self.load_context(0, VLAN_TCI);
            self.emit(0x54, 0, 0, 0, 0xffff);
            self.emit(0x4c, 0, 1, 0, 0);
            let behind = 16 - end;
            if behind > 0 {
                self.emit(0x74, 0, 0, 0, behind.cast_signed() * 8);
            }
            if size < 4 {
                self.emit(0x54, 0, 0, 0, (1 << (8 * size)) - 1);
            }
        } else {
            return None;
        }
        Some(())
    }

    /// r0 = `size` bytes at X + `k`. With the tag apart, a load at a computed offset that touches the tag rejects: what computes
    /// offsets (header lengths) looks behind it.
    fn indexed(&mut self, k: u32, size: u32, tagged: bool) -> Option<()> {
        let k = i32::try_from(k).ok()?;
        self.emit(0xbc, 2, X, 0, 0);
        if !tagged {
            self.emit(0x04, 2, 0, 0, k);
        } else if k >= 16 {
            self.emit(0x04, 2, 0, 0, k - 4);
        } else {
            self.emit(0x04, 2, 0, 0, k);
            // if r2 <= 12 - size skip the next two
            self.emit(0xb6, 2, 0, 2, 12 - size.cast_signed());
            self.jump_if(0xa6, 2, 16, Target::Reject);
            self.emit(0x14, 2, 0, 0, 4);
        }
        self.load_bytes(size);
        Some(())
    }

    /// r0 = `size` bytes at r2, from network order; a load from where there is nothing rejects.
    fn load_bytes(&mut self, size: u32) {
        self.move_register(1, CONTEXT);
        self.move_register(3, FRAME);
        self.emit(0x07, 3, 0, 0, BYTES.into());
        self.move_constant(4, size);
        self.call(LOAD_BYTES);
        self.jump_if(0x55, 0, 0, Target::Reject);
        match size {
            1 => self.emit(0x71, 0, FRAME, BYTES, 0),
            2 => {
                self.emit(0x69, 0, FRAME, BYTES, 0);
                self.emit(0xdc, 0, 0, 0, 16);
            }
            _ => {
                self.emit(0x61, 0, FRAME, BYTES, 0);
                self.emit(0xdc, 0, 0, 0, 32);
            }
        }
    }

    /// Adds one to the counter of this processor.
    fn count(&mut self, map: i32) {
        self.call(PROCESSOR);
        self.emit(0x63, FRAME, 0, KEY, 0);
        // r1 = map (BPF_LD | BPF_DW | BPF_IMM, BPF_PSEUDO_MAP_FD)
        self.emit(0x18, 1, 1, 0, map);
        self.emit(0, 0, 0, 0, 0);
        self.move_register(2, FRAME);
        self.emit(0x07, 2, 0, 0, KEY.into());
        self.call(MAP_LOOKUP);
        // if r0 == 0 skip the next two
        self.emit(0x15, 0, 0, 2, 0);
        self.move_constant(1, 1);
        // lock *(u64 *)(r0 + 0) += r1
        self.emit(0xdb, 0, 1, 0, 0);
    }

    /// The ends, and the jumps' distances.
    fn finish(mut self, map: i32) -> Option<Vec<Instruction>> {
        // The verifier takes no instruction that nothing leads to.
        let rejects = self
            .jumps
            .iter()
            .any(|(_, target)| *target == Target::Reject);
        let ignores = self
            .jumps
            .iter()
            .any(|(_, target)| *target == Target::Ignore);
        let reject = self.code.len();
        if rejects {
            self.count(map);
        }
        let ignore = self.code.len();
        if rejects || ignores {
            self.move_constant(0, 0);
            self.emit(0x95, 0, 0, 0, 0);
        }
        for (at, target) in std::mem::take(&mut self.jumps) {
            let to = match target {
                Target::Reject => reject,
                Target::Ignore => ignore,
                Target::Tagged => *self.places[1].first()?,
                Target::Classic(tagged, index) => *self.places[usize::from(tagged)].get(index)?,
            };
            let distance = to.checked_sub(at + 1)?;
            self.code[at].offset = i16::try_from(distance).ok()?;
        }
        Some(self.code)
    }
}

fn size(code: u16) -> Option<u32> {
    match code & 0x18 {
        0x00 => Some(4),
        0x08 => Some(2),
        0x10 => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classic(program: &[(u16, u8, u8, u32)]) -> Vec<BpfInstruction> {
        let make = |&(code, jt, jf, k)| BpfInstruction { code, jt, jf, k };
        program.iter().map(make).collect()
    }

    #[test]
    fn what_has_no_translation_is_refused() {
        for program in [
            // Falls off the end.
            classic(&[(0x00, 0, 0, 1)]),
            // Ancillary data.
            classic(&[(0x20, 0, 0, 0xffff_f004), (0x06, 0, 0, 1)]),
            // Half in the tag.
            classic(&[(0x20, 0, 0, 10), (0x06, 0, 0, 1)]),
            // A jump to nowhere.
            classic(&[(0x15, 9, 0, 1), (0x06, 0, 0, 1)]),
            // No such scratch word, no such instruction.
            classic(&[(0x60, 0, 0, 16), (0x06, 0, 0, 1)]),
            classic(&[(0xff, 0, 0, 0), (0x06, 0, 0, 1)]),
        ] {
            assert_eq!(translate(&program, Side::Both, None, true, 3), None);
        }
    }

    #[test]
    fn every_jump_stays_in_the_program() {
        let program = classic(&[
            (0x28, 0, 0, 12),
            (0x15, 0, 3, 0x0800),
            (0x30, 0, 0, 23),
            (0x15, 0, 1, 17),
            (0x06, 0, 0, 96),
            (0x06, 0, 0, 0),
        ]);
        for side in [Side::Both, Side::Received, Side::Sent, Side::ReceivedOn(1)] {
            let code = translate(&program, side, Some(64), true, 3).expect("translates");
            for (at, instruction) in code.iter().enumerate() {
                let to = at as i64 + 1 + i64::from(instruction.offset);
                let jumps = matches!(instruction.code & 7, 5 | 6)
                    && !matches!(instruction.code, 0x85 | 0x95);
                assert!(!jumps || (0..code.len() as i64).contains(&to));
            }
            assert_eq!(code.last().map(|last| last.code), Some(0x95));
            // What is accepted is cut to the snap length: no `r0 = 96` is left.
            assert!(!code.iter().any(|i| i.code == 0xb4 && i.constant == 96));
        }
    }
}
