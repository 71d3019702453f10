//! How a memory budget is divided.
//!
//! The tables lie in one area ([`crate::memory`]); what little a tracker has beside it ([`HEAP`]) is part of the budget too.

use crate::again;
use crate::buckets::{Bucket, MEAN_LOAD};
use crate::error::FlowError;
use crate::fragments::{self, Datagram};
use crate::memory::ALIGN;
use crate::pool::{Holes, Loss, Rare, Snapshot};
use crate::ports::PortSet;
use crate::slot::{Cold, Hot};
use crate::tracker::Tracker;
use crate::wheel::Wheel;

/// The least budget, bytes.
const LEAST: usize = 256 << 10;
/// The most flows: slots are numbered in 31 bits.
const MOST_FLOWS: usize = 1 << 30;

/// Bytes beside the area: the tracker itself and what it has on the heap. (The list of local networks is left out: who has ten of them spends
/// half a kilobyte.)
pub(crate) const HEAP: usize = size_of::<Tracker>() + Wheel::HEAP + PortSet::HEAP;

/// One entry of each pool for so many flows: losses, holes, rare facts, snapshots.
const SHARES: [usize; 4] = [20, 64, 24, 176];
/// Bytes of one.
const SIZES: [usize; 4] = [
    size_of::<Loss>(),
    size_of::<Holes>(),
    size_of::<Rare>(),
    size_of::<Snapshot>(),
];

/// Arrays in the area.
const ARRAYS: usize = 6 + SHARES.len();
/// The area is whole pages; of 2 MiB where that wastes little, so that on those too it is no larger than the budget.
const PAGE: usize = 4096;
const HUGE_PAGE: usize = 2 << 20;
/// From this budget on: at most a sixty-fourth is wasted.
const HUGE_FROM: usize = 64 * HUGE_PAGE;

/// A flow's slot, links, and its share of a bucket line and of the pools; in 1/64 of a byte.
const PER_FLOW: usize = {
    let mut sum = 64 * (size_of::<Hot>() + size_of::<Cold>() + Wheel::PER_SLOT)
        + (64 * size_of::<Bucket>()).div_ceil(MEAN_LOAD);
    let mut pool = 0;
    while pool < SHARES.len() {
        sum += (64 * SIZES[pool]).div_ceil(SHARES[pool]);
        pool += 1;
    }
    sum
};

/// Numbers of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) flows: usize,
    /// Entries of the pools: losses, holes, rare facts, snapshots.
    pub(crate) pools: [usize; 4],
    pub(crate) datagrams: usize,
    /// Flows that ended lately.
    pub(crate) ended: usize,
    /// Bytes of the area in which all of these are.
    pub(crate) area: usize,
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
        let datagrams = (budget / 80 / size_of::<Datagram>())
            .clamp(64, 4096)
            .next_multiple_of(fragments::WAYS);
        let ended = (budget / 512 / size_of::<u64>())
            .clamp(64, 8192)
            .next_multiple_of(again::WAYS);
        // Pools have an entry more than they hand out; the last line of buckets may be for few flows.
        let fixed = datagrams * size_of::<Datagram>()
            + ended * size_of::<u64>()
            + SIZES.iter().sum::<usize>()
            + size_of::<Bucket>()
            + ARRAYS * ALIGN;
        let left = (budget - HEAP) / page(budget) * page(budget) - fixed;
        let flows = ((left as u128 * 64 / PER_FLOW as u128) as usize).min(MOST_FLOWS);
        Ok(Layout {
            flows,
            pools: SHARES.map(|share| (flows / share).max(4)),
            datagrams,
            ended,
            area: (flows as u128 * PER_FLOW as u128).div_ceil(64) as usize + fixed,
        })
    }
}

/// The pages that the area of this budget fills.
fn page(budget: usize) -> usize {
    if budget < HUGE_FROM { PAGE } else { HUGE_PAGE }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a tracker of this budget takes in all, and for how many flows. On the reserve's pages of 2 MiB, if the budget is large enough for them.
    fn taken(budget: usize) -> (usize, usize) {
        let layout = Layout::of(budget).unwrap();
        let bytes = HEAP + layout.area.next_multiple_of(page(budget));
        assert!(bytes <= budget, "{bytes} of {budget}");
        (bytes, layout.flows)
    }

    /// The promise of the documentation: a budget of 256 bytes a flow holds that many flows, and no flow takes more.
    #[test]
    fn a_flow_takes_at_most_256_bytes() {
        for flows in [10_000, 100_000, 1_000_000, 8_000_000, 100_000_000] {
            let (bytes, fit) = taken(flows * 256);
            assert!(fit >= flows, "{fit} of {flows}");
            assert!(bytes <= fit * 256, "{bytes} bytes for {fit} flows");
        }
    }

    #[test]
    fn budgets_are_kept_and_used() {
        assert!(Layout::of(LEAST - 1).is_err());
        assert!(Layout::of(LEAST).unwrap().flows > 500);
        for budget in [
            LEAST,
            LEAST + 4097,
            1 << 20,
            64 << 20,
            HUGE_FROM,
            1 << 30,
            1 << 39,
        ] {
            let (bytes, flows) = taken(budget);
            assert!(budget - bytes <= 2 * page(budget) || flows == MOST_FLOWS);
        }
    }
}
