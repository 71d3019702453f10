//! The loss ledger: every frame in exactly one account, and the accounts add up.

use portreeve_packet::Undecodable;
use portreeve_record::EndReason;
use serde::{Deserialize, Serialize};

use crate::counters::WorkerCounters;

/// A number under its name: a reason, an EtherType.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// What is counted.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// The capture side of one source, summed over its queues. `None` is unknown, shown as such, never as 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureAccount {
    /// The source's name.
    pub source: String,
    /// Frames that it saw.
    pub wire: Option<u64>,
    /// Missed by the NIC.
    pub nic_missed: Option<u64>,
    /// Received in error by the NIC.
    pub nic_errors: Option<u64>,
    /// Dropped by the kernel: our ring was full.
    pub kernel_drops: Option<u64>,
    /// Rejected by the filter in the kernel.
    pub filtered: Option<u64>,
    /// Still in the ring.
    pub in_flight: Option<u64>,
    /// Lent to us.
    pub delivered: u64,
    /// Bytes on the wire of those.
    pub delivered_bytes: u64,
    /// `wire` less the sum of the known accounts; `None` if `wire` is unknown. Anything but 0 is a fault.
    pub unaccounted: Option<i64>,
}

impl CaptureAccount {
    /// What may have been lost, and where.
    fn losses(&self) -> [(Option<u64>, LossPlace<'_>); 3] {
        let source = self.source.as_str();
        [
            (self.nic_missed, LossPlace::Nic { source }),
            (self.nic_errors, LossPlace::Damaged { source }),
            (self.kernel_drops, LossPlace::Kernel { source }),
        ]
    }
}

/// Frames that were lost in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss<'a> {
    /// How many since the start.
    pub frames: u64,
    /// Where.
    pub place: LossPlace<'a>,
}

/// Where a frame can be lost between the wire and the flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossPlace<'a> {
    /// The NIC missed it: its ring was full.
    Nic {
        /// The source's name.
        source: &'a str,
    },
    /// The NIC received it in error.
    Damaged {
        /// The source's name.
        source: &'a str,
    },
    /// The kernel dropped it: our ring was full.
    Kernel {
        /// The source's name.
        source: &'a str,
    },
    /// The ring to the worker that it belongs to was full.
    BetweenWorkers,
}

/// What became of the frames that were delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameAccount {
    /// Lent by the sources.
    pub delivered: u64,
    /// Bytes on the wire of those.
    pub delivered_bytes: u64,
    /// Rejected by the filter in user space.
    pub filtered: u64,
    /// Seen after the packet count that was asked for.
    pub beyond_count: u64,
    /// Not decodable, in all.
    pub undecodable: u64,
    /// The same by reason; those that occurred.
    pub undecodable_by: Vec<Named>,
    /// Without IP, in all.
    pub not_ip: u64,
    /// The same by EtherType; those that occurred.
    pub not_ip_by: Vec<Named>,
    /// Refused by a full hand-over ring.
    pub hand_over_full: u64,
    /// On the way from one worker to another, or waiting for the fragment that says to which.
    pub in_hand_over: u64,
    /// Counted in flows.
    pub analysed: u64,
    /// Handed from one worker to another so far (each is in one of the other accounts too).
    pub handed_over: u64,
    /// `delivered` less the sum of the accounts. Anything but 0 is a fault.
    pub unaccounted: i64,
}

/// What became of the flows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowAccount {
    /// Opened.
    pub opened: u64,
    /// In the tables now.
    pub active: u64,
    /// Ended, by reason.
    pub ended_by: Vec<Named>,
    /// Packets without a flow, for want of room.
    pub refused: u64,
    /// Packets seen twice (mirror ports); in their flows' counts too.
    pub duplicates: u64,
    /// Later fragments in no flow: their first was not seen.
    pub fragments_unmatched: u64,
    /// Later fragments held until their first comes.
    pub fragments_held: u64,
    /// Times a flow's rarer facts (gaps, updates, errors) were not kept for want of room.
    pub facts_lost: u64,
    /// Timestamps so far off that the clock did not follow.
    pub absurd_timestamps: u64,
    /// `weird` records not made because there were too many.
    pub weirds_suppressed: u64,
    /// `opened` less active and ended. Anything but 0 is a fault.
    pub unaccounted: i64,
}

