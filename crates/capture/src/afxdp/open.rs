//! Opening: the program is attached with its gates shut, sockets are bound behind them, then the gates are opened.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use portreeve_packet::LinkType;

use crate::error::CaptureError;
use crate::interfaces::{self, Interface};
use crate::privileges::grant_line_with;
use crate::source::{SourceInfo, SourceKind};

use super::attach::{AttachError, Attached, Loaded};
use super::config::{AfXdpConfig, Mode, ZeroCopy};
use super::ledger::Nic;
use super::queue::{self, Queue};
use super::rings;
use super::source::{AfXdpSource, MAX_QUEUES, Parts};
use super::sys;
use super::umem::{Layout, MAX_JOINED, Umem};

/// Link-layer header and VLAN tags, in bytes.
const HEADERS: u32 = 14 + 8;

/// How an interface is captured.
struct Path {
    native: bool,
    /// Why the driver does not run the program.
    why: Option<String>,
}

/// How a queue's socket was bound.
struct Bound {
    queue: Queue,
    zero_copy: bool,
    /// Frames of several chunks are delivered.
    joins: bool,
}

impl AfXdpSource {
    /// How many receive queues the interface has: more sources than that cannot be opened.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn queues(interface: &str) -> Result<usize, CaptureError> {
        let interface = interfaces::find(interface)?;
        Ok((interface.rx_queues as usize).clamp(1, MAX_QUEUES))
    }

    /// Opens all queues of an interface and spreads them over so many sources, or over as many as there are queues if those are fewer.
    ///
    /// # Errors
    /// No such interface, it is in use ([`CaptureError::InUse`]), no permission, or something of what was asked for is not to be had.
    pub fn open(config: &AfXdpConfig, sources: usize) -> Result<Vec<AfXdpSource>, CaptureError> {
        let interface = interfaces::find(&config.interface)?;
        if interface.link_type() != Some(LinkType::Ethernet) {
            return Err(CaptureError::Unsupported {
                what: format!(
                    "{} is no Ethernet interface: AF_XDP needs one",
                    interface.name
                ),
                fix: format!("type afpacket:{}", interface.name),
            });
        }
        if !config.take_over {
            refuse_if_used(&interface)?;
        }
        let count = interface.rx_queues.clamp(1, MAX_QUEUES as u32);
        sys::raise_memory_limit();
        let loaded = Loaded::new(count).map_err(|error| attach_failed(&interface, error))?;
        let (attached, mut sockets, path) = attach(config, &interface, loaded)?;
        let mut bound = Vec::new();
        for id in 0..count {
            let one = bind(config, &interface, id, path.native)?;
            sockets
                .set(id, &one.queue.fd)
                .map_err(|error| attach_failed(&interface, error))?;
            bound.push(one);
        }
        let promiscuous = if config.promiscuous && !interface.loopback {
            let held = sys::promiscuous(interface.index)
                .map_err(|error| failed(&interface, "set promiscuous mode on", error))?;
            Some(Arc::new(held))
        } else {
            None
        };
        let attached = Arc::new(attached);
        let mut made = Vec::new();
        for share in share_out(bound, sources.max(1)) {
            let info = SourceInfo {
                kind: SourceKind::AfXdp,
                name: interface.name.clone(),
                live: true,
                description: describe(&interface, &path, &share, count),
                total_bytes: None,
            };
            let parts = Parts {
                info,
                queues: share.into_iter().map(|one| one.queue).collect(),
                attached: Arc::clone(&attached),
                promiscuous: promiscuous.clone(),
                nic: Nic::Unknown,
            };
            let source = AfXdpSource::new(parts)
                .map_err(|error| failed(&interface, "wait for frames on", error))?;
            made.push(source);
        }
        for source in &mut made {
            source.open_gate();
        }
        // What came before was the kernel's, and so is what it does with it: its drops are none of ours.
        sys::wait_for_packets_in_progress();
        let only = made.len() == 1;
        for (index, source) in made.iter_mut().enumerate() {
            let first = index == 0;
            source.count_losses(Nic::open(&interface, path.native, first, only), first);
        }
        Ok(made)
    }
}

/// Why capturing the interface this way would cut the host off; `None`: nothing goes through it that the host needs.
#[must_use]
pub fn in_use(interface: &Interface) -> Option<String> {
    if interface.default_route {
        return Some("carries the default route".into());
    }
    // Every interface that is up has a link-local address of IPv6: it says nothing about use.
    let address = interface.addresses.iter().find(|address| match address.ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    });
    if let Some(address) = address {
        return Some(format!("carries the address {address}"));
    }
    interface
        .master
        .map(|_| "belongs to a bridge or a bond".into())
}

fn refuse_if_used(interface: &Interface) -> Result<(), CaptureError> {
    let name = &interface.name;
    match in_use(interface) {
        None => Ok(()),
        Some(why) => Err(CaptureError::InUse {
            name: name.clone(),
            why,
            fix: format!(
                "type afpacket:{name}, which leaves it alone, or add --take-over if that is meant"
            ),
        }),
    }
}

