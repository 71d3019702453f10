//! Syslog as Zeek logs it.

mod common;
mod zeek_rows;

#[test]
fn every_row_of_zeek() {
    assert!(zeek_rows::agree("syslog", |_, _, _| false) >= 6);
}
