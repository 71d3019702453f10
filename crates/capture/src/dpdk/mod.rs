//! A port that DPDK drives: frames from the NIC's ring, around the kernel.
//!
//! Any port that libdpdk has a driver for: a NIC on UIO or VFIO by its PCI address, or a virtual device (`net_memif`, `net_vhost`,
//! `net_virtio_user`, `net_af_packet`, `net_af_xdp`, `net_tap`, `net_pcap`, `net_ring`, `net_null`). [`open`] starts the Environment
//! Abstraction Layer (EAL), once in a process, and opens all ports in one go.
//!
//! # The hot path
//!
//! One call of C for a burst, then a loop that reads a few fields of each mbuf. Frames are lent from the packet buffers themselves; the
//! next call frees them in bulk, but for those that left by reference (loans). No lock, no system call, no allocation; statistics are read by a
//! thread of their own (`watch`), since some drivers take longer for them than the ring holds out.
//! The one copy is of frames that span several buffers (jumbo frames), into the source's own bounded memory.
//!
//! # Books
//!
//! What a port's counters are worth depends on the driver (`books`): some NICs count all that arrives, most virtual devices
//! count what was fetched, and some lose frames without a trace. What a driver cannot know is unknown, never zero.
//!
//! # Interrupts
//!
//! A driver's return code says nothing about whether a receive interrupt will ever come. So it is proved on the first sleeps (`interrupt`):
//! until a wake-up was seen, and again when one was missed, sleeps are no longer than what the ring absorbs; a driver that
//! turns out not to wake anybody is polled at such intervals, and says so.
//!
//! # The process
//!
//! EAL's messages are kept for errors to cite. Nothing of it ends the process: what would is looked for before it is called.

mod books;
mod clock;
mod config;
mod device;
mod eal;
mod host;
mod interrupt;
mod log;
mod pool;
mod port;
mod rss;
mod source;
mod stamps;
mod watch;

pub use config::{DEFAULT_DESCRIPTORS, DpdkConfig};
pub use device::Device;
pub use port::MAX_QUEUES;
pub use source::DpdkSource;

use crate::error::CaptureError;

/// A port that is open: one source for each queue.
pub struct OpenPort {
    /// Worker k's at place k; a single one if the port has fewer queues than there are workers.
    pub sources: Vec<DpdkSource>,
    /// What a user should know of how it went.
    pub warnings: Vec<String>,
}

/// Opens all ports named, each for so many workers, in the order of the names. Frames come from here on.
///
/// The calling thread becomes EAL's main thread; its affinity stays as it was. EAL starts once in a process: what `config` says of it
/// counts at the first call.
///
/// # Errors
/// What is wrong with a name, the host's set-up, or a device, with what to type next.
pub fn open(
    config: &DpdkConfig,
    devices: &[Device],
    workers: usize,
) -> Result<Vec<OpenPort>, CaptureError> {
    for device in devices {
        host::check(device, config.take_over)?;
    }
    let memory = host::memory(config, devices, workers)?;
    eal::start(config, devices, &memory)?;
    let mut ports = Vec::with_capacity(devices.len());
    for device in devices {
        let mut port = port::open(config, device, workers)?;
        if ports.is_empty() {
            port.warnings.splice(0..0, memory.warning.clone());
        }
        ports.push(port);
    }
    Ok(ports)
}

/// An error of a device: what happened, and the command that helps, if one does.
fn fault(device: &str, what: impl Into<String>, fix: Option<&str>) -> CaptureError {
    CaptureError::Dpdk {
        device: device.to_owned(),
        what: what.into(),
        fix: fix.map(str::to_owned),
    }
}
