//! The section `[store]` of what `portreeve init` writes: as much history as the disk has room for.

use std::fmt::Write as _;

use super::look::Host;
use super::text::{GIB, MIB, even, millions};

/// What a stored conversation takes on disk, in bytes, with all that belongs to it: rather more than less.
const CONVERSATION: u64 = 100;
/// Machines with less memory than this get a store with little.
const SMALL_MACHINE: u64 = 2 * GIB;
/// The least a store is given, in bytes.
const LEAST: u64 = 256 * MIB;

/// How long records are kept on a disk that has so many bytes for them: as long as people look back, where a disk can hold that.
fn keep_for(room: u64) -> &'static str {
    match room / GIB {
        0..10 => "7d",
        10..256 => "30d",
        _ => "90d",
    }
}

/// The section.
pub(super) fn section(text: &mut String, host: &Host) {
    // Half of what is free: the rest is for logs, and for others.
    let room = (host.disk / 2).max(LEAST);
    let _ = write!(
        text,
        "[store]\n# History, as Parquet files; as a service in /var/lib/portreeve/store unless another folder is named here.\n#path = \"/srv/portreeve\"\n\
         # Older records go; then the oldest, when all together are larger: half of the {} that are free on the disk now, about {} conversations.\n\
         keep_for = \"{}\"\nkeep_size = \"{}\"\n\
         # Sums by second, minute and hour take little: to compare with last year.\nkeep_rollups_for = \"400d\"\n",
        even(host.disk),
        millions(room / CONVERSATION),
        keep_for(room),
        even(room)
    );
    if host.disk < 2 * LEAST {
        text.push_str("# There is hardly any room there: name a path on another disk.\n");
    }
    if host.memory < SMALL_MACHINE {
        text.push_str("# Memory for what is not on disk yet: little, as this machine has.\nmemory = \"64MiB\"\n");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_room_the_longer_the_memory() {
        assert_eq!(keep_for(GIB), "7d");
        assert_eq!(keep_for(10 * GIB), "30d");
        assert_eq!(keep_for(256 * GIB - 1), "30d");
        assert_eq!(keep_for(256 * GIB), "90d");
    }

    #[test]
    fn a_full_disk_is_told() {
        let mut text = String::new();
        section(
            &mut text,
            &Host {
                disk: 100 * MIB,
                memory: 64 * GIB,
                ..Host::default()
            },
        );
        assert!(text.contains("hardly any room"), "{text}");
        assert!(text.contains("keep_size = \"256MiB\""), "{text}");
        assert!(!text.contains("\nmemory"), "{text}");
    }
}
