//! SMTP in real captures, against Zeek's rows and Suricata's expectations.

mod common;
mod rows;

/// How many identifiers of files there are in a list.
fn fuids(list: &str) -> usize {
    list.split(',').filter(|item| item.starts_with('F')).count()
}

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // Identifiers are each program's own: their number is not.
    let also =
        |field: &str, ours: &str, theirs: &str| field == "fuids" && fuids(ours) == fuids(theirs);
    // In http-connect the mail is behind a proxy's CONNECT.
    let without = ["http-connect"];
    assert_eq!(rows::compare_tests(&corpus, "smtp", &without, &[], also), 6);
}
