//! The examples for subscribers, run on public captures; what they print against what tshark says of the same packets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A capture of the corpus, or a loud word that there is none.
fn capture(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("PORTREEVE_CORPUS") else {
        eprintln!("PORTREEVE_CORPUS is not set: the examples are NOT tested");
        return None;
    };
    Some(Path::new(&folder).join("zeek/pcap").join(name))
}

fn lines(command: &mut Command) -> Vec<String> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

/// What an example prints. Cargo has built it beside this test.
fn example(name: &str, capture: &Path) -> Vec<String> {
    let folder = std::env::current_exe().unwrap();
    let folder = folder.ancestors().nth(2).unwrap().join("examples");
    lines(Command::new(folder.join(name)).arg(capture))
}

/// Fields of the packets that a display filter lets through, by tshark.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture);
    command.args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    lines(&mut command)
}

#[test]
fn packets_are_seen_one_by_one() {
    let Some(capture) = capture("http__cooper-grill-dvwa.pcapng") else {
        return;
    };
    let mut expected: BTreeMap<(u8, u32), u64> = BTreeMap::new();
    for line in tshark(&capture, "ip && !ipv6", &["ip.proto", "ip.len"]) {
        let (protocol, length) = line.split_once('\t').unwrap();
        let length: u32 = length.parse().unwrap();
        let key = (protocol.parse().unwrap(), 1 << length.ilog2());
        *expected.entry(key).or_default() += 1;
    }
    let seen = example("packet_sizes", &capture);
    let seen: BTreeMap<(u8, u32), u64> = seen.iter().skip(1).map(|line| numbers(line)).collect();
    assert!(expected.values().sum::<u64>() > 20);
    assert_eq!(seen, expected);
}

fn numbers(line: &str) -> ((u8, u32), u64) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let key = (words[0].parse().unwrap(), words[1].parse().unwrap());
    (key, words[2].parse().unwrap())
}

#[test]
fn streams_give_the_first_line_of_each_side() {
    let Some(capture) = capture("http__cooper-grill-dvwa.pcapng") else {
        return;
    };
    let fields = [
        "tcp.stream",
        "http.request.method",
        "http.request.uri",
        "http.request.version",
    ];
    let mut first: BTreeMap<u32, String> = BTreeMap::new();
    for line in tshark(&capture, "http.request", &fields) {
        let (stream, request) = line.split_once('\t').unwrap();
        let request = request.replace('\t', " ");
        first.entry(stream.parse().unwrap()).or_insert(request);
    }
    let printed = example("first_lines", &capture);
    let mut seen: Vec<&str> = printed
        .iter()
        .filter_map(|line| line.split_once("  client: "))
        .map(|(_, said)| said)
        .collect();
    let mut expected: Vec<&str> = first.values().map(String::as_str).collect();
    seen.sort_unstable();
    expected.sort_unstable();
    assert!(!expected.is_empty());
    assert_eq!(seen, expected);
    let answers = printed
        .iter()
        .filter(|line| line.contains("  server: HTTP/1.1 "));
    assert_eq!(answers.count(), expected.len());
}

#[test]
fn records_give_names_and_bytes() {
    let Some(capture) = capture("tls__google-cert-repeat.pcap") else {
        return;
    };
    let hello = "tls.handshake.extensions_server_name";
    let named = tshark(&capture, hello, &["tcp.stream", hello]);
    let named: Vec<(&str, &str)> = named
        .iter()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let names: BTreeSet<String> = named.iter().map(|(_, name)| (*name).to_owned()).collect();
    let streams: BTreeSet<&str> = named.iter().map(|(stream, _)| *stream).collect();
    // Not all of its conversations name their server.
    let bytes: u64 = tshark(&capture, "tcp", &["tcp.stream", "ip.len"])
        .iter()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(stream, _)| streams.contains(stream))
        .map(|(_, length)| length.parse::<u64>().unwrap())
        .sum();
    let printed = example("names", &capture);
    let seen: Vec<(u64, &str)> = printed
        .iter()
        .filter_map(|line| line.trim_start().split_once("  "))
        .map(|(bytes, name)| (bytes.parse().unwrap(), name))
        .collect();
    let seen_names: BTreeSet<String> = seen.iter().map(|(_, name)| (*name).to_owned()).collect();
    assert!(!names.is_empty());
    assert_eq!(seen_names, names);
    assert_eq!(seen.iter().map(|(bytes, _)| bytes).sum::<u64>(), bytes);
}
