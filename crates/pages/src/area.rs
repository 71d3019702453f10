//! An area: the largest pages first.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;

use crate::map::{Binding, HUGE_ALIGN, Mapping};
use crate::registry::{self, Entry};
use crate::request::{PageSize, Preference, Request};
use crate::reserve::{self, Shortfall};
use crate::smaps::{self, Backing};

/// Why there is no area.
#[derive(Debug)]
#[non_exhaustive]
pub enum AreaError {
    /// More than any machine has.
    TooLarge {
        /// What it was for.
        name: &'static str,
        /// Bytes asked for.
        bytes: usize,
    },
    /// The kernel has no memory for it.
    Refused {
        /// What it was for.
        name: &'static str,
        /// Bytes asked for.
        bytes: usize,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for AreaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AreaError::TooLarge { name, bytes } => {
                write!(f, "{name}: {bytes} bytes are more than can be mapped")
            }
            AreaError::Refused { name, bytes, error } => write!(
                f,
                "{name}: no memory for {} MiB: {error}; ask for less (--memory 512MiB), or see what is free: free -m",
                bytes.div_ceil(1 << 20)
            ),
        }
    }
}

impl std::error::Error for AreaError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AreaError::TooLarge { .. } => None,
            AreaError::Refused { error, .. } => Some(error),
        }
    }
}

impl From<AreaError> for io::Error {
    fn from(error: AreaError) -> io::Error {
        let kind = match &error {
            AreaError::TooLarge { .. } => io::ErrorKind::OutOfMemory,
            AreaError::Refused { error, .. } => error.kind(),
        };
        io::Error::new(kind, error)
    }
}

/// Zeroed memory of its own, given back when dropped. It never moves and never grows.
pub struct Area {
    // Before the mapping: what is listed is there.
    _entry: Entry,
    mapping: Mapping,
    page_size: PageSize,
    node: Option<usize>,
    shortfall: Option<Shortfall>,
}

/// Of an area no more than this part may be lost to its last page of the reserve.
const LOST_PART: usize = 8;

/// A try at one page size.
struct Try {
    page: PageSize,
    /// Bytes mapped: `bytes`, rounded up to whole pages.
    len: usize,
}

impl Area {
    /// At least `bytes` zeroed bytes, on the largest pages that the request allows and the kernel has.
    ///
    /// # Errors
    /// There is no memory even on 4 KiB pages, or `bytes` is absurd. Missing huge pages are no error but a [`Area::shortfall`].
    pub fn new(bytes: usize, request: Request) -> Result<Area, AreaError> {
        let name = request.name;
        if bytes > isize::MAX as usize / 2 {
            return Err(AreaError::TooLarge { name, bytes });
        }
        let bytes = bytes.max(1);
        let mut shortfall = None;
        for Try { page, len } in tries(bytes, request.preference) {
            match map(len, page, &request) {
                Ok((mapping, node)) => {
                    if let Ok(name) = CString::new(format!("portreeve {name}")) {
                        mapping.name(&name);
                    }
                    let entry = registry::enter(name, mapping.len(), page, node, shortfall);
                    return Ok(Area {
                        _entry: entry,
                        mapping,
                        page_size: page,
                        node,
                        shortfall,
                    });
                }
                Err(error) if page == PageSize::Small => {
                    return Err(AreaError::Refused { name, bytes, error });
                }
                // The pages named are told, else the smallest: those are the easiest to reserve.
                Err(_) if page.is_reserved() => {
                    let missing = reserve::shortfall(page, len);
                    shortfall = match request.preference {
                        Preference::Gigabyte => shortfall.or(missing),
                        _ => missing.or(shortfall),
                    };
                }
                Err(_) => {}
            }
        }
        // `tries` ends with small pages, which return above.
        Err(AreaError::TooLarge { name, bytes })
    }

    /// Where it begins: at a multiple of the page size, of 2 MiB for transparent huge pages.
    #[must_use]
    pub fn start(&self) -> NonNull<u8> {
        self.mapping.start()
    }

    /// Its bytes: those asked for, rounded up to whole pages.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an area is never empty")]
    pub fn len(&self) -> usize {
        self.mapping.len()
    }

