//! The socket filter: what the kernel puts into the ring, and how much of it.

use std::io;
use std::os::fd::OwnedFd;

use portreeve_packet::LinkType;

use crate::bpf::BpfInstruction;
use crate::filter::Filter;
use crate::frame::Frame;

use super::config::FilterPlace;
use super::kernel::{self, Counters};
use super::ring::FrameKind;
use super::{ebpf, sys};

/// `ret #0`: rejects every frame.
pub(super) const REJECT_ALL: [BpfInstruction; 1] = [BpfInstruction::statement(RET_K, 0)];

const LD_W_ABS: u16 = 0x20;
const LD_IMM: u16 = 0x00;
const JEQ_K: u16 = 0x15;
const RET_K: u16 = 0x06;

/// Where loads of what the kernel knows of a frame begin (`SKF_AD_OFF`).
const ANCILLARY: u32 = (-0x1000i32).cast_unsigned();
/// `SKF_AD_PKTTYPE`.
const PACKET_TYPE: u32 = ANCILLARY + 4;
/// `SKF_AD_IFINDEX`.
const INTERFACE: u32 = ANCILLARY + 8;
/// `SKF_AD_VLAN_TAG_PRESENT`.
const TAG_PRESENT: u32 = ANCILLARY + 48;
/// `PACKET_OUTGOING`.
pub(super) const OUTGOING: u32 = 4;

/// Which frames are ours at all. The others are nobody's loss and in no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Sent and received ones.
    Both,
    /// Received ones.
    Received,
    /// Sent ones.
    Sent,
    /// On the interface with this index received ones, on all others both.
    ReceivedOn(u32),
}

impl Side {
    /// The instructions that reject what is not ours and fall through otherwise.
    fn prefix(self) -> Vec<BpfInstruction> {
        let load = |what| BpfInstruction::statement(LD_W_ABS, what);
        let reject = BpfInstruction::statement(RET_K, 0);
        let mut program = match self {
            Side::Both => return Vec::new(),
            Side::Received => vec![
                load(PACKET_TYPE),
                BpfInstruction::jump(JEQ_K, OUTGOING, 0, 1),
                reject,
            ],
            Side::Sent => vec![
                load(PACKET_TYPE),
                BpfInstruction::jump(JEQ_K, OUTGOING, 1, 0),
                reject,
            ],
            Side::ReceivedOn(index) => vec![
                load(PACKET_TYPE),
                BpfInstruction::jump(JEQ_K, OUTGOING, 0, 3),
                load(INTERFACE),
                BpfInstruction::jump(JEQ_K, index, 0, 1),
                reject,
            ],
        };
        // A program begins with zero in A.
        program.push(BpfInstruction::statement(LD_IMM, 0));
        program
    }
}

/// What the socket is to let in, ready to be attached, and what is left for user space.
pub(super) struct Gate {
    side: Side,
    snap_length: Option<u32>,
    kernel: Kernel,
    /// To be run on what the kernel let in.
    user: Option<Filter>,
    /// Where the filter is and why, for the start report; empty without a filter.
    pub(super) description: &'static str,
}

/// The kernel's part.
enum Kernel {
    /// A classic program, or none if empty. `sieves`: it rejects frames, and nobody counts them.
    Classic {
        program: Vec<BpfInstruction>,
        sieves: bool,
    },
    /// A translated program, which counts.
    Counting {
        program: OwnedFd,
        counters: Counters,
    },
}

