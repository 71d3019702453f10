//! The smallest program that captures: opens an interface, takes every frame for some seconds, prints the ledger and what it cost.
//!
//! ```text
//! cargo run --release -p portreeve-capture --example watch -- eth0 10 ['udp port 53']
//! ```

use std::io::Write as _;
use std::time::{Duration, Instant};

use portreeve_capture::afpacket::{AfPacketConfig, AfPacketSource, link_type};
use portreeve_capture::filter::Filter;
use portreeve_capture::{CaptureError, Fetch, Source};

fn main() -> Result<(), CaptureError> {
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().unwrap_or_else(|| "lo".into());
    let seconds = arguments.next().and_then(|text| text.parse().ok());
    let mut config = AfPacketConfig::new(&interface);
    if let Some(expression) = arguments.next() {
        config.filter = Some(Filter::compile(
            &expression,
            link_type(&interface)?,
            262_144,
        )?);
    }
    let mut source = AfPacketSource::open(&config)?;
    let mut out = std::io::stderr();
    let _ = writeln!(out, "{interface}: {}", source.info().description);
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(10));
    let (mut bursts, mut waits, mut busy) = (0u64, 0u64, Duration::ZERO);
    loop {
        let start = Instant::now();
        if start >= end {
            source.stop();
        }
        let empty = match source.next_burst()? {
            Fetch::Frames(_) => {
                bursts += 1;
                busy += start.elapsed();
                false
            }
            Fetch::Empty => true,
            Fetch::End => break,
        };
        if empty {
            waits += 1;
            source.wait(Duration::from_millis(500))?;
        }
    }
    let counters = source.counters();
    let _ = writeln!(out, "{counters:?}");
    let _ = writeln!(
        out,
        "{bursts} bursts, {waits} waits, {:.1} ns per frame in next_burst, {:?} of CPU time",
        busy.as_nanos() as f64 / counters.delivered.max(1) as f64,
        cpu_time()
    );
    Ok(())
}

fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}
