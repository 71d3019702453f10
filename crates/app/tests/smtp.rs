//! SMTP in real captures, against Zeek's rows and Suricata's expectations.

mod common;
mod rows;

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let also = |field: &str, _: &str, _: &str| field == "fuids";
    // In http-connect the mail is behind a proxy's CONNECT.
    let without = ["http-connect"];
    assert_eq!(rows::compare_tests(&corpus, "smtp", &without, &[], also), 6);
}
