//! Time in slices, by the sizes of the files that hold it: so that what is newest is answered without a look at all the rest.

use portreeve_store::Catalog;

use crate::range::Range;

/// Bytes of Parquet that the first slice touches: some tens of milliseconds.
const FIRST: u64 = 16 << 20;
/// Each further slice is larger by this factor, so that a long search has few of them.
const GROWTH: u64 = 2;

/// The slices of a range, from one end on.
#[derive(Debug)]
pub(crate) struct Slices {
    /// Borders of time in the order in which they are gone through, milliseconds; the first is where the search begins.
    borders: Vec<i64>,
    at: usize,
}

impl Slices {
    /// The slices of `range` for a table, the newest first, or, `forward`, the oldest first.
    pub fn new(catalog: &Catalog, table: &str, range: Range, forward: bool) -> Slices {
        let files = catalog.list_table(table).unwrap_or_default();
        let files = files.parquet.iter().map(|file| Extent {
            min: file.min.div_euclid(1_000_000),
            max: file.max.div_euclid(1_000_000),
            bytes: file.bytes,
        });
        Slices {
            borders: borders(files.collect(), range, forward),
            at: 0,
        }
    }
}

impl Iterator for Slices {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        let (a, b) = (*self.borders.get(self.at)?, *self.borders.get(self.at + 1)?);
        self.at += 1;
        Some(Range {
            from: a.min(b),
            to: a.max(b),
        })
    }
}

/// The newest part of `range` that touches so many bytes of a table at most, about; at least the newest slice of it.
pub(crate) fn newest_within(catalog: &Catalog, table: &str, range: Range, bytes: u64) -> Range {
    let files = catalog.list_table(table).unwrap_or_default();
    let mut files: Vec<_> = files
        .parquet
        .iter()
        .map(|file| {
            (
                file.min.div_euclid(1_000_000),
                file.max.div_euclid(1_000_000),
                file.bytes,
            )
        })
        .filter(|(min, max, _)| *min < range.to && *max >= range.from)
        .collect();
    files.sort_unstable_by_key(|(min, ..)| std::cmp::Reverse(*min));
    let mut sum = 0;
    let mut from = range.from;
    for (at, (min, _, size)) in files.iter().enumerate() {
        sum += size;
        if sum > bytes && at > 0 {
            // The one before was the last that fits.
            from = files.get(at - 1).map_or(*min, |(min, ..)| *min);
            break;
        }
    }
    Range {
        from: from.clamp(range.from, range.to - 1),
        to: range.to,
    }
}

/// A file's times and size.
#[derive(Clone, Copy, Debug)]
struct Extent {
    min: i64,
    max: i64,
    bytes: u64,
}

/// Borders between slices: at the begins of files (going forward, at their ends), each slice of some more bytes than the one before.
fn borders(mut files: Vec<Extent>, range: Range, forward: bool) -> Vec<i64> {
    files.retain(|file| file.min < range.to && file.max >= range.from);
    let border = |file: &Extent| if forward { file.max + 1 } else { file.min };
    files.sort_unstable_by_key(border);
    if !forward {
        files.reverse();
    }
    let (begin, end) = if forward {
        (range.from, range.to)
    } else {
        (range.to, range.from)
    };
    let mut borders = vec![begin];
    let (mut sum, mut wanted) = (0, FIRST);
    for file in &files {
        sum += file.bytes;
        let at = border(file).clamp(range.from, range.to);
        if sum >= wanted && borders.last().is_some_and(|last| *last != at) && at != end {
            borders.push(at);
            sum = 0;
            wanted = wanted.saturating_mul(GROWTH);
        }
    }
    borders.push(end);
    borders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(count: i64) -> Vec<Extent> {
        (0..count)
            .map(|at| Extent {
                min: at * 100,
                max: at * 100 + 99,
                bytes: FIRST,
            })
            .collect()
    }

    #[test]
    fn slices_cover_the_range_once_and_grow() {
        for forward in [false, true] {
            let range = Range { from: 50, to: 1550 };
            let borders = borders(files(20), range, forward);
            let ends = (borders[0], borders[borders.len() - 1]);
            assert_eq!(ends, if forward { (50, 1550) } else { (1550, 50) });
            assert!(borders.is_sorted_by(|a, b| if forward { a < b } else { a > b }));
            let lengths: Vec<i64> = borders
                .windows(2)
                .map(|pair| (pair[0] - pair[1]).abs())
                .collect();
            assert_eq!(lengths[..3], [50, 200, 400], "{borders:?}");
        }
    }

    #[test]
    fn without_files_there_is_one_slice() {
        let range = Range { from: 1, to: 9 };
        assert_eq!(borders(Vec::new(), range, false), [9, 1]);
        assert_eq!(
            borders(
                files(20),
                Range {
                    from: 5000,
                    to: 5001
                },
                false
            ),
            [5001, 5000]
        );
    }
}
