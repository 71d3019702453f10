//! Lists within a hello: numbers, texts, key shares. Each is read where it lies; what does not fit ends it.

use crate::Reader;

/// Numbers of 16 bits, one after another; an odd byte at the end is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers<'a> {
    bytes: &'a [u8],
}

impl<'a> Numbers<'a> {
    pub(in crate::tls) fn new(bytes: &'a [u8]) -> Self {
        Numbers { bytes }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / 2
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those that mean something: without GREASE (RFC 8701).
    pub fn meant(self) -> impl Iterator<Item = u16> + use<'a> {
        self.filter(|&number| !super::is_grease(number))
    }
}

impl Iterator for Numbers<'_> {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        let (number, rest) = self.bytes.split_first_chunk::<2>()?;
        self.bytes = rest;
        Some(u16::from_be_bytes(*number))
    }
}

/// Texts, each behind a length of 8 bits: names of application protocols (RFC 7301 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts<'a> {
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    pub(in crate::tls) fn new(bytes: &'a [u8]) -> Self {
        Texts { bytes }
    }
}

impl<'a> Texts<'a> {
    /// The first so many, as they lie: to be read again with [`Texts::new`].
    pub(in crate::tls) fn first(self, most: usize) -> &'a [u8] {
        let bytes: usize = self.take(most).map(|text| 1 + text.len()).sum();
        self.bytes.get(..bytes).unwrap_or_default()
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut reader = Reader::new(self.bytes);
        let text = reader.vec8();
        self.bytes = reader.rest();
        if text.is_none() {
            self.bytes = &[];
        }
        text
    }
}

/// A client's key shares: for each its group, and how many bytes of key (RFC 8446 section 4.2.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyShares<'a> {
    bytes: &'a [u8],
}

impl<'a> KeyShares<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        KeyShares { bytes }
    }
}

impl Iterator for KeyShares<'_> {
    type Item = (u16, usize);

    fn next(&mut self) -> Option<(u16, usize)> {
        let mut reader = Reader::new(self.bytes);
        let share = reader
            .u16()
            .and_then(|group| Some((group, reader.vec16()?.len())));
        self.bytes = match share {
            Some(_) => reader.rest(),
            None => &[],
        };
        share
    }
}
