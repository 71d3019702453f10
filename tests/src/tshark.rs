//! tshark's fields of application protocols, against ours: item by item, both ways.
//!
//! An item is a conversation (or, for DHCP, a client), what is said, and the value. tshark runs with its own settings, but for names, which it does not look up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::binary::Run;
use crate::conn::{Line, tuple};
use crate::corpus::{Capture, Corpus};
use crate::score::Ratio;
use crate::zeek::table;
use crate::{kerberos, parallel, percent};

/// What is compared, in the order of the table.
pub const KINDS: [&str; 21] = [
    "TLS version",
    "TLS cipher",
    "SMTP sender",
    "SMTP recipient",
    "DHCP address",
    "DHCP host name",
    "NTP version, mode, stratum",
    "SNMP version",
    "SNMP community",
    "SMB tree",
    "SMB file",
    "SIP method",
    "SIP status",
    "SIP call",
    "FTP command",
    "RDP cookie",
    kerberos::KINDS[0],
    kerberos::KINDS[1],
    kerberos::KINDS[2],
    kerberos::KINDS[3],
    kerberos::KINDS[4],
];

/// Items by kind: where, and the value.
pub type Items = BTreeMap<&'static str, BTreeSet<(String, String)>>;

/// Between the values of a field that occurs more than once.
const BETWEEN: char = '\u{1}';

const FIELDS: [&str; 40] = [
    "frame.number",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.ciphersuite",
    "smtp.req.command",
    "smtp.req.parameter",
    "dhcp.hw.mac_addr",
    "dhcp.option.dhcp",
    "dhcp.ip.your",
    "dhcp.option.hostname",
    "ntp.flags.vn",
    "ntp.flags.mode",
    "ntp.stratum",
    "snmp.version",
    "snmp.community",
    "snmp.msgVersion",
    "smb.file",
    "smb2.cmd",
    "smb2.flags.response",
    "smb2.tree",
    "smb2.filename",
    "smb.cmd",
    "smb.flags.response",
    "smb.path",
    "sip.Method",
    "sip.Status-Code",
    "sip.Call-ID",
    "ftp.request.command",
    "rdp.rt_cookie",
    "icmp.type",
];

const FILTER: &str = "(tls.handshake.type == 2 or smtp.req or dhcp or ntp or snmp or smb2 or smb or sip or ftp.request or rdp.rt_cookie or kerberos) and not icmp and not icmpv6";

/// Whether tshark is there to be asked.
#[must_use]
pub fn is_there() -> bool {
    let version = Command::new("tshark").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// What tshark says of a capture.
///
/// # Panics
/// If it cannot be run.
#[must_use]
pub fn theirs(capture: &Path) -> Items {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture);
    command.args([
        "-Y",
        FILTER,
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "occurrence=a",
    ]);
    command.args(["-E", &format!("aggregator={BETWEEN}")]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut items = read(&text);
    let of_kerberos = of_kerberos(&text);
    if !of_kerberos.is_empty() {
        let place = |frame: &str| of_kerberos.get(frame).cloned();
        kerberos::read(capture, &place, &mut |kind, place, value| {
            let value = (place.to_owned(), value);
            items.entry(kind).or_default().insert(value);
        });
    }
    items
}

/// The conversations of frames that have Kerberos in them, by number.
fn of_kerberos(text: &str) -> BTreeMap<&str, String> {
    let rows = text.lines().map(row);
    rows.filter(|row| {
        values(row, "frame.protocols")
            .iter()
            .any(|p| p.contains("kerberos") || p.contains("krb5"))
    })
    .filter_map(|row| Some((last(&row, "frame.number")?, conversation(&row)?)))
    .collect()
}

/// The fields of a frame, by name.
fn row(line: &str) -> BTreeMap<&str, &str> {
    FIELDS.into_iter().zip(line.split('\t')).collect()
}

/// Reads the fields that tshark printed, a line for each frame.
#[must_use]
pub fn read(text: &str) -> Items {
    let mut items = Items::new();
    for line in text.lines() {
        frame(&row(line), &mut items);
    }
    items
}

fn values<'a>(row: &BTreeMap<&str, &'a str>, field: &str) -> Vec<&'a str> {
    let text = row.get(field).copied().unwrap_or_default();
    text.split(BETWEEN)
        .filter(|value| !value.is_empty())
        .collect()
}

