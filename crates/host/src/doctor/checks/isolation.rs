//! Cores that nobody else runs on.

use crate::cpus::{Cpu, Topology, format_list};
use crate::doctor::{Examination, Finding};

use super::HOST;

const ID: &str = "isolated-cores";

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let topology = &examination.topology;
    let node = examination.targets.iter().find_map(super::Target::node);
    let isolated: Vec<&Cpu> = topology.allowed().filter(|cpu| cpu.isolated).collect();
    let ids = |cpus: &[&Cpu]| format_list(&cpus.iter().map(|cpu| cpu.id).collect::<Vec<_>>());
    if isolated.is_empty() {
        let list = proposal(topology, node);
        if list.is_empty() {
            return vec![Finding::ok(ID, HOST, "there is no core to isolate")];
        }
        let found = format!(
            "no core is isolated ({} are ours): the scheduler puts other threads onto the workers' cores",
            topology.allowed().count()
        );
        let finding = if examination.is_fast() {
            Finding::costs(ID, HOST, found)
        } else {
            Finding::note(ID, HOST, found)
        };
        let list = format_list(&list);
        return vec![
            finding
                .why("While another thread has the core, frames pile up in the ring; at 10 Gbit/s a ring of 4096 frames is full after 275 µs, and a time slice is milliseconds.")
                .boot_with(&format!("isolcpus=managed_irq,domain,{list} nohz_full={list} rcu_nocbs={list}")),
        ];
    }
    let mut findings = Vec::new();
    let elsewhere = node.is_some() && !isolated.iter().any(|cpu| cpu.node == node);
    if let (true, Some(node)) = (elsewhere, node) {
        findings.push(
            Finding::costs(
                ID,
                HOST,
                format!(
                    "cores {} are isolated, but none of them is on node {node}, where the NIC is",
                    ids(&isolated)
                ),
            )
            .why("Across nodes every frame costs a remote memory access.")
            .boot_with(&format!(
                "isolcpus=managed_irq,domain,{}",
                format_list(&proposal(topology, Some(node)))
            )),
        );
    }
    let ticking: Vec<&Cpu> = isolated
        .iter()
        .copied()
        .filter(|cpu| !cpu.nohz_full)
        .collect();
    if !ticking.is_empty() {
        let list = ids(&ticking);
        findings.push(
            Finding::note("timer-ticks", HOST, format!("isolated cores {list} have a timer tick"))
                .why("The tick interrupts the worker some hundred times a second, a few microseconds each.")
                .boot_with(&format!("nohz_full={list} rcu_nocbs={list}")),
        );
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            ID,
            HOST,
            format!("cores {} are isolated", ids(&isolated)),
        ));
    }
    findings
}

/// Cores to isolate: of the NIC's node, all but the first physical core, which is left to the system; else of the whole machine.
fn proposal(topology: &Topology, node: Option<usize>) -> Vec<usize> {
    let Some(first) = topology.cpus.first() else {
        return Vec::new();
    };
    let free = |cpu: &&Cpu| !first.siblings.contains(&cpu.id);
    let on_node = |cpu: &&Cpu| node.is_none() || cpu.node == node;
    let mut list: Vec<usize> = topology
        .cpus
        .iter()
        .filter(|cpu| free(cpu) && on_node(cpu))
        .map(|cpu| cpu.id)
        .collect();
    if list.is_empty() {
        list = topology
            .cpus
            .iter()
            .filter(free)
            .map(|cpu| cpu.id)
            .collect();
    }
    list
}
