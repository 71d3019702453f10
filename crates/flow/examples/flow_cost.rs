//! What the flow stage alone costs: nanoseconds a packet over views made beforehand.
//!
//! `cargo run --release -p portreeve-flow --example flow_cost -- [FLOWS…]`. For each number of flows, uniform and Zipf. Every flow is an
//! established TCP connection (one in eight: UDP) that sends data and acknowledgements in turn. Views are made a burst at a time outside
//! of the measured time.

#![allow(clippy::print_stdout)]

use portreeve_flow::{Tracker, TrackerConfig};
use portreeve_packet::key::mapped;
use portreeve_packet::{FlowKey, TcpFlags, View, ViewFlags, Views};
use portreeve_record::{Record, RecordSink, When};

/// Bursts made before they are processed: their views fit the second-level cache, their flows do not stay in it.
const BURSTS: usize = 32;

/// CPU time of this thread: what else runs on the machine does not count.
fn cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a timespec of ours to be written.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

struct Count(u64);

impl RecordSink for Count {
    fn emit(&mut self, record: Record, _: When) {
        std::hint::black_box(&record);
        self.0 += 1;
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

/// The traffic of so many flows.
struct Traffic {
    /// Sequence numbers of both sides, and packets so far.
    flows: Vec<(u32, u32, u32)>,
    time: i64,
}

impl Traffic {
    fn view(&mut self, flow: usize) -> View {
        let (low, high, turn) = &mut self.flows[flow];
        let udp = flow % 8 == 7;
        let source = (
            mapped([10, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8]),
            10_000 + (flow >> 24) as u16,
        );
        let destination = (mapped([192, 0, 2, (flow % 250) as u8]), 443);
        let (key, _) = FlowKey::new(source, destination, if udp { 17 } else { 6 }, 4);
        self.time += 100;
        let mut view = View {
            key,
            timestamp: self.time,
            ip_id: *turn & 0xffff,
            tcp_window: 1000,
            tcp_window_scale: 255,
            ..View::default()
        };
        let from_high = *turn % 2 == 1;
        if from_high {
            view.flags.set(ViewFlags::HIGH_TO_LOW);
        }
        match (udp, *turn) {
            (true, _) => view.payload_len = 100,
            (false, 0) => view.tcp_flags = TcpFlags(TcpFlags::SYN),
            (false, 1) => view.tcp_flags = TcpFlags(TcpFlags::SYN | TcpFlags::ACK),
            (false, turn) => {
                view.tcp_flags = TcpFlags(TcpFlags::ACK);
                view.payload_len = if turn == 2 { 0 } else { 500 };
            }
        }
        let (mine, theirs) = if from_high { (high, low) } else { (low, high) };
        view.tcp_seq = *mine;
        view.tcp_ack = if *turn == 0 { 0 } else { *theirs };
        *mine += view.payload_len + u32::from(view.tcp_flags.syn());
        view.ip_len = 40 + view.payload_len;
        *turn += 1;
        view
    }
}

fn measure(flows: usize, zipf: bool) {
    let mut config = TrackerConfig::default();
    config.memory = (flows * 4 / 3 * 256).max(1 << 20);
    config.hash_seed = 7;
    config.timeouts.active = 0;
    let mut tracker = Tracker::new(config).unwrap_or_else(|error| panic!("{error}"));
    let mut traffic = Traffic {
        flows: vec![(1000, 5000, 0); flows],
        time: 1_700_000_000_000_000_000,
    };
    let mut sink = Count(0);
    let mut views = Box::<Views>::default();
    // Handshakes first.
    for _ in 0..12 {
        for first in (0..flows).step_by(64) {
            views.clear();
            for flow in first..(first + 64).min(flows) {
                views.push(traffic.view(flow));
            }
            tracker.process(&mut views, &mut sink);
        }
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let packets: usize = std::env::var("PACKETS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2_000_000);
    let mut best = u64::MAX;
    for _ in 0..3 {
        let mut spent = 0;
        // Many bursts are made before any is processed, so that their flows are not in the cache from the making.
        let mut bursts: Vec<Views> = (0..BURSTS).map(|_| Views::default()).collect();
        for _ in 0..packets / 64 / bursts.len() {
            for views in &mut bursts {
                views.clear();
                for _ in 0..64 {
                    let uniform = random.below(flows);
                    let flow = if zipf {
                        // Zipf with exponent 1, by inversion: good enough here.
                        ((flows as f64).powf(uniform as f64 / flows as f64) as usize - 1)
                            .min(flows - 1)
                    } else {
                        uniform
                    };
                    let scattered = (flow as u64).wrapping_mul(2_654_435_761) as usize % flows;
                    views.push(traffic.view(scattered));
                }
            }
            let begin = cpu_ns();
            for views in &mut bursts {
                tracker.process(views, &mut sink);
            }
            spent += cpu_ns() - begin;
        }
        best = best.min(spent);
    }
    let counters = tracker.counters();
    println!(
        "{flows:>9} flows {:8} {:6.1} ns a packet   ({:.0} bytes a flow, pages {:?}, refused {}, records {})",
        if zipf { "zipf" } else { "uniform" },
        best as f64 / (packets / 64 / BURSTS * BURSTS * 64) as f64,
        tracker.memory().bytes_per_flow(),
        tracker.memory().page_size,
        counters.refused,
        sink.0,
    );
}

fn main() {
    let mut sizes: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|n| n.parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    for flows in sizes {
        measure(flows, false);
        measure(flows, true);
    }
}
