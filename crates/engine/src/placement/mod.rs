//! Which core a worker owns, and where everything else runs.
//!
//! What cores there are is read by [`portreeve_host::cpus`]; what is made of it is decided here, in this order:
//!
//! 1. No two workers on one physical core, as long as there are others: hyper-threads share what makes a core fast.
//! 2. Isolated cores (`isolcpus=`) first, where the scheduler puts nothing else; then those without a timer tick (`nohz_full=`).
//! 3. Cores of the NIC's NUMA node: its packets are in that node's memory and cache.
//! 4. Of the others the first is left to the system, as long as there are enough: interrupts tend to go there.
//!
//! All within the process's affinity and cpuset. The threads that are not workers go to the cores that remain ([`Layout::rest`]), not to the workers'.

use portreeve_host::Root;
use portreeve_host::cpus::{Cpu, Topology, format_list, node_of_interface};
use serde::{Deserialize, Serialize};

mod affinity;

pub use affinity::{allowed_cpus, keep_others_off, pin_this_thread};

/// What a layout is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// Workers.
    pub workers: usize,
    /// Besides them, a reader that shares one queue out to them.
    pub reader: bool,
    /// The cores named by the user, in the order of the workers; empty: choose.
    pub cpus: &'a [usize],
    /// The NUMA node of the NIC.
    pub nic_node: Option<usize>,
}

/// A thread and its core.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The thread: `worker-0`, `reader`.
    pub thread: String,
    /// The core's number.
    pub cpu: usize,
    /// Its NUMA node, if the kernel says.
    pub node: Option<usize>,
    /// The scheduler puts nothing else there.
    pub isolated: bool,
    /// It has no timer tick while it runs one thread.
    pub nohz_full: bool,
    /// The other logical processors of the same physical core.
    pub siblings: Vec<usize>,
}

/// Who runs where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The workers in order, then the reader if there is one.
    pub seats: Vec<Seat>,
    /// Where all other threads run.
    pub rest: Vec<usize>,
    /// The NUMA node of the NIC.
    pub nic_node: Option<usize>,
}

/// The cores as they are, for this process. To be read before anything changes the affinity of the calling thread.
#[must_use]
pub fn topology() -> Topology {
    Topology::read(&Root::system())
}

/// The NUMA node of an interface's or a PCI device's card, by the name of its source.
#[must_use]
pub fn node_of_source(name: &str) -> Option<usize> {
    let root = Root::system();
    node_of_interface(&root, name).or_else(|| {
        // No name of a device has a slash; what a user typed may.
        let plain = !name.contains('/') && !name.starts_with('.');
        plain.then(|| root.number(format!("sys/bus/pci/devices/{name}/numa_node")))?
    })
}

/// How many workers have a core of their own, and leave one to the rest of the program: at least one.
#[must_use]
pub fn room(topology: &Topology) -> usize {
    let physical = |cpus: &[&Cpu]| {
        let mut firsts: Vec<usize> = cpus.iter().map(|cpu| first_sibling(cpu)).collect();
        firsts.sort_unstable();
        firsts.dedup();
        firsts.len()
    };
    let (isolated, plain): (Vec<&Cpu>, Vec<&Cpu>) = topology.allowed().partition(|c| c.isolated);
    let room = if isolated.is_empty() {
        physical(&plain) - usize::from(!plain.is_empty())
    } else {
        physical(&isolated)
    };
    room.max(1)
}

fn first_sibling(cpu: &Cpu) -> usize {
    cpu.siblings.first().copied().unwrap_or(cpu.id)
}

impl Layout {
    /// Chooses. With fewer cores than threads they share, in turn.
    #[must_use]
    pub fn of(topology: &Topology, wish: &Wish<'_>) -> Layout {
        let count = wish.workers + usize::from(wish.reader);
        let order = if wish.cpus.is_empty() {
            order(topology, count, wish.nic_node)
        } else {
            named(topology, count, wish.cpus)
        };
        let seats: Vec<Seat> = (0..count)
            .map(|at| {
                let id = order.get(at % order.len().max(1)).copied().unwrap_or(0);
                let thread = if at < wish.workers {
                    format!("worker-{at}")
                } else {
                    "reader".to_owned()
                };
                seat(topology, thread, id)
            })
            .collect();
        Layout {
            rest: rest(topology, &seats),
            seats,
            nic_node: wish.nic_node,
        }
    }

    /// The core of thread number `at`: the workers, then the reader.
    #[must_use]
    pub fn cpu(&self, at: usize) -> usize {
        self.seats.get(at).map_or(0, |seat| seat.cpu)
    }

