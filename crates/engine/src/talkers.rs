//! Live top talkers: who and what moves the bytes right now, without a lock and without a look at every flow.
//!
//! A worker tallies a sample of its bursts, all of them while there are few packets, one in so many
//! when there are more ([`SAMPLES_A_SECOND`]); what it counts is scaled by that. The
//! tallies are small set-associative tables in which the least of a set gives way to the new one and
//! leaves it its count (the Space-Saving rule of Metwally et al. 2005), so that heavy
//! talkers are always in them. Once a second they go to whoever looks, through a ring, and the memory comes back through another; while
//! nobody looks none comes back and nothing is tallied.

use std::net::IpAddr;

use portreeve_flow::Prefix;
use portreeve_packet::{FlowKey, View, ViewFlags};
use rtrb::{Consumer, Producer, RingBuffer};
use serde::{Deserialize, Serialize};

use crate::directions::Ways;

/// Packets a worker tallies in a second, about.
pub const SAMPLES_A_SECOND: u64 = 50_000;
/// Sets of a tally; a power of two.
const SETS: usize = 512;
/// Entries of a set.
const WAYS: usize = 8;

/// Bytes on the wire (IP) and packets of one talker, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Bytes it sent (a flow: low to high endpoint; a service: from its port).
    pub bytes_out: u64,
    /// Bytes it received.
    pub bytes_in: u64,
    /// Packets, both ways.
    pub packets: u64,
}

impl Volume {
    /// All its bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes_out + self.bytes_in
    }

    fn add(&mut self, other: &Volume) {
        self.bytes_out += other.bytes_out;
        self.bytes_in += other.bytes_in;
        self.packets += other.packets;
    }
}

#[derive(Clone, Copy)]
struct Entry<K> {
    key: K,
    volume: Volume,
}

struct Tally<K> {
    entries: Box<[Entry<K>]>,
}

impl<K: Copy + PartialEq> Tally<K> {
    fn new(empty: K) -> Self {
        let entry = Entry {
            key: empty,
            volume: Volume::default(),
        };
        Tally {
            entries: vec![entry; SETS * WAYS].into_boxed_slice(),
        }
    }

    fn add(&mut self, hash: u64, key: K, volume: &Volume) {
        let start = (hash >> 40) as usize % SETS * WAYS;
        let set = &mut self.entries[start..start + WAYS];
        let mut least = 0;
        for i in 0..WAYS {
            if set[i].volume.packets > 0 && set[i].key == key {
                set[i].volume.add(volume);
                return;
            }
            if set[i].volume.bytes() < set[least].volume.bytes() {
                least = i;
            }
        }
        // An empty entry has zero bytes and is the least of its set.
        set[least].key = key;
        set[least].volume.add(volume);
    }

    /// Moves all to `taken`, which has room for them.
    fn take(&mut self, taken: &mut Vec<(K, Volume)>) {
        taken.clear();
        for entry in &mut self.entries {
            if entry.volume.packets > 0 {
                taken.push((entry.key, entry.volume));
                entry.volume = Volume::default();
            }
        }
    }
}

/// A service: transport protocol and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Service {
    /// IP protocol number.
    pub protocol: u8,
    /// The lower of the two ports: the service's, nearly always.
    pub port: u16,
}

/// An address as a tally keeps it.
type Host = (u8, [u8; 16]);

/// One worker's tallies of about a second.
pub struct Sample {
    /// Nanoseconds that the sample covers.
    pub interval: i64,
    hosts: Vec<(Host, Volume)>,
    services: Vec<(Service, Volume)>,
    flows: Vec<(FlowKey, Volume)>,
}

impl Sample {
    fn new() -> Box<Sample> {
        Box::new(Sample {
            interval: 0,
            hosts: Vec::with_capacity(SETS * WAYS),
            services: Vec::with_capacity(SETS * WAYS),
            flows: Vec::with_capacity(SETS * WAYS),
        })
    }
}

/// Samples that a worker has: one that is shown, one on its way, one to be filled.
const SAMPLES: usize = 3;

