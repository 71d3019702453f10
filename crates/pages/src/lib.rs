//! Areas of memory on huge pages.
//!
//! A processor finds a page's place in memory through a cache, the TLB, that holds some thousand pages. Flow tables and packet
//! buffers of 4 KiB pages overflow it, and then a packet waits for a walk through the page tables before it waits for its data.
//! With pages of 2 MiB or 1 GiB the same tables fit.
//!
//! [`Area::new`] maps zeroed memory and tries, in this order, what the [`Preference`] allows:
//!
//! 1. 1 GiB, then 2 MiB pages of the kernel's reserve (`MAP_HUGETLB`, see `Documentation/admin-guide/mm/hugetlbpage.rst` of Linux): they are there or not, are
//!    never swapped or split;
//! 2. transparent huge pages (`madvise(MADV_HUGEPAGE)`, `transhuge.rst`): the kernel makes them where it finds 2 MiB in one piece;
//! 3. 4 KiB pages.
//!
//! An area says which size it got ([`Area::page_size`]), what it would rather have had ([`Area::shortfall`]), and, read back from the
//! kernel, what it really stands on ([`Area::backing`]). [`in_use`] lists all areas of the process: the start report and the
//! metrics are made of it.
//!
//! ```
//! use portreeve_pages::{Area, Request};
//!
//! let area = Area::new(4 << 20, Request::named("example"))?;
//! assert!(area.len() >= 4 << 20);
//! println!("on {}", area.page_size());
//! # Ok::<(), portreeve_pages::AreaError>(())
//! ```

mod area;
mod map;
mod registry;
mod request;
mod reserve;
mod smaps;

pub use area::{Area, AreaError};
pub use registry::{AreaReport, in_use};
pub use request::{PageSize, Preference, Request};
pub use reserve::Shortfall;
pub use smaps::Backing;
