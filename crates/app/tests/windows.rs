//! What Windows' protocols say in public captures, against Zeek's own rows: every row is ours too, field by field, and nothing more.

use std::collections::BTreeMap;

use portreeve_app::Hashes;
use portreeve_record::Record;
use serde_json::Value;

mod common;

/// Captures, the log, the fields that are compared, and how many rows Zeek has.
const TRUTH: &[(&str, &str, &[&str], usize)] = &[
    (
        "scripts.base.protocols.smb.smb2-create-delete-on-close",
        "smb_files",
        &["action", "path", "name", "size", "prev_name"],
        8,
    ),
    (
        "scripts.base.protocols.smb.smb3",
        "smb_mapping",
        &["path", "service", "native_file_system", "share_type"],
        2,
    ),
    ("scripts.base.protocols.krb.kinit", "kerberos", KERBEROS, 85),
    (
        "scripts.base.protocols.krb.smb_gssapi",
        "kerberos",
        KERBEROS,
        1,
    ),
    (
        "scripts.base.protocols.rdp.rdp-to-ssl",
        "rdp",
        &["cookie", "result", "security_protocol", "cert_count"],
        2,
    ),
    (
        "scripts.base.protocols.ldap.sasl-scram-sha-512",
        "ldap",
        LDAP,
        3,
    ),
    (
        "scripts.base.protocols.ldap.sasl-srp-who-am-i",
        "ldap",
        LDAP,
        2,
    ),
    (
        "scripts.base.protocols.ldap.sasl-scram-sha-512",
        "ldap_search",
        &[
            "message_id",
            "scope",
            "deref_aliases",
            "base_object",
            "result_count",
            "result",
            "filter",
        ],
        1,
    ),
    (
        "scripts.base.protocols.ldap.search_filter_extended",
        "ldap_search",
        &["filter", "base_object"],
        1,
    ),
];
const KERBEROS: &[&str] = &[
    "request_type",
    "client",
    "service",
    "success",
    "error_msg",
    "from",
    "till",
    "cipher",
    "forwardable",
    "renewable",
];
const LDAP: &[&str] = &[
    "message_id",
    "version",
    "opcode",
    "result",
    "diagnostic_message",
    "object",
    "argument",
];

/// A value as Zeek's tables write it.
fn written(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Bool(value)) => if *value { "T" } else { "F" }.to_owned(),
        Some(Value::String(text)) => text.clone(),
        // Moments, here always whole seconds.
        Some(Value::Number(number)) => match number.as_f64() {
            Some(moment) if number.is_f64() => format!("{moment:.6}"),
            _ => number.to_string(),
        },
        Some(other) => other.to_string(),
    }
}

fn rows(rows: impl Iterator<Item = Value>, fields: &[&str]) -> BTreeMap<Vec<String>, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let values = fields.iter().map(|field| {
            let text = written(row.get(field)).replace(r"\\", r"\");
            text.strip_suffix(".000000").map(Into::into).unwrap_or(text)
        });
        *counts.entry(values.collect()).or_default() += 1;
    }
    counts
}

#[test]
fn zeeks_rows_are_ours() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = std::fs::read_to_string(corpus.join("zeek/expected.jsonl")).unwrap();
    let tests: Vec<Value> = expected
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (test, log, fields, count) in TRUTH {
        let test = tests.iter().find(|t| t["test"] == *test).unwrap();
        let zeek = test["logs"][format!("{log}.log")]["rows"]
            .as_array()
            .unwrap();
        assert_eq!(zeek.len(), *count, "{log}");
        let trace = test["traces"][0].as_str().unwrap();
        let records = common::records_of(&corpus.join(trace.replacen("zeek/", "zeek/pcap/", 1)));
        let lines = common::json_lines(&records);
        let ours = lines
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
            .filter(|row| row["_path"] == *log)
            .map(|mut row| {
                // One backslash in JSON is one in the text: doubled, as in Zeek's tables.
                for value in row
                    .as_object_mut()
                    .into_iter()
                    .flat_map(|row| row.values_mut())
                {
                    if let Value::String(text) = value {
                        *text = text.replace('\\', r"\\");
                    }
                }
                row
            });
        assert_eq!(
            rows(ours, fields),
            rows(zeek.iter().cloned(), fields),
            "{test} {log}",
            test = test["test"]
        );
    }
}

#[test]
fn calls_and_authentications_are_seen() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let count = |capture: &str, wanted: &str| {
        let lines = common::json_lines(&common::records_of(&corpus.join(capture)));
        String::from_utf8_lossy(&lines).matches(wanted).count()
    };
    let pipe = "suricata-verify/pcap/tests__smb-dce_iface__input.pcap";
    assert_eq!(count(pipe, r#""operation":"RpcEnumPrinterDrivers""#), 2);
    assert_eq!(count(pipe, r#""username":"robin""#), 1);
    let tcp = "suricata-verify/pcap/tests__dcerpc__zerologon__input.pcap";
    // Suricata's test of this capture expects as many attempts.
    assert_eq!(count(tcp, r#""operation":"NetrServerAuthenticate3""#), 21);
    // Tickets that are shown in frames, and as bare messages: services as tshark shows them.
    for (capture, service) in [
        (
            "zeek/pcap/krb__smb2_krb.pcap",
            "cifs/phxlabbal821.techlab.susq.com",
        ),
        ("zeek/pcap/ldap__aduser1.pcap", "ldap/WIN-VGO56I95EAK"),
        (
            "suricata-verify/pcap/tests__dcerpc__dce-gap-handling__input.pcap",
            "host/w2k8-211.w2k8-l3.vmnet9.vm.base",
        ),
        (
            "suricata-verify/pcap/tests__smb-length-5786__input.pcap",
            "cifs/localhost",
        ),
        (
            "trex/pcap/scripts__avl__exchange.pcap",
            "exchangeMDB/SPCSJCEXC01.AD.SPIRENTCOM.COM",
        ),
    ] {
        let records = common::records_with(&corpus.join(capture), Hashes::default(), false);
        let lines = common::json_lines(&records);
        let shown = lines
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
            .filter(|row| row["request_type"] == "AP" && row["service"] == service);
        assert_eq!(shown.count(), 1, "{capture}");
    }
}

#[test]
fn datagrams_have_their_names() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let named = |capture: &str, service: &str| {
        let records = common::records_with(&corpus.join(capture), Hashes::default(), false);
        let conns = records.iter().filter_map(|record| match record {
            Record::Conn(conn) => Some(conn),
            _ => None,
        });
        conns.filter(|conn| conn.service == Some(service)).count()
    };
    // All of its packets have one IP identification, so that those behind the first are taken for copies: its calls are not told.
    let made = "suricata-verify/pcap/tests__dcerpc__dcerpc-udp-scapy__input.pcap";
    assert_eq!(named(made, "dce_rpc"), 1);
    for capture in [
        "ndpi/pcap/default__pcap__telegram.pcap",
        "ndpi/pcap/default__pcap__tor.pcap",
        "zeek/pcap/tunnels__Teredo.pcap",
    ] {
        assert_eq!(named(capture, "netbios-dgm"), 1, "{capture}");
    }
}
