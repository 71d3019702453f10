//! What nDPI's own tests say of each flow, protocol and product, against `service` and `app`.
//!
//! nDPI's names are put into ours by a table (`tests/data/ndpi.tsv`), which also says what is known of those that differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::binary::Run;
use crate::conn::Line;
use crate::corpus::Corpus;
use crate::parallel;
use crate::zeek::table;

/// What the table says of nDPI's names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    protocols: BTreeMap<&'static str, BTreeSet<&'static str>>,
    products: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// nDPI's name, a capture or `*`, and the reason.
    known: Vec<[&'static str; 3]>,
}

impl Names {
    /// The table that comes with the tests.
    ///
    /// # Panics
    /// If a line is not of its form.
    #[must_use]
    pub fn read() -> Names {
        let mut names = Names::default();
        for columns in table(include_str!("../data/ndpi.tsv"), 4) {
            let set = || columns[2].split(',').collect();
            match columns[0] {
                "protocol" => drop(names.protocols.insert(columns[1], set())),
                "product" => drop(names.products.insert(columns[1], set())),
                "known" => names.known.push([columns[1], columns[2], columns[3]]),
                other => panic!("{other}"),
            }
        }
        names
    }

    fn known(&self, flow: &Flow) -> Option<&'static str> {
        let fits = |known: &&[&str; 3]| {
            let [name, capture, _] = **known;
            (name == flow.name || name == flow.protocol)
                && (capture == "*" || flow.capture.ends_with(capture))
        };
        self.known.iter().find(fits).map(|known| known[2])
    }
}

/// One flow as nDPI has it.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    capture: String,
    transport: String,
    /// Both ends, sorted.
    ends: [(String, String); 2],
    /// The whole name: `TLS.Google`.
    name: String,
    protocol: String,
    product: Option<String>,
    /// Told by a port or an address alone.
    guessed: bool,
}

/// The flows of nDPI's tests with its default settings.
///
/// # Panics
/// If the corpus' file cannot be read.
#[must_use]
pub fn flows(corpus: &Corpus) -> Vec<Flow> {
    let bytes = std::fs::read(corpus.root().join("ndpi/flows.tsv")).expect("ndpi/flows.tsv");
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        let at = header.iter().position(|column| *column == name);
        at.unwrap_or_else(|| panic!("no column {name}"))
    };
    let at = [
        "pcap",
        "cfg",
        "l4",
        "a_ip",
        "a_port",
        "b_ip",
        "b_port",
        "proto",
        "confidence",
    ]
    .map(column);
    let flow = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [
            capture,
            settings,
            transport,
            a,
            a_port,
            b,
            b_port,
            name,
            confidence,
        ] = at.map(|at| cells.get(at).copied().unwrap_or_default().to_owned());
        if settings != "default" {
            return None;
        }
        let mut ends = [(a, a_port), (b, b_port)];
        ends.sort();
        let (protocol, product) = match name.split_once('.') {
            Some((protocol, product)) => (protocol.to_owned(), Some(product.to_owned())),
            None => (name.clone(), None),
        };
        Some(Flow {
            capture,
            transport: transport.to_lowercase(),
            ends,
            protocol,
            product,
            guessed: confidence.starts_with("Match by") || name == "Unknown",
            name,
        })
    };
    lines.filter_map(flow).collect()
}

/// A class of agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The same.
    Same,
    /// Known here; guessed there, or nothing said.
    OnlyHere,
    /// Known by neither: guessed there by port or address, nothing said here.
    Guessed,
    /// Nothing said here, and the table says why.
    Known,
    /// Portreeve knows no such protocol (or product).
    NoSuch,
    /// Nothing said here.
    Nothing,
    /// Something else is said here.
    Differs,
}

/// How many of each class.
pub type Counts = BTreeMap<Class, u64>;

/// All flows, compared.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// By nDPI's protocol.
    pub protocols: BTreeMap<String, Counts>,
    /// Products, all together.
    pub products: Counts,
    /// Reasons of the table, with the flows of each.
    pub known: BTreeMap<(String, &'static str), u64>,
    /// Flows that are not here: ICMP and others without ports apart.
    pub no_flow: u64,
    /// What differs or is missing without a reason.
    pub faults: Vec<String>,
}

