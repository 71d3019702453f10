use std::fs;

use super::*;

/// Two sockets of two cores with two threads each, numbered as firmware usually does: 0-3 the first threads, 4-7 the second.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        machine.file("sys/devices/system/cpu/online", "0-7\n");
        machine.file("sys/devices/system/cpu/isolated", "\n");
        machine.affinity("0-7");
        for cpu in 0..8 {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}");
            let (core, node) = (cpu % 4, cpu % 4 / 2);
            let peers = format!(
                "{}-{},{}-{}",
                node * 2,
                node * 2 + 1,
                node * 2 + 4,
                node * 2 + 5
            );
            machine.file(&format!("{folder}/node{node}/cpulist"), "");
            machine.file(
                &format!("{folder}/topology/core_cpus_list"),
                &format!("{core},{}\n", core + 4),
            );
            machine.file(
                &format!("{folder}/topology/physical_package_id"),
                &node.to_string(),
            );
            for (index, level, list) in [
                (0, 1, format!("{core},{}", core + 4)),
                (1, 3, peers),
                (2, 2, format!("{core},{}", core + 4)),
            ] {
                machine.file(
                    &format!("{folder}/cache/index{index}/level"),
                    &level.to_string(),
                );
                machine.file(
                    &format!("{folder}/cache/index{index}/shared_cpu_list"),
                    &list,
                );
            }
            machine.file(&format!("{folder}/cpufreq/scaling_governor"), "powersave\n");
        }
        machine
    }

    fn root(&self) -> Root {
        Root::at(self.0.path())
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn affinity(&self, list: &str) {
        self.file(
            "proc/thread-self/status",
            &format!("Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t{list}\n"),
        );
    }

    fn allowed(&self) -> Vec<usize> {
        let topology = Topology::read(&self.root());
        topology.allowed().map(|cpu| cpu.id).collect()
    }
}

#[test]
fn what_cores_share_is_read() {
    let topology = Topology::read(&Machine::new().root());
    assert_eq!(topology.cpus.len(), 8);
    assert_eq!(topology.nodes(), [0, 1]);
    assert!(topology.has_siblings());
    let cpu = topology.cpu(6).unwrap();
    assert_eq!(cpu.siblings, [2, 6]);
    assert_eq!(cpu.cache_peers, [2, 3, 6, 7]);
    assert_eq!((cpu.node, cpu.package), (Some(1), Some(1)));
    assert_eq!(cpu.governor.as_deref(), Some("powersave"));
    assert!(cpu.allowed && !cpu.isolated && !cpu.nohz_full && !cpu.is_first_sibling());
    assert!(topology.cpu(2).unwrap().is_first_sibling());
}

#[test]
fn isolated_cores_are_ours_though_no_affinity_has_them() {
    let machine = Machine::new();
    machine.file("sys/devices/system/cpu/isolated", "2-3,6-7\n");
    machine.file("sys/devices/system/cpu/nohz_full", "2-3\n");
    machine.affinity("0-1,4-5");
    assert_eq!(machine.allowed(), [0, 1, 2, 3, 4, 5, 6, 7]);
    let topology = Topology::read(&machine.root());
    assert!(topology.cpu(6).unwrap().isolated);
    assert!(topology.cpu(3).unwrap().nohz_full && !topology.cpu(6).unwrap().nohz_full);
    // Somebody chose this affinity.
    machine.affinity("1");
    assert_eq!(machine.allowed(), [1]);
}

#[test]
fn a_cpuset_is_kept_to() {
    let machine = Machine::new();
    machine.file("sys/devices/system/cpu/isolated", "2-3,6-7\n");
    machine.file("proc/self/cgroup", "0::/system.slice/portreeve.service\n");
    // The service's own group has no cpuset controller; the slice above it has.
    machine.file("sys/fs/cgroup/system.slice/cpuset.cpus.effective", "0-3\n");
    machine.affinity("0-1");
    assert_eq!(machine.allowed(), [0, 1, 2, 3]);
    // The old hierarchy.
    machine.file("proc/self/cgroup", "5:cpu,cpuset:/box\n0::/\n");
    machine.file("sys/fs/cgroup/cpuset/box/cpuset.effective_cpus", "1-2\n");
    machine.affinity("1");
    assert_eq!(machine.allowed(), [1, 2]);
}

#[test]
fn a_bare_machine_has_at_least_one_core() {
    let folder = tempfile::tempdir().unwrap();
    let topology = Topology::read(&Root::at(folder.path()));
    assert_eq!(topology.cpus.len(), 1);
    let cpu = &topology.cpus[0];
    assert!(cpu.allowed && cpu.siblings == [0] && cpu.cache_peers == [0]);
    assert_eq!((cpu.node, cpu.governor.as_deref()), (None, None));
}

#[test]
fn this_machine_is_as_the_scheduler_says() {
    let topology = Topology::read(&Root::system());
    let parallel = std::thread::available_parallelism().unwrap().get();
    // The scheduler's count may be lowered by a quota, never raised.
    assert!(topology.allowed().count() >= parallel);
    for cpu in topology.allowed() {
        assert!(cpu.siblings.contains(&cpu.id) && cpu.cache_peers.contains(&cpu.id));
    }
}

#[test]
fn the_node_of_a_card_is_that_of_its_pci_function() {
    let machine = Machine::new();
    let function = "sys/devices/pci0000:00/0000:00:03.0";
    machine.file(&format!("{function}/numa_node"), "1\n");
    machine.file(&format!("{function}/virtio2/net/eth0/mtu"), "1500");
    machine.file("sys/devices/virtual/net/veth0/mtu", "1500");
    let root = machine.root();
    fs::create_dir_all(root.path("sys/class/net")).unwrap();
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, root.path(at)).unwrap();
    link(
        "../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0",
        "sys/class/net/eth0",
    );
    link(
        "../../../virtio2",
        &format!("{function}/virtio2/net/eth0/device"),
    );
    link("../../devices/virtual/net/veth0", "sys/class/net/veth0");
    assert_eq!(node_of_interface(&root, "eth0"), Some(1));
    assert_eq!(node_of_interface(&root, "veth0"), None);
    assert_eq!(node_of_interface(&root, "none0"), None);
    machine.file(&format!("{function}/numa_node"), "-1\n");
    assert_eq!(node_of_interface(&root, "eth0"), None);
}
