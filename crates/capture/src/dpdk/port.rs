//! A port: probed, configured, started, and closed again.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portreeve_dpdk_sys as sys;
use portreeve_packet::steer::Spreading;

use super::books::{self, Kind};
use super::config::{DEFAULT_DESCRIPTORS, DpdkConfig};
use super::device::Device;
use super::interrupt::{self, Interrupt};
use super::pool::{self, Pool};
use super::source::DpdkSource;
use super::stamps::NicClock;
use super::watch::{Beginning, PortState};
use super::{OpenPort, fault, host, log, rss};
use crate::error::CaptureError;
use crate::source::{SourceInfo, SourceKind};

/// The most queues of a port.
pub const MAX_QUEUES: usize = 64;

/// What jumbo frames carry at most on most networks, in bytes.
const JUMBO: u16 = 9000;
/// Where a pause is bounded, whatever the ring.
const SHORTEST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// The numbers of the ports that are open. A virtual device that is there without being one of them was made by an EAL option or by another part of the process.
static OPEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// An open port. Closed when its last source goes, and only then are its buffers freed.
pub(super) struct Port {
    pub(super) id: u16,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) state: Arc<PortState>,
    /// How long a ring takes frames in at the link's rate with nobody fetching.
    pub(super) absorbs: Duration,
    pub(super) holds_out: Duration,
    /// Descriptors of each queue.
    pub(super) descriptors: u16,
    pub(super) spreading: Spreading,
    _handle: Handle,
}

/// The port, as far as it has to be closed again; its pools are freed behind it.
struct Handle {
    id: u16,
    state: Option<Arc<PortState>>,
    started: bool,
    pools: Vec<Arc<Pool>>,
}

