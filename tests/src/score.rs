//! Scoring the connection records of one capture against its truth, as the corpus's `score.py` does.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use crate::conn::{Line, tuple};
use crate::corpus::Capture;
use crate::items::{Items, as_json};
use crate::truth::Truth;

/// All records of one conversation, over port reuse, VLANs and tunnels: the truth's tuples know none of these.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Packets both ways; a fragmented datagram is one.
    pub pkts: u64,
    /// Bytes of IP packets, both ways.
    pub ip_bytes: u64,
    /// Community ID.
    pub community_id: String,
    /// Records.
    pub records: u64,
    /// Fragments, both ways; of a datagram in fragments only the first is in `pkts`.
    pub fragments: u64,
    /// Retransmitted segments, both ways.
    pub retransmits: u64,
    /// Segments out of order, both ways.
    pub out_of_order: u64,
    /// Duplicate acknowledgements, both ways.
    pub duplicate_acks: u64,
    /// Zero windows, both ways.
    pub zero_windows: u64,
    /// Gaps, both ways.
    pub lost_segments: u64,
    /// Packets that were copies of others, both ways.
    pub copies: u64,
    /// Packets with a wrong checksum, both ways.
    pub bad_checksums: u64,
    /// The histories of the records, one after the other.
    pub history: String,
    /// Time of the first record's whole handshake in seconds.
    pub handshake: Option<f64>,
}

/// The TCP and UDP conversations among the records of one capture.
#[must_use]
pub fn flows(lines: &[Line]) -> BTreeMap<String, Flow> {
    let mut flows: BTreeMap<String, Flow> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.path() == "conn") {
        let Some(key) = tuple(line) else { continue };
        let flow = flows.entry(key).or_default();
        let both = |field: &str| {
            line.count(&format!("orig_{field}")) + line.count(&format!("resp_{field}"))
        };
        flow.pkts += both("pkts");
        flow.ip_bytes += both("ip_bytes");
        flow.records += 1;
        flow.fragments += both("fragments");
        flow.copies += both("duplicates");
        flow.bad_checksums += both("bad_checksums");
        flow.history += line.text("history").unwrap_or_default();
        flow.retransmits += both("retransmits");
        flow.out_of_order += both("out_of_order");
        flow.duplicate_acks += both("duplicate_acks");
        flow.zero_windows += both("zero_windows");
        flow.lost_segments += both("lost_segments");
        if let (None, Some(syn), Some(ack)) = (
            flow.handshake,
            line.number("syn_rtt"),
            line.number("ack_rtt"),
        ) {
            flow.handshake = Some(syn + ack);
        }
        if let Some(id) = line.text("community_id") {
            id.clone_into(&mut flow.community_id);
        }
    }
    flows
}

/// Found of required, and right of reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// How many were right.
    pub hit: u64,
    /// Of how many.
    pub of: u64,
}

impl Ratio {
    /// Counts one.
    pub fn add(&mut self, hit: bool) {
        self.hit += u64::from(hit);
        self.of += 1;
    }

    /// Adds another.
    pub fn merge(&mut self, other: Ratio) {
        self.hit += other.hit;
        self.of += other.of;
    }

    /// The share that was right; `None` of nothing.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.hit as f64 / self.of as f64)
    }
}

/// The score of one capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Conversations that at least two tools agree on (their packet count): found.
    pub flows: Ratio,
    /// Those: with the packet count agreed on.
    pub packets: Ratio,
    /// Those found: with the truth's Community ID.
    pub community_ids: Ratio,
    /// Conversations reported: seen by any tool.
    pub precision: Ratio,
    /// What was not right, for a person to read.
    pub misses: Vec<String>,
}

/// Scores one capture's conversations.
#[must_use]
pub fn score(found: &BTreeMap<String, Flow>, truth: &Truth) -> Score {
    let mut score = Score::default();
    for (key, wanted) in &truth.flows {
        let Some(agreed) = wanted.agreed_pkts() else {
            continue;
        };
        let got = found.get(key);
        score.flows.add(got.is_some());
        score
            .packets
            .add(got.is_some_and(|flow| flow.pkts == agreed));
        match got {
            None => score
                .misses
                .push(format!("no flow {key} (packets: {:?})", wanted.pkts)),
            Some(flow) if flow.pkts != agreed => score.misses.push(format!(
                "{key}: {} packets, tools say {:?}",
                flow.pkts, wanted.pkts
            )),
            Some(_) => {}
        }
        if let Some(flow) = got {
            let same = Some(&flow.community_id) == wanted.community_id.as_ref();
            score.community_ids.add(same);
            if !same {
                score.misses.push(format!(
                    "{key}: Community ID {}, not {:?}",
                    flow.community_id, wanted.community_id
                ));
            }
        }
    }
    for key in found.keys() {
        let known = truth
            .flows
            .get(key)
            .is_some_and(|flow| !flow.pkts.is_empty());
        score.precision.add(known);
        if !known {
            score.misses.push(format!("{key}: no tool saw it"));
        }
    }
    score
}

/// Writes what `score.py` reads: `RESULTS_DIR/<set>/<capture>.json`.
///
/// # Errors
/// What the file system says.
pub fn write_result(
    results: &Path,
    capture: &Capture,
    flows: &BTreeMap<String, Flow>,
    items: &BTreeMap<&'static str, Items>,
) -> std::io::Result<()> {
    let rows: Vec<_> = flows
        .iter()
        .filter_map(|(key, flow)| {
            let parts: Vec<&str> = key.split(' ').collect();
            let [protocol, low, low_port, high, high_port] = parts[..] else {
                return None;
            };
            let low_port: u32 = low_port.parse().ok()?;
            let high_port: u32 = high_port.parse().ok()?;
            Some(json!([
                protocol,
                low,
                low_port,
                high,
                high_port,
                flow.pkts,
                flow.community_id
            ]))
        })
        .collect();
    let folder = results.join(&capture.set);
    std::fs::create_dir_all(&folder)?;
    let mut result = as_json(items);
    result.insert("flows".to_owned(), json!(rows));
    let text = serde_json::Value::Object(result).to_string();
    std::fs::write(folder.join(format!("{}.json", capture.name)), text)
}

/// The mean over captures of a ratio's share, over those captures that have any.
#[must_use]
pub fn mean<'a>(
    scores: impl Iterator<Item = &'a Score>,
    ratio: impl Fn(&Score) -> Ratio,
) -> (f64, u64) {
    let (mut sum, mut captures) = (0.0, 0);
    for share in scores.filter_map(|score| ratio(score).share()) {
        sum += share;
        captures += 1;
    }
    (
        if captures == 0 {
            0.0
        } else {
            sum / captures as f64
        },
        captures,
    )
}
