//! What the kernel says a range of addresses stands on: `/proc/self/smaps` (proc_pid_smaps(5)).

use std::io::{self, BufRead};

/// What memory stands on, as the kernel counts it. Areas of one name that lie beside each other may share an entry of the kernel's: then
/// the figures are those of the whole entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backing {
    /// The smallest page size of the range, bytes (`KernelPageSize`): 4 KiB also under transparent huge pages.
    pub page_bytes: usize,
    /// Bytes that have memory.
    pub resident: usize,
    /// Bytes of it on transparent huge pages.
    pub transparent: usize,
    /// Bytes of it on pages of the reserve.
    pub reserved: usize,
}

/// Of all entries that share a byte with `len` bytes at `start`.
pub(crate) fn backing(start: usize, len: usize) -> io::Result<Backing> {
    let file = std::fs::File::open("/proc/self/smaps")?;
    read(io::BufReader::new(file), start, len)
}

fn read(text: impl BufRead, start: usize, len: usize) -> io::Result<Backing> {
    let mut sum = Backing::default();
    let mut ours = false;
    for line in text.lines() {
        let line = line?;
        if let Some((from, to)) = range(&line) {
            ours = from < start + len && to > start;
            continue;
        }
        if !ours {
            continue;
        }
        let Some((key, bytes)) = value(&line) else {
            continue;
        };
        match key {
            "KernelPageSize" => {
                let known = sum.page_bytes;
                sum.page_bytes = if known == 0 { bytes } else { known.min(bytes) };
            }
            "Rss" => sum.resident += bytes,
            "AnonHugePages" | "ShmemPmdMapped" => sum.transparent += bytes,
            // The reserve's pages are not part of `Rss`.
            "Private_Hugetlb" | "Shared_Hugetlb" => {
                sum.reserved += bytes;
                sum.resident += bytes;
            }
            _ => {}
        }
    }
    Ok(sum)
}

/// `7f00-7f10 rw-p …`: the first line of an entry.
fn range(line: &str) -> Option<(usize, usize)> {
    let (from, rest) = line.split_once('-')?;
    let (to, _) = rest.split_once(' ')?;
    let hex = |text| usize::from_str_radix(text, 16).ok();
    Some((hex(from)?, hex(to)?))
}

/// `Rss:   12 kB`.
fn value(line: &str) -> Option<(&str, usize)> {
    let (key, rest) = line.split_once(':')?;
    let kilobytes: usize = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((key, kilobytes << 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
7f0000000000-7f0000400000 rw-p 00000000 00:00 0 [anon:portreeve flow tables]
Size:               4096 kB
KernelPageSize:        4 kB
Rss:                3000 kB
AnonHugePages:      2048 kB
Private_Hugetlb:       0 kB
VmFlags: rd wr mr mw me ac hg
7f0000400000-7f0000800000 rw-p 00000000 00:0f 9 /anon_hugepage (deleted)
KernelPageSize:     2048 kB
Rss:                   0 kB
AnonHugePages:         0 kB
Private_Hugetlb:    4096 kB
";

    #[test]
    fn only_the_entries_of_the_range_count() {
        let first = read(SMAPS.as_bytes(), 0x7f00_0000_0000, 4 << 20).expect("text");
        assert_eq!(
            first,
            Backing {
                page_bytes: 4096,
                resident: 3000 << 10,
                transparent: 2 << 20,
                reserved: 0
            }
        );
        let second = read(SMAPS.as_bytes(), 0x7f00_0040_0000, 4 << 20).expect("text");
        assert_eq!(
            second,
            Backing {
                page_bytes: 2 << 20,
                resident: 4 << 20,
                transparent: 0,
                reserved: 4 << 20
            }
        );
    }
}
