//! Texts of one length that are all different: identifiers, hashes.

use arrow::array::{Array, StringArray, UInt32Array};

use super::deltas::{self, BLOCK, PARTS};

/// The length of all these texts, if they have one and the same.
pub(super) fn length(texts: &StringArray) -> Option<usize> {
    let offsets = texts.value_offsets();
    let (first, rest) = offsets.split_first()?;
    let length = rest.first()? - first;
    let mut last = *first;
    let same = rest.iter().all(|end| {
        let len = end - last;
        last = *end;
        len == length
    });
    (same && texts.null_count() == 0).then_some(usize::try_from(length).ok()?)
}

/// A page's values: rows of texts that have all that length. (Parquet format, "Delta-length byte array": the lengths as "Delta Encoding", which has a header and, for
/// numbers that do not change, blocks of zeros; then the bytes.)
pub(super) fn values(page: &mut Vec<u8>, texts: &StringArray, length: usize, rows: &UInt32Array) {
    let rows = rows.values();
    deltas::header(page, rows.len(), length as i64);
    // The first length stands in the header; each block has its least delta, and the width of each part.
    for _ in 0..rows.len().saturating_sub(1).div_ceil(BLOCK) {
        page.extend_from_slice(&[0; 1 + PARTS]);
    }
    page.reserve(rows.len() * length);
    let first = texts.value_offsets().first().copied().unwrap_or(0);
    let bytes = texts.value_data();
    for row in rows {
        let at = first as usize + *row as usize * length;
        page.extend_from_slice(&bytes[at..at + length]);
    }
}
