//! Community IDs against the specification's own table, and a few of its vectors that need no corpus.

use std::net::IpAddr;
use std::path::PathBuf;

use portreeve_record::community_id::{Tuple, community_id};

fn tuple(ip_proto: u8, orig: &str, orig_p: u16, resp: &str, resp_p: u16) -> Tuple {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    Tuple {
        orig_h: address(orig),
        orig_p,
        resp_h: address(resp),
        resp_p,
        ip_proto,
    }
}

fn id(tuple: &Tuple) -> String {
    community_id(tuple, 0).as_str().to_owned()
}

#[test]
fn both_directions_have_one_id() {
    let there = tuple(6, "128.232.110.120", 34855, "66.35.250.204", 80);
    let back = tuple(6, "66.35.250.204", 80, "128.232.110.120", 34855);
    assert_eq!(id(&there), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    assert_eq!(id(&back), id(&there));
    assert_ne!(community_id(&there, 1).as_str(), id(&there));
}

#[test]
fn icmp_with_an_answer_has_one_id_and_one_way_messages_keep_their_direction() {
    // Echo, type 8 answered by type 0.
    assert_eq!(
        id(&tuple(1, "192.168.0.89", 8, "192.168.0.1", 0)),
        "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="
    );
    assert_eq!(
        id(&tuple(1, "192.168.0.1", 0, "192.168.0.89", 8)),
        "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="
    );
    // Time exceeded, type 11 code 0: a router to a host and the other way round are two things.
    let there = tuple(1, "10.0.0.1", 11, "10.0.0.2", 0);
    let back = tuple(1, "10.0.0.2", 11, "10.0.0.1", 0);
    assert_eq!(id(&there), "1:YHxtAirCG//0OzkcVAukqKQN9xM=");
    assert_ne!(id(&back), id(&there));
}

#[test]
fn protocols_without_ports_ignore_them() {
    let plain = tuple(46, "10.1.12.1", 0, "10.1.12.2", 0);
    assert_eq!(id(&plain), "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=");
    assert_eq!(id(&tuple(46, "10.1.12.2", 9, "10.1.12.1", 3)), id(&plain));
}

#[test]
fn the_specifications_table() {
    let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS") else {
        eprintln!("PORTREEVE_CORPUS is not set: the community ID table is NOT checked");
        return;
    };
    let file = PathBuf::from(corpus).join("community-id/expected/baseline_deflt.json");
    let rows: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(rows.len() >= 20);
    for row in rows {
        let port = |key: &str| row[key].as_u64().unwrap_or(0) as u16;
        let tuple = tuple(
            row["proto"].as_u64().unwrap() as u8,
            row["saddr"].as_str().unwrap(),
            port("sport"),
            row["daddr"].as_str().unwrap(),
            port("dport"),
        );
        assert_eq!(id(&tuple), row["communityid"].as_str().unwrap(), "{row}");
    }
}
