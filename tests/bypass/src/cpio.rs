//! Writing cpio archives of the kind that Linux unpacks as its first file system ("newc").

use std::path::Path;

/// The names of the archive's end (`cpio(5)`).
const TRAILER: &str = "TRAILER!!!";

/// An archive in memory.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    folders: Vec<String>,
}

impl Archive {
    /// An executable or readable file; the folders above it are made.
    pub fn file(&mut self, path: &str, mode: u32, contents: &[u8]) {
        self.parents(path);
        self.entry(path, 0o100_000 | mode, contents);
    }

    /// A symbolic link; the folders above it are made.
    pub fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.entry(path, 0o120_777, target.as_bytes());
    }

    /// A folder and those above it.
    pub fn folder(&mut self, path: &str) {
        self.parents(path);
        if !self.folders.iter().any(|folder| folder == path) {
            self.folders.push(path.to_owned());
            self.entry(path, 0o40_755, &[]);
        }
    }

    fn parents(&mut self, path: &str) {
        let parent = Path::new(path).parent().and_then(Path::to_str);
        if let Some(parent) = parent.filter(|parent| !parent.is_empty()) {
            self.folder(parent);
        }
    }

    fn entry(&mut self, name: &str, mode: u32, contents: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(contents.len()).expect("a file below 4 GiB");
        let name_size = name.len() as u32 + 1;
        let links = if mode & 0o170_000 == 0o40_000 { 2 } else { 1 };
        // Inode, mode, owner, group, links, time, size, device and special device (two numbers each), length of the name, no checksum.
        let fields = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            size,
            0,
            0,
            0,
            0,
            name_size,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(contents);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The archive's bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_a_header_of_110_bytes_and_everything_is_aligned() {
        let mut archive = Archive::default();
        archive.file("a/b", 0o644, b"hello");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(&bytes[..6], b"070701");
        // The folder first: its name "a", then the file's header.
        assert_eq!(&bytes[110..112], b"a\0");
        assert_eq!(&bytes[112..118], b"070701");
        assert_eq!(&bytes[112 + 6 + 8 * 6..][..8], b"00000005");
        assert_eq!(&bytes[112 + 110..][..4], b"a/b\0");
        // The file's contents begin at the next multiple of four behind its name.
        assert_eq!(&bytes[228..233], b"hello");
    }

    #[test]
    fn a_folder_is_made_once() {
        let mut archive = Archive::default();
        archive.file("bin/a", 0o755, b"");
        archive.file("bin/b", 0o755, b"");
        archive.link("bin/c", "a");
        let bytes = archive.finish();
        let headers = bytes.windows(6).filter(|w| w == b"070701").count();
        assert_eq!(headers, 5);
    }
}
