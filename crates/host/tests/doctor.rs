//! Every check on a machine that is made up, both ways; fixing and restoring; and a real veth.

mod common;

use std::cell::RefCell;
use std::io;

use common::Machine;
use portreeve_host::doctor::repair::{self, changes};
use portreeve_host::doctor::{
    CHECKS, Driver, Examination, Finding, Knob, Setting, Severity, examine,
};
use portreeve_interfaces::{
    Address, Channels, Coalescing, Interface, Merging, NicCounters, ReceiveHash, Rings,
};

/// A driver that does what it is told.
#[derive(Clone)]
struct Played(RefCell<Nic>);

#[derive(Clone, Debug, PartialEq)]
struct Nic {
    gro: bool,
    lro: bool,
    /// LRO will not move.
    fixed: bool,
    rings: Rings,
    channels: Channels,
    hash: Option<ReceiveHash>,
    mtu: u32,
    pause: bool,
    coalescing: Coalescing,
}

impl Driver for Played {
    fn rings(&self, _: &str) -> io::Result<Rings> {
        Ok(self.0.borrow().rings)
    }
    fn set_receive_ring(&self, _: &str, frames: u32) -> io::Result<()> {
        self.0.borrow_mut().rings.rx = frames;
        Ok(())
    }
    fn channels(&self, _: &str) -> io::Result<Channels> {
        Ok(self.0.borrow().channels)
    }
    fn merging(&self, _: &str, merging: Merging) -> io::Result<bool> {
        let nic = self.0.borrow();
        Ok(if merging == Merging::Gro {
            nic.gro
        } else {
            nic.lro
        })
    }
    fn set_merging(&self, _: &str, merging: Merging, on: bool) -> io::Result<()> {
        let mut nic = self.0.borrow_mut();
        match merging {
            Merging::Gro => nic.gro = on,
            Merging::Lro if nic.fixed => return Err(io::Error::from_raw_os_error(95)),
            Merging::Lro => nic.lro = on,
        }
        Ok(())
    }
    fn receive_hash(&self, _: &str) -> io::Result<ReceiveHash> {
        let hash = self.0.borrow().hash.clone();
        hash.ok_or_else(|| io::Error::from_raw_os_error(95))
    }
    fn set_hash_key(&self, _: &str, key: &[u8]) -> io::Result<()> {
        match &mut self.0.borrow_mut().hash {
            Some(hash) => hash.key = key.to_vec(),
            None => return Err(io::Error::from_raw_os_error(95)),
        }
        Ok(())
    }
    fn coalescing(&self, _: &str) -> io::Result<Coalescing> {
        Ok(self.0.borrow().coalescing)
    }
    fn sends_pause(&self, _: &str) -> io::Result<bool> {
        Ok(self.0.borrow().pause)
    }
    fn mtu(&self, _: &str) -> io::Result<u32> {
        Ok(self.0.borrow().mtu)
    }
    fn set_mtu(&self, _: &str, mtu: u32) -> io::Result<()> {
        self.0.borrow_mut().mtu = mtu;
        Ok(())
    }
}

/// A machine, its NIC and what the kernel says of it.
struct Patient {
    machine: Machine,
    driver: Played,
    eth1: Interface,
}

const NIC: &str = "0000:3b:00.0";
const DEVICE: &str = "sys/bus/pci/devices/0000:3b:00.0";

