//! Zeek's `history` of a TCP, UDP or ICMP conversation.

use std::fmt;

/// The most letters a history keeps. Each letter is there once a direction, `t c g w` and `q` again at each power of ten.
pub const MAX_LETTERS: usize = 38;

/// The letters of a history, in order; upper case from the originator, lower case from the responder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct History {
    letters: [u8; MAX_LETTERS],
    len: u8,
}

impl Default for History {
    fn default() -> Self {
        History {
            letters: [0; MAX_LETTERS],
            len: 0,
        }
    }
}

impl History {
    /// Appends an ASCII letter or `^`; one too many, and anything else, is left out.
    pub fn push(&mut self, letter: u8) {
        if !letter.is_ascii_alphabetic() && letter != b'^' {
            return;
        }
        if let Some(slot) = self.letters.get_mut(usize::from(self.len)) {
            *slot = letter;
            self.len += 1;
        }
    }

    /// The letters.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.letters
            .get(..usize::from(self.len))
            .unwrap_or_default()
    }

    /// The letters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
