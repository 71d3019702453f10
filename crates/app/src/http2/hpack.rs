//! HPACK (RFC 7541): how HTTP/2 says its fields briefly.
//!
//! Both ends keep a table of fields that were sent before; a field is mostly just its number. So every block of a direction must be read, in order, or none
//! after it can be.

use std::collections::VecDeque;

use super::huffman;

/// The table's size until the receiver allows another, bytes (RFC 9113 section 6.5.2).
const DEFAULT_SIZE: usize = 4096;
/// The largest table that is followed.
const MAX_SIZE: usize = 64 << 10;
/// What each entry counts beside its texts (RFC 7541 section 4.1).
const ENTRY: usize = 32;
/// The most bytes of fields that one block may come to; more are not told.
const MAX_LIST: usize = 256 << 10;

/// The fields that have a number from the beginning (RFC 7541 appendix A).
#[rustfmt::skip]
static STATIC: &[(&[u8], &[u8])] = &[
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// A block that cannot be read, and so none after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// A field's name and value.
type Entry = (Box<[u8]>, Box<[u8]>);

/// What one direction's fields are read with.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The latest first.
    table: VecDeque<Entry>,
    size: usize,
    /// The size it is kept within, as the sender said.
    most: usize,
    /// What the sender may say.
    allowed: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder {
            table: VecDeque::new(),
            size: 0,
            most: DEFAULT_SIZE,
            allowed: DEFAULT_SIZE,
        }
    }
}

impl Decoder {
    /// The receiver allows a table of this size.
    pub(super) fn allow(&mut self, size: u32) {
        // The sender may go on with what was allowed before until it hears of it.
        self.allowed = self.allowed.max(size as usize);
    }

    /// Reads a block, and tells each field in it.
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), Broken> {
        let mut rest = block;
        let mut told = 0usize;
        let mut tell = |name: &[u8], value: &[u8]| {
            told = told.saturating_add(name.len() + value.len() + ENTRY);
            if told <= MAX_LIST {
                each(name, value);
            }
        };
        while let Some(&first) = rest.first() {
            if first & 0x80 != 0 {
                let index = integer(&mut rest, 7)?;
                let (name, value) = self.entry(index).ok_or(Broken)?;
                tell(name, value);
            } else if first & 0xe0 == 0x20 {
                let size = integer(&mut rest, 5)?;
                if size > self.allowed.min(MAX_SIZE) {
                    return Err(Broken);
                }
                self.most = size;
                self.shrink(size);
            } else {
                let kept = first & 0x40 != 0;
                let index = integer(&mut rest, if kept { 6 } else { 4 })?;
                let name = match index {
                    0 => string(&mut rest)?,
                    _ => self.entry(index).ok_or(Broken)?.0.into(),
                };
                let value = string(&mut rest)?;
                tell(&name, &value);
                if kept {
                    self.insert(name, value);
                }
            }
        }
        Ok(())
    }

    fn entry(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let at = index.checked_sub(1)?;
        if let Some(&known) = STATIC.get(at) {
            return Some(known);
        }
        let (name, value) = self.table.get(at - STATIC.len())?;
        Some((name, value))
    }

    fn insert(&mut self, name: Box<[u8]>, value: Box<[u8]>) {
        let size = name.len() + value.len() + ENTRY;
        // One that is too large for the table empties it (RFC 7541 section 4.4).
        self.shrink(self.most.saturating_sub(size));
        if size <= self.most {
            self.size += size;
            self.table.push_front((name, value));
        }
    }

    fn shrink(&mut self, most: usize) {
        while self.size > most {
            let Some((name, value)) = self.table.pop_back() else {
                return;
            };
            self.size = self.size.saturating_sub(name.len() + value.len() + ENTRY);
        }
    }
}

/// A number whose first bits are the last `prefix` of the first byte (RFC 7541 section 5.1).
fn integer(rest: &mut &[u8], prefix: u32) -> Result<usize, Broken> {
    /// The most bytes behind the first: 28 bits, more than anything here may be.
    const MAX_BYTES: u32 = 4;
    let (&first, mut behind) = rest.split_first().ok_or(Broken)?;
    let mask = (1usize << prefix) - 1;
    let mut value = usize::from(first) & mask;
    if value == mask {
        for at in 0..=MAX_BYTES {
            let (&byte, more) = behind.split_first().ok_or(Broken)?;
            if at == MAX_BYTES {
                return Err(Broken);
            }
            behind = more;
            value += (usize::from(byte) & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *rest = behind;
    Ok(value)
}

/// A text (RFC 7541 section 5.2).
fn string(rest: &mut &[u8]) -> Result<Box<[u8]>, Broken> {
    let coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let len = integer(rest, 7)?;
    let (text, behind) = rest.split_at_checked(len).ok_or(Broken)?;
    *rest = behind;
    if !coded {
        return Ok(text.into());
    }
    let mut out = Vec::with_capacity(len + len / 2);
    if huffman::decode(text, &mut out) {
        Ok(out.into_boxed_slice())
    } else {
        Err(Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, Broken> {
        let mut out = Vec::new();
        decoder.decode(block, &mut |name, value| {
            out.push(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        })?;
        Ok(out)
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 7541 appendix C.4: three requests, one behind the other.
        let mut decoder = Decoder::default();
        let first = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        let begin = [
            ":method=GET",
            ":scheme=http",
            ":path=/",
            ":authority=www.example.com",
        ];
        assert_eq!(fields(&mut decoder, first).unwrap(), begin);
        let second = b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf";
        let told = fields(&mut decoder, second).unwrap();
        assert_eq!(told[..4], begin);
        assert_eq!(told[4], "cache-control=no-cache");
        assert_eq!((decoder.size, decoder.table.len()), (110, 2));
        let third = b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf";
        let told = fields(&mut decoder, third).unwrap();
        assert_eq!(
            told[3..],
            [":authority=www.example.com", "custom-key=custom-value"]
        );
        assert_eq!((decoder.size, decoder.table.len()), (164, 3));
    }

    #[test]
    fn the_table_stays_within_its_bounds() {
        let mut decoder = Decoder::default();
        let block = [b"\x40\x01a\x7f\x80\x07".as_slice(), &[b'v'; 1023]].concat();
        for _ in 0..20 {
            fields(&mut decoder, &block).unwrap();
        }
        assert!(decoder.size <= DEFAULT_SIZE && decoder.table.len() == 3);
        // Larger than was allowed; then allowed, but not followed; then emptied.
        assert_eq!(fields(&mut decoder, b"\x3f\xe2\x1f"), Err(Broken));
        decoder.allow(1 << 20);
        assert!(fields(&mut decoder, b"\x3f\xe2\x1f").is_ok());
        assert_eq!(fields(&mut decoder, b"\x3f\xff\xff\x0f"), Err(Broken));
        assert!(fields(&mut decoder, b"\x20").is_ok());
        assert_eq!((decoder.size, decoder.table.len()), (0, 0));
        assert_eq!(fields(&mut decoder, b"\xbe"), Err(Broken));
    }

    #[test]
    fn what_is_cut_or_endless_is_refused() {
        for block in [
            &b"\x41\x8c\xf1"[..],
            b"\xff",
            b"\xff\xff\xff\xff\xff\xff",
            b"\x80",
            b"\x40\x01",
        ] {
            assert_eq!(fields(&mut Decoder::default(), block), Err(Broken));
        }
    }
}
