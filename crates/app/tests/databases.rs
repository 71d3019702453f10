//! Databases in real captures, against Zeek's rows.

mod common;
mod rows;

#[test]
fn zeeks_own_rows_of_mysql() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let also = |field: &str, ours: &str, theirs: &str| {
        field == "arg" && ours.is_empty() && theirs == "(empty)"
    };
    assert_eq!(rows::compare(&corpus, "mysql", &[], also), 42);
}
