//! Tunnels in real captures, against Zeek's rows.

mod common;
mod rows;

use std::path::Path;

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // AYIYA is not decoded; the second is below; in the third Zeek was told to look less deep.
    let without = [
        "ayiya-large-identity",
        "gtp.inner_teredo",
        "max-depth-exceeded",
    ];
    let none = |_: &str, _: &str, _: &str| false;
    assert_eq!(
        rows::compare_tests(&corpus, "tunnel", &without, &[], none),
        25
    );
}

/// Kind, responder and action of each row.
fn told(capture: &Path) -> Vec<(String, String, String)> {
    let rows = rows::ours(capture, "tunnel");
    let text = |row: &serde_json::Map<_, _>, field: &str| {
        let value: &serde_json::Value = &row[field];
        let text = value.as_str().unwrap_or_default();
        text.trim_start_matches("Tunnel::").to_owned()
    };
    rows.iter()
        .map(|row| {
            (
                text(row, "tunnel_type"),
                text(row, "id.resp_h"),
                text(row, "action"),
            )
        })
        .collect()
}

#[test]
fn where_zeek_tells_something_else() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let row = |kind: &str, to: &str, action: &str| (kind.into(), to.into(), action.into());
    let pcap = |name: &str| corpus.join("zeek/pcap").join(name);
    // Zeek wants to see both sides of Teredo before it believes it: here most have one.
    let mut gtp = told(&pcap("tunnels__gtp__gtp8_teredo.pcap"));
    gtp.retain(|(kind, _, _)| kind == "GTPv1");
    assert_eq!(gtp.len(), 12);
    assert_eq!(
        told(&pcap("socks-auth-10080.pcap")).first(),
        Some(&row("SOCKS", "192.168.0.1", "DISCOVER"))
    );
}
