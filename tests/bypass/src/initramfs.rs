//! The guest's file system: busybox, the modules it needs, `portreeve` with its libraries, and a first process that obeys the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cpio::Archive;
use crate::fault::{About, Outcome, ensure, fail};
use crate::parts::Parts;

/// The first process.
const INIT: &str = include_str!("init.sh");

/// The kernel's modules in the guest, with all they depend on: user-space drivers, and the kernel's own drivers of the emulated NICs.
const MODULES: &[&str] = &[
    "uio",
    "uio_pci_generic",
    "igb_uio",
    "vfio",
    "vfio_iommu_type1",
    "vfio_pci",
    "virtio_pci",
    "virtio_net",
    "e1000",
    "e1000e",
    "vmxnet3",
    "igb",
];

/// The drivers among DPDK's plug-ins that the guest needs: buses, memory pools, the emulated NICs.
const PLUGINS: &[&str] = &[
    "bus_pci",
    "bus_vdev",
    "mempool_ring",
    "net_virtio",
    "net_e1000",
    "net_vmxnet3",
];

/// Loaded at run time, so that no list of linked libraries names it.
const LATE_LIBRARIES: &[&str] = &["libgcc_s.so.1"];

/// Builds the archive with this `portreeve` in it.
///
/// # Errors
/// A part is missing.
pub fn build(parts: &Parts, portreeve: &Path) -> Outcome<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in [
        "proc", "sys", "dev", "tmp", "run", "root", "etc", "var/lib", "var/run", "mnt",
    ] {
        archive.folder(folder);
    }
    // As in Debian: what is in /lib is in /usr/lib, by either name.
    archive.link("lib", "usr/lib");
    archive.link("lib64", "usr/lib64");
    // The kernel runs /init.
    archive.file("init", 0o755, INIT.as_bytes());
    archive.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\n");
    archive.file("etc/group", 0o644, b"root:x:0:\n");
    busybox(&mut archive, &parts.busybox)?;
    modules(&mut archive, parts)?;
    program(&mut archive, portreeve)?;
    Ok(archive.finish())
}

fn busybox(archive: &mut Archive, busybox: &Path) -> Outcome<()> {
    let bytes = fs::read(busybox).about(busybox.display())?;
    archive.file("bin/busybox", 0o755, &bytes);
    let listed = Command::new(busybox)
        .arg("--list")
        .output()
        .about(busybox.display())?;
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in names.lines().filter(|name| *name != "busybox") {
        archive.link(&format!("bin/{name}"), "busybox");
    }
    // The kernel asks for modules by this path.
    archive.link("sbin/modprobe", "/bin/busybox");
    Ok(())
}

/// The name of a module by its file's path.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

