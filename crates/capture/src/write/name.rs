//! The names of capture files that are written: what they say of the format, and how rotation numbers them.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::format::FileFormat;
use super::sink::Compression;

/// Endings that say how a file is compressed.
const COMPRESSED: &[(&str, Compression)] = &[
    (".gz", Compression::Gzip),
    (".zst", Compression::Zstd),
    (".lz4", Compression::Lz4),
];
/// Endings that say what format a file has. A number goes before them.
const FORMATS: &[&str] = &[".pcapng", ".pcap", ".cap", ".dmp"];

/// A file name taken apart: `stem` `.pcap` `.gz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    stem: OsString,
    format: &'static str,
    compressed: &'static str,
}

impl Name {
    pub(super) fn new(path: &Path) -> Name {
        let (rest, compressed) = split(path.as_os_str(), COMPRESSED.iter().map(|(end, _)| *end));
        let (stem, format) = split(&rest, FORMATS.iter().copied());
        Name {
            stem,
            format,
            compressed,
        }
    }

    /// What the ending says of the compression.
    pub(super) fn compression(&self) -> Compression {
        COMPRESSED
            .iter()
            .find(|(end, _)| *end == self.compressed)
            .map_or(Compression::None, |(_, compression)| *compression)
    }

    /// What the ending says of the format; `classic` if it does not say pcapng.
    pub(super) fn format(&self, classic: FileFormat) -> FileFormat {
        if self.format == ".pcapng" {
            FileFormat::PcapNg
        } else {
            classic
        }
    }

    /// Whether the name holds the time.
    pub(super) fn has_time(&self) -> bool {
        self.stem.as_bytes().contains(&b'%')
    }

    /// The name with `time`, if it is given (nanoseconds since 1970, shown as local time), for its `%` conversions, and
    /// `number`, if there is one, before its endings, filled up with zeros to `digits`.
    pub(super) fn at(&self, time: Option<i64>, number: Option<u64>, digits: usize) -> PathBuf {
        let mut name = match time {
            Some(time) => timed(&self.stem, time),
            None => self.stem.clone(),
        };
        if let Some(number) = number {
            name.push(format!("{number:0digits$}"));
        }
        name.push(self.format);
        name.push(self.compressed);
        PathBuf::from(name)
    }
}

/// Takes the first of `ends` that fits off `name`; never all of the name.
fn split(name: &OsStr, ends: impl Iterator<Item = &'static str>) -> (OsString, &'static str) {
    let bytes = name.as_bytes();
    for end in ends {
        if let Some(rest) = bytes.strip_suffix(end.as_bytes())
            && !rest.is_empty()
            && !rest.ends_with(b"/")
        {
            return (OsString::from_vec(rest.to_vec()), end);
        }
    }
    (name.to_owned(), "")
}

/// strftime(3) with local time; a pattern that it cannot fill stays as it is.
fn timed(pattern: &OsStr, now: i64) -> OsString {
    let Ok(text) = CString::new(pattern.as_bytes()) else {
        return pattern.to_owned();
    };
    let seconds = now.div_euclid(1_000_000_000);
    let mut buffer = [0u8; 4096];
    // SAFETY: all-zero is a valid `struct tm`; the C functions get valid pointers, and the buffer's true length.
    let length = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&raw const seconds, &raw mut parts).is_null() {
            return pattern.to_owned();
        }
        libc::strftime(
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            text.as_ptr(),
            &raw const parts,
        )
    };
    match buffer.get(..length) {
        Some(filled) if !filled.is_empty() => OsString::from_vec(filled.to_vec()),
        _ => pattern.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_say_format_and_compression() {
        let name = Name::new(Path::new("/var/cap/a.pcapng.zst"));
        assert_eq!(name.format(FileFormat::PcapNanos), FileFormat::PcapNg);
        assert_eq!(name.compression(), Compression::Zstd);
        let name = Name::new(Path::new("plain"));
        assert_eq!(name.format(FileFormat::PcapNanos), FileFormat::PcapNanos);
        assert_eq!(name.compression(), Compression::None);
        // A hidden file of that name has no ending.
        assert_eq!(
            Name::new(Path::new("/d/.pcap")).at(None, None, 0),
            Path::new("/d/.pcap")
        );
    }

    #[test]
    fn numbers_stand_before_the_endings() {
        let at = |path: &str, number, digits| Name::new(Path::new(path)).at(None, number, digits);
        assert_eq!(at("a.pcap.gz", Some(7), 3), Path::new("a007.pcap.gz"));
        assert_eq!(at("a.pcap", Some(12), 0), Path::new("a12.pcap"));
        assert_eq!(at("dump", Some(1), 0), Path::new("dump1"));
        assert_eq!(at("a.pcap", None, 0), Path::new("a.pcap"));
    }

    #[test]
    fn the_time_is_put_in() {
        let name = Name::new(Path::new("cap-%Y.pcap"));
        assert!(name.has_time());
        // The middle of a year: whatever the time zone is.
        assert_eq!(
            name.at(Some(1_720_000_000_000_000_000), None, 0),
            Path::new("cap-2024.pcap")
        );
    }
}
