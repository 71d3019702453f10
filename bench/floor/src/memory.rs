//! Memory on huge pages.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::{io, slice};

/// One huge page: 2 MiB.
const HUGE_PAGE: usize = 2 << 20;

/// How the pages were had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Reserved huge pages (`vm.nr_hugepages`).
    Reserved,
    /// Ordinary memory that the kernel was asked to back with transparent huge pages.
    Transparent,
}

/// Zeroed memory, on 2 MiB pages where they can be had; given back when dropped.
pub struct HugeMemory {
    start: NonNull<u8>,
    len: usize,
    pages: Pages,
}

// SAFETY: the memory belongs to this value alone, as a Box<[u8]>'s does.
unsafe impl Send for HugeMemory {}
// SAFETY: shared access only reads.
unsafe impl Sync for HugeMemory {}

impl HugeMemory {
    /// At least `len` bytes, all zero.
    ///
    /// # Errors
    /// What `mmap` said.
    pub fn new(len: usize) -> io::Result<Self> {
        let len = len.max(1).next_multiple_of(HUGE_PAGE);
        let map = |flags| {
            // SAFETY: a new private anonymous mapping touches nothing that exists.
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
            (start != libc::MAP_FAILED)
                .then(|| NonNull::new(start.cast::<u8>()))
                .flatten()
        };
        if let Some(start) = map(libc::MAP_HUGETLB) {
            return Ok(HugeMemory {
                start,
                len,
                pages: Pages::Reserved,
            });
        }
        let start = map(0).ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the range is the mapping just made; the advice changes no contents. A refusal only costs speed.
        unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_HUGEPAGE) };
        Ok(HugeMemory {
            start,
            len,
            pages: Pages::Transparent,
        })
    }

    /// How the pages were had.
    #[must_use]
    pub fn pages(&self) -> Pages {
        self.pages
    }
}

impl Deref for HugeMemory {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `start` is a mapping of `len` initialised (zeroed) bytes that lives as long as self.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for HugeMemory {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for HugeMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_and_writable_to_its_end() {
        let mut memory = HugeMemory::new(3 << 20).unwrap();
        assert_eq!(memory.len(), 4 << 20);
        assert!(memory.iter().all(|byte| *byte == 0));
        *memory.last_mut().unwrap() = 7;
        assert_eq!(memory.last(), Some(&7));
    }
}