impl Patient {
    /// Two nodes of four cores; a 10 Gbit/s NIC on node 0 where cores 1 to 3 are isolated; nothing to complain about.
    fn healthy() -> Patient {
        let machine = Machine::new();
        machine.nic(NIC, "eth1");
        machine.file(&format!("{DEVICE}/numa_node"), "0\n");
        for which in ["current", "max"] {
            machine.file(&format!("{DEVICE}/{which}_link_speed"), "8.0 GT/s PCIe\n");
            machine.file(&format!("{DEVICE}/{which}_link_width"), "8\n");
        }
        machine.group(14, "identity\n", &[NIC]);
        for (queue, core) in [(0, 1), (1, 2)] {
            let number = 60 + queue;
            machine.file(&format!("{DEVICE}/msi_irqs/{number}"), "msix\n");
            machine.file(&format!("proc/irq/{number}/i40e-eth1-TxRx-{queue}/x"), "");
            machine.file(
                &format!("proc/irq/{number}/smp_affinity_list"),
                &format!("{core}\n"),
            );
        }
        machine.file(&format!("{DEVICE}/msi_irqs/62"), "msix\n");
        machine.file("proc/irq/62/i40e-0000:3b:00.0:misc/x", "");
        machine.file("proc/irq/62/smp_affinity_list", "0\n");
        cores(&machine);
        memory(&machine);
        for (name, value) in [
            ("vm/zone_reclaim_mode", "0"),
            ("vm/stat_interval", "120"),
            ("vm/swappiness", "60"),
            ("kernel/numa_balancing", "0"),
            ("kernel/sched_rt_runtime_us", "-1"),
            ("net/core/bpf_jit_enable", "1"),
            ("net/core/netdev_budget", "300"),
            ("net/core/netdev_max_backlog", "1000"),
        ] {
            machine.file(&format!("proc/sys/{name}"), &format!("{value}\n"));
        }
        machine.file("proc/swaps", "Filename Type Size Used Priority\n");
        machine.file("proc/net/softnet_stat", "000f4240 00000000 00000002 0 0\n");
        machine.file(
            "proc/cpuinfo",
            "vendor_id\t: GenuineIntel\nflags\t\t: fpu vme\n",
        );
        machine.file(
            "proc/self/limits",
            "Limit Soft Hard Units\nMax open files            20000                20000                files\nMax locked memory         unlimited            unlimited            bytes\n",
        );
        let clock = "sys/devices/system/clocksource/clocksource0";
        machine.file(&format!("{clock}/current_clocksource"), "tsc\n");
        machine.file(
            &format!("{clock}/available_clocksource"),
            "tsc hpet acpi_pm\n",
        );
        let eth1 = Interface {
            name: "eth1".into(),
            index: 3,
            hardware: 1,
            up: true,
            running: true,
            physical: true,
            speed: Some(10_000),
            driver: Some("i40e".into()),
            mtu: 9000,
            ..Interface::default()
        };
        let driver = Played(RefCell::new(Nic {
            gro: false,
            lro: false,
            fixed: false,
            rings: Rings {
                rx: 4096,
                rx_max: 4096,
                tx: 512,
            },
            channels: Channels {
                rx: 0,
                rx_max: 0,
                combined: 8,
                combined_max: 64,
            },
            hash: Some(ReceiveHash {
                key: [0x6d, 0x5a].repeat(20),
                function: 1,
                symmetric: false,
                queues: vec![0, 1],
            }),
            mtu: 9000,
            pause: false,
            coalescing: Coalescing {
                microseconds: 20,
                frames: 0,
                adaptive: false,
            },
        }));
        Patient {
            machine,
            driver,
            eth1,
        }
    }

    fn look(&self) -> Vec<Finding> {
        let root = self.machine.root();
        let interfaces = [self.eth1.clone()];
        examine(&Examination::new(&root, &self.driver, &interfaces, None, &[]).unwrap())
    }

    fn fix(&self, take_over: bool) -> repair::Outcome {
        let root = self.machine.root();
        let interfaces = [self.eth1.clone()];
        let examination = Examination::new(&root, &self.driver, &interfaces, None, &[]).unwrap();
        let findings = examine(&examination);
        repair::fix(
            &root,
            &self.driver,
            &examination.targets,
            &findings,
            take_over,
            false,
        )
        .unwrap()
    }

    fn undo(&self) -> repair::Outcome {
        repair::undo(&self.machine.root(), &self.driver, false).unwrap()
    }

    /// Everything that a fix might change, and more.
    fn snapshot(&self) -> (Vec<(String, String)>, Nic) {
        let mut files = self.machine.snapshot("sys");
        files.extend(self.machine.snapshot("proc"));
        (files, self.driver.0.borrow().clone())
    }
}

fn cores(machine: &Machine) {
    let cpus = "sys/devices/system/cpu";
    machine.file(&format!("{cpus}/online"), "0-7\n");
    machine.file(&format!("{cpus}/isolated"), "1-3\n");
    machine.file(&format!("{cpus}/nohz_full"), "1-3\n");
    machine.file(
        "proc/self/status",
        "Name:\tportreeve\nPPid:\t0\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\nCpus_allowed_list:\t0,4-7\n",
    );
    for cpu in 0..8 {
        let folder = format!("{cpus}/cpu{cpu}");
        machine.file(&format!("{folder}/node{}/x", cpu / 4), "");
        machine.file(
            &format!("{folder}/topology/core_cpus_list"),
            &format!("{cpu}\n"),
        );
        machine.file(
            &format!("{folder}/cpufreq/scaling_governor"),
            "performance\n",
        );
        for (state, latency) in [(0, 0), (1, 2)] {
            let folder = format!("{folder}/cpuidle/state{state}");
            machine.file(&format!("{folder}/name"), &format!("C{state}\n"));
            machine.file(&format!("{folder}/latency"), &format!("{latency}\n"));
            machine.file(&format!("{folder}/disable"), "0\n");
        }
    }
}

