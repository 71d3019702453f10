//! What may be asked for, and what one may get.

use std::fmt;

/// Which pages are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The largest pages that the reserve has and of which the area loses at most an eighth of its size; else transparent huge pages.
    #[default]
    Auto,
    /// The same; the user named 1 GiB, so what is missing is worth a warning.
    Gigabyte,
    /// 2 MiB pages of the reserve; else transparent huge pages.
    TwoMegabytes,
    /// Transparent huge pages; the reserve is left to others.
    Transparent,
    /// 4 KiB pages.
    Off,
}

/// What an area stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageSize {
    /// 4 KiB.
    Small,
    /// 4 KiB pages of which the kernel makes 2 MiB ones where it can.
    Transparent,
    /// 2 MiB, from the reserve.
    TwoMegabytes,
    /// 1 GiB, from the reserve.
    Gigabyte,
}

impl PageSize {
    /// Bytes of one page; of transparent huge pages those that are certain.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            PageSize::Small | PageSize::Transparent => 4096,
            PageSize::TwoMegabytes => 2 << 20,
            PageSize::Gigabyte => 1 << 30,
        }
    }

    /// Whether the pages come from the kernel's reserve of huge pages.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        matches!(self, PageSize::TwoMegabytes | PageSize::Gigabyte)
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PageSize::Small => "4 KiB pages",
            PageSize::Transparent => "transparent huge pages",
            PageSize::TwoMegabytes => "2 MiB pages",
            PageSize::Gigabyte => "1 GiB pages",
        })
    }
}

/// What an area is to be.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// What it is for, in the words of the start report; areas of one name are reported together.
    pub name: &'static str,
    /// Which pages are tried.
    pub preference: Preference,
    /// The NUMA node that its memory is to be on. Pages of the reserve that are elsewhere are not taken; other memory is taken
    /// there as long as the node has some.
    pub node: Option<usize>,
    /// Take all of its memory now, so that nobody waits for a page later. Pages of the reserve are always taken now.
    pub prefault: bool,
    /// It shall have a descriptor ([`crate::Area::descriptor`]), by which another process or a driver maps it too.
    pub descriptor: bool,
}

impl Request {
    /// An area for `name`, on the largest pages there are, anywhere, its memory taken when touched, without a descriptor.
    #[must_use]
    pub const fn named(name: &'static str) -> Request {
        Request {
            name,
            preference: Preference::Auto,
            node: None,
            prefault: false,
            descriptor: false,
        }
    }
}
