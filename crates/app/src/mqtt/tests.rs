use portreeve_record::{App, Record};

use super::*;
use crate::Transport;
use crate::testing::{From, Play, play_cut};

const CLIENT: &[u8] = b"\x10\x1e\0\x04MQTT\x04\xc6\0\x3c\0\x01c\0\x01w\0\x01x\0\x04user\0\x03pas\x82\x08\0\x07\0\x03a/b\x01\x34\x09\0\x01t\0\x09hell\x62\x02\0\x09\xe0\0";
const BROKER: &[u8] =
    b"\x20\x02\0\0\x90\x03\0\x07\x01\x50\x02\0\x09\x70\x02\0\x09\x31\x05\0\x01thi";

#[test]
fn a_connection_in_any_pieces() {
    let client = CLIENT.split_at(CLIENT.len() - 6);
    let broker = BROKER.split_at(13);
    let script: [(From, &[u8]); 4] = [
        (From::Orig, client.0),
        (From::Resp, broker.0),
        (From::Orig, client.1),
        (From::Resp, broker.1),
    ];
    let outcome = play_cut(4000, &script);
    assert_eq!(outcome.service, Some("mqtt"));
    let [
        Record::App(App::MqttConnect(connect)),
        Record::App(App::MqttSubscribe(subscribe)),
        Record::App(App::MqttPublish(sure)),
        Record::App(App::MqttPublish(plain)),
    ] = &outcome.records[..]
    else {
        panic!("{:?}", outcome.records);
    };
    assert_eq!(connect.client_id.as_deref(), Some("c"));
    assert_eq!(connect.will_topic.as_deref(), Some("w"));
    assert_eq!(connect.connect_status, Some(0));
    assert_eq!(subscribe.topics, ["a/b".into()]);
    assert_eq!(
        (subscribe.granted_qos_level, subscribe.ack),
        (Some(1), true)
    );
    assert_eq!((sure.qos, sure.complete, &*sure.payload), (2, true, "hell"));
    assert_eq!(
        (plain.from_client, plain.retain, plain.payload_len),
        (false, true, 2)
    );
    assert!(!format!("{:?}", outcome.records).contains("pas"));
}

#[test]
fn long_messages_go_by() {
    let mut bytes = b"\x10\x0d\0\x04MQTT\x04\0\0\0\0\x01c".to_vec();
    // 100,003 bytes.
    bytes.extend([0x30, 0xa3, 0x8d, 0x06, 0, 1, b't']);
    bytes.extend([b'x'; 100_000]);
    bytes.extend(b"\x30\x04\0\x01ty");
    let script: [(From, &[u8]); 1] = [(From::Orig, &bytes)];
    let outcome = play_cut(1883, &script);
    let lens: Vec<_> = outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Record::App(App::MqttPublish(p)) => Some((p.payload_len, p.payload.len())),
            _ => None,
        })
        .collect();
    assert_eq!(lens, [(100_000, 100), (1, 1)]);
}

#[test]
fn nothing_breaks_it() {
    let mut state = 1u32;
    for round in 0..4000 {
        let mut bytes = CLIENT.to_vec();
        if round < bytes.len() {
            bytes.truncate(round);
        }
        for _ in 0..2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if let Some(byte) = bytes.get_mut(state as usize % CLIENT.len()) {
                *byte = (state >> 24) as u8;
            }
        }
        let mut play = Play::of(&MQTT, Transport::Tcp, 5000, 1883);
        play.orig(&bytes).resp(BROKER).resp_gap(3).orig(&bytes);
        play.finish();
    }
}
