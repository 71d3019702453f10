//! Messages of the handshake out of the fragments that records carry: several in one, or one in several (RFC 8446 section 5.1).

use crate::Reader;

/// The longest message that is put together; a longer one is passed over.
pub(super) const MAX_MESSAGE: usize = 64 << 10;
/// Type and length.
const HEAD: usize = 4;

/// One side's messages.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// A message whose end has not come.
    partial: Vec<u8>,
    /// So many bytes of a message that is too long are still to come.
    passing: u32,
    /// Bytes were missed: where the next message begins is not known.
    lost: bool,
}

impl Fragments {
    /// The next fragment: hands each message that is whole now to `each`.
    pub(super) fn feed(&mut self, mut data: &[u8], mut each: impl FnMut(u8, &[u8])) {
        if self.lost {
            return;
        }
        while !data.is_empty() {
            if self.passing > 0 {
                let passed = (self.passing as usize).min(data.len());
                self.passing -= passed as u32;
                data = data.get(passed..).unwrap_or_default();
            } else if self.partial.is_empty() && data.len() >= HEAD {
                data = self.first(data, &mut each);
            } else {
                data = self.next(data, &mut each);
            }
        }
    }

    /// A message begins in `data`: if it ends there too it is not copied.
    fn first<'a>(&mut self, data: &'a [u8], each: &mut impl FnMut(u8, &[u8])) -> &'a [u8] {
        let mut reader = Reader::new(data);
        let (Some(kind), Some(len)) = (reader.u8(), reader.u24()) else {
            return &[];
        };
        let len = len as usize;
        if len > MAX_MESSAGE {
            self.passing = len as u32;
            each(kind, &[]);
        } else if let Some(body) = reader.take(len) {
            each(kind, body);
        } else {
            self.partial.extend_from_slice(data);
            return &[];
        }
        reader.rest()
    }

    /// `data` goes on with the message that is held.
    fn next<'a>(&mut self, data: &'a [u8], each: &mut impl FnMut(u8, &[u8])) -> &'a [u8] {
        let wanted = match self.announced() {
            None => HEAD,
            Some((_, len)) => HEAD + len,
        };
        let missing = wanted.saturating_sub(self.partial.len()).min(data.len());
        let (taken, rest) = data.split_at_checked(missing).unwrap_or((data, &[]));
        self.partial.extend_from_slice(taken);
        if let Some((kind, len)) = self.announced() {
            if len > MAX_MESSAGE {
                self.passing = len as u32;
                self.partial = Vec::new();
                each(kind, &[]);
            } else if self.partial.len() == HEAD + len {
                let message = std::mem::take(&mut self.partial);
                each(kind, message.get(HEAD..).unwrap_or_default());
            }
        }
        rest
    }

    /// Type and length of the message that is held, once both are known.
    fn announced(&self) -> Option<(u8, usize)> {
        let mut reader = Reader::new(&self.partial);
        Some((reader.u8()?, reader.u24()? as usize))
    }

    /// No more will come, or some was missed: what there is of a message.
    pub(super) fn break_off(&mut self) -> Option<(u8, Vec<u8>)> {
        self.lost = true;
        let mut message = std::mem::take(&mut self.partial);
        if message.len() < HEAD {
            return None;
        }
        let body = message.split_off(HEAD);
        Some((*message.first()?, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(pieces: &[&[u8]]) -> Vec<(u8, Vec<u8>)> {
        let (mut fragments, mut found) = (Fragments::default(), Vec::new());
        for piece in pieces {
            fragments.feed(piece, |kind, body| found.push((kind, body.to_vec())));
        }
        found
    }

    #[test]
    fn cuts_make_no_difference() {
        let stream = [1, 0, 0, 2, 8, 9, 14, 0, 0, 0, 2, 0, 0, 1, 7];
        let whole = messages(&[&stream]);
        assert_eq!(whole, [(1, vec![8, 9]), (14, vec![]), (2, vec![7])]);
        for size in 1..stream.len() {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(messages(&pieces), whole, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_too_long_is_passed_over() {
        let mut stream = vec![11, 2, 0, 0];
        stream.resize(4 + 0x2_0000, 5);
        stream.extend([14, 0, 0, 0]);
        for size in [1, 3, 1000, stream.len()] {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(messages(&pieces), [(11, vec![]), (14, vec![])]);
        }
    }
}
