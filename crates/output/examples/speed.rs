//! What it costs to spell one `conn` record: nanoseconds and bytes, by dialect.
//!
//! `cargo run --release -p portreeve-output --example speed [RECORDS]`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_record::community_id::{Tuple, community_id};
use portreeve_record::conn::{Conn, ConnState, EndReason, Side};
use portreeve_record::{History, Record, RecordContext, Uid};

/// Records of a round, if no argument says otherwise.
const RECORDS: u32 = 200_000;

fn conn(v6: bool) -> Record {
    let side = Side {
        pkts: 1234,
        ip_bytes: 987_654,
        bytes: Some(950_000),
        retransmits: 3,
        duplicate_acks: 12,
        rtt_min: Some(12_345_678),
        rtt_smoothed: Some(23_456_789),
        mss: Some(1460),
        window_scale: Some(7),
        max_window: 502 << 7,
        ..Side::default()
    };
    let mut history = History::default();
    b"ShADadFf".iter().for_each(|&letter| history.push(letter));
    let address = |v4: &str, v6_text: &str| {
        if v6 { v6_text } else { v4 }
            .parse()
            .unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST))
    };
    Record::Conn(Conn {
        ts: 1_300_475_167_096_535_123,
        uid: Uid([0x1234_5678, 0x9abc_def0, 0x1357_9bdf]),
        orig_h: address("141.142.220.202", "2001:db8:85a3::8a2e:370:7334"),
        orig_p: 54_321,
        resp_h: address("208.80.152.118", "2606:4700:20::681a:be7"),
        resp_p: 443,
        ip_proto: 6,
        duration: Some(2_567_891_234),
        conn_state: ConnState::SF,
        history,
        orig: side,
        resp: side,
        syn_rtt: Some(11_222_333),
        ack_rtt: Some(222_333),
        end_reason: EndReason::TcpEnd,
        ..Conn::default()
    })
}

fn time(records: u32, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..records {
            work();
        }
        best = best.min(begun.elapsed().as_nanos() as f64 / f64::from(records));
    }
    best
}

fn main() -> std::io::Result<()> {
    let context = RecordContext::new("sensor-1", vec!["eth0".into()]);
    let records = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(RECORDS);
    let mut out = Vec::new();
    let mut terminal = std::io::stdout().lock();
    for v6 in [false, true] {
        let record = conn(v6);
        for dialect in [Dialect::ZeekJson, Dialect::ZeekTsv, Dialect::Eve] {
            let mut formatter = Formatter::new(dialect, TimeFormat::Epoch, true);
            let mut len = 0;
            let each = time(records, || {
                out.clear();
                formatter.record(&mut out, black_box(&record), &context);
                len = out.len();
            });
            let family = if v6 { "IPv6" } else { "IPv4" };
            let name = dialect.name();
            writeln!(terminal, "{name:10} {family}  {each:5.0} ns  {len:5} bytes")?;
        }
        if let Record::Conn(c) = &record {
            let tuple = Tuple {
                orig_h: c.orig_h,
                orig_p: c.orig_p,
                resp_h: c.resp_h,
                resp_p: c.resp_p,
                ip_proto: c.ip_proto,
            };
            let each = time(records, || {
                black_box(community_id(black_box(&tuple), 0));
            });
            writeln!(
                terminal,
                "           of which the community ID {each:4.0} ns"
            )?;
        }
    }
    Ok(())
}
