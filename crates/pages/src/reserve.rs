//! The kernel's reserve of huge pages: what is there, and what to type for more.

use std::fmt;

use crate::request::PageSize;

/// Pages of the reserve that were wanted and not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Their size: 2 MiB or 1 GiB.
    pub page: PageSize,
    /// How many were wanted.
    pub wanted: usize,
    /// How many are free.
    pub free: usize,
    /// How many there are in all.
    pub total: usize,
}

impl Shortfall {
    /// Both together, if they are of one page size; else the other's.
    pub(crate) fn and(self, other: Shortfall) -> Shortfall {
        let wanted = if self.page == other.page {
            self.wanted + other.wanted
        } else {
            other.wanted
        };
        Shortfall { wanted, ..other }
    }
}

/// What is missing, and the command that reserves it.
impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortfall {
            page,
            wanted,
            free,
            total,
        } = self;
        let pages = total + wanted.saturating_sub(*free);
        write!(
            f,
            "{wanted} of the {page} were wanted, {free} of {total} are free; to have them: sudo portreeve nic hugepages {}MiB={pages}",
            page.bytes() >> 20
        )
    }
}

fn folder(page: PageSize) -> String {
    format!(
        "/sys/kernel/mm/hugepages/hugepages-{}kB",
        page.bytes() >> 10
    )
}

/// What the reserve lacks for `len` bytes of `page`; `None` if the kernel has no pages of that size at all.
pub(crate) fn shortfall(page: PageSize, len: usize) -> Option<Shortfall> {
    let read = |name: &str| -> Option<usize> {
        let text = std::fs::read_to_string(format!("{}/{name}", folder(page))).ok()?;
        text.trim().parse().ok()
    };
    Some(Shortfall {
        page,
        wanted: len / page.bytes(),
        free: read("free_hugepages")?.saturating_sub(read("resv_hugepages")?),
        total: read("nr_hugepages")?,
    })
}

/// Whether the kernel makes transparent huge pages where it is asked to: of anonymous memory, or of files in memory.
pub(crate) fn transparent_allowed(file: bool) -> bool {
    let name = if file { "shmem_enabled" } else { "enabled" };
    let path = format!("/sys/kernel/mm/transparent_hugepage/{name}");
    std::fs::read_to_string(path).is_ok_and(|text| allows(&text))
}

/// The file lists all choices and puts the one in force into brackets.
fn allows(text: &str) -> bool {
    let chosen = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    chosen.is_some_and(|chosen| !matches!(chosen, "never" | "deny"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_in_force_decides() {
        assert!(allows("always [madvise] never\n"));
        assert!(allows("[always] madvise never\n"));
        assert!(!allows("always madvise [never]\n"));
        assert!(!allows("always within_size advise [never] deny force\n"));
        assert!(allows("always within_size [advise] never deny force\n"));
        assert!(!allows(""));
    }

    #[test]
    fn a_shortfall_says_what_to_type() {
        let shortfall = Shortfall {
            page: PageSize::TwoMegabytes,
            wanted: 128,
            free: 10,
            total: 40,
        };
        let text = shortfall.to_string();
        assert!(text.contains("128 of the 2 MiB pages"), "{text}");
        assert!(
            text.ends_with("sudo portreeve nic hugepages 2MiB=158"),
            "{text}"
        );
    }
}