/// The other end of a worker's tallies.
pub struct Looker {
    samples: Consumer<Box<Sample>>,
    back: Producer<Box<Sample>>,
    latest: Option<Box<Sample>>,
}

impl Looker {
    /// The latest sample.
    pub fn look(&mut self) -> Option<&Sample> {
        while let Ok(sample) = self.samples.pop() {
            if let Some(old) = self.latest.replace(sample) {
                // There is room for every sample that there is.
                let _ = self.back.push(old);
            }
        }
        self.latest.as_deref()
    }
}

/// The tallies of a worker.
pub struct Tallies {
    hosts: Tally<Host>,
    services: Tally<Service>,
    flows: Tally<FlowKey>,
    out: Producer<Box<Sample>>,
    back: Consumer<Box<Sample>>,
    /// To be filled; `None`: nobody looks.
    spare: Option<Box<Sample>>,
    period: u64,
    countdown: u64,
    seen: u64,
    state: u64,
    since: Option<i64>,
    pub(crate) ways: Ways,
}

impl Tallies {
    /// Tallies, and where they are looked at. `ours` are the networks that directions are by.
    #[must_use]
    pub fn new(ours: Vec<Prefix>) -> (Self, Looker) {
        let (out, samples) = RingBuffer::new(SAMPLES);
        let (mut to_worker, back) = RingBuffer::new(SAMPLES);
        for _ in 1..SAMPLES {
            // The ring was made for so many.
            let _ = to_worker.push(Sample::new());
        }
        let looker = Looker {
            samples,
            back: to_worker,
            latest: None,
        };
        let tallies = Tallies {
            hosts: Tally::new((0, [0; 16])),
            services: Tally::new(Service {
                protocol: 0,
                port: 0,
            }),
            flows: Tally::new(FlowKey::default()),
            out,
            back,
            spare: Some(Sample::new()),
            period: 1,
            countdown: 0,
            seen: 0,
            state: 0x9E37_79B9_7F4A_7C15,
            since: None,
            ways: Ways {
                ours,
                ..Ways::default()
            },
        };
        (tallies, looker)
    }

    /// Tallies a burst's views, if the burst is in the sample and somebody looks. `wire_len`: what a frame of the burst had on the wire.
    #[inline]
    pub fn tally(&mut self, views: &[View], wire_len: impl Fn(u16) -> u32) {
        self.seen += views.len() as u64;
        if self.countdown > 0 {
            self.countdown -= 1;
            return;
        }
        // A random stride: a fixed one could beat with the traffic.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.countdown = if self.period == 1 {
            0
        } else {
            self.state % (2 * self.period - 1)
        };
        if self.spare.is_none() {
            return;
        }
        for view in views {
            if !view.flags.has(ViewFlags::HAS_PARENT) {
                self.ways.count(view, wire_len(view.frame), self.period);
            }
            // What a tunnel carries is shown; the tunnel itself would count the same bytes again.
            let bytes = u64::from(view.ip_len) * self.period;
            let out = Volume {
                bytes_out: bytes,
                bytes_in: 0,
                packets: self.period,
            };
            let back = Volume {
                bytes_out: 0,
                bytes_in: bytes,
                packets: self.period,
            };
            let (low, high) = if view.high_to_low() {
                (&back, &out)
            } else {
                (&out, &back)
            };
            let key = &view.key;
            let (low_host, high_host) = ((key.version, key.low_addr), (key.version, key.high_addr));
            self.hosts.add(hash_host(&low_host), low_host, low);
            self.hosts.add(hash_host(&high_host), high_host, high);
            self.flows.add(view.hash, *key, low);
            if !view.flags.has(ViewFlags::LATER_FRAGMENT) {
                let port = match key.protocol {
                    6 | 17 | 132 | 136 => key.low_port.min(key.high_port),
                    _ => 0,
                };
                let volume = if key.low_port <= key.high_port {
                    low
                } else {
                    high
                };
                let service = Service {
                    protocol: key.protocol,
                    port,
                };
                let hash = (u64::from(port) << 8 | u64::from(key.protocol))
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15);
                self.services.add(hash, service, volume);
            }
        }
    }

    /// Sends the tallies off if a second has passed since the last time. `now` is the machine's own time in nanoseconds.
    pub fn tick(&mut self, now: i64) {
        let Some(since) = self.since else {
            self.since = Some(now);
            return;
        };
        let interval = now.saturating_sub(since);
        if interval < 1_000_000_000 {
            return;
        }
        let rate =
            u128::from(self.seen) * 1_000_000_000 / u128::from(interval.unsigned_abs().max(1));
        self.period = (rate as u64 / SAMPLES_A_SECOND).max(1);
        self.seen = 0;
        self.since = Some(now);
        if let Some(mut sample) = self.spare.take() {
            sample.interval = interval;
            self.hosts.take(&mut sample.hosts);
            self.services.take(&mut sample.services);
            self.flows.take(&mut sample.flows);
            // There is room for every sample that there is.
            let _ = self.out.push(sample);
        }
        self.spare = self.back.pop().ok();
    }
}

