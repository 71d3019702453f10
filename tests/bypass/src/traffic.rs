//! Known packets: how many of which conversation, and how many bytes, is worked out as they are made.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use portreeve_netlab::{Namespace, Packet, Sender};
use portreeve_tests::conn::Line;

use crate::fault::{About, Outcome, ensure};

/// Conversations that the packets belong to.
const CONVERSATIONS: u64 = 16;
/// The server's port.
const SERVER: u16 = 5_000;
/// A NIC that takes nothing for so long is not going to.
const PATIENCE: Duration = Duration::from_secs(60);

/// Packets and IP bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Packets.
    pub packets: u64,
    /// Bytes from the IP header on.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, packets: u64, bytes: u64) {
        self.packets += packets;
        self.bytes += bytes;
    }
}

/// What was sent so far, by conversation (the port of the client): by the client and by the server.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    sent: u64,
    sums: BTreeMap<u64, [Sum; 2]>,
}

impl Traffic {
    /// Packets so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The next packet: conversations take turns, and each side of one does. Lengths differ from packet to packet, so that one that came twice cannot stand for one that
    /// was lost.
    pub fn next_frame(&mut self) -> Vec<u8> {
        let number = self.sent;
        self.sent += 1;
        let conversation = number / 2 % CONVERSATIONS;
        let port = 10_000 + conversation;
        let length = 60 + (number * 211 % 1_200) as usize;
        // A byte that the port's does not cancel out where all words are added up: NICs hash the conversations to different values.
        let (client, server) = ([10, 1, conversation as u8, 1], [10, 2, 0, 1]);
        let packet = if number.is_multiple_of(2) {
            Packet::udp4(client, server, port as u16, SERVER)
        } else {
            Packet::udp4(server, client, SERVER, port as u16)
        };
        let frame = packet.build(length);
        let sums = self.sums.entry(port).or_default();
        sums[(number % 2) as usize].add(1, frame.len() as u64 - 14);
        frame
    }

    /// Whether the `conn` records hold exactly what was sent, in however many records, and whoever began: a card with several queues may hand an answer over
    /// before its question.
    ///
    /// # Errors
    /// They do not.
    pub fn check(&self, records: &[Line]) -> Outcome<()> {
        let mut found: BTreeMap<u64, Sum> = BTreeMap::new();
        for (port, sides) in flows(records, client_port) {
            let sum = found.entry(port).or_default();
            for side in sides {
                sum.add(side.packets, side.bytes);
            }
        }
        let mut sent = self.sums.clone();
        let sent: BTreeMap<u64, Sum> = sent
            .iter_mut()
            .map(|(port, [client, server])| {
                client.add(server.packets, server.bytes);
                (*port, *client)
            })
            .collect();
        ensure(found == sent, || {
            format!("conn records hold {found:?}\nsent were {sent:?}")
        })
    }

    /// Whether each conversation is one `conn` record with what its client sent and what its server did.
    ///
    /// # Errors
    /// It is not.
    pub fn check_flows(&self, records: &[Line]) -> Outcome<()> {
        let mut found: Vec<(u64, [Sum; 2])> =
            flows(records, |record| record.count("id.orig_p")).collect();
        found.sort_unstable_by_key(|(port, _)| *port);
        let sent: Vec<(u64, [Sum; 2])> = self.sums.iter().map(|(k, v)| (*k, *v)).collect();
        ensure(found == sent, || {
            format!("conn records are {found:?}\nsent were {sent:?}")
        })
    }
}

/// The client's port of a conversation, whoever began.
fn client_port(record: &Line) -> u64 {
    match record.count("id.orig_p") {
        port if port == u64::from(SERVER) => record.count("id.resp_p"),
        port => port,
    }
}

/// Each `conn` record: a port that names the conversation, and what either side sent.
fn flows(records: &[Line], port: impl Fn(&Line) -> u64) -> impl Iterator<Item = (u64, [Sum; 2])> {
    let conns = records.iter().filter(|record| record.path() == "conn");
    conns.map(move |record| {
        let side = |packets, bytes| Sum {
            packets: record.count(packets),
            bytes: record.count(bytes),
        };
        let sides = [
            side("orig_pkts", "orig_ip_bytes"),
            side("resp_pkts", "resp_ip_bytes"),
        ];
        (port(record), sides)
    })
}

