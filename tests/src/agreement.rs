//! The agreement with other tools over many captures: what `make agree` prints and `docs/agreement.md` keeps.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::corpus::Capture;
use crate::items::{self, ItemScore, Items, KINDS};
use crate::score::{Flow, Ratio, Score, mean, score};
use crate::truth::{Health, Truth};

/// How the answer to one question compares with another tool's, class by class.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// How many conversations are in each class; the first class is agreement.
    pub classes: BTreeMap<&'static str, u64>,
    /// The first few conversations of each class but agreement.
    pub examples: BTreeMap<&'static str, Vec<String>>,
}

/// Examples kept of each class.
const EXAMPLES: usize = 400;

impl Question {
    fn add(&mut self, class: &'static str, example: impl FnOnce() -> String) {
        *self.classes.entry(class).or_default() += 1;
        if class != SAME {
            let examples = self.examples.entry(class).or_default();
            if examples.len() < EXAMPLES {
                examples.push(example());
            }
        }
    }

    /// How many were asked.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.classes.values().sum()
    }

    /// How many were the same.
    #[must_use]
    pub fn same(&self) -> u64 {
        self.classes.get(SAME).copied().unwrap_or(0)
    }
}

/// The class of agreement.
pub const SAME: &str = "same";

/// The questions, in the order of the table.
pub const QUESTIONS: &[&str] = &[
    "TCP conversations per capture, tshark",
    "UDP conversations per capture, tshark",
    "TCP and UDP conversations, tshark",
    "packets per conversation, tshark",
    "bytes per conversation, tshark",
    "retransmissions and reordering, tshark",
    "retransmissions and reordering, tcptrace",
    "duplicate acknowledgements, tshark",
    "zero windows, tshark",
    "handshake time, tshark",
    "handshake time, argus",
];

/// The agreement so far.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// Scores by capture.
    pub scores: BTreeMap<String, Score>,
    /// Answers by question.
    pub questions: BTreeMap<&'static str, Question>,
    /// Scores of items by kind, then by capture.
    pub items: BTreeMap<&'static str, BTreeMap<String, ItemScore>>,
}

impl Agreement {
    /// Adds one capture's items and its truth.
    pub fn add_items(
        &mut self,
        capture: &Capture,
        found: &BTreeMap<&'static str, Items>,
        truth: &Truth,
    ) {
        for kind in KINDS {
            let none = Items::new();
            let score = items::score(found.get(kind).unwrap_or(&none), truth.items(kind));
            if score != ItemScore::default() {
                self.items
                    .entry(kind)
                    .or_default()
                    .insert(capture.id(), score);
            }
        }
    }

    /// Recall and precision of a kind of items, over all captures.
    #[must_use]
    pub fn item_ratios(&self, kind: &str) -> (Ratio, Ratio) {
        let mut sum = (Ratio::default(), Ratio::default());
        for score in self.items.get(kind).into_iter().flat_map(BTreeMap::values) {
            sum.0.merge(score.recall);
            sum.1.merge(score.precision);
        }
        sum
    }

