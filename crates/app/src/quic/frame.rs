//! Frames of Initial packets (RFC 9000 section 19; which of them may be there: section 12.4).

use super::packet::number;
use crate::Reader;

/// The most ranges of an ACK that are walked over.
const MAX_RANGES: u64 = 1024;

/// A frame that tells something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Bytes of the handshake.
    Crypto {
        /// Where in its peer's handshake they belong.
        offset: u64,
        /// They.
        data: &'a [u8],
    },
    /// The end of the connection.
    Close,
}

/// The frames of a payload. It ends at a frame that must not be there.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a> {
    reader: Reader<'a>,
    google: bool,
}

impl<'a> Frames<'a> {
    /// The frames of this payload; `google`: in Google's form, as far as that is the same.
    pub(super) fn of(payload: &'a [u8], google: bool) -> Frames<'a> {
        Frames {
            reader: Reader::new(payload),
            google,
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        loop {
            let rest = self.reader.rest();
            let padding = rest.iter().position(|&byte| byte != 0)?;
            self.reader = Reader::new(rest.get(padding..)?);
            let kind = self.reader.u8()?;
            match kind {
                // PING; Google's is 7.
                1 => {}
                7 if self.google => {}
                2 | 3 => acknowledgement(&mut self.reader, kind == 3)?,
                6 => return crypto(&mut self.reader),
                // Google's own number for the same.
                8 if self.google => return crypto(&mut self.reader),
                0x1c | 0x1d => {
                    // What comes behind it is of no interest.
                    self.reader = Reader::new(&[]);
                    return Some(Frame::Close);
                }
                _ => return None,
            }
        }
    }
}

fn crypto<'a>(reader: &mut Reader<'a>) -> Option<Frame<'a>> {
    let offset = number(reader)?;
    let len = usize::try_from(number(reader)?).ok()?;
    let data = reader.take(len)?;
    Some(Frame::Crypto { offset, data })
}

fn acknowledgement(reader: &mut Reader<'_>, with_marks: bool) -> Option<()> {
    let _largest = number(reader)?;
    let _delay = number(reader)?;
    let ranges = number(reader)?;
    let _first = number(reader)?;
    if ranges > MAX_RANGES {
        return None;
    }
    for _ in 0..2 * ranges + if with_marks { 3 } else { 0 } {
        number(reader)?;
    }
    Some(())
}