fn last<'a>(row: &BTreeMap<&str, &'a str>, field: &str) -> Option<&'a str> {
    values(row, field).pop()
}

/// The innermost conversation of a frame, as the truth names it.
fn conversation(row: &BTreeMap<&str, &str>) -> Option<String> {
    let layers = row.get("frame.protocols")?;
    let inner = |a: &str, b: &str| {
        let find = |layer: &str| {
            let mut at = None;
            for (index, name) in layers.split(':').enumerate() {
                if name == layer {
                    at = Some(index);
                }
            }
            at
        };
        find(a) > find(b)
    };
    let (protocol, from, to) = if inner("tcp", "udp") {
        ("tcp", "tcp.srcport", "tcp.dstport")
    } else {
        ("udp", "udp.srcport", "udp.dstport")
    };
    let (source, destination) = if inner("ipv6", "ip") {
        ("ipv6.src", "ipv6.dst")
    } else {
        ("ip.src", "ip.dst")
    };
    let end = |address, port| Some((last(row, address)?, last(row, port)?.parse::<u16>().ok()?));
    let mut ends = [end(source, from)?, end(destination, to)?];
    ends.sort_unstable();
    let [(a, a_port), (b, b_port)] = ends;
    Some(format!("{protocol} {a} {a_port} {b} {b_port}"))
}

fn frame(row: &BTreeMap<&str, &str>, items: &mut Items) {
    let Some(conversation) = conversation(row) else {
        return;
    };
    let mut add = |kind: &'static str, place: &str, value: &str| {
        let value = (place.to_owned(), value.to_owned());
        items.entry(kind).or_default().insert(value);
    };
    let place = conversation.as_str();
    if values(row, "tls.handshake.type").contains(&"2") {
        server_hello(row, place, &mut add);
    }
    for (command, parameter) in values(row, "smtp.req.command")
        .iter()
        .zip(values(row, "smtp.req.parameter"))
    {
        let kind = match command.to_uppercase().as_str() {
            "MAIL" => "SMTP sender",
            "RCPT" => "SMTP recipient",
            _ => continue,
        };
        if let Some(mailbox) = mailbox(parameter) {
            add(kind, place, mailbox);
        }
    }
    if let Some(client) = last(row, "dhcp.hw.mac_addr") {
        let yours = last(row, "dhcp.ip.your").unwrap_or("0.0.0.0");
        // An offer or what was agreed.
        let kind = last(row, "dhcp.option.dhcp");
        if matches!(kind, Some("2" | "5")) && yours != "0.0.0.0" {
            add("DHCP address", client, yours);
        }
        if let Some(name) = last(row, "dhcp.option.hostname") {
            add("DHCP host name", client, name);
        }
    }
    if let (Some(version), Some(mode), Some(stratum)) = (
        last(row, "ntp.flags.vn"),
        last(row, "ntp.flags.mode"),
        last(row, "ntp.stratum"),
    ) {
        add(KINDS[6], place, &format!("{version} {mode} {stratum}"));
    }
    let version = last(row, "snmp.version").or_else(|| last(row, "snmp.msgVersion"));
    if let Some(version) = version {
        let version = match version {
            "0" => "1",
            "1" => "2c",
            other => other,
        };
        add("SNMP version", place, version);
    }
    if let Some(community) = last(row, "snmp.community") {
        add("SNMP community", place, community);
    }
    for tree in values(row, "smb2.tree")
        .into_iter()
        .chain(values(row, "smb.path"))
    {
        add("SMB tree", place, &tree.to_lowercase());
    }
    // Names in listings of folders are files too: those that are opened are wanted.
    let commands = values(row, "smb2.cmd");
    let asked = !values(row, "smb2.flags.response")
        .iter()
        .any(|flag| *flag != "0");
    if asked && commands.contains(&"5") && !commands.contains(&"14") {
        for name in values(row, "smb2.filename") {
            add("SMB file", place, name);
        }
    }
    let creates = values(row, "smb.cmd")
        .iter()
        .any(|command| ["0xa2", "162"].contains(command));
    if let (true, Some(name)) = (creates, last(row, "smb.file")) {
        add("SMB file", place, name);
    }
    if let Some(method) = last(row, "sip.Method") {
        add("SIP method", place, method);
    }
    if let Some(status) = last(row, "sip.Status-Code") {
        add("SIP status", place, status);
    }
    if let Some(call) = last(row, "sip.Call-ID") {
        add("SIP call", place, call);
    }
    for command in values(row, "ftp.request.command") {
        let command = command.to_uppercase();
        if LOGGED.contains(&command.as_str()) {
            add("FTP command", place, &command);
        }
    }
    if let Some(cookie) = last(row, "rdp.rt_cookie") {
        let user = cookie.trim_start_matches("Cookie: mstshash=");
        add("RDP cookie", place, user);
    }
}