    /// Who runs where, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let seats: Vec<String> = self.seats.iter().map(Seat::line).collect();
        let rest = format_list(&self.rest);
        format!("cores: {}; everything else on {rest}", seats.join(", "))
    }

    /// What could be better, each with what it costs.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (at, seat) in self.seats.iter().enumerate() {
            let Seat { thread, cpu, .. } = seat;
            let before = self.seats.get(..at).unwrap_or_default();
            if let Some(other) = before.iter().find(|other| other.cpu == *cpu) {
                warnings.push(format!(
                    "{thread} and {} share core {cpu}: there are not enough for all; take fewer workers (--workers)",
                    other.thread
                ));
            } else if let Some(other) = before.iter().find(|o| o.siblings.contains(cpu)) {
                warnings.push(format!(
                    "{thread} on {cpu} and {} on {} are two threads of one physical core, and each has about half of it",
                    other.thread, other.cpu
                ));
            }
            if let (Some(node), Some(nic)) = (seat.node, self.nic_node)
                && node != nic
            {
                warnings.push(format!(
                    "{thread} on core {cpu} is on NUMA node {node}, the card on node {nic}: every packet crosses between them"
                ));
            }
        }
        warnings
    }
}

impl Seat {
    fn line(&self) -> String {
        let mut facts = Vec::new();
        if let Some(node) = self.node {
            facts.push(format!("node {node}"));
        }
        if self.isolated {
            facts.push("isolated".to_owned());
        }
        if self.nohz_full {
            facts.push("no tick".to_owned());
        }
        if !self.siblings.is_empty() {
            facts.push(format!("sibling {}", format_list(&self.siblings)));
        }
        let facts = match facts.as_slice() {
            [] => String::new(),
            facts => format!(" ({})", facts.join(", ")),
        };
        format!("{} on {}{facts}", self.thread, self.cpu)
    }
}

fn seat(topology: &Topology, thread: String, id: usize) -> Seat {
    let known = topology.cpu(id);
    Seat {
        thread,
        cpu: id,
        node: known.and_then(|cpu| cpu.node),
        isolated: known.is_some_and(|cpu| cpu.isolated),
        nohz_full: known.is_some_and(|cpu| cpu.nohz_full),
        siblings: known.map_or(Vec::new(), |cpu| {
            let mut siblings = cpu.siblings.clone();
            siblings.retain(|sibling| *sibling != id);
            siblings
        }),
    }
}

/// The cores that were named; for one thread more, one that was not.
fn named(topology: &Topology, count: usize, cpus: &[usize]) -> Vec<usize> {
    let mut order = cpus.to_vec();
    if order.len() + 1 == count {
        let spare = topology.allowed().find(|cpu| !cpus.contains(&cpu.id));
        order.extend(spare.map(|cpu| cpu.id));
    }
    order
}

/// All cores that may be used, the best first.
fn order(topology: &Topology, count: usize, nic_node: Option<usize>) -> Vec<usize> {
    let mut cpus: Vec<&Cpu> = topology.allowed().collect();
    cpus.sort_by_key(|cpu| {
        let far = nic_node.is_some() && cpu.node != nic_node;
        (!cpu.isolated, !cpu.nohz_full, far, cpu.id)
    });
    // With cores to spare the first ordinary one, with its siblings, is the last choice.
    let system = topology
        .allowed()
        .find(|cpu| !cpu.isolated && !cpu.nohz_full)
        .filter(|_| cpus.len() > count);
    if let Some(system) = system {
        cpus.sort_by_key(|cpu| (cpu.siblings.contains(&system.id), cpu.id == system.id));
    }
    let mut taken = Vec::new();
    let (alone, second): (Vec<&Cpu>, Vec<&Cpu>) = cpus.into_iter().partition(|cpu| {
        let first = first_sibling(cpu);
        let is_new = !taken.contains(&first);
        taken.push(first);
        is_new
    });
    // A second thread of a worker's core is a worse place than the system's core.
    alone.into_iter().chain(second).map(|cpu| cpu.id).collect()
}

/// The cores for everything else: those that no worker has, and whose physical core no worker has, as far as there are such.
fn rest(topology: &Topology, seats: &[Seat]) -> Vec<usize> {
    let free = |cpu: &&Cpu| !seats.iter().any(|seat| seat.cpu == cpu.id);
    let apart = |cpu: &&Cpu| !seats.iter().any(|seat| seat.siblings.contains(&cpu.id));
    let shared = |cpu: &&Cpu| !cpu.isolated;
    let ids = |cpus: Vec<&Cpu>| -> Option<Vec<usize>> {
        (!cpus.is_empty()).then(|| cpus.iter().map(|cpu| cpu.id).collect())
    };
    let all = || topology.allowed();
    ids(all().filter(shared).filter(free).filter(apart).collect())
        .or_else(|| ids(all().filter(shared).filter(free).collect()))
        .or_else(|| ids(all().filter(shared).collect()))
        .or_else(|| ids(all().collect()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
