//! Classic BPF instructions, the common language of filters.
//!
//! libpcap compiles expressions to them, the kernel takes them (`SO_ATTACH_FILTER`,
//! `PACKET_FANOUT_CBPF`), and user space can interpret them. The machine has an accumulator A, an
//! index register X, 16 scratch words, and only forward jumps, so that every program ends.

/// One instruction, laid out as the kernel's `struct sock_filter` and libpcap's `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BpfInstruction {
    /// Operation: class, size or operator, addressing mode.
    pub code: u16,
    /// Instructions to skip if a conditional jump's condition is true.
    pub jt: u8,
    /// Instructions to skip if it is false.
    pub jf: u8,
    /// The operand: constant, offset in the frame, scratch word, or distance of a jump.
    pub k: u32,
}

impl BpfInstruction {
    /// An instruction that does not branch.
    #[must_use]
    pub const fn statement(code: u16, k: u32) -> Self {
        BpfInstruction {
            code,
            jt: 0,
            jf: 0,
            k,
        }
    }

    /// A conditional jump.
    #[must_use]
    pub const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Self {
        BpfInstruction { code, jt, jf, k }
    }
}
