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

/// What tshark shows of who says what: User-Agent, Server and the identifications of SSH.
#[test]
fn programs_that_give_themselves_away_are_told_once() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/var-services-std-ports.pcap");
    let output = run(&capture, &["facts.software=all"]);
    let fields = [
        "host",
        "host_p",
        "software_type",
        "name",
        "version.major",
        "version.minor",
        "version.addl",
    ];
    let expected = [
        "172.16.238.1 - HTTP::BROWSER Chrome 12 0 -",
        "172.16.238.1 - SSH::CLIENT OpenSSH 5 2 -",
        "172.16.238.131 - HTTP::BROWSER Firefox 5 0 -",
        "172.16.238.131 22 SSH::SERVER OpenSSH 5 8 p1",
        "172.16.238.131 80 HTTP::SERVER Apache 2 2 Ubuntu",
        "172.16.238.131 - SSH::CLIENT OpenSSH 5 8 p1",
        "141.142.192.39 22 SSH::SERVER OpenSSH 4 3 -",
        "74.125.225.81 80 HTTP::SERVER gws - - -",
        "74.125.225.81 80 HTTP::SERVER Golfe - - -",
    ];
    let expected: BTreeSet<String> = expected.map(str::to_owned).into();
    let rows = rows(&output, "software", &fields);
    let rows: BTreeSet<String> = rows.iter().map(|row| row.join(" ")).collect();
    // One host has the same program as a server and a client: it is told of once, as whichever was heard first.
    let missing: Vec<_> = expected.difference(&rows).collect();
    assert_eq!(missing, ["172.16.238.131 - SSH::CLIENT OpenSSH 5 8 p1"]);
    assert!(rows.is_subset(&expected), "{rows:#?}");
    // Greetings of a database come from its session, and are told or taken in, never written as they were heard.
    let capture = corpus.root().join("zeek/pcap/mysql__mysql.pcap");
    for (settings, told) in [
        (&["facts.software=local"][..], 1),
        (&["facts.software=none"], 0),
    ] {
        let output = run(&capture, settings);
        let all = output.records();
        let of_log = all.iter().filter(|line| line.path() == "software");
        assert_eq!(of_log.count(), told, "{settings:?}");
    }
}

/// What tshark shows of who asked for which name, and got which addresses.
#[test]
fn flows_get_the_names_that_were_looked_up() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/wikipedia.pcap");
    let output = run(&capture, &["facts.names=true"]);
    let named = rows(&output, "conn", &["id.resp_h", "resp_name"]);
    let named: Vec<_> = named.into_iter().filter(|row| row[1] != "-").collect();
    assert_eq!(
        named,
        [
            ["208.80.152.2", "meta.wikimedia.org"],
            ["208.80.152.3", "upload.wikimedia.org"]
        ]
    );
    let without = run(&capture, &[]);
    assert!(
        without
            .records()
            .iter()
            .all(|line| !line.has("resp_name") && !line.has("orig_name"))
    );
}

/// The messages as tshark shows them, by identifier.
#[test]
fn dhcp_transactions_are_one_record_whichever_flows_they_travel_in() {
    let Some(corpus) = Corpus::find() else { return };
    for (capture, expected) in [
        (
            "mercury/pcap/smb.pcap",
            &[("3223942334", "DISCOVER,OFFER,REQUEST,ACK")][..],
        ),
        (
            "tcpdump/pcap/tests__dhcp-rfc3004.pcap",
            &[("115550308", "DISCOVER,OFFER,REQUEST,ACK")],
        ),
        (
            "suricata-verify/pcap/tests__bug-2158__public-ex1_section8_Sofacy.pcap",
            &[
                ("1887492020", "REQUEST,ACK"),
                ("3058549032", "DISCOVER,OFFER,REQUEST,ACK"),
            ],
        ),
    ] {
        let output = run(&corpus.root().join(capture), &["facts.names=true"]);
        let rows: Vec<Vec<String>> = rows(&output, "dhcp", &["trans_id", "msg_types"])
            .into_iter()
            .collect();
        let rows: Vec<(&str, &str)> = rows
            .iter()
            .map(|row| (row[0].as_str(), row[1].as_str()))
            .collect();
        assert_eq!(rows, expected, "{capture}");
    }
    // One of them told a name, and the address is the other flow's word.
    let sofacy = "suricata-verify/pcap/tests__bug-2158__public-ex1_section8_Sofacy.pcap";
    let output = run(&corpus.root().join(sofacy), &["facts.names=true"]);
    let named = rows(&output, "conn", &["id.orig_h", "orig_name"]);
    assert!(
        named.contains(&vec![
            "192.168.35.10".to_owned(),
            "public-ea8367e7".to_owned()
        ]),
        "{named:?}"
    );
}

