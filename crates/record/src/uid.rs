//! The unique identifiers of flows and files.

use std::fmt;

use crate::value::Text;

/// A flow's `uid`: 96 bits, written as Zeek does, `C` and 17 base-62 digits.
///
/// It is a seeded hash of the flow's key and its first packet's time, so that the same packets give the same uid
/// in a file and live, with one worker and with many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(pub [u32; 3]);

/// Characters in a uid's text.
pub const TEXT_LEN: usize = 18;

/// The digits, and two more so that no index of 6 bits is outside.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz??";
const FIVE_DIGITS: u64 = 62u64.pow(5);

/// Quotient and remainder of a number of three words by `FIVE_DIGITS`, as on paper: the divisor fits a word, so each
/// step is a division of 64 bits by a constant.
fn divide(words: [u32; 3]) -> ([u32; 3], u32) {
    let mut rest = 0;
    let quotient = words.map(|word| {
        let part = rest << 32 | u64::from(word);
        rest = part % FIVE_DIGITS;
        (part / FIVE_DIGITS) as u32
    });
    (quotient, rest as u32)
}

/// Writes five digits from `at` on.
///
/// `number / 62^4` in fixed point (57 bits behind the point: the error stays below the last digit) is the first digit; what is behind the point, times 62, the next.
fn five(text: &mut [u8; TEXT_LEN], at: usize, number: u32) {
    const POINT: u32 = 57;
    const SCALE: u64 = (1 << POINT) / 62u64.pow(4) + 1;
    let mut rest = u64::from(number) * SCALE;
    for slot in &mut text[at..at + 5] {
        *slot = DIGITS[(rest >> POINT) as usize & 63];
        rest = (rest & ((1 << POINT) - 1)) * 62;
    }
}

impl Uid {
    /// The uid as text.
    #[must_use]
    pub fn text(self) -> [u8; TEXT_LEN] {
        let mut text = [b'C'; TEXT_LEN];
        let (high, last) = divide(self.0);
        let (high, middle) = divide(high);
        // What is left are the first seven digits: less than 2^96 / 62^10.
        let high = u64::from(high[1]) << 32 | u64::from(high[2]);
        five(&mut text, 13, last);
        five(&mut text, 8, middle);
        five(&mut text, 3, (high % FIVE_DIGITS) as u32);
        let first = (high / FIVE_DIGITS) as usize;
        text[1] = DIGITS[first / 62 % 62];
        text[2] = DIGITS[first % 62];
        text
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// A file's `fuid`: 96 bits, written as Zeek does, `F` and 17 base-62 digits.
///
/// It is a hash of its flow's uid and which of its sender's files it is, so that the same packets give the same fuid in a file and live, with one worker and with many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fuid(pub [u32; 3]);

/// One step of a mix of 64 bits in which each bit of the input changes each of the output (the finisher of `SplitMix64`).
const fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

impl Fuid {
    /// The `ordinal`-th file, from 0, that one side of the flow `uid` sends.
    #[must_use]
    pub const fn new(uid: Uid, responder: bool, ordinal: u32) -> Fuid {
        let [a, b, c] = uid.0;
        let which = (ordinal as u64) << 1 | responder as u64;
        let first = mix(((a as u64) << 32 | b as u64) ^ mix(which.wrapping_add(1)));
        let second = mix(first ^ ((c as u64) << 32 | 0x46));
        Fuid([(first >> 32) as u32, first as u32, (second >> 32) as u32])
    }

    /// The file that `name` names wherever it is carried: what comes in parts over several flows.
    #[must_use]
    pub fn of_name(name: &[u8]) -> Fuid {
        let mut state = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];
        for chunk in name.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            let word = u64::from_le_bytes(word);
            state = [mix(state[0] ^ word), mix(state[1].wrapping_add(word))];
        }
        let [first, second] = [mix(state[0] ^ name.len() as u64), mix(state[1])];
        Fuid([(first >> 32) as u32, first as u32, second as u32])
    }

    /// The fuid as text.
    #[must_use]
    pub fn text(self) -> Text {
        let mut text = Uid(self.0).text();
        text[0] = b'F';
        Text::from(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for Fuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fuid, Uid};

    #[test]
    fn each_file_of_each_flow_has_a_fuid_of_its_own() {
        let mut all = Vec::new();
        for flow in 0..100 {
            for ordinal in 0..50 {
                all.push(Fuid::new(Uid([flow, 7, !flow]), false, ordinal));
                all.push(Fuid::new(Uid([flow, 7, !flow]), true, ordinal));
                all.push(Fuid::of_name(&[flow as u8, 0, ordinal as u8]));
            }
        }
        let text = all[0].to_string();
        assert!(text.starts_with('F') && text.len() == 18);
        assert_eq!(all[0], Fuid::new(Uid([0, 7, !0]), false, 0));
        let made = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), made);
        assert_ne!(Fuid::of_name(b"a"), Fuid::of_name(b"a\0"));
    }

    #[test]
    fn text_is_the_number_in_base_62() {
        assert_eq!(Uid([0, 0, 0]).to_string(), "C00000000000000000");
        assert_eq!(Uid([0, 0, 61]).to_string(), "C0000000000000000z");
        assert_eq!(Uid([0, 0, 62]).to_string(), "C00000000000000010");
        let mut state = 1u64;
        let random = std::iter::repeat_with(move || {
            [0; 3].map(|_: u32| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (state >> 32) as u32
            })
        });
        let edges = [
            [1, 2, 3],
            [u32::MAX; 3],
            [0xdead_beef, 0, 7],
            [0, u32::MAX, 1],
            [0, 0, 916_132_831],
            [0, 0, 916_132_832],
        ];
        for words in edges.into_iter().chain(random.take(20_000)) {
            let text = Uid(words).to_string();
            let back = text[1..].bytes().fold(0u128, |sum, b| {
                let digit = match b {
                    b'0'..=b'9' => b - b'0',
                    b'A'..=b'Z' => b - b'A' + 10,
                    _ => b - b'a' + 36,
                };
                sum * 62 + u128::from(digit)
            });
            let whole = words
                .iter()
                .fold(0u128, |sum, &w| sum << 32 | u128::from(w));
            assert_eq!(back, whole, "{text}");
        }
    }
}
