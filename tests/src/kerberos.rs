//! Kerberos as tshark takes it apart, as items to compare: its fields have the same names in a request, in the ticket that it carries and in what is within
//! that, so they are read from the tree of each message.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What is compared.
pub const KINDS: [&str; 5] = [
    "Kerberos request",
    "Kerberos client",
    "Kerberos service",
    "Kerberos error",
    "Kerberos cipher",
];

/// A message (RFC 4120 section 5.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AsRequest,
    TgsRequest,
    Reply,
    ApRequest,
    ApReply,
    Error,
}

/// By tshark's names.
const MESSAGES: [(&str, Kind); 7] = [
    ("kerberos.as_req_element", Kind::AsRequest),
    ("kerberos.tgs_req_element", Kind::TgsRequest),
    ("kerberos.as_rep_element", Kind::Reply),
    ("kerberos.tgs_rep_element", Kind::Reply),
    ("kerberos.ap_req_element", Kind::ApRequest),
    ("kerberos.ap_rep_element", Kind::ApReply),
    ("kerberos.krb_error_element", Kind::Error),
];

/// Zeek's list of words that say no more than that.
const IGNORED: [&str; 2] = [
    "NEEDED_PREAUTH",
    "Need to use PA-ENC-TIMESTAMP/PA-PK-AS-REQ",
];

