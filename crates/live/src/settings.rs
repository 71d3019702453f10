//! How much of the past is kept.

/// How much of the past is kept. All of it is bounded: what is full forgets what it learnt first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveSettings {
    /// Seconds of history.
    pub seconds: usize,
    /// Conversations, ended ones and open ones of which an update came.
    pub flows: usize,
    /// Bytes of application records, as JSON.
    pub record_bytes: usize,
    /// Rows of each list of a [`View`](crate::View).
    pub top: usize,
}

impl Default for LiveSettings {
    fn default() -> Self {
        LiveSettings {
            seconds: 3600,
            flows: 10_000,
            record_bytes: 16 << 20,
            top: 40,
        }
    }
}
