//! DNP3 as Zeek logs it.

mod common;
mod zeek_rows;

#[test]
fn every_row_of_zeek() {
    assert!(zeek_rows::agree("dnp3", |_, _, _| false) >= 6);
}
