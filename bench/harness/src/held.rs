//! How much memory is held: what the allocator gave, rounded up as it does, less what it got back.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

use mimalloc::MiMalloc;

/// The program's allocator, which counts while [`during`] runs.
pub struct Held;

static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicI64 = AtomicI64::new(0);

/// Bytes more that are held behind `what` than before it. One at a time; of no use where another allocator is the program's.
pub fn during(what: impl FnOnce()) -> i64 {
    BYTES.store(0, Relaxed);
    COUNTS.store(true, Relaxed);
    what();
    COUNTS.store(false, Relaxed);
    BYTES.load(Relaxed)
}

/// Counts what was given at `pointer`.
fn count(pointer: *mut u8, sign: i64) {
    if COUNTS.load(Relaxed) && !pointer.is_null() {
        // SAFETY: the pointer is one that this allocator gave and that was not given back.
        let bytes = unsafe { MiMalloc.usable_size(pointer) };
        BYTES.fetch_add(sign * bytes as i64, Relaxed);
    }
}

// SAFETY: every call goes to the allocator as it came.
unsafe impl GlobalAlloc for Held {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract, which is the same.
        let pointer = unsafe { MiMalloc.alloc(layout) };
        count(pointer, 1);
        pointer
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let pointer = unsafe { MiMalloc.alloc_zeroed(layout) };
        count(pointer, 1);
        pointer
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(pointer, -1);
        // SAFETY: as above.
        let pointer = unsafe { MiMalloc.realloc(pointer, layout, size) };
        count(pointer, 1);
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(pointer, -1);
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(pointer, layout) };
    }
}
