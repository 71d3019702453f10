//! A subscriber for records: the names of servers in TLS, and what went over the conversations with them.
//!
//! `cargo run -p portreeve-engine --example names -- FILE`
#![allow(clippy::print_stdout)] // Its output is what it is for.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;

use portreeve_engine::{Subscriber, Subscribers};
use portreeve_record::{App, Record, Uid};

/// Bytes by name, printed when the worker ends.
#[derive(Default)]
struct Names {
    /// The names of conversations that go on: `ssl` is written with the handshake, `conn` at the end.
    open: HashMap<Uid, Box<str>>,
    bytes: BTreeMap<Box<str>, u64>,
}

impl portreeve_engine::subscribe::RecordSubscriber for Names {
    fn record(&mut self, record: &Record) {
        match record {
            Record::App(App::Ssl(ssl)) => {
                if let Some(name) = &ssl.server_name {
                    self.open.insert(ssl.head.uid, name.clone());
                }
            }
            Record::Conn(conn) => {
                if let Some(name) = self.open.remove(&conn.uid) {
                    *self.bytes.entry(name).or_default() += conn.orig.ip_bytes + conn.resp.ip_bytes;
                }
            }
            _ => {}
        }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        for (name, bytes) in &self.bytes {
            println!("{bytes:>12}  {name}");
        }
    }
}

fn main() -> ExitCode {
    let subscribers = Subscribers::new(|_worker| Subscriber::new().records(Names::default()));
    if let Err(error) = common::run(subscribers) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
