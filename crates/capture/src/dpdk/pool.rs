//! A queue's packet buffers: a mempool of its own, so that no other core touches its free list.

use std::ffi::CString;
use std::sync::atomic::{AtomicU32, Ordering};

use portreeve_dpdk_sys as sys;

use super::config::DpdkConfig;
use super::device::Device;
use super::{fault, host, log};
use crate::burst::{MAX_BURST, Region};
use crate::error::CaptureError;

/// Bytes of a frame that one buffer holds, with the headroom in front of them that drivers expect.
pub(super) const DATA_ROOM: u16 = 2048 + sys::PR_HEADROOM as u16;
/// Free buffers that a thread keeps at hand.
const CACHE: u32 = 256;
/// What one buffer takes in all: the frame's room, the mbuf, the mempool's own words, each on cache lines of its own.
const BYTES: u64 = DATA_ROOM as u64 + 128 + 64 + 64;
/// Buffers beyond the descriptors: the burst that is lent, the one that is pending, and what is on its way through caches (a cache holds up
/// to one and a half times its size).
const ON_THE_WAY: u32 = 4 * MAX_BURST as u32 + 2 * CACHE;

/// How many buffers a queue gets.
pub(super) fn buffers(config: &DpdkConfig, descriptors: u16, device: &Device) -> u32 {
    let filled = u32::from(descriptors) * device.buffers_per_descriptor();
    let own = filled + ON_THE_WAY + config.loans;
    config
        .buffers
        .unwrap_or(0)
        .max(own)
        .saturating_add(device.buffers_taken())
}

/// The memory that so many buffers take.
pub(super) fn bytes(buffers: u64) -> u64 {
    buffers * BYTES
}

/// The buffers. They are there as long as anyone holds a reference: the port, its sources, batches with frames in them.
pub(super) struct Pool {
    pool: *mut sys::rte_mempool,
}

// SAFETY: libdpdk's mempools may be used by several threads at a time.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Region for Pool {}

impl Pool {
    /// Allocates them on `node`, or anywhere if that is not known.
    pub(super) fn new(
        device: &Device,
        buffers: u32,
        node: Option<usize>,
    ) -> Result<Pool, CaptureError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("portreeve{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = CString::new(name).unwrap_or_default();
        log::clear();
        let make = |node: i32| {
            // SAFETY: EAL runs; the name is there for the call.
            unsafe {
                sys::rte_pktmbuf_pool_create(name.as_ptr(), buffers, CACHE, 0, DATA_ROOM, node)
            }
        };
        let near = node.map_or(-1, |node| node as i32);
        let mut pool = make(near);
        if pool.is_null() && near >= 0 {
            // Far memory is better than none.
            pool = make(-1);
        }
        if pool.is_null() {
            // SAFETY: it only reads the thread's error number.
            let error = unsafe { sys::pr_errno() };
            let megabytes = bytes(buffers.into()) >> 20;
            let why = log::cite()
                .unwrap_or_else(|| std::io::Error::from_raw_os_error(error.abs()).to_string());
            return Err(fault(
                device.name(),
                format!("there is no room for {buffers} packet buffers ({megabytes} MiB): {why}"),
                Some(&format!(
                    "{}, or less with --set dpdk.descriptors=… and dpdk.buffers=…",
                    host::reserve_line(bytes(buffers.into()))
                )),
            ));
        }
        Ok(Pool { pool })
    }

    /// The size of the smallest pages that the buffers stand on, as it is said: `2 MiB pages`.
    pub(super) fn pages(&self) -> String {
        // SAFETY: the pool is there as long as `self`; it is only read.
        match unsafe { sys::pr_page_size(self.pool) } {
            0 => "pages of unknown size".to_owned(),
            bytes if bytes >= 1 << 30 => format!("{} GiB pages", bytes >> 30),
            bytes if bytes >= 1 << 20 => format!("{} MiB pages", bytes >> 20),
            bytes => format!("{} KiB pages", bytes >> 10),
        }
    }

    /// For the calls that set a queue up.
    pub(super) fn as_ptr(&self) -> *mut sys::rte_mempool {
        self.pool
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: made by `new`; the port that filled its buffers was closed before (it holds a reference), and no frame refers to one.
        unsafe { sys::rte_mempool_free(self.pool) };
    }
}
