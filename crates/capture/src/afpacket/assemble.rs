//! A small assembler for classic BPF: instructions with names and labels instead of counted jumps.

use crate::bpf::BpfInstruction;

/// A place in a program, to jump forward to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Size of a load.
#[derive(Clone, Copy)]
pub(super) enum Size {
    Word = 0x00,
    Half = 0x08,
    Byte = 0x10,
}

/// A program in the making.
#[derive(Default)]
pub(super) struct Assembler {
    code: Vec<BpfInstruction>,
    /// Instruction, label if true, label if false; `None`: the next instruction.
    jumps: Vec<(usize, Option<Label>, Option<Label>)>,
    labels: Vec<Option<usize>>,
}

impl Assembler {
    fn push(&mut self, code: u16, k: u32) {
        self.code.push(BpfInstruction::statement(code, k));
    }

    /// A label that is placed later.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places a label before the next instruction.
    pub(super) fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.code.len());
    }

    /// A = frame\[k\]
    pub(super) fn load(&mut self, size: Size, k: u32) {
        self.push(0x20 | size as u16, k);
    }

    /// A = frame\[X + k\]
    pub(super) fn load_indexed(&mut self, size: Size, k: u32) {
        self.push(0x40 | size as u16, k);
    }

    /// A = M\[k\]
    pub(super) fn load_memory(&mut self, k: u32) {
        self.push(0x60, k);
    }

    /// X = M\[k\]
    pub(super) fn load_x_memory(&mut self, k: u32) {
        self.push(0x61, k);
    }

    /// X = k
    pub(super) fn load_x(&mut self, k: u32) {
        self.push(0x01, k);
    }

    /// M\[k\] = A
    pub(super) fn store(&mut self, k: u32) {
        self.push(0x02, k);
    }

    /// M\[k\] = X
    pub(super) fn store_x(&mut self, k: u32) {
        self.push(0x03, k);
    }

    /// A = A + k
    pub(super) fn add(&mut self, k: u32) {
        self.push(0x04, k);
    }

    /// A = A + X
    pub(super) fn add_x(&mut self) {
        self.push(0x0c, 0);
    }

    /// A = A × k
    pub(super) fn multiply(&mut self, k: u32) {
        self.push(0x24, k);
    }

    /// A = A & k
    pub(super) fn and(&mut self, k: u32) {
        self.push(0x54, k);
    }

    /// A = A << k
    pub(super) fn shift_left(&mut self, k: u32) {
        self.push(0x64, k);
    }

    /// A = A >> k
    pub(super) fn shift_right(&mut self, k: u32) {
        self.push(0x74, k);
    }

    /// A = A ^ X
    pub(super) fn xor_x(&mut self) {
        self.push(0xac, 0);
    }

    /// Jumps to `label` if A = k.
    pub(super) fn if_equal(&mut self, k: u32, label: Label) {
        self.jumps.push((self.code.len(), Some(label), None));
        self.push(0x15, k);
    }

    /// Jumps to `label` if A ≠ k.
    pub(super) fn if_not_equal(&mut self, k: u32, label: Label) {
        self.jumps.push((self.code.len(), None, Some(label)));
        self.push(0x15, k);
    }

    /// Jumps to `label` if A and k share a bit.
    pub(super) fn if_any(&mut self, k: u32, label: Label) {
        self.jumps.push((self.code.len(), Some(label), None));
        self.push(0x45, k);
    }

    /// Jumps to `label`.
    pub(super) fn jump(&mut self, label: Label) {
        self.jumps.push((self.code.len(), Some(label), None));
        self.push(0x05, 0);
    }

    /// Ends with k.
    pub(super) fn give(&mut self, k: u32) {
        self.push(0x06, k);
    }

    /// Ends with A.
    pub(super) fn give_a(&mut self) {
        self.push(0x16, 0);
    }

    /// The program; `None` if a label was never placed, or placed too far from or before a jump to it.
    pub(super) fn finish(mut self) -> Option<Vec<BpfInstruction>> {
        for (at, yes, no) in self.jumps {
            let distance = |label: Option<Label>| match label {
                None => Some(0),
                Some(label) => self.labels[label.0]?.checked_sub(at + 1),
            };
            let (yes, no) = (distance(yes)?, distance(no)?);
            let instruction = &mut self.code[at];
            if instruction.code == 0x05 {
                instruction.k = u32::try_from(yes).ok()?;
            } else {
                instruction.jt = u8::try_from(yes).ok()?;
                instruction.jf = u8::try_from(no).ok()?;
            }
        }
        Some(self.code)
    }
}
