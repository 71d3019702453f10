//! The generator as a process of its own, for devices between processes: opens its end, the conversations, then runs the trials that it is told to.
//!
//! On standard input a line a trial: `RATE SECONDS`. On standard output `ready`, then a line for each: `OFFERED REFUSED NANOSECONDS BEHIND`.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use portreeve_capture::dpdk::{self, Device, DpdkConfig};
use portreeve_dpdk_sys as sys;

use crate::conversations::Conversations;
use crate::generator::{Generator, Order};
use crate::ring::LONG_RING;
use crate::{Outcome, fail};

/// How long the other end may take to connect.
const PATIENCE: Duration = Duration::from_secs(15);

/// Serves until standard input ends.
///
/// # Errors
/// The device does not open, or the other end does not come.
pub fn serve(device: &str, conversations: u32, cpu: usize) -> Outcome<()> {
    let named = Device::parse(device).map_err(|error| error.to_string())?;
    let name = named.name().to_owned();
    let config = DpdkConfig {
        memory: Some(128),
        may_do_without_huge_pages: false,
        interrupts: false,
        send_descriptors: LONG_RING,
        ..DpdkConfig::default()
    };
    let port = dpdk::open(&config, &[named], 1).map_err(|error| error.to_string())?;
    let mut generator = Generator::new(&name, Conversations::new(conversations), LONG_RING, cpu)?;
    wait_for_link(&name)?;
    generator.open();
    answer("ready")?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let mut numbers = line.split_whitespace().map(str::parse::<f64>);
        let (Some(Ok(rate)), Some(Ok(seconds))) = (numbers.next(), numbers.next()) else {
            return fail(format!("{line}: not a rate and seconds"));
        };
        let sent = generator.run(Order { rate, seconds });
        answer(&format!(
            "{} {} {} {}",
            sent.offered, sent.refused, sent.nanoseconds, sent.behind
        ))?;
    }
    drop(port);
    Ok(())
}

fn answer(line: &str) -> Outcome<()> {
    println!("{line}");
    std::io::stdout().flush().map_err(|error| error.to_string())
}

fn wait_for_link(device: &str) -> Outcome<()> {
    let name = std::ffi::CString::new(device).unwrap_or_default();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let (mut port, mut megabits, mut up) = (0u16, 0u32, 0u8);
        // SAFETY: the port is open, and all places are there for the calls.
        let result = unsafe {
            sys::pr_port_of(name.as_ptr(), &raw mut port);
            sys::pr_link(port, &raw mut megabits, &raw mut up)
        };
        if result == 0 && up != 0 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    fail(format!("{device}: nobody is at the other end"))
}
