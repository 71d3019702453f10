//! The table's memory: decided at start, on huge pages when they can be had, zeroed, never moved.
//!
//! This is the one module of the crate with `unsafe` code: everything else indexes the slices it lends.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use portreeve_pages::{Area, PageSize, Preference, Request};

/// What flow tables are called in the start report.
const NAME: &str = "flow tables";

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

/// Zeroed elements in memory of their own.
pub(crate) struct Array<T: Zeroable> {
    area: Area,
    start: NonNull<T>,
    len: usize,
    owns: PhantomData<T>,
}

// SAFETY: an `Array` owns its area alone, as a `Box<[T]>` does.
unsafe impl<T: Zeroable + Send> Send for Array<T> {}
// SAFETY: shared access gives only shared slices.
unsafe impl<T: Zeroable + Sync> Sync for Array<T> {}

impl<T: Zeroable> Array<T> {
    /// `len` zeroed elements.
    pub(crate) fn new(len: usize, wish: Wish) -> io::Result<Array<T>> {
        // Areas start on a page: no element asks for more.
        const { assert!(align_of::<T>() <= 4096) };
        let bytes = len
            .checked_mul(size_of::<T>())
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let request = Request {
            preference: wish.huge,
            node: wish.node,
            prefault: wish.prefault,
            ..Request::named(NAME)
        };
        let area = Area::new(bytes, request)?;
        let start = area.start().cast::<T>();
        Ok(Array {
            area,
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

    /// Bytes mapped.
    pub(crate) fn bytes(&self) -> usize {
        self.area.len()
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

#[inline(always)]
fn prefetch(address: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults never, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl<T: Zeroable> Deref for Array<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the area has room for `len` elements, is aligned to a page, was zeroed by the kernel, which is a value of T.
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
    fn zeroed_writable_and_given_back() {
        use Preference::{Auto, Off};
        for (huge, prefault) in [(Off, false), (Auto, false), (Auto, true)] {
            let wish = Wish {
                huge,
                prefault,
                ..Wish::PLAIN
            };
            let mut array = Array::<u32>::new(1_500_000, wish).unwrap();
            assert_eq!(array.len(), 1_500_000);
            assert!(array.bytes() >= 6_000_000);
            assert!(array.iter().all(|x| *x == 0));
            array[0] = 1;
            array[1_499_999] = 7;
            assert_eq!(array.iter().sum::<u32>(), 8);
            array.prefetch(1_499_999, 2);
            array.prefetch(usize::MAX / 8, 1);
            assert!(matches!(array.page_size(), None | Some(4096..)));
            if array.page_size() != Some(4096) {
                assert_eq!(array.as_ptr() as usize % (2 << 20), 0);
            }
        }
    }

    #[test]
    fn absurd_sizes_are_errors() {
        assert!(Array::<u32>::new(usize::MAX, Wish::PLAIN).is_err());
        assert!(Array::<u32>::new(usize::MAX / 16, Wish::PLAIN).is_err());
        assert_eq!(Array::<u32>::new(0, Wish::PLAIN).unwrap().len(), 0);
    }
}
