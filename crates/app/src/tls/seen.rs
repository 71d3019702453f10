//! What comes again and again, remembered by each worker.

use super::certificate::Certificates;
use super::hello::Known;

/// What was seen before.
#[derive(Default)]
pub(crate) struct Seen {
    pub(super) certificates: Certificates,
    pub(crate) fingerprints: Known,
}
