//! What a tracker is made of and how it decides.

use std::net::IpAddr;

use portreeve_pages::Preference;

use crate::ports::PortSet;

/// One second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;

/// When a flow is over, in nanoseconds. The defaults are Zeek's.
///
/// All of them are judged by the times of packets: a flow whose time is over is ended when its next packet arrives, whether or
/// not [`crate::Tracker::advance`] got there, so that any number of workers gives the same records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// TCP whose handshake is over (or was never seen): no packet for this long (Zeek's `tcp_inactivity_timeout`).
    pub tcp_idle: i64,
    /// TCP whose handshake is not over: no packet for this long.
    pub tcp_handshake: i64,
    /// A first SYN that nobody answered, counted from that SYN (`tcp_attempt_delay`).
    pub tcp_attempt: i64,
    /// Closed by FIN or RST: stays this long for stragglers, counted from the close (`tcp_close_delay`).
    pub tcp_close: i64,
    /// UDP and UDP-Lite (`udp_inactivity_timeout`).
    pub udp_idle: i64,
    /// ICMP and ICMPv6 (`icmp_inactivity_timeout`).
    pub icmp_idle: i64,
    /// Every other protocol (`unknown_ip_inactivity_timeout`).
    pub other_idle: i64,
    /// How long the ports of a fragmented datagram are remembered, and its later fragments held for the first.
    pub fragment: i64,
    /// Age at which a flow that goes on yields a `conn_update`, and again every so often; 0 for never.
    pub active: i64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            tcp_idle: 300 * SECOND,
            tcp_handshake: 60 * SECOND,
            tcp_attempt: 5 * SECOND,
            tcp_close: 5 * SECOND,
            udp_idle: 60 * SECOND,
            icmp_idle: 60 * SECOND,
            other_idle: 60 * SECOND,
            fragment: 30 * SECOND,
            active: 300 * SECOND,
        }
    }
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// An address in the network.
    pub addr: IpAddr,
    /// Leading bits that count: at most 32 (IPv4) or 128 (IPv6).
    pub len: u8,
}

impl Prefix {
    /// Whether `addr` is in the network.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.addr, addr) {
            (IpAddr::V4(net), IpAddr::V4(addr)) => {
                let shift = 32 - u32::from(self.len.min(32));
                (u64::from(net.to_bits()) >> shift) == (u64::from(addr.to_bits()) >> shift)
            }
            (IpAddr::V6(net), IpAddr::V6(addr)) => {
                let shift = 128 - u32::from(self.len.min(128));
                let differ = net.to_bits() ^ addr.to_bits();
                shift == 128 || differ >> shift == 0
            }
            _ => false,
        }
    }
}

/// What a tracker is made of and how it decides.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrackerConfig {
    /// Memory for flows, in bytes: the tracker with its table and all pools is never larger, 256 bytes for each flow that it shall hold are enough (ten thousand flows
    /// at least). Only pages of 2 MiB or 1 GiB from the kernel's reserve may go beyond it, with the last page; from 128 MiB on those of 2 MiB do not.
    pub memory: usize,
    /// Touch all of the memory at start, so that no packet waits for the kernel to find a page.
    pub prefault: bool,
    /// Which huge pages are tried.
    pub huge_pages: Preference,
    /// The NUMA node that the memory is to be on: the worker's.
    pub node: Option<usize>,
    /// Seed of the table's hash: random live, so that nobody can aim at one bucket.
    pub hash_seed: u64,
    /// Seed of the uids: the same seed and packets give the same uids.
    pub uid_seed: u64,
    /// Number of this worker, for `capture_loss`.
    pub worker: u16,
    /// When flows are over.
    pub timeouts: Timeouts,
    /// How far behind others a packet may come, nanoseconds: flows whose time is over are kept for so long. Whether such a packet still belongs to one is judged by its own time, so that
    /// within this the order of packets of different flows changes no record. 0 live, where memory is worth more.
    pub lateness: i64,
    /// The networks that are ours: `local_orig` and `local_resp`. Empty: unknown.
    pub local_nets: Vec<Prefix>,
    /// Ports that speak for the responder where no handshake does (Zeek's `likely_server_ports`).
    pub server_ports: PortSet,
    /// Time between `capture_loss` records, nanoseconds; 0 for none. The first comes after a minute, or this if it is less.
    pub capture_loss_interval: i64,
    /// The most `weird` records a second of packet time; what is more is counted only.
    pub weirds_per_second: u32,
}

impl Default for TrackerConfig {
    fn default() -> Self {
        TrackerConfig {
            memory: 64 << 20,
            prefault: false,
            huge_pages: Preference::Auto,
            node: None,
            hash_seed: 0,
            uid_seed: 0,
            worker: 0,
            timeouts: Timeouts::default(),
            lateness: 0,
            local_nets: Vec::new(),
            server_ports: PortSet::default(),
            capture_loss_interval: 900 * SECOND,
            weirds_per_second: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_every_length() {
        let net = |addr: &str, len| Prefix {
            addr: addr.parse().unwrap(),
            len,
        };
        let ip = |addr: &str| addr.parse::<IpAddr>().unwrap();
        assert!(net("10.0.0.0", 8).contains(ip("10.255.1.2")));
        assert!(!net("10.0.0.0", 8).contains(ip("11.0.0.0")));
        assert!(net("10.0.0.1", 32).contains(ip("10.0.0.1")));
        assert!(!net("10.0.0.1", 32).contains(ip("10.0.0.0")));
        assert!(net("0.0.0.0", 0).contains(ip("255.255.255.255")));
        assert!(!net("0.0.0.0", 0).contains(ip("::1")));
        assert!(net("fe80::", 10).contains(ip("febf::1")));
        assert!(!net("fe80::", 10).contains(ip("fec0::1")));
        assert!(net("::", 0).contains(ip("ffff::")));
        assert!(!net("::1", 128).contains(ip("::2")));
    }
}
