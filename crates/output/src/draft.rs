//! One line while it is written.

/// Bytes of a draft: more than all fields of bounded length together have.
const SIZE: usize = 4096;

/// Space for one value of bounded length: any number, time, address.
pub const ROOM: usize = 64;

/// Space for one value; who writes into it says how many bytes it took.
pub type Room = [u8; ROOM];

/// The memory of a draft, kept from line to line.
pub type Page = Box<[u8; SIZE]>;

/// A new page.
#[must_use]
pub fn page() -> Page {
    Box::new([0; SIZE])
}

/// A line that is being written behind `out`: in a page of fixed size, so that a piece of constant length costs a
/// comparison with a constant and a copy of constant size. What does not fit goes to `out` earlier.
pub struct Draft<'a> {
    page: &'a mut [u8; SIZE],
    at: usize,
    out: &'a mut Vec<u8>,
}

#[cold]
#[inline(never)]
fn turn(page: &[u8; SIZE], at: usize, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(page.get(..at).unwrap_or_default());
    0
}

impl<'a> Draft<'a> {
    /// A line to be put behind `out`.
    #[inline(always)]
    pub fn new(page: &'a mut Page, out: &'a mut Vec<u8>) -> Self {
        Draft { page, at: 0, out }
    }

    /// Appends text whose length is known when compiling, and small.
    #[inline(always)]
    pub fn put(&mut self, text: &[u8]) {
        debug_assert!(text.len() <= ROOM);
        if self.at > SIZE - ROOM {
            self.at = turn(self.page, self.at, self.out);
        }
        if let Some(slot) = self.page.get_mut(self.at..self.at + text.len()) {
            slot.copy_from_slice(text);
            self.at += text.len();
        }
    }

    /// Appends what `write` puts at the beginning of its room, as many bytes as it returns.
    #[inline(always)]
    pub fn value(&mut self, write: impl FnOnce(&mut Room) -> usize) {
        if self.at > SIZE - ROOM {
            self.at = turn(self.page, self.at, self.out);
        }
        if let Some(room) = self.page[self.at..].first_chunk_mut() {
            self.at += write(room);
        }
    }

    /// Appends text of any length.
    #[inline(always)]
    pub fn text(&mut self, text: &[u8]) {
        if text.len() > SIZE / 2 {
            return self.long(|out| out.extend_from_slice(text));
        }
        if self.at > SIZE - text.len() {
            self.at = turn(self.page, self.at, self.out);
        }
        if let Some(slot) = self.page.get_mut(self.at..self.at + text.len()) {
            slot.copy_from_slice(text);
            self.at += text.len();
        }
    }

    /// Appends what `write` appends, whatever its length.
    #[inline(always)]
    pub fn long(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.at = turn(self.page, self.at, self.out);
        write(self.out);
    }

    /// Where the next byte will stand in `out`.
    #[inline(always)]
    #[must_use]
    pub fn position(&self) -> usize {
        self.out.len() + self.at
    }

    /// Writes over a byte of the line.
    #[inline(always)]
    pub fn set(&mut self, position: usize, byte: u8) {
        let slot = match position.checked_sub(self.out.len()) {
            Some(at) => self.page.get_mut(at),
            None => self.out.get_mut(position),
        };
        if let Some(slot) = slot {
            *slot = byte;
        }
    }

    /// Takes back what stands from `position` on.
    #[inline(always)]
    pub fn take_back(&mut self, position: usize) {
        match position.checked_sub(self.out.len()) {
            Some(at) => self.at = at,
            None => {
                self.out.truncate(position);
                self.at = 0;
            }
        }
    }

    /// Puts the line behind `out`.
    #[inline(always)]
    pub fn end(self) {
        self.out
            .extend_from_slice(self.page.get(..self.at).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_in_the_vector() {
        let mut page = page();
        let mut out = b"before".to_vec();
        let mut expected = out.clone();
        let mut draft = Draft::new(&mut page, &mut out);
        for i in 0..1000usize {
            let text = vec![b'a' + (i % 26) as u8; if i % 50 == 7 { 3 * i } else { i % 100 }];
            draft.text(&text);
            expected.extend_from_slice(&text);
            assert_eq!(draft.position(), expected.len());
            draft.value(|room| {
                room[..2].copy_from_slice(b"--");
                2
            });
            expected.extend_from_slice(b"--");
            if i % 37 == 0 {
                draft.long(|out| out.extend_from_slice(b"++"));
                expected.extend_from_slice(b"++");
            }
        }
        for position in [6, 4000, 5000, expected.len() - 1] {
            draft.set(position, b'!');
            expected[position] = b'!';
        }
        draft.take_back(expected.len() - 1);
        expected.pop();
        draft.end();
        assert!(out == expected);
    }
}
