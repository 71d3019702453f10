//! The few system calls that a packet socket needs, each in a safe shell.

use std::ffi::c_int;
use std::io;
use std::mem::{size_of, size_of_val};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::bpf::BpfInstruction;

/// `struct tpacket_stats_v3`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Statistics {
    /// Frames that passed the socket filter since the last read; contains `drops`.
    pub(super) packets: u32,
    /// Of those, the ones the ring had no room for.
    pub(super) drops: u32,
    /// How often the ring was found full.
    pub(super) freezes: u32,
}

/// The error of the last system call, with what was attempted.
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

/// A packet socket that no protocol is attached to yet: it receives nothing.
pub(super) fn packet_socket(kind: c_int) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let fd = check(unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor was just made and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
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

/// Reads the statistics, which the kernel thereby sets to zero.
pub(super) fn statistics(fd: &OwnedFd) -> io::Result<Statistics> {
    let mut statistics = Statistics::default();
    let mut length = size_of_val(&statistics) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes of a plain structure.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            std::ptr::from_mut(&mut statistics).cast(),
            &mut length,
        )
    })?;
    Ok(statistics)
}

/// The group that a socket has joined: its id in the lower half.
pub(super) fn fanout_group(fd: &OwnedFd) -> io::Result<u16> {
    let mut value: u32 = 0;
    let mut length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes of an integer.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_FANOUT,
            std::ptr::from_mut(&mut value).cast(),
            &mut length,
        )
    })?;
    Ok(value as u16)
}

/// The pending error of a socket (`SO_ERROR`), which is thereby cleared.
pub(super) fn take_error(fd: &OwnedFd) -> Option<io::Error> {
    let mut error: c_int = 0;
    let mut length = size_of_val(&error) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes of an integer.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            std::ptr::from_mut(&mut error).cast(),
            &mut length,
        )
    };
    (result == 0 && error != 0).then(|| io::Error::from_raw_os_error(error))
}

/// Binds to an interface (0: all) and begins to receive every protocol.
pub(super) fn bind_all_protocols(fd: &OwnedFd, index: u32) -> io::Result<()> {
    // SAFETY: an all-zero sockaddr_ll is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index as c_int;
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

/// Gives a classic BPF program to a socket option that takes a `struct sock_fprog`.
pub(super) fn set_program(
    fd: &OwnedFd,
    level: c_int,
    option: c_int,
    program: &[BpfInstruction],
) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut().cast(),
    };
    set_option(fd, level, option, &program)
}

/// Attaches a classic BPF program as the socket's filter, in place of the one before.
pub(super) fn attach_filter(fd: &OwnedFd, program: &[BpfInstruction]) -> io::Result<()> {
    set_program(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program)
}

/// Attaches a loaded eBPF program as the socket's filter, in place of the one before.
pub(super) fn attach_ebpf(fd: &OwnedFd, program: &OwnedFd) -> io::Result<()> {
    let program = program.as_raw_fd();
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_BPF, &program)
}

/// Removes the socket's filter.
pub(super) fn detach_filter(fd: &OwnedFd) -> io::Result<()> {
    set_option(fd, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0i32)
}

/// What [`poll`] saw.
pub(super) struct Polled {
    /// There is something to read.
    pub(super) readable: bool,
    /// The socket has an error to tell.
    pub(super) error: bool,
}

/// Waits for frames or an error, at most `milliseconds`. A signal ends the wait early.
pub(super) fn poll(fd: &OwnedFd, milliseconds: c_int) -> io::Result<Polled> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry, there for the call.
    match check(unsafe { libc::poll(&mut entry, 1, milliseconds) }) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        result => drop(result?),
    }
    Ok(Polled {
        readable: entry.revents & libc::POLLIN != 0,
        error: entry.revents & libc::POLLERR != 0,
    })
}

/// Waits until every processor that was handling a packet when this was called is done with it.
///
/// The kernel delivers packets inside RCU read-side sections; `membarrier(MEMBARRIER_CMD_GLOBAL)` waits for a grace
/// period. Where it is refused (nohz_full, seccomp), a pause far longer than one packet's handling has to do.
pub(crate) fn wait_for_packets_in_progress() {
    const MEMBARRIER_CMD_GLOBAL: c_int = 1;
    // SAFETY: no memory is passed.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result != 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// `struct hwtstamp_config`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct HardwareTimestamps {
    flags: c_int,
    sent: c_int,
    received: c_int,
}

/// Has the NIC timestamp all frames it receives (its stamping of sent ones stays as it is), and the socket give those timestamps.
pub(super) fn hardware_timestamps(fd: &OwnedFd, interface: &str) -> io::Result<()> {
    const GET: libc::Ioctl = 0x89b1;
    const SET: libc::Ioctl = 0x89b0;
    const ALL: c_int = 1;
    const RAW_HARDWARE: c_int = 1 << 6;
    let mut settings = HardwareTimestamps::default();
    let known = timestamp_settings(fd, interface, GET, &mut settings).is_ok();
    if !known || settings.received != ALL {
        settings.received = ALL;
        timestamp_settings(fd, interface, SET, &mut settings)?;
    }
    set_option(fd, libc::SOL_PACKET, libc::PACKET_TIMESTAMP, &RAW_HARDWARE)
}

fn timestamp_settings(
    fd: &OwnedFd,
    interface: &str,
    question: libc::Ioctl,
    settings: &mut HardwareTimestamps,
) -> io::Result<()> {
    // SAFETY: an all-zero ifreq is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = std::ptr::from_mut(settings).cast();
    // SAFETY: the request and the structure it points to are there for the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), question, &mut request) }).map(drop)
}
