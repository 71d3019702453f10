//! From one snapshot to the next: what happened between them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;

use portreeve_engine::Snapshot;
use portreeve_engine::directions::Passed;
use portreeve_engine::ledger::CaptureAccount;
use portreeve_engine::snapshot::WorkerState;
use portreeve_engine::talkers::{Service, Talker, Talkers, TalkingFlow, Volume};
use portreeve_record::proto;

use crate::minute::{Minute, pair};
use crate::second::Second;
use crate::view::{Ends, Row, SourceView, WorkerView};

/// A second of which less was watched, nanoseconds, is none: a run begins within one.
const WHOLE: u64 = 950_000_000;
/// Snapshots whose talkers are averaged.
const TALKING: usize = 10;

/// The snapshots that the next one is compared with.
#[derive(Default)]
pub(crate) struct Steps {
    before: Option<Snapshot>,
    /// The second in which the run began is over.
    has_begun: bool,
    talkers: VecDeque<Talkers>,
}

/// What happened between two snapshots.
#[derive(Default)]
pub(crate) struct Step {
    /// `None`: it was watched only in part.
    pub(crate) second: Option<Second>,
    pub(crate) workers: Vec<WorkerView>,
    pub(crate) sources: Vec<SourceView>,
    /// Bytes of a file that were read, a second.
    pub(crate) read: u64,
}

/// So much of `all` as `part` is of `total`.
fn share(part: u64, total: u64, all: u64) -> u64 {
    let share = u128::from(part) * u128::from(all) / u128::from(total.max(1));
    u64::try_from(share).unwrap_or(all).min(all)
}

/// Fills in the directions of a second from two accounts of them.
fn directions(second: &mut Second, now: &Snapshot, then: &Snapshot, elapsed: u64) {
    let (now_ways, then_ways) = (&now.directions, &then.directions);
    let (looked_at, looked_at_then) = (now_ways.total(), then_ways.total());
    let frames = |snapshot: &Snapshot| snapshot.ledger.frames.analysed;
    let tallied = looked_at.packets.saturating_sub(looked_at_then.packets);
    let analysed = frames(now).saturating_sub(frames(then));
    // From a sample, scaled up: shares of what went by. Exact: as they are.
    let is_exact = tallied == analysed;
    let bits = |now: Passed, then: Passed| {
        let bits = rate(now.bytes, then.bytes, elapsed).saturating_mul(8);
        let total = rate(looked_at.bytes, looked_at_then.bytes, elapsed).saturating_mul(8);
        if is_exact {
            bits.min(second.bits)
        } else {
            share(bits, total, second.bits)
        }
    };
    let packets = |now: Passed, then: Passed| {
        let packets = rate(now.packets, then.packets, elapsed);
        let total = rate(looked_at.packets, looked_at_then.packets, elapsed);
        if is_exact {
            packets.min(second.packets)
        } else {
            share(packets, total, second.packets)
        }
    };
    let in_bits = bits(now_ways.inward, then_ways.inward);
    let out_bits = bits(now_ways.outward, then_ways.outward);
    let internal_bits = bits(now_ways.internal, then_ways.internal);
    let in_packets = packets(now_ways.inward, then_ways.inward);
    let out_packets = packets(now_ways.outward, then_ways.outward);
    let internal_packets = packets(now_ways.internal, then_ways.internal);
    *second = Second {
        in_bits,
        out_bits,
        internal_bits,
        other_bits: second
            .bits
            .saturating_sub(in_bits)
            .saturating_sub(out_bits)
            .saturating_sub(internal_bits),
        in_packets,
        out_packets,
        internal_packets,
        other_packets: second
            .packets
            .saturating_sub(in_packets)
            .saturating_sub(out_packets)
            .saturating_sub(internal_packets),
        ..*second
    };
}

/// The busiest millisecond as rates; never less than the mean, whatever arrived late.
fn peaks(second: &mut Second, snapshot: &Snapshot) {
    let found = snapshot
        .peaks
        .iter()
        .find(|peak| peak.second.saturating_mul(1000) == second.ts);
    let (packets, bytes) = found.map_or((0, 0), |peak| (peak.packets, peak.bytes));
    second.peak_packets = packets.saturating_mul(1000).max(second.packets);
    second.peak_bits = bytes.saturating_mul(8000).max(second.bits);
}

