//! Hashes of files, as their bytes go by.

use md5::Md5;
use portreeve_record::app::files::Files;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::text::hexadecimal;

/// Which hashes of files are asked for. Without any, bodies are not looked at beyond their first bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// MD5.
    pub md5: bool,
    /// SHA-1.
    pub sha1: bool,
    /// SHA-256.
    pub sha256: bool,
}

impl Hashes {
    /// Whether any are.
    #[must_use]
    pub fn any(self) -> bool {
        self.md5 || self.sha1 || self.sha256
    }

    /// Their names, as Zeek calls what makes them.
    fn names(self) -> &'static [&'static str] {
        match (self.md5, self.sha1, self.sha256) {
            (false, false, false) => &[],
            (true, false, false) => &["MD5"],
            (false, true, false) => &["SHA1"],
            (false, false, true) => &["SHA256"],
            (true, true, false) => &["MD5", "SHA1"],
            (true, false, true) => &["MD5", "SHA256"],
            (false, true, true) => &["SHA1", "SHA256"],
            (true, true, true) => &["MD5", "SHA1", "SHA256"],
        }
    }
}

/// The hashes of one file on the way.
pub(super) struct Hashers {
    asked: Hashes,
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl Hashers {
    /// Those that are asked for; none if none are.
    pub(super) fn new(asked: Hashes) -> Option<Box<Hashers>> {
        asked.any().then(|| {
            Box::new(Hashers {
                asked,
                md5: asked.md5.then(Md5::new),
                sha1: asked.sha1.then(Sha1::new),
                sha256: asked.sha256.then(Sha256::new),
            })
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// Writes them into the file's record.
    pub(super) fn finish(self, record: &mut Files) {
        record.analyzers = self.asked.names();
        record.md5 = self.md5.map(|md5| hexadecimal(&md5.finalize()).into());
        record.sha1 = self.sha1.map(|sha1| hexadecimal(&sha1.finalize()).into());
        record.sha256 = self
            .sha256
            .map(|sha256| hexadecimal(&sha256.finalize()).into());
    }
}
