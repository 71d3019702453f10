//! The account of bytes held for all conversations of a worker.

use std::cell::Cell;

/// Bytes that may be held, and how many are.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    held: Cell<usize>,
}

impl Budget {
    /// An account of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Budget {
        Budget {
            limit,
            held: Cell::new(0),
        }
    }

    /// Takes `bytes`, if there are so many.
    #[must_use]
    pub fn take(&self, bytes: usize) -> bool {
        let held = self.held.get().saturating_add(bytes);
        if held > self.limit {
            return false;
        }
        self.held.set(held);
        true
    }

    /// Gives `bytes` back.
    pub fn give(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes));
    }

    /// Bytes held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.get()
    }
}