/// What became of the conversations on their way to a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationAccount {
    /// Looked into.
    pub opened: u64,
    /// Still looked into.
    pub open: u64,
    /// Whose application was found.
    pub recognised: u64,
    /// Not looked into, since every place was taken.
    pub refused: u64,
    /// Not looked into, since the worker had too much to do.
    pub shed: u64,
    /// Looked into no further, for want of room.
    pub given_up: u64,
    /// TCP segments not looked into, since no window of their stream reaches that far.
    pub outside_window: u64,
    /// Datagrams put together of their fragments.
    pub datagrams_whole: u64,
    /// Fragmented datagrams not put together: fragments overlapped or never came, or there was no room.
    pub datagrams_given_up: u64,
}

/// What became of the records on their way to one output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordAccount {
    /// The output's name.
    pub output: String,
    /// Records made for it.
    pub produced: u64,
    /// In the output's hands or its rings.
    pub queued: u64,
    /// Dropped because its ring was full.
    pub dropped: u64,
    /// Lost by the output itself, of those in its hands: what it could not write.
    #[serde(default)]
    pub lost_by_output: u64,
    /// It only shows records, on screens: what it drops is no loss.
    #[serde(default)]
    pub shown_only: bool,
}

/// Frames on the way to the packet writer (`-w`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterAccount {
    /// Given to the writer.
    pub queued: u64,
    /// Dropped because its ring was full.
    pub dropped: u64,
}

/// The whole ledger of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Wire to delivery, by source.
    pub capture: Vec<CaptureAccount>,
    /// Delivery to flows.
    pub frames: FrameAccount,
    /// Flows.
    pub flows: FlowAccount,
    /// What became of the conversations on their way to a name.
    #[serde(default)]
    pub applications: ApplicationAccount,
    /// Records, by output.
    pub records: Vec<RecordAccount>,
    /// The packet writer, if there is one.
    pub writer: Option<WriterAccount>,
}

impl Ledger {
    /// The ledger of these workers. `source_names` are in the order of the workers' sources.
    #[must_use]
    pub fn of(workers: &[WorkerCounters], source_names: &[String], outputs: &[String]) -> Ledger {
        let mut sum = WorkerCounters::default();
        for worker in workers {
            sum.add(worker);
        }
        let capture = source_names
            .iter()
            .enumerate()
            .map(|(i, name)| capture(workers, i, name))
            .collect();
        let records = outputs
            .iter()
            .zip(sum.records_queued.iter().zip(&sum.records_dropped))
            .map(|(output, (&queued, &dropped))| RecordAccount {
                lost_by_output: 0,
                output: output.clone(),
                produced: queued + dropped,
                queued,
                dropped,
                shown_only: false,
            })
            .collect();
        Ledger {
            capture,
            frames: frames(workers, &sum),
            flows: flows(&sum),
            applications: applications(&sum),
            records,
            writer: None,
        }
    }

    /// Frames known to be lost between the wire and the flows: NIC, kernel and hand-over.
    #[must_use]
    pub fn lost_frames(&self) -> u64 {
        self.losses().map(|loss| loss.frames).sum()
    }

    /// The same by where they were lost. What nobody counts is not among them.
    pub fn losses(&self) -> impl Iterator<Item = Loss<'_>> {
        let between = (Some(self.frames.hand_over_full), LossPlace::BetweenWorkers);
        self.capture
            .iter()
            .flat_map(CaptureAccount::losses)
            .chain([between])
            .filter_map(|(frames, place)| frames.map(|frames| Loss { frames, place }))
    }

    /// Records dropped on their way to outputs that keep them, or lost by those.
    #[must_use]
    pub fn lost_records(&self) -> u64 {
        let kept = self.records.iter().filter(|account| !account.shown_only);
        kept.map(|account| account.dropped + account.lost_by_output)
            .sum()
    }

    /// Records that screens did not get: counted, and no loss.
    #[must_use]
    pub fn not_shown(&self) -> u64 {
        let shown = self.records.iter().filter(|account| account.shown_only);
        shown.map(|account| account.dropped).sum()
    }

    /// Whether anything was lost at all: frames, flows, records or written packets. What screens did not get is none of it.
    #[must_use]
    pub fn lost_anything(&self) -> bool {
        self.lost_frames() > 0
            || self.flows.refused > 0
            || self.lost_records() > 0
            || self.writer.is_some_and(|w| w.dropped > 0)
    }

    /// Whether all accounts add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.capture.iter().all(|c| c.unaccounted.unwrap_or(0) == 0)
            && self.frames.unaccounted == 0
            && self.flows.unaccounted == 0
    }
}