fn memory(machine: &Machine) {
    machine.file(
        "proc/meminfo",
        "MemTotal:       33554432 kB\nHugepagesize:       2048 kB\n",
    );
    machine.file(
        "sys/kernel/mm/transparent_hugepage/enabled",
        "always [madvise] never\n",
    );
    machine.file(
        "proc/self/mounts",
        "none /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n",
    );
    for (folder, count) in [
        ("sys/kernel/mm/hugepages", 512),
        ("sys/devices/system/node/node0/hugepages", 512),
        ("sys/devices/system/node/node1/hugepages", 0),
    ] {
        pages(machine, folder, count);
    }
    machine.behave(|b| b.memory_for = 100_000);
}

fn pages(machine: &Machine, folder: &str, count: u64) {
    for file in ["nr_hugepages", "free_hugepages"] {
        machine.file(
            &format!("{folder}/hugepages-2048kB/{file}"),
            &format!("{count}\n"),
        );
    }
}

#[test]
fn a_healthy_machine_has_nothing_to_complain_about() {
    let patient = Patient::healthy();
    let complaints: Vec<Finding> = patient
        .look()
        .into_iter()
        .filter(|finding| finding.severity != Severity::Ok)
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(patient.fix(false).done.is_empty());
}

/// A thing to break, the check that must see it, how bad it is, and a part of what to type.
type Case = (&'static str, Severity, &'static str, fn(&mut Patient));

