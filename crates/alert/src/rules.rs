//! What is too much, and for how long.

use std::time::Duration;

use crate::rate::RateLimits;

/// The thresholds. What is `None` or `false` is not watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Percent of the packets of the last ten seconds that were lost.
    pub loss: Option<f64>,
    /// An interface that lost its carrier, or is gone.
    pub link_down: bool,
    /// Bytes free on a disk that is written to.
    pub disk_free: Option<u64>,
    /// An output that fails or lost records.
    pub outputs: bool,
    /// Percent of the flow tables that is taken.
    pub flow_table: Option<f64>,
    /// What comes a second, all interfaces together.
    pub rates: RateLimits,
    /// What comes a second from each of them.
    pub interface_rates: RateLimits,
    /// A worker that does not go on.
    pub worker_stuck: bool,
    /// How long a condition holds before it is an alert.
    pub raise_after: Duration,
    /// How long it does not hold before the alert is over.
    pub clear_after: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            loss: Some(0.1),
            link_down: true,
            disk_free: Some(1 << 30),
            outputs: true,
            flow_table: Some(95.0),
            rates: RateLimits::default(),
            interface_rates: RateLimits::default(),
            worker_stuck: true,
            raise_after: Duration::from_secs(3),
            clear_after: Duration::from_secs(30),
        }
    }
}
