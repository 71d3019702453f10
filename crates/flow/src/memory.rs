//! The table's memory: decided at start, on huge pages when they can be had, zeroed, never moved.
//!
//! A tracker has one area, from which its arrays are cut: so only one last page is not quite full, whatever the pages' size.
//!
//! This is the one module of the crate with `unsafe` code: everything else indexes the slices it lends.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use portreeve_pages::{Area, PageSize, Preference, Request};

/// What flow tables are called in the start report.
const NAME: &str = "flow tables";
/// Arrays begin at multiples of this: two cache lines, which processors fetch together.
pub(crate) const ALIGN: usize = 128;

/// Types for which all bytes zero are a value.
///
/// # Safety
/// The type has no invariant that zero bytes break (no references, no `NonZero`, no enum without a zero variant) and needs no drop.
pub(crate) unsafe trait Zeroable: Copy {}

// SAFETY: integers, and an array of them.
unsafe impl Zeroable for u32 {}
// SAFETY: integers.
unsafe impl Zeroable for u64 {}
// SAFETY: integers.
unsafe impl Zeroable for [u32; 2] {}

/// What an array may stand on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Which huge pages are tried.
    pub(crate) huge: Preference,
    /// The NUMA node its memory is to be on.
    pub(crate) node: Option<usize>,
    /// Touch everything now.
    pub(crate) prefault: bool,
}

#[cfg(test)]
impl Wish {
    /// Ordinary memory, taken when it is touched: enough for tests.
    pub(crate) const PLAIN: Wish = Wish {
        huge: Preference::Off,
        node: None,
        prefault: false,
    };
}

/// One area, from which arrays are cut one behind the other.
pub(crate) struct Memory {
    area: Arc<Area>,
    used: usize,
}

impl Memory {
    /// At least `bytes` zeroed bytes.
    pub(crate) fn new(bytes: usize, wish: Wish) -> io::Result<Memory> {
        let request = Request {
            preference: wish.huge,
            node: wish.node,
            prefault: wish.prefault,
            ..Request::named(NAME)
        };
        Ok(Memory {
            area: Arc::new(Area::new(bytes, request)?),
            used: 0,
        })
    }

    /// Zeroed memory on ordinary pages, taken when it is touched: enough for tests.
    #[cfg(test)]
    pub(crate) fn plain(bytes: usize) -> Memory {
        Memory::new(bytes, Wish::PLAIN).unwrap()
    }

    /// The next `len` elements; an error if the area has not so many left.
    pub(crate) fn array<T: Zeroable>(&mut self, len: usize) -> io::Result<Array<T>> {
        const { assert!(align_of::<T>() <= ALIGN) };
        let begin = self.used.next_multiple_of(ALIGN);
        let end = len
            .checked_mul(size_of::<T>())
            .and_then(|bytes| bytes.checked_add(begin))
            .filter(|end| *end <= self.area.len())
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        self.used = end;
        // SAFETY: `begin` is at most `end`, which lies within the area or just behind it.
        let start = unsafe { self.area.start().add(begin) }.cast::<T>();
        Ok(Array {
            _area: Arc::clone(&self.area),
            start,
            len,
            owns: PhantomData,
        })
    }

    /// Size of the pages got, bytes; `None` if transparent huge pages were asked for.
    pub(crate) fn page_size(&self) -> Option<usize> {
        match self.area.page_size() {
            PageSize::Transparent => None,
            certain => Some(certain.bytes()),
        }
    }

    /// Bytes mapped: those asked for, rounded up to whole pages.
    pub(crate) fn bytes(&self) -> usize {
        self.area.len()
    }
}

/// Zeroed elements in a part of an area that is theirs alone.
pub(crate) struct Array<T: Zeroable> {
    _area: Arc<Area>,
    start: NonNull<T>,
    len: usize,
    owns: PhantomData<T>,
}

// SAFETY: an `Array` owns its part of the area alone, as a `Box<[T]>` does.
unsafe impl<T: Zeroable + Send> Send for Array<T> {}
// SAFETY: shared access gives only shared slices.
unsafe impl<T: Zeroable + Sync> Sync for Array<T> {}

