//! The few system calls that an AF_XDP socket needs, each in a safe shell.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{size_of, size_of_val};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// Of setsockopt(2) in asm-generic/socket.h; the libc crate has them for some targets only.
const SO_BUSY_POLL: c_int = 46;
const SO_PREFER_BUSY_POLL: c_int = 69;
const SO_BUSY_POLL_BUDGET: c_int = 70;
/// How long a busy poll may last when nothing comes, in microseconds.
const BUSY_POLL_TIME: c_int = 20;

pub(super) fn last_error() -> io::Error {
    io::Error::last_os_error()
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(last_error())
    } else {
        Ok(result)
    }
}

fn owned(result: c_int) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: the descriptor was just made and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// An AF_XDP socket that is bound to nothing yet.
pub(super) fn xdp_socket() -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    owned(unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })
}

/// A packet socket that receives nothing and holds `index` promiscuous while it is open.
pub(super) fn promiscuous(index: u32) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let fd =
        owned(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })?;
    let request = libc::packet_mreq {
        mr_ifindex: index.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(&fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)?;
    Ok(fd)
}

/// `setsockopt` with a plain value.
pub(super) fn set_option<T: Copy>(
    fd: &OwnedFd,
    level: c_int,
    option: c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: `value` is there for the call and its size is given.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// `getsockopt` into a plain structure, of which an older kernel may fill in only the first part.
fn option<T>(fd: &OwnedFd, level: c_int, option: c_int) -> io::Result<T> {
    // SAFETY: only called with structures of integers, for which zeroes are valid.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes of a plain structure.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            option,
            std::ptr::from_mut(&mut value).cast(),
            &mut length,
        )
    })?;
    Ok(value)
}

/// Registers the frames' memory.
pub(super) fn register(fd: &OwnedFd, start: NonNull<u8>, len: usize, chunk: u32) -> io::Result<()> {
    let memory = libc::xdp_umem_reg {
        addr: start.as_ptr() as u64,
        len: len as u64,
        chunk_size: chunk,
        headroom: 0,
        flags: 0,
        tx_metadata_len: 0,
    };
    set_option(fd, libc::SOL_XDP, libc::XDP_UMEM_REG, &memory)
}

/// Where the parts of the rings are in their mappings.
pub(super) fn offsets(fd: &OwnedFd) -> io::Result<libc::xdp_mmap_offsets> {
    option(fd, libc::SOL_XDP, libc::XDP_MMAP_OFFSETS)
}

/// Binds to a queue of an interface.
pub(super) fn bind(fd: &OwnedFd, index: u32, queue: u32, flags: u16) -> io::Result<()> {
    let address = libc::sockaddr_xdp {
        sxdp_family: libc::AF_XDP as u16,
        sxdp_flags: flags,
        sxdp_ifindex: index,
        sxdp_queue_id: queue,
        sxdp_shared_umem_fd: 0,
    };
    // SAFETY: the address is there for the call and its size is given.
    check(unsafe {
        libc::bind(
            fd.as_raw_fd(),
            std::ptr::from_ref(&address).cast(),
            size_of_val(&address) as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Whether the bound socket's frames are written by the NIC.
pub(super) fn is_zero_copy(fd: &OwnedFd) -> bool {
    option::<libc::xdp_options>(fd, libc::SOL_XDP, libc::XDP_OPTIONS)
        .is_ok_and(|options| options.flags & libc::XDP_OPTIONS_ZEROCOPY != 0)
}

/// What the kernel counted for this socket.
pub(super) fn statistics(fd: &OwnedFd) -> io::Result<libc::xdp_statistics> {
    option(fd, libc::SOL_XDP, libc::XDP_STATISTICS)
}

/// The driver shall fetch frames when we poll, up to `budget` at once, and not by interrupts.
pub(super) fn prefer_busy_poll(fd: &OwnedFd, budget: u16) -> io::Result<()> {
    set_option(fd, libc::SOL_SOCKET, SO_PREFER_BUSY_POLL, &1i32)?;
    set_option(fd, libc::SOL_SOCKET, SO_BUSY_POLL, &BUSY_POLL_TIME)?;
    set_option(
        fd,
        libc::SOL_SOCKET,
        SO_BUSY_POLL_BUDGET,
        &c_int::from(budget),
    )
}

/// Makes the driver fetch frames now, on this processor.
pub(super) fn busy_poll(fd: &OwnedFd) {
    // SAFETY: no memory is passed: the buffer's length is 0. That there is nothing to receive is no news.
    unsafe {
        libc::recvfrom(
            fd.as_raw_fd(),
            std::ptr::null_mut(),
            0,
            libc::MSG_DONTWAIT,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
    }
}

/// A socket to ask about interfaces of the thread's network namespace; those of AF_XDP do not answer.
pub(super) fn questions() -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })
}

/// Whether the interface is up and has a carrier. `None`: there is no such interface any more.
pub(super) fn has_link(fd: &OwnedFd, interface: &str) -> Option<bool> {
    // SAFETY: an all-zero ifreq is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return None;
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: the request is there for the call.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCGIFFLAGS as _, &mut request) };
    // SAFETY: the kernel has filled in the flags.
    let flags = libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags });
    let wanted = libc::IFF_UP | libc::IFF_RUNNING;
    (result == 0).then_some(flags & wanted == wanted)
}

