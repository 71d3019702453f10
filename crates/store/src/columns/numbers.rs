//! A column of values of one width.

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// Bits of a word of [`Validity`].
const WORD: usize = u64::BITS as usize;

/// Room for what comes after so much was taken out: segments are much alike, and one that is a little longer must not move everything into twice the room at its end.
pub(super) fn room_after(len: usize) -> usize {
    len + len / 8
}

/// Which rows have a value. As long as all have one there is nothing to keep.
#[derive(Default)]
pub(super) struct Validity {
    /// A bit for each row, from the first null on.
    words: Vec<u64>,
    any_null: bool,
}

impl Validity {
    /// `row` has a value, or all before it were told to have none.
    #[inline(always)]
    pub fn set(&mut self, row: usize) {
        if self.any_null {
            self.mark(row);
        }
    }

    #[inline]
    fn mark(&mut self, row: usize) {
        let word = row / WORD;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (row % WORD);
    }

    /// The rows from `from` to `to` have none; all before them were told.
    pub fn none(&mut self, from: usize, to: usize) {
        if !self.any_null && from < to {
            self.any_null = true;
            self.words.resize(from / WORD, u64::MAX);
            (from / WORD * WORD..from).for_each(|row| self.mark(row));
        }
    }

    /// Bytes of memory, with room that is not used.
    pub fn held(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    /// Takes it out, for so many rows.
    pub fn take(&mut self, rows: usize) -> Option<NullBuffer> {
        if !std::mem::take(&mut self.any_null) {
            return None;
        }
        self.words.resize(rows.div_ceil(WORD), 0);
        let room = Vec::with_capacity(room_after(self.words.len()));
        let words = std::mem::replace(&mut self.words, room);
        let bits = BooleanBuffer::new(Buffer::from_vec(words), 0, rows);
        Some(NullBuffer::new(bits))
    }
}

/// Values, a slot for each row up to the last that has one; the rows behind it are null, and cost nothing.
#[derive(Default)]
pub(super) struct Numbers<T> {
    values: Vec<T>,
    validity: Validity,
}

impl<T: Copy + Default> Numbers<T> {
    /// The value of `row`, which is behind all that have one.
    #[inline(always)]
    pub fn push(&mut self, row: usize, value: T) {
        if self.values.len() < row {
            self.pad(row);
        }
        self.values.push(value);
        self.validity.set(row);
    }

    #[inline(never)]
    fn pad(&mut self, rows: usize) {
        self.validity.none(self.values.len(), rows);
        self.values.resize(rows, T::default());
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice()) + self.values.len() / 8
    }

    /// Bytes of memory, with room that is not used.
    pub fn held(&self) -> usize {
        self.values.capacity() * size_of::<T>() + self.validity.held()
    }

    /// Takes the values of so many rows out.
    pub fn take(&mut self, rows: usize) -> (Vec<T>, Option<NullBuffer>) {
        let room = Vec::with_capacity(room_after(self.values.len()));
        self.pad(rows);
        (
            std::mem::replace(&mut self.values, room),
            self.validity.take(rows),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_value_are_null_wherever_they_stand() {
        let mut state = 7_u64;
        for every in [1, 2, 3, 63, 64, 65, 1000] {
            let mut numbers = Numbers::<u64>::default();
            for rows in [0, 1, 63, 64, 65, 700] {
                let mut expected = Vec::new();
                for row in 0..rows {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let has = (state >> 33).is_multiple_of(every);
                    expected.push(has.then_some(state));
                    if has {
                        numbers.push(row, state);
                    }
                }
                let (values, nulls) = numbers.take(rows);
                assert_eq!(values.len(), rows);
                let found = (0..rows).map(|row| {
                    let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                    valid.then_some(values[row])
                });
                assert_eq!(found.collect::<Vec<_>>(), expected, "{every} {rows}");
            }
        }
    }
}