/// Attaches the program as the configuration has it; also the map of sockets, to be filled.
fn attach(
    config: &AfXdpConfig,
    interface: &Interface,
    loaded: Loaded,
) -> Result<(Attached, super::attach::Sockets, Path), CaptureError> {
    let generic = |loaded: Loaded, why: Option<String>| {
        let (attached, sockets) = loaded
            .attach(interface.index, false)
            .map_err(|(_, error)| attach_failed(interface, error))?;
        let path = Path { native: false, why };
        Ok((attached, sockets, path))
    };
    if config.mode == Mode::Generic {
        return generic(loaded, None);
    }
    match loaded.attach(interface.index, true) {
        Ok((attached, sockets)) => {
            let path = Path {
                native: true,
                why: None,
            };
            Ok((attached, sockets, path))
        }
        Err((loaded, AttachError::Attach(said, code)))
            if config.mode == Mode::Auto
                && code != Some(libc::EPERM)
                && code != Some(libc::EBUSY) =>
        {
            generic(loaded, Some(said))
        }
        Err((_, AttachError::Attach(said, code)))
            if code != Some(libc::EPERM) && code != Some(libc::EBUSY) =>
        {
            Err(CaptureError::Unsupported {
                what: format!(
                    "the driver of {} does not run the XDP program ({said})",
                    interface.name
                ),
                fix: "set afxdp.mode to \"generic\" or \"auto\"".into(),
            })
        }
        Err((_, error)) => Err(attach_failed(interface, error)),
    }
}

/// The socket of one queue, with its memory and rings.
fn bind(
    config: &AfXdpConfig,
    interface: &Interface,
    id: u32,
    native: bool,
) -> Result<Bound, CaptureError> {
    let step = |what: &'static str| move |error| failed(interface, what, error);
    let mut layout = Layout::for_mtu(interface.mtu, config.frame_count());
    let longest = interface.mtu.saturating_add(HEADERS);
    // The generic path also sees what the kernel has joined (GRO), whatever the MTU.
    let joins = longest > layout.room() || !native;
    if joins {
        let longest = if native { longest as usize } else { MAX_JOINED };
        layout.joined = longest.min(MAX_JOINED).next_multiple_of(64);
    }
    let mut flags = libc::XDP_USE_NEED_WAKEUP;
    flags |= match config.zero_copy {
        ZeroCopy::On => libc::XDP_ZEROCOPY,
        ZeroCopy::Auto if native => 0,
        ZeroCopy::Auto | ZeroCopy::Off => libc::XDP_COPY,
    };
    let fd = sys::xdp_socket().map_err(step("open an AF_XDP socket for"))?;
    let umem = Umem::new(layout, config.huge_pages, config.node)
        .map_err(|error| failed(interface, "find memory for frames of", error.into()))?;
    sys::register(&fd, umem.start(), layout.len(), layout.chunk)
        .map_err(|error| memory_failed(interface, layout.len(), error))?;
    let (fill, filled) =
        rings::make(&fd, layout.frames, config.ring_size()).map_err(step("make the rings of"))?;
    let many = if joins { libc::XDP_USE_SG } else { 0 };
    let mut done = sys::patiently(is_busy, || {
        sys::bind(&fd, interface.index, id, flags | many)
    });
    let refused = |done: &io::Result<()>| {
        let code = done.as_ref().err().and_then(io::Error::raw_os_error);
        code == Some(libc::EINVAL) || code == Some(libc::EOPNOTSUPP)
    };
    let joins = joins && !refused(&done);
    if many != 0 && !joins {
        // Linux before 6.6, or a NIC that writes itself and knows no frames of several chunks.
        done = sys::bind(&fd, interface.index, id, flags);
    }
    done.map_err(|error| bind_failed(config, interface, id, error))?;
    if config.busy_poll > 0 {
        sys::prefer_busy_poll(&fd, config.busy_poll).map_err(step("set busy polling on"))?;
    }
    let zero_copy = sys::is_zero_copy(&fd);
    let queue = Queue::new(queue::Parts {
        id,
        fd,
        fill,
        filled,
        umem: Arc::new(umem),
        busy_poll: config.busy_poll > 0,
    });
    Ok(Bound {
        queue,
        zero_copy,
        joins,
    })
}

fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBUSY)
}

/// Source k gets queues k, k + n, …
fn share_out(queues: Vec<Bound>, sources: usize) -> Vec<Vec<Bound>> {
    let count = sources.min(queues.len());
    let mut shares: Vec<Vec<Bound>> = (0..count).map(|_| Vec::new()).collect();
    for (index, queue) in queues.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(index % count) {
            share.push(queue);
        }
    }
    shares
}

