//! Ports that DPDK drives.

use super::Queues;
use crate::config::Config;
use crate::exit::Failure;

/// One source for each worker.
pub(super) fn open(_config: &Config, name: &str, _workers: usize) -> Result<Queues, Failure> {
    Err(Failure::usage(format!(
        "this build cannot capture {name} by DPDK; give an interface of the kernel (portreeve -D lists them)"
    )))
}
