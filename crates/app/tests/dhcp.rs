//! DHCP as Zeek logs it.

mod common;
mod zeek_rows;

#[test]
fn every_row_of_zeek() {
    // Zeek joins what is in several flows; these captures have one.
    assert!(zeek_rows::agree("dhcp", |_, _, _| false) >= 2);
}
