//! Huge pages: flow tables and packet buffers on 4 KiB pages overflow the TLB.

use crate::doctor::{Change, Examination, Finding};
use crate::hugepages::{self, PageSize, Pool, Want};

use super::HOST;

const ID: &str = "huge-pages";
const WHY: &str = "Flow tables and packet buffers on pages of 4 KiB overflow the processor's TLB: most packets then wait for a page walk before they find their flow.";

/// Pages of 2 MiB that are a good beginning: 1 GiB, or an eighth of a smaller memory.
fn suggestion(examination: &Examination) -> u64 {
    let memory = examination.root.read("proc/meminfo").unwrap_or_default();
    let kilobytes: u64 = memory
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0);
    (kilobytes / 8 / 2048).clamp(32, 512)
}

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let state = hugepages::read(examination.root);
    let of_all = |pool: &&Pool| pool.node.is_none();
    let reserved: Vec<&Pool> = state.pools.iter().filter(|pool| pool.total > 0).collect();
    // Workers' memory is bound to their node, and pages of another are not taken.
    let has_nodes = state.pools.iter().any(|pool| pool.node.is_some());
    let nodes = examination.targets.iter().filter_map(super::Target::node);
    let node = nodes.min().filter(|_| has_nodes);
    let want = Want {
        size: PageSize::TWO_MEGABYTES,
        count: suggestion(examination),
        node,
    };
    let with_fix = |finding: Finding| {
        finding
            .fix(format!("sudo portreeve nic hugepages {want} --boot"))
            .change(Change::file(want.file(), want.count))
    };
    if reserved.iter().copied().any(|pool| pool.node.is_none()) {
        let there: Vec<String> = reserved
            .iter()
            .copied()
            .filter(of_all)
            .map(|pool| {
                format!(
                    "{} of {} pages of {} free",
                    pool.free, pool.total, pool.size
                )
            })
            .collect();
        let found = format!("huge pages: {}", there.join(", "));
        return match node {
            Some(node) if !reserved.iter().any(|pool| pool.node == Some(node)) => vec![with_fix(
                Finding::costs(
                    ID,
                    HOST,
                    format!("{found}, but none on node {node}, where the NIC is"),
                )
                .why("Workers run on the NIC's node, and their memory is bound to it: pages of another node are not taken."),
            )],
            _ => vec![Finding::ok(ID, HOST, found)],
        };
    }
    if !state.pools.iter().any(|pool| pool.size == want.size) {
        let found = "this kernel has no pages of 2 MiB to reserve";
        return vec![
            Finding::note(ID, HOST, found)
                .why(WHY)
                .by_hand("boot a kernel with CONFIG_HUGETLBFS"),
        ];
    }
    if examination.has_bypass() {
        let found = "no huge pages are reserved, and a NIC is bound for DPDK";
        return vec![with_fix(Finding::blocks(ID, HOST, found).why(
            "DPDK keeps its packet buffers on reserved huge pages and does not start without.",
        ))];
    }
    let finding = match state.transparent.as_deref() {
        Some(mode @ ("always" | "madvise")) => Finding::note(
            ID,
            HOST,
            format!("no huge pages are reserved; transparent ones are made on request ({mode})"),
        )
        .why("Portreeve asks for transparent ones, which the kernel makes where it finds memory in one piece: less sure than a reserve. DPDK needs the reserve."),
        _ => Finding::costs(
            ID,
            HOST,
            "no huge pages are reserved, and the kernel makes no transparent ones",
        )
        .why(WHY),
    };
    vec![with_fix(finding)]
}

/// A reserve that nobody can open.
pub(super) fn mounted(examination: &Examination) -> Vec<Finding> {
    const ID: &str = "huge-pages-mounted";
    let state = hugepages::read(examination.root);
    let is_mounted = |pool: &Pool| state.mounts.iter().any(|mount| mount.size == pool.size);
    let unmounted = state
        .pools
        .iter()
        .filter(|pool| pool.node.is_none() && pool.total > 0 && !is_mounted(pool));
    unmounted
        .map(|pool| {
            let found = format!("pages of {} are reserved and not mounted", pool.size);
            Finding::note(ID, HOST, found)
                .why("DPDK ports that share memory with another process (vhost-user, virtio-user) take their pages from a mounted file system; nothing else in Portreeve does.")
                .fix(format!("sudo portreeve nic hugepages {}iB={}", pool.size.short(), pool.total))
        })
        .collect()
}
