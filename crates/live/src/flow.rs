//! Conversations as they are asked for and shown.

use std::net::IpAddr;

use portreeve_record::{Conn, Facts, proto};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The order of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Those that were told of last first.
    #[default]
    #[serde(rename = "-ts")]
    Newest,
    /// Those that were told of longest ago first.
    #[serde(rename = "ts")]
    Oldest,
    /// Most bytes first, both ways.
    #[serde(rename = "-bytes")]
    Bytes,
    /// Most packets first, both ways.
    #[serde(rename = "-packets")]
    Packets,
    /// Longest first.
    #[serde(rename = "-duration")]
    Duration,
    /// Longest round trip of the handshake first.
    #[serde(rename = "-rtt")]
    Rtt,
    /// Most retransmissions first.
    #[serde(rename = "-retransmits")]
    Retransmits,
}

impl Order {
    /// Puts rows, which come newest first, into this order. Equals stay as they came.
    pub(crate) fn sort(self, rows: &mut [FlowRow]) {
        let most = |rows: &mut [FlowRow], of: fn(&FlowRow) -> u64| {
            rows.sort_by_key(|row| std::cmp::Reverse(of(row)));
        };
        let time = |time: Option<i64>| time.map_or(0, |time| time.max(0).unsigned_abs());
        match self {
            Order::Newest => {}
            Order::Oldest => rows.reverse(),
            Order::Bytes => most(rows, FlowRow::bytes),
            Order::Packets => most(rows, FlowRow::packets),
            Order::Duration => rows.sort_by_key(|row| std::cmp::Reverse(time(row.duration))),
            Order::Rtt => rows.sort_by_key(|row| std::cmp::Reverse(time(row.syn_rtt))),
            Order::Retransmits => most(rows, |row| row.retransmits),
        }
    }
}

/// A question after recent conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowAsk {
    /// Which: in the language of [`Filter`](crate::Filter); empty: all.
    pub filter: String,
    /// In which order.
    pub order: Order,
    /// How many at most.
    pub limit: usize,
}

impl Default for FlowAsk {
    fn default() -> Self {
        FlowAsk {
            filter: String::new(),
            order: Order::default(),
            limit: 100,
        }
    }
}

/// One conversation as a row. Members are named as Zeek names them; times are milliseconds since 1970-01-01 UTC, intervals nanoseconds.
///
/// Of one that goes on, the numbers are what its updates have told so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRow {
    /// Identifies it in all logs.
    pub uid: String,
    /// It goes on.
    pub open: bool,
    /// When it began.
    pub ts: i64,
    /// The originator's address.
    #[serde(rename = "id.orig_h")]
    pub orig_h: IpAddr,
    /// The originator's port.
    #[serde(rename = "id.orig_p")]
    pub orig_p: u16,
    /// The responder's address.
    #[serde(rename = "id.resp_h")]
    pub resp_h: IpAddr,
    /// The responder's port.
    #[serde(rename = "id.resp_p")]
    pub resp_p: u16,
    /// Transport protocol.
    pub proto: String,
    /// Application protocol.
    pub service: Option<String>,
    /// The product behind it.
    pub app: Option<String>,
    /// From the first packet to the last.
    pub duration: Option<i64>,
    /// How it went.
    pub conn_state: String,
    /// Payload bytes from the originator.
    pub orig_bytes: Option<u64>,
    /// Payload bytes from the responder.
    pub resp_bytes: Option<u64>,
    /// Packets from the originator.
    pub orig_pkts: u64,
    /// Bytes of them, IP headers included.
    pub orig_ip_bytes: u64,
    /// Packets from the responder.
    pub resp_pkts: u64,
    /// Bytes of them, IP headers included.
    pub resp_ip_bytes: u64,
    /// Whether the originator is in the local networks.
    pub local_orig: Option<bool>,
    /// Whether the responder is.
    pub local_resp: Option<bool>,
    /// What happened, a letter each.
    pub history: String,
    /// The round trip to the responder, by the handshake.
    pub syn_rtt: Option<i64>,
    /// Retransmitted segments, both ways.
    pub retransmits: u64,
    /// Payload bytes that were acknowledged and never seen, both ways.
    pub missed_bytes: u64,
    /// The originator's name, where names are joined.
    pub orig_name: Option<String>,
    /// The responder's name.
    pub resp_name: Option<String>,
    /// The originator's country, where a database of them is joined.
    pub orig_cc: Option<String>,
    /// The responder's country.
    pub resp_cc: Option<String>,
}

impl FlowRow {
    pub(crate) fn new(conn: &Conn, facts: Option<&Facts>, open: bool) -> Self {
        let text = |text: &std::sync::Arc<str>| text.as_ref().to_owned();
        let orig = facts.map(|facts| &facts.orig);
        let resp = facts.map(|facts| &facts.resp);
        let app = conn.app.or_else(|| facts.and_then(|facts| facts.app));
        FlowRow {
            uid: conn.uid.to_string(),
            open,
            ts: conn.ts.div_euclid(1_000_000),
            orig_h: conn.orig_h,
            orig_p: conn.orig_p,
            resp_h: conn.resp_h,
            resp_p: conn.resp_p,
            proto: proto::name(conn.ip_proto).to_owned(),
            service: conn.service.map(str::to_owned),
            app: app.map(str::to_owned),
            duration: conn.duration,
            conn_state: conn.conn_state.name().to_owned(),
            orig_bytes: conn.orig.bytes,
            resp_bytes: conn.resp.bytes,
            orig_pkts: conn.orig.pkts,
            orig_ip_bytes: conn.orig.ip_bytes,
            resp_pkts: conn.resp.pkts,
            resp_ip_bytes: conn.resp.ip_bytes,
            local_orig: conn.local_orig,
            local_resp: conn.local_resp,
            history: String::from_utf8_lossy(conn.history.as_bytes()).into_owned(),
            syn_rtt: conn.syn_rtt,
            retransmits: u64::from(conn.orig.retransmits) + u64::from(conn.resp.retransmits),
            missed_bytes: conn
                .orig
                .missed_bytes
                .saturating_add(conn.resp.missed_bytes),
            orig_name: orig.and_then(|end| end.name.as_ref().map(text)),
            resp_name: resp.and_then(|end| end.name.as_ref().map(text)),
            orig_cc: orig.and_then(|end| end.country.as_ref().map(text)),
            resp_cc: resp.and_then(|end| end.country.as_ref().map(text)),
        }
    }

    /// Bytes both ways, IP headers included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.orig_ip_bytes.saturating_add(self.resp_ip_bytes)
    }

    /// Packets both ways.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.orig_pkts.saturating_add(self.resp_pkts)
    }
}

/// One conversation with all that is known of it. Records are objects with Zeek's member names; times are milliseconds since 1970-01-01 UTC, intervals
/// nanoseconds, and what is unset, or a counter of Portreeve's that is 0, is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowDetail {
    /// Its `conn` record; of one that goes on, the sums of its updates; of one that has none yet, its ends only.
    pub conn: Map<String, Value>,
    /// It goes on, as far as is known.
    pub open: bool,
    /// Updates that have come.
    pub updates: u32,
    /// Its application records, oldest first; each says in `log` what it is.
    pub records: Vec<Map<String, Value>>,
}
