//! Asking the kernel for pages.

use std::fmt;
use std::io;
use std::str::FromStr;

use serde::Serialize;

use crate::Root;

use super::{PageSize, folder, pool};

/// So many pages of a size, on one node or wherever the kernel puts them: `2MiB=512`, `1GiB=2@1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Want {
    /// The size.
    pub size: PageSize,
    /// How many there shall be in all: 0 gives all back that nobody uses.
    pub count: u64,
    /// On which node.
    pub node: Option<usize>,
}

impl Want {
    /// The kernel's file that the number is written to.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}/nr_hugepages", folder(self.size, self.node))
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}iB={}", self.size.short(), self.count)?;
        match self.node {
            Some(node) => write!(f, "@{node}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Want {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write SIZE=COUNT, such as 2MiB=512, or SIZE=COUNT@NODE";
        let (size, rest) = text
            .split_once('=')
            .ok_or_else(|| format!("\"{text}\": {example}"))?;
        let (count, node) = match rest.split_once('@') {
            Some((count, node)) => (count, Some(node)),
            None => (rest, None),
        };
        let wrong = |what: &str| format!("\"{what}\" in \"{text}\" is no number: {example}");
        Ok(Want {
            size: size.parse()?,
            count: count.parse().map_err(|_| wrong(count))?,
            node: match node {
                Some(node) => Some(node.parse().map_err(|_| wrong(node))?),
                None => None,
            },
        })
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What was wanted.
    pub want: Want,
    /// Pages that there were.
    pub before: u64,
    /// Pages that there are.
    pub after: u64,
    /// Of these, pages in use.
    pub used: u64,
}

impl Outcome {
    /// Why there are not as many as wanted, and what to do; `None`: there are.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let Outcome {
            want, after, used, ..
        } = self;
        let size = want.size;
        if *after > want.count {
            return Some(format!(
                "{after} pages of {size} are there and not {}: {used} are in use; end the programs that use them",
                want.count
            ));
        }
        if *after == want.count {
            return None;
        }
        let advice = if size > PageSize::TWO_MEGABYTES {
            format!(
                "memory in pieces of {size} is sure only at boot: add hugepagesz={} hugepages={} to the kernel's command line",
                size.short(),
                want.count
            )
        } else {
            "free memory is too little or in pieces: end large programs, or ask soon after boot (--boot)".into()
        };
        Some(format!(
            "the kernel gave {after} of {} pages of {size}: {advice}",
            want.count
        ))
    }
}

/// Has the kernel reserve what is wanted, and reads back what it gave. What is missing at first is asked for once more, after the
/// kernel has moved memory together.
///
/// # Errors
/// The kernel has no pages of that size or no such node, or refused.
pub fn reserve(root: &Root, want: &Want) -> io::Result<Outcome> {
    let Want { size, count, node } = *want;
    let missing = || {
        let place = node.map_or_else(String::new, |node| format!(" on node {node}"));
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("this machine has no pages of {size}{place}"),
        )
    };
    let before = pool(root, size, node).ok_or_else(missing)?;
    let file = want.file();
    root.write(&file, &count.to_string())?;
    let mut after = pool(root, size, node).ok_or_else(missing)?;
    if after.total < count && root.write("proc/sys/vm/compact_memory", "1").is_ok() {
        root.write(&file, &count.to_string())?;
        after = pool(root, size, node).ok_or_else(missing)?;
    }
    Ok(Outcome {
        want: *want,
        before: before.total,
        after: after.total,
        used: after.total.saturating_sub(after.free),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_are_written_and_read() {
        for text in ["2MiB=512", "1GiB=2@1", "2MiB=0"] {
            assert_eq!(text.parse::<Want>().unwrap().to_string(), text);
        }
        for wrong in ["2MiB", "512", "2MiB=many", "2MiB=1@x", "=1", "2MiB=-1"] {
            assert!(wrong.parse::<Want>().is_err(), "{wrong}");
        }
    }
}
