//! A sender that sends exactly what it is told.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Packets handed to the kernel with one system call.
const BATCH: usize = 64;

/// A packet socket to send frames on one interface.
pub struct Sender {
    socket: OwnedFd,
    address: libc::sockaddr_ll,
}

impl Sender {
    /// Opens an interface, in the namespace of the calling thread, for sending.
    ///
    /// # Panics
    /// No such interface, or not permitted.
    #[must_use]
    pub fn open(interface: &str) -> Sender {
        let name = std::ffi::CString::new(interface).expect("an interface's name");
        // SAFETY: the name ends with a zero byte.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        assert!(index != 0, "no interface {interface}");
        // SAFETY: no memory is passed. Protocol 0: the socket receives nothing.
        let socket =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        assert!(socket >= 0, "packet socket: {}", io::Error::last_os_error());
        // SAFETY: the descriptor was just made and nobody else has it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        // SAFETY: an all-zero sockaddr_ll is a valid value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = index.cast_signed();
        Sender { socket, address }
    }

    /// Sends `count` frames as fast as the kernel takes them: those of `frames` over and over. Returns how many were sent, which is
    /// `count`.
    ///
    /// # Panics
    /// The kernel refuses a frame.
    pub fn send<F: AsRef<[u8]>>(&self, frames: &[F], count: u64) -> u64 {
        self.send_at(frames, count, None)
    }

    /// Sends `count` frames at `rate` frames a second, in small bunches; `None`: as fast as the kernel takes them.
    ///
    /// # Panics
    /// The kernel refuses a frame.
    pub fn send_at<F: AsRef<[u8]>>(&self, frames: &[F], count: u64, rate: Option<u64>) -> u64 {
        let start = Instant::now();
        let mut sent = 0u64;
        while sent < count {
            let bunch = (count - sent).min(BATCH as u64) as usize;
            let mut vectors: Vec<libc::iovec> = (0..bunch)
                .map(|i| {
                    let frame = frames[(sent as usize + i) % frames.len()].as_ref();
                    libc::iovec {
                        iov_base: frame.as_ptr().cast_mut().cast(),
                        iov_len: frame.len(),
                    }
                })
                .collect();
            let mut messages: Vec<libc::mmsghdr> = vectors
                .iter_mut()
                .map(|vector| {
                    // SAFETY: an all-zero mmsghdr is a valid value.
                    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
                    message.msg_hdr.msg_name = std::ptr::from_ref(&self.address).cast_mut().cast();
                    message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
                    message.msg_hdr.msg_iov = vector;
                    message.msg_hdr.msg_iovlen = 1;
                    message
                })
                .collect();
            // SAFETY: the messages, their vectors and the frames are there for the call.
            let result = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    messages.as_mut_ptr(),
                    messages.len() as u32,
                    0,
                )
            };
            if result < 0 {
                let error = io::Error::last_os_error();
                match error.raw_os_error() {
                    Some(libc::ENOBUFS | libc::EAGAIN | libc::EINTR) => continue,
                    _ => panic!("send: {error}"),
                }
            }
            sent += result as u64;
            if let Some(rate) = rate {
                let due = start + Duration::from_secs_f64(sent as f64 / rate as f64);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        }
        sent
    }
}
