//! Sends counted frames through a virtual device of DPDK: the other side of the tests and benchmarks of the `dpdk` source.
//!
//! ```text
//! dpdk-send vdev=net_vhost0,iface=/run/a.sock,client=1 count=100000 size=60 flows=1000
//! ```
//!
//! | argument | meaning |
//! | --- | --- |
//! | `vdev=DEVICE` | where to send |
//! | `count=N`, `seconds=S` | stop after so many frames, or so long (whichever is first; one is needed) |
//! | `size=BYTES` | of each frame, without FCS; 60 unless given |
//! | `flows=N` | conversations, taken in turn; 1 unless given |
//! | `tcp=1` | TCP segments whose sequence numbers advance, instead of UDP |
//! | `pps=N` | at most so many a second; 0, as fast as it goes, unless given |
//! | `burst=N` | frames offered at a time; 32 unless given |
//! | `pause_every=N`, `pause_ms=M` | after every N frames nothing for M milliseconds: idle to burst transitions |
//! | `refused=retry` | a frame that the device refuses is offered again (the default): exactly `count` are sent |
//! | `refused=drop` | it is counted as refused, and gone |
//! | `cpu=N` | where to run |
//! | `wait=S` | for the link, at most; 15 seconds unless given |
//!
//! The last line of its output is JSON: `{"offered":…,"sent":…,"refused":…,"seconds":…}`. Frames carry their number in the last 8 bytes.

#![allow(clippy::print_stdout, reason = "its output is what its callers read")]

use std::ffi::CString;
use std::process::exit;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use portreeve_dpdk_sys as sys;

const BURST: usize = 64;
const HEADERS: usize = 14 + 20 + 20;

struct Options {
    vdev: String,
    count: u64,
    seconds: f64,
    size: usize,
    flows: usize,
    tcp: bool,
    pps: f64,
    burst: usize,
    pause_every: u64,
    pause: Duration,
    drop_refused: bool,
    cpu: String,
    wait: Duration,
}

fn main() {
    let options = options();
    let port = open(&options);
    // SAFETY: EAL runs; the name is there for the call.
    let pool =
        unsafe { sys::rte_pktmbuf_pool_create(c"send".as_ptr(), 8191, 256, 0, 2048 + 128, -1) };
    if pool.is_null() {
        fail("no room for packet buffers");
    }
    start(port, pool);
    if !wait_for_link(port, options.wait) {
        fail("there is no link");
    }
    println!("sending");
    let (offered, sent, seconds) = send(&options, port, pool);
    println!(
        "{{\"offered\":{offered},\"sent\":{sent},\"refused\":{},\"seconds\":{seconds:.6},\"mpps\":{:.3}}}",
        offered - sent,
        sent as f64 / seconds / 1e6
    );
    // What lies in the ring is still to be fetched.
    std::thread::sleep(Duration::from_millis(300));
    // SAFETY: the port is started and nobody uses it any more.
    unsafe {
        sys::rte_eth_dev_stop(port);
        sys::rte_eth_dev_close(port);
        sys::rte_eal_cleanup();
    }
}

fn options() -> Options {
    let mut options = Options {
        vdev: String::new(),
        count: u64::MAX,
        seconds: f64::INFINITY,
        size: 60,
        flows: 1,
        tcp: false,
        pps: 0.0,
        burst: 32,
        pause_every: u64::MAX,
        pause: Duration::ZERO,
        drop_refused: false,
        cpu: "0".into(),
        wait: Duration::from_secs(15),
    };
    for argument in std::env::args().skip(1) {
        let Some((key, value)) = argument.split_once('=') else {
            fail(&format!("{argument} is not key=value"));
        };
        let number = || {
            value
                .parse::<f64>()
                .unwrap_or_else(|_| fail(&format!("{argument}: not a number")))
        };
        match key {
            "vdev" => options.vdev = value.into(),
            "count" => options.count = number() as u64,
            "seconds" => options.seconds = number(),
            "size" => options.size = (number() as usize).clamp(HEADERS + 6, 1514),
            "flows" => options.flows = (number() as usize).max(1),
            "tcp" => options.tcp = value != "0",
            "pps" => options.pps = number(),
            "burst" => options.burst = (number() as usize).clamp(1, BURST),
            "pause_every" => options.pause_every = (number() as u64).max(1),
            "pause_ms" => options.pause = Duration::from_secs_f64(number() / 1e3),
            "refused" => options.drop_refused = value == "drop",
            "cpu" => options.cpu = value.into(),
            "wait" => options.wait = Duration::from_secs_f64(number()),
            _ => fail(&format!("{key} is no argument of dpdk-send")),
        }
    }
    if options.vdev.is_empty() || (options.count == u64::MAX && options.seconds.is_infinite()) {
        fail("vdev=DEVICE and one of count=N and seconds=S are needed");
    }
    options
}

