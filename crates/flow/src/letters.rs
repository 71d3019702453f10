//! A flow's history in 16 bytes: up to 25 letters of 5 bits.

use portreeve_record::History;

/// The letters, at the place of their code.
const ALPHABET: &[u8; 32] = b"\0^SsHhAaDdFfRrCcGgTtWwIiQqXx\0\0\0\0";
/// The most letters kept.
const MOST: u32 = 25;

/// A letter of the history, without who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Letter {
    Syn = 2,
    SynAck = 4,
    Ack = 6,
    Data = 8,
    Fin = 10,
    Rst = 12,
    Corrupt = 14,
    Gap = 16,
    Retransmission = 18,
    ZeroWindow = 20,
    Inconsistent = 22,
    MultiFlag = 24,
}

/// The letters so far: the first in the lowest 5 bits.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Letters([u64; 2]);

impl Letters {
    /// Appends a letter; one too many is left out.
    pub(crate) fn push(&mut self, letter: Letter, from_orig: bool) {
        self.push_code(letter as u8 + u8::from(!from_orig));
    }

    /// Notes that the flow was turned round.
    pub(crate) fn push_flip(&mut self) {
        self.push_code(1);
    }

    fn push_code(&mut self, code: u8) {
        let letters = self.bits();
        let len = (128 - letters.leading_zeros()).div_ceil(5);
        if len < MOST {
            let letters = letters | u128::from(code) << (5 * len);
            self.0 = [letters as u64, (letters >> 64) as u64];
        }
    }

    fn bits(self) -> u128 {
        u128::from(self.0[0]) | u128::from(self.0[1]) << 64
    }

    /// The letters as a record has them.
    pub(crate) fn history(self) -> History {
        let mut history = History::default();
        let mut letters = self.bits();
        while letters != 0 {
            history.push(ALPHABET[(letters & 31) as usize]);
            letters >>= 5;
        }
        history
    }

    /// Zeek's `/\^?S[^HAFGIQ]*R.*/` (the whole history): a SYN and then a RST of the one who began, with no sign of a connection between.
    pub(crate) fn syn_then_rst(self) -> bool {
        let mut letters = self.bits();
        if letters & 31 == 1 {
            letters >>= 5;
        }
        if letters & 31 != Letter::Syn as u128 {
            return false;
        }
        letters >>= 5;
        while letters != 0 {
            match ALPHABET[(letters & 31) as usize] {
                b'R' => return true,
                b'H' | b'A' | b'F' | b'G' | b'I' | b'Q' => return false,
                _ => letters >>= 5,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_and_no_more_than_fit() {
        let mut letters = Letters::default();
        letters.push_flip();
        letters.push(Letter::Syn, true);
        letters.push(Letter::SynAck, false);
        letters.push(Letter::MultiFlag, false);
        assert_eq!(letters.history().as_str(), "^Shq");
        for _ in 0..40 {
            letters.push(Letter::ZeroWindow, false);
        }
        assert_eq!(letters.history().as_str().len(), 25);
        assert!(letters.history().as_str().ends_with('w'));
    }

    #[test]
    fn syn_then_rst_is_zeeks_pattern() {
        let of = |text: &str| {
            let mut letters = Letters::default();
            for c in text.bytes() {
                let code = ALPHABET.iter().position(|x| *x == c).unwrap();
                letters.push_code(code as u8);
            }
            letters.syn_then_rst()
        };
        assert!(of("SR") && of("^SR") && of("STTR") && of("ScR") && of("SRA"));
        assert!(
            !of("ShR".replace('h', "H").as_str())
                && !of("R")
                && !of("SAR")
                && !of("sR")
                && !of("S")
        );
        assert!(of("SaR"));
    }
}