/// So much of a time in nanoseconds as a rate a second.
fn rate(now: u64, before: u64, elapsed_ns: u64) -> u64 {
    let more = u128::from(now.saturating_sub(before));
    let rate = more * 1_000_000_000 / u128::from(elapsed_ns.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

impl Steps {
    /// Takes the next snapshot; the second begins at `ts`. `None`: it is the first.
    ///
    /// The second in which a run begins is left out: of its traffic only a part was seen, and with it comes what waited in the rings before. Later ones are
    /// whole, but for the unrest of the one who calls this, which the rates take into account.
    pub(crate) fn take(&mut self, snapshot: &Snapshot, ts: i64) -> Option<Step> {
        if self.talkers.len() == TALKING {
            self.talkers.pop_front();
        }
        self.talkers.push_back(snapshot.talkers.clone());
        let before = self.before.replace(snapshot.clone())?;
        let elapsed = snapshot.uptime_ns.saturating_sub(before.uptime_ns);
        let (now, then) = (&snapshot.ledger, &before.ledger);
        let bits = |bytes: u64| bytes.saturating_mul(8);
        let packets = rate(now.frames.delivered, then.frames.delivered, elapsed);
        let wire = bits(rate(
            now.frames.delivered_bytes,
            then.frames.delivered_bytes,
            elapsed,
        ));
        let counts_losses = now.capture.iter().any(|account| lost(account).is_some());
        let mut second = Second {
            ts,
            packets,
            bits: wire,
            lost: counts_losses.then(|| rate(now.lost_frames(), then.lost_frames(), elapsed)),
            flows_active: now.flows.active,
            flows_opened: rate(now.flows.opened, then.flows.opened, elapsed),
            ..Second::default()
        };
        directions(&mut second, snapshot, &before, elapsed);
        peaks(&mut second, snapshot);
        let is_whole = std::mem::replace(&mut self.has_begun, true) || elapsed >= WHOLE;
        let read = |snapshot: &Snapshot| snapshot.position.map_or(0, |(read, _)| read);
        Some(Step {
            second: is_whole.then_some(second),
            read: rate(read(snapshot), read(&before), elapsed),
            workers: workers(&snapshot.workers, &before.workers, elapsed),
            sources: sources(&now.capture, &then.capture, elapsed),
        })
    }

    pub(crate) fn hosts(&self, most: usize, minute: &Minute) -> Vec<Row> {
        let row = |who: &IpAddr, volume: Volume| Row {
            name: who.to_string(),
            detail: minute.name(*who).map(str::to_owned),
            ..row(volume)
        };
        self.rows(most, |talkers| &talkers.hosts, row)
    }

    pub(crate) fn services(&self, most: usize, minute: &Minute) -> Vec<Row> {
        let flows = minute.flows_of_services();
        let row = |who: &Service, volume: Volume| {
            let key = (who.protocol, who.port);
            Row {
                name: match who.protocol {
                    6 | 17 | 132 | 136 => {
                        format!("{}/{}", proto::name(who.protocol), who.port)
                    }
                    other => proto::name(other).to_owned(),
                },
                detail: minute.protocol(key).map(str::to_owned),
                flows: flows.get(&key).copied(),
                ..row(volume)
            }
        };
        self.rows(most, |talkers| &talkers.services, row)
    }

    pub(crate) fn conversations(&self, most: usize, minute: &Minute) -> Vec<Row> {
        let row = |who: &TalkingFlow, volume: Volume| {
            let (a, b) = ((who.a, who.a_port), (who.b, who.b_port));
            let talk = minute.talk(&pair(a, b, who.protocol));
            // Who began is known from records; before there is one, the lower port is the server's.
            let a_began = talk.map_or(a.1 >= b.1, |talk| talk.orig == a);
            let (orig, resp, volume) = if a_began {
                (a, b, volume)
            } else {
                let volume = Volume {
                    bytes_out: volume.bytes_in,
                    bytes_in: volume.bytes_out,
                    ..volume
                };
                (b, a, volume)
            };
            let proto = proto::name(who.protocol);
            let has_ports = matches!(who.protocol, 6 | 17 | 132 | 136);
            let end = |(address, port): (IpAddr, u16)| match address {
                _ if !has_ports => address.to_string(),
                IpAddr::V4(address) => format!("{address}:{port}"),
                IpAddr::V6(address) => format!("[{address}]:{port}"),
            };
            Row {
                name: format!("{} > {} {proto}", end(orig), end(resp)),
                detail: talk.and_then(|talk| talk.called).map(str::to_owned),
                ends: Some(Ends {
                    orig_h: orig.0,
                    orig_p: orig.1,
                    resp_h: resp.0,
                    resp_p: resp.1,
                    proto: proto.to_owned(),
                    uid: talk.map(|talk| talk.uid.to_string()),
                }),
                ..row(volume)
            }
        };
        self.rows(most, |talkers| &talkers.flows, row)
    }

    /// The greatest of one kind, averaged over the snapshots that are kept.
    fn rows<K: Clone + Eq + Hash + Ord>(
        &self,
        most: usize,
        of: impl Fn(&Talkers) -> &Vec<Talker<K>>,
        row: impl Fn(&K, Volume) -> Row,
    ) -> Vec<Row> {
        let mut sums: HashMap<&K, Volume> = HashMap::new();
        for talker in self.talkers.iter().flat_map(&of) {
            let sum = sums.entry(&talker.who).or_default();
            sum.bytes_out += talker.a_second.bytes_out;
            sum.bytes_in += talker.a_second.bytes_in;
            sum.packets += talker.a_second.packets;
        }
        let mut sums: Vec<(&K, Volume)> = sums.into_iter().collect();
        // Ties by who, so that rows do not jump.
        sums.sort_by(|a, b| b.1.bytes().cmp(&a.1.bytes()).then_with(|| a.0.cmp(b.0)));
        sums.truncate(most);
        let seconds = self.talkers.len().max(1) as u64;
        let mean = |(who, sum): (&K, Volume)| {
            let volume = Volume {
                bytes_out: sum.bytes_out / seconds,
                bytes_in: sum.bytes_in / seconds,
                packets: sum.packets / seconds,
            };
            row(who, volume)
        };
        sums.into_iter().map(mean).collect()
    }
}

fn row(volume: Volume) -> Row {
    Row {
        in_bits: volume.bytes_in.saturating_mul(8),
        out_bits: volume.bytes_out.saturating_mul(8),
        packets: volume.packets,
        ..Row::default()
    }
}

/// What is known to be lost of a source; `None`: nothing counts it.
fn lost(account: &CaptureAccount) -> Option<u64> {
    let known = [account.nic_missed, account.nic_errors, account.kernel_drops];
    known.into_iter().flatten().reduce(u64::saturating_add)
}

fn sources(now: &[CaptureAccount], then: &[CaptureAccount], elapsed: u64) -> Vec<SourceView> {
    let of = |(now, then): (&CaptureAccount, &CaptureAccount)| SourceView {
        name: now.source.clone(),
        packets: rate(now.delivered, then.delivered, elapsed),
        bits: rate(now.delivered_bytes, then.delivered_bytes, elapsed).saturating_mul(8),
        lost: lost(now).map(|lost_now| rate(lost_now, lost(then).unwrap_or(0), elapsed)),
    };
    now.iter().zip(then).map(of).collect()
}

fn workers(now: &[WorkerState], then: &[WorkerState], elapsed: u64) -> Vec<WorkerView> {
    let share = |now: u64, then: u64| {
        (now.saturating_sub(then) as f64 / elapsed.max(1) as f64).clamp(0.0, 1.0)
    };
    let of = |(now, then): (&WorkerState, &WorkerState)| WorkerView {
        name: now.name.clone(),
        cpu: now.cpu,
        pinned: now.pinned,
        mode: now.waits.mode.to_string(),
        packets: rate(now.frames, then.frames, elapsed),
        flows: now.flows,
        busy: share(now.waits.busy_ns, then.waits.busy_ns),
        idle: share(now.waits.spin_ns, then.waits.spin_ns),
        sleep: share(now.waits.sleep_ns, then.waits.sleep_ns),
        in_line: share(now.in_line_ns, then.in_line_ns),
        wakes: rate(now.waits.wakes, then.waits.wakes, elapsed),
        latency_us: now.waits.latency.below(0.99),
        away: now.waits.stalls,
        away_now: now.waits.stalls.saturating_sub(then.waits.stalls),
        away_longest_us: now.waits.longest_stall_ns / 1000,
    };
    now.iter().zip(then).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(second: u64) -> Snapshot {
        let mut snapshot = Snapshot {
            uptime_ns: second * 1_000_000_000,
            ..Snapshot::default()
        };
        snapshot.ledger.frames.delivered = second * 100;
        snapshot.ledger.frames.delivered_bytes = second * 10_000;
        snapshot.ledger.flows.opened = second * 3;
        snapshot.ledger.capture = vec![CaptureAccount {
            source: "eth9".into(),
            kernel_drops: Some(second * 2),
            delivered: second * 100,
            delivered_bytes: second * 10_000,
            ..CaptureAccount::default()
        }];
        let mut worker = WorkerState {
            frames: second * 100,
            ..WorkerState::default()
        };
        worker.waits.busy_ns = second * 250_000_000;
        worker.waits.sleep_ns = second * 700_000_000;
        snapshot.workers = vec![worker];
        snapshot
    }

    #[test]
    fn what_is_between_two_snapshots_is_a_rate() {
        let mut steps = Steps::default();
        assert!(steps.take(&snapshot(1), 0).is_none());
        let step = steps.take(&snapshot(3), 1000).expect("two snapshots");
        let second = step.second.expect("it is whole");
        assert_eq!(
            (second.packets, second.bits, second.lost),
            (100, 80_000, Some(2))
        );
        assert_eq!((second.flows_opened, second.ts), (3, 1000));
        assert_eq!(step.sources[0].lost, Some(2));
        let worker = &step.workers[0];
        assert!((worker.busy - 0.25).abs() < 1e-9 && (worker.sleep - 0.7).abs() < 1e-9);
        assert_eq!((worker.packets, worker.latency_us), (100, None));
    }

    #[test]
    fn the_second_in_which_a_run_begins_is_left_out() {
        let mut steps = Steps::default();
        let at = |ms: u64| Snapshot {
            uptime_ns: ms * 1_000_000,
            ..snapshot(ms / 100)
        };
        assert!(steps.take(&at(10), 0).is_none());
        let first = steps.take(&at(400), 1000).expect("two snapshots");
        assert!(first.second.is_none());
        // How busy the workers are is told all the same.
        assert_eq!(first.workers.len(), 1);
        // Later ones are scaled.
        let second = steps.take(&at(1300), 2000).expect("two snapshots").second;
        assert_eq!(second.map(|second| second.packets), Some(1000));
    }

    #[test]
    fn directions_are_exact_where_everything_was_tallied_and_shares_where_not() {
        let passed = |packets, bytes| Passed { packets, bytes };
        let mut then = snapshot(1);
        then.ledger.frames.analysed = 0;
        let mut now = snapshot(2);
        now.ledger.frames.analysed = 90;
        // 10 frames of 1000 bytes are without IP.
        now.directions.inward = passed(60, 6000);
        now.directions.outward = passed(20, 2000);
        now.directions.internal = passed(10, 1000);
        let mut steps = Steps::default();
        steps.take(&then, 0);
        let second = steps
            .take(&now, 1000)
            .expect("two snapshots")
            .second
            .expect("it is whole");
        assert_eq!(
            (
                second.in_bits,
                second.out_bits,
                second.internal_bits,
                second.other_bits
            ),
            (48_000, 16_000, 8_000, 8_000)
        );
        assert_eq!((second.in_packets, second.other_packets), (60, 10));
        // Of a sample, scaled up to more than there was.
        now.directions.inward = passed(120, 12_000);
        now.directions.internal = passed(60, 6_000);
        let mut steps = Steps::default();
        steps.take(&then, 0);
        let second = steps
            .take(&now, 1000)
            .expect("two snapshots")
            .second
            .expect("it is whole");
        assert_eq!(
            (
                second.in_bits,
                second.out_bits,
                second.internal_bits,
                second.other_bits
            ),
            (48_000, 8_000, 24_000, 0)
        );
    }

    #[test]
    fn a_peak_is_a_rate_and_not_less_than_the_mean() {
        let mut now = snapshot(2);
        now.peaks = vec![portreeve_engine::bins::Peak {
            second: 1,
            packets: 7,
            bytes: 3,
        }];
        let mut steps = Steps::default();
        steps.take(&snapshot(1), 0);
        let second = steps
            .take(&now, 1000)
            .expect("two snapshots")
            .second
            .expect("it is whole");
        assert_eq!((second.peak_packets, second.peak_bits), (7000, second.bits));
    }

    #[test]
    fn talkers_are_averaged_and_conversations_begin_with_who_began() {
        let mut steps = Steps::default();
        let minute = Minute::new();
        let flow = TalkingFlow {
            a: IpAddr::from([10, 0, 0, 1]),
            a_port: 443,
            b: IpAddr::from([10, 0, 0, 2]),
            b_port: 40_000,
            protocol: 6,
        };
        let mut one = snapshot(1);
        one.talkers.flows = vec![Talker {
            who: flow,
            a_second: Volume {
                bytes_out: 2000,
                bytes_in: 20,
                packets: 4,
            },
        }];
        steps.take(&one, 0);
        steps.take(&snapshot(2), 1000);
        let rows = steps.conversations(10, &minute);
        assert_eq!(rows[0].name, "10.0.0.2:40000 > 10.0.0.1:443 tcp");
        assert_eq!(
            (rows[0].in_bits, rows[0].out_bits, rows[0].packets),
            (8000, 80, 2)
        );
    }
}
