//! Known packets: how many of which conversation, and how many bytes, is worked out as they are made.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use portreeve_netlab::Packet;
use portreeve_tests::conn::Line;

use crate::fault::{About, Outcome, ensure};

/// Conversations that the packets belong to.
const CONVERSATIONS: u64 = 16;
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

/// What was sent so far, by conversation: the port of the client.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    sent: u64,
    sums: BTreeMap<u64, Sum>,
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
        let (client, server) = ([10, 1, 0, conversation as u8], [10, 2, 0, 1]);
        let packet = if number.is_multiple_of(2) {
            Packet::udp4(client, server, port as u16, 5_000)
        } else {
            Packet::udp4(server, client, 5_000, port as u16)
        };
        let frame = packet.build(length);
        let sum = self.sums.entry(port).or_default();
        sum.packets += 1;
        sum.bytes += frame.len() as u64 - 14;
        frame
    }

    /// Whether the `conn` records hold exactly what was sent.
    ///
    /// # Errors
    /// They do not.
    pub fn check(&self, records: &[Line]) -> Outcome<()> {
        let mut found: BTreeMap<u64, Sum> = BTreeMap::new();
        for record in records.iter().filter(|record| record.path() == "conn") {
            let sum = found.entry(record.count("id.orig_p")).or_default();
            sum.packets += record.count("orig_pkts") + record.count("resp_pkts");
            sum.bytes += record.count("orig_ip_bytes") + record.count("resp_ip_bytes");
        }
        ensure(found == self.sums, || {
            format!("conn records hold {found:?}\nsent were {:?}", self.sums)
        })
    }
}

/// The host's end of a cable.
pub struct Feeder {
    socket: UnixDatagram,
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
        Ok(Feeder { socket })
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
            self.socket
                .send(&frame)
                .about(format!("packet {number} of {count}"))?;
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
        let sums = traffic.sums.values();
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
        let sum = traffic.sums[&10_000];
        let text = |bytes: u64| {
            format!(
                r#"{{"_path":"conn","id.orig_p":10000,"orig_pkts":1,"orig_ip_bytes":46,"resp_pkts":1,"resp_ip_bytes":{bytes}}}"#
            )
        };
        let right = portreeve_tests::conn::read(&text(sum.bytes - 46));
        assert_eq!(traffic.check(&right), Ok(()));
        assert!(
            traffic
                .check(&portreeve_tests::conn::read(&text(46)))
                .is_err()
        );
    }
}
