//! A subscriber for packets: how large they are, by IP protocol.
//!
//! `cargo run -p portreeve-engine --example packet_sizes -- FILE`
#![allow(clippy::print_stdout)] // Its output is what it is for.

mod common;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use portreeve_engine::{Subscriber, Subscribers};
use portreeve_packet::View;

/// Packets by IP protocol and length (rounded down to a power of two).
type Sizes = BTreeMap<(u8, u32), u64>;

/// One worker's counts. They are brought together when it ends.
struct Counts {
    own: Sizes,
    all: Arc<Mutex<Sizes>>,
}

impl portreeve_engine::subscribe::PacketSubscriber for Counts {
    fn packet(&mut self, view: &View, _frame: &[u8]) {
        let size = 1 << view.ip_len.max(1).ilog2();
        *self.own.entry((view.key.protocol, size)).or_default() += 1;
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in &self.own {
            *all.entry(*key).or_default() += count;
        }
    }
}

fn main() -> ExitCode {
    let all = Arc::new(Mutex::new(Sizes::new()));
    let counts = Arc::clone(&all);
    let subscribers = Subscribers::new(move |_worker| {
        Subscriber::new().packets(Counts {
            own: Sizes::new(),
            all: Arc::clone(&counts),
        })
    });
    if let Err(error) = common::run(subscribers) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    println!("protocol  bytes from  packets");
    for ((protocol, size), count) in all.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{protocol:>8}  {size:>10}  {count:>7}");
    }
    ExitCode::SUCCESS
}
