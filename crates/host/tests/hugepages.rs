//! The reserve of huge pages, on a machine that is made up and on this one.

mod common;

use common::Machine;
use portreeve_host::Root;
use portreeve_host::hugepages::{self, PageSize, Want};

const TWO_MEGABYTES: &str = "sys/kernel/mm/hugepages/hugepages-2048kB";

fn machine() -> Machine {
    let machine = Machine::new();
    machine.file(
        "proc/meminfo",
        "MemTotal: 1 kB\nHugepagesize:       2048 kB\n",
    );
    machine.file("proc/sys/vm/compact_memory", "");
    machine.file(
        "sys/kernel/mm/transparent_hugepage/enabled",
        "always [madvise] never\n",
    );
    machine.file("proc/cmdline", "quiet hugepagesz=1G hugepages=1\n");
    let mut folders = vec!["sys/kernel/mm/hugepages".to_owned()];
    folders.extend((0..2).map(|node| format!("sys/devices/system/node/node{node}/hugepages")));
    for folder in folders {
        for size in ["2048kB", "1048576kB"] {
            machine.file(&format!("{folder}/hugepages-{size}/nr_hugepages"), "0\n");
            machine.file(&format!("{folder}/hugepages-{size}/free_hugepages"), "0\n");
        }
    }
    machine
}

fn want(text: &str) -> Want {
    text.parse().unwrap()
}

#[test]
fn what_the_kernel_gave_is_read_back() {
    let machine = machine();
    machine.behave(|b| b.memory_for = 600);
    let root = machine.root();
    let outcome = hugepages::reserve(&root, &want("2MiB=512")).unwrap();
    assert_eq!((outcome.before, outcome.after), (0, 512));
    assert_eq!(outcome.complaint(), None);
    assert_eq!(
        machine.read(&format!("{TWO_MEGABYTES}/nr_hugepages")),
        "512\n"
    );
    // Fewer than wanted, also after memory was moved together.
    let outcome = hugepages::reserve(&root, &want("2MiB=1000")).unwrap();
    assert_eq!(outcome.after, 600);
    assert!(
        outcome
            .complaint()
            .unwrap()
            .contains("gave 600 of 1000 pages of 2 MiB")
    );
    // Moving it together helps.
    machine.behave(|b| b.after_compaction = 500);
    let outcome = hugepages::reserve(&root, &want("2MiB=1000")).unwrap();
    assert_eq!((outcome.after, outcome.complaint()), (1000, None));
    // Large ones: the command line.
    machine.behave(|b| (b.memory_for, b.after_compaction) = (1, 0));
    let outcome = hugepages::reserve(&root, &want("1GiB=2@1")).unwrap();
    assert!(
        outcome
            .complaint()
            .unwrap()
            .contains("hugepagesz=1G hugepages=2")
    );
    assert_eq!(
        machine.read("sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages"),
        "1\n"
    );
    let error = hugepages::reserve(&root, &want("16MiB=1")).unwrap_err();
    assert!(error.to_string().contains("no pages of 16 MiB"), "{error}");
    let error = hugepages::reserve(&root, &want("2MiB=1@7")).unwrap_err();
    assert!(error.to_string().contains("node 7"), "{error}");
}

#[test]
fn the_state_has_sizes_nodes_and_mounts() {
    let machine = machine();
    machine.file(
        "proc/self/mounts",
        "proc /proc proc rw 0 0\nhugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\n",
    );
    let state = hugepages::read(&machine.root());
    assert_eq!(state.pools.len(), 6);
    assert_eq!(state.pools[0].size, PageSize::TWO_MEGABYTES);
    assert_eq!(state.pools[2].node, Some(1));
    assert_eq!(state.default, Some(PageSize::TWO_MEGABYTES));
    assert_eq!(state.transparent.as_deref(), Some("madvise"));
    assert_eq!(state.command_line, ["hugepagesz=1G", "hugepages=1"]);
    assert_eq!(state.mounts.len(), 1);
    let root = machine.root();
    let (mount, now) = hugepages::mount(&root, PageSize::TWO_MEGABYTES).unwrap();
    assert!(!now && mount.path == "/dev/hugepages");
    let (mount, now) = hugepages::mount(&root, PageSize::ONE_GIGABYTE).unwrap();
    assert!(now && mount.path == "/dev/hugepages1G");
    let log = &machine.behaviour.lock().unwrap().log;
    assert_eq!(
        log.last().unwrap(),
        "mount -t hugetlbfs -o pagesize=1G hugetlbfs /dev/hugepages1G"
    );
}

#[test]
fn at_boot_they_come_again_until_they_are_taken_away() {
    let machine = machine();
    let root = machine.root();
    let done = hugepages::at_boot(&root, &[want("2MiB=512")]).unwrap();
    assert!(
        done.files.is_empty() && done.advice[0].contains("no systemd"),
        "{done:?}"
    );

    root.make_folder("run/systemd/system").unwrap();
    let before = machine.snapshot("etc");
    let done = hugepages::at_boot(&root, &[want("2MiB=512"), want("1GiB=2@1")]).unwrap();
    assert_eq!(
        done.files,
        [
            "/etc/tmpfiles.d/portreeve-hugepages.conf",
            "/etc/systemd/system/dev-hugepages1G.mount"
        ]
    );
    assert!(
        done.advice[0].contains("hugepagesz=1G hugepages=2"),
        "{done:?}"
    );
    let lines = machine.read("etc/tmpfiles.d/portreeve-hugepages.conf");
    assert!(
        lines.contains("w /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages - - - - 512\n"),
        "{lines}"
    );
    assert!(lines.contains("node1/hugepages/hugepages-1048576kB/nr_hugepages - - - - 2\n"));
    assert_eq!(
        hugepages::read(&root).at_boot,
        [want("2MiB=512"), want("1GiB=2@1")]
    );
    assert_eq!(
        root.link_name("etc/systemd/system/sysinit.target.wants/dev-hugepages1G.mount")
            .as_deref(),
        Some("dev-hugepages1G.mount")
    );
    hugepages::at_boot(&root, &[want("2MiB=640")]).unwrap();
    assert_eq!(
        hugepages::read(&root).at_boot,
        [want("1GiB=2@1"), want("2MiB=640")]
    );
    hugepages::at_boot(&root, &[want("2MiB=0"), want("1GiB=0@1")]).unwrap();
    assert_eq!(machine.snapshot("etc"), before);
}

/// The reserve of this machine, as it was before.
struct Restore(String);

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = Root::system().write(format!("{TWO_MEGABYTES}/nr_hugepages"), &self.0);
    }
}

#[test]
fn this_kernel_gives_pages_and_takes_them_back() {
    let root = Root::system();
    if !portreeve_netlab::may_run_privileged() || !root.exists(TWO_MEGABYTES) {
        return;
    }
    let before: u64 = root
        .number(format!("{TWO_MEGABYTES}/nr_hugepages"))
        .unwrap();
    let _restore = Restore(before.to_string());
    let more = Want {
        size: PageSize::TWO_MEGABYTES,
        count: before + 4,
        node: None,
    };
    let outcome = hugepages::reserve(&root, &more).unwrap();
    // Other tests may change the reserve at the same time: what was read back is what is to be believed.
    assert!(outcome.after > 0, "{outcome:?}");
    let pools = hugepages::read(&root).pools;
    assert!(
        pools
            .iter()
            .any(|pool| pool.size == PageSize::TWO_MEGABYTES && pool.total > 0)
    );
}
