//! Facts that span conversations, from the whole program.

use std::collections::BTreeSet;
use std::path::Path;

use portreeve_tests::binary::{Output, Run};
use portreeve_tests::corpus::Corpus;
use portreeve_tests::zeek;

fn run(path: &Path, settings: &[&str]) -> Output {
    let mut run = Run::file(path);
    for setting in settings {
        run = run.arg("--set").arg(setting);
    }
    let output = run.output();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    let faults = output.ledger().faults();
    assert!(faults.is_empty(), "{faults:?}\n{}", output.stderr);
    output
}

/// The values of `fields` in the records of a log, as Zeek writes them.
fn rows(output: &Output, log: &str, fields: &[&str]) -> BTreeSet<Vec<String>> {
    let records = output.records();
    let of_log = records.iter().filter(|line| line.path() == log);
    of_log
        .map(|line| fields.iter().map(|field| line.zeek(field)).collect())
        .collect()
}

fn expected(corpus: &Corpus, file: &str, fields: &[&str]) -> BTreeSet<Vec<String>> {
    zeek::read(&corpus.root().join("zeek/expected").join(file))
        .iter()
        .map(|row| fields.iter().map(|field| row[*field].clone()).collect())
        .collect()
}

#[test]
fn known_hosts_are_zeeks() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/wikipedia.pcap");
    for whose in ["all", "local", "remote"] {
        let output = run(
            &capture,
            &[
                "local_nets=141.142.0.0/16",
                &format!("facts.known_hosts={whose}"),
            ],
        );
        let file = format!("scripts.policy.protocols.conn.known-hosts/knownhosts-{whose}.log");
        assert_eq!(
            rows(&output, "known_hosts", &["host"]),
            expected(&corpus, &file, &["host"]),
            "{whose}"
        );
    }
    let none = run(&capture, &["facts.known_hosts=none"]);
    assert!(rows(&none, "known_hosts", &["host"]).is_empty());
}

#[test]
fn known_services_are_zeeks() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/var-services-std-ports.pcap");
    let fields = ["host", "port_num", "port_proto", "service"];
    for whose in ["all", "local", "remote"] {
        let output = run(
            &capture,
            &[
                "local_nets=172.16.0.0/16",
                &format!("facts.known_services={whose}"),
            ],
        );
        let file =
            format!("scripts.policy.protocols.conn.known-services/knownservices-{whose}.log");
        assert_eq!(
            rows(&output, "known_services", &fields),
            expected(&corpus, &file, &fields),
            "{whose}"
        );
    }
}
