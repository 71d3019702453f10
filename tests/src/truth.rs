//! What other tools found in a capture: the corpus's `truth/consensus` files.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::corpus::{Capture, Corpus};
use crate::items::Known;

/// One capture's truth.
#[derive(Clone, Debug, Deserialize)]
pub struct Truth {
    /// Frames tshark read.
    pub packets: u64,
    /// Frames tshark calls malformed.
    pub malformed: u64,
    /// Frames that are IP fragments.
    pub fragments: u64,
    /// Frames with more than one IP layer.
    pub tunnelled_layers: u64,
    /// The TCP and UDP conversations: `tcp|udp address port address port`, ends sorted as text.
    pub flows: BTreeMap<String, Flow>,
    /// Server names in TLS.
    #[serde(default)]
    pub sni: Vec<Known>,
    /// JA3 of clients.
    #[serde(default)]
    pub ja3: Vec<Known>,
    /// JA3 of servers.
    #[serde(default)]
    pub ja3s: Vec<Known>,
    /// JA4 of clients.
    #[serde(default)]
    pub ja4: Vec<Known>,
    /// HASSH of SSH clients.
    #[serde(default)]
    pub hassh: Vec<Known>,
    /// HASSH of SSH servers.
    #[serde(default)]
    pub hasshserver: Vec<Known>,
    /// What SSH's sides call themselves.
    #[serde(default)]
    pub ssh_banner: Vec<Known>,
    /// HTTP requests: method, host, URI.
    #[serde(default)]
    pub http_request: Vec<Known>,
    /// Status codes of HTTP.
    #[serde(default)]
    pub http_status: Vec<Known>,
    /// DNS messages: query or response, name, type, response code.
    #[serde(default)]
    pub dns: Vec<Known>,
}

/// What the tools say of one conversation.
#[derive(Clone, Debug, Deserialize)]
pub struct Flow {
    /// Packets both ways, by tool.
    pub pkts: BTreeMap<String, u64>,
    /// Bytes of frames both ways, by tool (nfpcapd's are of IP packets).
    pub bytes: BTreeMap<String, u64>,
    /// Community ID, version 1, seed 0.
    pub community_id: Option<String>,
    /// TCP health, by tool.
    pub health: Option<BTreeMap<String, Health>>,
    /// Time of the TCP handshake in seconds, by tool (arkime's in milliseconds).
    pub irtt: Option<BTreeMap<String, f64>>,
}

/// A tool's view of a TCP conversation's health, both directions together.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Retransmitted segments.
    pub retrans: u64,
    /// Segments out of order.
    pub ooo: u64,
    /// Times a preceding segment was not captured (tshark only).
    pub lost: u64,
    /// Duplicate acknowledgements (tshark only).
    pub dupack: u64,
    /// Zero windows (tshark only).
    pub zwin: u64,
}

impl Flow {
    /// The packet count that at least two tools agree on: the most frequent one, if two or more have it.
    ///
    /// nDPI 5 is left out where nDPI answers too: they are one family. Among equally frequent counts the one of the
    /// tool that comes first in the file wins, as in the corpus's `score.py`.
    #[must_use]
    pub fn agreed_pkts(&self) -> Option<u64> {
        let order = ["tshark", "suricata", "argus", "tcptrace", "ndpi", "ndpi5"];
        let mut counts: Vec<(u64, usize)> = Vec::new();
        let known = order
            .iter()
            .filter_map(|tool| self.pkts.get_key_value(*tool));
        let others = self
            .pkts
            .iter()
            .filter(|(tool, _)| !order.contains(&tool.as_str()));
        for (tool, &count) in known.chain(others) {
            if tool == "ndpi5" && self.pkts.contains_key("ndpi") {
                continue;
            }
            match counts.iter_mut().find(|(value, _)| *value == count) {
                Some((_, tools)) => *tools += 1,
                None => counts.push((count, 1)),
            }
        }
        let most = counts.iter().map(|(_, tools)| *tools).max()?;
        let first = counts.iter().find(|(_, tools)| *tools == most)?;
        (most >= 2).then_some(first.0)
    }
}

impl Truth {
    /// The items of a kind ([`crate::items::KINDS`]).
    #[must_use]
    pub fn items(&self, kind: &str) -> &[Known] {
        match kind {
            "sni" => &self.sni,
            "ja3" => &self.ja3,
            "ja3s" => &self.ja3s,
            "ja4" => &self.ja4,
            "hassh" => &self.hassh,
            "hasshserver" => &self.hasshserver,
            "ssh_banner" => &self.ssh_banner,
            "http_request" => &self.http_request,
            "http_status" => &self.http_status,
            "dns" => &self.dns,
            _ => &[],
        }
    }

    /// Reads the truth of a capture; `None` if the corpus has none.
    ///
    /// # Panics
    /// If the file is there but not of the form above.
    #[must_use]
    pub fn of(corpus: &Corpus, capture: &Capture) -> Option<Truth> {
        let path = corpus
            .root()
            .join("truth/consensus")
            .join(&capture.set)
            .join(format!("{}.json", capture.name));
        let text = std::fs::read_to_string(&path).ok()?;
        let truth = serde_json::from_str(&text);
        Some(truth.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }
}