/// The pending error of a socket (`SO_ERROR`), which is thereby cleared.
pub(super) fn take_error(fd: &OwnedFd) -> Option<io::Error> {
    match option::<c_int>(fd, libc::SOL_SOCKET, libc::SO_ERROR) {
        Ok(0) | Err(_) => None,
        Ok(code) => Some(io::Error::from_raw_os_error(code)),
    }
}

/// Waits until the descriptor is readable or has an error, at most `milliseconds`; a signal ends the wait early. With 0
/// it only wakes the driver, if that waits for frames to fill.
pub(super) fn poll(fd: RawFd, milliseconds: c_int) -> io::Result<bool> {
    let mut entry = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry, there for the call.
    match check(unsafe { libc::poll(&mut entry, 1, milliseconds) }) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        result => Ok(result? > 0),
    }
}

/// A descriptor that is readable while any of `fds` is.
pub(super) fn any_of<'a>(fds: impl Iterator<Item = &'a OwnedFd>) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    for fd in fds {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: 0,
        };
        // SAFETY: the event is there for the call.
        check(unsafe {
            libc::epoll_ctl(
                epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd.as_raw_fd(),
                &mut event,
            )
        })?;
    }
    Ok(epoll)
}

/// Lets this process lock as much memory as it may at all: the frames are pinned, and counted against the limit.
pub(super) fn raise_memory_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure is there for the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) } != 0 {
        return;
    }
    let unlimited = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: as before. Who may not raise the hard limit raises the soft one.
    unsafe {
        if libc::setrlimit(libc::RLIMIT_MEMLOCK, &unlimited) != 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit);
        }
    }
}

/// The locked memory that this process may have, in bytes, as the shell shows it.
pub(super) fn memory_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure is there for the call.
    unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    limit.rlim_cur
}

/// Waits until every processor that was handling a packet when this was called is done with it.
pub(super) fn wait_for_packets_in_progress() {
    crate::afpacket::wait_for_packets_in_progress();
}

/// How long something that someone holds is waited for: the kernel tidies up behind a program that has just ended, or was killed, a little later.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tries `step` again for a while if what it needs is held by someone.
pub(super) fn patiently<T, E>(
    is_busy: impl Fn(&E) -> bool,
    mut step: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match step() {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

/// A shared mapping of a descriptor, given back when dropped.
pub(super) struct Map {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is owned by this value alone; what is in it is read and written as atomics or under its owner's rules.
unsafe impl Send for Map {}
// SAFETY: shared access gives only the address.
unsafe impl Sync for Map {}

impl Map {
    pub(super) fn new(fd: RawFd, offset: i64, len: usize) -> io::Result<Map> {
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap64(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_POPULATE,
                fd,
                offset,
            )
        };
        let start = (start != libc::MAP_FAILED)
            .then(|| NonNull::new(start.cast()))
            .flatten()
            .ok_or_else(last_error)?;
        Ok(Map { start, len })
    }

    /// The address at `offset`, of room for `len` bytes; `None` if that is outside.
    pub(super) fn at<T>(&self, offset: usize, count: usize) -> Option<NonNull<T>> {
        let len = size_of::<T>().checked_mul(count)?;
        let end = offset.checked_add(len)?;
        if end > self.len
            || !(self.start.as_ptr() as usize + offset).is_multiple_of(align_of::<T>())
        {
            return None;
        }
        // SAFETY: within the mapping, as just checked.
        Some(unsafe { self.start.add(offset) }.cast())
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length; pointers into it are kept only beside it.
        unsafe {
            libc::munmap(self.start.as_ptr().cast::<c_void>(), self.len);
        }
    }
}

/// Keeps the memory out of children: a page that is shared with one would be copied on our next write, away from the NIC.
pub(super) fn keep_out_of_children(start: NonNull<u8>, len: usize) {
    // SAFETY: an area of ours. If it is refused, the kernel copies pinned pages for the child when it is made.
    unsafe {
        libc::madvise(start.as_ptr().cast(), len, libc::MADV_DONTFORK);
    }
}
