//! What `portreeve init` writes: pure, from what was found.

use std::fmt::Write as _;

use super::look::{Found, Host};
use super::{history, web};

/// Bytes of a GiB.
pub(super) const GIB: u64 = 1 << 30;
/// Bytes of a MiB.
pub(super) const MIB: u64 = 1 << 20;
/// The most memory that is proposed: 17 million flows.
const MOST_MEMORY: u64 = 4 * GIB;
/// What a flow takes, in bytes.
const FLOW: u64 = 256;
/// Private networks (RFC 1918, RFC 4193, link-local): what is ours, mostly.
const PRIVATE: [&str; 5] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// A commented configuration for this host.
#[must_use]
pub fn configuration(host: &Host) -> String {
    let mut text = format!(
        "# Portreeve on {}, as portreeve {} found it (portreeve init). What is not said here is as the reference has it:\n\
         # portreeve reference. Is this file right? portreeve --check --config FILE\n\n",
        host.name,
        env!("CARGO_PKG_VERSION")
    );
    let _ = writeln!(
        text,
        "# Name of this sensor in records.\nsensor = {}\n",
        quoted(&host.name)
    );
    local_nets(&mut text, host);
    capture(&mut text, host);
    engine(&mut text, host);
    history::section(&mut text, host);
    web::section(&mut text, host);
    text.push_str(OUTPUT);
    alerts(&mut text, host);
    text
}

/// As a string of TOML.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| quoted(&item)).collect();
    format!("[{}]", items.join(", "))
}

fn local_nets(text: &mut String, host: &Host) {
    let mut nets: Vec<String> = PRIVATE.map(str::to_owned).to_vec();
    let private: Vec<ipnet::IpNet> = PRIVATE.iter().filter_map(|net| net.parse().ok()).collect();
    for net in host.interfaces.iter().flat_map(|found| &found.networks) {
        let known = private.iter().any(|private| private.contains(net));
        let shown = net.to_string();
        if !known && !nets.contains(&shown) {
            nets.push(shown);
        }
    }
    let _ = writeln!(
        text,
        "# Networks that are ours: private ones and those of this host's addresses. Add what is behind a mirror port.\nlocal_nets = {}\n",
        list(nets)
    );
}

/// What is watched: ports with a link that the host does not use, which are mirror ports or taps; else the interface of the default route; else any.
fn chosen(host: &Host) -> (Vec<&Found>, &'static str) {
    let up = || host.interfaces.iter().filter(|found| found.up);
    let free: Vec<&Found> = up().filter(|found| found.used_for.is_empty()).collect();
    if !free.is_empty() {
        return (
            free,
            "those with a link that this host does not use itself: a mirror port or a tap, probably",
        );
    }
    if let Some(found) = up().find(|found| found.default_route) {
        return (vec![found], "the one of the default route");
    }
    let first: Vec<&Found> = up().take(1).collect();
    (first, "the first with a link")
}

fn capture(text: &mut String, host: &Host) {
    text.push_str("[capture]\n# What there is:\n");
    for found in &host.interfaces {
        let link = match (found.up, found.speed) {
            (false, _) => "no link".to_owned(),
            (true, Some(speed)) if speed >= 1000 && speed % 1000 == 0 => {
                format!("{} Gbit/s", speed / 1000)
            }
            (true, Some(speed)) => format!("{speed} Mbit/s"),
            (true, None) => "up".to_owned(),
        };
        let queues = match found.queues {
            Some(1) => ", 1 queue".to_owned(),
            Some(queues) => format!(", {queues} queues"),
            None => String::new(),
        };
        let used = if found.used_for.is_empty() {
            "not used by this host".to_owned()
        } else {
            found.used_for.join(", ")
        };
        let _ = writeln!(
            text,
            "#   {}: {}, {link}{queues}; {used}",
            found.name, found.driver
        );
    }
    let (chosen, why) = chosen(host);
    if chosen.is_empty() {
        text.push_str("# None has a link: name one. With none, the one of the default route.\n#interfaces = [\"eth0\"]\n\n");
        return;
    }
    let names = chosen.iter().map(|found| found.name.clone());
    let _ = writeln!(text, "# Watched: {why}.\ninterfaces = {}", list(names));
    let faster = chosen
        .iter()
        .filter(|found| found.afxdp && found.used_for.is_empty());
    for found in faster {
        let _ = writeln!(
            text,
            "# Faster, since nothing else needs it: \"afxdp:{0}\" for {0} (docs/afxdp.md).",
            found.name
        );
    }
    text.push('\n');
}

