//! Kernel modules: loaded, to be had, or what to install.

use std::io;

use crate::Root;

/// Whether a module can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Loaded, or part of the kernel.
    Loaded,
    /// On the disk: `modprobe` loads it.
    Available,
    /// The running kernel has none.
    Missing,
}

/// Names of modules differ from their files' by hyphens and underscores alone.
fn same(name: &str) -> String {
    name.replace('-', "_")
}

/// Whether the PCI driver `name` is there to bind to.
#[must_use]
pub fn has_pci_driver(root: &Root, name: &str) -> bool {
    root.exists(format!("sys/bus/pci/drivers/{name}"))
}

/// Whether the module `name` can be used.
#[must_use]
pub fn presence(root: &Root, name: &str) -> Presence {
    if has_pci_driver(root, name) || root.exists(format!("sys/module/{}", same(name))) {
        return Presence::Loaded;
    }
    let listed = |file: &str| {
        let text = root.read(format!("{}/{file}", folder(root)));
        text.is_ok_and(|text| text.lines().any(|line| module_of(line) == Some(same(name))))
    };
    if listed("modules.dep") {
        Presence::Available
    } else if listed("modules.builtin") {
        Presence::Loaded
    } else {
        Presence::Missing
    }
}

/// Where the running kernel's modules are.
fn folder(root: &Root) -> String {
    let release = root.read("proc/sys/kernel/osrelease").unwrap_or_default();
    format!("lib/modules/{release}")
}

/// `kernel/drivers/vfio/pci/vfio-pci.ko.xz: …` is of the module vfio_pci.
fn module_of(line: &str) -> Option<String> {
    let path = line.split(':').next()?;
    let file = path.rsplit('/').next()?;
    Some(same(file.split(".ko").next()?))
}

/// The kernel's own driver for a device, by its modalias, if a module of the running kernel claims it.
#[must_use]
pub fn claiming(root: &Root, modalias: &str) -> Option<String> {
    let text = root.read(format!("{}/modules.alias", folder(root))).ok()?;
    text.lines().find_map(|line| {
        let (pattern, module) = line.strip_prefix("alias ")?.split_once(' ')?;
        matches(pattern.as_bytes(), modalias.as_bytes()).then(|| module.to_owned())
    })
}

/// A shell pattern with `*` alone, which is what modules.alias has for PCI.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            (0..=text.len()).any(|skipped| matches(rest, text.get(skipped..).unwrap_or_default()))
        }
        (Some((a, pattern)), Some((b, text))) => a == b && matches(pattern, text),
        _ => false,
    }
}

/// Loads a module and what it needs.
///
/// # Errors
/// What modprobe says, or that it is not there.
pub fn load(root: &Root, name: &str) -> io::Result<()> {
    let ran = root.run("modprobe", &[name])?;
    if ran.success {
        Ok(())
    } else {
        Err(io::Error::other(ran.text))
    }
}

/// What to do so that the running kernel has the module: packages by their names in Debian and Ubuntu.
#[must_use]
pub fn how_to_get(root: &Root, name: &str) -> String {
    let release = root.read("proc/sys/kernel/osrelease").unwrap_or_default();
    if !root.exists("proc/modules") {
        let option = match name {
            "vfio-pci" => "CONFIG_VFIO_PCI=y",
            "uio_pci_generic" => "CONFIG_UIO_PCI_GENERIC=y",
            _ => "CONFIG_MODULES=y",
        };
        return format!(
            "this kernel ({release}) loads no modules: boot one that was built with {option}"
        );
    }
    match name {
        "igb_uio" => {
            "sudo apt install dpdk-kmods-dkms (it builds igb_uio for the running kernel)".into()
        }
        _ if release.contains("cloud") => {
            format!(
                "{release} leaves it out: sudo apt install linux-image-amd64, then boot that kernel"
            )
        }
        _ => format!(
            "sudo apt install linux-modules-extra-{release} (Ubuntu) or boot Debian's linux-image-amd64, which has it"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        root.put("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n")
            .unwrap();
        root.put(
            "lib/modules/6.1.0-9-amd64/modules.dep",
            "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\nkernel/drivers/uio/uio.ko:\n",
        )
        .unwrap();
        root.put(
            "lib/modules/6.1.0-9-amd64/modules.builtin",
            "kernel/drivers/net/ethernet/intel/e1000/e1000.ko\n",
        )
        .unwrap();
        root.put(
            "lib/modules/6.1.0-9-amd64/modules.alias",
            "# Aliases\nalias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\nalias virtio:d00000001v* virtio_net\n",
        )
        .unwrap();
        (folder, root)
    }

    #[test]
    fn modules_are_loaded_available_or_missing() {
        let (_folder, root) = machine();
        assert_eq!(presence(&root, "vfio-pci"), Presence::Available);
        assert_eq!(presence(&root, "vfio"), Presence::Missing);
        assert_eq!(presence(&root, "e1000"), Presence::Loaded);
        assert_eq!(presence(&root, "igb_uio"), Presence::Missing);
        root.make_folder("sys/module/vfio_pci").unwrap();
        assert_eq!(presence(&root, "vfio-pci"), Presence::Loaded);
    }

    #[test]
    fn the_kernels_own_driver_is_known_by_its_claim() {
        let (_folder, root) = machine();
        let alias = "pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00";
        assert_eq!(claiming(&root, alias).as_deref(), Some("e1000e"));
        assert_eq!(
            claiming(&root, "pci:v00008086d000010D4sv0sd0bc02sc00i00"),
            None
        );
    }

    #[test]
    fn a_kernel_without_modules_is_told_from_one_that_lacks_a_package() {
        let (_folder, root) = machine();
        assert!(how_to_get(&root, "vfio-pci").contains("CONFIG_VFIO_PCI"));
        root.put("proc/modules", "").unwrap();
        assert!(how_to_get(&root, "igb_uio").contains("dpdk-kmods-dkms"));
        assert!(how_to_get(&root, "uio_pci_generic").contains("linux-modules-extra-6.1.0-9-amd64"));
    }
}
