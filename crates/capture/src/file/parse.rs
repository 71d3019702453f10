//! What the readers of both formats have in common.

/// Why a reader stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The burst is full.
    Full,
    /// So many bytes are needed from the first one not consumed.
    Need(usize),
    /// So many bytes behind those consumed are of no interest.
    Skip(u64),
    /// What is wrong with the record or block behind the bytes consumed.
    Damage(String),
}

/// What a reader did with a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// Bytes of whole records, all delivered.
    pub(crate) consumed: usize,
    /// Why it stopped there.
    pub(crate) stop: Stop,
}