/// Known plus known is known; unknown plus anything is unknown.
fn sum_known(values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.sum::<Option<u64>>()
}

fn capture(workers: &[WorkerCounters], index: usize, name: &str) -> CaptureAccount {
    let of = || workers.iter().filter_map(|w| w.source(index));
    let mut account = CaptureAccount {
        source: name.to_owned(),
        wire: sum_known(of().map(|s| s.wire)),
        // What the NIC counts once for all its queues, the first one's source tells; the others' say 0.
        nic_missed: sum_known(of().map(|s| s.nic_missed)),
        nic_errors: sum_known(of().map(|s| s.nic_errors)),
        kernel_drops: sum_known(of().map(|s| s.kernel_drops)),
        filtered: sum_known(of().map(|s| s.filtered)),
        in_flight: sum_known(of().map(|s| s.in_flight)),
        delivered: of().map(|s| s.delivered).sum(),
        delivered_bytes: of().map(|s| s.delivered_bytes).sum(),
        unaccounted: None,
    };
    account.unaccounted = account.wire.map(|wire| {
        let known = [
            account.nic_missed,
            account.nic_errors,
            account.kernel_drops,
            account.filtered,
            account.in_flight,
        ];
        let known: u64 = known.iter().map(|known| known.unwrap_or(0)).sum();
        signed(wire) - signed(known + account.delivered)
    });
    account
}

fn frames(workers: &[WorkerCounters], sum: &WorkerCounters) -> FrameAccount {
    let undecodable = sum.undecodable_total();
    // Each worker's cell is one moment, but not the same one: a hand-over may be seen in before it is seen out.
    let in_hand_over =
        signed(sum.handed_out) - signed(sum.handed_in) + signed(sum.fragments_waiting);
    let accounts = sum.filtered
        + sum.beyond_count
        + undecodable
        + sum.not_ip
        + sum.hand_over_full
        + sum.analysed;
    FrameAccount {
        delivered: sum.delivered,
        delivered_bytes: sum.delivered_bytes,
        filtered: sum.filtered,
        beyond_count: sum.beyond_count,
        undecodable,
        undecodable_by: Undecodable::ALL
            .iter()
            .zip(sum.undecodable)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| Named {
                name: reason.name().to_owned(),
                count,
            })
            .collect(),
        not_ip: sum.not_ip,
        not_ip_by: ethertypes(workers, sum.not_ip),
        hand_over_full: sum.hand_over_full,
        in_hand_over: in_hand_over.max(0).unsigned_abs(),
        analysed: sum.analysed,
        handed_over: sum.handed_out,
        unaccounted: signed(sum.delivered) - signed(accounts) - in_hand_over,
    }
}

fn ethertypes(workers: &[WorkerCounters], total: u64) -> Vec<Named> {
    let mut by: std::collections::BTreeMap<u64, u64> = std::collections::BTreeMap::new();
    for worker in workers {
        for (ethertype, frames) in worker.ethertypes.iter().zip(worker.ethertype_frames) {
            if frames > 0 {
                *by.entry(*ethertype).or_default() += frames;
            }
        }
    }
    let named: u64 = by.values().sum();
    let mut list: Vec<Named> = by
        .iter()
        .map(|(e, count)| Named {
            name: ethertype_name(*e),
            count: *count,
        })
        .collect();
    if total > named {
        list.push(Named {
            name: "other".to_owned(),
            count: total - named,
        });
    }
    list.sort_by_key(|named| std::cmp::Reverse(named.count));
    list
}