#[test]
fn certificates_are_written_once_a_day_as_zeek_does() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/tls__google-cert-repeat.pcap");
    let fields = ["fingerprint", "host_cert", "client_cert"];
    let count = |output: &Output| {
        let records = output.records();
        records.iter().filter(|line| line.path() == "x509").count()
    };
    let output = run(&capture, &[]);
    let file = "scripts.base.files.x509.disable-certificate-events-known-certs/x509.log";
    let zeeks = expected(&corpus, file, &fields);
    assert_eq!(rows(&output, "x509", &fields), zeeks);
    assert_eq!(count(&output), zeeks.len());
    let each = run(&capture, &["facts.certificates_again=0s"]);
    assert_eq!(rows(&each, "x509", &fields), zeeks);
    assert_eq!(count(&each), 24);
    // Some of these clients named no server: its certificate did.
    let unnamed = rows(&output, "ssl", &["server_name"]);
    assert!(unnamed.contains(&vec!["-".to_owned()]), "{unnamed:?}");
    assert_eq!(
        rows(&output, "conn", &["app"]),
        [vec!["Google".to_owned()]].into()
    );
}

#[test]
fn several_workers_find_the_same_hosts_and_services() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/var-services-std-ports.pcap");
    let of = |workers: &str| {
        let run = Run::file(&capture)
            .args(["--workers", workers])
            .args(["--set", "facts.known_services=all"])
            .args(["--set", "facts.known_hosts=all"]);
        let output = run.output();
        (
            rows(&output, "known_hosts", &["host"]),
            rows(
                &output,
                "known_services",
                &["host", "port_num", "port_proto", "service"],
            ),
        )
    };
    assert_eq!(of("1"), of("3"));
}

/// Connections for data are named after FTP by what the commands agreed on, whatever their ports.
#[test]
fn connections_for_data_are_zeeks() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/ftp__ipv4.pcap");
    let fields = [
        "id.orig_h",
        "id.orig_p",
        "id.resp_h",
        "id.resp_p",
        "service",
    ];
    let log = "scripts.base.protocols.ftp.ftp-ipv4/conn.log";
    let expected = expected(&corpus, log, &fields);
    let of_data = expected.iter().filter(|row| row[4] == "ftp-data");
    assert_eq!(of_data.count(), 4);
    let output = run(&capture, &[]);
    assert_eq!(rows(&output, "conn", &fields), expected);
}

/// A transfer tells the file that it moved, as Zeek's does: its type, and what `files` calls it.
#[test]
fn transfers_of_ftp_tell_their_files() {
    let Some(corpus) = Corpus::find() else { return };
    let capture = corpus.root().join("zeek/pcap/ftp__ipv4.pcap");
    let fields = ["id.orig_p", "command", "arg", "mime_type"];
    let log = "scripts.base.protocols.ftp.ftp-ipv4/ftp.log";
    let output = run(&capture, &[]);
    assert_eq!(
        rows(&output, "ftp", &fields),
        expected(&corpus, log, &fields)
    );
    let files = rows(&output, "files", &["fuid", "mime_type"]);
    let moved = rows(&output, "ftp", &["command", "fuid", "mime_type"]);
    let moved: Vec<_> = moved.iter().filter(|row| row[0] == "RETR").collect();
    assert_eq!(moved.len(), 2);
    assert!(
        moved.iter().all(|row| files.contains(&row[1..])),
        "{moved:?}"
    );
}

/// Commands and data are at workers of their own: whichever record is there first, the files and the names of connections are the same.
#[test]
fn transfers_of_ftp_do_not_depend_on_the_number_of_workers() {
    let Some(corpus) = Corpus::find() else { return };
    let fields = ["uid", "fuid", "source", "seen_bytes", "mime_type"];
    for (capture, files) in [
        ("zeek/pcap/ftp__ipv4.pcap", 4),
        (
            "suricata-verify/pcap/tests__firewall__ruletype-firewall-117-ftp-all-data-ipv6__input.pcap",
            14,
        ),
    ] {
        let capture = corpus.root().join(capture);
        let of = |workers: &str| {
            let output = Run::file(&capture).args(["--workers", workers]).output();
            let faults = output.ledger().faults();
            assert!(faults.is_empty(), "{faults:?}");
            (
                rows(&output, "files", &fields),
                rows(&output, "conn", &["uid", "service"]),
                rows(&output, "ftp", &["uid", "ts", "command", "fuid"]),
            )
        };
        let one = of("1");
        assert_eq!(one.0.len(), files);
        assert!(one.0.iter().all(|row| row[2] == "FTP_DATA"));
        let of_data = one.1.iter().filter(|row| row[1] == "ftp-data");
        assert_eq!(of_data.count(), files);
        for workers in ["2", "3", "5"] {
            assert_eq!(one, of(workers), "{workers} workers");
        }
    }
}
