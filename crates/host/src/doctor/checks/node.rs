//! Whether there are cores where the NIC is.

use crate::cpus::format_list;
use crate::doctor::{Examination, Finding, Target};

const ID: &str = "numa-node";

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let topology = &examination.topology;
    if topology.nodes().len() < 2 {
        return Vec::new();
    }
    let Some(node) = target.node() else {
        return Vec::new();
    };
    let name = target.name();
    let near: Vec<usize> = topology
        .allowed()
        .filter(|cpu| cpu.node == Some(node))
        .map(|cpu| cpu.id)
        .collect();
    if !near.is_empty() {
        return vec![Finding::ok(
            ID,
            name,
            format!("on node {node}, as cores {}", format_list(&near)),
        )];
    }
    let all: Vec<usize> = topology
        .cpus
        .iter()
        .filter(|cpu| cpu.node == Some(node))
        .map(|cpu| cpu.id)
        .collect();
    // Ten is the distance to oneself.
    let distance = examination
        .root
        .read(format!("sys/devices/system/node/node{node}/distance"))
        .ok()
        .and_then(|text| {
            text.split_whitespace()
                .filter_map(|d| d.parse::<u32>().ok())
                .max()
        });
    let far = distance.map_or_else(String::new, |distance| {
        format!(", {:.1} times as far", f64::from(distance) / 10.0)
    });
    vec![
        Finding::costs(ID, name, format!("it is on node {node}, and none of the cores we may use is{far}"))
            .why("Every frame then crosses from one processor's memory to the other's: a hundred nanoseconds and more, when 67 are all there is at 10 Gbit/s.")
            .fix(format!("taskset -c {} portreeve …   # in a systemd unit: CPUAffinity={}", format_list(&all), format_list(&all))),
    ]
}