const CASES: &[Case] = &[
    (
        "pause-frames",
        Severity::CostsPackets,
        "ethtool -A eth1 autoneg off rx off tx off",
        |p| p.driver.0.borrow_mut().pause = true,
    ),
    (
        "interrupt-moderation",
        Severity::CostsPackets,
        "ethtool -C eth1 rx-usecs 69",
        |p| {
            p.driver.0.borrow_mut().coalescing.microseconds = 500;
        },
    ),
    (
        "interrupt-moderation",
        Severity::Note,
        "ethtool -C eth1 rx-usecs 20",
        |p| {
            p.driver.0.borrow_mut().coalescing.microseconds = 0;
        },
    ),
    (
        "gro",
        Severity::CostsPackets,
        "ethtool -K eth1 gro off",
        |p| p.driver.0.borrow_mut().gro = true,
    ),
    (
        "lro",
        Severity::CostsPackets,
        "ethtool -K eth1 lro off",
        |p| p.driver.0.borrow_mut().lro = true,
    ),
    (
        "receive-ring",
        Severity::CostsPackets,
        "ethtool -G eth1 rx 4096",
        |p| p.driver.0.borrow_mut().rings.rx = 512,
    ),
    (
        "queues",
        Severity::Note,
        "ethtool -L eth1 combined 8",
        |p| p.driver.0.borrow_mut().channels.combined = 2,
    ),
    (
        "receive-hash",
        Severity::CostsPackets,
        "ethtool -X eth1 hkey 6d:5a:6d",
        |p| {
            p.driver.0.borrow_mut().hash.as_mut().unwrap().key = (0..40).collect();
        },
    ),
    ("receive-hash", Severity::Note, "hfunc toeplitz", |p| {
        p.driver.0.borrow_mut().hash.as_mut().unwrap().function = 4;
    }),
    ("receive-hash", Severity::Note, "", |p| {
        p.driver.0.borrow_mut().hash = None;
    }),
    ("mtu", Severity::CostsPackets, "mtu 9000", |p| {
        p.eth1.mtu = 1500;
        p.driver.0.borrow_mut().mtu = 1500;
        p.eth1.counters = NicCounters {
            length: 5,
            ..NicCounters::default()
        };
    }),
    ("mtu", Severity::Note, "mtu 9000", |p| p.eth1.mtu = 1500),
    ("nic-losses", Severity::Note, "ethtool -S eth1", |p| {
        p.eth1.counters.missed = 7;
    }),
    ("link", Severity::Note, "ethtool -m eth1", |p| {
        p.eth1.running = false;
    }),
    ("tso", Severity::Note, "tso off gso off", |p| {
        p.eth1.offloads.tso = Some(true);
        p.eth1.addresses.push(Address {
            ip: [192, 0, 2, 1].into(),
            prefix: 24,
        });
    }),
    (
        "driver",
        Severity::Note,
        "nic bind 0000:3b:00.0 --driver vfio-pci",
        |p| p.machine.driver("vfio-pci"),
    ),
    ("slot", Severity::CostsPackets, "", |p| {
        p.machine
            .file(&format!("{DEVICE}/current_link_width"), "1\n");
    }),
    ("numa-node", Severity::CostsPackets, "taskset -c 4-7", |p| {
        p.machine.file(&format!("{DEVICE}/numa_node"), "1\n");
        p.machine.file("proc/self/cgroup", "0::/box\n");
        p.machine
            .file("sys/fs/cgroup/box/cpuset.cpus.effective", "0-3\n");
        p.machine.file(
            "proc/self/status",
            "Uid:\t0\t0\t0\t0\nCapEff:\tffffffff\nCpus_allowed_list:\t0\n",
        );
        pages(&p.machine, "sys/devices/system/node/node1/hugepages", 512);
    }),
    (
        "interrupts",
        Severity::CostsPackets,
        "echo 0 | sudo tee /proc/irq/60/smp_affinity_list",
        |p| {
            for number in [60, 61] {
                p.machine
                    .file(&format!("proc/irq/{number}/smp_affinity_list"), "0\n");
            }
        },
    ),
    (
        "interrupts",
        Severity::CostsPackets,
        "/proc/irq/61/smp_affinity_list",
        |p| {
            p.machine.file("proc/irq/61/smp_affinity_list", "6\n");
        },
    ),
    (
        "irqbalance",
        Severity::Note,
        "systemctl disable --now irqbalance",
        |p| p.machine.file("proc/812/comm", "irqbalance\n"),
    ),
    (
        "huge-pages",
        Severity::Note,
        "nic hugepages 2MiB=512@0 --boot",
        |p| {
            for folder in [
                "sys/kernel/mm/hugepages",
                "sys/devices/system/node/node0/hugepages",
            ] {
                pages(&p.machine, folder, 0);
            }
        },
    ),
    (
        "huge-pages",
        Severity::CostsPackets,
        "nic hugepages 2MiB=512@0 --boot",
        |p| {
            p.machine.file(
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always madvise [never]\n",
            );
            for folder in [
                "sys/kernel/mm/hugepages",
                "sys/devices/system/node/node0/hugepages",
            ] {
                pages(&p.machine, folder, 0);
            }
        },
    ),
    ("huge-pages", Severity::CostsPackets, "2MiB=512@0", |p| {
        pages(&p.machine, "sys/devices/system/node/node0/hugepages", 0);
        pages(&p.machine, "sys/devices/system/node/node1/hugepages", 512);
    }),
    (
        "huge-pages-mounted",
        Severity::Note,
        "nic hugepages 2MiB=512",
        |p| p.machine.file("proc/self/mounts", ""),
    ),
    ("iommu", Severity::Note, "", |p| {
        std::fs::remove_dir_all(p.machine.path("sys/kernel/iommu_groups")).unwrap();
    }),
    ("iommu", Severity::Note, "", |p| {
        p.machine
            .file("sys/kernel/iommu_groups/14/type", "DMA-FQ\n");
    }),
    ("isolated-cores", Severity::CostsPackets, "", |p| {
        p.machine.file("sys/devices/system/cpu/isolated", "\n");
        p.machine.file(
            "proc/self/status",
            "Uid:\t0\t0\t0\t0\nCapEff:\tffffffff\nCpus_allowed_list:\t0-7\n",
        );
    }),
    ("isolated-cores", Severity::CostsPackets, "", |p| {
        p.machine.file(&format!("{DEVICE}/numa_node"), "1\n");
        pages(&p.machine, "sys/devices/system/node/node1/hugepages", 512);
        for (number, core) in [(60, 5), (61, 6)] {
            p.machine.file(
                &format!("proc/irq/{number}/smp_affinity_list"),
                &format!("{core}\n"),
            );
        }
    }),
    ("timer-ticks", Severity::Note, "", |p| {
        p.machine
            .file("sys/devices/system/cpu/nohz_full", "(null)\n");
    }),
    (
        "frequency-governor",
        Severity::CostsPackets,
        "echo performance | sudo tee",
        |p| {
            p.machine.file(
                "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor",
                "schedutil\n",
            );
        },
    ),
    (
        "sleep-states",
        Severity::CostsPackets,
        "cpuidle/state3/disable",
        |p| {
            let folder = "sys/devices/system/cpu/cpu2/cpuidle/state3";
            p.machine.file(&format!("{folder}/name"), "C6\n");
            p.machine.file(&format!("{folder}/latency"), "890\n");
            p.machine.file(&format!("{folder}/disable"), "0\n");
        },
    ),
    (
        "clock",
        Severity::CostsPackets,
        "echo tsc | sudo tee",
        |p| {
            p.machine.file(
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "hpet\n",
            );
        },
    ),
    (
        "zone-reclaim",
        Severity::CostsPackets,
        "sysctl -w vm.zone_reclaim_mode=0",
        |p| p.machine.file("proc/sys/vm/zone_reclaim_mode", "1\n"),
    ),
    (
        "numa-balancing",
        Severity::CostsPackets,
        "sysctl -w kernel.numa_balancing=0",
        |p| p.machine.file("proc/sys/kernel/numa_balancing", "1\n"),
    ),
    (
        "bpf-compiler",
        Severity::CostsPackets,
        "sysctl -w net.core.bpf_jit_enable=1",
        |p| p.machine.file("proc/sys/net/core/bpf_jit_enable", "0\n"),
    ),
    (
        "statistics-timer",
        Severity::Note,
        "sysctl -w vm.stat_interval=120",
        |p| p.machine.file("proc/sys/vm/stat_interval", "1\n"),
    ),
    (
        "swapping",
        Severity::Note,
        "sysctl -w vm.swappiness=10",
        |p| {
            p.machine
                .file("proc/swaps", "Filename\n/swap file 1 0 -2\n");
        },
    ),
    (
        "real-time-limit",
        Severity::Note,
        "sysctl -w kernel.sched_rt_runtime_us=-1",
        |p| {
            p.machine
                .file("proc/sys/kernel/sched_rt_runtime_us", "950000\n");
        },
    ),
    (
        "kernel-backlog",
        Severity::Note,
        "netdev_max_backlog=10000",
        |p| {
            p.machine
                .file("proc/net/softnet_stat", "000f4240 0000000a 0 0\n");
        },
    ),
    ("kernel-budget", Severity::Note, "netdev_budget=600", |p| {
        p.machine
            .file("proc/net/softnet_stat", "000f4240 0 00001000 0\n");
    }),
    (
        "locked-memory",
        Severity::Note,
        "ulimit -l unlimited",
        |p| {
            p.machine.file(
                "proc/self/limits",
                "Max locked memory         8388608              8388608              bytes\n",
            );
            p.machine.file(
                "proc/self/status",
                "Uid:\t0\t0\t0\t0\nCapEff:\t0000000000003000\nCpus_allowed_list:\t0,4-7\n",
            );
        },
    ),
    ("open-files", Severity::Note, "ulimit -n 65536", |p| {
        p.machine.file(
            "proc/self/limits",
            "Max open files            256                256                files\n",
        );
    }),
    (
        "capabilities",
        Severity::Blocks,
        "setcap cap_net_raw,cap_net_admin=ep",
        |p| {
            p.machine.file(
                "proc/self/status",
                "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0\nCpus_allowed_list:\t0,4-7\n",
            );
        },
    ),
    ("capabilities", Severity::Note, "setcap", |p| {
        p.machine.file(
            "proc/self/status",
            "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000002000\nCpus_allowed_list:\t0,4-7\n",
        );
    }),
    ("no-nic", Severity::Note, "nic list", |p| p.eth1.up = false),
];

