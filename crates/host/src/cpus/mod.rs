//! Cores: which there are, which are ours to use, what they share with each other.
//!
//! A worker wants a core that nobody else runs on, on the NIC's NUMA node, and not the second thread of a core on which another
//! worker runs. [`Topology::read`] gathers what is needed to choose; it chooses nothing.

mod list;

use serde::Serialize;

use crate::Root;

pub use list::{format_list, parse_list};

const CPUS: &str = "sys/devices/system/cpu";

/// One logical processor, as the kernel numbers them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cpu {
    /// Its number.
    pub id: usize,
    /// This process may run on it: see [`Topology::read`].
    pub allowed: bool,
    /// The scheduler puts nothing on it that did not ask for it (`isolcpus=` or an isolated cpuset partition).
    pub isolated: bool,
    /// It has no timer tick while one thread runs on it (`nohz_full=`).
    pub nohz_full: bool,
    /// The logical processors that are one physical core with it, itself included, in order.
    pub siblings: Vec<usize>,
    /// The processors that share its last-level cache, itself included, in order.
    pub cache_peers: Vec<usize>,
    /// Its NUMA node, if the kernel says.
    pub node: Option<usize>,
    /// Its socket, if the kernel says.
    pub package: Option<usize>,
    /// The frequency governor (`performance`, `powersave`, `schedutil` …); `None`: its frequency is not the kernel's to choose.
    pub governor: Option<String>,
}

impl Cpu {
    /// Whether it is the first thread of its physical core.
    #[must_use]
    pub fn is_first_sibling(&self) -> bool {
        self.siblings.first().is_none_or(|first| *first == self.id)
    }
}

/// The cores that are online.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// One for each logical processor that is online, by number.
    pub cpus: Vec<Cpu>,
}

impl Topology {
    /// Reads what `root` says of its cores, for the calling thread.
    ///
    /// **Allowed** are the cores of the thread's affinity. `isolcpus=` takes the isolated cores out of every process's affinity at boot,
    /// and yet they are the ones that a worker should ask for: so where the affinity is what everybody has by default (all of the
    /// cpuset's cores but the isolated ones), the cpuset's isolated cores are allowed too. An affinity that somebody chose
    /// (`taskset`, `CPUAffinity=` of systemd) is kept to.
    #[must_use]
    pub fn read(root: &Root) -> Topology {
        let affinity = affinity(root);
        let online = root
            .read(format!("{CPUS}/online"))
            .ok()
            .and_then(|text| parse_list(&text))
            .filter(|cpus| !cpus.is_empty())
            .or_else(|| affinity.clone())
            .unwrap_or_else(|| vec![0]);
        let set = |file: &str| -> Vec<usize> {
            let text = root.read(file).unwrap_or_default();
            parse_list(&text).unwrap_or_default()
        };
        let mut isolated = set(&format!("{CPUS}/isolated"));
        isolated.extend(set("sys/fs/cgroup/cpuset.cpus.isolated"));
        let nohz_full = set(&format!("{CPUS}/nohz_full"));
        let affinity = affinity.unwrap_or_else(|| online.clone());
        let cpuset = cpuset(root).unwrap_or_else(|| online.clone());
        let by_default = online
            .iter()
            .filter(|cpu| cpuset.contains(cpu) && !isolated.contains(cpu))
            .eq(affinity.iter());
        let cpus = online
            .iter()
            .map(|&id| {
                let isolated = isolated.contains(&id);
                Cpu {
                    id,
                    allowed: affinity.contains(&id)
                        || (by_default && isolated && cpuset.contains(&id)),
                    isolated,
                    nohz_full: nohz_full.contains(&id),
                    siblings: siblings(root, id),
                    cache_peers: cache_peers(root, id),
                    node: node_of_cpu(root, id),
                    package: root.number(format!("{CPUS}/cpu{id}/topology/physical_package_id")),
                    governor: root
                        .read(format!("{CPUS}/cpu{id}/cpufreq/scaling_governor"))
                        .ok(),
                }
            })
            .collect();
        Topology { cpus }
    }