    /// Adds one capture's conversations and its truth.
    pub fn add(&mut self, capture: &Capture, found: &BTreeMap<String, Flow>, truth: &Truth) {
        let id = capture.id();
        self.scores.insert(id.clone(), score(found, truth));
        for (question, protocol) in [(QUESTIONS[0], "tcp "), (QUESTIONS[1], "udp ")] {
            let ours = found.keys().filter(|key| key.starts_with(protocol)).count();
            let tshark = |(key, flow): &(&String, &crate::truth::Flow)| {
                key.starts_with(protocol) && flow.pkts.contains_key("tshark")
            };
            let theirs = truth.flows.iter().filter(tshark).count();
            let class = match ours.cmp(&theirs) {
                std::cmp::Ordering::Equal => SAME,
                std::cmp::Ordering::Less => "fewer here",
                std::cmp::Ordering::Greater => "more here",
            };
            self.question(question)
                .add(class, || format!("{id}: {ours}, tshark {theirs}"));
        }
        for (key, wanted) in &truth.flows {
            if let Some(&pkts) = wanted.pkts.get("tshark") {
                match found.get(key) {
                    None => self
                        .question(QUESTIONS[2])
                        .add("only tshark", || format!("{id}: {key} {:?}", wanted.pkts)),
                    Some(flow) => {
                        self.question(QUESTIONS[2]).add(SAME, String::new);
                        self.packets(&id, key, flow, pkts, wanted);
                    }
                }
            }
            if let Some(flow) = found.get(key) {
                self.health(&id, key, flow, wanted);
            }
        }
        for key in found.keys() {
            if !truth
                .flows
                .get(key)
                .is_some_and(|flow| flow.pkts.contains_key("tshark"))
            {
                self.question(QUESTIONS[2])
                    .add("only here", || format!("{id}: {key}"));
            }
        }
    }

    fn question(&mut self, name: &'static str) -> &mut Question {
        self.questions.entry(name).or_default()
    }

    fn packets(
        &mut self,
        id: &str,
        key: &str,
        flow: &Flow,
        pkts: u64,
        wanted: &crate::truth::Flow,
    ) {
        let class = if flow.pkts == pkts {
            SAME
        } else if wanted.agreed_pkts() == Some(flow.pkts) {
            "other tools agree with us"
        } else if flow.fragments > 0 {
            "fragments"
        } else {
            "other"
        };
        let example = || format!("{id}: {key} {} {:?}", flow.pkts, wanted.pkts);
        self.question(QUESTIONS[3]).add(class, example);
        let (Some(&bytes), true) = (wanted.bytes.get("tshark"), flow.pkts == pkts && pkts > 0)
        else {
            return;
        };
        // tshark counts frames, we IP packets: the difference must be the headers before IP, and padding.
        let overhead = bytes as i64 - flow.ip_bytes as i64;
        let frames = pkts as i64;
        let class = if overhead >= 0 && overhead % frames == 0 && overhead / frames <= 64 {
            SAME
        } else if flow.fragments > 0 {
            "fragments"
        } else if (0..=frames * 160).contains(&overhead) {
            "headers of several sizes, padding"
        } else {
            "other"
        };
        let example = || format!("{id}: {key} frames {bytes}, IP {} in {pkts}", flow.ip_bytes);
        self.question(QUESTIONS[4]).add(class, example);
    }

    fn health(&mut self, id: &str, key: &str, flow: &Flow, wanted: &crate::truth::Flow) {
        let health = wanted.health.clone().unwrap_or_default();
        let compare = |ours: u64, theirs: u64| match ours.cmp(&theirs) {
            std::cmp::Ordering::Equal => SAME,
            std::cmp::Ordering::Greater => "more here",
            std::cmp::Ordering::Less if flow.copies > 0 => "copies of a packet here",
            std::cmp::Ordering::Less if flow.bad_checksums > 0 => "bad checksums here",
            std::cmp::Ordering::Less if flow.records > 1 => "several connections here",
            std::cmp::Ordering::Less => "fewer here",
        };
        let repeated = flow.retransmits + flow.out_of_order;
        let example = |what: u64, theirs: &Health| {
            let repeated = (flow.retransmits, flow.out_of_order);
            format!("{id}: {key} {what} (retransmits, out of order {repeated:?}), {theirs:?}")
        };
        for (question, tool) in [(QUESTIONS[5], "tshark"), (QUESTIONS[6], "tcptrace")] {
            if let Some(theirs) = health.get(tool) {
                let class = compare(repeated, theirs.retrans + theirs.ooo);
                self.question(question)
                    .add(class, || example(repeated, theirs));
            }
        }
        if let Some(theirs) = health.get("tshark") {
            let class = compare(flow.duplicate_acks, theirs.dupack);
            self.question(QUESTIONS[7])
                .add(class, || example(flow.duplicate_acks, theirs));
            let class = compare(flow.zero_windows, theirs.zwin);
            self.question(QUESTIONS[8])
                .add(class, || example(flow.zero_windows, theirs));
        }
        for (question, tool) in [(QUESTIONS[9], "tshark"), (QUESTIONS[10], "argus")] {
            let theirs = wanted
                .irtt
                .as_ref()
                .and_then(|times| times.get(tool))
                .copied();
            let answered = flow.history.contains(['h', 'H']);
            let class = match (flow.handshake, theirs) {
                (None, None) => continue,
                (Some(ours), Some(theirs)) if (ours - theirs).abs() <= 4e-6 => SAME,
                (Some(_), Some(_)) => "another time",
                (Some(0.0), None) => "no time at all here, left out there",
                (Some(_), None) => "only here",
                (None, Some(_)) if !answered => "no SYN-ACK was seen",
                (None, Some(_)) => "only there",
            };
            let example = || format!("{id}: {key} {:?}, {tool} {theirs:?}", flow.handshake);
            self.question(question).add(class, example);
        }
    }