impl<T: Zeroable> Array<T> {
    /// Bytes of its elements.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&**self)
    }

    /// Asks the processor to fetch the element's first `lines` cache lines. Any index is fine.
    #[inline(always)]
    pub(crate) fn prefetch(&self, index: usize, lines: usize) {
        for line in 0..lines {
            let address = self
                .start
                .as_ptr()
                .cast::<i8>()
                .wrapping_add(index * size_of::<T>() + line * 64);
            prefetch(address);
        }
    }
}

/// Asks the processor to fetch all of `value`, for a look at it in a while.
#[inline(always)]
pub fn prefetch_all<T: ?Sized>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    // What does not begin at a line's beginning may have its end in one more.
    let lines = size_of_val(value) / 64 + 1;
    for line in 0..lines {
        prefetch(start.wrapping_add(64 * line));
    }
}

/// Asks the processor to bring the first `lines` cache lines of an element, which were fetched before, into the first-level cache. Any index is fine.
#[inline(always)]
pub(crate) fn prefetch_near<T>(elements: &[T], index: usize, lines: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..lines {
        let address = elements
            .as_ptr()
            .cast::<i8>()
            .wrapping_add(index * size_of::<T>() + line * 64);
        // SAFETY: a prefetch reads nothing and faults never, whatever the address.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (elements, index, lines);
}

/// Into the second-level cache: many more fetches can be under way to it at a time than to the first (a Zen 4 waits half as long for the two lines of a slot).
#[inline(always)]
fn prefetch(address: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults never, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(address);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl<T: Zeroable> Deref for Array<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the area has room for `len` elements at `start`, which is aligned for them (areas begin on a page), was zeroed by the
        // kernel, which is a value of T, and lives as long as `self`; no other array has a part of these.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Zeroable> DerefMut for Array<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; and `&mut self` means that nobody else has a slice.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroed_writable_and_apart() {
        use Preference::{Auto, Off};
        for (huge, prefault) in [(Off, false), (Auto, false), (Auto, true)] {
            let wish = Wish {
                huge,
                prefault,
                ..Wish::PLAIN
            };
            let mut memory = Memory::new(6_000_000 + 12_000 + ALIGN, wish).unwrap();
            let mut array = memory.array::<u32>(1_500_001).unwrap();
            let mut next = memory.array::<u64>(1000).unwrap();
            assert_eq!((array.len(), next.len()), (1_500_001, 1000));
            assert_eq!((array.bytes(), next.bytes()), (6_000_004, 8000));
            assert!(memory.bytes() >= 6_012_000);
            assert!(array.iter().all(|x| *x == 0));
            array[0] = 1;
            array[1_500_000] = 7;
            assert_eq!(array.iter().sum::<u32>(), 8);
            assert!(next.iter().all(|x| *x == 0));
            next.fill(u64::MAX);
            assert_eq!(array.iter().sum::<u32>(), 8);
            assert_eq!(next.as_ptr() as usize % ALIGN, 0);
            array.prefetch(1_500_000, 2);
            array.prefetch(usize::MAX / 8, 1);
            assert!(matches!(memory.page_size(), None | Some(4096..)));
            if memory.page_size() != Some(4096) {
                assert_eq!(array.as_ptr() as usize % (2 << 20), 0);
            }
            // The memory stays as long as anything of it is used.
            drop((memory, array));
            assert_eq!(next.iter().filter(|x| **x == u64::MAX).count(), 1000);
        }
    }

    #[test]
    fn more_than_there_is_is_an_error() {
        assert!(Memory::new(usize::MAX, Wish::PLAIN).is_err());
        let mut memory = Memory::plain(4096);
        assert!(memory.array::<u32>(usize::MAX).is_err());
        assert!(memory.array::<u32>(usize::MAX / 4).is_err());
        assert!(memory.array::<u32>(1025).is_err());
        assert_eq!(memory.array::<u32>(0).unwrap().len(), 0);
        assert_eq!(memory.array::<u32>(1024).unwrap().len(), 1024);
        assert!(memory.array::<u32>(1).is_err());
    }
}
