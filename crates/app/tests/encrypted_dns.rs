//! DNS in TLS, QUIC and HTTPS: what `conn` says of it.

mod common;
mod rows;

#[test]
fn conn_names_what_carries_dns() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // What nDPI and Zeek say of these: DoH_DoT for the first two, doq for the last.
    let captures = [
        ("ndpi/pcap/default__pcap__dns_dot.pcap", "DNS over TLS"),
        (
            "ndpi/pcap/default__pcap__quic_frags_ch_out_of_order_same_packet_craziness.pcapng",
            "DNS over HTTPS",
        ),
        ("zeek/pcap/quic__quicdoq.pcap", "DNS over QUIC"),
    ];
    for (capture, name) in captures {
        let ours = rows::ours(&corpus.join(capture), "conn");
        let named = ours
            .iter()
            .filter(|row| row.get("app").is_some_and(|app| app == name));
        assert!(named.count() > 0, "{capture}: {ours:#?}");
    }
}
