//! The receive queues of sources that have several: what came by each.

use portreeve_capture::SourceKind;
use serde::{Deserialize, Serialize};

use crate::counters::WorkerCounters;

/// One receive queue of a source: the one that worker k has, which is a socket of its own for packet sockets, and queues of the NIC else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueState {
    /// The source's name.
    pub source: String,
    /// Its number among the source's, from 0.
    pub queue: usize,
    /// Packets delivered from it.
    pub delivered: u64,
    /// Bytes on the wire of those.
    pub delivered_bytes: u64,
    /// Packets lost since its ring was full; `None`: the driver counts that for all queues together.
    pub dropped: Option<u64>,
}

/// All queues of the sources that have several. Names and kinds are in the order of the workers' sources.
pub(crate) fn of(
    workers: &[WorkerCounters],
    names: &[String],
    kinds: &[SourceKind],
) -> Vec<QueueState> {
    let mut all = Vec::new();
    for (index, (name, kind)) in names.iter().zip(kinds).enumerate() {
        let queues = workers.iter().filter_map(|worker| worker.source(index));
        let queues: Vec<QueueState> = queues
            .enumerate()
            .map(|(queue, counters)| QueueState {
                source: name.clone(),
                queue,
                delivered: counters.delivered,
                delivered_bytes: counters.delivered_bytes,
                // A DPDK port's misses stand in the account of its first queue, whichever missed them.
                dropped: match kind {
                    SourceKind::AfPacket | SourceKind::AfXdp => counters.kernel_drops,
                    _ => None,
                },
            })
            .collect();
        if queues.len() > 1 {
            all.extend(queues);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(delivered: [u64; 2]) -> WorkerCounters {
        let mut worker = WorkerCounters {
            source_count: 2,
            ..WorkerCounters::default()
        };
        for (source, delivered) in worker.sources.iter_mut().zip(delivered) {
            source.delivered = delivered;
            source.kernel_drops = Some(delivered / 10);
        }
        worker
    }

    #[test]
    fn each_queue_has_its_own_numbers_where_the_driver_has_them() {
        let names = ["eth0".to_owned(), "0000:3b:00.0".to_owned()];
        let kinds = [SourceKind::AfPacket, SourceKind::Dpdk];
        let workers = [worker([100, 7]), worker([30, 9])];
        let queues: Vec<_> = of(&workers, &names, &kinds)
            .into_iter()
            .map(|queue| (queue.source, queue.queue, queue.delivered, queue.dropped))
            .collect();
        let eth0 = |queue, delivered, dropped| ("eth0".to_owned(), queue, delivered, dropped);
        let dpdk = |queue, delivered| ("0000:3b:00.0".to_owned(), queue, delivered, None);
        assert_eq!(
            queues,
            [
                eth0(0, 100, Some(10)),
                eth0(1, 30, Some(3)),
                dpdk(0, 7),
                dpdk(1, 9)
            ]
        );
        // What has one queue has no numbers but the source's.
        assert_eq!(of(&workers[..1], &names, &kinds), []);
    }
}
