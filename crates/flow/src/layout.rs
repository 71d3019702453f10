//! How a memory budget is divided.

use crate::buckets::{Bucket, MEAN_LOAD};
use crate::error::FlowError;
use crate::fragments::Datagram;
use crate::pool::{Holes, Loss, Rare, Snapshot};
use crate::slot::{Cold, Hot};

/// The least budget, bytes.
const LEAST: usize = 256 << 10;
/// The most flows: slots are numbered in 31 bits.
const MOST_FLOWS: usize = 1 << 30;

/// One entry of each pool for so many flows: losses, holes, rare facts, snapshots.
const SHARES: [usize; 4] = [20, 64, 24, 176];

/// Numbers of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) flows: usize,
    /// Entries of the pools: losses, holes, rare facts, snapshots.
    pub(crate) pools: [usize; 4],
    pub(crate) datagrams: usize,
    /// Flows that ended lately.
    pub(crate) ended: usize,
}

impl Layout {
    /// What fits into `budget` bytes.
    pub(crate) fn of(budget: usize) -> Result<Layout, FlowError> {
        if budget < LEAST {
            return Err(FlowError::TooLittleMemory {
                budget,
                least: LEAST,
            });
        }
        let sizes = [
            size_of::<Loss>(),
            size_of::<Holes>(),
            size_of::<Rare>(),
            size_of::<Snapshot>(),
        ];
        let datagrams = (budget / 64 / size_of::<Datagram>()).clamp(64, 4096);
        let ended = (budget / 256 / size_of::<u64>()).clamp(64, 8192);
        // Slot, links, its share of a bucket and of the pools; in 1/64 of a byte.
        let links = 8;
        let per_flow: usize = 64 * (size_of::<Hot>() + size_of::<Cold>() + links)
            + 64 * size_of::<Bucket>() / MEAN_LOAD
            + sizes
                .iter()
                .zip(SHARES)
                .map(|(size, share)| (64 * size).div_ceil(share))
                .sum::<usize>();
        // Mappings are whole pages, and pools have an entry more than they hand out.
        let rounding = 11 * 4096 + sizes.iter().sum::<usize>();
        let left = budget - datagrams * size_of::<Datagram>() - ended * size_of::<u64>() - rounding;
        let flows = (left as u128 * 64 / per_flow as u128) as usize;
        let flows = flows.min(MOST_FLOWS);
        Ok(Layout {
            flows,
            pools: SHARES.map(|share| (flows / share).max(4)),
            datagrams,
            ended,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_kept_and_used() {
        assert!(Layout::of(LEAST - 1).is_err());
        let layout = Layout::of(1 << 30).unwrap();
        let flows = layout.flows as f64;
        assert!(
            (1u64 << 30) as f64 / flows <= 256.0,
            "{}",
            (1u64 << 30) as f64 / flows
        );
        assert!(Layout::of(LEAST).unwrap().flows > 500);
    }
}
