//! What a guest is made of that is not Portreeve's: Debian's kernel with its modules, and busybox.
//!
//! `scripts/setup bypass` downloads and unpacks them, without installing them, into a folder that `PORTREEVE_GUEST_PARTS` names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{About, Outcome, fail};

/// The parts, unpacked.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The kernel as an ELF file, which boots some ten seconds sooner than one that unpacks itself in an emulated processor.
    pub kernel: PathBuf,
    /// The kernel's release: `6.1.0-40-amd64`.
    pub release: String,
    /// The folder of its modules.
    pub modules: PathBuf,
    /// The one program for all of the guest's commands.
    pub busybox: PathBuf,
}

impl Parts {
    /// Finds the parts; unpacks the kernel's image and lists the modules' dependencies if that was not done yet.
    ///
    /// # Errors
    /// A part is missing or cannot be unpacked.
    pub fn find(folder: &Path) -> Outcome<Parts> {
        let missing = |what: &str| {
            format!(
                "{}: no {what}; to get it: scripts/setup bypass",
                folder.display()
            )
        };
        let libraries = folder.join("kernel/lib/modules");
        let release = fs::read_dir(&libraries)
            .ok()
            .and_then(|mut entries| entries.next()?.ok())
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        let Some(release) = release else {
            return fail(missing("kernel"));
        };
        let busybox = folder.join("busybox/bin/busybox");
        if !busybox.exists() {
            return fail(missing("busybox"));
        }
        let kernel = folder.join(format!("vmlinux-{release}"));
        if !kernel.exists() {
            let image = folder.join(format!("kernel/boot/vmlinuz-{release}"));
            let bytes = fs::read(&image).about(image.display())?;
            let unpacked = unpack(&bytes).about(image.display())?;
            // Whole or not at all: a run that was ended here leaves nothing that looks finished.
            let draft = kernel.with_extension("draft");
            fs::write(&draft, unpacked).about(draft.display())?;
            fs::rename(&draft, &kernel).about(kernel.display())?;
        }
        let modules = libraries.join(&release);
        if !modules.join("modules.dep").exists() {
            list_dependencies(&folder.join("kernel"), &release)?;
        }
        Ok(Parts {
            kernel,
            release,
            modules,
            busybox,
        })
    }
}

fn list_dependencies(root: &Path, release: &str) -> Outcome<()> {
    let mut depmod = Command::new("depmod");
    depmod.arg("-b").arg(root).arg(release);
    // Where Debian keeps it, also for users without it in their path.
    let path = std::env::var("PATH").unwrap_or_default();
    depmod.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let output = depmod.output().about("depmod (package kmod)")?;
    if output.status.success() {
        return Ok(());
    }
    fail(format!(
        "depmod: {}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// The kernel inside an image that unpacks itself (the kernel's Documentation/arch/x86/boot.rst: `setup_sects`, `payload_offset`, `payload_length`).
fn unpack(image: &[u8]) -> Outcome<Vec<u8>> {
    let word = |at: usize| {
        let bytes = image.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let payload = (|| {
        if image.get(0x202..0x206)? != b"HdrS" {
            return None;
        }
        let sectors = match *image.get(0x1f1)? {
            0 => 4,
            sectors => usize::from(sectors),
        };
        let begin = (sectors + 1) * 512 + word(0x248)?;
        // The last four bytes are the unpacked size, which is not the packer's.
        image.get(begin..(begin + word(0x24c)?).checked_sub(4)?)
    })();
    let Some(payload) = payload else {
        return fail("not a Linux image");
    };
    let tool = match payload {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0x1f, 0x8b, ..] => "gzip",
        _ => return fail("packed in a way that is not known here"),
    };
    let mut packed = tempfile::tempfile().about("a temporary file")?;
    std::io::Write::write_all(&mut packed, payload).about("a temporary file")?;
    std::io::Seek::rewind(&mut packed).about("a temporary file")?;
    let output = Command::new(tool)
        .arg("-dc")
        .stdin(packed)
        .output()
        .about(format!("{tool} (package {tool}, or {tool}-utils)"))?;
    if output.status.success() && output.stdout.starts_with(b"\x7fELF") {
        return Ok(output.stdout);
    }
    fail(format!(
        "{tool}: {}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_kernel_is_refused() {
        assert!(unpack(b"MZ").is_err());
        assert!(unpack(&[0; 4096]).is_err());
    }
}