/// Commands of FTP that have records, as in Zeek.
const LOGGED: [&str; 10] = [
    "APPE", "DELE", "RETR", "STOR", "STOU", "ACCT", "PORT", "EPRT", "PASV", "EPSV",
];

/// The address between angle brackets, or the word behind the colon.
fn mailbox(parameter: &str) -> Option<&str> {
    let (_, path) = parameter.split_once(':')?;
    let path = path.trim();
    match path.strip_prefix('<') {
        Some(path) => path.split('>').next(),
        None => path.split(' ').next(),
    }
}

fn server_hello(
    row: &BTreeMap<&str, &str>,
    place: &str,
    add: &mut impl FnMut(&'static str, &str, &str),
) {
    let types = values(row, "tls.handshake.type");
    // Where both hellos are in one frame the fields of the two cannot be told apart.
    if types.contains(&"1") {
        return;
    }
    let of_hello = last(row, "tls.handshake.version");
    let version = match last(row, "tls.handshake.extensions.supported_version").or(of_hello) {
        Some("0x0002" | "0x02") => "SSLv2",
        Some("0x0300") => "SSLv3",
        Some("0x0301") => "TLSv10",
        Some("0x0302") => "TLSv11",
        Some("0x0303") => "TLSv12",
        Some("0x0304") => "TLSv13",
        Some("0xfeff") => "DTLSv10",
        Some("0xfefd") => "DTLSv12",
        Some("0xfefc") => "DTLSv13",
        other => other.unwrap_or_default(),
    };
    let unknown = version
        .strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .map(|number| format!("unknown-{number}"));
    add("TLS version", place, unknown.as_deref().unwrap_or(version));
    if let Some(cipher) = last(row, "tls.handshake.ciphersuite") {
        add("TLS cipher", place, cipher_name(cipher));
    }
}

/// A cipher suite's name by its number, from tshark's own table.
fn cipher_name(number: &str) -> &str {
    static NAMES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let output = Command::new("tshark").args(["-G", "values"]).output();
        let text = output.expect("tshark").stdout;
        String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let columns: Vec<&str> = line.split('\t').collect();
                let [_, "tls.handshake.ciphersuite", number, name] = columns[..] else {
                    return None;
                };
                let number: u32 = number.parse().ok()?;
                Some((format!("0x{number:04x}"), name.to_owned()))
            })
            .collect()
    });
    names.get(number).map_or(number, String::as_str)
}

/// The same of ours. Checksums are not verified, as tshark does not.
#[must_use]
pub fn ours(capture: &Path) -> Items {
    let run = Run::file(capture).arg("--no-checksums");
    from_records(&run.output().records())
}

