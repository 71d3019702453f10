//! Numbers that are all different, times above all: what lies between one and the next.
//!
//! (Parquet format, Encodings, "Delta Encoding": a header with the first number, then blocks of differences, each with the least of them, and of each part the
//! width that what is above it is packed with, low bits first. All of it wraps around.)

/// Differences of a block, and the parts that it is divided into.
pub(super) const BLOCK: usize = 128;
pub(super) const PARTS: usize = 4;
const PART: usize = BLOCK / PARTS;

/// Appends the numbers.
pub(super) fn values(page: &mut Vec<u8>, numbers: &[i64]) {
    let (first, rest) = match numbers {
        [first, rest @ ..] => (*first, rest),
        [] => (0, numbers),
    };
    header(page, numbers.len(), first);
    let mut last = first;
    for block in rest.chunks(BLOCK) {
        let mut deltas = [0_i64; BLOCK];
        for (delta, number) in deltas.iter_mut().zip(block) {
            *delta = number.wrapping_sub(last);
            last = *number;
        }
        put_block(page, &deltas[..block.len()]);
    }
}

/// What stands before the blocks of so many numbers.
pub(super) fn header(page: &mut Vec<u8>, count: usize, first: i64) {
    varint(page, BLOCK as u64);
    varint(page, PARTS as u64);
    varint(page, count as u64);
    zigzag(page, first);
}

fn put_block(page: &mut Vec<u8>, deltas: &[i64]) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    zigzag(page, least);
    let widths = page.len();
    page.extend_from_slice(&[0; PARTS]);
    for (place, part) in deltas.chunks(PART).enumerate() {
        // A part that is not full ends in zeros; one without any difference is not there.
        let mut above = [0_u64; PART];
        for (above, delta) in above.iter_mut().zip(part) {
            *above = delta.wrapping_sub(least).cast_unsigned();
        }
        let all = above.iter().fold(0, |bits, above| bits | above);
        let width = u64::BITS - all.leading_zeros();
        page[widths + place] = width as u8;
        pack(page, &above, width);
    }
}

/// Packs numbers of so many bits.
fn pack(page: &mut Vec<u8>, numbers: &[u64; PART], width: u32) {
    let (mut bits, mut filled) = (0_u128, 0);
    for number in numbers {
        bits |= u128::from(*number) << filled;
        filled += width;
        if filled >= u64::BITS {
            page.extend_from_slice(&(bits as u64).to_le_bytes());
            bits >>= u64::BITS;
            filled -= u64::BITS;
        }
    }
    // Thirty-two numbers of any width end with a byte.
    page.extend_from_slice(&bits.to_le_bytes()[..filled as usize / 8]);
}

fn zigzag(page: &mut Vec<u8>, number: i64) {
    varint(page, (number << 1 ^ number >> 63).cast_unsigned());
}

fn varint(page: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        page.push(number as u8 | 0x80);
        number >>= 7;
    }
    page.push(number as u8);
}
