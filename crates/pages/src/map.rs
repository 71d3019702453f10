//! The kernel's part: mappings, their pages, their node.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

use crate::request::PageSize;

/// Where transparent huge pages begin: at multiples of this.
pub(crate) const HUGE_ALIGN: usize = 2 << 20;

/// `MPOL_BIND` and `MPOL_PREFERRED` of mbind(2), which the libc crate does not have for every target.
const MPOL_PREFERRED: libc::c_ulong = 1;
const MPOL_BIND: libc::c_ulong = 2;
/// `MADV_POPULATE_WRITE` of madvise(2), Linux 5.14.
const MADV_POPULATE_WRITE: libc::c_int = 23;
/// `PR_SET_VMA` of prctl(2), Linux 5.17 with CONFIG_ANON_VMA_NAME.
const PR_SET_VMA: libc::c_int = 0x5356_4d41;
const PR_SET_VMA_ANON_NAME: libc::c_ulong = 0;
/// Nodes in a mask given to mbind(2).
const MAX_NODES: usize = 1024;

/// How strictly memory stays on its node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// There or nowhere.
    Only,
    /// There first.
    First,
}

/// A mapping that is given back when dropped, and its descriptor if it has one.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
    descriptor: Option<OwnedFd>,
}

// SAFETY: the mapping is owned by this value alone; it holds no thread's state.
unsafe impl Send for Mapping {}
// SAFETY: shared access gives only the address, the length and the descriptor's number.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those of a mapping this value owns; nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

impl Mapping {
    /// Zeroed memory of `len` bytes, whole pages of `page`, at a multiple of 2 MiB if huge pages are to stand there.
    pub(crate) fn new(len: usize, page: PageSize, descriptor: bool) -> io::Result<Mapping> {
        let descriptor = descriptor.then(|| memory_file(len, page)).transpose()?;
        let fd = descriptor.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        let mut flags = match descriptor {
            Some(_) => libc::MAP_SHARED,
            None => libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        };
        if descriptor.is_none() {
            flags |= match page {
                PageSize::Gigabyte => libc::MAP_HUGETLB | libc::MAP_HUGE_1GB,
                PageSize::TwoMegabytes => libc::MAP_HUGETLB | libc::MAP_HUGE_2MB,
                PageSize::Transparent | PageSize::Small => 0,
            };
        }
        let start = match page {
            PageSize::Transparent => map_aligned(len, flags, fd)?,
            _ => map(std::ptr::null_mut(), len, flags, fd)?,
        };
        Ok(Mapping {
            start,
            len,
            descriptor,
        })
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn descriptor(&self) -> Option<&OwnedFd> {
        self.descriptor.as_ref()
    }

    /// Binds memory that is not taken yet to `node`.
    pub(crate) fn bind(&self, node: usize, binding: Binding) -> io::Result<()> {
        const BITS: usize = libc::c_ulong::BITS as usize;
        let mut mask = [0 as libc::c_ulong; MAX_NODES / BITS];
        let word = mask.get_mut(node / BITS);
        *word.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))? = 1 << (node % BITS);
        let mode = match binding {
            Binding::Only => MPOL_BIND,
            Binding::First => MPOL_PREFERRED,
        };
        // SAFETY: the range is this mapping's; the mask has the number of bits said (the kernel reads one less).
        let done = unsafe {
            libc::syscall(
                libc::SYS_mbind,
                self.start.as_ptr(),
                self.len,
                mode,
                mask.as_ptr(),
                MAX_NODES + 1,
                0,
            )
        };
        checked(done)
    }

    /// Asks for transparent huge pages.
    pub(crate) fn advise_huge(&self) -> io::Result<()> {
        self.advise(libc::MADV_HUGEPAGE)
    }

    /// Takes all memory now. An error instead of a signal if there is not enough (madvise(2), `MADV_POPULATE_WRITE`).
    pub(crate) fn populate(&self) -> io::Result<()> {
        self.advise(MADV_POPULATE_WRITE)
    }

    fn advise(&self, advice: libc::c_int) -> io::Result<()> {
        // SAFETY: advice on a range that is this mapping's; it changes no contents.
        let done = unsafe { libc::madvise(self.start.as_ptr().cast(), self.len, advice) };
        checked(done.into())
    }

    /// Gives the mapping a name in /proc/PID/maps. Only a help for people: kernels that cannot are fine.
    pub(crate) fn name(&self, name: &std::ffi::CStr) {
        // SAFETY: the range is this mapping's, the name ends with a zero byte, and the kernel copies it.
        unsafe {
            libc::prctl(
                PR_SET_VMA,
                PR_SET_VMA_ANON_NAME,
                self.start.as_ptr(),
                self.len,
                name.as_ptr(),
            )
        };
    }
}

fn checked(returned: libc::c_long) -> io::Result<()> {
    if returned == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A file in memory, on the pages named (memfd_create(2)).
fn memory_file(len: usize, page: PageSize) -> io::Result<OwnedFd> {
    let pages = match page {
        PageSize::Gigabyte => libc::MFD_HUGETLB | libc::MFD_HUGE_1GB,
        PageSize::TwoMegabytes => libc::MFD_HUGETLB | libc::MFD_HUGE_2MB,
        PageSize::Transparent | PageSize::Small => 0,
    };
    // SAFETY: the name ends with a zero byte.
    let fd = unsafe { libc::memfd_create(c"portreeve".as_ptr(), libc::MFD_CLOEXEC | pages) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    let file = unsafe { std::fs::File::from(OwnedFd::from_raw_fd(fd)) };
    file.set_len(len as u64)?;
    Ok(file.into())
}

/// The page before an address is mapped is its own.
fn map(
    address: *mut u8,
    len: usize,
    flags: libc::c_int,
    fd: libc::c_int,
) -> io::Result<NonNull<u8>> {
    map_with(address, len, libc::PROT_READ | libc::PROT_WRITE, flags, fd)
}

fn map_with(
    address: *mut u8,
    len: usize,
    protection: libc::c_int,
    flags: libc::c_int,
    fd: libc::c_int,
) -> io::Result<NonNull<u8>> {
    // SAFETY: at an address of the kernel's choice a mapping touches no memory of ours; `map_aligned` alone names one, inside of
    // a range that it has reserved.
    let start = unsafe { libc::mmap(address.cast(), len, protection, flags, fd, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast::<u8>()).ok_or_else(|| io::Error::other("mapped at address zero"))
}

/// Reserves more addresses than needed, maps at the first multiple of 2 MiB in them, and gives the rest back.
fn map_aligned(len: usize, flags: libc::c_int, fd: libc::c_int) -> io::Result<NonNull<u8>> {
    let nothing = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let span = len + HUGE_ALIGN;
    let reserved = map_with(std::ptr::null_mut(), span, libc::PROT_NONE, nothing, -1)?;
    let skip = reserved.as_ptr().align_offset(HUGE_ALIGN).min(HUGE_ALIGN);
    // SAFETY: `skip` is at most the alignment, and `span` is that much longer than `len`.
    let start = unsafe { reserved.as_ptr().add(skip) };
    let mapped = map(start, len, flags | libc::MAP_FIXED, fd);
    // SAFETY: only what was reserved here and is not part of the new mapping is given back.
    unsafe {
        if mapped.is_err() {
            libc::munmap(reserved.as_ptr().cast(), span);
        } else {
            if skip > 0 {
                libc::munmap(reserved.as_ptr().cast(), skip);
            }
            if span > skip + len {
                libc::munmap(start.add(len).cast(), span - skip - len);
            }
        }
    }
    mapped
}
