//! Several sources on one interface: each conversation at its home.

use portreeve_capture::Source;
use portreeve_capture::afpacket::{AfPacketConfig, AfPacketSource};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_packet::{DecodeOptions, Views, decode, steer};

use crate::helpers::{A, B, config, finish, take};

/// A generator of the test's own, so that a failure repeats (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    fn packet(&mut self) -> Vec<u8> {
        let ports = (self.next() as u16, self.next() as u16);
        let mut packet = if self.next().is_multiple_of(2) {
            let (mut a, mut b) = (self.bytes::<4>(), self.bytes::<4>());
            (a[0], b[0]) = (10, 10);
            Packet::udp4(a, b, ports.0, ports.1)
        } else {
            let (mut a, mut b) = (self.bytes::<16>(), self.bytes::<16>());
            (a[0], b[0]) = (0xfd, 0xfd);
            Packet::udp6(a, b, ports.0, ports.1)
        };
        // Well-known ports make tunnels of what is not one: those are tested elsewhere.
        let protocols = [6, 6, 17, 17, 132, 136, 1, 58, 89];
        let protocol = protocols[self.next() as usize % protocols.len()];
        packet = packet.protocol(protocol);
        if protocol == 6 || protocol == 17 {
            let words = [0, 0, 0, 0x2000, 0x2005, 7];
            packet = packet.fragment(words[self.next() as usize % words.len()]);
        }
        for _ in 0..self.next() % 3 {
            packet = packet.vlan((self.next() % 4094) as u16 + 1);
        }
        packet.build(100)
    }
}

#[test]
fn the_kernel_chooses_the_worker_that_steering_chooses() {
    if !may_run_privileged() {
        return;
    }
    const WORKERS: usize = 3;
    let lab = Lab::new();
    lab.run(|| {
        let mut sources = AfPacketSource::open_fanout(&config(), WORKERS).expect("opens");
        let mut random = Random(0x5eed_5eed_5eed_5eed);
        let mut packets: Vec<Vec<u8>> = (0..3000).map(|_| random.packet()).collect();
        packets.push(Packet::ethertype(0x0806).build(60));
        packets.push(Packet::ethertype(0x0026).build(60));
        let count = packets.len() as u64;
        Sender::open(Lab::TX).send(&packets, count);
        let (mut wire, mut homes) = (0, 0);
        for (worker, source) in sources.iter_mut().enumerate() {
            assert!(source.info().description.contains("program"));
            source.stop();
            let mut views = Views::default();
            let mut index = 0;
            take(
                source,
                |frame| {
                    views.clear();
                    decode(&frame.bytes(index), &DecodeOptions::default(), &mut views);
                    index = (index + 1) % 64;
                    let home = match views.as_slice().last() {
                        Some(view) => steer::worker(steer::view_hash(view), WORKERS),
                        None => 0,
                    };
                    assert_eq!(
                        home,
                        worker,
                        "{:?} {:02x?}",
                        views.as_slice().last(),
                        frame.data
                    );
                    homes += 1;
                },
                u64::MAX,
            );
            let counters = finish(source);
            assert!(
                counters.delivered > count / 10,
                "an even share: {counters:?}"
            );
            wire += counters.wire.expect("known");
        }
        assert_eq!((wire, homes), (count, count));
    });
}

#[test]
fn two_workers_lose_nothing_and_count_every_frame_once() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let frames: Vec<Vec<u8>> = (0..256)
            .map(|port| Packet::udp4(A, B, 1000 + port, 443).build(60))
            .collect();
        for rate in [Some(5_000), None] {
            let count = if rate.is_some() { 2_000 } else { 50_000 };
            let sources = AfPacketSource::open_fanout(
                &AfPacketConfig {
                    blocks: 128,
                    ..config()
                },
                2,
            )
            .expect("opens");
            let done = std::sync::atomic::AtomicBool::new(false);
            let counters = std::thread::scope(|scope| {
                let done = &done;
                let workers: Vec<_> = sources
                    .into_iter()
                    .map(|mut source| {
                        scope.spawn(move || {
                            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                                take(&mut source, |_| {}, 1);
                                if source.wait(std::time::Duration::from_millis(20)).is_err() {
                                    break;
                                }
                            }
                            finish(&mut source)
                        })
                    })
                    .collect();
                Sender::open(Lab::TX).send_at(&frames, count, rate);
                done.store(true, std::sync::atomic::Ordering::Relaxed);
                workers
                    .into_iter()
                    .map(|worker| worker.join().expect("worker"))
                    .collect::<Vec<_>>()
            });
            let sum = |what: fn(&portreeve_capture::SourceCounters) -> u64| {
                counters.iter().map(what).sum::<u64>()
            };
            assert_eq!(sum(|c| c.wire.expect("known")), count);
            assert_eq!(sum(|c| c.kernel_drops.expect("known")), 0);
            assert_eq!(sum(|c| c.delivered), count);
            assert!(counters.iter().all(|c| c.delivered > count / 4));
        }
    });
}

#[test]
fn shares_are_the_same_after_the_interface_was_down() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut sources = AfPacketSource::open_fanout(&config(), 3).expect("opens");
        let frames: Vec<Vec<u8>> = (0..300)
            .map(|port| Packet::udp4(A, B, 1000 + port, 443).build(60))
            .collect();
        let sender = Sender::open(Lab::TX);
        sender.send(&frames, 300);
        lab.namespace()
            .ip(&format!("link set dev {} down", Lab::RX));
        lab.namespace().ip(&format!("link set dev {} up", Lab::RX));
        lab.wait_for_carrier();
        sender.send(&frames, 300);
        for source in &mut sources {
            source.stop();
            let mut ports = std::collections::BTreeMap::new();
            take(
                source,
                |frame| {
                    *ports.entry([frame.data[34], frame.data[35]]).or_insert(0) += 1;
                },
                u64::MAX,
            );
            assert!(ports.len() > 50);
            assert!(ports.values().all(|count| *count == 2), "{ports:?}");
        }
    });
}
