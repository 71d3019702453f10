//! The cores, drawn: one line for each NUMA node, threads of one physical core together.

use std::fmt::Write as _;

use portreeve_engine::placement::{Layout, Wish};
use portreeve_host::cpus::{Cpu, Topology};
use portreeve_host::doctor::{Examination, Target};

use crate::{input, text};

use super::report::WIDTH;

/// Cores in a line at most.
const IN_A_LINE: usize = 12;

/// The cores of this machine, what each would do, and which NIC is where.
pub(super) fn draw(examination: &Examination) -> String {
    let topology = &examination.topology;
    let nics = |node: Option<usize>| -> Vec<String> {
        let on_node = examination.targets.iter().filter(|target| {
            // A NIC on no node in particular is on the only one.
            target.node() == node || (target.node().is_none() && topology.nodes().len() < 2)
        });
        on_node.map(Target::name).collect()
    };
    let layout = layout(topology, examination.targets.iter().find_map(Target::node));
    let mut out = drawing(topology, &layout, nics);
    for warning in layout.warnings() {
        for (i, line) in text::wrap(&warning, WIDTH - 4).iter().enumerate() {
            let _ = writeln!(out, "{}{line}", if i == 0 { "  " } else { "    " });
        }
    }
    out.push('\n');
    out
}

/// Who would run where, if nobody says how many workers and where.
fn layout(topology: &Topology, nic_node: Option<usize>) -> Layout {
    let wish = Wish {
        workers: input::live_workers(topology),
        nic_node,
        ..Wish::default()
    };
    Layout::of(topology, &wish)
}

fn drawing(
    topology: &Topology,
    layout: &Layout,
    nics: impl Fn(Option<usize>) -> Vec<String>,
) -> String {
    let letter = |cpu: &Cpu| {
        let is_worker = layout.seats.iter().any(|seat| seat.cpu == cpu.id);
        match cpu {
            cpu if !cpu.allowed => 'x',
            _ if is_worker && cpu.isolated => 'W',
            _ if is_worker => 'w',
            cpu if layout.rest.contains(&cpu.id) => 's',
            cpu if cpu.isolated => 'i',
            _ => '.',
        }
    };
    let letters: Vec<char> = topology.cpus.iter().map(letter).collect();
    let mut legend = Vec::new();
    for (sign, meaning) in [
        ('W', "worker, isolated"),
        ('w', "worker"),
        ('s', "system and outputs"),
        ('i', "isolated"),
        ('.', "free"),
        ('x', "not ours"),
    ] {
        if letters.contains(&sign) {
            legend.push(format!("{sign} {meaning}"));
        }
    }
    if topology.has_siblings() {
        legend.push("+ threads of one core".into());
    }
    let legend = text::wrap(&legend.join(" · "), WIDTH - 7);
    let mut out = format!("CORES  {}\n", legend.join("\n       "));
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
        // Core 1 is isolated; core 2 is the first of the others that is not its sibling.
        let wish = Wish {
            workers: 2,
            nic_node: Some(1),
            ..Wish::default()
        };
        let text = drawing(&topology, &Layout::of(&topology, &wish), |node| {
            if node == Some(1) {
                vec!["eth1".into()]
            } else {
                Vec::new()
            }
        });
        assert_eq!(
            text,
            "CORES  W worker, isolated · w worker · s system and outputs · i isolated · . free · x not ours · +\n       threads of one core\n  node 0  0s+4s  1W+5i\n  node 1  2w+6.  3x+7s\n          with eth1\n"
        );
    }
}
