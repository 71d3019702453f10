//! Column chunks of values that repeat: a dictionary, and runs or packed numbers of its entries. And of those that hardly do: hashes and texts as they are, times by
//! what is between them, counts plain.
//!
//! The library encodes any column, value by value through a hash table, with a compressor made for each page. Most columns of our tables are null, or the same,
//! or one of a few, nearly all the time; of a text we know already which one of the dictionary it is. Such chunks are made here, for a fraction of the time, and
//! handed to the library as encoded columns, beside its own. And what is made here has sums ([`pages`]): so everything is but sets, real numbers, yes and no, and
//! names of which there are too many for a dictionary.

mod deltas;
mod hashes;
mod hybrid;
mod pages;

use std::collections::HashMap;
use std::io;

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use bytes::Bytes;
use parquet::basic::{Encoding, Type, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use hybrid::{Hybrid, width};
use pages::{Content, Dictionary, Press};

/// Rows of a page, as the library has them.
const PAGE: usize = 20_000;
/// Entries of a dictionary at most: with more there is little that repeats.
const MOST_ENTRIES: usize = 65_536;
/// Bytes of a dictionary of texts at most.
const MOST_TEXT: usize = 1 << 20;
/// A dictionary of more than [`FEW`] entries has at most one for so many values: there would be little to gain.
const REPEATED: usize = 2;
const FEW: usize = 256;
/// Numbers below this find their entry without a search.
const SMALL: usize = 65_536;
/// Texts that are longer stand in no statistics.
const LONGEST_BOUND: usize = 64;

/// A column chunk, as a file that has only it.
pub(crate) struct Chunk {
    /// Its pages.
    pub bytes: Bytes,
    /// What is to be said of it.
    pub close: ColumnCloseResult,
}

/// Makes chunks; has what is needed again for each.
pub(crate) struct Chunks {
    press: Press,
    /// One more than the entry of each small number in the dictionary that is made, 0: none.
    small: Vec<u32>,
    /// Numbers of entries of one page, and how often each stands there in a row.
    runs: Vec<(u32, u32)>,
}

impl Chunks {
    /// A maker that compresses at that level.
    ///
    /// # Errors
    /// No memory for a compressor.
    pub fn new(level: ZstdLevel) -> io::Result<Self> {
        Ok(Chunks {
            press: Press::new(level)?,
            small: vec![0; SMALL],
            runs: Vec::with_capacity(PAGE),
        })
    }

    /// The chunk of a column, unless its values repeat too little, or are of a type that does not stand for itself: `None`.
    ///
    /// # Errors
    /// The library refuses what it is given: a fault of this crate's.
    pub fn make(&mut self, column: &ColumnDescPtr, values: &ArrayRef) -> Result<Option<Chunk>> {
        if column.max_def_level() != 1 || column.max_rep_level() != 0 {
            return Ok(None);
        }
        if values.null_count() == values.len() {
            return self.nulls(column, values.len()).map(Some);
        }
        match values.data_type() {
            DataType::UInt8 => self.counts(column, values.as_primitive::<UInt8Type>()),
            DataType::UInt16 => self.counts(column, values.as_primitive::<UInt16Type>()),
            DataType::UInt32 => self.counts(column, values.as_primitive::<UInt32Type>()),
            DataType::UInt64 => self.counts(column, values.as_primitive::<UInt64Type>()),
            DataType::Int64 => {
                let numbers = values.as_primitive::<Int64Type>();
                match self.numbers(column, numbers)? {
                    Some(chunk) => Ok(Some(chunk)),
                    None => self.deltas(column, numbers).map(Some),
                }
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let times = values.as_primitive::<TimestampNanosecondType>();
                self.deltas(column, times).map(Some)
            }
            DataType::Dictionary(..) => self.texts(column, values),
            DataType::Utf8 => {
                let texts = values.as_string();
                match self.repeated(column, texts)? {
                    Some(chunk) => Ok(Some(chunk)),
                    None => self.strings(column, texts).map(Some),
                }
            }
            _ => Ok(None),
        }
    }

    /// The chunk of these rows of a column of identifiers or hashes, in this order, if they have all one length: with many different texts there is nothing to look for.
    ///
    /// # Errors
    /// As [`Chunks::make`].
    pub fn hashes(
        &mut self,
        column: &ColumnDescPtr,
        texts: &ArrayRef,
        rows: &UInt32Array,
    ) -> Result<Option<Chunk>> {
        let Some(texts) = texts.as_string_opt::<i32>() else {
            return Ok(None);
        };
        let Some(length) = hashes::length(texts) else {
            return Ok(None);
        };
        let mut data = Vec::new();
        for from in (0..rows.len()).step_by(PAGE) {
            let rows = rows.slice(from, PAGE.min(rows.len() - from));
            let mut page = Vec::new();
            levels(&mut page, None, 0, rows.len());
            hashes::values(&mut page, texts, length, &rows);
            data.push((page, rows.len()));
        }
        let content = Content {
            dictionary: None,
            encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY,
            data,
            statistics: no_bounds(column, 0),
        };
        self.press.chunk(column, content).map(Some)
    }

    /// A chunk without any value.
    fn nulls(&mut self, column: &ColumnDescPtr, rows: usize) -> Result<Chunk> {
        let mut page = Vec::new();
        levels(&mut page, Some(&NullBuffer::new_null(rows)), 0, rows);
        let content = Content {
            dictionary: None,
            encoding: Encoding::PLAIN,
            data: vec![(page, rows)],
            statistics: no_bounds(column, rows),
        };
        self.press.chunk(column, content)
    }

    /// A chunk of a dictionary and pages that speak of it.
    fn coded(
        &mut self,
        column: &ColumnDescPtr,
        (dictionary, statistics): (Dictionary, Statistics),
        data: Vec<(Vec<u8>, usize)>,
    ) -> Result<Chunk> {
        let content = Content {
            dictionary: Some(dictionary),
            encoding: Encoding::RLE_DICTIONARY,
            data,
            statistics: Some(statistics),
        };
        self.press.chunk(column, content)
    }

    /// The chunk of numbers that count something: plain where they hardly repeat, since some are a thousand times what most are.
    fn counts<T>(
        &mut self,
        column: &ColumnDescPtr,
        values: &PrimitiveArray<T>,
    ) -> Result<Option<Chunk>>
    where
        T: ArrowPrimitiveType,
        T::Native: Number,
    {
        if let Some(chunk) = self.numbers(column, values)? {
            return Ok(Some(chunk));
        }
        let write = |page: &mut Vec<u8>, numbers: &[T::Native]| plain(page, column, numbers);
        self.uncoded(column, values, Encoding::PLAIN, write)
            .map(Some)
    }

    /// The chunk of numbers without a dictionary: of each page's values, what `write` makes of them.
    fn uncoded<T>(
        &mut self,
        column: &ColumnDescPtr,
        values: &PrimitiveArray<T>,
        encoding: Encoding,
        write: impl Fn(&mut Vec<u8>, &[T::Native]),
    ) -> Result<Chunk>
    where
        T: ArrowPrimitiveType,
        T::Native: Number,
    {
        let all = values.values();
        let (mut data, mut room) = (Vec::new(), Vec::new());
        let (mut min, mut max) = (None, None);
        for from in (0..values.len()).step_by(PAGE) {
            let rows = PAGE.min(values.len() - from);
            let numbers = valid(&all[from..from + rows], values.nulls(), from, &mut room);
            min = min.into_iter().chain(numbers.iter().copied()).min();
            max = max.into_iter().chain(numbers.iter().copied()).max();
            let mut page = Vec::new();
            levels(&mut page, values.nulls(), from, rows);
            write(&mut page, numbers);
            data.push((page, rows));
        }
        let content = Content {
            dictionary: None,
            encoding,
            data,
            statistics: Some(bounds(column, min, max, values.null_count())),
        };
        self.press.chunk(column, content)
    }

    fn numbers<T>(
        &mut self,
        column: &ColumnDescPtr,
        values: &PrimitiveArray<T>,
    ) -> Result<Option<Chunk>>
    where
        T: ArrowPrimitiveType,
        T::Native: Number,
    {
        let mut found = Found {
            small: &mut self.small,
            large: HashMap::default(),
            entries: Vec::new(),
        };
        let mut data = Vec::new();
        let all = values.values();
        let mut room = Vec::new();
        let mut count = 0;
        for from in (0..values.len()).step_by(PAGE) {
            let rows = PAGE.min(values.len() - from);
            self.runs.clear();
            let values_here = valid(&all[from..from + rows], values.nulls(), from, &mut room);
            count += values_here.len();
            runs(values_here, |value, count| {
                self.runs.push((found.entry(value), count));
            });
            let entries = found.entries.len();
            if entries > MOST_ENTRIES || (entries > FEW && entries * REPEATED > count) {
                found.forget();
                return Ok(None);
            }
            data.push((page(values.nulls(), from, rows, &self.runs, entries), rows));
        }
        let dictionary = found.dictionary(column, values.null_count());
        found.forget();
        self.coded(column, dictionary, data).map(Some)
    }

    /// The chunk of times and intervals, of which hardly any is there twice.
    fn deltas<T>(&mut self, column: &ColumnDescPtr, values: &PrimitiveArray<T>) -> Result<Chunk>
    where
        T: ArrowPrimitiveType<Native = i64>,
    {
        let encoding = Encoding::DELTA_BINARY_PACKED;
        self.uncoded(column, values, encoding, deltas::values)
    }

    fn texts(&mut self, column: &ColumnDescPtr, values: &ArrayRef) -> Result<Option<Chunk>> {
        let Some(values) = values.as_dictionary_opt::<Int32Type>() else {
            return Ok(None);
        };
        let Some(texts) = values.values().as_string_opt::<i32>() else {
            return Ok(None);
        };
        if texts.null_count() > 0 {
            return Ok(None);
        }
        // Of a dictionary that is shared with other rows, what these speak of.
        let keys = values.keys();
        let mut entries = vec![0_u32; texts.len()];
        let mut used = Vec::new();
        let mut bytes = 0;
        let mut room = Vec::new();
        for key in valid(keys.values(), keys.nulls(), 0, &mut room) {
            let entry = &mut entries[*key as usize];
            if *entry == 0 {
                used.push(*key as usize);
                *entry = used.len() as u32;
                bytes += 4 + texts.value(*key as usize).len();
            }
        }
        if bytes > MOST_TEXT {
            return Ok(None);
        }
        let mut data = Vec::new();
        for from in (0..keys.len()).step_by(PAGE) {
            let rows = PAGE.min(keys.len() - from);
            self.runs.clear();
            let page_keys = &keys.values()[from..from + rows];
            runs(
                valid(page_keys, keys.nulls(), from, &mut room),
                |key, count| {
                    self.runs.push((entries[key as usize] - 1, count));
                },
            );
            data.push((page(keys.nulls(), from, rows, &self.runs, used.len()), rows));
        }
        let dictionary = text_dictionary(texts, &used, bytes, keys.null_count());
        self.coded(column, dictionary, data).map(Some)
    }

    /// The chunk of texts that have no dictionary yet, unless it would be too large.
    fn repeated(&mut self, column: &ColumnDescPtr, texts: &StringArray) -> Result<Option<Chunk>> {
        let mut entries: HashMap<&str, u32, RandomState> = HashMap::default();
        let (mut used, mut bytes) = (Vec::new(), 0);
        let mut data = Vec::new();
        for from in (0..texts.len()).step_by(PAGE) {
            let rows = PAGE.min(texts.len() - from);
            self.runs.clear();
            for row in (from..from + rows).filter(|row| texts.is_valid(*row)) {
                let text = texts.value(row);
                let next = used.len() as u32;
                let entry = *entries.entry(text).or_insert(next);
                if entry == next {
                    used.push(row);
                    bytes += 4 + text.len();
                }
                match self.runs.last_mut() {
                    Some((last, count)) if *last == entry => *count += 1,
                    _ => self.runs.push((entry, 1)),
                }
            }
            if bytes > MOST_TEXT || used.len() > MOST_ENTRIES {
                return Ok(None);
            }
            data.push((
                page(texts.nulls(), from, rows, &self.runs, used.len()),
                rows,
            ));
        }
        let dictionary = text_dictionary(texts, &used, bytes, texts.null_count());
        self.coded(column, dictionary, data).map(Some)
    }

    /// The chunk of texts of which hardly any is there twice: what does repeat in them, the compressor finds.
    fn strings(&mut self, column: &ColumnDescPtr, texts: &StringArray) -> Result<Chunk> {
        let mut data = Vec::new();
        let (mut min, mut max) = (None, None);
        for from in (0..texts.len()).step_by(PAGE) {
            let rows = PAGE.min(texts.len() - from);
            let here = || (from..from + rows).filter(|row| texts.is_valid(*row));
            let lengths: Vec<i64> = here().map(|row| texts.value(row).len() as i64).collect();
            let mut page = Vec::new();
            levels(&mut page, texts.nulls(), from, rows);
            deltas::values(&mut page, &lengths);
            for text in here().map(|row| texts.value(row)) {
                page.extend_from_slice(text.as_bytes());
                min = Some(min.map_or(text, |min: &str| min.min(text)));
                max = Some(max.map_or(text, |max: &str| max.max(text)));
            }
            data.push((page, rows));
        }
        let content = Content {
            dictionary: None,
            encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY,
            data,
            statistics: Some(text_bounds(min, max, texts.null_count())),
        };
        self.press.chunk(column, content)
    }
}

/// The values of rows from `from` on that have one; `room` has them where there are others.
#[inline]
fn valid<'a, T: Copy>(
    values: &'a [T],
    nulls: Option<&NullBuffer>,
    from: usize,
    room: &'a mut Vec<T>,
) -> &'a [T] {
    let nulls = nulls.map(|nulls| nulls.slice(from, values.len()));
    match nulls {
        Some(nulls) if nulls.null_count() > 0 => {
            room.clear();
            room.extend(nulls.valid_indices().map(|row| values[row]));
            room
        }
        _ => values,
    }
}

