//! The reserve of huge pages: how large it is, and making it larger, now and at each boot.
//!
//! The kernel keeps a reserve for each page size, divided among the NUMA nodes
//! (`Documentation/admin-guide/mm/hugetlbpage.rst` of Linux). Writing a number asks for so many; it gives as many as it finds memory
//! in one piece for, and says nothing if that is fewer: so what it gave is read back. DPDK programs that share memory take their pages from a
//! file system of them, one for each size, which must be mounted.

mod boot;
mod mounts;
mod reserve;
mod size;

use serde::Serialize;

pub use boot::{AtBoot, at_boot};
pub use mounts::{Mount, mount, mounts};
pub use reserve::{Outcome, Want, reserve};
pub use size::PageSize;

use crate::Root;

/// The reserve of one page size, on one node or in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// The size of its pages.
    pub size: PageSize,
    /// The NUMA node; `None`: all of them together.
    pub node: Option<usize>,
    /// Pages that there are.
    pub total: u64,
    /// Of these, pages that nobody uses.
    pub free: u64,
    /// Of the free ones, pages promised to somebody who has not touched them yet; known for all nodes together.
    pub promised: u64,
}

/// What there is of huge pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// For each size that the kernel has, smallest first: all nodes together, then each node if there are several.
    pub pools: Vec<Pool>,
    /// Where they are mounted.
    pub mounts: Vec<Mount>,
    /// The size that programs get who do not say which.
    pub default: Option<PageSize>,
    /// Whether the kernel makes transparent ones: `always`, `madvise`, `never`.
    pub transparent: Option<String>,
    /// What the kernel's command line says of them.
    pub command_line: Vec<String>,
    /// What Portreeve reserves at boot.
    pub at_boot: Vec<Want>,
}

/// Reads what there is.
#[must_use]
pub fn read(root: &Root) -> State {
    let transparent = root.read("sys/kernel/mm/transparent_hugepage/enabled").ok();
    let command_line = root.read("proc/cmdline").unwrap_or_default();
    State {
        pools: pools(root),
        mounts: mounts(root),
        default: default_size(root),
        transparent: transparent.and_then(|text| chosen(&text)),
        command_line: command_line
            .split_whitespace()
            .filter(|word| word.contains("hugepage"))
            .map(str::to_owned)
            .collect(),
        at_boot: boot::wants(root),
    }
}

/// The size that programs get who do not say which.
fn default_size(root: &Root) -> Option<PageSize> {
    let memory = root.read("proc/meminfo").ok()?;
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("Hugepagesize:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(PageSize::of_kilobytes(kilobytes))
}

/// The NUMA nodes that have memory.
fn nodes(root: &Root) -> Vec<usize> {
    let mut nodes: Vec<usize> = root
        .names("sys/devices/system/node")
        .iter()
        .filter_map(|name| name.strip_prefix("node")?.parse().ok())
        .filter(|node| root.exists(format!("sys/devices/system/node/node{node}/hugepages")))
        .collect();
    nodes.sort_unstable();
    nodes
}

fn pools(root: &Root) -> Vec<Pool> {
    let mut sizes: Vec<PageSize> = root
        .names("sys/kernel/mm/hugepages")
        .iter()
        .filter_map(|name| PageSize::of_folder(name))
        .collect();
    sizes.sort_unstable();
    let nodes = nodes(root);
    let mut pools = Vec::new();
    for size in sizes {
        pools.extend(pool(root, size, None));
        if nodes.len() > 1 {
            pools.extend(
                nodes
                    .iter()
                    .filter_map(|node| pool(root, size, Some(*node))),
            );
        }
    }
    pools
}

/// The reserve of that size, on that node or in all.
fn pool(root: &Root, size: PageSize, node: Option<usize>) -> Option<Pool> {
    let folder = folder(size, node);
    Some(Pool {
        size,
        node,
        total: root.number(format!("{folder}/nr_hugepages"))?,
        free: root.number(format!("{folder}/free_hugepages"))?,
        promised: root
            .number(format!("{folder}/resv_hugepages"))
            .unwrap_or_default(),
    })
}

fn folder(size: PageSize, node: Option<usize>) -> String {
    let size = size.folder();
    match node {
        None => format!("sys/kernel/mm/hugepages/{size}"),
        Some(node) => format!("sys/devices/system/node/node{node}/hugepages/{size}"),
    }
}

/// The kernel lists all choices and puts the one in force into brackets.
fn chosen(text: &str) -> Option<String> {
    text.split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
        .map(str::to_owned)
}
