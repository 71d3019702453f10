//! What an interface is needed for: the question before it is taken from the kernel or set down.

use std::net::IpAddr;

use portreeve_interfaces::Interface;

use crate::Root;

/// The address on this machine that the terminal's SSH session came in by.
///
/// `SSH_CONNECTION` holds it: the client's address and port, then ours. sudo takes it out of the environment, so the
/// processes above this one are asked too.
#[must_use]
pub fn ssh_address(root: &Root) -> Option<IpAddr> {
    /// Deeper than shells, sudo and multiplexers are nested.
    const ANCESTORS: usize = 32;
    let mut process = "self".to_owned();
    for _ in 0..ANCESTORS {
        let folder = format!("proc/{process}");
        let environment = std::fs::read(root.path(format!("{folder}/environ"))).unwrap_or_default();
        let connection = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(b"SSH_CONNECTION="));
        if let Some(connection) = connection {
            let connection = std::str::from_utf8(connection).ok()?;
            let ours: IpAddr = connection.split(' ').nth(2)?.parse().ok()?;
            return Some(ours.to_canonical());
        }
        let status = root.read(format!("{folder}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        match parent.trim() {
            "0" => return None,
            parent => parent.clone_into(&mut process),
        }
    }
    None
}

/// Why `interface` is not free to be taken: one reason each, ready to be listed. Empty: it is.
///
/// What stands on it counts as well: a VLAN interface on it, a bridge or bond it belongs to.
#[must_use]
pub fn reasons(interface: &Interface, all: &[Interface], ssh: Option<IpAddr>) -> Vec<String> {
    let mut reasons = Vec::new();
    // Found so far, and how they depend on it; grows while it is walked through.
    let mut affected: Vec<(&Interface, String)> = vec![(interface, String::new())];
    let mut next = 0;
    while let Some((one, prefix)) = affected.get(next).cloned() {
        next += 1;
        let ssh_here = ssh.is_some_and(|ours| one.addresses.iter().any(|a| a.ip == ours));
        if ssh_here {
            reasons.push(format!("{prefix}carries your SSH session"));
        }
        if one.default_route {
            reasons.push(format!("{prefix}carries the default route"));
        }
        if one.up {
            let addresses = one.addresses.iter().filter(|a| !is_link_local(a.ip));
            reasons.extend(addresses.map(|address| format!("{prefix}has the address {address}")));
        }
        for other in all {
            let is_master = one.master == Some(other.index);
            let is_upper = other.lower == Some(one.index)
                && other.index != one.index
                && matches!(
                    other.kind.as_deref(),
                    Some("vlan" | "macvlan" | "macvtap" | "ipvlan" | "macsec")
                );
            if !(is_master || is_upper) || affected.iter().any(|(i, _)| i.index == other.index) {
                continue;
            }
            let kind = other.kind.as_deref().unwrap_or("interface");
            if is_master && one.up {
                reasons.push(format!("{prefix}belongs to the {kind} {}", other.name));
            }
            affected.push((other, format!("{} on it ", other.name)));
        }
    }
    reasons
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use portreeve_interfaces::Address;

    use super::*;

    fn interface(index: u32, name: &str) -> Interface {
        Interface {
            name: name.into(),
            index,
            up: true,
            ..Interface::default()
        }
    }

    fn address(text: &str) -> Address {
        Address {
            ip: text.parse().unwrap(),
            prefix: 24,
        }
    }

    #[test]
    fn a_bare_interface_is_free() {
        let mut tap = interface(2, "eth1");
        tap.addresses.push(address("fe80::1"));
        assert!(reasons(&tap, &[tap.clone()], None).is_empty());
    }

    #[test]
    fn what_it_is_needed_for_is_said() {
        let mut eth0 = interface(2, "eth0");
        eth0.default_route = true;
        eth0.addresses.push(address("192.0.2.7"));
        let ssh = Some("192.0.2.7".parse().unwrap());
        assert_eq!(
            reasons(&eth0, &[eth0.clone()], ssh),
            [
                "carries your SSH session",
                "carries the default route",
                "has the address 192.0.2.7/24"
            ]
        );
        // Addresses of an interface that is down serve nobody.
        eth0.up = false;
        eth0.default_route = false;
        assert!(reasons(&eth0, &[eth0.clone()], None).is_empty());
    }

    #[test]
    fn what_stands_on_it_counts() {
        let mut eth0 = interface(2, "eth0");
        eth0.master = Some(3);
        let mut bond = interface(3, "bond0");
        bond.kind = Some("bond".into());
        let mut vlan = interface(4, "bond0.7");
        vlan.kind = Some("vlan".into());
        vlan.lower = Some(3);
        vlan.default_route = true;
        // A veth's peer has the index of another namespace: no relation.
        let mut veth = interface(5, "veth0");
        veth.kind = Some("veth".into());
        veth.lower = Some(2);
        veth.default_route = true;
        let all = [eth0.clone(), bond, vlan, veth];
        assert_eq!(
            reasons(&eth0, &all, None),
            [
                "belongs to the bond bond0",
                "bond0.7 on it carries the default route"
            ]
        );
    }

    #[test]
    fn the_ssh_session_is_found_above_sudo() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        root.put("proc/self/environ", "HOME=/root\0").unwrap();
        root.put("proc/self/status", "Name:\tx\nPPid:\t40\n")
            .unwrap();
        root.put(
            "proc/40/environ",
            "SHELL=sh\0SSH_CONNECTION=198.51.100.9 50000 ::ffff:192.0.2.7 22\0",
        )
        .unwrap();
        assert_eq!(ssh_address(&root), Some("192.0.2.7".parse().unwrap()));
        root.put("proc/40/environ", "").unwrap();
        root.put("proc/40/status", "PPid:\t0\n").unwrap();
        assert_eq!(ssh_address(&root), None);
    }
}