    /// The core of that number, if it is online.
    #[must_use]
    pub fn cpu(&self, id: usize) -> Option<&Cpu> {
        self.cpus.iter().find(|cpu| cpu.id == id)
    }

    /// The cores this process may use, in order.
    pub fn allowed(&self) -> impl Iterator<Item = &Cpu> {
        self.cpus.iter().filter(|cpu| cpu.allowed)
    }

    /// The NUMA nodes that have cores, in order.
    #[must_use]
    pub fn nodes(&self) -> Vec<usize> {
        let mut nodes: Vec<usize> = self.cpus.iter().filter_map(|cpu| cpu.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// Whether some physical core runs two threads or more.
    #[must_use]
    pub fn has_siblings(&self) -> bool {
        self.cpus.iter().any(|cpu| cpu.siblings.len() > 1)
    }
}

/// The NUMA node that a core belongs to, if the kernel says.
#[must_use]
pub fn node_of_cpu(root: &Root, cpu: usize) -> Option<usize> {
    root.names(format!("{CPUS}/cpu{cpu}"))
        .iter()
        .find_map(|name| name.strip_prefix("node")?.parse().ok())
}

/// The NUMA node that an interface's card is attached to, if it is attached to one.
///
/// A virtio interface's device is a child of the PCI function, which is what has a node: the first ancestor that knows is asked.
#[must_use]
pub fn node_of_interface(root: &Root, name: &str) -> Option<usize> {
    let device = root.path(format!("sys/class/net/{name}/device"));
    let device = device.canonicalize().ok()?;
    let node = device
        .ancestors()
        .take_while(|folder| folder.file_name().is_some_and(|name| name != "devices"))
        .find_map(|folder| std::fs::read_to_string(folder.join("numa_node")).ok())?;
    // -1: attached to none in particular.
    node.trim().parse().ok()
}

/// The calling thread's affinity.
fn affinity(root: &Root) -> Option<Vec<usize>> {
    let status = root
        .read("proc/thread-self/status")
        .or_else(|_| root.read("proc/self/status"))
        .ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    parse_list(line.trim())
}

/// The cores of this process's cpuset: those of its control group, or of the first one above that has the controller.
fn cpuset(root: &Root) -> Option<Vec<usize>> {
    let groups = root.read("proc/self/cgroup").ok()?;
    let unified = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let old = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers
            .split(',')
            .any(|c| c == "cpuset")
            .then_some(path)
    });
    let (mount, group, file) = match (old, unified) {
        (Some(group), _) => ("sys/fs/cgroup/cpuset", group, "cpuset.effective_cpus"),
        (None, Some(group)) => ("sys/fs/cgroup", group, "cpuset.cpus.effective"),
        (None, None) => return None,
    };
    std::path::Path::new(group.trim_start_matches('/'))
        .ancestors()
        .find_map(|group| {
            let text = root
                .read(std::path::Path::new(mount).join(group).join(file))
                .ok()?;
            parse_list(&text).filter(|cpus| !cpus.is_empty())
        })
}

fn siblings(root: &Root, cpu: usize) -> Vec<usize> {
    // The first is the name since Linux 4.20 or so, the second the one before.
    ["core_cpus_list", "thread_siblings_list"]
        .iter()
        .find_map(|file| {
            let text = root.read(format!("{CPUS}/cpu{cpu}/topology/{file}")).ok()?;
            parse_list(&text).filter(|cpus| cpus.contains(&cpu))
        })
        .unwrap_or_else(|| vec![cpu])
}

fn cache_peers(root: &Root, cpu: usize) -> Vec<usize> {
    let folder = format!("{CPUS}/cpu{cpu}/cache");
    root.names(&folder)
        .iter()
        .filter(|name| name.starts_with("index"))
        .filter_map(|index| {
            let level: u32 = root.number(format!("{folder}/{index}/level"))?;
            let peers = root
                .read(format!("{folder}/{index}/shared_cpu_list"))
                .ok()?;
            Some((level, parse_list(&peers)?))
        })
        .max_by_key(|(level, _)| *level)
        .map(|(_, peers)| peers)
        .filter(|peers| peers.contains(&cpu))
        .unwrap_or_else(|| vec![cpu])
}

#[cfg(test)]
mod tests;
