//! What `make bench-instructions` counts of the outputs: how many instructions it takes to spell a record.
//!
//! callgrind's processor has no SHA extension, so the figures contain a SHA-1 in software (1416 instructions, for the
//! Community ID) that real ones do in about a tenth.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_record::conn::{Conn, ConnState, EndReason, Side};
use portreeve_record::{History, Record, RecordContext, Uid};

/// Records of a run.
const RECORDS: usize = 1000;

/// The dialects by name, as traces of the gate.
pub const DIALECTS: [Dialect; 3] = [Dialect::ZeekJson, Dialect::ZeekTsv, Dialect::Eve];

/// Spells records: what callgrind collects for the format stage.
#[inline(never)]
pub fn format_stage(
    formatter: &mut Formatter,
    out: &mut Vec<u8>,
    records: &[Record],
    context: &RecordContext,
) {
    for record in records {
        formatter.record(out, record, context);
    }
}

/// A TCP connection with all that TCP has to say, and a DNS lookup.
fn records() -> [Record; 2] {
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
    let tcp = Conn {
        ts: 1_300_475_167_096_535_123,
        uid: Uid([0x1234_5678, 0x9abc_def0, 0x1357_9bdf]),
        orig_h: IpAddr::V4(Ipv4Addr::new(141, 142, 220, 202)),
        orig_p: 54_321,
        resp_h: IpAddr::V4(Ipv4Addr::new(208, 80, 152, 118)),
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
    };
    let side = |bytes| Side {
        pkts: 1,
        ip_bytes: bytes + 28,
        bytes: Some(bytes),
        ..Side::default()
    };
    let mut history = History::default();
    b"Dd".iter().for_each(|&letter| history.push(letter));
    let udp = Conn {
        resp_p: 53,
        ip_proto: 17,
        duration: Some(12_345_678),
        history,
        orig: side(45),
        resp: side(201),
        syn_rtt: None,
        ack_rtt: None,
        end_reason: EndReason::Idle,
        ..tcp
    };
    [Record::Conn(tcp), Record::Conn(udp)]
}

/// Spells records in the dialect called `name`, if there is one; returns how many, and by how much `allocations` grew.
///
/// # Errors
/// No such dialect.
pub fn run(name: &str, allocations: fn() -> u64) -> io::Result<(u64, u64)> {
    let dialect = DIALECTS
        .into_iter()
        .find(|dialect| dialect.name() == name)
        .ok_or_else(|| io::Error::other(format!("no dialect {name}")))?;
    let context = RecordContext::new("sensor-1", vec!["eth0".to_owned()]);
    let mut formatter = Formatter::new(dialect, TimeFormat::Epoch, true);
    let records: Vec<Record> = records().into_iter().cycle().take(RECORDS).collect();
    let mut out = Vec::with_capacity(RECORDS * 2048);
    let before = allocations();
    format_stage(&mut formatter, &mut out, &records, &context);
    Ok((RECORDS as u64, allocations() - before))
}
