//! What a packet costs in the `dpdk` source alone: fetches for some seconds, looks at each frame's first bytes, and prints nanoseconds of
//! processor time a packet.
//!
//! ```text
//! cargo run --release -p portreeve-capture --example dpdk_rate -- net_null0,size=64 5
//! ```
#![allow(clippy::print_stdout, reason = "its purpose")]

use std::time::{Duration, Instant};

use portreeve_capture::dpdk::{self, Device, DpdkConfig};
use portreeve_capture::{Fetch, Source};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments
        .next()
        .unwrap_or_else(|| "net_null0,size=64".into());
    let seconds = arguments
        .next()
        .map_or(Ok(5.0), |text| text.parse::<f64>())?;
    let mut ports = dpdk::open(&DpdkConfig::default(), &[Device::parse(&device)?], 1)?;
    let mut source = ports.remove(0).sources.remove(0);
    println!("{}", source.info().description);
    let (begun, cpu) = (Instant::now(), cpu_time());
    let mut sum = 0u64;
    while begun.elapsed() < Duration::from_secs_f64(seconds) {
        for _ in 0..1000 {
            if let Fetch::Frames(burst) = source.next_burst()? {
                for frame in burst.frames() {
                    sum += u64::from(frame.data.first().copied().unwrap_or(0))
                        + u64::from(frame.wire_len);
                }
            }
        }
    }
    let used = cpu_time().saturating_sub(cpu);
    let counters = source.counters();
    println!(
        "{} packets, {:.2} ns of processor time each ({sum:x})",
        counters.delivered,
        used.as_nanos() as f64 / counters.delivered as f64
    );
    Ok(())
}

fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat
        .split_whitespace()
        .next()
        .and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