fn describe(interface: &Interface, path: &Path, share: &[Bound], count: u32) -> String {
    let name = &interface.name;
    let mut text = String::from("AF_XDP, ");
    match (path.native, &path.why) {
        (true, _) => {
            let driver = interface.driver.as_deref().unwrap_or("its driver");
            text.push_str(&format!("native (in {driver})"));
        }
        (false, None) => text.push_str("generic (as asked)"),
        (false, Some(why)) => text.push_str(&format!("generic (its driver: {why})")),
    }
    let Some(first) = share.first() else {
        return text;
    };
    text.push_str(if first.zero_copy {
        ", zero-copy"
    } else {
        ", copied once by the kernel"
    });
    let ids: Vec<String> = share.iter().map(|one| one.queue.id.to_string()).collect();
    let word = if ids.len() == 1 { "queue" } else { "queues" };
    text.push_str(&format!(", {word} {} of {count}", ids.join(", ")));
    text.push_str(&first.queue.describe());
    if !first.joins && interface.mtu.saturating_add(HEADERS) > first.queue.room() {
        text.push_str(&format!(
            "; frames of more than {} bytes are lost and counted: this kernel or driver delivers them whole only (ip link set dev {name} mtu 1500)",
            first.queue.room()
        ));
    }
    if interface.offloads.rx_vlan == Some(true) && interface.physical {
        text.push_str(&format!(
            "; the NIC takes VLAN tags out and AF_XDP does not show them: ethtool -K {name} rxvlan off"
        ));
    }
    if !path.native && interface.physical && interface.offloads.gro == Some(true) {
        text.push_str(&format!(
            "; the kernel joins packets before they are seen: ethtool -K {name} gro off"
        ));
    }
    text.push_str("; sent frames are not seen");
    text
}

fn memory_failed(interface: &Interface, bytes: usize, error: io::Error) -> CaptureError {
    if error.raw_os_error() != Some(libc::ENOBUFS) {
        return failed(interface, "register the frames' memory of", error);
    }
    CaptureError::Permission {
        what: format!(
            "lock {} MiB of memory for frames of {}; {} KiB may be locked in all",
            bytes >> 20,
            interface.name,
            sys::memory_limit() >> 10
        ),
        fix: format!("ulimit -l unlimited, or: {}", grant_line_for_xdp()),
    }
}

fn bind_failed(
    config: &AfXdpConfig,
    interface: &Interface,
    id: u32,
    error: io::Error,
) -> CaptureError {
    let name = &interface.name;
    match error.raw_os_error() {
        Some(libc::EBUSY) => CaptureError::Unsupported {
            what: format!("queue {id} of {name} has an AF_XDP socket of another program already"),
            fix: format!("end that program (ss --xdp -p lists it), or type afpacket:{name}"),
        },
        Some(libc::EOPNOTSUPP | libc::EINVAL) if config.zero_copy == ZeroCopy::On => {
            CaptureError::Unsupported {
                what: format!("the driver of {name} has no zero-copy AF_XDP in this mode"),
                fix: "set afxdp.zero_copy to \"auto\"".into(),
            }
        }
        Some(libc::ENETDOWN) => CaptureError::Unsupported {
            what: format!("{name} is down"),
            fix: format!("set it up: ip link set dev {name} up"),
        },
        _ => failed(interface, "bind an AF_XDP socket to", error),
    }
}

fn attach_failed(interface: &Interface, error: AttachError) -> CaptureError {
    let name = &interface.name;
    let (said, code, what) = match error {
        AttachError::NoLink => {
            return CaptureError::Unsupported {
                what: "this kernel would leave the XDP program behind if Portreeve were killed (Linux 5.9 and newer do not)".into(),
                fix: format!("type afpacket:{name}"),
            };
        }
        AttachError::Load(said, code) => (said, code, "load the XDP program for"),
        AttachError::Attach(said, code) => (said, code, "attach the XDP program to"),
    };
    match code {
        Some(libc::EBUSY) => CaptureError::Unsupported {
            what: format!("{name} has an XDP program already"),
            fix: format!(
                "see which: ip link show dev {name}; end what put it there, or: ip link set dev {name} xdp off"
            ),
        },
        Some(libc::EPERM | libc::EACCES) => CaptureError::Permission {
            what: format!("{what} {name}"),
            fix: grant_line_for_xdp(),
        },
        _ => CaptureError::System {
            what: format!("{what} {name}"),
            error: io::Error::other(said),
        },
    }
}

/// Loading the program takes `cap_bpf`, locking the frames' memory `cap_ipc_lock`.
fn grant_line_for_xdp() -> String {
    grant_line_with(&["cap_bpf", "cap_ipc_lock"])
}

/// The error of a step of opening, with the way out if a privilege is missing.
fn failed(interface: &Interface, what: &str, error: io::Error) -> CaptureError {
    let what = format!("{what} {}", interface.name);
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => CaptureError::Permission {
            what,
            fix: grant_line_for_xdp(),
        },
        Some(libc::EAFNOSUPPORT) => CaptureError::Unsupported {
            what: "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)".into(),
            fix: format!("type afpacket:{}", interface.name),
        },
        _ => CaptureError::System { what, error },
    }
}