fn hash_host(host: &Host) -> u64 {
    let a = u128::from_be_bytes(host.1);
    (((a >> 64) as u64) ^ (a as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A talker and its rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Talker<K> {
    /// Who.
    pub who: K,
    /// Volumes in one second.
    pub a_second: Volume,
}

/// One flow as a screen shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TalkingFlow {
    /// One end (`bytes_out` is what it sent).
    pub a: IpAddr,
    /// Its port.
    pub a_port: u16,
    /// The other end.
    pub b: IpAddr,
    /// Its port.
    pub b_port: u16,
    /// IP protocol number.
    pub protocol: u8,
}

/// The top talkers of about the last second, of all workers, most bytes first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Talkers {
    /// Hosts.
    pub hosts: Vec<Talker<IpAddr>>,
    /// Services.
    pub services: Vec<Talker<Service>>,
    /// Flows.
    pub flows: Vec<Talker<TalkingFlow>>,
}

impl Talkers {
    /// Merges the workers' samples and keeps the `most` greatest of each kind.
    #[must_use]
    pub fn of<'a>(samples: impl Iterator<Item = &'a Sample> + Clone, most: usize) -> Talkers {
        Talkers {
            hosts: top(
                samples.clone(),
                most,
                |s| &s.hosts,
                |&(version, addr)| {
                    FlowKey {
                        low_addr: addr,
                        version,
                        ..FlowKey::default()
                    }
                    .low_ip()
                },
            ),
            services: top(samples.clone(), most, |s| &s.services, |service| *service),
            flows: top(
                samples,
                most,
                |s| &s.flows,
                |key| TalkingFlow {
                    a: key.low_ip(),
                    a_port: key.low_port,
                    b: key.high_ip(),
                    b_port: key.high_port,
                    protocol: key.protocol,
                },
            ),
        }
    }
}

