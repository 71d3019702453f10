//! FTP in real captures, against Zeek's rows.

mod common;
mod rows;

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let also = |field: &str, _: &str, _: &str| ["fuid", "mime_type"].contains(&field);
    // These tests set other limits, or log another command.
    let without = [
        "ftp-max-arg-length",
        "ftp-max-user-length",
        "ftp.bruteforce",
    ];
    assert_eq!(rows::compare_tests(&corpus, "ftp", &without, &[], also), 6);
}
