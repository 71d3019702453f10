//! The list of NICs as people read it.

use std::fmt::Write as _;

use portreeve_host::nics::{CapturePath, Link, Nic};

use crate::text;

/// Columns that a terminal has at least in a server room.
const WIDTH: usize = 100;

/// The table, then how each NIC could be watched.
pub(super) fn table(nics: &[Nic]) -> String {
    if nics.is_empty() {
        return "no NIC on PCI, and no interface but the loopback\n".into();
    }
    let mut out = rows(nics);
    for nic in nics {
        out.push('\n');
        ways(nic, &mut out);
    }
    out
}

fn rows(nics: &[Nic]) -> String {
    let head = [
        "NIC",
        "INTERFACE",
        "DRIVER",
        "NODE",
        "LINK",
        "QUEUES",
        "RING",
        "MTU",
        "IOMMU",
    ];
    let mut table: Vec<[String; 9]> = vec![head.map(str::to_owned)];
    let dash = || "-".to_owned();
    let number = |number: Option<u32>| number.map_or_else(dash, |n| n.to_string());
    for nic in nics {
        table.push([
            nic.address.as_ref().map_or_else(dash, ToString::to_string),
            nic.interface.clone().unwrap_or_else(dash),
            nic.driver.clone().unwrap_or_else(dash),
            nic.node.map_or_else(dash, |node| node.to_string()),
            link(nic),
            of(nic.queues, nic.queues_max),
            of(nic.ring, nic.ring_max),
            number(nic.mtu),
            nic.iommu_group
                .map_or_else(dash, |group| format!("group {group}")),
        ]);
    }
    let mut out = String::new();
    let widths: [usize; 9] = std::array::from_fn(|column| {
        let longest = table.iter().map(|row| row[column].chars().count()).max();
        longest.unwrap_or(0)
    });
    for row in &table {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn link(nic: &Nic) -> String {
    match (nic.link, nic.speed) {
        (Link::Up, Some(speed)) if speed % 1000 == 0 => format!("{}G", speed / 1000),
        (Link::Up, Some(speed)) => format!("{speed}M"),
        (Link::Up, None) => "up".into(),
        (Link::NoCarrier, _) => "no link".into(),
        (Link::Down, _) => "down".into(),
        (Link::Unknown, _) => "-".into(),
    }
}

fn of(now: Option<u32>, most: Option<u32>) -> String {
    match (now, most) {
        (Some(now), Some(most)) => format!("{now} of {most}"),
        (Some(now), None) => now.to_string(),
        (None, _) => "-".into(),
    }
}

fn ways(nic: &Nic, out: &mut String) {
    let place = match (&nic.interface, &nic.address) {
        (Some(interface), Some(address)) => format!("{interface}, {address}, {}", nic.name),
        (Some(interface), None) => format!("{interface}, {}", nic.name),
        (None, Some(address)) => format!("{address}, {}", nic.name),
        (None, None) => nic.name.clone(),
    };
    let mut facts = nic.used_for.clone();
    if let Some(driver) = &nic.bound_from {
        facts.push(format!("goes back to {driver} with portreeve nic unbind"));
    }
    if !nic.group_others.is_empty() {
        let others: Vec<String> = nic
            .group_others
            .iter()
            .map(|(address, driver)| match driver {
                Some(driver) => format!("{address} ({driver})"),
                None => address.to_string(),
            })
            .collect();
        facts.push(format!(
            "shares its IOMMU group with {}",
            others.join(" and ")
        ));
    }
    let line = if facts.is_empty() {
        place
    } else {
        format!("{place}: {}", facts.join(", "))
    };
    for (i, line) in text::wrap(&line, WIDTH - 4).iter().enumerate() {
        let indent = if i == 0 { "" } else { "    " };
        let _ = writeln!(out, "{indent}{line}");
    }
    if let Some(why) = &nic.no_dpdk {
        for (i, line) in text::wrap(why, WIDTH - 12).iter().enumerate() {
            let path = if i == 0 { "dpdk" } else { "" };
            let _ = writeln!(out, "  {path:8}  {line}");
        }
    }
    for way in &nic.ways {
        let path = match way.path {
            CapturePath::Dpdk => "dpdk",
            CapturePath::AfXdp => "afxdp",
            CapturePath::AfPacket => "afpacket",
        };
        let prepare = way.prepare.as_deref();
        if let Some(prepare) = prepare {
            let _ = writeln!(out, "  {path:8}  {prepare}");
        }
        let path = if prepare.is_some() { "" } else { path };
        let _ = writeln!(out, "  {path:8}  {:34}  # {}", way.command, way.note);
    }
}

#[cfg(test)]
mod tests {
    use portreeve_host::nics::Way;

    use super::*;

    #[test]
    fn a_busy_nic_fits_a_hundred_columns() {
        let nic = Nic {
            address: "3b:00.0".parse().ok(),
            interface: Some("enp59s0f0np0".into()),
            name: "Intel X710".into(),
            driver: Some("uio_pci_generic".into()),
            bound_from: Some("i40e".into()),
            node: Some(1),
            iommu_group: Some(114),
            group_others: vec![("3b:00.1".parse().unwrap(), Some("i40e".into()))],
            link: Link::Up,
            speed: Some(10_000),
            queues: Some(16),
            queues_max: Some(64),
            ring: Some(512),
            ring_max: Some(4096),
            mtu: Some(9000),
            addresses: vec![],
            no_dpdk: None,
            used_for: vec![
                "carries your SSH session".into(),
                "carries the default route".into(),
                "has the address 2001:db8:1234:5678::1/64".into(),
            ],
            ways: vec![Way {
                path: CapturePath::Dpdk,
                note: "by vfio-pci or igb_uio or uio_pci_generic".into(),
                prepare: Some(
                    "sudo portreeve nic bind 0000:3b:00.0 --driver vfio-pci --take-over".into(),
                ),
                command: "portreeve -i dpdk:0000:3b:00.0".into(),
            }],
        };
        let text = table(&[nic]);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{}: {line}", line.len());
        }
        assert!(text.contains("16 of 64") && text.contains("10G"), "{text}");
        assert!(text.contains("goes back to i40e"), "{text}");
    }
}
