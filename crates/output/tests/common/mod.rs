//! Records that tests write.
#![allow(dead_code)]

use portreeve_record::app::dns::{Dns, DnsFlags};
use portreeve_record::conn::{Conn, ConnState, EndReason, Side};
use portreeve_record::facts::{End, Facts};
use portreeve_record::weird::{CaptureLoss, Weird};
use portreeve_record::{Head, History, Record, RecordContext, SourceId, Uid};

pub fn context() -> RecordContext {
    let mut context = RecordContext::new("sensor-1", vec!["eth0".into(), "a\t\"b\".pcap".into()]);
    let end = |n: u32| End {
        name: Some(format!("host-{n}.example").into()),
        country: Some(format!("N{n}").into()),
        asn: Some(64_496 + n),
        organisation: Some(format!("Example\t\"{n}\"").into()),
    };
    *context.facts_mut() = Facts {
        app: None,
        orig: end(1),
        resp: end(2),
    };
    context
}

pub fn history(letters: &str) -> History {
    let mut history = History::default();
    letters.bytes().for_each(|letter| history.push(letter));
    history
}

/// A TCP connection with every field set to a value of its own.
pub fn full() -> Conn {
    let side = |n: u64| Side {
        pkts: 10 + n,
        ip_bytes: 1000 + n,
        bytes: Some(500 + n),
        missed_bytes: 7 + n,
        retransmits: 100 + n as u32,
        out_of_order: 110 + n as u32,
        duplicate_acks: 120 + n as u32,
        zero_windows: 130 + n as u32,
        lost_segments: 140 + n as u32,
        duplicates: 150 + n as u32,
        bad_checksums: 160 + n as u32,
        fragments: 170 + n as u32,
        rtt_min: Some(1_001_000 + n as i64 * 1000),
        rtt_smoothed: Some(2_001_000 + n as i64 * 1000),
        mss: Some(1400 + n as u16),
        window_scale: Some(7 + n as u8),
        max_window: 65_000 + n as u32,
    };
    Conn {
        ts: 1_300_475_167_096_535_123,
        uid: Uid([1, 2, 3]),
        orig_h: "141.142.220.202".parse().unwrap(),
        orig_p: 5353,
        resp_h: "2001:db8::fb".parse().unwrap(),
        resp_p: 443,
        ip_proto: 6,
        service: Some("ssl"),
        app: Some("example"),
        duration: Some(2_500_000_000),
        conn_state: ConnState::SF,
        local_orig: Some(true),
        local_resp: Some(false),
        history: history("ShADadFf"),
        orig: side(1),
        resp: side(2),
        tunnel_parent: Some(Uid([4, 5, 6])),
        vlan: Some(11),
        inner_vlan: Some(12),
        syn_rtt: Some(3_000_000),
        ack_rtt: Some(4_000_000),
        icmp_errors: 5,
        icmp_error: Some((3, 1)),
        end_reason: EndReason::TcpEnd,
        source: SourceId(0),
    }
}

pub fn records() -> Vec<Record> {
    vec![
        Record::Conn(full()),
        Record::Conn(Conn::default()),
        Record::ConnUpdate(full()),
        Record::Weird(Weird {
            ts: 1_300_475_167_000_000_000,
            uid: Some(Uid([1, 2, 3])),
            endpoints: Some((
                "192.0.2.1".parse().unwrap(),
                1234,
                "192.0.2.2".parse().unwrap(),
                80,
            )),
            name: "bad_TCP_checksum",
            addl: Some(42),
            source: SourceId(1),
        }),
        Record::Weird(Weird {
            ts: 0,
            uid: None,
            endpoints: None,
            name: "truncated_IP",
            addl: None,
            source: SourceId(9),
        }),
        Record::CaptureLoss(CaptureLoss {
            ts: 1_300_475_167_000_000_000,
            ts_delta: 900_000_000_000,
            worker: 3,
            gaps: 1,
            acks: 8,
            source: SourceId(0),
        }),
        Record::App(dns().into()),
        Record::App(
            Dns {
                head: Head {
                    ip_proto: 6,
                    ..Head::default()
                },
                ..Dns::default()
            }
            .into(),
        ),
    ]
}

/// An application's record with every field set.
pub fn dns() -> Dns {
    let conn = full();
    Dns {
        head: Head {
            ts: conn.ts,
            uid: conn.uid,
            orig_h: conn.orig_h,
            orig_p: conn.orig_p,
            resp_h: conn.resp_h,
            resp_p: 53,
            ip_proto: 6,
            source: SourceId(0),
        },
        trans_id: Some(4711),
        rtt: Some(12_345_000),
        query: Some("www.\"example\".test".into()),
        qclass: Some(1),
        qtype: Some(28),
        rcode: Some(3),
        flags: DnsFlags {
            authoritative: true,
            truncated: false,
            recursion_desired: true,
            recursion_available: true,
        },
        z: 2,
        answers: vec!["2001:db8::1".into(), "other.test".into()],
        ttls: vec![300_000_000_000, 1_500_000_000],
        rejected: true,
        opcode: 4,
        saw_query: true,
        saw_reply: true,
    }
}

/// A folder of its own for a test, removed with it.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portreeve-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Names of the files in it, sorted, but for the lock.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".portreeve.lock")
            .collect();
        names.sort();
        names
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
