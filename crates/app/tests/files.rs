//! Files in real captures, against Zeek's rows.

mod common;
mod rows;

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    for name in [
        "http__concurrent-range-requests.pcap",
        "smb__smb2readwrite.pcap",
        "smtp-attachment-msg.pcap",
        "smtp__rfc3030-bdat-multipart.pcap",
        "http__multipart.pcap",
    ] {
        for row in rows::ours(&corpus.join("zeek/pcap").join(name), "files") {
            eprintln!("{name} {row:?}");
        }
    }
}
