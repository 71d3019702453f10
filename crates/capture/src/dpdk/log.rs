//! What libdpdk says: kept, so that an error can cite it, and kept off standard output.

use std::collections::VecDeque;
use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

use portreeve_dpdk_sys as sys;

/// The most that is kept, in bytes.
const KEPT: usize = 32 << 10;
/// The most lines that an error cites.
const CITED: usize = 6;

static LOG: Mutex<VecDeque<u8>> = Mutex::new(VecDeque::new());

/// Takes libdpdk's messages over from standard error.
pub(super) fn take_over() {
    // SAFETY: `keep` is a function for good. Should it fail, the messages stay where they are.
    unsafe { sys::pr_log_to(Some(keep)) };
}

extern "C" fn keep(text: *const c_char, length: usize) {
    if text.is_null() {
        return;
    }
    // SAFETY: the stream hands over so many bytes, there for the call.
    let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    log.extend(text.iter().skip(length.saturating_sub(KEPT)));
    let over = log.len().saturating_sub(KEPT);
    log.drain(..over);
}

/// Forgets what was said so far.
pub(super) fn clear() {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The last lines that were said since [`clear`], joined; `None` if there are none.
pub(super) fn cite() -> Option<String> {
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(log.make_contiguous()).into_owned();
    // Facts of every start are no reasons.
    let idle = [
        "Detected ",
        "Selected IOVA",
        "VFIO support",
        "Multi-process socket",
        "No free ",
        "Probe PCI driver",
        "Failed to attach device on primary process",
        "hugepages reported on node",
        "no mounted hugetlbfs",
    ];
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !idle.iter().any(|word| line.contains(word)))
        .collect();
    let cited = lines.get(lines.len().saturating_sub(CITED)..)?;
    (!cited.is_empty()).then(|| cited.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_cites_reasons() {
        clear();
        let say = |text: &str| keep(text.as_ptr().cast(), text.len());
        say("EAL: Detected CPU lcores: 2\n");
        assert_eq!(cite(), None);
        for number in 0..4000 {
            say(&format!("PMD: line {number}\n"));
        }
        assert!(LOG.lock().unwrap().len() <= KEPT);
        let cited = cite().unwrap();
        assert!(cited.ends_with("PMD: line 3999"), "{cited}");
        assert_eq!(cited.matches("; ").count(), CITED - 1);
        clear();
        assert_eq!(cite(), None);
    }
}
