//! The corpus of public captures: where it is and what is in it.

use std::path::{Path, PathBuf};
use std::sync::Once;

/// The folder of the corpus.
#[derive(Clone, Debug)]
pub struct Corpus {
    root: PathBuf,
}

/// One capture of the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The public set it comes from.
    pub set: String,
    /// Its file name in the set.
    pub name: String,
    /// Packets that its file structure holds.
    pub packets: u64,
    /// File format: `pcap`, `pcap-be`, `pcap-ns`, `pcap-mod`, `pcapng`, `pcapng-be`.
    pub format: String,
    /// Link types, comma-separated numbers.
    pub link_types: String,
    /// `ok`, or what is wrong with the file's structure.
    pub status: String,
}

impl Capture {
    /// `set/name`: how tables and lists call it.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.set, self.name)
    }
}

impl Corpus {
    /// The corpus that `PORTREEVE_CORPUS` names; `None`, with a warning that cannot be overlooked, if there is none.
    ///
    /// # Panics
    /// If the variable names a folder without an `INDEX.tsv`: a wrong setting must not pass as "no corpus".
    #[must_use]
    pub fn find() -> Option<Corpus> {
        match std::env::var_os("PORTREEVE_CORPUS") {
            Some(root) => {
                let root = PathBuf::from(root);
                assert!(
                    root.join("INDEX.tsv").is_file(),
                    "PORTREEVE_CORPUS={}: there is no INDEX.tsv",
                    root.display()
                );
                Some(Corpus { root })
            }
            None => {
                warn_once();
                None
            }
        }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a capture's file is.
    #[must_use]
    pub fn path(&self, capture: &Capture) -> PathBuf {
        self.root
            .join(&capture.set)
            .join("pcap")
            .join(&capture.name)
    }

    /// Every capture, in the order of the index.
    ///
    /// # Panics
    /// If the index cannot be read.
    #[must_use]
    pub fn captures(&self) -> Vec<Capture> {
        let index = std::fs::read_to_string(self.root.join("INDEX.tsv")).expect("INDEX.tsv");
        index
            .lines()
            .skip(1)
            .filter_map(|line| {
                let columns: Vec<&str> = line.split('\t').collect();
                let (set, name) = columns.get(1)?.split_once("/pcap/")?;
                Some(Capture {
                    set: set.to_owned(),
                    name: name.to_owned(),
                    packets: columns.get(2)?.parse().unwrap_or(0),
                    format: (*columns.get(4)?).to_owned(),
                    link_types: (*columns.get(5)?).to_owned(),
                    status: (*columns.get(6)?).to_owned(),
                })
            })
            .collect()
    }

    /// The captures that a list names, one `set/name` a line; `#` begins a comment.
    ///
    /// # Panics
    /// If the list names one that is not there.
    #[must_use]
    pub fn select(&self, list: &str) -> Vec<Capture> {
        let all = self.captures();
        list.lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim())
            .filter(|line| !line.is_empty())
            .map(|id| {
                let found = all.iter().find(|capture| capture.id() == id);
                found
                    .unwrap_or_else(|| panic!("{id} is not in the corpus"))
                    .clone()
            })
            .collect()
    }
}

/// Says once a process that the corpus is missing, past the test harness's capture of output.
fn warn_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let message = "\n\
            ******************************************************************************\n\
            *  PORTREEVE_CORPUS is not set: the corpus of public captures is MISSING.    *\n\
            *  Only the small captures that the tests make themselves are checked.       *\n\
            ******************************************************************************\n";
        // What the test harness captures are the macros' outputs; this is not one.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes());
    });
}
