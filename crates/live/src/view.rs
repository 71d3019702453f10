//! What a screen shows now.

use std::net::IpAddr;

use portreeve_engine::Ledger;
use portreeve_engine::snapshot::{FlowMemory, MemoryArea};
use serde::{Deserialize, Serialize};

use crate::second::Second;

/// All that a screen shows of this moment. Replaced whole once a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Grows by one with every new view.
    pub version: u64,
    /// When it was made: milliseconds since 1970-01-01 UTC.
    pub ts: i64,
    /// How long the run has gone on, milliseconds.
    pub uptime_ms: u64,
    /// The latest second that was watched whole; with a `ts` of 0: there is none yet.
    pub second: Second,
    /// What [`Second`]'s directions are by.
    pub local_nets: LocalNets,
    /// All accounts.
    pub ledger: Ledger,
    /// All accounts add up.
    pub balanced: bool,
    /// Packets known to be lost since the start, by the NIC, the kernel and between workers.
    pub lost_packets: u64,
    /// Records lost since the start, on their way to outputs or by them.
    #[serde(default)]
    pub lost_records: u64,
    /// Something was lost since the start: packets, conversations, records or packets to be written.
    pub lost_anything: bool,
    /// The workers.
    pub workers: Vec<WorkerView>,
    /// The sources.
    pub sources: Vec<SourceView>,
    /// The flow tables.
    pub flow_memory: FlowMemory,
    /// How far a file is read; unset for live sources.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// What memory stands on, by purpose.
    pub memory: Vec<MemoryArea>,
    /// The outputs.
    pub outputs: Vec<OutputView>,
    /// The greatest of each kind.
    pub top: Top,
    /// What somebody should know now.
    pub alerts: Vec<Alert>,
}

/// How far a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes that were read.
    pub read: u64,
    /// Its size, where that is known.
    pub total: Option<u64>,
    /// Bytes a second, over about the last one.
    pub bytes_a_second: u64,
}

/// What the directions of traffic are by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocalNets {
    /// The networks that the configuration calls local.
    Configured,
    /// None are configured: private addresses (RFC 1918, RFC 4193, RFC 6598, link-local ones), and those of the watched interfaces.
    #[default]
    Private,
}

/// One worker, over about the last second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerView {
    /// Its thread's name.
    pub name: String,
    /// The core it owns.
    pub cpu: usize,
    /// Whether it could be pinned to it.
    pub pinned: bool,
    /// How it waits: `poll`, `interrupt`, `adaptive`.
    pub mode: String,
    /// Frames a second.
    pub packets: u64,
    /// Conversations it has.
    pub flows: u64,
    /// Share of its time that it polled and found frames, 0 to 1.
    pub busy: f64,
    /// Share of its time that it polled and found nothing.
    pub idle: f64,
    /// Share of its time asleep.
    pub sleep: f64,
    /// Share of its time that it wanted to run and the kernel let others have its core: within the three above.
    pub in_line: f64,
    /// Times it was woken, a second.
    pub wakes: u64,
    /// 99 % of the frames that it was woken for were looked at within so many microseconds; unset: not measured yet.
    pub latency_us: Option<u64>,
    /// Times since the start that it left its ring alone for longer than that holds out.
    #[serde(default)]
    pub away: u64,
    /// Of these, those of the last second.
    #[serde(default)]
    pub away_now: u64,
    /// The longest of them, microseconds.
    #[serde(default)]
    pub away_longest_us: u64,
}

/// One source, over about the last second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// Packets a second that were taken from it.
    pub packets: u64,
    /// Bits a second.
    pub bits: u64,
    /// Packets a second that it is known to have lost; unset where nothing counts that.
    pub lost: Option<u64>,
}

/// One output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputView {
    /// Its name.
    pub name: String,
    /// How it fares: `ok`, `recovering`, `closed`.
    pub state: String,
    /// Records written.
    pub written: u64,
    /// Records lost, for any reason.
    pub dropped: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Times that something failed.
    pub errors: u64,
    /// What failed last.
    pub last_error: Option<String>,
}

/// Something that somebody should know: a threshold that is passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is called in the configuration.
    pub name: String,
    /// Which interface, folder, output or worker; unset: the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// How bad it is: `warning` or `critical`.
    pub severity: String,
    /// What is the matter, in a sentence.
    pub text: String,
    /// Since when: milliseconds since 1970-01-01 UTC.
    pub since: i64,
}

/// The greatest of each kind, most bits first.
///
/// Hosts, services and conversations are of the last ten seconds, from samples of packets (all packets, while there are few). Applications and
/// countries are of the last minute, from records: a long conversation's bytes come in with its updates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Top {
    /// Addresses.
    pub hosts: Vec<Row>,
    /// Protocols with ports.
    pub services: Vec<Row>,
    /// What the conversations are: products, else protocols.
    pub applications: Vec<Row>,
    /// Conversations.
    pub conversations: Vec<Row>,
    /// Countries by their two letters, if there is a database of them.
    pub countries: Vec<Row>,
}

/// One row of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Whose row it is: an address, `tcp/443`, `netflix`, `10.0.0.1:40000 > 192.0.2.7:443 tcp`, `NL`.
    pub name: String,
    /// More of it: a host's name, a service's usual name, a conversation's application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Bits a second that it received. (A conversation: its first end; an application: its servers.)
    pub in_bits: u64,
    /// Bits a second that it sent.
    pub out_bits: u64,
    /// Packets a second, both ways.
    pub packets: u64,
    /// Conversations that ended or went on in the last minute; unset where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
    /// A conversation's ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Ends>,
}

impl Row {
    /// Bits a second, both ways.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.in_bits.saturating_add(self.out_bits)
    }
}

/// The two ends of a conversation, the one that looks like the client first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ends {
    /// The client's address.
    #[serde(rename = "id.orig_h")]
    pub orig_h: IpAddr,
    /// Its port.
    #[serde(rename = "id.orig_p")]
    pub orig_p: u16,
    /// The server's address.
    #[serde(rename = "id.resp_h")]
    pub resp_h: IpAddr,
    /// Its port.
    #[serde(rename = "id.resp_p")]
    pub resp_p: u16,
    /// Transport protocol.
    pub proto: String,
    /// Its identifier, if a record of it has come already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}