/// The usual names of what is on a network besides IP (IEEE 802 EtherTypes).
fn ethertype_name(ethertype: u64) -> String {
    match ethertype {
        0x0806 => "arp".to_owned(),
        0x8035 => "rarp".to_owned(),
        0x88cc => "lldp".to_owned(),
        0x888e => "eapol".to_owned(),
        0x8809 => "slow_protocols".to_owned(),
        0x88f7 => "ptp".to_owned(),
        0x9000 => "loopback_test".to_owned(),
        0x8863 => "pppoe_discovery".to_owned(),
        0x88e5 => "macsec".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

fn applications(sum: &WorkerCounters) -> ApplicationAccount {
    ApplicationAccount {
        opened: sum.app_opened,
        open: sum.app_open,
        recognised: sum.app_recognised,
        refused: sum.app_refused,
        shed: sum.app_shed,
        given_up: sum.app_given_up,
        outside_window: sum.app_outside_window,
        datagrams_whole: sum.app_datagrams_whole,
        datagrams_given_up: sum.app_datagrams_given_up,
    }
}

fn flows(sum: &WorkerCounters) -> FlowAccount {
    let ended: u64 = sum.flows_ended.iter().sum();
    FlowAccount {
        opened: sum.flows_opened,
        active: sum.flows_active,
        ended_by: EndReason::ALL
            .iter()
            .zip(sum.flows_ended)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| Named {
                name: reason.name().to_owned(),
                count,
            })
            .collect(),
        refused: sum.flows_refused,
        duplicates: sum.duplicates,
        fragments_unmatched: sum.fragments_unmatched,
        fragments_held: sum.fragments_held,
        facts_lost: sum.pool_full,
        absurd_timestamps: sum.absurd_timestamps,
        weirds_suppressed: sum.weirds_suppressed,
        unaccounted: signed(sum.flows_opened) - signed(sum.flows_active + ended),
    }
}

/// Counters stay far below 2^63: 10^9 frames a second for 292 years.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_capture::SourceCounters;

    fn worker() -> WorkerCounters {
        let mut w = WorkerCounters {
            delivered: 10,
            analysed: 6,
            filtered: 1,
            flows_opened: 3,
            flows_active: 2,
            source_count: 1,
            ..WorkerCounters::default()
        };
        w.undecodable[1] = 1;
        w.flows_ended[1] = 1;
        w.count_not_ip(0x0806);
        w.count_not_ip(0x0806);
        w.sources[0] = SourceCounters {
            wire: Some(15),
            kernel_drops: Some(4),
            in_flight: Some(1),
            delivered: 10,
            ..SourceCounters::default()
        };
        w
    }

    #[test]
    fn books_balance_and_unknown_stays_unknown() {
        let ledger = Ledger::of(&[worker(), worker()], &["eth9".to_owned()], &[]);
        assert!(ledger.is_balanced(), "{ledger:?}");
        assert_eq!(ledger.capture[0].wire, Some(30));
        assert_eq!(ledger.capture[0].nic_missed, None);
        assert_eq!(ledger.capture[0].filtered, None);
        assert_eq!(ledger.lost_frames(), 8);
        assert_eq!(
            ledger.frames.not_ip_by,
            [Named {
                name: "arp".to_owned(),
                count: 4
            }]
        );
    }

    #[test]
    fn what_the_nic_lost_is_accounted_for() {
        let (mut a, mut b) = (worker(), worker());
        a.sources[0].wire = Some(15 + 7 + 2);
        (a.sources[0].nic_missed, a.sources[0].nic_errors) = (Some(7), Some(2));
        (b.sources[0].nic_missed, b.sources[0].nic_errors) = (Some(0), Some(0));
        let ledger = Ledger::of(&[a, b], &["eth9".to_owned()], &[]);
        assert!(ledger.is_balanced(), "{ledger:?}");
        assert_eq!(ledger.capture[0].nic_missed, Some(7));
        assert_eq!(ledger.lost_frames(), 8 + 9);
        let losses: Vec<(u64, LossPlace<'_>)> = ledger
            .losses()
            .map(|loss| (loss.frames, loss.place))
            .filter(|(frames, _)| *frames > 0)
            .collect();
        let source = "eth9";
        assert_eq!(
            losses,
            [
                (7, LossPlace::Nic { source }),
                (2, LossPlace::Damaged { source }),
                (8, LossPlace::Kernel { source })
            ]
        );
    }

    #[test]
    fn a_missing_frame_is_shown() {
        let mut w = worker();
        w.analysed -= 1;
        w.flows_active -= 1;
        w.sources[0].wire = Some(16);
        let ledger = Ledger::of(&[w], &["eth9".to_owned()], &[]);
        assert_eq!(ledger.frames.unaccounted, 1);
        assert_eq!(ledger.flows.unaccounted, 1);
        assert_eq!(ledger.capture[0].unaccounted, Some(1));
        assert!(!ledger.is_balanced());
    }

    #[test]
    fn frames_between_workers_are_in_hand_over() {
        let (mut a, mut b) = (worker(), worker());
        a.handed_out = 3;
        a.analysed -= 3;
        b.handed_in = 2;
        b.analysed += 2;
        // And two fragments whose first has not come yet.
        b.fragments_waiting = 2;
        b.analysed -= 2;
        let ledger = Ledger::of(&[a, b], &["eth9".to_owned()], &[]);
        assert_eq!(ledger.frames.in_hand_over, 3);
        assert_eq!(ledger.frames.unaccounted, 0);
    }
}