fn fail(what: &str) -> ! {
    eprintln!("dpdk-send: {what}");
    exit(1);
}

fn open(options: &Options) -> u16 {
    let huge = std::env::var_os("DPDK_SEND_WITHOUT_HUGE_PAGES").is_none();
    let memory: &[&str] = if huge {
        &["--in-memory", "--single-file-segments"]
    } else {
        &["--no-shconf", "--no-huge", "-m", "128"]
    };
    let lcores = format!("--lcores=0@({})", options.cpu);
    let first = [
        "dpdk-send",
        "--no-telemetry",
        "--no-pci",
        "--iova-mode=va",
        "--log-level=5",
        &lcores,
    ];
    let mut words: Vec<*mut std::ffi::c_char> = first
        .iter()
        .chain(memory)
        .filter_map(|word| CString::new(*word).ok())
        .map(CString::into_raw)
        .collect();
    let count = words.len() as i32;
    words.push(null_mut());
    let device = CString::new(options.vdev.as_str()).unwrap_or_default();
    let name = CString::new(options.vdev.split(',').next().unwrap_or_default()).unwrap_or_default();
    let mut port = 0u16;
    // SAFETY: strings that stay for good and a closing null; EAL is started once, by this thread, before anything else.
    unsafe {
        if sys::rte_eal_init(count, words.leak().as_mut_ptr()) < 0 {
            fail("EAL does not start");
        }
        if sys::rte_dev_probe(device.as_ptr()) != 0
            || sys::pr_port_of(name.as_ptr(), &raw mut port) != 0
        {
            fail(&format!("{} cannot be opened", options.vdev));
        }
    }
    port
}

fn start(port: u16, pool: *mut sys::rte_mempool) {
    let request = sys::pr_port_request {
        rx_queues: 1,
        tx_queues: 1,
        ..sys::pr_port_request::default()
    };
    let (mut rx, mut tx) = (256u16, 1024u16);
    // SAFETY: the port is there and stopped, what is passed is there for each call, and the pool for good.
    let result = unsafe {
        [
            sys::pr_port_configure(port, &raw const request),
            sys::rte_eth_dev_adjust_nb_rx_tx_desc(port, &raw mut rx, &raw mut tx),
            sys::rte_eth_rx_queue_setup(port, 0, rx, u32::MAX, std::ptr::null(), pool),
            sys::rte_eth_tx_queue_setup(port, 0, tx, u32::MAX, std::ptr::null()),
            sys::rte_eth_dev_start(port),
        ]
    };
    if let Some(failed) = result.iter().position(|result| *result < 0) {
        fail(&format!(
            "the port cannot be started (step {failed}: {})",
            result[failed]
        ));
    }
}

