//! Rows of talkers: what the tables of the screen and the summary at the end are made of.

use std::cmp::Reverse;
use std::net::IpAddr;

use portreeve_engine::talkers::{Service, Talker, Talkers, TalkingFlow, Volume};

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

fn rows<K>(talkers: &[Talker<K>], by: Sort, name: impl Fn(&K) -> String) -> Vec<Row> {
    let mut rows: Vec<Row> = talkers
        .iter()
        .map(|talker| Row {
            who: name(&talker.who),
            volume: talker.a_second,
        })
        .collect();
    sort(&mut rows, by);
    rows
}

/// The hosts.
#[must_use]
pub fn hosts(talkers: &Talkers, by: Sort) -> Vec<Row> {
    rows(&talkers.hosts, by, IpAddr::to_string)
}

/// The services.
#[must_use]
pub fn services(talkers: &Talkers, by: Sort) -> Vec<Row> {
    rows(&talkers.services, by, service)
}

/// The flows.
#[must_use]
pub fn flows(talkers: &Talkers, by: Sort) -> Vec<Row> {
    rows(&talkers.flows, by, flow)
}

fn service(service: &Service) -> String {
    text::service(service.protocol, service.port)
}

/// A flow with the end that looks like the client first, as people read it.
fn flow(flow: &TalkingFlow) -> String {
    let (a, b) = ((flow.a, flow.a_port), (flow.b, flow.b_port));
    let (client, server) = if a.1 < b.1 { (b, a) } else { (a, b) };
    flow_name(flow.protocol, client, server)
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
        let flow = TalkingFlow {
            a: "10.0.0.1".parse().unwrap(),
            a_port: 443,
            b: "10.0.0.2".parse().unwrap(),
            b_port: 40_000,
            protocol: 6,
        };
        assert_eq!(super::flow(&flow), "10.0.0.2:40000 > 10.0.0.1:443 tcp");
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
