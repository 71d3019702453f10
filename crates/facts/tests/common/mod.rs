//! Writes small databases in MaxMind's DB format, version 2.0, so that tests need nobody's.
#![allow(dead_code)]

use std::net::IpAddr;

/// A value in a database.
#[derive(Clone, Debug)]
pub enum Item {
    Text(&'static str),
    Number(u32),
    Map(Vec<(&'static str, Item)>),
}

const TEXT: u8 = 2;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
/// Types from 8 on stand in a byte of their own, less 7.
const UINT64: u8 = 9 - 7;
const ARRAY: u8 = 11 - 7;

fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    assert!(size < 29 + 256);
    out.push(kind << 5 | size.min(29) as u8);
    if size >= 29 {
        out.push((size - 29) as u8);
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    control(out, TEXT, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn item(out: &mut Vec<u8>, value: &Item) {
    match value {
        Item::Text(content) => text(out, content),
        Item::Number(number) => {
            control(out, UINT32, 4);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Item::Map(members) => {
            control(out, MAP, members.len());
            for (key, value) in members {
                text(out, key);
                item(out, value);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

/// A database of these networks: first address, length of the prefix, value. No network may lie in another.
pub fn database(kind: &'static str, networks: &[(&str, u32, Item)]) -> Vec<u8> {
    let mut nodes = vec![[Record::Nothing; 2]];
    let mut data = Vec::new();
    for (address, len, value) in networks {
        // IPv4 lies at ::/96.
        let (bits, len) = match address.parse::<IpAddr>().unwrap() {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), len + 96),
            IpAddr::V6(v6) => (u128::from(v6), *len),
        };
        let mut node = 0;
        for depth in 0..len {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == len {
                nodes[node][side] = Record::Data(data.len());
            } else if let Record::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([Record::Nothing; 2]);
                let next = nodes.len() - 1;
                nodes[node][side] = Record::Node(next);
                node = next;
            }
        }
        item(&mut data, value);
    }
    let mut out = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match record {
            Record::Nothing => nodes.len(),
            Record::Node(node) => *node,
            Record::Data(offset) => nodes.len() + 16 + offset,
        };
        out.extend_from_slice(&(number as u32).to_be_bytes()[1..]);
    }
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    control(&mut out, MAP, 9);
    for (key, number) in [
        ("binary_format_major_version", 2u16),
        ("binary_format_minor_version", 0),
        ("ip_version", 6),
        ("record_size", 24),
    ] {
        text(&mut out, key);
        control(&mut out, UINT16, 2);
        out.extend_from_slice(&number.to_be_bytes());
    }
    text(&mut out, "node_count");
    item(&mut out, &Item::Number(nodes.len() as u32));
    text(&mut out, "database_type");
    text(&mut out, kind);
    text(&mut out, "description");
    item(
        &mut out,
        &Item::Map(vec![("en", Item::Text("made by a test"))]),
    );
    text(&mut out, "languages");
    control(&mut out, 0, 1);
    out.push(ARRAY);
    text(&mut out, "en");
    text(&mut out, "build_epoch");
    control(&mut out, 0, 8);
    out.push(UINT64);
    out.extend_from_slice(&1_700_000_000u64.to_be_bytes());
    out
}

/// A network's country, in MaxMind's form.
pub fn country(code: &'static str) -> Item {
    Item::Map(vec![(
        "country",
        Item::Map(vec![("iso_code", Item::Text(code))]),
    )])
}

/// A network's autonomous system, in MaxMind's form.
pub fn system(number: u32, organisation: &'static str) -> Item {
    Item::Map(vec![
        ("autonomous_system_number", Item::Number(number)),
        ("autonomous_system_organization", Item::Text(organisation)),
    ])
}