/// Compares every flow; `wanted` says of a capture whether it is looked at.
#[must_use]
pub fn compare(corpus: &Corpus, wanted: impl Fn(&str) -> bool) -> Agreement {
    let names = Names::read();
    let flows: Vec<Flow> = flows(corpus)
        .into_iter()
        .filter(|flow| wanted(&flow.capture))
        .collect();
    let captures: Vec<&str> = flows
        .iter()
        .map(|flow| flow.capture.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let records = parallel::map(&captures, |capture| {
        let path = corpus.root().join("ndpi/pcap").join(capture);
        let mut lines = Run::file(&path).arg("--no-checksums").output().records();
        lines.retain(|line| line.path() == "conn");
        lines
    });
    let records: BTreeMap<&str, &Vec<Line>> = captures.iter().copied().zip(&records).collect();
    let mut agreement = Agreement::default();
    for flow in &flows {
        if !["tcp", "udp"].contains(&flow.transport.as_str()) {
            continue;
        }
        let ours: Vec<&Line> = records[flow.capture.as_str()]
            .iter()
            .filter(|line| line.text("proto") == Some(&flow.transport) && ends(line) == flow.ends)
            .collect();
        if ours.is_empty() {
            agreement.no_flow += 1;
            continue;
        }
        let words = |field: &str, comma: bool| -> BTreeSet<String> {
            let texts = ours.iter().filter_map(|line| line.text(field));
            if comma {
                texts
                    .flat_map(|text| text.split(','))
                    .map(str::to_owned)
                    .collect()
            } else {
                texts.map(str::to_owned).collect()
            }
        };
        let (services, products) = (words("service", true), words("app", false));
        let wanted = names
            .protocols
            .get(flow.name.as_str())
            .or_else(|| names.protocols.get(flow.protocol.as_str()));
        let class = agreement.class(&names, flow, "service", wanted, &services);
        *agreement
            .protocols
            .entry(flow.protocol.clone())
            .or_default()
            .entry(class)
            .or_default() += 1;
        // Questions of DNS are no part of what they ask for.
        if let (Some(product), false) = (&flow.product, flow.protocol == "DNS") {
            let wanted = names.products.get(product.as_str());
            let class = agreement.class(&names, flow, "app", wanted, &products);
            *agreement.products.entry(class).or_default() += 1;
        }
    }
    agreement
}

fn ends(line: &Line) -> [(String, String); 2] {
    let end = |who: &str| {
        let address = line.text(&format!("id.{who}_h")).unwrap_or_default();
        (
            address.to_owned(),
            line.count(&format!("id.{who}_p")).to_string(),
        )
    };
    let mut ends = [end("orig"), end("resp")];
    ends.sort();
    ends
}

impl Agreement {
    fn class(
        &mut self,
        names: &Names,
        flow: &Flow,
        what: &str,
        wanted: Option<&BTreeSet<&'static str>>,
        ours: &BTreeSet<String>,
    ) -> Class {
        let hit = wanted.is_some_and(|wanted| ours.iter().any(|our| wanted.contains(our.as_str())));
        let class = match wanted {
            _ if hit => return Class::Same,
            _ if flow.guessed && ours.is_empty() => return Class::Guessed,
            _ if flow.guessed => return Class::OnlyHere,
            None if ours.is_empty() => return Class::NoSuch,
            _ if ours.is_empty() => Class::Nothing,
            _ => Class::Differs,
        };
        if let Some(reason) = names.known(flow) {
            *self.known.entry((flow.name.clone(), reason)).or_default() += 1;
            return Class::Known;
        }
        self.faults.push(format!(
            "{class:?} {what}: {} {} {:?} {ours:?}",
            flow.capture, flow.name, flow.ends
        ));
        class
    }

    /// Shares of the flows whose protocol nDPI found by content and Portreeve knows: the same, of how many.
    #[must_use]
    pub fn same(&self) -> (u64, u64) {
        let count = |counts: &Counts, classes: &[Class]| -> u64 {
            classes.iter().filter_map(|class| counts.get(class)).sum()
        };
        let of = [Class::Same, Class::Known, Class::Nothing, Class::Differs];
        self.protocols.values().fold((0, 0), |(same, all), counts| {
            (
                same + count(counts, &[Class::Same]),
                all + count(counts, &of),
            )
        })
    }

    /// The tables in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let count = |counts: &Counts, class| counts.get(&class).copied().unwrap_or(0);
        let columns = [
            Class::Same,
            Class::OnlyHere,
            Class::Guessed,
            Class::Known,
            Class::Nothing,
            Class::Differs,
        ];
        let mut text = String::from(
            "| nDPI's protocol | flows | same | known here, guessed there | guessed there, nothing here | explained | nothing here | differs |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        let mut row = |name: &str, counts: &Counts| {
            let all: u64 = columns.iter().map(|class| count(counts, *class)).sum();
            let cells: Vec<String> = columns
                .iter()
                .map(|class| count(counts, *class).to_string())
                .collect();
            let _ = writeln!(text, "| {name} | {all} | {} |", cells.join(" | "));
        };
        let (mut sum, mut strange) = (Counts::new(), BTreeMap::new());
        for (name, counts) in &self.protocols {
            for (class, number) in counts {
                *sum.entry(*class).or_default() += number;
            }
            let none = count(counts, Class::NoSuch);
            if none > 0 {
                strange.insert(name, none);
            }
            if columns.iter().any(|class| count(counts, *class) > 0) {
                row(name, counts);
            }
        }
        row("**all**", &sum);
        row("products", &self.products);
        let strange_flows: u64 = strange.values().sum();
        let list: Vec<String> = strange
            .iter()
            .map(|(name, flows)| format!("{name} {flows}"))
            .collect();
        let _ = writeln!(
            text,
            "\nProtocols of nDPI's that Portreeve has no name for, {strange_flows} flows: {}. Products without a name here: {} flows. Flows that Portreeve has not as nDPI has them: {}.",
            list.join(", "),
            count(&self.products, Class::NoSuch),
            self.no_flow
        );
        text.push_str("\n| nDPI says | flows | Portreeve says nothing, or something else |\n| --- | ---: | --- |\n");
        for ((name, reason), flows) in &self.known {
            let _ = writeln!(text, "| {name} | {flows} | {reason} |");
        }
        text
    }
}