/// The host's end of a cable.
pub enum Feeder {
    /// A NIC's socket.
    Socket(UnixDatagram),
    /// A tap interface.
    Tap(Sender),
}

impl Feeder {
    /// Plugs in at a NIC's socket.
    ///
    /// # Errors
    /// There is none.
    pub fn plug(path: &Path) -> Outcome<Feeder> {
        let socket = UnixDatagram::unbound().about("a socket")?;
        socket.connect(path).about(path.display())?;
        socket.set_write_timeout(Some(PATIENCE)).about("a socket")?;
        Ok(Feeder::Socket(socket))
    }

    /// Plugs in at a tap interface of this namespace. Whoever sends more than its queue holds loses it: wait in between.
    ///
    /// # Panics
    /// There is no such interface.
    #[must_use]
    pub fn tap(namespace: &Namespace, interface: &str) -> Feeder {
        Feeder::Tap(namespace.run(|| Sender::open(interface)))
    }

    /// Sends so many further packets, at most so many a second.
    ///
    /// # Errors
    /// The NIC takes none any more.
    pub fn send(&self, traffic: &mut Traffic, count: u64, rate: u64) -> Outcome<()> {
        let begun = Instant::now();
        for number in 0..count {
            let due = Duration::from_nanos(number * 1_000_000_000 / rate.max(1));
            let ahead = due.saturating_sub(begun.elapsed());
            if ahead > Duration::from_millis(1) {
                std::thread::sleep(ahead);
            }
            let frame = traffic.next_frame();
            match self {
                Feeder::Socket(socket) => {
                    let sent = socket.send(&frame);
                    sent.about(format!("packet {number} of {count}"))?;
                }
                Feeder::Tap(sender) => {
                    sender.send(&[frame], 1);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_frames() {
        let mut traffic = Traffic::default();
        let bytes: usize = (0..100).map(|_| traffic.next_frame().len() - 14).sum();
        let sums = traffic.sums.values().flatten();
        let sum = sums.fold(Sum::default(), |a, b| Sum {
            packets: a.packets + b.packets,
            bytes: a.bytes + b.bytes,
        });
        assert_eq!((sum.packets, sum.bytes), (100, bytes as u64));
        assert_eq!(traffic.sums.len() as u64, CONVERSATIONS);
    }

    #[test]
    fn a_packet_twice_for_one_that_was_lost_is_seen() {
        let mut traffic = Traffic::default();
        let _ = traffic.next_frame();
        let _ = traffic.next_frame();
        let [client, server] = traffic.sums[&10_000];
        assert_eq!(client.bytes, 46);
        let text = |bytes: u64| {
            format!(
                r#"{{"_path":"conn","id.orig_p":10000,"orig_pkts":1,"orig_ip_bytes":46,"resp_pkts":1,"resp_ip_bytes":{bytes}}}"#
            )
        };
        let right = portreeve_tests::conn::read(&text(server.bytes));
        assert_eq!(traffic.check(&right), Ok(()));
        assert_eq!(traffic.check_flows(&right), Ok(()));
        assert!(
            traffic
                .check(&portreeve_tests::conn::read(&text(46)))
                .is_err()
        );
    }

    #[test]
    fn a_conversation_in_two_records_is_seen() {
        let mut traffic = Traffic::default();
        let _ = traffic.next_frame();
        let _ = traffic.next_frame();
        let [client, server] = traffic.sums[&10_000];
        let halves = format!(
            "{{\"_path\":\"conn\",\"id.orig_p\":10000,\"orig_pkts\":1,\"orig_ip_bytes\":{}}}\n{{\"_path\":\"conn\",\"id.orig_p\":10000,\"orig_pkts\":1,\"orig_ip_bytes\":{}}}",
            client.bytes, server.bytes
        );
        let halves = portreeve_tests::conn::read(&halves);
        assert_eq!(traffic.check(&halves), Ok(()));
        assert!(traffic.check_flows(&halves).is_err());
    }
}
