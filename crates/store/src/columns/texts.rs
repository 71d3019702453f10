//! Columns of texts: as they are, and as numbers of what they have seen before.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use portreeve_output::text::{ROOM, address};

use super::numbers::{Numbers, Validity, room_after};

/// Texts, one behind the other, a slot for each row up to the last that has one.
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each text ends, behind a first 0.
    ends: Vec<i32>,
    validity: Validity,
}

impl Texts {
    pub fn new() -> Self {
        Texts {
            bytes: Vec::new(),
            ends: vec![0],
            validity: Validity::default(),
        }
    }

    /// The text of `row`, which is behind all that have one.
    #[inline]
    pub fn push(&mut self, row: usize, text: &str) {
        if self.len() < row {
            self.pad(row);
        }
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.end());
        self.validity.set(row);
    }

    /// Where the last text ends. Segments are bounded far below what this can say.
    #[inline]
    fn end(&self) -> i32 {
        i32::try_from(self.bytes.len()).unwrap_or(i32::MAX)
    }

    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    #[inline(never)]
    fn pad(&mut self, rows: usize) {
        self.validity.none(self.len(), rows);
        self.ends.resize(rows + 1, self.end());
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(self.ends.as_slice())
    }

    /// Bytes of memory, with room that is not used.
    pub fn held(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<i32>() + self.validity.held()
    }

    /// Takes the texts of so many rows out.
    pub fn take(&mut self, rows: usize) -> Result<StringArray, ArrowError> {
        let mut room = Vec::with_capacity(room_after(self.ends.len()));
        room.push(0);
        let bytes = Vec::with_capacity(room_after(self.bytes.len()));
        self.pad(rows);
        let ends = std::mem::replace(&mut self.ends, room);
        let bytes = std::mem::replace(&mut self.bytes, bytes);
        StringArray::try_new(
            OffsetBuffer::new(ends.into()),
            bytes.into(),
            self.validity.take(rows),
        )
    }
}

/// Bytes of memory of a map, about: its places, of which one in eight stays free, with a byte beside each.
fn held<K>(map: &HashMap<K, i32, RandomState>) -> usize {
    map.capacity() / 7 * 8 * (size_of::<(K, i32)>() + 1)
}

/// Texts of which each is kept once, and a number for each row.
struct Coded<K> {
    numbers: Numbers<i32>,
    places: HashMap<K, i32, RandomState>,
    texts: Texts,
}

impl<K: Hash + Eq> Coded<K> {
    fn new() -> Self {
        Coded {
            numbers: Numbers::default(),
            places: HashMap::default(),
            texts: Texts::new(),
        }
    }

    /// A text that was not there before; its number.
    fn add(&mut self, key: K, text: &str) -> i32 {
        let place = self.texts.len();
        self.texts.push(place, text);
        let place = i32::try_from(place).unwrap_or(i32::MAX);
        self.places.insert(key, place);
        place
    }

    fn bytes(&self) -> usize {
        self.numbers.bytes() + self.texts.bytes() + self.places.len() * (size_of::<K>() + 8)
    }

    fn held(&self) -> usize {
        self.numbers.held() + self.texts.held() + held(&self.places)
    }

    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let (numbers, nulls) = self.numbers.take(rows);
        let texts = self.texts.take(self.texts.len())?;
        self.places.clear();
        let numbers = Int32Array::try_new(numbers.into(), nulls)?;
        let array = DictionaryArray::<Int32Type>::try_new(numbers, Arc::new(texts))?;
        Ok(Arc::new(array))
    }
}

/// Texts of up to so many bytes are compared as numbers.
const SHORT: usize = 16;
/// Short texts that are found without a search.
const NEAR: usize = 256;

/// A short text as numbers: its first and last eight bytes, which meet or overlap, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Short {
    first: u64,
    last: u64,
    /// 0: none.
    len: u8,
}

impl Short {
    #[inline]
    fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let len = bytes.len();
        let (first, last) = if len > SHORT {
            return None;
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            (
                u32::from_le_bytes(*first).into(),
                u32::from_le_bytes(*last).into(),
            )
        } else {
            let first = bytes
                .iter()
                .fold(0, |all, byte| all << 8 | u64::from(*byte));
            (first, 0)
        };
        Some(Short {
            first,
            last,
            len: len as u8,
        })
    }

    #[inline]
    fn place(self) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as usize % NEAR
    }
}

/// Texts out of few different ones.
pub(super) struct Words {
    coded: Coded<Box<str>>,
    /// Short ones that were asked for, and their numbers.
    near: Box<[(Short, i32); NEAR]>,
}

impl Words {
    pub fn new() -> Self {
        Words {
            coded: Coded::new(),
            near: Box::new([(Short::default(), 0); NEAR]),
        }
    }

    /// The text of `row`, which is behind all that have one.
    #[inline(never)]
    pub fn push(&mut self, row: usize, text: &str) {
        let number = match Short::new(text) {
            Some(short) if short.len > 0 => {
                let near = &mut self.near[short.place()];
                if near.0 != short {
                    *near = (short, self.coded.number(text));
                }
                near.1
            }
            _ => self.coded.number(text),
        };
        self.coded.numbers.push(row, number);
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.coded.numbers.is_empty()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.coded.bytes()
    }

    /// Bytes of memory, with room that is not used; each text is a key too.
    pub fn held(&self) -> usize {
        self.coded.held() + self.coded.texts.bytes()
    }

    pub fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        self.near.fill((Short::default(), 0));
        self.coded.take(rows)
    }
}

impl Coded<Box<str>> {
    /// The number of a text.
    #[inline(never)]
    fn number(&mut self, text: &str) -> i32 {
        match self.places.get(text) {
            Some(number) => *number,
            None => self.add(text.into(), text),
        }
    }
}

/// Addresses: a text is made of each once.
pub(super) struct Addresses {
    coded: Coded<IpAddr>,
    /// Those of version 4, which most are, without what else an address can be.
    v4: HashMap<u32, i32, RandomState>,
}

impl Addresses {
    pub fn new() -> Self {
        Addresses {
            coded: Coded::new(),
            v4: HashMap::default(),
        }
    }

    /// The address of `row`, which is behind all that have one.
    #[inline(never)]
    pub fn push(&mut self, row: usize, wanted: IpAddr) {
        let known = match wanted {
            IpAddr::V4(v4) => self.v4.get(&v4.to_bits()),
            IpAddr::V6(_) => self.coded.places.get(&wanted),
        };
        let number = match known {
            Some(number) => *number,
            None => self.add(wanted),
        };
        self.coded.numbers.push(row, number);
    }

    fn add(&mut self, wanted: IpAddr) -> i32 {
        let mut room = [0; ROOM];
        let len = address(&mut room, wanted);
        let text = room.get(..len).and_then(|text| str::from_utf8(text).ok());
        let number = self.coded.add(wanted, text.unwrap_or_default());
        if let IpAddr::V4(v4) = wanted {
            self.v4.insert(v4.to_bits(), number);
        }
        number
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.coded.numbers.is_empty()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.coded.bytes() + self.v4.len() * 12
    }

    /// Bytes of memory, with room that is not used.
    pub fn held(&self) -> usize {
        self.coded.held() + held(&self.v4)
    }

    pub fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        self.v4.clear();
        self.coded.take(rows)
    }
}
