//! What a port's counters are worth, and how they become accounts that balance at any moment.
//!
//! libdpdk has the same counters for every port; what stands behind them differs from driver to driver.
//!
//! | kind | drivers | `ipackets` | `imissed` |
//! | --- | --- | --- | --- |
//! | [`Kind::Counting`] | NICs | all that arrived whole, whether it was fetched or not | dropped for want of descriptors |
//! | [`Kind::Refusing`] | `net_memif`, `net_vhost`, `net_virtio_user`, `net_ring`, `net_null`, `net_pcap` with a file | what was fetched | always 0, and rightly: the sender is refused when the ring is full |
//! | [`Kind::Blind`] | `net_af_packet`, `net_tap`, `net_virtio`, `net_pcap` and `net_virtio_user` on an interface | what was fetched | always 0, though the kernel or the host drops: unknown |
//! | [`Kind::PartlyBlind`] | `net_af_xdp` | what was fetched | what AF_XDP dropped; what the interface dropped in front of it is unknown |
//!
//! `rx_nombuf` is a cause of misses and no account of its own: a NIC whose ring gets no buffer misses the next frame and counts it there. But
//! `net_pcap` and `net_tap` have taken the frame by then, and lose it ([`loses_without_buffer`]).
//!
//! # One port, several queues
//!
//! Most counters are the port's. Its first source keeps the port's books: its `wire` is what the port saw less what the others were lent, its
//! `in_flight` what the rings hold; the others' `wire` is what they were lent. The sums are right whenever they are read.

use portreeve_dpdk_sys::pr_port_stats;

use super::device::Device;
use crate::counters::SourceCounters;

/// What a driver's counters know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All that arrives, and what of it was missed.
    Counting,
    /// What was fetched; nothing is missed, since senders are refused.
    Refusing,
    /// What was fetched; what was missed is unknown.
    Blind,
    /// What was fetched, and some of what was missed.
    PartlyBlind,
}

/// What the counters of this driver know.
pub(super) fn kind(driver: &str, device: &Device) -> Kind {
    match driver {
        "net_null" | "net_ring" | "net_memif" | "net_vhost" => Kind::Refusing,
        // Towards the kernel (vhost-net) it stands on an interface that drops when it is full.
        "net_virtio_user"
            if device
                .argument("path")
                .is_some_and(|path| path.starts_with("/dev/")) =>
        {
            Kind::Blind
        }
        "net_virtio_user" => Kind::Refusing,
        "net_pcap" if device.argument("rx_pcap").is_some() => Kind::Refusing,
        "net_pcap" | "net_af_packet" | "net_tap" | "net_virtio" => Kind::Blind,
        "net_af_xdp" => Kind::PartlyBlind,
        _ => Kind::Counting,
    }
}

/// Whether a frame for which there is no buffer is lost and counted nowhere else.
pub(super) fn loses_without_buffer(driver: &str) -> bool {
    matches!(driver, "net_pcap" | "net_tap")
}

/// The port's side of the books, at one moment: what it counted since it was opened, and what its sources were lent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PortBooks {
    pub(super) packets: u64,
    pub(super) missed: u64,
    pub(super) errors: u64,
    /// Lent to the sources other than the one that keeps the books.
    pub(super) lent_to_others: u64,
    /// The most that all rings together hold.
    pub(super) room: u64,
}

/// The accounts of the source that keeps the port's books.
pub(super) fn of_keeper(
    kind: Kind,
    port: &PortBooks,
    own: SourceCounters,
    drained: bool,
) -> SourceCounters {
    let lent = own.delivered + port.lent_to_others;
    let (missed, errors) = (port.missed, port.errors);
    let known = matches!(kind, Kind::Counting | Kind::Refusing);
    // The counters were read a moment ago: what was lent since did arrive.
    let arrived = port.packets.max(lent);
    let waiting = arrived - lent;
    // What rings cannot hold is on no way to us: it stays unaccounted. At the end nothing is on its way.
    let in_flight = if drained { 0 } else { waiting.min(port.room) };
    SourceCounters {
        wire: known.then(|| arrived + missed + errors - port.lent_to_others),
        nic_missed: (kind != Kind::Blind).then_some(missed),
        nic_errors: Some(errors),
        kernel_drops: known.then_some(0),
        filtered: Some(0),
        in_flight: known.then_some(in_flight),
        ..own
    }
}

/// The accounts of the other sources.
pub(super) fn of_other(kind: Kind, own: SourceCounters) -> SourceCounters {
    let known = matches!(kind, Kind::Counting | Kind::Refusing);
    SourceCounters {
        wire: known.then_some(own.delivered),
        nic_missed: (kind != Kind::Blind).then_some(0),
        nic_errors: Some(0),
        kernel_drops: known.then_some(0),
        filtered: Some(0),
        in_flight: known.then_some(0),
        ..own
    }
}

