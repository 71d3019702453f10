//! Opening: everything is set up while nothing can come in, then the gate is opened.

use std::io;
use std::os::fd::OwnedFd;

use portreeve_packet::LinkType;

use crate::bpf::BpfInstruction;
use crate::error::CaptureError;
use crate::interfaces::{self, Interface, Netlink};
use crate::privileges::grant_line;
use crate::source::{SourceInfo, SourceKind};

use super::config::{AfPacketConfig, Direction, MAX_RING};
use super::fanout;
use super::filter::{Gate, REJECT_ALL, Side};
use super::ledger::Ledger;
use super::ring::{FrameKind, Geometry, MIN_BLOCK, Ring};
use super::source::{AfPacketSource, Parts};
use super::sys;

/// The name that stands for all interfaces.
const ANY: &str = "any";

/// What is to be opened.
struct Target {
    /// `None`: all interfaces.
    interface: Option<Interface>,
    kind: FrameKind,
}

impl Target {
    fn find(name: &str) -> Result<Target, CaptureError> {
        if name == ANY {
            return Ok(Target {
                interface: None,
                kind: FrameKind::Cooked,
            });
        }
        let interface = interfaces::find(name)?;
        let kind = match interface.link_type() {
            Some(link) => FrameKind::Raw(link),
            None => FrameKind::Cooked,
        };
        Ok(Target {
            interface: Some(interface),
            kind,
        })
    }

    fn index(&self) -> u32 {
        self.interface
            .as_ref()
            .map_or(0, |interface| interface.index)
    }
}

/// What frames captured from `interface` (or `any`) begin with: what a filter for it must be compiled for.
///
/// # Errors
/// There is no such interface.
pub fn link_type(interface: &str) -> Result<LinkType, CaptureError> {
    Ok(Target::find(interface)?.kind.link_type())
}

/// The most sources that share an interface: the size of a fanout group.
pub const MAX_SOURCES: usize = 256;

impl AfPacketSource {
    /// Opens an interface, for one worker.
    ///
    /// # Errors
    /// No such interface, no permission, or a system call failed.
    pub fn open(config: &AfPacketConfig) -> Result<AfPacketSource, CaptureError> {
        let target = Target::find(&config.interface)?;
        let mut source = prepare(config, &target, true)?;
        open_gate(config, &mut source)?;
        Ok(source)
    }

    /// Opens an interface for `sources` workers, at least 1 and at most [`MAX_SOURCES`]. Worker k's source gets the frames whose home is worker k as
    /// `portreeve_packet::steer` has it, so that both directions of a conversation meet; on a kernel that cannot run the
    /// steering program, the kernel's own symmetric hash decides.
    ///
    /// # Errors
    /// As [`AfPacketSource::open`]; also if the interface is down on a kernel that then refuses to spread it.
    pub fn open_fanout(
        config: &AfPacketConfig,
        sources: usize,
    ) -> Result<Vec<AfPacketSource>, CaptureError> {
        let target = Target::find(&config.interface)?;
        let count = sources.clamp(1, MAX_SOURCES);
        let steering = match target.kind {
            FrameKind::Raw(link) => fanout::program(Some(link)),
            FrameKind::Cooked => fanout::program(None),
        };
        let spread = match steering {
            Some(program) => spread(config, &target, count, Some(&program))
                .or_else(|_| spread(config, &target, count, None)),
            None => spread(config, &target, count, None),
        };
        let mut sources = spread?;
        for source in &mut sources {
            open_gate(config, source)?;
        }
        Ok(sources)
    }
}

