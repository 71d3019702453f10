//! Whether both directions of a conversation arrive in the same queue.

use crate::doctor::{Change, Examination, Finding, Knob, Target, change::format_key};

const ID: &str = "receive-hash";
const TOEPLITZ: u8 = 1;

/// Two bytes that, repeated, make the Toeplitz function give the same for both directions, and spread well (Woo and Park, 2012).
const PAIR: [u8; 2] = [0x6d, 0x5a];

/// Whether the Toeplitz function gives the same when source and destination are exchanged: each place of the key, and the one
/// 16 bits on, are alike.
fn is_symmetric(key: &[u8]) -> bool {
    key.len() >= 3 && key.windows(3).all(|three| three[0] == three[2])
}

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let (Some(interface), Some(channels)) = (&target.interface, target.channels) else {
        return Vec::new();
    };
    let name = &interface.name;
    if channels.receive() < 2 {
        return Vec::new();
    }
    let why = "The two directions of a conversation reach different queues, and so different workers: one copies every second packet over to the other.";
    let Ok(hash) = examination.driver.receive_hash(name) else {
        return vec![
            Finding::note(ID, name, format!("{} queues, and the driver does not say how it spreads frames over them", channels.receive()))
                .why("Portreeve looks at the frames that arrive and copies those that came to the wrong worker."),
        ];
    };
    if hash.symmetric || (hash.function & TOEPLITZ != 0 && is_symmetric(&hash.key)) {
        return vec![Finding::ok(
            ID,
            name,
            "both directions of a conversation reach the same queue",
        )];
    }
    let key: Vec<u8> = PAIR.iter().copied().cycle().take(hash.key.len()).collect();
    let finding = Finding::costs(
        ID,
        name,
        format!(
            "it spreads the two directions of a conversation over its {} queues separately",
            channels.receive()
        ),
    )
    .why(why);
    if hash.function & TOEPLITZ == 0 || key.is_empty() {
        return vec![finding.fix(format!("sudo ethtool -X {name} hfunc toeplitz"))];
    }
    let key = format_key(&key);
    vec![
        finding
            .fix(format!("sudo ethtool -X {name} hkey {key}"))
            .change(Change::interface(name, Knob::HashKey, key)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_one_repeated_pair_is_symmetric() {
        assert!(is_symmetric(&[0x6d, 0x5a, 0x6d, 0x5a, 0x6d]));
        assert!(!is_symmetric(&[0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b]));
        assert!(!is_symmetric(&[]));
    }
}
