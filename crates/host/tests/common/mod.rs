//! A made-up machine: a tree of files, and somebody who plays the kernel behind it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};

use portreeve_host::{Kernel, Ran, Root};

/// How the made-up kernel behaves beyond what its files say.
#[derive(Default)]
pub struct Behaviour {
    /// Drivers that will not take a device: any (`igb_uio`), or one (`igb_uio 0000:03:00.0`).
    pub refusing: Vec<String>,
    /// Modules that modprobe finds, and the PCI drivers they bring.
    pub loadable: Vec<String>,
    /// Most huge pages that it finds memory for, in all.
    pub memory_for: u64,
    /// As many more after compaction.
    pub after_compaction: u64,
    /// What was last given of each pool that was asked for.
    pub pages_before: std::collections::HashMap<String, u64>,
    /// What was run and written, in order.
    pub log: Vec<String>,
    /// The kernel's log.
    pub messages: Vec<String>,
}

/// A folder that looks like a machine.
pub struct Machine {
    folder: tempfile::TempDir,
    pub behaviour: Arc<Mutex<Behaviour>>,
}

const PCI: &str = "sys/bus/pci";

/// In memory, if it can be: a machine is some hundred files, and what Portreeve remembers of it waits for the disk.
fn memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary folder")
}

impl Machine {
    pub fn new() -> Machine {
        let machine = Machine {
            folder: memory_folder(),
            behaviour: Arc::default(),
        };
        machine.file("sys/bus/pci/drivers_probe", "");
        machine.file("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
        machine.file("proc/sys/kernel/random/boot_id", "first-boot\n");
        machine.file("proc/modules", "");
        machine.file(
            "proc/self/status",
            "Name:\tportreeve\nPPid:\t0\nUid:\t0\t0\t0\t0\n",
        );
        machine
    }

    pub fn root(&self) -> Root {
        Root::played(
            self.folder.path(),
            Played {
                behaviour: Arc::clone(&self.behaviour),
            },
        )
    }

    pub fn path(&self, file: &str) -> std::path::PathBuf {
        self.folder.path().join(file)
    }

    pub fn file(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn link(&self, file: &str, target: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        symlink(target, path).expect("a link");
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().expect("no panic before"));
    }

    /// A driver that is loaded.
    pub fn driver(&self, name: &str) {
        make_driver(&self.root(), name);
    }

    /// A function on the bus, with its kernel driver's name and interface.
    pub fn device(&self, address: &str, class: &str, native: &str, interface: &str) {
        let folder = format!("{PCI}/devices/{address}");
        self.file(&format!("{folder}/class"), class);
        self.file(&format!("{folder}/vendor"), "0x8086\n");
        self.file(&format!("{folder}/device"), "0x10d3\n");
        self.file(&format!("{folder}/numa_node"), "-1\n");
        self.file(&format!("{folder}/driver_override"), "(null)\n");
        self.file(
            &format!("{folder}/modalias"),
            "pci:v00008086d000010D3sv0sd0bc02sc00i00\n",
        );
        self.file(&format!("{folder}/test-native"), native);
        self.file(&format!("{folder}/test-interface"), interface);
        if !native.is_empty() {
            self.driver(native);
            attach(&self.root(), address, native).expect("attaches");
        }
    }

    /// A NIC with the kernel's driver e1000e.
    pub fn nic(&self, address: &str, interface: &str) {
        self.device(address, "0x020000\n", "e1000e", interface);
    }

    /// Puts functions into an IOMMU group.
    pub fn group(&self, group: u32, kind: &str, addresses: &[&str]) {
        self.file(&format!("sys/kernel/iommu_groups/{group}/type"), kind);
        for address in addresses {
            self.link(
                &format!("{PCI}/devices/{address}/iommu_group"),
                &format!("../../../../kernel/iommu_groups/{group}"),
            );
            self.file(
                &format!("sys/kernel/iommu_groups/{group}/devices/{address}"),
                "",
            );
        }
    }

    /// The driver that has it.
    pub fn driver_of(&self, address: &str) -> Option<String> {
        self.root()
            .link_name(format!("{PCI}/devices/{address}/driver"))
    }

    /// Every ordinary file below a folder, with its text.
    pub fn snapshot(&self, below: &str) -> Vec<(String, String)> {
        let mut files = Vec::new();
        walk(&self.path(below), &mut files);
        files.sort();
        files
    }
}

fn walk(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else {
            let text = fs::read_to_string(&path).unwrap_or_default();
            files.push((path.display().to_string(), text));
        }
    }
}

