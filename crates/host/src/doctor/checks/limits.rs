//! What this process may lock and open.

use crate::doctor::{Examination, Finding};

use super::HOST;
use super::privileges::{CAP_IPC_LOCK, has};

/// Memory that AF_XDP's rings and DPDK's maps want locked, at least.
const LOCKED: u64 = 64 << 20;

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let Ok(text) = examination.root.read("proc/self/limits") else {
        return Vec::new();
    };
    let soft = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        match line.split_whitespace().next()? {
            "unlimited" => Some(u64::MAX),
            number => number.parse().ok(),
        }
    };
    let mut findings = Vec::new();
    if let Some(locked) = soft("Max locked memory") {
        const ID: &str = "locked-memory";
        findings.push(if locked >= LOCKED || has(examination, CAP_IPC_LOCK) {
            Finding::ok(ID, HOST, "enough memory may be locked")
        } else {
            Finding::note(
                ID,
                HOST,
                format!("this user may lock {} KiB of memory", locked >> 10),
            )
            .why("AF_XDP and DPDK lock their packet buffers and fail without; AF_PACKET does not.")
            .fix("ulimit -l unlimited   # in a systemd unit: LimitMEMLOCK=infinity")
        });
    }
    if let Some(files) = soft("Max open files") {
        const ID: &str = "open-files";
        findings.push(if files >= 1024 {
            Finding::ok(ID, HOST, format!("{files} files may be open"))
        } else {
            Finding::note(ID, HOST, format!("this user may have {files} files open"))
                .why("Each worker, ring and log takes some.")
                .fix("ulimit -n 65536   # in a systemd unit: LimitNOFILE=65536")
        });
    }
    findings
}
