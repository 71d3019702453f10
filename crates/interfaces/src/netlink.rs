//! Just enough rtnetlink (rtnetlink(7)) to read tables: a dump request, and the walk over its answers.
//!
//! Netlink and not /sys, because /sys shows the network namespace it was mounted in, and not the one the thread is in.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A socket for requests to the routing tables of one network namespace.
#[derive(Debug)]
pub struct Netlink {
    fd: OwnedFd,
    sequence: u32,
}

const HEADER: usize = 16;
/// Larger than any message of a dump (the kernel asks for 32 KiB at most).
const BUFFER: usize = 64 << 10;

impl Netlink {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel gave none.
    pub fn open() -> io::Result<Netlink> {
        // SAFETY: no memory is passed.
        let fd = unsafe {
            libc::socket(
                libc::AF_NETLINK,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                libc::NETLINK_ROUTE,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Netlink { fd, sequence: 0 })
    }

    /// Asks for a whole table (`RTM_GETLINK`, …) and calls `each` with the payload of every answer of type `answer`.
    pub(crate) fn dump(
        &mut self,
        request: u16,
        answer: u16,
        family: u8,
        each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let mut body = [0u8; 16];
        body[0] = family;
        // rtmsg is 12 bytes, ifaddrmsg 8, ifinfomsg 16: the kernel accepts the longest for each.
        self.request(
            request,
            (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16,
            &body,
            answer,
            each,
        )
    }

    /// Asks for one link by its index.
    pub(crate) fn link(&mut self, index: u32, each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut body = [0u8; 16];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        self.request(
            libc::RTM_GETLINK,
            (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16,
            &body,
            libc::RTM_NEWLINK,
            each,
        )
    }

    fn request(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        answer: u16,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = Vec::with_capacity(HEADER + body.len());
        message.extend_from_slice(&((HEADER + body.len()) as u32).to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&flags.to_ne_bytes());
        message.extend_from_slice(&self.sequence.to_ne_bytes());
        message.extend_from_slice(&0u32.to_ne_bytes());
        message.extend_from_slice(body);
        // SAFETY: the message is there for the call and its length is given.
        let sent = unsafe {
            libc::send(
                self.fd.as_raw_fd(),
                message.as_ptr().cast(),
                message.len(),
                0,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut buffer = vec![0u8; BUFFER];
        loop {
            // SAFETY: the buffer is ours and its length is given.
            let length = unsafe {
                libc::recv(
                    self.fd.as_raw_fd(),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    0,
                )
            };
            if length < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            let mut rest = &buffer[..length as usize];
            while let Some((header, payload, next)) = split_message(rest) {
                rest = next;
                if header.sequence != self.sequence {
                    continue;
                }
                match i32::from(header.kind) {
                    libc::NLMSG_DONE => return Ok(()),
                    libc::NLMSG_ERROR => {
                        return match word(payload, 0).map(u32::cast_signed) {
                            Some(0) => Ok(()),
                            Some(code) => Err(io::Error::from_raw_os_error(-code)),
                            None => Err(io::ErrorKind::UnexpectedEof.into()),
                        };
                    }
                    _ if header.kind == answer => each(payload),
                    _ => {}
                }
            }
        }
    }
}

struct Header {
    kind: u16,
    sequence: u32,
}

fn split_message(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let length = word(bytes, 0)? as usize;
    let payload = bytes.get(HEADER..length)?;
    let header = Header {
        kind: half(bytes, 4)?,
        sequence: word(bytes, 8)?,
    };
    let next = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    Some((header, payload, next))
}

/// The attributes that follow a message's fixed part: type and value.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(half(bytes, 0)?);
        let kind = half(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    })
}

/// The 16-bit word, host order, at `offset`.
pub(crate) fn half(bytes: &[u8], offset: usize) -> Option<u16> {
    let bytes = bytes.get(offset..offset + size_of::<u16>())?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

/// The 32-bit word, host order, at `offset`.
pub(crate) fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..offset + size_of::<u32>())?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// The 64-bit word, host order, at `offset`.
pub(crate) fn long(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset + size_of::<u64>())?;
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_end_at_damage() {
        let mut bytes = vec![];
        bytes.extend_from_slice(&5u16.to_ne_bytes());
        bytes.extend_from_slice(&3u16.to_ne_bytes());
        bytes.extend_from_slice(&[9, 0, 0, 0]);
        bytes.extend_from_slice(&200u16.to_ne_bytes());
        bytes.extend_from_slice(&1u16.to_ne_bytes());
        let all: Vec<_> = attributes(&bytes).collect();
        assert_eq!(all, [(3, &[9u8][..])]);
    }

    #[test]
    fn a_missing_link_is_an_error() {
        let error = Netlink::open().and_then(|mut netlink| netlink.link(0x7fff_ffff, |_| {}));
        assert_eq!(
            error.err().and_then(|error| error.raw_os_error()),
            Some(libc::ENODEV)
        );
    }
}