#[test]
fn every_check_sees_what_it_is_for() {
    let mut unseen: Vec<&str> = CHECKS.to_vec();
    for (id, severity, command, break_it) in CASES {
        unseen.retain(|name| name != id);
        let mut patient = Patient::healthy();
        break_it(&mut patient);
        let findings = patient.look();
        let found = findings
            .iter()
            .find(|finding| finding.id == *id && finding.severity == *severity)
            .unwrap_or_else(|| panic!("{id}: {findings:#?}"));
        assert!(!found.why.is_empty(), "{found:?}");
        assert!(
            command.is_empty() || found.fix.iter().any(|fix| fix.contains(command)),
            "{found:?}"
        );
        // Told what to do, by a command or by hand; only a driver that says nothing leaves nothing to be done.
        assert!(
            !found.fix.is_empty()
                || !found.by_hand.is_empty()
                || patient.driver.0.borrow().hash.is_none(),
            "{found:?}"
        );
        for finding in &findings {
            assert!(CHECKS.contains(&finding.id), "{finding:?}");
        }
    }
    assert!(unseen.is_empty(), "no case for {unseen:?}");
}

#[test]
fn what_is_fixed_is_healthy_and_restored_to_the_byte() {
    for (id, severity, _, break_it) in CASES {
        let mut patient = Patient::healthy();
        break_it(&mut patient);
        let broken = patient.snapshot();
        let findings = patient.look();
        let found = findings
            .iter()
            .find(|f| f.id == *id && f.severity == *severity)
            .unwrap();
        let fixable = *severity >= Severity::CostsPackets && !found.changes.is_empty();
        let outcome = patient.fix(true);
        assert!(outcome.failed.is_empty(), "{id}: {outcome:?}");
        if fixable {
            assert!(!outcome.done.is_empty(), "{id}");
            if *id == "mtu" {
                patient.eth1.mtu = patient.driver.0.borrow().mtu;
            }
            let again = patient.look();
            assert!(
                !again
                    .iter()
                    .any(|f| f.id == *id && f.severity >= Severity::CostsPackets),
                "{id}: {again:#?}"
            );
            // A second time there is nothing to do, and what was first is not forgotten.
            assert!(patient.fix(true).done.is_empty(), "{id}");
        }
        let undone = patient.undo();
        assert!(
            undone.failed.is_empty() && undone.left.is_empty(),
            "{id}: {undone:?}"
        );
        assert_eq!(undone.done.len(), outcome.done.len(), "{id}");
        assert_eq!(patient.snapshot(), broken, "{id}");
        assert!(
            !patient
                .machine
                .path("var/lib/portreeve/doctor-changes.json")
                .exists()
        );
        assert!(patient.undo().done.is_empty());
    }
}

