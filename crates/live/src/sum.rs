//! What was carried.

use portreeve_record::Conn;

/// What was carried: bytes sent by the one whose sum it is (a conversation: by its originator), bytes received, packets; and conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) packets: u64,
    pub(crate) flows: u64,
}

impl Sum {
    /// Of one record, no conversation counted.
    pub(crate) fn of(conn: &Conn) -> Self {
        Sum {
            sent: conn.orig.ip_bytes,
            received: conn.resp.ip_bytes,
            packets: conn.orig.pkts.saturating_add(conn.resp.pkts),
            flows: 0,
        }
    }

    pub(crate) fn add(&mut self, other: &Sum) {
        self.sent = self.sent.saturating_add(other.sent);
        self.received = self.received.saturating_add(other.received);
        self.packets = self.packets.saturating_add(other.packets);
        self.flows = self.flows.saturating_add(other.flows);
    }

    pub(crate) fn without(self, other: &Sum) -> Sum {
        Sum {
            sent: self.sent.saturating_sub(other.sent),
            received: self.received.saturating_sub(other.received),
            packets: self.packets.saturating_sub(other.packets),
            flows: self.flows,
        }
    }

    /// The same, seen from the other end.
    pub(crate) fn turned(self) -> Sum {
        Sum {
            sent: self.received,
            received: self.sent,
            ..self
        }
    }

    /// The same, so many conversations.
    pub(crate) fn with_flows(self, flows: u64) -> Sum {
        Sum { flows, ..self }
    }

    /// Bytes both ways.
    pub(crate) fn bytes(&self) -> u64 {
        self.sent.saturating_add(self.received)
    }
}
