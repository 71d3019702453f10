//! The cores, drawn: one line for each NUMA node, threads of one physical core together.

use std::fmt::Write as _;

use portreeve_host::cpus::{Cpu, Topology};
use portreeve_host::doctor::Examination;

/// Cores in a line at most.
const IN_A_LINE: usize = 12;

/// The cores of this machine, and which NIC is where.
pub(super) fn draw(examination: &Examination) -> String {
    let topology = &examination.topology;
    let nics = |node: Option<usize>| -> Vec<String> {
        let on_node = examination.targets.iter().filter(|target| {
            // A NIC on no node in particular is on the only one.
            target.node() == node || (target.node().is_none() && topology.nodes().len() < 2)
        });
        on_node.map(portreeve_host::doctor::Target::name).collect()
    };
    drawing(topology, nics)
}

fn drawing(topology: &Topology, nics: impl Fn(Option<usize>) -> Vec<String>) -> String {
    let letter = |cpu: &Cpu| match (cpu.allowed, cpu.isolated) {
        (false, _) => 'x',
        (true, true) => 'i',
        (true, false) => '.',
    };
    let letters: Vec<char> = topology.cpus.iter().map(letter).collect();
    let mut legend = Vec::new();
    for (sign, meaning) in [
        ('.', "shared with the system"),
        ('i', "isolated"),
        ('x', "not ours to use"),
    ] {
        if letters.contains(&sign) {
            legend.push(format!("{sign} {meaning}"));
        }
    }
    if topology.has_siblings() {
        legend.push("+ threads of one core".into());
    }
    let mut out = format!("CORES  {}\n", legend.join(", "));
    let nodes: Vec<Option<usize>> = match topology.nodes() {
        nodes if nodes.is_empty() => vec![None],
        nodes => nodes.into_iter().map(Some).collect(),
    };
    for node in nodes {
        let of_node = topology
            .cpus
            .iter()
            .filter(|cpu| node.is_none() || cpu.node == node);
        let cores: Vec<String> = of_node
            .filter(|cpu| cpu.is_first_sibling())
            .map(|cpu| {
                let threads: Vec<String> = cpu
                    .siblings
                    .iter()
                    .filter_map(|id| topology.cpu(*id))
                    .map(|cpu| format!("{}{}", cpu.id, letter(cpu)))
                    .collect();
                threads.join("+")
            })
            .collect();
        let name = node.map_or_else(String::new, |node| format!("node {node}"));
        for (i, line) in cores.chunks(IN_A_LINE).enumerate() {
            let name = if i == 0 { name.as_str() } else { "" };
            let _ = writeln!(out, "  {name:8}{}", line.join("  "));
        }
        let nics = nics(node);
        if !nics.is_empty() {
            let _ = writeln!(out, "  {:8}with {}", "", nics.join(", "));
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_nodes_with_threads() {
        let cpu = |id: usize| Cpu {
            id,
            allowed: id != 3,
            isolated: id % 4 == 1,
            siblings: vec![id % 4, id % 4 + 4],
            node: Some(id % 4 / 2),
            ..Cpu::default()
        };
        let topology = Topology {
            cpus: (0..8).map(cpu).collect(),
        };
        let text = drawing(&topology, |node| {
            if node == Some(1) {
                vec!["eth1".into()]
            } else {
                Vec::new()
            }
        });
        assert_eq!(
            text,
            "CORES  . shared with the system, i isolated, x not ours to use, + threads of one core\n  node 0  0.+4.  1i+5i\n  node 1  2.+6.  3x+7.\n          with eth1\n\n"
        );
    }
}