/// Sources behind closed gates, in one fanout group, steered by `program` or by the kernel's hash.
fn spread(
    config: &AfPacketConfig,
    target: &Target,
    count: usize,
    program: Option<&[BpfInstruction]>,
) -> Result<Vec<AfPacketSource>, CaptureError> {
    let failed = |error| {
        let down = target
            .interface
            .as_ref()
            .is_some_and(|interface| !interface.up);
        let hint = if down {
            ", which is down (ip link set it up first)"
        } else {
            ""
        };
        CaptureError::System {
            what: format!("spread {} over {count} workers{hint}", config.interface),
            error,
        }
    };
    let mut sources: Vec<AfPacketSource> = Vec::with_capacity(count);
    let mut group = None;
    for index in 0..count {
        let mut source = prepare(config, target, index == 0)?;
        if count > 1 {
            let (mode, name) = match program {
                Some(_) => (libc::PACKET_FANOUT_CBPF, "steered by a program"),
                None => (libc::PACKET_FANOUT_HASH, "steered by the kernel's hash"),
            };
            // The group's number in the lower half, mode and flags in the upper; the kernel picks the number.
            let request = match group {
                None => (mode | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
                Some(group) => mode << 16 | u32::from(group),
            };
            sys::set_option(source.fd(), libc::SOL_PACKET, libc::PACKET_FANOUT, &request)
                .map_err(failed)?;
            if group.is_none() {
                group = Some(sys::fanout_group(source.fd()).map_err(failed)?);
                if let Some(program) = program {
                    sys::set_program(
                        source.fd(),
                        libc::SOL_PACKET,
                        libc::PACKET_FANOUT_DATA,
                        program,
                    )
                    .map_err(failed)?;
                }
            }
            source.describe(&format!("share {} of {count}, {name}", index + 1));
        }
        sources.push(source);
    }
    Ok(sources)
}

fn open_gate(config: &AfPacketConfig, source: &mut AfPacketSource) -> Result<(), CaptureError> {
    source
        .open_gate(config.filter.as_ref())
        .map_err(|error| failed(config, "open the gate of", error))
}

/// A source that is complete, except that its filter rejects every frame.
fn prepare(
    config: &AfPacketConfig,
    target: &Target,
    first: bool,
) -> Result<AfPacketSource, CaptureError> {
    let step = |what: &str| {
        let what = what.to_owned();
        move |error| failed(config, &what, error)
    };
    let link = target.kind.link_type();
    if let Some(filter) = &config.filter
        && filter.link() != link
    {
        let message = format!("compiled for {:?}, and frames are {link:?}", filter.link());
        let error = io::Error::new(io::ErrorKind::InvalidInput, message);
        return Err(failed(config, "filter", error));
    }
    let kind = match target.kind {
        FrameKind::Raw(_) => libc::SOCK_RAW,
        FrameKind::Cooked => libc::SOCK_DGRAM,
    };
    let fd = sys::packet_socket(kind).map_err(step("open a packet socket for"))?;
    sys::attach_filter(&fd, &REJECT_ALL).map_err(step("attach a filter to the socket of"))?;
    let wanted = Geometry {
        block_size: config
            .block_size
            .clamp(MIN_BLOCK, 1 << 26)
            .next_power_of_two(),
        blocks: config.blocks.max(2),
        retire_timeout_ms: (config.retire_timeout.as_millis() as u32).clamp(1, 10_000),
        hash: config.rx_hash,
    };
    let wanted = Geometry {
        blocks: wanted.blocks.min(MAX_RING / wanted.block_size),
        ..wanted
    };
    let ring = Ring::new(&fd, wanted, target.kind).map_err(step("map a ring for"))?;
    sys::bind_all_protocols(&fd, target.index()).map_err(step("bind to"))?;
    if let Some(interface) = &target.interface
        && config.promiscuous
        && !interface.loopback
    {
        set_promiscuous(&fd, interface.index).map_err(step("set promiscuous mode on"))?;
    }
    let netlink = Netlink::open().map_err(step("open a netlink socket for"))?;
    // Whatever was counted so far is not ours.
    sys::statistics(&fd).map_err(step("read the statistics of"))?;
    let ledger = Ledger::open(target.interface.as_ref(), first);
    let granted = ring.geometry();
    let mut description = format!(
        "AF_PACKET, ring of {} blocks of {} KiB",
        granted.blocks,
        granted.block_size >> 10
    );
    if granted.blocks < wanted.blocks {
        description.push_str(&format!(" ({} asked for; no more memory)", wanted.blocks));
    }
    if config.hardware_timestamps {
        let stamped = sys::hardware_timestamps(&fd, &config.interface);
        description.push_str(match stamped {
            Ok(()) => "; timestamps of the NIC",
            Err(_) => "; timestamps of the kernel (the NIC gives none)",
        });
    }
    let info = SourceInfo {
        kind: SourceKind::AfPacket,
        name: config.interface.clone(),
        live: true,
        description,
        total_bytes: None,
    };
    Ok(AfPacketSource::new(Parts {
        info,
        ring,
        fd,
        index: target.index(),
        gate: gate(config, target),
        ledger,
        netlink,
    }))
}

/// What the socket filter is to let in.
fn gate(config: &AfPacketConfig, target: &Target) -> Gate {
    const LOOPBACK_INDEX: u32 = 1;
    let side = match (&target.interface, config.direction) {
        (_, Direction::In) => Side::Received,
        (_, Direction::Out) => Side::Sent,
        (Some(interface), Direction::InOut) if interface.loopback => Side::Received,
        (Some(_), Direction::InOut) => Side::Both,
        (None, Direction::InOut) => Side::ReceivedOn(LOOPBACK_INDEX),
    };
    Gate::new(
        side,
        config.snap_length,
        config.filter.as_ref(),
        config.filter_place,
        target.kind,
    )
}

fn set_promiscuous(fd: &OwnedFd, index: u32) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: index.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    sys::set_option(fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
}

/// The error of a step of opening, with the way out if a privilege is missing.
fn failed(config: &AfPacketConfig, what: &str, error: io::Error) -> CaptureError {
    let what = format!("{what} {}", config.interface);
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => CaptureError::Permission {
            what,
            fix: grant_line(),
        },
        _ => CaptureError::System { what, error },
    }
}
