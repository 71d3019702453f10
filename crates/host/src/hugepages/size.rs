//! The size of a page.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The size of a page, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageSize(u64);

impl PageSize {
    /// 2 MiB, the usual one.
    pub const TWO_MEGABYTES: PageSize = PageSize(2 << 10);
    /// 1 GiB.
    pub const ONE_GIGABYTE: PageSize = PageSize(1 << 20);

    /// So many KiB.
    #[must_use]
    pub fn of_kilobytes(kilobytes: u64) -> PageSize {
        PageSize(kilobytes)
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0 << 10
    }

    /// What the kernel calls the folder of its reserve.
    pub(super) fn folder(self) -> String {
        format!("hugepages-{}kB", self.0)
    }

    pub(super) fn of_folder(name: &str) -> Option<PageSize> {
        let kilobytes = name.strip_prefix("hugepages-")?.strip_suffix("kB")?;
        kilobytes.parse().ok().map(PageSize)
    }

    /// As mount options and the kernel's command line have it: `2M`, `1G`.
    #[must_use]
    pub fn short(self) -> String {
        match self.0 {
            size if size % (1 << 20) == 0 => format!("{}G", size >> 20),
            size if size % (1 << 10) == 0 => format!("{}M", size >> 10),
            size => format!("{size}K"),
        }
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            size if size % (1 << 20) == 0 => write!(f, "{} GiB", size >> 20),
            size if size % (1 << 10) == 0 => write!(f, "{} MiB", size >> 10),
            size => write!(f, "{size} KiB"),
        }
    }
}

impl FromStr for PageSize {
    type Err = String;

    /// `2MiB`, `2M`, `1GiB`, `1G`, `2048kB`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no page size; they are 2MiB and 1GiB");
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "k" | "kb" | "kib" => 0,
            "m" | "mb" | "mib" => 10,
            "g" | "gb" | "gib" => 20,
            _ => return Err(wrong()),
        };
        number
            .checked_mul(1 << shift)
            .filter(|size| (1..1 << 40).contains(size))
            .map(PageSize)
            .ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_many_spellings() {
        for text in ["2MiB", "2M", "2mb", "2048kB"] {
            assert_eq!(text.parse(), Ok(PageSize::TWO_MEGABYTES), "{text}");
        }
        assert_eq!("1GiB".parse(), Ok(PageSize::ONE_GIGABYTE));
        assert_eq!(PageSize::ONE_GIGABYTE.to_string(), "1 GiB");
        assert_eq!(PageSize::TWO_MEGABYTES.short(), "2M");
        assert_eq!(
            PageSize::of_folder(&PageSize::TWO_MEGABYTES.folder()),
            Some(PageSize::TWO_MEGABYTES)
        );
        for wrong in ["", "2", "M", "0M", "2 pages", "99999999999999999G"] {
            assert!(wrong.parse::<PageSize>().is_err(), "{wrong}");
        }
    }
}
