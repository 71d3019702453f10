//! The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).

/// The number of symbols: the bytes, and the end of a string.
const SYMBOLS: usize = 257;
/// The longest code, bits.
const LONGEST: usize = 30;

/// The length of each symbol's code. The code is canonical (shorter ones first, those of one length in the symbols' order), so the lengths are all there is to know.
#[rustfmt::skip]
static LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// How many codes of each length there are, and their symbols in the order of the codes.
struct Code {
    counts: [u16; LONGEST + 1],
    symbols: [u16; SYMBOLS],
}

static CODE: Code = code();

const fn code() -> Code {
    let mut code = Code {
        counts: [0; LONGEST + 1],
        symbols: [0; SYMBOLS],
    };
    let (mut length, mut at) = (1, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                code.counts[length] += 1;
                code.symbols[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    code
}

/// Appends the bytes that `coded` stands for to `out`; false if it is no string of this code. What is left over at the end is padding.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> bool {
    let (mut value, mut first, mut index, mut length) = (0u32, 0u32, 0u32, 0usize);
    for byte in coded {
        for shift in (0..8).rev() {
            value = value << 1 | u32::from(byte >> shift & 1);
            length += 1;
            first <<= 1;
            let Some(&count) = CODE.counts.get(length) else {
                return false;
            };
            let count = u32::from(count);
            if value < first + count {
                let at = (index + value - first) as usize;
                match CODE.symbols.get(at).map(|&symbol| u8::try_from(symbol)) {
                    Some(Ok(symbol)) => out.push(symbol),
                    _ => return false,
                }
                (value, first, index, length) = (0, 0, 0, 0);
            } else {
                first += count;
                index += count;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn the_examples_of_the_rfc_are_decoded() {
        // RFC 7541 appendix C.4 and C.6.
        let host = [
            0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
        ];
        let value = [0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf];
        let mut out = Vec::new();
        assert!(decode(&host, &mut out) && out == b"www.example.com");
        out.clear();
        assert!(decode(&value, &mut out) && out == b"custom-value");
        // The end of a string is none of its characters.
        assert!(!decode(&[0xff; 4], &mut out));
    }
}