#[test]
fn a_bound_nic_without_pages_is_in_the_way() {
    let patient = Patient::healthy();
    for folder in [
        "sys/kernel/mm/hugepages",
        "sys/devices/system/node/node0/hugepages",
    ] {
        pages(&patient.machine, folder, 0);
    }
    let link = patient.machine.path(&format!("{DEVICE}/driver"));
    std::fs::remove_file(&link).unwrap();
    std::fs::remove_dir_all(patient.machine.path(&format!("{DEVICE}/net"))).unwrap();
    patient.machine.driver("vfio-pci");
    patient
        .machine
        .link(&format!("{DEVICE}/driver"), "../../drivers/vfio-pci");
    let root = patient.machine.root();
    let examination = Examination::new(&root, &patient.driver, &[], None, &[]).unwrap();
    let findings = examine(&examination);
    assert_eq!(findings[0].id, "huge-pages");
    assert_eq!(findings[0].severity, Severity::Blocks);
}

#[test]
fn a_fix_that_fails_half_way_leaves_the_rest_done_and_is_undone() {
    let patient = Patient::healthy();
    {
        let mut nic = patient.driver.0.borrow_mut();
        (nic.gro, nic.lro, nic.fixed, nic.rings.rx) = (true, true, true, 512);
    }
    let broken = patient.snapshot();
    let outcome = patient.fix(false);
    assert_eq!(outcome.done.len(), 2, "{outcome:?}");
    let lro = Setting::Interface {
        name: "eth1".into(),
        knob: Knob::Lro,
    };
    assert_eq!(outcome.failed.len(), 1);
    assert_eq!(outcome.failed[0].0, lro);
    assert_eq!(changes(&patient.machine.root()).unwrap().len(), 2);
    patient.undo();
    assert_eq!(patient.snapshot(), broken);
}

#[test]
fn what_somebody_else_set_since_is_left_to_him() {
    let patient = Patient::healthy();
    patient.driver.0.borrow_mut().rings.rx = 512;
    patient.fix(false);
    patient.driver.0.borrow_mut().rings.rx = 2048;
    let undone = patient.undo();
    assert_eq!(undone.left.len(), 1, "{undone:?}");
    assert_eq!(patient.driver.0.borrow().rings.rx, 2048);
    assert!(changes(&patient.machine.root()).unwrap().is_empty());
}

