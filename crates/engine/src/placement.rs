//! Which core a worker owns.

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// The cores this process may use, in order (its cpuset or affinity).
#[must_use]
pub fn allowed_cpus() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect();
    if cpus.is_empty() { vec![0] } else { cpus }
}

/// The NUMA node that a core belongs to, if the kernel says.
#[must_use]
pub fn numa_node_of_cpu(cpu: usize) -> Option<usize> {
    let entries = std::fs::read_dir(format!("/sys/devices/system/cpu/cpu{cpu}")).ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        entry
            .file_name()
            .to_str()?
            .strip_prefix("node")?
            .parse()
            .ok()
    })
}

/// The NUMA node that an interface's card is attached to, if it is attached to one.
#[must_use]
pub fn numa_node_of_interface(name: &str) -> Option<usize> {
    let node = std::fs::read_to_string(format!("/sys/class/net/{name}/device/numa_node")).ok()?;
    node.trim().parse().ok()
}

/// The cores for `workers` workers: of `wanted` (`--cpus`), or of all allowed ones those on the NIC's node first.
/// Fewer cores than workers: they share, in turn.
#[must_use]
pub fn place(workers: usize, wanted: &[usize], nic_node: Option<usize>) -> Vec<usize> {
    let mut cpus = if wanted.is_empty() {
        allowed_cpus()
    } else {
        wanted.to_vec()
    };
    if wanted.is_empty() && nic_node.is_some() {
        cpus.sort_by_key(|&cpu| numa_node_of_cpu(cpu) != nic_node);
    }
    // With cores to spare the first is left to the system and to the output side.
    if wanted.is_empty() && cpus.len() > workers {
        let spare = cpus.remove(0);
        cpus.push(spare);
    }
    (0..workers)
        .map(|worker| cpus[worker % cpus.len()])
        .collect()
}

/// Gives the calling thread the core `cpu` and no other.
///
/// # Errors
/// What the system said, if it may not (a core outside of the cpuset).
pub fn pin_this_thread(cpu: usize) -> std::io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None::<Pid>, &set).map_err(std::io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_when_there_are_more_of_them_than_cores() {
        assert_eq!(place(3, &[4, 6], None), [4, 6, 4]);
    }

    #[test]
    fn a_pinned_thread_has_one_core() {
        let cpu = allowed_cpus()[0];
        std::thread::spawn(move || {
            pin_this_thread(cpu).expect("an allowed core");
            assert_eq!(allowed_cpus(), [cpu]);
        })
        .join()
        .expect("the thread ends");
    }
}
