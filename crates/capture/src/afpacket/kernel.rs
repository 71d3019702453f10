//! The bpf(2) system call: loading the filter, and reading its counters without any call.

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ebpf::Instruction;
use super::sys;

const MAP_CREATE: c_int = 0;
const PROGRAM_LOAD: c_int = 5;
const MAP_TYPE_ARRAY: u32 = 2;
/// `BPF_F_MMAPABLE` (Linux 5.5).
const MMAPABLE: u32 = 1 << 10;
const PROGRAM_TYPE_SOCKET_FILTER: u32 = 1;
/// Bytes of one processor's counter: a cache line of its own.
const STRIDE: usize = 64;

/// The part of `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
#[derive(Default)]
struct MapAttributes {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
    flags: u32,
}

/// The part of `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
struct ProgramAttributes {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
}

fn bpf<T>(command: c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the attributes, and what they point to, are there for the call, and their size is given.
    let result: c_long = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(sys::last_error());
    }
    // SAFETY: the descriptor was just made and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(result as c_int) })
}

/// How many processors may ever be there: the program indexes its counters by their numbers.
fn possible_processors() -> usize {
    let listed = std::fs::read_to_string("/sys/devices/system/cpu/possible")
        .ok()
        .and_then(|list| {
            // "0-63", or "0,2-5": the last number is the highest.
            let last = list.trim().rsplit([',', '-']).next()?;
            last.parse::<usize>().ok()
        });
    let count = match listed {
        Some(highest) => highest + 1,
        // SAFETY: no memory is passed.
        None => usize::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) }).unwrap_or(1),
    };
    count.clamp(1, 1 << 16)
}

/// One counter for each processor, written by the kernel's program, read through a mapping.
pub(super) struct Counters {
    map: OwnedFd,
    base: NonNull<u8>,
    processors: usize,
}

// SAFETY: the mapping is read-only on this side and its words are atomic.
unsafe impl Send for Counters {}

impl Counters {
    pub(super) fn new() -> io::Result<Counters> {
        let processors = possible_processors();
        let map = bpf(
            MAP_CREATE,
            &MapAttributes {
                kind: MAP_TYPE_ARRAY,
                key_size: 4,
                value_size: STRIDE as u32,
                entries: processors as u32,
                flags: MMAPABLE,
            },
        )?;
        // SAFETY: a new mapping at an address of the kernel's choice; the kernel rounds the map up to whole pages.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                processors * STRIDE,
                libc::PROT_READ,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        let base = (base != libc::MAP_FAILED)
            .then(|| NonNull::new(base.cast()))
            .flatten()
            .ok_or_else(sys::last_error)?;
        Ok(Counters {
            map,
            base,
            processors,
        })
    }

    pub(super) fn descriptor(&self) -> c_int {
        self.map.as_raw_fd()
    }

    /// The sum over all processors.
    pub(super) fn sum(&self) -> u64 {
        (0..self.processors)
            .map(|processor| {
                // SAFETY: `processors` strides were mapped; the kernel changes the word atomically.
                let counter = unsafe {
                    self.base
                        .add(processor * STRIDE)
                        .cast::<AtomicU64>()
                        .as_ref()
                };
                counter.load(Ordering::Relaxed)
            })
            .sum()
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this size, and no borrow of it outlives the counters.
        unsafe {
            libc::munmap(self.base.as_ptr().cast(), self.processors * STRIDE);
        }
    }
}

/// Loads a program for sockets. The kernel verifies it first.
pub(super) fn load(code: &[Instruction]) -> io::Result<OwnedFd> {
    bpf(
        PROGRAM_LOAD,
        &ProgramAttributes {
            kind: PROGRAM_TYPE_SOCKET_FILTER,
            instructions: code.len() as u32,
            code: code.as_ptr() as u64,
            license: c"Dual MIT/GPL".as_ptr() as u64,
            log_level: 0,
            log_size: 0,
            log: 0,
            kernel_version: 0,
            flags: 0,
        },
    )
}