#[test]
fn changed_twice_it_goes_back_to_the_first() {
    let patient = Patient::healthy();
    patient.driver.0.borrow_mut().rings.rx = 512;
    patient.fix(false);
    patient.driver.0.borrow_mut().rings.rx = 1024;
    patient.fix(false);
    patient.undo();
    assert_eq!(patient.driver.0.borrow().rings.rx, 512);
}

#[test]
fn a_link_in_use_is_not_taken_down_unasked() {
    let mut patient = Patient::healthy();
    patient.eth1.default_route = true;
    {
        let mut nic = patient.driver.0.borrow_mut();
        (nic.gro, nic.rings.rx) = (true, 512);
    }
    let outcome = patient.fix(false);
    assert_eq!(
        (outcome.done.len(), outcome.left.len()),
        (1, 1),
        "{outcome:?}"
    );
    assert!(outcome.left[0].1.contains("--take-over"));
    assert_eq!(patient.driver.0.borrow().rings.rx, 512);
    assert_eq!(patient.fix(true).done.len(), 1);
}

#[test]
fn after_a_reboot_there_is_nothing_to_undo() {
    let patient = Patient::healthy();
    patient.driver.0.borrow_mut().gro = true;
    patient.fix(false);
    patient
        .machine
        .file("proc/sys/kernel/random/boot_id", "second-boot\n");
    patient.driver.0.borrow_mut().gro = false;
    assert!(patient.undo().done.is_empty());
    assert!(!patient.driver.0.borrow().gro);
}

#[test]
fn a_name_that_is_none_is_said() {
    let patient = Patient::healthy();
    let root = patient.machine.root();
    let interfaces = [patient.eth1.clone()];
    let look = |name: &str| {
        Examination::new(
            &root,
            &patient.driver,
            &interfaces,
            None,
            &[name.to_owned()],
        )
        .map(|examination| examination.targets[0].name())
        .map_err(|error| error.to_string())
    };
    assert_eq!(look("eth1").as_deref(), Ok("eth1"));
    assert_eq!(look("afxdp:eth1").as_deref(), Ok("eth1"));
    assert_eq!(look("dpdk:3b:00.0").as_deref(), Ok("eth1"));
    assert!(look("eth9").unwrap_err().contains("\"eth9\""));
}

#[test]
fn on_a_real_veth_gro_and_mtu_are_found_changed_and_restored() {
    use portreeve_interfaces::Ethtool;
    if !portreeve_netlab::may_run_privileged() {
        return;
    }
    let lab = portreeve_netlab::Lab::new();
    let machine = Machine::new();
    let root = machine.root();
    lab.run(|| {
        let driver = Ethtool::open().unwrap();
        let name = portreeve_netlab::Lab::RX;
        driver.set_merging(name, Merging::Gro, true).unwrap();
        let names = [name.to_owned()];
        let look = |interfaces: &[Interface]| {
            let examination = Examination::new(&root, &driver, interfaces, None, &names).unwrap();
            let findings = examine(&examination);
            let outcome = repair::fix(
                &root,
                &driver,
                &examination.targets,
                &findings,
                false,
                false,
            );
            (findings, outcome.unwrap())
        };
        let mut interfaces = portreeve_interfaces::list().unwrap();
        // A veth counts no frames of the wrong length.
        for interface in &mut interfaces {
            interface.counters.length = 3;
        }
        let (findings, outcome) = look(&interfaces);
        let gro = findings.iter().find(|finding| finding.id == "gro").unwrap();
        assert_eq!(gro.severity, Severity::CostsPackets);
        assert_eq!(gro.fix, [format!("sudo ethtool -K {name} gro off")]);
        assert!(outcome.failed.is_empty(), "{outcome:?}");
        assert!(!driver.merging(name, Merging::Gro).unwrap());
        assert_eq!(driver.mtu(name).unwrap(), 9000);
        let (findings, _) = look(&portreeve_interfaces::list().unwrap());
        assert!(
            findings
                .iter()
                .any(|f| f.id == "gro" && f.severity == Severity::Ok)
        );
        let undone = repair::undo(&root, &driver, false).unwrap();
        assert_eq!(
            (undone.done.len(), undone.failed.len()),
            (2, 0),
            "{undone:?}"
        );
        assert!(driver.merging(name, Merging::Gro).unwrap());
        assert_eq!(driver.mtu(name).unwrap(), 1500);
    });
}