fn wait_for_link(port: u16, at_most: Duration) -> bool {
    let begun = Instant::now();
    loop {
        let (mut megabits, mut up) = (0u32, 0u8);
        // SAFETY: the port is open, and both places are there for the call.
        let result = unsafe { sys::pr_link(port, &raw mut megabits, &raw mut up) };
        if result == 0 && up != 0 {
            return true;
        }
        if begun.elapsed() > at_most {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Frames offered and sent, and the seconds it took.
fn send(options: &Options, port: u16, pool: *mut sys::rte_mempool) -> (u64, u64, f64) {
    let templates: Vec<Vec<u8>> = (0..options.flows)
        .map(|flow| template(options, flow))
        .collect();
    let mut sequences = vec![0u32; options.flows];
    let payload = (options.size - HEADERS) as u32;
    let (mut offered, mut sent, mut flow) = (0u64, 0u64, 0usize);
    let mut to_pause = options.pause_every;
    let begun = Instant::now();
    let mut ended = begun;
    while offered < options.count
        && (options.seconds.is_infinite() || begun.elapsed().as_secs_f64() < options.seconds)
    {
        if options.pps > 0.0 {
            let due = offered as f64 / options.pps;
            let early = due - begun.elapsed().as_secs_f64();
            if early > 200e-6 {
                std::thread::sleep(Duration::from_secs_f64(early - 100e-6));
            }
            while begun.elapsed().as_secs_f64() < due {
                std::hint::spin_loop();
            }
        }
        let wanted = (options.burst as u64)
            .min(options.count - offered)
            .min(to_pause) as usize;
        let mut mbufs = [null_mut::<sys::rte_mbuf>(); BURST];
        // SAFETY: room for so many pointers.
        if unsafe { sys::pr_alloc_bulk(pool, mbufs.as_mut_ptr(), wanted as u32) } != 0 {
            // All buffers are in the device's ring: an empty burst makes it look for those that are done.
            // SAFETY: no frames are passed.
            unsafe { sys::pr_tx_burst(port, 0, mbufs.as_mut_ptr(), 0) };
            std::thread::yield_now();
            continue;
        }
        for (number, mbuf) in mbufs.iter().take(wanted).enumerate() {
            // SAFETY: a fresh buffer of one segment with room for 2048 bytes.
            let frame = unsafe {
                let data = sys::pr_frame_of(*mbuf, options.size as u16);
                std::slice::from_raw_parts_mut(data, options.size)
            };
            frame.copy_from_slice(&templates[flow]);
            if options.tcp {
                frame[38..42].copy_from_slice(&sequences[flow].to_be_bytes());
                sequences[flow] = sequences[flow].wrapping_add(payload);
            }
            let at = options.size - 8;
            frame[at.max(HEADERS)..].copy_from_slice(
                &(offered + number as u64).to_be_bytes()[8 - (options.size - at.max(HEADERS))..],
            );
            flow = if flow + 1 == options.flows {
                0
            } else {
                flow + 1
            };
        }
        let mut first = 0usize;
        loop {
            // SAFETY: so many frames that are ours; those that are sent are not any more.
            first += usize::from(unsafe {
                sys::pr_tx_burst(
                    port,
                    0,
                    mbufs.as_mut_ptr().add(first),
                    (wanted - first) as u16,
                )
            });
            if first == wanted
                || options.drop_refused
                || begun.elapsed().as_secs_f64() > options.seconds + 5.0
            {
                break;
            }
        }
        if first < wanted {
            // SAFETY: those were not sent and are still ours.
            unsafe {
                sys::rte_pktmbuf_free_bulk(mbufs.as_mut_ptr().add(first), (wanted - first) as u32);
            };
        }
        offered += wanted as u64;
        sent += first as u64;
        ended = Instant::now();
        to_pause -= wanted as u64;
        if to_pause == 0 {
            to_pause = options.pause_every;
            std::thread::sleep(options.pause);
        }
    }
    (offered, sent, (ended - begun).as_secs_f64().max(1e-9))
}

/// A frame of a conversation: addresses 10.x.y.z to 192.168.0.1.
fn template(options: &Options, flow: usize) -> Vec<u8> {
    let mut frame = vec![0u8; options.size];
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
    let length = (options.size - 14) as u16;
    let protocol = if options.tcp { 6 } else { 17 };
    frame[14..24].copy_from_slice(&[
        0x45,
        0,
        (length >> 8) as u8,
        length as u8,
        0,
        0,
        0x40,
        0,
        64,
        protocol,
    ]);
    frame[26..30].copy_from_slice(&[10, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8]);
    frame[30..34].copy_from_slice(&[192, 168, 0, 1]);
    let sum: u32 = frame[14..34]
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame[34..38].copy_from_slice(&[0x27, 0x10, 0x1f, 0x90]);
    if options.tcp {
        // Acknowledging, pushing.
        frame[46..50].copy_from_slice(&[0x50, 0x18, 0xff, 0xff]);
    } else {
        frame[38..40].copy_from_slice(&(length - 20).to_be_bytes());
    }
    frame
}