/// Rounded down to something that reads well.
pub(super) fn even(bytes: u64) -> String {
    match bytes {
        GIB.. => format!("{}GiB", bytes / GIB),
        _ => format!("{}MiB", (bytes / MIB / 64 * 64).max(64)),
    }
}

fn engine(text: &mut String, host: &Host) {
    let isolated = match host.isolated {
        0 => String::new(),
        count => format!(", {count} of them isolated"),
    };
    let nodes = match host.nodes {
        1 => String::new(),
        count => format!(" on {count} NUMA nodes"),
    };
    let plural = if host.workers == 1 { "" } else { "s" };
    let memory = (host.memory / 4).min(MOST_MEMORY);
    let _ = write!(
        text,
        "[engine]\n# {} processors{isolated}{nodes}: auto makes {} worker{plural}.\nworkers = \"auto\"\n\
         # For flows, taken at the start and never exceeded: about {} at the same time. This host has {}.\nmemory = \"{}\"\n\n",
        host.processors,
        host.workers,
        millions(memory / FLOW),
        even(host.memory),
        even(memory)
    );
    text.push_str("[memory]\n");
    if host.huge_pages.is_empty() {
        let pages = memory.div_ceil(2 * MIB);
        let _ = writeln!(
            text,
            "# No huge pages are reserved. With them packets find their flow sooner: sudo portreeve nic hugepages 2MiB={pages}"
        );
    } else {
        let pools = host.huge_pages.iter();
        let pools: Vec<String> = pools
            .map(|(size, count)| format!("{count} of {}", even_page(*size)))
            .collect();
        let _ = writeln!(text, "# Huge pages that are free: {}.", pools.join(", "));
    }
    text.push_str("huge_pages = \"auto\"\n\n");
}

fn even_page(bytes: u64) -> String {
    match bytes {
        GIB.. => format!("{} GiB", bytes / GIB),
        _ => format!("{} MiB", bytes / MIB),
    }
}

/// A large number that reads well.
pub(super) fn millions(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{} thousand", count / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} million", count as f64 / 1e6),
        _ => format!("{:.1} thousand million", count as f64 / 1e9),
    }
}

const OUTPUT: &str = "\
[output]
# Zeek-compatible logs beside the history.
#log_dir = \"/var/log/portreeve\"
#rotate_every = \"1h\"
#compress = \"zstd\"
#keep_for = \"7d\"

";

