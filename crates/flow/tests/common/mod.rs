//! What the tests share: capture files through decode into a tracker, and where the corpus is.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use portreeve_capture::file::FileSource;
use portreeve_capture::{Fetch, Source};
use portreeve_flow::{FlowCounters, Tracker, TrackerConfig};
use portreeve_packet::{DecodeOptions, Views, decode};
use portreeve_record::{Conn, Record};

/// The corpus' folder, or a loud word that it is missing.
pub fn corpus() -> Option<PathBuf> {
    match std::env::var_os("PORTREEVE_CORPUS") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => {
            eprintln!(
                "PORTREEVE_CORPUS is not set: NOT tested against the corpus of public captures"
            );
            None
        }
    }
}

/// All records of a capture file, read to its end or to its damage.
pub fn records_of(path: &Path, config: TrackerConfig) -> (Vec<Record>, FlowCounters) {
    let mut tracker = Tracker::new(config).unwrap();
    let mut views = Views::default();
    let mut records = Vec::new();
    let options = DecodeOptions {
        verify_checksums: true,
        ..DecodeOptions::default()
    };
    let mut source = match FileSource::open([path]) {
        Ok(source) => source,
        Err(_) => return (records, *tracker.counters()),
    };
    loop {
        match source.next_burst() {
            Ok(Fetch::Frames(burst)) => {
                for (index, frame) in burst.frames().enumerate() {
                    if !views.has_room() {
                        tracker.process(&mut views, &mut records);
                        views.clear();
                    }
                    decode(&frame.bytes(index as u16), &options, &mut views);
                }
                tracker.process(&mut views, &mut records);
                views.clear();
            }
            Ok(Fetch::Empty) => {}
            Ok(Fetch::End) | Err(_) => break,
        }
    }
    tracker.finish(&mut records);
    (records, *tracker.counters())
}

/// The conn records among records.
pub fn conns(records: &[Record]) -> Vec<Conn> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Conn(conn) => Some(*conn),
            _ => None,
        })
        .collect()
}

/// Packets made by hand: a conversation between 10.0.0.1 and 10.0.0.2 on ports that say nothing.
pub mod by_hand {
    use portreeve_flow::{FlowCounters, Tracker, TrackerConfig};
    use portreeve_packet::key::mapped;
    use portreeve_packet::{FlowKey, TcpFlags, View, ViewFlags, Views};
    use portreeve_record::{Conn, Record};

    pub const S: u8 = TcpFlags::SYN;
    pub const A: u8 = TcpFlags::ACK;
    pub const F: u8 = TcpFlags::FIN;
    pub const R: u8 = TcpFlags::RST;
    pub const MILLI: i64 = 1_000_000;
    pub const START: i64 = 1_600_000_000_000 * MILLI;

    /// A packet of `protocol` from the first (`true`) to the second host, or back.
    pub fn packet(milli: i64, from_first: bool, protocol: u8, ports: (u16, u16), len: u32) -> View {
        let (a, b) = (
            (mapped([10, 0, 0, 1]), ports.0),
            (mapped([10, 0, 0, 2]), ports.1),
        );
        let (key, _) = FlowKey::new(a, b, protocol, 4);
        let mut view = View {
            key,
            timestamp: START + milli * MILLI,
            payload_len: len,
            payload_captured: len,
            ip_len: len + 40,
            tcp_window_scale: 255,
            tcp_window: 1000,
            ..View::default()
        };
        if !from_first {
            view.flags.set(ViewFlags::HIGH_TO_LOW);
        }
        view
    }

    /// A TCP segment: time, from the first host, flags, sequence and acknowledgement number, payload.
    pub fn tcp(milli: i64, from_first: bool, flags: u8, seq: u32, ack: u32, len: u32) -> View {
        View {
            tcp_flags: TcpFlags(flags),
            tcp_seq: seq,
            tcp_ack: ack,
            ..packet(milli, from_first, 6, (40_000, 40_001), len)
        }
    }

    /// Everything that comes of these packets, in bursts of `burst`.
    pub fn run(
        config: TrackerConfig,
        packets: &[View],
        burst: usize,
    ) -> (Vec<Record>, FlowCounters) {
        let mut tracker = Tracker::new(config).unwrap();
        let mut records = Vec::new();
        for chunk in packets.chunks(burst) {
            let mut views = Views::default();
            for view in chunk {
                assert!(views.push(*view));
            }
            tracker.process(&mut views, &mut records);
        }
        tracker.finish(&mut records);
        let counters = *tracker.counters();
        assert!(counters.balanced() && counters.active == 0, "{counters:?}");
        (records, counters)
    }

    /// The flows that come of these packets.
    pub fn flows(packets: &[View]) -> Vec<Conn> {
        super::conns(&run(TrackerConfig::default(), packets, 64).0)
    }
}