fn modules(archive: &mut Archive, parts: &Parts) -> Outcome<()> {
    let place = format!("usr/lib/modules/{}", parts.release);
    let read = |name: &str| {
        let path = parts.modules.join(name);
        fs::read_to_string(&path).about(path.display())
    };
    let dependencies = read("modules.dep")?;
    // Each line: a file, a colon, the files it depends on, all of them, also by way of others.
    let lines: BTreeMap<String, &str> = dependencies
        .lines()
        .filter_map(|line| Some((module_name(line.split_once(':')?.0), line)))
        .collect();
    let builtin: BTreeSet<String> = read("modules.builtin")?.lines().map(module_name).collect();
    let mut wanted = BTreeSet::new();
    for module in MODULES {
        let Some(line) = lines.get(*module) else {
            ensure(builtin.contains(*module), || {
                format!("the kernel {} has no module {module}", parts.release)
            })?;
            continue;
        };
        let files = line.split([':', ' ']).filter(|file| !file.is_empty());
        wanted.extend(files.map(str::to_owned));
    }
    let names: BTreeSet<String> = wanted.iter().map(|file| module_name(file)).collect();
    for file in &wanted {
        let path = parts.modules.join(file);
        let bytes = fs::read(&path).about(path.display())?;
        archive.file(&format!("{place}/{file}"), 0o644, &bytes);
    }
    let kept: String = lines
        .iter()
        .filter(|(name, _)| names.contains(*name))
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    archive.file(&format!("{place}/modules.dep"), 0o644, kept.as_bytes());
    let aliases: String = read("modules.alias")?
        .lines()
        .filter(|line| {
            let module = line.rsplit(' ').next().unwrap_or_default();
            names.contains(&module.replace('-', "_"))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    archive.file(&format!("{place}/modules.alias"), 0o644, aliases.as_bytes());
    for name in ["modules.builtin", "modules.order"] {
        archive.file(&format!("{place}/{name}"), 0o644, read(name)?.as_bytes());
    }
    Ok(())
}

/// `portreeve` without what only a debugger needs, its libraries, and DPDK's plug-ins if it is linked with DPDK.
fn program(archive: &mut Archive, portreeve: &Path) -> Outcome<()> {
    let slim = slim(portreeve)?;
    archive.file("bin/portreeve", 0o755, &slim);
    let mut libraries = libraries(portreeve)?;
    if let Some(eal) = find_library(&libraries, "librte_eal.so") {
        let folder = plugin_folder(&eal)?;
        for plugin in PLUGINS {
            // librte_eal.so.23 → librte_net_virtio.so.23, beside it.
            let eal_name = eal.file_name().unwrap_or_default().to_string_lossy();
            let name = eal_name.replace("_eal.", &format!("_{plugin}."));
            let library = eal.with_file_name(name);
            libraries.extend(self::libraries(&library)?);
            // A plug-in must be the same file as the library that others are linked with, or it is there twice.
            let link = folder.join(format!("librte_{plugin}.so"));
            archive.link(&in_archive(&link), &library.display().to_string());
            libraries.insert(library);
        }
    }
    for name in LATE_LIBRARIES {
        if find_library(&libraries, name).is_none() {
            let folder = find_library(&libraries, "libc.so");
            let path = folder.map(|libc| libc.with_file_name(name));
            libraries.extend(path.filter(|path| path.exists()));
        }
    }
    for library in libraries {
        archive.file(&in_archive(&library), 0o755, &self::slim(&library)?);
    }
    Ok(())
}

/// The place of a host's file in the archive, where `lib` is only a link to `usr/lib`.
fn in_archive(path: &Path) -> String {
    let path = path.display().to_string();
    let path = path.trim_start_matches('/');
    if path.starts_with("lib") {
        format!("usr/{path}")
    } else {
        path.to_owned()
    }
}

fn find_library(libraries: &BTreeSet<PathBuf>, begin: &str) -> Option<PathBuf> {
    let named = |path: &&PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(begin))
    };
    libraries.iter().find(named).cloned()
}

/// The libraries that a program or library is linked with, by the paths at which the loader looks.
fn libraries(of: &Path) -> Outcome<BTreeSet<PathBuf>> {
    let output = Command::new("ldd").arg(of).output().about("ldd")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure(output.status.success(), || format!("ldd {}", of.display()))?;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        ensure(!line.contains("not found"), || {
            format!("{}: {}", of.display(), line.trim())
        })?;
        let path = line.split_whitespace().find(|word| word.starts_with('/'));
        found.extend(path.map(PathBuf::from));
    }
    Ok(found)
}

/// Where the library `eal` looks for plug-ins: `dpdk/pmds-…` beside it.
fn plugin_folder(eal: &Path) -> Outcome<PathBuf> {
    let dpdk = eal.with_file_name("dpdk");
    let folder = fs::read_dir(&dpdk)
        .about(dpdk.display())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.display().to_string().contains("/pmds-"));
    match folder {
        Some(folder) => Ok(folder),
        None => fail(format!("{}: no folder of drivers", dpdk.display())),
    }
}

/// A program or library without its symbols: a guest reads all of it into memory.
fn slim(path: &Path) -> Outcome<Vec<u8>> {
    let folder = tempfile::tempdir().about("a temporary folder")?;
    let copy = folder.path().join("slim");
    let status = Command::new("strip")
        .args(["--strip-unneeded", "-o"])
        .arg(&copy)
        .arg(path)
        .status()
        .about("strip (package binutils)")?;
    ensure(status.success(), || format!("strip {}", path.display()))?;
    fs::read(&copy).about(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_known_by_its_file() {
        assert_eq!(
            module_name("kernel/drivers/vfio/pci/vfio-pci.ko"),
            "vfio_pci"
        );
        assert_eq!(module_name("kernel/drivers/uio/uio.ko.xz"), "uio");
    }

    #[test]
    fn libraries_are_in_one_place_whatever_they_are_called() {
        assert_eq!(in_archive(Path::new("/lib64/ld.so")), "usr/lib64/ld.so");
        assert_eq!(in_archive(Path::new("/usr/lib/a.so")), "usr/lib/a.so");
    }
}
