//! No content of a record makes a dialect panic, or write what is not one line of its format.

mod common;

use std::net::IpAddr;

use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_record::conn::{Conn, ConnState, EndReason, Side};
use portreeve_record::weird::{CaptureLoss, Weird};
use portreeve_record::{Record, RecordContext, SourceId, Uid};
use proptest::prelude::*;

fn side() -> impl Strategy<Value = Side> {
    (
        any::<(u64, u64, Option<u64>, u64)>(),
        any::<(u32, u32, Option<i64>, Option<u16>, Option<u8>)>(),
    )
        .prop_map(
            |((pkts, ip_bytes, bytes, missed_bytes), (a, b, rtt, mss, scale))| Side {
                pkts,
                ip_bytes,
                bytes,
                missed_bytes,
                retransmits: a,
                max_window: b,
                rtt_min: rtt,
                rtt_smoothed: rtt,
                mss,
                window_scale: scale,
                ..Side::default()
            },
        )
}

fn conn() -> impl Strategy<Value = Conn> {
    (
        any::<(i64, [u32; 3], IpAddr, IpAddr, u16, u16, u8)>(),
        any::<(
            Option<i64>,
            Option<bool>,
            Option<[u32; 3]>,
            Option<u16>,
            Option<u16>,
            Option<(u8, u8)>,
            u16,
        )>(),
        (side(), side(), "[ -~é\u{0}-\u{1f}]{0,50}"),
    )
        .prop_map(|(a, b, (orig, resp, letters))| Conn {
            ts: a.0,
            uid: Uid(a.1),
            orig_h: a.2,
            resp_h: a.3,
            orig_p: a.4,
            resp_p: a.5,
            ip_proto: a.6,
            duration: b.0,
            local_orig: b.1,
            tunnel_parent: b.2.map(Uid),
            vlan: b.3,
            inner_vlan: b.4,
            icmp_error: b.5,
            source: SourceId(b.6),
            history: common::history(&letters),
            conn_state: ConnState::OTH,
            end_reason: EndReason::Evicted,
            orig,
            resp,
            ..Conn::default()
        })
}

proptest! {
    #[test]
    fn one_line_each_that_parses(conn in conn(), sensor in any::<String>(), source in any::<String>(), loss in any::<(u64, u64, i64)>()) {
        let context = RecordContext::new(sensor.clone(), vec![source]);
        let records = [
            Record::Conn(conn),
            Record::ConnUpdate(conn),
            Record::Weird(Weird {
                ts: conn.ts,
                uid: Some(conn.uid),
                endpoints: Some((conn.orig_h, 1, conn.resp_h, 2)),
                name: "a\u{7f}\t\"name\\",
                addl: Some(loss.0),
                source: conn.source,
            }),
            Record::CaptureLoss(CaptureLoss {
                ts: conn.ts,
                ts_delta: loss.2,
                worker: 1,
                gaps: loss.0,
                acks: loss.1,
                source: conn.source,
            }),
        ];
        for dialect in [Dialect::ZeekJson, Dialect::ZeekTsv, Dialect::Eve] {
            for time in [TimeFormat::Epoch, TimeFormat::Iso8601Ns] {
                let mut formatter = Formatter::new(dialect, time, false);
                for record in &records {
                    let mut out = Vec::new();
                    formatter.record(&mut out, record, &context);
                    prop_assert_eq!(out.iter().filter(|&&b| b == b'\n').count(), 1);
                    prop_assert_eq!(out.last(), Some(&b'\n'));
                    if dialect == Dialect::ZeekTsv {
                        let mut header = Vec::new();
                        formatter.header(&mut header, record.path(), std::time::UNIX_EPOCH);
                        let header = String::from_utf8(header).unwrap();
                        let fields = header.lines().find(|l| l.starts_with("#fields")).unwrap();
                        let columns = out.iter().filter(|&&b| b == b'\t').count() + 1;
                        prop_assert_eq!(columns, fields.split('\t').count() - 1);
                    } else {
                        let json: Result<serde_json::Value, _> = serde_json::from_slice(&out);
                        prop_assert!(json.is_ok(), "{:?}", String::from_utf8_lossy(&out));
                        let json = json.unwrap();
                        if !sensor.chars().any(char::is_control) {
                            let key = if dialect == Dialect::Eve { "host" } else { "sensor" };
                            prop_assert_eq!(json[key].as_str(), Some(sensor.as_str()));
                        }
                    }
                }
            }
        }
    }
}