/// The items among the records of one capture.
#[must_use]
pub fn from_records(lines: &[Line]) -> Items {
    let tuples: BTreeMap<&str, String> = lines
        .iter()
        .filter(|line| line.path() == "conn")
        .filter_map(|line| Some((line.text("uid")?, tuple(line)?)))
        .collect();
    let mut items = Items::new();
    for line in lines {
        let Some(place) = line.text("uid").and_then(|uid| tuples.get(uid)) else {
            // A record of DHCP names several conversations.
            if line.path() == "dhcp" {
                dhcp(line, &mut items);
            }
            continue;
        };
        let mut add = |kind: &'static str, value: &str| {
            let value = (place.clone(), value.to_owned());
            items.entry(kind).or_default().insert(value);
        };
        let mut one = |kind: &'static str, field: &str| {
            if let Some(value) = line.text(field) {
                add(kind, value);
            }
        };
        match line.path() {
            "ssl" => {
                one("TLS version", "version");
                one("TLS cipher", "cipher");
            }
            "smtp" => {
                one("SMTP sender", "mailfrom");
                for recipient in texts(line, "rcptto") {
                    add("SMTP recipient", recipient);
                }
            }
            "ntp" => {
                let value = format!(
                    "{} {} {}",
                    line.count("version"),
                    line.count("mode"),
                    line.count("stratum")
                );
                add(KINDS[6], &value);
            }
            "snmp" => {
                one("SNMP version", "version");
                one("SNMP community", "community");
            }
            "smb_mapping" => {
                if let Some(path) = line.text("path") {
                    add("SMB tree", &path.to_lowercase());
                }
            }
            "smb_files" => one("SMB file", "name"),
            "sip" => {
                one("SIP method", "method");
                one("SIP call", "call_id");
                if line.has("status_code") {
                    add("SIP status", &line.count("status_code").to_string());
                }
            }
            "ftp" => one("FTP command", "command"),
            "rdp" => one("RDP cookie", "cookie"),
            "kerberos" => {
                let fields = ["request_type", "client", "service", "", "cipher"];
                for (kind, field) in kerberos::KINDS.into_iter().zip(fields) {
                    one(kind, field);
                }
                if line.has("error_code") {
                    add(kerberos::KINDS[3], &line.count("error_code").to_string());
                }
            }
            _ => {}
        }
    }
    items
}

fn texts<'a>(line: &'a Line, field: &str) -> impl Iterator<Item = &'a str> {
    let items = line.0.get(field).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str)
}

fn dhcp(line: &Line, items: &mut Items) {
    let Some(client) = line.text("mac") else {
        return;
    };
    for (kind, field) in [
        ("DHCP address", "assigned_addr"),
        ("DHCP host name", "host_name"),
    ] {
        if let Some(value) = line.text(field) {
            let value = (client.to_owned(), value.to_owned());
            items.entry(kind).or_default().insert(value);
        }
    }
}

/// What is known of a kind's differences: which side has it alone (`tshark` or `here`), where, what its value contains, and the reason.
#[derive(Clone, Debug)]
struct Known {
    kind: &'static str,
    side: &'static str,
    capture: &'static str,
    value: &'static str,
    reason: &'static str,
}

fn known() -> Vec<Known> {
    table(include_str!("../data/tshark-differences.tsv"), 5)
        .into_iter()
        .map(|columns| Known {
            kind: columns[0],
            side: columns[1],
            capture: columns[2],
            value: columns[3],
            reason: columns[4],
        })
        .collect()
}

/// How one kind compares.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Of tshark's items: found here.
    pub found: Ratio,
    /// Of ours: tshark's too.
    pub confirmed: Ratio,
    /// Of what one side has alone: explained.
    pub explained: u64,
}

/// All kinds, over the captures.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// By kind.
    pub sums: BTreeMap<&'static str, Sum>,
    /// Reasons, with the items that each explains.
    pub reasons: BTreeMap<(&'static str, &'static str), u64>,
    /// Differences without a reason.
    pub faults: Vec<String>,
}

/// The captures that have what is compared: tshark takes too long to start to be asked of all.
#[must_use]
pub fn captures(corpus: &Corpus) -> Vec<Capture> {
    corpus.select(include_str!("../data/tshark-captures.txt"))
}

