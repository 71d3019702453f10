//! Names of rotated files: `conn.2026-11-22-10-00-00.log.gz`.
//!
//! The time is when the file was begun, in UTC, so names sort by age. Where that name is taken (rotation by size,
//! twice within a second) a number follows: `conn.2026-11-22-10-00-00-1.log`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::clock::nanoseconds;
use crate::text::{self, Civil};

/// Length of `2026-11-22-10-00-00`.
const STAMP_LEN: usize = 19;

/// A rotated file's name, taken apart. Its order is the order of age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rotated {
    /// When it was begun: `2026-11-22-10-00-00`.
    pub(crate) stamp: String,
    /// Which of several of one second.
    pub(crate) number: u32,
    /// The name without any ending of compression.
    pub(crate) plain: String,
    /// Whether it is compressed.
    pub(crate) compressed: bool,
}

/// The moment as it stands in names. Compares as text as moments compare (years 0 to 9999).
pub(crate) fn stamp(at: SystemTime) -> String {
    let mut room = [0; text::ROOM];
    let civil = Civil::from_nanoseconds(nanoseconds(at));
    let len = text::civil(&mut room, civil, b'-', b'-', b'-');
    String::from_utf8_lossy(&room[..len]).into_owned()
}

/// A name in `directory` for a file begun at `opened` that no file has yet, compressed or not, and that sorts after all that
/// have the same time: the number of a file that retention removed is not given again while younger ones are there.
pub(crate) fn free(directory: &Path, stem: &str, extension: &str, opened: SystemTime) -> PathBuf {
    let stamp = stamp(opened);
    let taken = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| parse(entry.ok()?.file_name().to_str()?, &[stem], extension))
        .filter(|rotated| rotated.stamp == stamp)
        .map(|rotated| rotated.number)
        .max();
    let name = match taken {
        None => format!("{stem}.{stamp}.{extension}"),
        Some(number) => format!("{stem}.{stamp}-{}.{extension}", number.saturating_add(1)),
    };
    directory.join(name)
}

/// Takes a file's name apart, if it is one of ours: one of `stems`, a time, `extension`.
pub(crate) fn parse(name: &str, stems: &[&str], extension: &str) -> Option<Rotated> {
    let (plain, compressed) = match name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
    {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    let middle = plain.strip_suffix(extension)?.strip_suffix('.')?;
    let (stem, time) = middle.split_once('.')?;
    if !stems.contains(&stem) || !time.is_ascii() || time.len() < STAMP_LEN {
        return None;
    }
    let (stamp, number) = time.split_at(STAMP_LEN);
    let well_formed = stamp.bytes().enumerate().all(|(i, byte)| match i {
        4 | 7 | 10 | 13 | 16 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let number = match number.strip_prefix('-') {
        Some(number) => number.parse().ok()?,
        None if number.is_empty() => 0,
        None => return None,
    };
    well_formed.then(|| Rotated {
        stamp: stamp.to_owned(),
        number,
        plain: plain.to_owned(),
        compressed,
    })
}

/// Name of the file in which `name` grows while it is made: hidden, and nothing that a pattern for logs would match.
pub(crate) fn temporary(name: &str) -> String {
    format!(".{name}.tmp")
}

/// The name that a temporary file was to get, if it is one.
pub(crate) fn of_temporary(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(".tmp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ours_and_not_ours() {
        let parse = |name| parse(name, &["conn", "weird"], "log");
        let found = parse("conn.2026-11-22-10-00-00-12.log.zst").unwrap();
        assert_eq!(
            (found.stamp.as_str(), found.number),
            ("2026-11-22-10-00-00", 12)
        );
        assert!(found.compressed);
        assert_eq!(found.plain, "conn.2026-11-22-10-00-00-12.log");
        for other in [
            "conn.log",
            "conn.log.gz",
            "dns.2026-11-22-10-00-00.log",
            "conn.2026-11-22.log",
            "conn.2026-11-22-10-00-0x.log",
            "conn.2026-11-22-10-00-00.json",
            "conn.2026-11-22-10-00-00x.log",
            "conn.2026-11-22-10-00-00-.log",
            "conn.2026-11-22-10-00-00.log.bz2",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn order_is_age() {
        let parse = |name| parse(name, &["conn", "weird"], "log").unwrap();
        assert!(
            parse("weird.2026-11-22-09-59-59-2.log") < parse("conn.2026-11-22-10-00-00.log.gz")
        );
        assert!(parse("conn.2026-11-22-10-00-00-9.log") < parse("conn.2026-11-22-10-00-00-10.log"));
    }

    proptest! {
        #[test]
        fn any_name_is_taken_apart_without_a_panic(name in any::<String>(), stamp in "[0-9é-]{17,21}") {
            parse(&name, &["conn"], "log");
            parse(&format!("conn.{stamp}.log"), &["conn"], "log");
        }
    }
}
