//! A reply: a value of RESP, read piece by piece, as a text.

use super::number;
use crate::text::MAX_TEXT;

/// How deep values are nested; what is deeper is not Redis'.
const MAX_DEPTH: usize = 32;

/// What is open around the value that comes next.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Values that are still to come in it.
    left: u64,
    /// Of a map: keys and values take turns.
    map: bool,
    /// What is said about the value behind it: not a value itself, and not told.
    attribute: bool,
}

/// A reply as far as it came.
#[derive(Debug, Default)]
pub(super) struct Reply {
    open: Vec<Open>,
    text: Vec<u8>,
    /// It is an error.
    pub(super) error: bool,
    /// It was sent without being asked for.
    pub(super) push: bool,
    begun: bool,
}

/// What the line before a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The value is whole, and more of the reply comes.
    Goes,
    /// The reply is whole.
    Whole,
    /// A text of so many bytes follows, and CR LF.
    Text(u64),
    /// Not RESP.
    Malformed,
}

impl Reply {
    /// What it says.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    fn say(&mut self, bytes: &[u8]) {
        if self.open.iter().any(|open| open.attribute) {
            return;
        }
        let room = MAX_TEXT.saturating_sub(self.text.len());
        self.text
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Takes a line, without its end.
    pub(super) fn line(&mut self, line: &[u8]) -> Line {
        let Some((kind, rest)) = line.split_first() else {
            return Line::Malformed;
        };
        let top = self.open.is_empty() && !self.begun;
        if top {
            self.error = matches!(kind, b'-' | b'!');
            self.push = *kind == b'>';
        }
        self.begun |= *kind != b'|';
        match kind {
            b'+' | b'-' | b':' | b',' | b'(' => self.say(rest),
            b'#' => self.say(if rest == b"t" { b"T" } else { b"F" }),
            b'_' => self.say(b"null"),
            b'$' | b'!' | b'=' => match number(rest) {
                // A text that is not there.
                Some(-1) => {}
                Some(len) => {
                    return u64::try_from(len).map_or(Line::Malformed, Line::Text);
                }
                None => return Line::Malformed,
            },
            b'*' | b'~' | b'>' | b'%' | b'|' => match number(rest) {
                Some(-1) => {}
                Some(len) => {
                    let Ok(len) = u64::try_from(len) else {
                        return Line::Malformed;
                    };
                    return self.aggregate(*kind, len);
                }
                None => return Line::Malformed,
            },
            _ => return Line::Malformed,
        }
        self.value_is_whole()
    }

    fn aggregate(&mut self, kind: u8, len: u64) -> Line {
        let map = matches!(kind, b'%' | b'|');
        let attribute = kind == b'|';
        let left = if map { len.saturating_mul(2) } else { len };
        if self.open.len() >= MAX_DEPTH {
            return Line::Malformed;
        }
        if !attribute {
            self.say(if map { b"{" } else { b"[" });
        }
        if left == 0 {
            if attribute {
                return Line::Goes;
            }
            self.say(if map { b"}" } else { b"]" });
            return self.value_is_whole();
        }
        self.open.push(Open {
            left,
            map,
            attribute,
        });
        Line::Goes
    }

    /// Takes what is looked at of a text.
    pub(super) fn content(&mut self, bytes: &[u8]) -> Line {
        self.say(bytes);
        self.value_is_whole()
    }

    /// Closes what is whole with the value that came.
    fn value_is_whole(&mut self) -> Line {
        while let Some(open) = self.open.last_mut() {
            open.left -= 1;
            let (left, map, attribute) = (open.left, open.map, open.attribute);
            if left > 0 {
                self.say(if map && left % 2 == 1 { b": " } else { b", " });
                return Line::Goes;
            }
            self.open.pop();
            if attribute {
                // The value that it is about comes now.
                return Line::Goes;
            }
            self.say(if map { b"}" } else { b"]" });
        }
        Line::Whole
    }
}
