//! Parquet's "RLE / bit-packing hybrid": small numbers as runs, or packed eight by eight.
//!
//! (Parquet format, Encodings, "Run Length Encoding / Bit-Packing Hybrid": a header of varint form, `count << 1` before a value of whole bytes that is
//! repeated, `groups << 1 | 1` before so many groups of eight packed values, low bits first.)

/// Numbers of one group of packed values.
const GROUP: usize = 8;
/// A run that is shorter is packed with its neighbours.
const RUN: u32 = 16;
/// Groups that one header of one byte speaks for.
const MOST_GROUPS: u8 = 63;

/// Bits that numbers up to `largest` need.
pub(super) fn width(largest: u32) -> u8 {
    (u32::BITS - largest.leading_zeros()) as u8
}

/// Numbers on their way into that form.
pub(super) struct Hybrid<'a> {
    out: &'a mut Vec<u8>,
    width: u8,
    group: [u32; GROUP],
    filled: usize,
    /// Where the header of the packed groups stands, and how many there are.
    packed: Option<(usize, u8)>,
}

impl<'a> Hybrid<'a> {
    /// Appends to `out` numbers of so many bits.
    pub fn new(out: &'a mut Vec<u8>, width: u8) -> Self {
        Hybrid {
            out,
            width,
            group: [0; GROUP],
            filled: 0,
            packed: None,
        }
    }

    /// The number, so many times.
    #[inline]
    pub fn put(&mut self, number: u32, mut count: u32) {
        while count > 0 {
            if self.filled == 0 && count >= RUN {
                self.run(number, count);
                return;
            }
            self.group[self.filled] = number;
            self.filled += 1;
            count -= 1;
            if self.filled == GROUP {
                self.pack();
            }
        }
    }

    /// Numbers of one bit that are packed already, eight in a byte. Nothing waits, and nothing may come behind unless they are whole groups.
    pub fn packed_bits(&mut self, bits: &[u8]) {
        self.packed = None;
        self.header((bits.len() as u32) << 1 | 1);
        self.out.extend_from_slice(bits);
    }

    /// Pages have far fewer rows than a header can tell.
    fn header(&mut self, mut header: u32) {
        while header >= 0x80 {
            self.out.push(header as u8 | 0x80);
            header >>= 7;
        }
        self.out.push(header as u8);
    }

    fn run(&mut self, number: u32, count: u32) {
        self.packed = None;
        self.header(count << 1);
        let bytes = usize::from(self.width.div_ceil(8));
        self.out.extend_from_slice(&number.to_le_bytes()[..bytes]);
    }

    #[inline]
    fn pack(&mut self) {
        self.filled = 0;
        let (header, groups) = match self.packed {
            Some((header, groups)) if groups < MOST_GROUPS => (header, groups + 1),
            _ => {
                self.out.push(0);
                (self.out.len() - 1, 1)
            }
        };
        self.out[header] = groups << 1 | 1;
        self.packed = Some((header, groups));
        let (mut word, mut bits) = (0_u64, 0);
        for number in self.group {
            word |= u64::from(number) << bits;
            bits += u32::from(self.width);
            while bits >= 8 {
                self.out.push(word as u8);
                word >>= 8;
                bits -= 8;
            }
        }
    }

    /// No more numbers: the last group is filled up with zeros, which nobody counts.
    pub fn finish(mut self) {
        if self.filled > 0 {
            self.group[self.filled..].fill(0);
            self.pack();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads it back, by the same section of the format.
    fn read(bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let (mut at, mut numbers) = (0, Vec::new());
        while numbers.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                header |= u64::from(bytes[at] & 0x7f) << shift;
                shift += 7;
                at += 1;
                if bytes[at - 1] < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let len = usize::from(width.div_ceil(8));
                let mut number = [0; 4];
                number[..len].copy_from_slice(&bytes[at..at + len]);
                at += len;
                let number = u32::from_le_bytes(number);
                numbers.extend(std::iter::repeat_n(number, (header >> 1) as usize));
            } else {
                for i in 0..(header >> 1) * 8 {
                    let mut number = 0;
                    for bit in 0..u64::from(width) {
                        let place = i * u64::from(width) + bit;
                        let byte = bytes[at + (place / 8) as usize];
                        number |= u32::from(byte >> (place % 8) & 1) << bit;
                    }
                    numbers.push(number);
                }
                at += (header >> 1) as usize * usize::from(width);
            }
        }
        assert_eq!(at, bytes.len());
        numbers.truncate(count);
        numbers
    }

    #[test]
    fn what_is_written_is_read() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        for width in 0..=32_u8 {
            for longest in [1, 3, 20, 400] {
                let mut out = Vec::new();
                let mut hybrid = Hybrid::new(&mut out, width);
                let mut all = Vec::new();
                for _ in 0..500 {
                    let number = random(1 << width) as u32;
                    let count = 1 + random(longest) as u32;
                    hybrid.put(number, count);
                    all.extend(std::iter::repeat_n(number, count as usize));
                }
                hybrid.finish();
                assert_eq!(read(&out, width, all.len()), all, "{width} bits");
            }
        }
    }

    #[test]
    fn bits_are_packed_as_they_are() {
        let mut out = Vec::new();
        let mut hybrid = Hybrid::new(&mut out, 1);
        let bits = [0b0110_1010; 100];
        hybrid.packed_bits(&bits);
        hybrid.finish();
        let expected: Vec<u32> = (0..800).map(|i| 0b0110_1010 >> (i % 8) & 1).collect();
        assert_eq!(read(&out, 1, 800), expected);
    }

    #[test]
    fn widths() {
        let told: Vec<u8> = [0, 1, 2, 3, 4, 255, 256, u32::MAX].map(width).to_vec();
        assert_eq!(told, [0, 1, 2, 2, 3, 8, 9, 32]);
    }
}
