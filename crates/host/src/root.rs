//! The folder that `/sys`, `/proc` and the rest are read from.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The folder below which this machine is described: `/`, or a made-up tree in tests.
///
/// Paths are given without a leading slash: `root.read("sys/kernel/mm/transparent_hugepage/enabled")`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Root::system()
    }
}

impl Root {
    /// This machine.
    #[must_use]
    pub fn system() -> Root {
        Root(PathBuf::from("/"))
    }

    /// A tree of files that looks like a machine.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Root {
        Root(folder.into())
    }

    /// Whether this is the machine itself, so that programs may be run and system calls made for it.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where a file is.
    #[must_use]
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        let file = file.as_ref();
        self.0.join(file.strip_prefix("/").unwrap_or(file))
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

    /// Writes a file that is there, as the kernel's files are written: in one piece, without making it.
    ///
    /// # Errors
    /// It is not there, or the kernel refused what was written.
    pub fn write(&self, file: impl AsRef<Path>, text: &str) -> io::Result<()> {
        use io::Write;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .truncate(!self.is_system())
            .open(self.path(file))?;
        file.write_all(text.as_bytes())
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
            .map(|entry| entry.file_name())
            .filter_map(|name: OsString| name.into_string().ok())
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
        assert_eq!(root.number::<u32>("sys/bus/none"), None);
        assert_eq!(root.names("sys/bus"), ["driver", "number"]);
        assert_eq!(root.link_name("sys/bus/driver").as_deref(), Some("e1000"));
        root.write("sys/bus/number", "7").unwrap();
        assert_eq!(root.read("sys/bus/number").unwrap(), "7");
        // The kernel's files are there or not; making one would hide that.
        assert!(root.write("sys/bus/none", "7").is_err());
        assert!(!root.is_system() && Root::system().is_system());
    }
}