/// An item: its kind and its value.
type Item = (&'static str, String);

/// Asks tshark for the messages of a capture; `place` knows the conversation of a frame by its number; `each` gets the kind, the conversation and the value.
///
/// # Panics
/// If it cannot be run.
pub fn read(
    capture: &Path,
    place: &dyn Fn(&str) -> Option<String>,
    each: &mut dyn FnMut(&'static str, &str, String),
) {
    let output = Command::new("tshark")
        .arg("-n")
        .arg("-r")
        .arg(capture)
        .args(["-Y", "kerberos", "-T", "json", "--no-duplicate-keys"])
        .output()
        .expect("tshark");
    let frames: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    // By conversation: what was asked and is not yet answered.
    let mut asked: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for frame in &frames {
        let layers = &frame["_source"]["layers"];
        let Some(place) = layers["frame"]["frame.number"].as_str().and_then(place) else {
            continue;
        };
        messages(layers, &mut |kind, message| {
            let mut waiting = asked.remove(&place).unwrap_or_default();
            if kind == Kind::Error && is_ignored(message) {
                return;
            }
            for (of, value) in waiting.drain(..) {
                each(of, &place, value);
            }
            items(kind, message, &mut |of, value| waiting.push((of, value)));
            asked.insert(place.clone(), waiting);
        });
    }
    for (place, items) in asked {
        for (of, value) in items {
            each(of, &place, value);
        }
    }
}

/// Whether the server only wants the client to prove itself first: of that there is no record, nor in Zeek's log.
fn is_ignored(error: &Value) -> bool {
    let words = error["kerberos.e_text"].as_str();
    words.is_some_and(|words| IGNORED.contains(&words))
}

/// The outermost messages within a tree: a request for a ticket holds another, which is of no account.
fn messages(tree: &Value, each: &mut dyn FnMut(Kind, &Value)) {
    match tree {
        Value::Array(all) => all.iter().for_each(|one| messages(one, each)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let kind = MESSAGES.iter().find(|(element, _)| element == name);
                match (kind, value) {
                    (Some((_, kind)), Value::Array(all)) => {
                        all.iter().for_each(|one| each(*kind, one));
                    }
                    (Some((_, kind)), _) => each(*kind, value),
                    (None, _) => messages(value, each),
                }
            }
        }
        _ => {}
    }
}

fn items(kind: Kind, message: &Value, add: &mut dyn FnMut(&'static str, String)) {
    let ticket = &message["kerberos.ticket_element"];
    match kind {
        Kind::AsRequest | Kind::TgsRequest => {
            let body = &message["kerberos.req_body_element"];
            if kind == Kind::AsRequest {
                add(KINDS[0], "AS".to_owned());
                if !body.is_null() {
                    add(KINDS[1], client(body, "kerberos.realm"));
                }
            } else {
                add(KINDS[0], "TGS".to_owned());
            }
            service(body, add);
        }
        Kind::Reply => {
            add(KINDS[1], client(message, "kerberos.crealm"));
            service(ticket, add);
            cipher(ticket, add);
        }
        Kind::ApRequest => {
            add(KINDS[0], "AP".to_owned());
            add(KINDS[1], client(ticket, "kerberos.realm"));
            service(ticket, add);
            cipher(ticket, add);
        }
        Kind::ApReply => {}
        Kind::Error => {
            if let Some(code) = message["kerberos.error_code"].as_str() {
                add(KINDS[3], code.to_owned());
            }
            // The client is named where the request does not.
            if !message["kerberos.cname_element"].is_null() {
                add(KINDS[1], client(message, "kerberos.crealm"));
            }
            service(message, add);
        }
    }
}

/// Name and realm, as in `client`.
fn client(message: &Value, realm: &str) -> String {
    let name = name(
        message,
        [
            "kerberos.cname_element",
            "kerberos.cname_string_tree",
            "kerberos.CNameString",
        ],
    );
    let realm = message[realm].as_str().unwrap_or_default();
    format!("{}/{realm}", name.unwrap_or_default())
}

fn service(message: &Value, add: &mut dyn FnMut(&'static str, String)) {
    let path = [
        "kerberos.sname_element",
        "kerberos.sname_string_tree",
        "kerberos.SNameString",
    ];
    if let Some(name) = name(message, path) {
        add(KINDS[2], name);
    }
}

/// The parts of a name, with slashes between.
fn name(message: &Value, [element, tree, part]: [&str; 3]) -> Option<String> {
    match &message[element][tree][part] {
        Value::String(name) => Some(name.clone()),
        Value::Array(parts) => {
            let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            Some(parts.join("/"))
        }
        _ => None,
    }
}

fn cipher(ticket: &Value, add: &mut dyn FnMut(&'static str, String)) {
    let number = &ticket["kerberos.enc_part_element"]["kerberos.etype"];
    if let Some(number) = number.as_str() {
        add(KINDS[4], cipher_name(number).to_owned());
    }
}

/// Names of the registry "Kerberos Encryption Type Numbers" (RFC 3961 section 8), as far as captures have them.
fn cipher_name(number: &str) -> &str {
    match number {
        "1" => "des-cbc-crc",
        "3" => "des-cbc-md5",
        "16" => "des3-cbc-sha1-kd",
        "17" => "aes128-cts-hmac-sha1-96",
        "18" => "aes256-cts-hmac-sha1-96",
        "23" => "rc4-hmac",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_carries_is_not_the_request() {
        let frame = serde_json::json!({"kerberos": {"kerberos.tgs_req_element": {
            "kerberos.padata_tree": {"kerberos.ap_req_element": {"kerberos.ticket_element": {
                "kerberos.realm": "A",
                "kerberos.sname_element": {"kerberos.sname_string_tree": {"kerberos.SNameString": ["krbtgt", "A"]}},
                "kerberos.enc_part_element": {"kerberos.etype": "18"}
            }}},
            "kerberos.req_body_element": {
                "kerberos.realm": "B",
                "kerberos.sname_element": {"kerberos.sname_string_tree": {"kerberos.SNameString": "host"}}
            }
        }}});
        let mut all = Vec::new();
        messages(&frame, &mut |kind, message| {
            items(kind, message, &mut |of, value| all.push((of, value)));
        });
        let expected = [("Kerberos request", "TGS"), ("Kerberos service", "host")];
        assert_eq!(all, expected.map(|(of, value)| (of, value.to_owned())));
    }
}
