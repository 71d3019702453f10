//! What can go wrong when a tracker is made. Afterwards nothing can.

/// Why a tracker could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum FlowError {
    /// The memory budget is too small for even a few flows.
    TooLittleMemory {
        /// The budget, bytes.
        budget: usize,
        /// The least it must be, bytes.
        least: usize,
    },
    /// The system gave no memory.
    Memory {
        /// How much was asked for, bytes.
        bytes: usize,
        /// What the system said.
        error: std::io::Error,
    },
}

impl std::fmt::Display for FlowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FlowError::TooLittleMemory { budget, least } => write!(
                f,
                "flow table: a budget of {budget} bytes is too little; it takes at least {least}"
            ),
            FlowError::Memory { bytes, error } => {
                write!(f, "flow table: no memory for {bytes} bytes: {error}")
            }
        }
    }
}

impl std::error::Error for FlowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FlowError::Memory { error, .. } => Some(error),
            FlowError::TooLittleMemory { .. } => None,
        }
    }
}
