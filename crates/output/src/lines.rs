//! Lines in a buffer: how many of them were written whole when a write failed in the middle.

use std::io::{Error, ErrorKind, Write};
use std::time::Duration;

/// How long a reader that takes nothing is given before the next try.
const SLOW_READER: Duration = Duration::from_millis(2);

/// Bytes of whole lines at the beginning of `bytes`, and how many of those lines are records: those that
/// do not begin with `#`, as header lines do.
pub(crate) fn whole(bytes: &[u8]) -> (usize, u64) {
    let mut records = 0;
    let mut len = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if line.last() != Some(&b'\n') {
            break;
        }
        len += line.len();
        records += u64::from(line.first() != Some(&b'#'));
    }
    (len, records)
}

/// Length of the first line, its newline included; all of `bytes` if it has none.
pub(crate) fn first(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(bytes.len(), |at| at + 1)
}

/// Writes all of `bytes`, or as much as goes: how many bytes went, and why no more did.
pub(crate) fn write(stream: &mut impl Write, bytes: &[u8]) -> (usize, Option<Error>) {
    let mut done = 0;
    while done < bytes.len() {
        match stream.write(&bytes[done..]) {
            Ok(0) => return (done, Some(ErrorKind::WriteZero.into())),
            Ok(written) => done += written,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody made our standard output non-blocking: a reader that is slow is no error.
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(SLOW_READER),
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_records_count() {
        assert_eq!(whole(b""), (0, 0));
        assert_eq!(whole(b"#h\n{a}\n{b"), (7, 1));
        assert_eq!(whole(b"{a}\n{b}\n"), (8, 2));
        assert_eq!(whole(b"{a"), (0, 0));
        assert_eq!(first(b"b}\n{c}\n"), 3);
        assert_eq!(first(b"b}"), 2);
    }
}
