//! Names: labels, and pointers to where the rest stands (RFC 1035 section 4.1.4).

use super::message::Fault;

/// The most bytes of a name in text (RFC 1035 section 2.3.4 allows 255 with the lengths).
const MAX_NAME: usize = 255;
/// The most pointers that one name is followed through.
const MAX_JUMPS: usize = 32;

/// A name as text: its labels with dots between them, none at the end. The root is empty.
pub(super) struct Name {
    bytes: [u8; MAX_NAME],
    len: usize,
}

impl Name {
    /// The empty name: room to read one into.
    pub(super) fn new() -> Name {
        Name {
            bytes: [0; MAX_NAME],
            len: 0,
        }
    }

    /// Its bytes: as they are on the wire, of any value.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// In lower case, as names are logged.
    pub(super) fn text(&self) -> Box<str> {
        crate::text::lower(self.as_bytes())
    }

    fn push(&mut self, label: &[u8]) -> Result<(), Fault> {
        let begin = if self.len == 0 { 0 } else { self.len + 1 };
        let end = begin + label.len();
        let room = self.bytes.get_mut(begin..end).ok_or(Fault::NameTooLong)?;
        room.copy_from_slice(label);
        if let Some(dot) = begin.checked_sub(1).and_then(|at| self.bytes.get_mut(at)) {
            *dot = b'.';
        }
        self.len = end;
        Ok(())
    }

    /// Reads the name at `start`; gives where what is behind it begins. After a fault it is what was read up to there.
    ///
    /// A pointer leads to before everything that was read of the name since the last one: no loop can be made of such.
    pub(super) fn read(&mut self, message: &[u8], start: usize) -> Result<usize, Fault> {
        self.len = 0;
        let (mut at, mut begin) = (start, start);
        let mut behind = None;
        let mut jumps = 0;
        loop {
            let length = *message.get(at).ok_or(Fault::NameCut)?;
            match (length >> 6, length) {
                (0, 0) => return Ok(behind.unwrap_or(at + 1)),
                (0, length) => {
                    let end = at + 1 + usize::from(length);
                    self.push(message.get(at + 1..end).ok_or(Fault::NameCut)?)?;
                    at = end;
                }
                (3, high) => {
                    let low = *message.get(at + 1).ok_or(Fault::NameCut)?;
                    behind.get_or_insert(at + 2);
                    let target = usize::from(u16::from_be_bytes([high & 0x3f, low]));
                    jumps += 1;
                    if jumps > MAX_JUMPS {
                        return Err(Fault::TooManyJumps);
                    }
                    if target >= begin {
                        return Err(Fault::ForwardPointer);
                    }
                    (at, begin) = (target, target);
                }
                _ => return Err(Fault::LabelType),
            }
        }
    }
}

/// Where what is behind the name at `at` begins; what a pointer leads to is not looked at.
pub(super) fn skip(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *message.get(at)?;
        match length >> 6 {
            0 if length == 0 => return Some(at + 1),
            0 => at += 1 + usize::from(length),
            3 => return (at + 2 <= message.len()).then_some(at + 2),
            _ => return None,
        }
    }
}