    /// The pages it got.
    #[must_use]
    pub fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// The NUMA node it is bound to; `None`: none was asked for, or the kernel has no such node.
    #[must_use]
    pub fn node(&self) -> Option<usize> {
        self.node
    }

    /// The pages that were tried and not there: those that the preference names, else the smallest of the reserve.
    #[must_use]
    pub fn shortfall(&self) -> Option<Shortfall> {
        self.shortfall
    }

    /// The descriptor it can be mapped by elsewhere, if the request asked for one.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.mapping.descriptor().map(AsFd::as_fd)
    }

    /// What the kernel says it stands on now (`/proc/self/smaps`). Takes milliseconds: for reports and tests.
    ///
    /// # Errors
    /// What reading said.
    pub fn backing(&self) -> io::Result<Backing> {
        smaps::backing(self.start().as_ptr() as usize, self.len())
    }
}

/// Page sizes to be tried, the largest first, the last always `Small`.
fn tries(bytes: usize, preference: Preference) -> impl Iterator<Item = Try> {
    let order: &[PageSize] = match preference {
        Preference::Auto | Preference::Gigabyte => &[
            PageSize::Gigabyte,
            PageSize::TwoMegabytes,
            PageSize::Transparent,
            PageSize::Small,
        ],
        Preference::TwoMegabytes => &[
            PageSize::TwoMegabytes,
            PageSize::Transparent,
            PageSize::Small,
        ],
        Preference::Transparent => &[PageSize::Transparent, PageSize::Small],
        Preference::Off => &[PageSize::Small],
    };
    order.iter().filter_map(move |&page| {
        let len = bytes.next_multiple_of(page.bytes());
        let most = if page.is_reserved() {
            bytes / LOST_PART
        } else {
            usize::MAX
        };
        // What is smaller than a huge page cannot stand on one.
        let fits = page != PageSize::Transparent || bytes >= HUGE_ALIGN;
        (len - bytes <= most && fits).then_some(Try { page, len })
    })
}

/// Maps, binds, and takes the memory where that is asked for or where it might be missing later.
fn map(len: usize, page: PageSize, request: &Request) -> io::Result<(Mapping, Option<usize>)> {
    if page == PageSize::Transparent && !reserve::transparent_allowed(request.descriptor) {
        return Err(io::Error::from(io::ErrorKind::Unsupported));
    }
    let mapping = Mapping::new(len, page, request.descriptor)?;
    if page == PageSize::Transparent {
        mapping.advise_huge()?;
    }
    let binding = if page.is_reserved() {
        Binding::Only
    } else {
        Binding::First
    };
    // A kernel without NUMA has one node, and everything is there.
    let node = request
        .node
        .filter(|node| mapping.bind(*node, binding).is_ok());
    // The reserve may be on another node, or a control group may have no share in it: touching it would end in SIGBUS.
    if request.prefault || page.is_reserved() {
        match mapping.populate() {
            // Linux before 5.14: touched later, then.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            done => done?,
        }
    }
    Ok((mapping, node))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(bytes: usize, preference: Preference) -> Vec<PageSize> {
        tries(bytes, preference).map(|one| one.page).collect()
    }

    #[test]
    fn the_largest_pages_that_fit_come_first() {
        use PageSize::{Gigabyte, Small, Transparent, TwoMegabytes};
        let mib = 1 << 20;
        assert_eq!(
            order(1024 * mib, Preference::Auto),
            [Gigabyte, TwoMegabytes, Transparent, Small]
        );
        assert_eq!(
            order(600 * mib, Preference::Auto),
            [TwoMegabytes, Transparent, Small]
        );
        assert_eq!(
            order(600 * mib, Preference::Gigabyte),
            [TwoMegabytes, Transparent, Small]
        );
        assert_eq!(
            order(16 * mib, Preference::TwoMegabytes),
            [TwoMegabytes, Transparent, Small]
        );
        assert_eq!(order(3 * mib, Preference::Auto), [Transparent, Small]);
        assert_eq!(order(4096, Preference::Gigabyte), [Small]);
        assert_eq!(order(1024 * mib, Preference::Off), [Small]);
    }
}