impl Handle {
    fn new(id: u16) -> Handle {
        OPEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id);
        Handle {
            id,
            state: None,
            started: false,
            pools: Vec::new(),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut is_removed = false;
        if let Some(state) = &self.state {
            is_removed = state.is_removed();
            state.close();
        }
        // SAFETY: the port is open, no source of it is left, and nobody asks about it any more.
        unsafe {
            if self.started {
                sys::rte_eth_dev_stop(self.id);
            }
            sys::pr_close(self.id, is_removed.into());
        }
        self.pools.clear();
        OPEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

/// Opens a port for so many workers.
pub(super) fn open(
    config: &DpdkConfig,
    device: &Device,
    workers: usize,
) -> Result<OpenPort, CaptureError> {
    let id = probe(device)?;
    let mut handle = Handle::new(id);
    let mut info = sys::pr_port_info::default();
    // SAFETY: the port is there, and the structure is there for the call.
    check(device, "cannot be asked what it is", unsafe {
        sys::pr_port_info(id, &raw mut info)
    })?;
    let driver = text(&info.driver);
    let mut warnings = Vec::new();
    let queues = queues(device, &info, workers, &mut warnings)?;
    let setup = configure(config, device, &info, queues)?;
    let descriptors = descriptors(config, device, &info)?;
    let node = usize::try_from(info.numa_node).ok();
    let buffers = pool::buffers(config, descriptors, device);
    for queue in 0..queues {
        let pool = Arc::new(Pool::new(device, buffers, node)?);
        log::clear();
        let socket = u32::try_from(info.numa_node).unwrap_or(u32::MAX);
        // SAFETY: the port is configured with this many queues, and the pool stays until the port is closed.
        let result = unsafe {
            sys::rte_eth_rx_queue_setup(
                id,
                queue as u16,
                descriptors,
                socket,
                std::ptr::null(),
                pool.as_ptr(),
            )
        };
        handle.pools.push(pool);
        check(
            device,
            &format!("its receive queue {queue} cannot be set up with {descriptors} descriptors"),
            result,
        )?;
    }
    for queue in 0..setup.tx_queues {
        // SAFETY: the port is configured with this many queues.
        let result = unsafe {
            sys::rte_eth_tx_queue_setup(id, queue, setup.tx_descriptors, u32::MAX, std::ptr::null())
        };
        check(device, "its send queue cannot be set up", result)?;
    }
    log::clear();
    let what = match device.server() {
        Some(socket) => {
            format!("does not start (the program that makes {socket} has to be there first)")
        }
        None => "does not start".to_owned(),
    };
    // SAFETY: all queues are set up.
    check(device, &what, unsafe { sys::rte_eth_dev_start(id) })?;
    handle.started = true;
    let spreading = if queues > 1 {
        rss::spread(id, &info, queues as u16).unwrap_or_else(|| {
            warnings.push(format!(
                "{}: the driver lets nobody set its table from hash to queue: frames are handed to their workers by us, which costs a copy",
                device.name()
            ));
            Spreading::Steering
        })
    } else {
        Spreading::Steering
    };
    if config.promiscuous {
        // SAFETY: the port is started.
        let refused = unsafe {
            sys::rte_eth_promiscuous_enable(id) != 0 && sys::rte_eth_allmulticast_enable(id) != 0
        };
        if refused {
            warnings.push(format!(
                "{}: the driver takes only frames that are addressed to the port",
                device.name()
            ));
        }
    }
    let state = PortState::new(&Beginning {
        id,
        name: device.name(),
        loses_without_buffer: books::loses_without_buffer(&driver),
        queues,
        room: u64::from(descriptors) * queues as u64,
        interface: device.interface(),
    });
    handle.state = Some(Arc::clone(&state));
    let certain = certain_descriptors(&driver, descriptors);
    let holds_out = holds_out(certain, state.megabits());
    let absorbs = holds_out.clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    let interrupts: Vec<Option<Interrupt>> = (0..queues as u16)
        .map(|queue| {
            setup
                .interrupts
                .then(|| Interrupt::open(id, queue, absorbs, interrupt::holds_back(&driver)))
                .flatten()
        })
        .collect();
    let sleeping = if interrupts.iter().all(Option::is_some) {
        "receive interrupts, relied on once they were seen to come".to_owned()
    } else {
        format!(
            "no receive interrupts (the ring holds for {} µs)",
            absorbs.as_micros()
        )
    };
    let nic = setup.stamps.then(|| NicClock::measure(id)).flatten();
    let link = match (state.is_up(), state.megabits()) {
        (true, Some(megabits)) => format!("link {megabits} Mbit/s"),
        (true, None) => "link up".to_owned(),
        (false, _) => "no link yet".to_owned(),
    };
    let description = format!(
        "DPDK ({}), driver {driver}, {queues} queue{} of {}{descriptors} descriptors, {} packet buffers ({} MiB on {}{}), {sleeping}, {}{link}",
        version(),
        if queues == 1 { "" } else { "s" },
        if certain < descriptors { "up to " } else { "" },
        u64::from(buffers) * queues as u64,
        pool::bytes(u64::from(buffers) * queues as u64) >> 20,
        handle
            .pools
            .first()
            .map_or_else(String::new, |pool| pool.pages()),
        node.map(|node| format!(" of node {node}"))
            .unwrap_or_default(),
        if nic.is_some() {
            "time stamps of the NIC, "
        } else {
            ""
        },
    );
    let pools = handle.pools.clone();
    let port = Arc::new(Port {
        id,
        name: device.name().to_owned(),
        kind: books::kind(&driver, device),
        state: Arc::clone(&state),
        absorbs,
        holds_out,
        descriptors,
        spreading,
        _handle: handle,
    });
    let sources = pools
        .into_iter()
        .zip(interrupts)
        .enumerate()
        .map(|(queue, (pool, interrupt))| {
            let info = SourceInfo {
                kind: SourceKind::Dpdk,
                name: format!("dpdk:{}", device.name()),
                live: true,
                description: description.clone(),
                total_bytes: None,
            };
            let nic = nic.clone();
            DpdkSource::new(info, Arc::clone(&port), queue as u16, pool, interrupt, nic)
        })
        .collect();
    state.watch();
    Ok(OpenPort { sources, warnings })
}

/// The port's number, once its driver has taken the device.
fn probe(device: &Device) -> Result<u16, CaptureError> {
    let name = CString::new(device.name()).unwrap_or_default();
    let mut id = 0u16;
    // SAFETY: the name and the number are there for the call.
    let mut find = || unsafe { sys::pr_port_of(name.as_ptr(), &raw mut id) } == 0;
    if find() {
        let open = OPEN
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&id);
        return match device {
            Device::Virtual { .. } if open => Err(fault(
                device.name(),
                "the device is open already: give each its own number (net_null0, net_null1)",
                None,
            )),
            Device::Virtual { .. } | Device::Pci(_) => Ok(id),
        };
    }
    let arguments = CString::new(device.arguments()).unwrap_or_default();
    log::clear();
    // SAFETY: EAL runs; the string is there for the call.
    let result = unsafe { sys::rte_dev_probe(arguments.as_ptr()) };
    if result == 0 && find() {
        return Ok(id);
    }
    let why = log::cite().unwrap_or_else(|| error_text(result));
    let (what, fix) = match device {
        Device::Pci(address) => (
            format!("no driver of libdpdk took the device: {why}"),
            format!(
                "portreeve nic list, for what {address} is; its driver may be in a package of its own (librte-net-…)"
            ),
        ),
        Device::Virtual { name, .. } if !has_driver(&why) => {
            let driver = name.trim_end_matches(|c: char| c.is_ascii_digit());
            (
                format!("libdpdk has no driver {driver} here ({why})"),
                format!(
                    "sudo apt-get install librte-{}23, if that is its package",
                    driver.replace('_', "-")
                ),
            )
        }
        Device::Virtual { .. } => (format!("its driver refuses it: {why}"), String::new()),
    };
    Err(fault(
        device.name(),
        what,
        Some(fix.as_str()).filter(|fix| !fix.is_empty()),
    ))
}

fn has_driver(why: &str) -> bool {
    ![
        "no driver found",
        "failed to load driver",
        "failed to parse device",
        "cannot find",
        "No such device",
    ]
    .iter()
    .any(|word| why.contains(word))
}

/// How many queues: one for each worker if the port spreads frames over them, else one.
fn queues(
    device: &Device,
    info: &sys::pr_port_info,
    workers: usize,
    warnings: &mut Vec<String>,
) -> Result<usize, CaptureError> {
    // Devices that spread frames over so many queues by themselves: each of them has to be fetched from.
    let own = ["qpairs", "queues", "queue_count", "rx_queues"]
        .iter()
        .find_map(|key| device.argument(key)?.parse::<usize>().ok())
        .unwrap_or(1);
    if own > 1 && own != workers {
        return Err(fault(
            device.name(),
            format!(
                "the device has {own} queues and there are {workers} workers: each queue takes a worker"
            ),
            Some(&format!(
                "the same with --workers {own}, or the device with one queue"
            )),
        ));
    }
    if workers <= 1 || own > 1 {
        return Ok(own);
    }
    let most = usize::from(info.max_rx_queues).min(MAX_QUEUES);
    if most >= workers && info.rss_types != 0 && !text(&info.driver).starts_with("net_null") {
        return Ok(workers);
    }
    let why = if info.rss_types == 0 {
        "does not spread conversations over queues".to_owned()
    } else {
        format!("has {most} queue{}", if most == 1 { "" } else { "s" })
    };
    warnings.push(format!(
        "{}: the port {why}: one core receives and shares the frames out to {workers} workers",
        device.name()
    ));
    Ok(1)
}

/// How a port was configured.
struct Setup {
    tx_queues: u16,
    tx_descriptors: u16,
    /// The NIC stamps frames.
    stamps: bool,
    interrupts: bool,
}

/// Configures the port with all that is wanted, or with less if the driver refuses: it does not say what it minded.
fn configure(
    config: &DpdkConfig,
    device: &Device,
    info: &sys::pr_port_info,
    queues: usize,
) -> Result<Setup, CaptureError> {
    let tx_queues = (queues as u16).min(info.max_tx_queues);
    let key = rss::key(usize::from(info.hash_key_size));
    let mtu = match config.mtu {
        Some(mtu) => mtu,
        None if info.scatter != 0 && info.max_mtu >= 1500 && matches!(device, Device::Pci(_)) => {
            info.max_mtu.min(JUMBO)
        }
        None => 0,
    };
    let wanted = sys::pr_port_request {
        rss_key: if queues > 1 && info.rss_types != 0 {
            key.as_ptr()
        } else {
            std::ptr::null()
        },
        rss_types: info.rss_types,
        rx_queues: queues as u16,
        tx_queues,
        mtu,
        rss_key_size: key.len() as u8,
        symmetric: info.symmetric,
        scatter: u8::from(mtu > 0 && info.scatter != 0),
        checksums: u8::from(config.checksums && info.checksums != 0),
        // Of use where the clock that they are by can be read; and asking for them costs some drivers their vector receive.
        timestamps: u8::from(info.timestamps != 0 && NicClock::is_readable(info_port(device)?)),
        rss_hash: u8::from(queues > 1 && info.rss_hash != 0),
        rx_interrupts: u8::from(config.interrupts),
        link_interrupt: 0,
        removal_interrupt: info.removal_interrupt,
    };
    let plain = sys::pr_port_request {
        rx_interrupts: 0,
        ..wanted
    };
    let small = |request| sys::pr_port_request {
        mtu: 0,
        scatter: 0,
        ..request
    };
    let mut result = 0;
    for request in [wanted, plain, small(wanted), small(plain)] {
        log::clear();
        // SAFETY: the port is there and stopped, the request is there for the call, and the key longer than that.
        result = unsafe { sys::pr_port_configure(info_port(device)?, &raw const request) };
        if result == 0 {
            if config.mtu.is_some() && request.mtu == 0 {
                return Err(fault(
                    device.name(),
                    format!(
                        "the driver refuses an MTU of {mtu} (it takes {} at most)",
                        info.max_mtu
                    ),
                    Some("the same with a smaller --set dpdk.mtu=…"),
                ));
            }
            let (mut rx, mut tx) = (0, config.send_descriptors);
            // SAFETY: both numbers are there for the call.
            unsafe {
                sys::rte_eth_dev_adjust_nb_rx_tx_desc(info_port(device)?, &raw mut rx, &raw mut tx)
            };
            return Ok(Setup {
                tx_queues,
                tx_descriptors: tx,
                stamps: request.timestamps != 0,
                interrupts: request.rx_interrupts != 0,
            });
        }
    }
    check(
        device,
        &format!("cannot be configured with {queues} queue(s)"),
        result,
    )?;
    Err(fault(device.name(), "cannot be configured", None))
}

fn info_port(device: &Device) -> Result<u16, CaptureError> {
    let name = CString::new(device.name()).unwrap_or_default();
    let mut id = 0u16;
    // SAFETY: the name and the number are there for the call.
    let result = unsafe { sys::pr_port_of(name.as_ptr(), &raw mut id) };
    check(device, "has gone", result)?;
    Ok(id)
}

fn descriptors(
    config: &DpdkConfig,
    device: &Device,
    info: &sys::pr_port_info,
) -> Result<u16, CaptureError> {
    let most = if info.max_descriptors == 0 {
        u16::MAX
    } else {
        info.max_descriptors
    };
    let ring = device.ring();
    if let (Some(wanted), None) = (config.descriptors, ring)
        && !(info.min_descriptors..=most).contains(&wanted)
    {
        return Err(fault(
            device.name(),
            format!(
                "a queue has {} to {most} descriptors, not {wanted}",
                info.min_descriptors
            ),
            Some(&format!(
                "the same with --set dpdk.descriptors={}",
                wanted.clamp(info.min_descriptors, most)
            )),
        ));
    }
    let rx = match ring {
        Some(ring) => ring.min(most),
        None => config.descriptors.unwrap_or(most.min(DEFAULT_DESCRIPTORS)),
    };
    let (mut rx, mut tx) = (rx, config.send_descriptors);
    // SAFETY: both numbers are there for the call.
    let result = unsafe {
        sys::rte_eth_dev_adjust_nb_rx_tx_desc(info_port(device)?, &raw mut rx, &raw mut tx)
    };
    check(device, "does not say how many descriptors it takes", result)?;
    Ok(rx)
}

/// Of so many descriptors that were asked for, those that the queue has for certain. A virtio card's queue is as long as its hypervisor made it, and a vhost-user port's as
/// its guest did, at the least as a rule 256; their drivers cut what is asked for to that, and tell nobody.
fn certain_descriptors(driver: &str, asked: u16) -> u16 {
    match driver {
        "net_virtio" | "net_vhost" => asked.min(256),
        _ => asked,
    }
}

/// How long so many descriptors take frames in at the link's rate: 84 bytes on the wire for each of the smallest.
fn holds_out(descriptors: u16, megabits: Option<u32>) -> Duration {
    let rate = f64::from(megabits.unwrap_or(10_000).max(1)) * 1e6 / (84.0 * 8.0);
    Duration::from_secs_f64(f64::from(descriptors) / rate)
}

fn check(device: &Device, what: &str, result: i32) -> Result<(), CaptureError> {
    if result >= 0 {
        return Ok(());
    }
    let why = log::cite().unwrap_or_else(|| error_text(result));
    let fix = if result == -libc::ENOMEM {
        Some(host::reserve_line(256 << 20))
    } else {
        None
    };
    Err(fault(
        device.name(),
        format!("{what}: {why}"),
        fix.as_deref(),
    ))
}

fn error_text(result: i32) -> String {
    std::io::Error::from_raw_os_error(result.abs()).to_string()
}

fn text(field: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = field
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| *byte as u8)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn version() -> String {
    // SAFETY: a string that is there for good.
    let version = unsafe { CStr::from_ptr(sys::pr_version()) };
    let version = version.to_string_lossy();
    version.strip_prefix("DPDK ").unwrap_or(&version).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_holds_what_comes_at_line_rate() {
        assert_eq!(holds_out(4096, Some(10_000)).as_micros(), 275);
        assert_eq!(certain_descriptors("net_virtio", 4096), 256);
        assert_eq!(certain_descriptors("net_vhost", 4096), 256);
        assert_eq!(certain_descriptors("net_mlx5", 4096), 4096);
        assert_eq!(holds_out(1024, None).as_micros(), 68);
        assert_eq!(holds_out(1024, Some(100_000)).as_micros(), 6);
        assert_eq!(holds_out(4096, Some(100)).as_micros(), 27_525);
    }
}