/// Compares the captures.
#[must_use]
pub fn compare(corpus: &Corpus, captures: &[Capture]) -> Agreement {
    let pairs = parallel::map(captures, |capture| {
        let path = corpus.path(capture);
        (theirs(&path), ours(&path))
    });
    let mut agreement = Agreement::default();
    for (capture, (theirs, ours)) in captures.iter().zip(&pairs) {
        agreement.add(capture, theirs, ours);
    }
    agreement
}

/// Whether the other side has an item in another form.
fn form(kind: &str, item: &(String, String), other: &BTreeSet<(String, String)>) -> bool {
    match kind {
        // Names in the form of bytes.
        "SNMP community" | "DHCP host name" => other.iter().any(|(place, value)| {
            place == &item.0 && percent::unescaped(value) == percent::unescaped(&item.1)
        }),
        _ => false,
    }
}

impl Agreement {
    /// Adds one capture's items, tshark's and ours.
    pub fn add(&mut self, capture: &Capture, theirs: &Items, ours: &Items) {
        let (known, none) = (known(), BTreeSet::new());
        for kind in KINDS {
            let theirs = theirs.get(kind).unwrap_or(&none);
            let ours = ours.get(kind).unwrap_or(&none);
            let sum = self.sums.entry(kind).or_default();
            let sides = [
                ("tshark", theirs, ours, &mut sum.found),
                ("here", ours, theirs, &mut sum.confirmed),
            ];
            for (side, mine, other, ratio) in sides {
                for item in mine {
                    let same = other.contains(item) || form(kind, item, other);
                    ratio.add(same);
                    if same {
                        continue;
                    }
                    let reason = known.iter().find(|known| {
                        known.kind == kind
                            && known.side == side
                            && (known.capture == "*" || capture.id().ends_with(known.capture))
                            && (known.value == "*" || item.1.contains(known.value))
                    });
                    match reason {
                        Some(known) => {
                            sum.explained += 1;
                            let reason = (kind, known.reason);
                            *self.reasons.entry(reason).or_default() += 1;
                        }
                        None => self.faults.push(format!(
                            "{kind}\t{side}\t{}\t{}\t{:?}",
                            capture.id(),
                            item.0,
                            item.1
                        )),
                    }
                }
            }
        }
    }

    /// The tables in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| tshark's fields | there | here too | | here | there too | | explained |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        let percent = |ratio: Ratio| {
            ratio
                .share()
                .map_or_else(|| "–".to_owned(), |share| format!("{:.2} %", 100.0 * share))
        };
        for kind in KINDS {
            let Some(sum) = self.sums.get(kind) else {
                continue;
            };
            let _ = writeln!(
                text,
                "| {kind} | {} | {} | {} | {} | {} | {} | {} |",
                sum.found.of,
                sum.found.hit,
                percent(sum.found),
                sum.confirmed.of,
                sum.confirmed.hit,
                percent(sum.confirmed),
                sum.explained
            );
        }
        text.push_str("\n| tshark's fields | items | why they differ |\n| --- | ---: | --- |\n");
        for ((kind, reason), count) in &self.reasons {
            let _ = writeln!(text, "| {kind} | {count} | {reason} |");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_what_brackets_hold() {
        assert_eq!(mailbox("FROM:<a@b> SIZE=1"), Some("a@b"));
        assert_eq!(mailbox("FROM: a@b"), Some("a@b"));
        assert_eq!(mailbox("FROM:<>"), Some(""));
        assert_eq!(mailbox("TO"), None);
    }

    #[test]
    fn the_innermost_conversation_counts() {
        let row: BTreeMap<&str, &str> = [
            ("frame.protocols", "eth:ip:udp:vxlan:eth:ip:tcp:smtp"),
            ("ip.src", "1.1.1.1\u{1}10.0.0.2"),
            ("ip.dst", "2.2.2.2\u{1}10.0.0.1"),
            ("udp.srcport", "1"),
            ("udp.dstport", "4789"),
            ("tcp.srcport", "40"),
            ("tcp.dstport", "25"),
        ]
        .into();
        let conversation = conversation(&row);
        assert_eq!(conversation.as_deref(), Some("tcp 10.0.0.1 25 10.0.0.2 40"));
    }
}