fn top<'a, K: Copy + Eq + std::hash::Hash, W>(
    samples: impl Iterator<Item = &'a Sample>,
    most: usize,
    of: impl Fn(&Sample) -> &Vec<(K, Volume)>,
    show: impl Fn(&K) -> W,
) -> Vec<Talker<W>> {
    let mut sums: std::collections::HashMap<K, Volume> = std::collections::HashMap::new();
    for sample in samples {
        let scale = |n: u64| {
            (u128::from(n) * 1_000_000_000 / u128::from(sample.interval.unsigned_abs().max(1)))
                as u64
        };
        for (key, volume) in of(sample) {
            sums.entry(*key).or_default().add(&Volume {
                bytes_out: scale(volume.bytes_out),
                bytes_in: scale(volume.bytes_in),
                packets: scale(volume.packets),
            });
        }
    }
    let mut list: Vec<(K, Volume)> = sums.into_iter().collect();
    list.sort_by_key(|(_, volume)| std::cmp::Reverse(volume.bytes()));
    list.truncate(most);
    list.iter()
        .map(|(key, volume)| Talker {
            who: show(key),
            a_second: *volume,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_packet::key::mapped;

    fn view(from: u8, to: u8, port: u16, bytes: u32) -> View {
        let (key, direction) = FlowKey::new(
            (mapped([10, 0, 0, from]), 40_000),
            (mapped([10, 0, 0, to]), port),
            6,
            4,
        );
        let mut view = View {
            key,
            ip_len: bytes,
            ..View::default()
        };
        view.hash = u64::from(from) << 48 | u64::from(port) << 32;
        if direction == portreeve_packet::Direction::HighToLow {
            view.flags.set(ViewFlags::HIGH_TO_LOW);
        }
        view
    }

    #[test]
    fn bytes_are_counted_by_host_service_and_flow() {
        let (mut tallies, mut looker) = Tallies::new(Vec::new());
        tallies.tick(1);
        tallies.tally(
            &[
                view(1, 2, 443, 1000),
                view(3, 2, 80, 100),
                view(1, 2, 443, 1000),
            ],
            |_| 0,
        );
        tallies.tick(1_000_000_001);
        let talkers = Talkers::of(looker.look().into_iter(), 2);
        assert_eq!(talkers.hosts[0].who.to_string(), "10.0.0.2");
        assert_eq!(talkers.hosts[0].a_second.bytes_in, 2100);
        assert_eq!(talkers.hosts[1].a_second.bytes_out, 2000);
        assert_eq!(
            talkers.services[0].who,
            Service {
                protocol: 6,
                port: 443
            }
        );
        // Clients send to a service; it receives.
        let https = talkers.services[0].a_second;
        assert_eq!((https.bytes_in, https.bytes_out), (2000, 0));
        assert_eq!(talkers.flows[0].a_second.packets, 2);
        assert_eq!(talkers.flows.len(), 2);
    }

    #[test]
    fn directions_are_by_the_local_networks_and_count_each_frame_once() {
        let ours = Prefix {
            addr: std::net::IpAddr::from([10, 0, 0, 0]),
            len: 30,
        };
        let (mut tallies, _looker) = Tallies::new(vec![ours]);
        let mut inner = view(1, 2, 443, 50);
        inner.flags.set(ViewFlags::HAS_PARENT);
        let mut views = [
            view(1, 9, 443, 100),
            view(9, 1, 443, 100),
            view(1, 2, 443, 100),
            inner,
            view(8, 9, 443, 100),
        ];
        for (frame, view) in views.iter_mut().enumerate() {
            view.frame = frame as u16;
        }
        tallies.tally(&views, |frame| 1000 + u32::from(frame));
        assert_eq!(tallies.ways.bytes, [1001, 1000, 1002, 1004]);
        assert_eq!(tallies.ways.packets, [1; 4]);
    }

    #[test]
    fn a_heavy_talker_survives_a_scan() {
        let (mut tallies, mut looker) = Tallies::new(Vec::new());
        tallies.tick(1);
        for i in 0..60_000u32 {
            let mut scan = view(7, 9, (i % 60_000) as u16, 60);
            scan.hash = u64::from(i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            tallies.tally(&[scan, view(1, 2, 443, 1500)], |_| 0);
        }
        tallies.tick(1_000_000_001);
        let talkers = Talkers::of(looker.look().into_iter(), 1);
        assert_eq!(
            talkers.flows[0].who.b_port.min(talkers.flows[0].who.a_port),
            443
        );
    }

    #[test]
    fn while_nobody_looks_nothing_is_tallied_and_a_look_sees_the_latest() {
        let (mut tallies, mut looker) = Tallies::new(Vec::new());
        tallies.tick(1);
        for second in 1..=10i64 {
            tallies.tally(&[view(1, 2, 443, 1000 * second as u32)], |_| 0);
            tallies.tick(second * 1_000_000_000 + 1);
        }
        let bytes = |looker: &mut Looker| {
            let talkers = Talkers::of(looker.look().into_iter(), 1);
            talkers.flows[0].a_second.bytes()
        };
        // Three were made, and nobody gave any back.
        assert_eq!(bytes(&mut looker), 3000);
        tallies.tick(11_000_000_001);
        tallies.tally(&[view(1, 2, 443, 7)], |_| 0);
        tallies.tick(12_000_000_001);
        assert_eq!(bytes(&mut looker), 7);
    }
}
