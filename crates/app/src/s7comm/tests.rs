use portreeve_record::{App, Record};

use crate::Transport;
use crate::testing::{From, Play, play_cut, timeless};

const REQUEST: &[u8] =
    b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";
const CONFIRM: &[u8] =
    b"\x03\0\0\x16\x11\xd0\0\x01\0\x02\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";
const SETUP: &[u8] =
    b"\x03\0\0\x19\x02\xf0\x80\x32\x01\0\0\x04\0\0\x08\0\0\xf0\0\0\x01\0\x01\x01\xe0";
const SET_UP: &[u8] =
    b"\x03\0\0\x1b\x02\xf0\x80\x32\x03\0\0\x04\0\0\x08\0\0\0\0\xf0\0\0\x01\0\x01\0\xf0";
const READ_SZL: &[u8] = b"\x03\0\0\x21\x02\xf0\x80\x32\x07\0\0\x05\0\0\x08\0\x08\0\x01\x12\x04\x11\x44\x01\0\xff\x09\0\x04\0\x11\0\0";
const SZL: &[u8] = b"\x03\0\0\x21\x02\xf0\x80\x32\x07\0\0\x05\0\0\x0c\0\x04\0\x01\x12\x08\x12\x84\x01\x01\0\0\xd4\x01\x0a\0\0\0";
const START: &[u8] =
    b"\x03\0\0\x25\x02\xf0\x80\x32\x01\0\0\x06\0\0\x14\0\0\x28\0\0\0\0\0\0\xfd\0\0\x09P_PROGRAM";
const REFUSED: &[u8] = b"\x03\0\0\x14\x02\xf0\x80\x32\x03\0\0\x06\0\0\x01\0\0\x81\x04\x28";
const CREATE: &[u8] = b"\x03\0\0\x14\x02\xf0\x80\x72\x01\0\x09\x31\0\0\x04\xca\0\0\0\x01";

fn told(records: &[Record]) -> Vec<String> {
    let text = |record: &Record| {
        let text = timeless(record);
        let (from, to) = (text.find("is_orig").unwrap(), text.find(" source").unwrap());
        format!("{} {}", record.path(), &text[from..to])
    };
    records.iter().map(text).collect()
}

#[test]
fn each_message_is_a_record_with_icsnpps_fields() {
    let outcome = play_cut(
        102,
        &[
            (From::Orig, REQUEST),
            (From::Resp, CONFIRM),
            (From::Orig, SETUP),
            (From::Resp, SET_UP),
            (From::Orig, READ_SZL),
            (From::Resp, SZL),
            (From::Orig, START),
            (From::Resp, REFUSED),
            (From::Orig, CREATE),
        ],
    );
    assert_eq!(outcome.service, Some("cotp,s7comm,s7comm-plus"));
    let told = told(&outcome.records);
    let expected = [
        r#"cotp is_orig=Bool(true) pdu_code=Text("0x0e") pdu_name=Word("CR Connection Request")"#,
        r#"cotp is_orig=Bool(false) pdu_code=Text("0x0d") pdu_name=Word("CC Connection Confirm")"#,
        r#"s7comm is_orig=Bool(true) rosctr_code=Count(1) rosctr_name=Word("Job-Request") pdu_reference=Count(4) function_code=Text("0xf0") function_name=Word("Setup Communication")"#,
        r#"s7comm is_orig=Bool(false) rosctr_code=Count(3) rosctr_name=Word("ACK-Data") pdu_reference=Count(4) function_code=Text("0xf0") function_name=Word("Setup Communication") error_class=Word("No error") error_code=Text("0x00")"#,
        r#"s7comm is_orig=Bool(true) rosctr_code=Count(7) rosctr_name=Word("User-Data") pdu_reference=Count(5) function_code=Text("0x44") function_name=Text("Request: CPU Functions") subfunction_code=Text("0x01") subfunction_name=Word("Read SZL")"#,
        r#"s7comm is_orig=Bool(false) rosctr_code=Count(7) rosctr_name=Word("User-Data") pdu_reference=Count(5) function_code=Text("0x84") function_name=Text("Response: CPU Functions") subfunction_code=Text("0x01") subfunction_name=Word("Read SZL") error_class=Word("Parameter Error") error_code=Text("0xd401")"#,
        r#"s7comm is_orig=Bool(true) rosctr_code=Count(1) rosctr_name=Word("Job-Request") pdu_reference=Count(6) function_code=Text("0x28") function_name=Word("PLC Control") subfunction_code=Str("P_PROGRAM") subfunction_name=Word("PLC Start / Stop")"#,
        r#"s7comm is_orig=Bool(false) rosctr_code=Count(3) rosctr_name=Word("ACK-Data") pdu_reference=Count(6) function_code=Text("0x28") function_name=Word("PLC Control") error_class=Word("Application relationship error") error_code=Text("0x04")"#,
        r#"s7comm_plus is_orig=Bool(true) version=Count(1) opcode=Text("0x31") opcode_name=Word("Request") function_code=Text("0x04ca") function_name=Word("Create Object")"#,
    ];
    for (is, should) in told.iter().zip(expected) {
        assert_eq!(is, should);
    }
    assert_eq!(told.len(), expected.len());
}

#[test]
fn it_is_known_in_the_middle_too_and_on_any_port() {
    for (from, message) in [
        (From::Orig, SETUP),
        (From::Resp, SET_UP),
        (From::Resp, SETUP),
    ] {
        let outcome = play_cut(40_102, &[(from, message)]);
        assert_eq!(outcome.service, Some("cotp,s7comm"));
        assert_eq!(outcome.records.len(), 1);
    }
    assert_eq!(
        play_cut(40_102, &[(From::Orig, REQUEST)]).service,
        Some("cotp")
    );
    // A request without any parameters could be RDP's.
    let bare = b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0";
    assert_eq!(play_cut(40_102, &[(From::Orig, bare)]).service, None);
    assert_eq!(play_cut(102, &[(From::Orig, bare)]).service, Some("cotp"));
    assert_eq!(play_cut(3389, &[(From::Orig, bare)]).service, Some("rdp"));
}

#[test]
fn rdp_is_rdp_even_here() {
    let cookie = b"\x03\0\0\x23\x1e\xe0\0\0\0\0\0Cookie: mstshash=someone\r\n";
    let negotiation = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
    for port in [102, 3389, 40_000] {
        for request in [&cookie[..], negotiation] {
            assert_eq!(
                play_cut(port, &[(From::Orig, request)]).service,
                Some("rdp")
            );
        }
    }
}

#[test]
fn a_message_in_several_pieces_of_data_is_one() {
    let mut first = SETUP.to_vec();
    first[6] = 0;
    let outcome = play_cut(
        102,
        &[
            (From::Orig, &first),
            (From::Orig, SETUP),
            (From::Orig, SETUP),
        ],
    );
    let is_s7 = |record: &&Record| matches!(record, Record::App(App::S7comm(_)));
    assert_eq!(outcome.records.iter().filter(is_s7).count(), 2);
}

#[test]
fn nothing_breaks_it() {
    let mut state = 1u32;
    for round in 0..3000 {
        let messages = [REQUEST, SETUP, READ_SZL, SZL, START, CREATE];
        let mut bytes = messages[round % messages.len()].to_vec();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = (state >> 8) as usize % bytes.len();
        if round % 3 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] = state as u8;
        }
        let mut play = Play::new(Transport::Tcp, 5000, 102);
        play.orig(&bytes).resp(&bytes).orig_gap(2).orig(&bytes);
        play.finish();
    }
}
