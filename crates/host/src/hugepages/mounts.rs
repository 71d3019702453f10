//! The file systems that huge pages are taken from.

use std::io;

use serde::Serialize;

use crate::Root;

use super::{PageSize, default_size};

/// A mounted file system of huge pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Where.
    pub path: String,
    /// The size of its pages.
    pub size: PageSize,
}

/// Those that are mounted.
#[must_use]
pub fn mounts(root: &Root) -> Vec<Mount> {
    let table = root.read("proc/self/mounts").unwrap_or_default();
    let default = default_size(root).unwrap_or(PageSize::TWO_MEGABYTES);
    table
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (_, path, kind, options) =
                (words.next()?, words.next()?, words.next()?, words.next()?);
            let size = options
                .split(',')
                .find_map(|option| option.strip_prefix("pagesize="))
                .and_then(|size| size.parse().ok());
            (kind == "hugetlbfs").then(|| Mount {
                path: path.to_owned(),
                size: size.unwrap_or(default),
            })
        })
        .collect()
}

/// Where pages of that size are mounted if nobody did so elsewhere.
pub(super) fn place(root: &Root, size: PageSize) -> String {
    if default_size(root) == Some(size) {
        "dev/hugepages".into()
    } else {
        format!("dev/hugepages{}", size.short())
    }
}

/// Mounts pages of that size, unless they are; returns where, and whether it was done just now.
///
/// # Errors
/// What mount(8) says.
pub fn mount(root: &Root, size: PageSize) -> io::Result<(Mount, bool)> {
    if let Some(mount) = mounts(root).into_iter().find(|mount| mount.size == size) {
        return Ok((mount, false));
    }
    let place = place(root, size);
    root.make_folder(&place)?;
    let path = format!("/{place}");
    let options = format!("pagesize={}", size.short());
    let ran = root.run(
        "mount",
        &["-t", "hugetlbfs", "-o", &options, "hugetlbfs", &path],
    )?;
    if !ran.success {
        return Err(io::Error::other(ran.text));
    }
    Ok((Mount { path, size }, true))
}
