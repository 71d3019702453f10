//! The folder that `/sys`, `/proc` and the rest are read from.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::Arc;

/// What plays the kernel of a made-up tree: it answers to what is written, as sysfs does, and to programs that are run.
pub trait Kernel: Send + Sync {
    /// `text` was written to `file` (without a leading slash).
    ///
    /// # Errors
    /// What the kernel would say to that.
    fn wrote(&self, root: &Root, file: &str, text: &str) -> io::Result<()> {
        let _ = (root, file, text);
        Ok(())
    }

    /// `program` is run with `arguments`.
    ///
    /// # Errors
    /// There is no such program.
    fn run(&self, root: &Root, program: &str, arguments: &[&str]) -> io::Result<Ran> {
        let _ = (root, program, arguments);
        Err(io::ErrorKind::NotFound.into())
    }
}

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// It ended with 0.
    pub success: bool,
    /// What it wrote on standard output and standard error, without white space around it.
    pub text: String,
}

/// The folder below which this machine is described: `/`, or a made-up tree in tests.
///
/// Paths are given without a leading slash: `root.read("sys/kernel/mm/transparent_hugepage/enabled")`.
#[derive(Clone)]
pub struct Root {
    folder: PathBuf,
    kernel: Option<Arc<dyn Kernel>>,
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({})", self.folder.display())
    }
}

impl Default for Root {
    fn default() -> Self {
        Root::system()
    }
}

impl Root {
    /// This machine.
    #[must_use]
    pub fn system() -> Root {
        Root::at("/")
    }

    /// A tree of files that looks like a machine. Nothing happens when its files are written, and it has no programs.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Root {
        Root {
            folder: folder.into(),
            kernel: None,
        }
    }

    /// A tree of files with somebody who plays its kernel.
    #[must_use]
    pub fn played(folder: impl Into<PathBuf>, kernel: impl Kernel + 'static) -> Root {
        Root {
            folder: folder.into(),
            kernel: Some(Arc::new(kernel)),
        }
    }

    /// Whether this is the machine itself, so that system calls may be made for it.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.folder == Path::new("/")
    }

    /// Where a file is.
    #[must_use]
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        let file = file.as_ref();
        self.folder.join(file.strip_prefix("/").unwrap_or(file))
    }

    /// What is in a file, without white space around it.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn read(&self, file: impl AsRef<Path>) -> io::Result<String> {
        let text = fs::read_to_string(self.path(file))?;
        Ok(text.trim().to_owned())
    }

    /// The number in a file; `None` if there is no such file or no such number in it.
    #[must_use]
    pub fn number<N: FromStr>(&self, file: impl AsRef<Path>) -> Option<N> {
        self.read(file).ok()?.parse().ok()
    }

    /// The number that a file has in hexadecimal, after `0x`.
    #[must_use]
    pub fn hexadecimal(&self, file: impl AsRef<Path>) -> Option<u32> {
        let text = self.read(file).ok()?;
        u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
    }

    /// Writes one of the kernel's files, which is there or not, in one piece.
    ///
    /// # Errors
    /// It is not there, or the kernel refused what was written.
    pub fn write(&self, file: impl AsRef<Path>, text: &str) -> io::Result<()> {
        let file = file.as_ref();
        let mut handle = fs::OpenOptions::new()
            .write(true)
            .truncate(!self.is_system())
            .open(self.path(file))?;
        handle.write_all(text.as_bytes())?;
        match &self.kernel {
            Some(kernel) => kernel.wrote(self, &file.to_string_lossy(), text),
            None => Ok(()),
        }
    }

    /// Makes or replaces an ordinary file, whole or not at all, and the folders above it.
    ///
    /// # Errors
    /// What the system says.
    pub fn put(&self, file: impl AsRef<Path>, text: &str) -> io::Result<()> {
        let path = self.path(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let mut handle = fs::File::create(&new)?;
        handle.write_all(text.as_bytes())?;
        handle.sync_all()?;
        fs::rename(&new, &path)
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, file: impl AsRef<Path>) -> io::Result<()> {
        match fs::remove_file(self.path(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// What the system says.
    pub fn make_folder(&self, folder: impl AsRef<Path>) -> io::Result<()> {
        fs::create_dir_all(self.path(folder))
    }

    /// Whether there is such a file or folder.
    #[must_use]
    pub fn exists(&self, file: impl AsRef<Path>) -> bool {
        self.path(file).exists()
    }

    /// The names in a folder, sorted; none if it is not there.
    #[must_use]
    pub fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The last part of what a symbolic link points to: the driver of `…/driver`, the number of `…/iommu_group`.
    #[must_use]
    pub fn link_name(&self, link: impl AsRef<Path>) -> Option<String> {
        let target = fs::read_link(self.path(link)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    /// Runs a program of the system's administrator (`modprobe`, `mount`), also where the search path has no `sbin`.
    ///
    /// # Errors
    /// There is no such program, or it may not be run.
    pub fn run(&self, program: &str, arguments: &[&str]) -> io::Result<Ran> {
        if let Some(kernel) = &self.kernel {
            return kernel.run(self, program, arguments);
        }
        if !self.is_system() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new(program)
            .args(arguments)
            .env("PATH", format!("{path}:/usr/sbin:/sbin:/usr/bin:/bin"))
            .env("LC_ALL", "C")
            .output()?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok(Ran {
            success: output.status.success(),
            text: text.trim().to_owned(),
        })
    }

    /// Whether this process is root's.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        // Real, effective, saved, file system's.
        let effective = self.read("proc/self/status").ok().and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
            line.split_whitespace().nth(1)?.parse::<u32>().ok()
        });
        effective.is_none_or(|user| user == 0)
    }

    /// What tells one boot of the machine from the next.
    #[must_use]
    pub fn boot_id(&self) -> String {
        self.read("proc/sys/kernel/random/boot_id")
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        fs::create_dir_all(root.path("sys/bus")).unwrap();
        fs::write(root.path("/sys/bus/number"), " 12\n").unwrap();
        std::os::unix::fs::symlink("../../drivers/e1000", root.path("sys/bus/driver")).unwrap();
        assert_eq!(root.number::<u32>("sys/bus/number"), Some(12));
        assert_eq!(root.hexadecimal("sys/bus/number"), Some(18));
        assert_eq!(root.number::<u32>("sys/bus/none"), None);
        assert_eq!(root.names("sys/bus"), ["driver", "number"]);
        assert_eq!(root.link_name("sys/bus/driver").as_deref(), Some("e1000"));
        root.write("sys/bus/number", "7").unwrap();
        assert_eq!(root.read("sys/bus/number").unwrap(), "7");
        // The kernel's files are there or not; making one would hide that.
        assert!(root.write("sys/bus/none", "7").is_err());
        assert!(!root.is_system() && Root::system().is_system());
        assert!(root.run("true", &[]).is_err());
    }

    #[test]
    fn an_ordinary_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        root.put("etc/a/b.conf", "one\n").unwrap();
        root.put("etc/a/b.conf", "two\n").unwrap();
        assert_eq!(root.read("etc/a/b.conf").unwrap(), "two");
        assert_eq!(root.names("etc/a"), ["b.conf"]);
        root.remove("etc/a/b.conf").unwrap();
        root.remove("etc/a/b.conf").unwrap();
    }
}