    /// The mean over the captures of the three scores that must not fall below 99.5 %: conversations, packets, Community IDs; and of the precision.
    #[must_use]
    pub fn means(&self) -> [(&'static str, f64, u64); 4] {
        let over = |name, ratio: fn(&Score) -> Ratio| {
            let (mean, captures) = mean(self.scores.values(), ratio);
            (name, mean, captures)
        };
        [
            over("conversations", |score| score.flows),
            over("packets", |score| score.packets),
            over("Community IDs", |score| score.community_ids),
            over("precision", |score| score.precision),
        ]
    }

    /// The tables in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "| score | mean per capture | captures | in all |");
        let _ = writeln!(text, "| --- | ---: | ---: | ---: |");
        let all: [fn(&Score) -> Ratio; 4] = [
            |s| s.flows,
            |s| s.packets,
            |s| s.community_ids,
            |s| s.precision,
        ];
        for ((name, mean, captures), ratio) in self.means().into_iter().zip(all) {
            let sum = self
                .scores
                .values()
                .map(ratio)
                .fold(Ratio::default(), |a, b| Ratio {
                    hit: a.hit + b.hit,
                    of: a.of + b.of,
                });
            let _ = writeln!(
                text,
                "| {name} | {:.2} % | {captures} | {} of {} |",
                100.0 * mean,
                sum.hit,
                sum.of
            );
        }
        let _ = writeln!(
            text,
            "\n| items | recall | required | precision | reported |"
        );
        let _ = writeln!(text, "| --- | ---: | ---: | ---: | ---: |");
        for kind in KINDS {
            let (recall, precision) = self.item_ratios(kind);
            let percent = |ratio: Ratio| {
                ratio
                    .share()
                    .map_or_else(|| "–".to_owned(), |share| format!("{:.2} %", 100.0 * share))
            };
            let _ = writeln!(
                text,
                "| {kind} | {} | {} of {} | {} | {} of {} |",
                percent(recall),
                recall.hit,
                recall.of,
                percent(precision),
                precision.hit,
                precision.of
            );
        }
        let _ = writeln!(text, "\n| question | asked | same | | otherwise |");
        let _ = writeln!(text, "| --- | ---: | ---: | ---: | --- |");
        for name in QUESTIONS {
            let Some(question) = self.questions.get(name) else {
                continue;
            };
            let others: Vec<String> = question
                .classes
                .iter()
                .filter(|(class, _)| **class != SAME)
                .map(|(class, count)| format!("{class}: {count}"))
                .collect();
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {:.2} % | {} |",
                question.total(),
                question.same(),
                100.0 * question.same() as f64 / question.total().max(1) as f64,
                others.join("; ")
            );
        }
        text
    }
}
