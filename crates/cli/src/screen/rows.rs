//! Rows of talkers: what the summary at the end of a file is made of.

use std::cmp::Reverse;
use std::net::IpAddr;

use portreeve_engine::talkers::Volume;

use super::Sort;
use crate::text;

/// One line of a table: who, and how much of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub who: String,
    /// How much (a second on the live screen; in all in a summary).
    pub volume: Volume,
}

/// Puts rows into the order asked for; ties by name, so that rows do not jump.
pub fn sort(rows: &mut [Row], by: Sort) {
    rows.sort_by(|a, b| {
        let measure = |row: &Row| match by {
            Sort::Bytes => row.volume.bytes(),
            Sort::Packets => row.volume.packets,
            Sort::Out => row.volume.bytes_out,
            Sort::In => row.volume.bytes_in,
        };
        Reverse(measure(a))
            .cmp(&Reverse(measure(b)))
            .then_with(|| a.who.cmp(&b.who))
    });
}

/// A flow as text: `10.0.0.1:40000 > 192.0.2.7:443 tcp`.
#[must_use]
pub fn flow_name(protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16)) -> String {
    let has_ports = matches!(protocol, 6 | 17 | 132 | 136);
    let end = |(ip, port): (IpAddr, u16)| match ip {
        _ if !has_ports => ip.to_string(),
        IpAddr::V4(ip) => format!("{ip}:{port}"),
        IpAddr::V6(ip) => format!("[{ip}]:{port}"),
    };
    format!(
        "{} > {} {}",
        end(from),
        end(to),
        text::protocol_name(protocol)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_named_from_client_to_server() {
        let four = flow_name(
            6,
            ("10.0.0.2".parse().unwrap(), 40_000),
            ("10.0.0.1".parse().unwrap(), 443),
        );
        assert_eq!(four, "10.0.0.2:40000 > 10.0.0.1:443 tcp");
        let six = flow_name(
            58,
            ("fe80::1".parse().unwrap(), 0),
            ("ff02::1".parse().unwrap(), 0),
        );
        assert_eq!(six, "fe80::1 > ff02::1 icmp6");
    }

    #[test]
    fn rows_are_sorted_by_what_was_asked_for() {
        let row = |who: &str, bytes_out, bytes_in, packets| Row {
            who: who.into(),
            volume: Volume {
                bytes_out,
                bytes_in,
                packets,
            },
        };
        let mut rows = [row("a", 1, 9, 5), row("b", 6, 2, 1), row("c", 1, 1, 9)];
        for (by, order) in [
            (Sort::Bytes, "abc"),
            (Sort::Packets, "cab"),
            (Sort::Out, "bac"),
            (Sort::In, "abc"),
        ] {
            sort(&mut rows, by);
            let names: String = rows.iter().map(|row| row.who.as_str()).collect();
            assert_eq!(names, order, "{by:?}");
        }
    }
}