/// [`Root::put`] without waiting for the disk.
fn put(root: &Root, file: impl AsRef<Path>, text: &str) -> io::Result<()> {
    let path = root.path(file);
    fs::create_dir_all(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
    fs::write(path, text)
}

fn make_driver(root: &Root, name: &str) {
    for file in ["bind", "unbind", "new_id"] {
        put(root, format!("{PCI}/drivers/{name}/{file}"), "").expect("a file");
    }
}

fn attach(root: &Root, address: &str, driver: &str) -> io::Result<()> {
    let folder = format!("{PCI}/devices/{address}");
    symlink(
        format!("../../drivers/{driver}"),
        root.path(format!("{folder}/driver")),
    )?;
    let interface = root.read(format!("{folder}/test-interface"))?;
    if driver == root.read(format!("{folder}/test-native"))? && !interface.is_empty() {
        root.make_folder(format!("{folder}/net/{interface}"))?;
    }
    Ok(())
}

struct Played {
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Kernel for Played {
    fn wrote(&self, root: &Root, file: &str, text: &str) -> io::Result<()> {
        let mut behaviour = self.behaviour.lock().expect("no panic before");
        behaviour.log.push(format!("{file} {}", text.trim()));
        if let Some(rest) = file.strip_prefix("sys/bus/pci/") {
            return pci(root, &mut behaviour, rest, text);
        }
        if file.ends_with("/nr_hugepages") {
            let wanted: u64 = text.trim().parse().map_err(io::Error::other)?;
            let given = wanted.min(behaviour.memory_for);
            let folder = file.trim_end_matches("/nr_hugepages");
            let before = behaviour
                .pages_before
                .insert(file.into(), given)
                .unwrap_or_default();
            put(root, file, &format!("{given}\n"))?;
            put(
                root,
                format!("{folder}/free_hugepages"),
                &format!("{given}\n"),
            )?;
            if let Some((_, size)) = folder
                .split_once("/hugepages/")
                .filter(|_| folder.contains("/node/"))
            {
                // The sum of the nodes.
                for name in ["nr_hugepages", "free_hugepages"] {
                    let sum = format!("sys/kernel/mm/hugepages/{size}/{name}");
                    let all: u64 = root.number(&sum).unwrap_or_default();
                    put(root, &sum, &format!("{}\n", all + given - before))?;
                }
            }
        }
        if file == "proc/sys/vm/compact_memory" {
            let more = behaviour.after_compaction;
            behaviour.memory_for += more;
        }
        Ok(())
    }

    fn run(&self, root: &Root, program: &str, arguments: &[&str]) -> io::Result<Ran> {
        let mut behaviour = self.behaviour.lock().expect("no panic before");
        let line = format!("{program} {}", arguments.join(" "));
        behaviour.log.push(line.trim().to_owned());
        let (success, text) = match (program, arguments) {
            ("modprobe", [name]) if behaviour.loadable.iter().any(|m| m == name) => {
                make_driver(root, name);
                (true, String::new())
            }
            ("modprobe", [name]) => (
                false,
                format!(
                    "modprobe: FATAL: Module {name} not found in directory /lib/modules/6.1.0-9-amd64"
                ),
            ),
            ("mount", _) => (true, String::new()),
            ("dmesg", _) => (true, behaviour.messages.join("\n")),
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Ran { success, text })
    }
}

fn pci(root: &Root, behaviour: &mut Behaviour, file: &str, text: &str) -> io::Result<()> {
    let not_there = || io::Error::from_raw_os_error(19); // ENODEV
    if file.ends_with("/driver_override") {
        let shown = if text.trim().is_empty() {
            "(null)"
        } else {
            text.trim()
        };
        return put(root, format!("{PCI}/{file}"), &format!("{shown}\n"));
    }
    let address = text.trim();
    let folder = format!("{PCI}/devices/{address}");
    let has_driver = || fs::read_link(root.path(format!("{folder}/driver"))).is_ok();
    if file.ends_with("/unbind") {
        if !has_driver() {
            return Err(not_there());
        }
        fs::remove_file(root.path(format!("{folder}/driver")))?;
        let _ = fs::remove_dir_all(root.path(format!("{folder}/net")));
        return Ok(());
    }
    let reserved = root
        .read(format!("{folder}/driver_override"))
        .ok()
        .filter(|text| text != "(null)");
    let native = root.read(format!("{folder}/test-native"))?;
    let fitting = reserved.unwrap_or(native);
    let asked = match file
        .strip_prefix("drivers/")
        .and_then(|f| f.strip_suffix("/bind"))
    {
        Some(driver) if driver != fitting => return Err(not_there()),
        Some(driver) => driver.to_owned(),
        None => fitting,
    };
    if has_driver() || !root.exists(format!("{PCI}/drivers/{asked}")) {
        return Ok(());
    }
    let one = format!("{asked} {address}");
    if behaviour
        .refusing
        .iter()
        .any(|refusing| *refusing == asked || *refusing == one)
    {
        behaviour.messages.push(format!(
            "[    9.1] {asked} {address}: probe failed: no such luck"
        ));
        return Err(io::Error::from_raw_os_error(22)); // EINVAL
    }
    attach(root, address, &asked)
}
