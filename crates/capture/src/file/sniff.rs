//! What a file is, by its first bytes.

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The LZ4 frame format.
    Lz4,
}

/// Bytes from the start of a file that tell what it is.
pub(crate) const HEAD: usize = 64;

/// How many of them tell how it is compressed.
pub(crate) const COMPRESSION_HEAD: usize = 4;

/// How a file that begins with `head` is compressed, if it is.
pub(crate) fn compression(head: &[u8]) -> Option<Compression> {
    match head {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Some(Compression::Zstd)
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Compression::Lz4),
        _ => None,
    }
}

/// What else starts as some file does, and what to do about it.
const OTHERS: &[(&[u8], &str)] = &[
    (
        b"snoop\0\0\0",
        "looks like a Solaris snoop file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"btsnoop\0",
        "looks like a Bluetooth btsnoop file, which has no IP traffic",
    ),
    (
        b"GMBU",
        "looks like a Microsoft Network Monitor 2 file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"RTSS",
        "looks like a Microsoft Network Monitor 1 file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"TRSNIFF data",
        "looks like a Sniffer (DOS) file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"XCP\0",
        "looks like a Sniffer (Windows) file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"ObserverPktBuff",
        "looks like an Observer file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"iptrace ",
        "looks like an AIX iptrace file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"\x05VNF",
        "looks like a Visual Networks file; convert it: editcap -F pcapng FILE OUT",
    ),
    (
        b"\xa1\xb2\xcd\x34",
        "looks like a pcap file cut inside its header",
    ),
    (
        b"BZh",
        "compressed by bzip2; feed it through a pipe: bzip2 -dc FILE | portreeve -r -",
    ),
    (
        b"\xfd7zXZ\0",
        "compressed by xz; feed it through a pipe: xz -dc FILE | portreeve -r -",
    ),
    (
        b"PK\x03\x04",
        "a zip archive; feed it through a pipe: unzip -p FILE | portreeve -r -",
    ),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive; unpack it first"),
    (
        b"\x02\x21\x4c\x18",
        "compressed by lz4 in its legacy format; feed it through a pipe: lz4 -dc FILE | portreeve -r -",
    ),
    (b"\x7fELF", "a program"),
    (b"PAR1", "a Parquet file"),
    (b"{", "looks like JSON text"),
    (b"#", "looks like text"),
    (b"Frame ", "looks like a printed packet list"),
];

/// Says what a file of unknown format looks like.
pub(crate) fn describe(head: &[u8]) -> String {
    if head.is_empty() {
        return "the file is empty".to_owned();
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*what).to_owned();
    }
    if is_erf(head) {
        return "looks like an Endace ERF file; convert it: editcap -F pcapng FILE OUT".to_owned();
    }
    if is_etl(head) {
        return "looks like a Windows ETL trace; convert it: etl2pcapng FILE OUT".to_owned();
    }
    let shown: Vec<String> = head
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let text = head
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    let kind = if text {
        "looks like text"
    } else {
        "neither pcap nor pcapng"
    };
    format!("{kind}; it begins with {}", shown.join(" "))
}

/// An ERF record begins with a 64-bit time, a type (1 to 48, with bit 7 for extension headers), flags and its
/// length (big-endian, its 16-byte header included).
fn is_erf(head: &[u8]) -> bool {
    let Some(&[_, _, _, _, _, _, _, seconds_high, kind, flags, len0, len1]) =
        head.first_chunk::<12>()
    else {
        return false;
    };
    (0x20..0x90).contains(&seconds_high)
        && matches!(kind & 0x7f, 1..=48)
        && flags & 0xc0 == 0
        && u16::from_be_bytes([len0, len1]) >= 16
}

/// An ETL file begins with a WMI buffer header: its size (a multiple of 1 KiB) twice around a count.
fn is_etl(head: &[u8]) -> bool {
    let word = |at: usize| {
        head.get(at..at + 4)
            .and_then(|bytes| bytes.first_chunk())
            .map(|bytes| u32::from_le_bytes(*bytes))
    };
    match (word(0), word(4), word(8)) {
        (Some(size), Some(saved), Some(current)) => {
            (1024..=16 * 1024 * 1024).contains(&size)
                && size.is_multiple_of(1024)
                && saved == current
                && saved <= size
                && saved >= 72
        }
        _ => false,
    }
}