/// Values that follow each other and are the same, and how many they are.
#[inline]
fn runs<T: Copy + PartialEq>(values: &[T], mut take: impl FnMut(T, u32)) {
    let mut rest = values;
    while let Some(first) = rest.first() {
        let end = rest.iter().position(|value| value != first);
        let count = end.unwrap_or(rest.len());
        take(*first, count as u32);
        rest = &rest[count..];
    }
}

/// A page: the levels of its rows, then the entries of their values in a dictionary of so many.
fn page(
    nulls: Option<&NullBuffer>,
    from: usize,
    rows: usize,
    runs: &[(u32, u32)],
    entries: usize,
) -> Vec<u8> {
    let mut page = Vec::with_capacity(runs.len() + 64);
    levels(&mut page, nulls, from, rows);
    // Parquet format, "Dictionary Encoding": the width in a byte, then the hybrid.
    let width = width(entries.saturating_sub(1) as u32);
    page.push(width);
    let mut numbers = Hybrid::new(&mut page, width);
    for (entry, count) in runs {
        numbers.put(*entry, *count);
    }
    numbers.finish();
    page
}

/// The definition levels of a page: 1 for each row with a value, 0 for each without. (Parquet format, "Data Pages": their length in four bytes, then
/// the hybrid, whose packed form of single bits is that of Arrow's bitmap.)
fn levels(page: &mut Vec<u8>, nulls: Option<&NullBuffer>, from: usize, rows: usize) {
    let at = page.len();
    page.extend_from_slice(&[0; 4]);
    let mut hybrid = Hybrid::new(page, 1);
    match nulls.map(|nulls| nulls.slice(from, rows)) {
        Some(nulls) if nulls.null_count() == rows => hybrid.put(0, rows as u32),
        Some(nulls) if nulls.null_count() > 0 => {
            let bits = nulls.inner().sliced();
            hybrid.packed_bits(&bits.as_slice()[..rows.div_ceil(8)]);
        }
        _ => hybrid.put(1, rows as u32),
    }
    hybrid.finish();
    let len = (page.len() - at - 4) as u32;
    page[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

/// A number of a column.
trait Number: Copy + PartialEq + Ord {
    /// Its bits, as Parquet's physical type has them.
    fn bits(self) -> u64;
}

macro_rules! numbers {
    ($($unsigned:ty),*) => { $(impl Number for $unsigned {
        #[inline]
        fn bits(self) -> u64 {
            u64::from(self)
        }
    })* };
}
numbers!(u8, u16, u32, u64);

impl Number for i64 {
    #[inline]
    fn bits(self) -> u64 {
        self.cast_unsigned()
    }
}

/// The entries that were found so far.
struct Found<'a, T> {
    small: &'a mut [u32],
    large: HashMap<u64, u32, RandomState>,
    entries: Vec<T>,
}

impl<T: Number> Found<'_, T> {
    /// The entry of a number.
    #[inline]
    fn entry(&mut self, number: T) -> u32 {
        let bits = number.bits();
        let Some(entry) = self.small.get_mut(bits as usize) else {
            return self.large(number);
        };
        if *entry == 0 {
            self.entries.push(number);
            *entry = self.entries.len() as u32;
        }
        *entry - 1
    }

    #[inline(never)]
    fn large(&mut self, number: T) -> u32 {
        let next = self.entries.len() as u32;
        let entry = *self.large.entry(number.bits()).or_insert(next);
        if entry == next {
            self.entries.push(number);
        }
        entry
    }

    /// Makes the table of small numbers what it was.
    fn forget(&mut self) {
        for number in &self.entries {
            if let Some(entry) = self.small.get_mut(number.bits() as usize) {
                *entry = 0;
            }
        }
    }

    fn dictionary(&self, column: &ColumnDescPtr, nulls: usize) -> (Dictionary, Statistics) {
        let (min, max) = (self.entries.iter().min(), self.entries.iter().max());
        let statistics = bounds(column, min.copied(), max.copied(), nulls);
        let mut page = Vec::new();
        plain(&mut page, column, &self.entries);
        let entries = self.entries.len();
        (Dictionary { page, entries }, statistics)
    }
}

