//! MQTT as Zeek logs it.

mod common;
mod zeek_rows;

#[test]
fn every_row_of_zeek() {
    assert!(zeek_rows::agree("mqtt_connect", |_, _, _| false) >= 2);
    assert!(zeek_rows::agree("mqtt_subscribe", |_, _, _| false) >= 1);
    // One of Zeek's tests caps the payload at 8 bytes.
    let capped = |field: &str, zeek: &str, ours: &str| {
        field == "payload" && zeek.len() == 8 && ours.starts_with(zeek)
    };
    assert!(zeek_rows::agree("mqtt_publish", capped) >= 6);
}
