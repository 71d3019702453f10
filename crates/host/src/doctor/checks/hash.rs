//! Whether both directions of a conversation arrive in the same queue.

use crate::doctor::{Change, Examination, Finding, Knob, Target, change::format_key};

const ID: &str = "receive-hash";
const TOEPLITZ: u8 = 1;
const WHY: &str = "The two directions of a conversation reach different queues, and so different workers: one copies every second packet over to the other.";

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
    let queues = channels.receive();
    let unknown = |finding: Finding| {
        vec![finding.why("Portreeve looks at the frames that arrive and copies those that came to the wrong worker: sure, and not free.")]
    };
    // Some drivers answer and yet name neither function nor key.
    let hash = examination.driver.receive_hash(name).ok();
    let Some(hash) = hash.filter(|hash| hash.symmetric || !hash.key.is_empty()) else {
        let found =
            format!("{queues} queues, and the driver does not say how it spreads frames over them");
        return unknown(Finding::note(ID, name, found));
    };
    let is_toeplitz = hash.function & TOEPLITZ != 0 || hash.function == 0;
    if hash.symmetric || (is_toeplitz && is_symmetric(&hash.key)) {
        let found = "both directions of a conversation reach the same queue";
        return vec![Finding::ok(ID, name, found)];
    }
    if !is_toeplitz {
        let found = format!(
            "{queues} queues, over which it spreads frames by another function than Toeplitz's"
        );
        let finding = Finding::note(ID, name, found);
        return unknown(finding.fix(format!("sudo ethtool -X {name} hfunc toeplitz")));
    }
    let key: Vec<u8> = PAIR.iter().copied().cycle().take(hash.key.len()).collect();
    let key = format_key(&key);
    let found = format!(
        "it spreads the two directions of a conversation over its {queues} queues separately"
    );
    vec![
        Finding::costs(ID, name, found)
            .why(WHY)
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
