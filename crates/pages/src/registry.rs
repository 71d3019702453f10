//! All areas of the process, for the start report and the metrics.
//!
//! Areas are made in several crates; memory is the process's. So the list is the process's too. It is touched when an area is made
//! or dropped and when somebody asks, never on a packet's way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::request::PageSize;
use crate::reserve::Shortfall;

/// Areas of one name on one page size and node, taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaReport {
    /// What they are for.
    pub name: &'static str,
    /// The pages they got.
    pub page_size: PageSize,
    /// The NUMA node they are bound to.
    pub node: Option<usize>,
    /// How many they are.
    pub areas: usize,
    /// Their bytes.
    pub bytes: usize,
    /// The larger pages that they missed, together.
    pub shortfall: Option<Shortfall>,
}

#[derive(Clone, Copy)]
struct Listed {
    name: &'static str,
    bytes: usize,
    page_size: PageSize,
    node: Option<usize>,
    shortfall: Option<Shortfall>,
}

struct Registry {
    next: u64,
    areas: BTreeMap<u64, Listed>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    next: 0,
    areas: BTreeMap::new(),
});

/// An area's place in the list; dropped with it.
pub(crate) struct Entry(u64);

impl Drop for Entry {
    fn drop(&mut self) {
        let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        registry.areas.remove(&self.0);
    }
}

pub(crate) fn enter(
    name: &'static str,
    bytes: usize,
    page_size: PageSize,
    node: Option<usize>,
    shortfall: Option<Shortfall>,
) -> Entry {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let number = registry.next;
    registry.next += 1;
    let listed = Listed {
        name,
        bytes,
        page_size,
        node,
        shortfall,
    };
    registry.areas.insert(number, listed);
    Entry(number)
}

/// The areas that this process has now, by name, the larger pages first.
#[must_use]
pub fn in_use() -> Vec<AreaReport> {
    let registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut reports: Vec<AreaReport> = Vec::new();
    for area in registry.areas.values() {
        let same = |report: &&mut AreaReport| {
            report.name == area.name
                && report.page_size == area.page_size
                && report.node == area.node
        };
        match reports.iter_mut().find(same) {
            Some(report) => {
                report.areas += 1;
                report.bytes += area.bytes;
                report.shortfall = match (report.shortfall, area.shortfall) {
                    (Some(before), Some(more)) => Some(before.and(more)),
                    (before, more) => more.or(before),
                };
            }
            None => reports.push(AreaReport {
                name: area.name,
                page_size: area.page_size,
                node: area.node,
                areas: 1,
                bytes: area.bytes,
                shortfall: area.shortfall,
            }),
        }
    }
    reports.sort_by_key(|report| (report.name, std::cmp::Reverse(report.page_size)));
    reports
}