/// Appends numbers as Parquet's physical type has them.
fn plain<T: Number>(page: &mut Vec<u8>, column: &ColumnDescPtr, numbers: &[T]) {
    page.reserve(numbers.len() * size_of::<u64>());
    if column.physical_type() == Type::INT32 {
        for number in numbers {
            page.extend_from_slice(&(number.bits() as u32).to_le_bytes());
        }
    } else {
        for number in numbers {
            page.extend_from_slice(&number.bits().to_le_bytes());
        }
    }
}

/// Statistics of a column of numbers.
fn bounds<T: Number>(
    column: &ColumnDescPtr,
    min: Option<T>,
    max: Option<T>,
    nulls: usize,
) -> Statistics {
    let (min, max) = (min.map(Number::bits), max.map(Number::bits));
    let nulls = Some(nulls as u64);
    if column.physical_type() == Type::INT32 {
        let bound = |bits: u64| (bits as u32).cast_signed();
        Statistics::int32(min.map(bound), max.map(bound), None, nulls, false)
    } else {
        let bound = u64::cast_signed;
        Statistics::int64(min.map(bound), max.map(bound), None, nulls, false)
    }
}

fn text_dictionary(
    texts: &StringArray,
    used: &[usize],
    bytes: usize,
    nulls: usize,
) -> (Dictionary, Statistics) {
    let mut page = Vec::with_capacity(bytes);
    let (mut min, mut max) = (None, None);
    for place in used {
        let text = texts.value(*place);
        page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        page.extend_from_slice(text.as_bytes());
        min = Some(min.map_or(text, |min: &str| min.min(text)));
        max = Some(max.map_or(text, |max: &str| max.max(text)));
    }
    let entries = used.len();
    (Dictionary { page, entries }, text_bounds(min, max, nulls))
}

/// Statistics of a column of texts.
fn text_bounds(min: Option<&str>, max: Option<&str>, nulls: usize) -> Statistics {
    let told = [min, max]
        .iter()
        .all(|bound| bound.is_some_and(|bound| bound.len() <= LONGEST_BOUND));
    let bound = |bound: Option<&str>| bound.filter(|_| told).map(Into::into);
    Statistics::byte_array(bound(min), bound(max), None, Some(nulls as u64), false)
}

/// Statistics of a column without values.
fn no_bounds(column: &ColumnDescPtr, nulls: usize) -> Option<Statistics> {
    let nulls = Some(nulls as u64);
    match column.physical_type() {
        Type::BOOLEAN => Some(Statistics::boolean(None, None, None, nulls, false)),
        Type::INT32 => Some(Statistics::int32(None, None, None, nulls, false)),
        Type::INT64 => Some(Statistics::int64(None, None, None, nulls, false)),
        Type::DOUBLE => Some(Statistics::double(None, None, None, nulls, false)),
        Type::BYTE_ARRAY => Some(Statistics::byte_array(None, None, None, nulls, false)),
        _ => None,
    }
}
