//! Ports that speak for the responder: who began, where no handshake says so.

use std::sync::Arc;

/// A set of TCP, UDP and SCTP ports. Clones share its memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSet(Arc<Ports>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Ports {
    tcp: [u64; 1024],
    udp: [u64; 1024],
}

/// Zeek's `likely_server_ports` for TCP with its default scripts: the ports its analyzers register as servers'.
pub const SERVER_PORTS_TCP: &[u16] = &[
    21, 22, 25, 53, 80, 81, 88, 110, 135, 139, 143, 389, 443, 445, 502, 563, 585, 587, 614, 631,
    636, 989, 990, 992, 993, 995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269,
    5432, 6379, 6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000,
];

/// The same for UDP.
pub const SERVER_PORTS_UDP: &[u16] = &[
    53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 1812, 2123, 2152, 3268, 3544, 4789, 5060, 5072,
    5353, 5355, 6081, 20000,
];

impl PortSet {
    /// Bytes of a set, on the heap.
    pub(crate) const HEAP: usize = size_of::<Ports>();

    /// The set with no port.
    #[must_use]
    pub fn empty() -> Self {
        PortSet(Arc::new(Ports {
            tcp: [0; 1024],
            udp: [0; 1024],
        }))
    }

    /// Adds a TCP port.
    pub fn add_tcp(&mut self, port: u16) {
        Arc::make_mut(&mut self.0).tcp[usize::from(port >> 6)] |= 1 << (port & 63);
    }

    /// Adds a UDP port.
    pub fn add_udp(&mut self, port: u16) {
        Arc::make_mut(&mut self.0).udp[usize::from(port >> 6)] |= 1 << (port & 63);
    }

    /// Whether the TCP port is in the set.
    #[inline]
    #[must_use]
    pub fn has_tcp(&self, port: u16) -> bool {
        self.0.tcp[usize::from(port >> 6)] >> (port & 63) & 1 == 1
    }

    /// Whether the UDP port is in the set.
    #[inline]
    #[must_use]
    pub fn has_udp(&self, port: u16) -> bool {
        self.0.udp[usize::from(port >> 6)] >> (port & 63) & 1 == 1
    }
}

impl Default for PortSet {
    fn default() -> Self {
        let mut set = PortSet::empty();
        for port in SERVER_PORTS_TCP {
            set.add_tcp(*port);
        }
        for port in SERVER_PORTS_UDP {
            set.add_udp(*port);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_added_and_nothing_else() {
        let mut set = PortSet::empty();
        set.add_tcp(0);
        set.add_tcp(65535);
        set.add_udp(53);
        assert!(set.has_tcp(0) && set.has_tcp(65535) && set.has_udp(53));
        assert!(!set.has_tcp(53) && !set.has_udp(0) && !set.has_tcp(65534));
        assert!(PortSet::default().has_tcp(443));
    }
}