impl Gate {
    /// Decides where `filter` runs, and loads it if that is the kernel.
    pub(super) fn new(
        side: Side,
        snap_length: Option<u32>,
        filter: Option<&Filter>,
        place: FilterPlace,
        kind: FrameKind,
    ) -> Gate {
        let side_only = |description| Gate {
            side,
            snap_length,
            kernel: Kernel::Classic {
                program: classic(side, snap_length, &[], false),
                sieves: false,
            },
            user: filter.cloned(),
            description,
        };
        let Some(filter) = filter else {
            return side_only("");
        };
        let ethernet = match (kind, place) {
            (_, FilterPlace::UserSpace) => return side_only("filter in user space, as asked"),
            (FrameKind::Cooked, _) => {
                return side_only("filter in user space: the cooked header is made there");
            }
            (FrameKind::Raw(link), _) => link == LinkType::Ethernet,
        };
        let code = filter.instructions();
        let loaded = Counters::new().and_then(|counters| {
            let map = counters.descriptor();
            let Some(program) = ebpf::translate(code, side, snap_length, ethernet, map) else {
                return Ok(None);
            };
            let program = kernel::load(&program)?;
            Ok(Some(Kernel::Counting { program, counters }))
        });
        match loaded {
            Ok(Some(kernel)) => Gate {
                side,
                snap_length,
                kernel,
                user: None,
                description: "filter in the kernel, which counts what it rejects",
            },
            Ok(None) => side_only("filter in user space: the kernel has no equal for it"),
            Err(_) => Gate {
                side,
                snap_length,
                kernel: Kernel::Classic {
                    program: classic(side, snap_length, code, ethernet),
                    sieves: true,
                },
                user: Some(filter.clone()),
                description: "filter in the kernel, which does not count what it rejects: eBPF is not permitted (cap_bpf)",
            },
        }
    }

    /// Lets frames in. If the kernel does not take the program, everything that is ours comes in and is filtered in user space.
    pub(super) fn open(&mut self, fd: &OwnedFd, filter: Option<&Filter>) -> io::Result<()> {
        match &mut self.kernel {
            Kernel::Classic { program, .. } if program.is_empty() => sys::detach_filter(fd),
            Kernel::Classic { program, sieves } => match sys::attach_filter(fd, program) {
                Err(_) if *sieves => {
                    // Too long for the kernel, most likely: the side alone always fits.
                    let side = program.iter().take_while(|i| i.code != LD_IMM).count();
                    program.truncate(side);
                    program.push(BpfInstruction::statement(RET_K, u32::MAX));
                    *sieves = false;
                    self.user = filter.cloned();
                    self.description = "filter in user space: the kernel does not take it";
                    sys::attach_filter(fd, program)
                }
                result => result,
            },
            Kernel::Counting { program, .. } => sys::attach_ebpf(fd, program),
        }
    }

    /// Lets everything in that is ours. It takes no privilege, and what the kernel counted so far stays counted.
    pub(super) fn lift(&mut self, fd: &OwnedFd) -> io::Result<()> {
        let filters = match &self.kernel {
            Kernel::Classic { sieves, .. } => *sieves,
            Kernel::Counting { .. } => true,
        };
        if filters {
            let mut program = classic(self.side, self.snap_length, &[], false);
            if program.is_empty() {
                program.push(BpfInstruction::statement(RET_K, u32::MAX));
            }
            sys::attach_filter(fd, &program)?;
        }
        self.user = None;
        Ok(())
    }

    /// What the kernel rejected since the gate was opened, if anybody knows.
    pub(super) fn rejected(&self) -> Option<u64> {
        match &self.kernel {
            Kernel::Classic { sieves: true, .. } => None,
            Kernel::Classic { .. } => Some(0),
            Kernel::Counting { counters, .. } => Some(counters.sum()),
        }
    }

    /// Whether a frame that the kernel let in passes.
    #[inline]
    pub(super) fn passes(&self, frame: &Frame<'_>) -> bool {
        self.user
            .as_ref()
            .is_none_or(|filter| filter.matches(frame))
    }
}

/// The classic program for a socket; empty: none is needed. `filter` may be empty. With `tags_apart` frames whose VLAN tag was taken out are all
/// let in, since the filter knows them with their tags.
fn classic(
    side: Side,
    snap_length: Option<u32>,
    filter: &[BpfInstruction],
    tags_apart: bool,
) -> Vec<BpfInstruction> {
    let snap = snap_length.unwrap_or(u32::MAX);
    let mut program = side.prefix();
    if filter.is_empty() {
        if !program.is_empty() || snap_length.is_some() {
            program.push(BpfInstruction::statement(RET_K, snap));
        }
        return program;
    }
    if tags_apart {
        program.extend([
            BpfInstruction::statement(LD_W_ABS, TAG_PRESENT),
            BpfInstruction::jump(JEQ_K, 0, 1, 0),
            BpfInstruction::statement(RET_K, snap),
            BpfInstruction::statement(LD_IMM, 0),
        ]);
    }
    program.extend(filter.iter().map(|instruction| match instruction.code {
        RET_K => BpfInstruction {
            k: instruction.k.min(snap),
            ..*instruction
        },
        _ => *instruction,
    }));
    program
}
