//! The table's memory: decided at start, on huge pages when they can be had, zeroed, never moved.
//!
//! This is the one module of the crate with `unsafe` code: everything else indexes the slices it lends.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

const HUGE_1G: usize = 1 << 30;
const HUGE_2M: usize = 2 << 20;
const PAGE: usize = 4096;

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

/// What a mapping may be made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Ask for huge pages.
    pub(crate) huge: bool,
    /// Touch everything now.
    pub(crate) prefault: bool,
}

/// An anonymous mapping that is given back when dropped.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// The part of the mapping that begins at a multiple of `align` and has `len` bytes; the rest is given back. The mapping has
    /// `len + align` bytes, and both are whole pages.
    fn aligned(self, len: usize, align: usize) -> Mapping {
        let skip = self.start.as_ptr().align_offset(align).min(self.len - len);
        let whole = std::mem::ManuallyDrop::new(self);
        let start = whole.start.as_ptr();
        // SAFETY: `skip + len` is at most the mapping's length; what is unmapped before and behind is nobody's, and what is kept is
        // owned by the value returned alone, for the old one is not dropped.
        unsafe {
            if skip > 0 {
                libc::munmap(start.cast(), skip);
            }
            let kept = NonNull::new_unchecked(start.add(skip));
            if whole.len > skip + len {
                libc::munmap(start.add(skip + len).cast(), whole.len - skip - len);
            }
            Mapping { start: kept, len }
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those of a mapping this value owns; nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

fn map(len: usize, flags: libc::c_int) -> io::Result<Mapping> {
    // SAFETY: an anonymous private mapping at an address of the kernel's choice touches no memory of ours.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    match NonNull::new(start.cast::<u8>()) {
        Some(start) => Ok(Mapping { start, len }),
        None => Err(io::Error::other("mapped at address zero")),
    }
}

/// Zeroed elements in memory of their own.
pub(crate) struct Array<T: Zeroable> {
    mapping: Mapping,
    start: NonNull<T>,
    len: usize,
    page_size: Option<usize>,
    owns: PhantomData<T>,
}

// SAFETY: an `Array` owns its mapping alone, as a `Box<[T]>` does.
unsafe impl<T: Zeroable + Send> Send for Array<T> {}
// SAFETY: shared access gives only shared slices.
unsafe impl<T: Zeroable + Sync> Sync for Array<T> {}

impl<T: Zeroable> Array<T> {
    /// `len` zeroed elements.
    pub(crate) fn new(len: usize, wish: Wish) -> io::Result<Array<T>> {
        let bytes = len
            .checked_mul(size_of::<T>())
            .filter(|bytes| *bytes <= isize::MAX as usize / 2)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?
            .max(1);
        let populate = if wish.prefault { libc::MAP_POPULATE } else { 0 };
        let (mapping, page_size) = if wish.huge && bytes >= HUGE_2M {
            Self::huge(bytes, populate)?
        } else {
            (map(bytes.next_multiple_of(PAGE), populate)?, Some(PAGE))
        };
        // Huge pages are not to be split by what the alignment of an element asks for: mappings start on a page.
        debug_assert!(align_of::<T>() <= PAGE);
        let start = mapping.start.cast::<T>();
        Ok(Array {
            mapping,
            start,
            len,
            page_size,
            owns: PhantomData,
        })
    }

    fn huge(bytes: usize, populate: libc::c_int) -> io::Result<(Mapping, Option<usize>)> {
        let sizes = [(HUGE_1G, libc::MAP_HUGE_1GB), (HUGE_2M, libc::MAP_HUGE_2MB)];
        for (page, flag) in sizes {
            // No more than an eighth may be lost to the last page.
            let len = bytes.next_multiple_of(page);
            if len - bytes <= bytes / 8
                && let Ok(mapping) = map(len, libc::MAP_HUGETLB | flag | populate)
            {
                return Ok((mapping, Some(page)));
            }
        }
        // Aligned by hand, so that huge pages fit from the first byte on.
        let len = bytes.next_multiple_of(PAGE);
        let mapping = map(len + HUGE_2M, 0)?.aligned(len, HUGE_2M);
        // SAFETY: advice on the mapping just made; it changes no contents.
        let advised =
            unsafe { libc::madvise(mapping.start.as_ptr().cast(), len, libc::MADV_HUGEPAGE) };
        if populate != 0 {
            for page in (0..len).step_by(PAGE) {
                // SAFETY: inside of the mapping, which nobody else knows yet. Volatile, or it would be left out.
                unsafe { mapping.start.as_ptr().add(page).write_volatile(0) };
            }
        }
        Ok((mapping, if advised == 0 { None } else { Some(PAGE) }))
    }

    /// Size of the pages got, bytes; `None` if transparent huge pages were asked for.
    pub(crate) fn page_size(&self) -> Option<usize> {
        self.page_size
    }

    /// Bytes mapped.
    pub(crate) fn bytes(&self) -> usize {
        self.mapping.len
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
        // SAFETY: the mapping has room for `len` elements, is aligned to a page, was zeroed by the kernel, which is a value of T.
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
        for (huge, prefault) in [(false, false), (true, false), (true, true)] {
            let mut array = Array::<u32>::new(1_500_000, Wish { huge, prefault }).unwrap();
            assert_eq!(array.len(), 1_500_000);
            assert!(array.bytes() >= 6_000_000);
            assert!(array.iter().all(|x| *x == 0));
            array[0] = 1;
            array[1_499_999] = 7;
            assert_eq!(array.iter().sum::<u32>(), 8);
            array.prefetch(1_499_999, 2);
            array.prefetch(usize::MAX / 8, 1);
            assert!(matches!(array.page_size(), None | Some(4096..)));
            if huge {
                assert_eq!(array.as_ptr() as usize % (2 << 20), 0);
            }
        }
    }

    #[test]
    fn absurd_sizes_are_errors() {
        let wish = Wish {
            huge: false,
            prefault: false,
        };
        assert!(Array::<u32>::new(usize::MAX, wish).is_err());
        assert!(Array::<u32>::new(usize::MAX / 16, wish).is_err());
        assert_eq!(Array::<u32>::new(0, wish).unwrap().len(), 0);
    }
}