/// What was counted between two readings, with `rx_nombuf` where it is a loss.
pub(super) fn since(
    start: &pr_port_stats,
    now: &pr_port_stats,
    loses_without_buffer: bool,
) -> (u64, u64, u64) {
    let no_buffer = if loses_without_buffer {
        now.no_buffer.saturating_sub(start.no_buffer)
    } else {
        0
    };
    (
        now.packets.saturating_sub(start.packets),
        now.missed.saturating_sub(start.missed) + no_buffer,
        now.errors.saturating_sub(start.errors),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lent(delivered: u64) -> SourceCounters {
        SourceCounters {
            delivered,
            ..SourceCounters::default()
        }
    }

    fn kind_of(driver: &str, device: &str) -> Kind {
        kind(driver, &Device::parse(device).unwrap())
    }

    #[test]
    fn a_zero_is_no_proof_where_the_driver_cannot_know() {
        assert_eq!(kind_of("net_ixgbe", "0000:3b:00.0"), Kind::Counting);
        assert_eq!(
            kind_of("net_af_packet", "net_af_packet0,iface=eth0"),
            Kind::Blind
        );
        assert_eq!(
            kind_of("net_pcap", "net_pcap0,rx_pcap=a.pcap"),
            Kind::Refusing
        );
        assert_eq!(kind_of("net_pcap", "net_pcap0,iface=eth0"), Kind::Blind);
        assert_eq!(
            kind_of("net_virtio_user", "net_virtio_user0,path=/run/a.sock"),
            Kind::Refusing
        );
        assert_eq!(
            kind_of("net_virtio_user", "net_virtio_user0,path=/dev/vhost-net"),
            Kind::Blind
        );
        let blind = of_keeper(
            Kind::Blind,
            &PortBooks {
                packets: 5,
                ..PortBooks::default()
            },
            lent(5),
            true,
        );
        assert_eq!((blind.wire, blind.nic_missed), (None, None));
    }

    #[test]
    fn the_queues_sums_are_the_ports() {
        let port = PortBooks {
            packets: 1000,
            missed: 7,
            errors: 3,
            lent_to_others: 600,
            room: 4096,
        };
        let keeper = of_keeper(Kind::Counting, &port, lent(350), false);
        let other = of_other(Kind::Counting, lent(600));
        let sum = |a: Option<u64>, b: Option<u64>| a.unwrap() + b.unwrap();
        assert_eq!(sum(keeper.wire, other.wire), 1010);
        assert_eq!(sum(keeper.nic_missed, other.nic_missed), 7);
        assert_eq!(sum(keeper.in_flight, other.in_flight), 50);
        let accounts = 7 + 3 + 50 + 350 + 600;
        assert_eq!(sum(keeper.wire, other.wire), accounts);
    }

    #[test]
    fn what_the_rings_cannot_hold_is_unaccounted() {
        let port = PortBooks {
            packets: 10_000,
            room: 4096,
            ..PortBooks::default()
        };
        let running = of_keeper(Kind::Counting, &port, lent(5000), false);
        assert_eq!(
            running.wire.unwrap() - running.in_flight.unwrap() - running.delivered,
            904
        );
        // And at the end, whatever is missing.
        let port = PortBooks {
            packets: 5001,
            room: 4096,
            ..PortBooks::default()
        };
        let ended = of_keeper(Kind::Counting, &port, lent(5000), true);
        assert_eq!(
            ended.wire.unwrap() - ended.in_flight.unwrap() - ended.delivered,
            1
        );
    }

    #[test]
    fn counters_that_were_read_before_the_last_burst_do_not_unbalance_the_books() {
        let port = PortBooks {
            packets: 90,
            room: 64,
            ..PortBooks::default()
        };
        let counters = of_keeper(Kind::Counting, &port, lent(100), false);
        assert_eq!((counters.wire, counters.in_flight), (Some(100), Some(0)));
    }

    #[test]
    fn a_frame_without_a_buffer_is_lost_with_some_drivers_only() {
        let start = pr_port_stats {
            packets: 10,
            missed: 1,
            errors: 0,
            no_buffer: 4,
        };
        let now = pr_port_stats {
            packets: 30,
            missed: 3,
            errors: 5,
            no_buffer: 14,
        };
        assert_eq!(since(&start, &now, false), (20, 2, 5));
        assert_eq!(
            since(&start, &now, loses_without_buffer("net_tap")),
            (20, 12, 5)
        );
        // A driver that began anew.
        assert_eq!(since(&now, &start, false), (0, 0, 0));
    }
}
