//! BER (X.690) to the extent that protocols here need it: one element after the other, without recursion. Lengths are definite; tags have one byte.

/// Context-specific, constructed: `[number]`.
pub const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// `APPLICATION number`, constructed.
pub const fn application(number: u8) -> u8 {
    0x60 | number
}

/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;

/// Elements that are read one after the other. What is not whole ends them.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// The elements in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Elements { rest: bytes }
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next element's content if its tag is `tag`; else nothing is read.
    pub fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, content) = ahead.next()?;
        if found != tag {
            return None;
        }
        *self = ahead;
        Some(content)
    }

    /// The elements inside the next one, if its tag is `tag`.
    pub fn inside(&mut self, tag: u8) -> Option<Elements<'a>> {
        self.content(tag).map(Elements::new)
    }

    /// The next element's content as a number, if its tag is `tag`.
    pub fn number(&mut self, tag: u8) -> Option<i64> {
        number(self.content(tag)?)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let head = head(self.rest)?;
        let (element, rest) = self
            .rest
            .split_at_checked(head.len.checked_add(head.content)?)?;
        self.rest = rest;
        Some((head.tag, element.get(head.len..)?))
    }
}

/// An element's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Class, form and number.
    pub tag: u8,
    /// How many bytes tag and length have.
    pub len: usize,
    /// How many bytes the content has.
    pub content: usize,
}

/// The head of an element that `bytes` begin with; the content need not be there.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<Head> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    if first < 0x80 {
        return Some(Head {
            tag,
            len: 2,
            content: first.into(),
        });
    }
    let octets = usize::from(first & 0x7f);
    if !(1..=4).contains(&octets) {
        return None;
    }
    let content = rest
        .get(..octets)?
        .iter()
        .fold(0, |len, byte| len << 8 | usize::from(*byte));
    Some(Head {
        tag,
        len: 2 + octets,
        content,
    })
}

/// An INTEGER's or ENUMERATED's value, if it fits.
#[must_use]
pub fn number(content: &[u8]) -> Option<i64> {
    let first = *content.first()?;
    if content.len() > 8 {
        return None;
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Some(
        content
            .iter()
            .fold(sign, |number, byte| number << 8 | i64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_in_order_and_only_whole() {
        let bytes = [0x30, 5, 2, 1, 0xff, 4, 0, 0x04, 0x81, 2, 7, 8, 4, 9, 1];
        let mut elements = Elements::new(&bytes);
        let mut inner = elements.inside(SEQUENCE).unwrap();
        assert_eq!(inner.content(OCTET_STRING), None);
        assert_eq!(inner.number(INTEGER), Some(-1));
        assert_eq!(inner.content(OCTET_STRING), Some(&[][..]));
        assert_eq!(elements.content(OCTET_STRING), Some(&[7, 8][..]));
        assert_eq!(elements.next(), None);
        assert_eq!(elements.rest(), &[4, 9, 1]);
    }

    #[test]
    fn absurd_lengths_are_refused() {
        assert_eq!(head(&[0x30, 0x80, 0, 0]), None);
        assert_eq!(head(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
        let mut elements = Elements::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(elements.next(), None);
        assert_eq!(number(&[0, 0x80]), Some(128));
        assert_eq!(number(&[]), None);
    }
}