fn alerts(text: &mut String, host: &Host) {
    text.push_str("[alerts]\n# Who is told beside the journal, the records and the dashboard: a POST of JSON for each.\n#webhook = \"https://alerts.example.org/portreeve\"\n");
    let (watched, _) = chosen(host);
    let speed = watched.iter().filter_map(|found| found.speed).min();
    if let Some(speed) = speed.filter(|speed| *speed > 0) {
        let _ = write!(
            text,
            "# More than nine tenths of what a link carries one way.\n#interface_rate_above = \"{}Mbit/s\"\n",
            u64::from(speed) * 9 / 10
        );
    }
    text.push_str("# A mirror port that went silent.\n#interface_rate_below = \"1kbit/s\"\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::Listen;
    use crate::config::{Config, Layers};

    fn found(name: &str, up: bool, used_for: &[&str]) -> Found {
        Found {
            name: name.into(),
            driver: "ixgbe".into(),
            up,
            speed: up.then_some(10_000),
            queues: Some(8),
            used_for: used_for.iter().map(ToString::to_string).collect(),
            afxdp: true,
            ..Found::default()
        }
    }

    fn host(interfaces: Vec<Found>) -> Host {
        Host {
            name: "probe \"7\"".into(),
            interfaces,
            processors: 16,
            isolated: 8,
            nodes: 2,
            workers: 8,
            memory: 64 * GIB,
            huge_pages: vec![(2 * MIB, 1024)],
            disk: 500 * GIB,
        }
    }

    /// The configuration, read as a run reads it; with what is commented out, if asked for.
    fn read(text: &str, with_comments: bool) -> Config {
        let text: String = text
            .lines()
            .map(|line| {
                // A commented-out key has no space behind its mark.
                let key = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
                format!("{}\n", key.filter(|_| with_comments).unwrap_or(line))
            })
            .collect();
        let mut layers = Layers::default();
        layers
            .file(std::path::Path::new("made.toml"), &text)
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        Config::from_layers(&layers).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
    }

    #[test]
    fn a_host_with_a_mirror_port_watches_that() {
        let mut management = found("eth0", true, &["the default route"]);
        management.default_route = true;
        management.networks = vec!["198.51.100.0/24".parse().unwrap()];
        let ports = vec![
            management,
            found("eth1", true, &[]),
            found("eth2", false, &[]),
        ];
        let text = configuration(&host(ports));
        let config = read(&text, false);
        assert_eq!(config.capture.interfaces, ["eth1"]);
        assert_eq!(config.general.sensor.as_deref(), Some("probe \"7\""));
        let ours: Vec<String> = config
            .general
            .local_nets
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(ours.contains(&"198.51.100.0/24".to_owned()), "{ours:?}");
        assert_eq!(config.engine.memory.map(|size| size.0), Some(4 * GIB));
        assert_eq!(config.store.keep_size.0, 250 * GIB);
        assert_eq!(config.store.keep_for.0.as_secs(), 30 * 86_400);
        assert!(text.contains("500GiB that are free"), "{text}");
        // The dashboard is for this host until somebody may look.
        let here = Listen::At(portreeve_web::DEFAULT_LISTEN);
        assert_eq!(config.web.listen, here);
        assert!(config.web.users_file.is_none() && config.web.certificate.is_none());
        assert!(text.contains("afxdp:eth1"), "{text}");
        assert!(text.contains("1024 of 2 MiB"), "{text}");
        // What is commented out is right as well.
        let all = read(&text, true);
        assert_eq!(
            all.alerts.interface_rate_above.map(|rate| rate.0),
            Some(9_000_000_000)
        );
        assert!(all.alerts.webhook.is_some() && all.output.log_dir.is_some());
        assert!(
            all.web.users_file.is_some() && all.web.certificate.is_some() && all.web.key.is_some()
        );
        assert!(all.store.path.is_some());
    }

    #[test]
    fn a_small_machine_watches_its_only_interface() {
        let mut only = found("ens3", true, &["an address", "the default route"]);
        only.default_route = true;
        let small = Host {
            memory: 800 * MIB,
            disk: 3 * GIB,
            huge_pages: Vec::new(),
            workers: 1,
            ..host(vec![only])
        };
        let text = configuration(&small);
        let config = read(&text, false);
        assert_eq!(config.capture.interfaces, ["ens3"]);
        assert_eq!(config.engine.memory.map(|size| size.0), Some(192 * MIB));
        assert_eq!(config.store.keep_size.0, GIB);
        assert_eq!(config.store.keep_for.0.as_secs(), 7 * 86_400);
        assert_eq!(config.store.memory.0, 64 * MIB);
        assert!(text.contains("nic hugepages 2MiB=100"), "{text}");
        assert!(!text.contains("afxdp:"), "{text}");
    }

    #[test]
    fn a_machine_without_a_link_says_so() {
        let text = configuration(&host(vec![found("eth0", false, &[])]));
        assert!(read(&text, false).capture.interfaces.is_empty());
        assert!(text.contains("None has a link"), "{text}");
    }
}
