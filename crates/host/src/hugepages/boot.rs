//! The same at each boot.
//!
//! systemd-tmpfiles writes the numbers early in the boot, which serves every size and node alike (a sysctl has the default size
//! only); a mount unit mounts the size that systemd does not mount by itself.

use std::io;

use serde::Serialize;

use crate::Root;

use super::{PageSize, Want, default_size, folder, mounts};

const FILE: &str = "etc/tmpfiles.d/portreeve-hugepages.conf";
const UNITS: &str = "etc/systemd/system";
const HEAD: &str = "# Huge pages for Portreeve, written by: portreeve nic hugepages … --boot\n";

/// What was set up for the next boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AtBoot {
    /// Files that were written or removed.
    pub files: Vec<String>,
    /// What is to be done by hand, or would be surer.
    pub advice: Vec<String>,
}

fn line(want: &Want) -> String {
    format!(
        "w /{}/nr_hugepages - - - - {}\n",
        folder(want.size, want.node),
        want.count
    )
}

/// What is set up already.
pub(super) fn wants(root: &Root) -> Vec<Want> {
    let text = root.read(FILE).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let path = words.nth(1)?.strip_suffix("/nr_hugepages")?;
            let count = words.next_back()?.parse().ok()?;
            let size = PageSize::of_folder(path.rsplit('/').next()?)?;
            let node = path
                .split('/')
                .find_map(|part| part.strip_prefix("node")?.parse().ok());
            Some(Want { size, count, node })
        })
        .collect()
}

/// Has the next boots reserve what is wanted; what was set up for other sizes and nodes stays, 0 takes away.
///
/// # Errors
/// The files may not be written.
pub fn at_boot(root: &Root, changes: &[Want]) -> io::Result<AtBoot> {
    let mut all = wants(root);
    for change in changes {
        all.retain(|old| (old.size, old.node) != (change.size, change.node));
        if change.count > 0 {
            all.push(*change);
        }
    }
    let mut report = AtBoot::default();
    if !root.exists("run/systemd/system") {
        let echo = |want: &Want| {
            format!(
                "no systemd here; have this run at boot: echo {} > /{}/nr_hugepages",
                want.count,
                folder(want.size, want.node)
            )
        };
        report.advice = all.iter().map(echo).collect();
        return Ok(report);
    }
    if all.is_empty() {
        if root.exists(FILE) {
            report.files.push(format!("/{FILE}"));
        }
        root.remove(FILE)?;
    } else {
        let lines: String = all.iter().map(line).collect();
        root.put(FILE, &format!("{HEAD}{lines}"))?;
        report.files.push(format!("/{FILE}"));
    }
    for change in changes {
        let is_needed = all.iter().any(|want| want.size == change.size);
        mount_at_boot(root, change.size, is_needed, &mut report)?;
    }
    let large = changes
        .iter()
        .filter(|want| want.count > 0 && want.size > PageSize::TWO_MEGABYTES);
    report.advice.extend(large.map(|want| {
        format!(
            "pages of {} are sure only on the kernel's command line: add hugepagesz={} hugepages={} to GRUB_CMDLINE_LINUX in /etc/default/grub, then sudo update-grub",
            want.size,
            want.size.short(),
            want.count
        )
    }));
    Ok(report)
}

/// Mounts the size at boot, or no more.
fn mount_at_boot(
    root: &Root,
    size: PageSize,
    is_needed: bool,
    report: &mut AtBoot,
) -> io::Result<()> {
    if default_size(root) == Some(size) {
        // systemd's own dev-hugepages.mount does it.
        return Ok(());
    }
    let place = mounts::place(root, size);
    // systemd demands this name for that path.
    let unit = format!("{}.mount", place.replace('/', "-"));
    let file = format!("{UNITS}/{unit}");
    let link = format!("{UNITS}/sysinit.target.wants/{unit}");
    if is_needed {
        let options = size.short();
        root.put(
            &file,
            &format!(
                "# Written by: portreeve nic hugepages … --boot\n[Unit]\nDescription=Huge pages of {size} for Portreeve\nDefaultDependencies=no\nBefore=sysinit.target\nConditionPathExists=/{}\n\n[Mount]\nWhat=hugetlbfs\nWhere=/{place}\nType=hugetlbfs\nOptions=pagesize={options}\n\n[Install]\nWantedBy=sysinit.target\n",
                folder(size, None)
            ),
        )?;
        root.make_folder(format!("{UNITS}/sysinit.target.wants"))?;
        root.remove(&link)?;
        std::os::unix::fs::symlink(format!("../{unit}"), root.path(&link))?;
        report.files.push(format!("/{file}"));
    } else if root.exists(&file) {
        root.remove(&link)?;
        root.remove(&file)?;
        report.files.push(format!("/{file}"));
    }
    Ok(())
}
