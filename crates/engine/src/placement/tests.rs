use super::*;

/// `nodes` nodes of `cores` physical cores with two threads each, numbered as Linux does: first all first threads, then all second ones.
fn machine(nodes: usize, cores: usize, threads: usize) -> Topology {
    let all = nodes * cores;
    let cpus = (0..all * threads).map(|id| Cpu {
        id,
        allowed: true,
        siblings: (0..threads).map(|thread| id % all + thread * all).collect(),
        node: Some(id % all / cores),
        ..Cpu::default()
    });
    Topology {
        cpus: cpus.collect(),
    }
}

fn isolate(topology: &mut Topology, ids: &[usize]) {
    for cpu in &mut topology.cpus {
        cpu.isolated = ids.contains(&cpu.id);
    }
}

fn layout(topology: &Topology, workers: usize, nic_node: Option<usize>) -> Layout {
    let wish = Wish {
        workers,
        nic_node,
        ..Wish::default()
    };
    Layout::of(topology, &wish)
}

fn cpus(layout: &Layout) -> Vec<usize> {
    layout.seats.iter().map(|seat| seat.cpu).collect()
}

#[test]
fn isolated_cores_come_first_and_the_rest_stays_off_them() {
    let mut machine = machine(1, 8, 1);
    isolate(&mut machine, &[5, 6]);
    let made = layout(&machine, 2, None);
    assert_eq!(cpus(&made), [5, 6]);
    assert_eq!(made.rest, [0, 1, 2, 3, 4, 7]);
    assert!(made.seats.iter().all(|seat| seat.isolated));
    // A third has none of them; the first ordinary core is left to the system.
    assert_eq!(cpus(&layout(&machine, 3, None)), [5, 6, 1]);
    assert_eq!(room(&machine), 2);
}

#[test]
fn cores_without_a_tick_come_next() {
    let mut machine = machine(1, 8, 1);
    isolate(&mut machine, &[7]);
    for cpu in &mut machine.cpus {
        cpu.nohz_full = matches!(cpu.id, 4 | 7);
    }
    assert_eq!(cpus(&layout(&machine, 3, None)), [7, 4, 1]);
}

#[test]
fn the_nics_node_is_preferred_and_another_one_is_told() {
    let machine = machine(2, 4, 1);
    assert_eq!(cpus(&layout(&machine, 3, Some(1))), [4, 5, 6]);
    assert_eq!(cpus(&layout(&machine, 3, Some(0))), [1, 2, 3]);
    let wide = layout(&machine, 6, Some(1));
    assert_eq!(cpus(&wide), [4, 5, 6, 7, 1, 2]);
    assert_eq!(wide.warnings().len(), 2);
    assert!(wide.warnings()[0].contains("worker-4") && wide.warnings()[0].contains("node 0"));
}

#[test]
fn no_two_workers_on_one_physical_core_while_there_are_others() {
    let machine = machine(1, 4, 2);
    let three = layout(&machine, 3, None);
    assert_eq!(cpus(&three), [1, 2, 3]);
    assert_eq!(three.rest, [0, 4], "not the workers' siblings");
    assert!(three.warnings().is_empty());
    assert_eq!(room(&machine), 3);
    let five = layout(&machine, 5, None);
    assert_eq!(cpus(&five), [1, 2, 3, 4, 5], "the system's own core last");
    assert_eq!(five.warnings().len(), 1, "{:?}", five.warnings());
    assert!(five.warnings()[0].contains("one physical core"));
}

#[test]
fn an_affinity_is_kept_to() {
    let mut machine = machine(1, 8, 1);
    for cpu in &mut machine.cpus {
        cpu.allowed = matches!(cpu.id, 2 | 3 | 6);
    }
    let made = layout(&machine, 2, None);
    assert_eq!((cpus(&made), made.rest), (vec![3, 6], vec![2]));
    assert_eq!(room(&machine), 2);
}

#[test]
fn workers_share_when_there_are_more_of_them_than_cores() {
    let machine = machine(1, 2, 1);
    let made = layout(&machine, 3, None);
    assert_eq!(cpus(&made), [0, 1, 0]);
    assert_eq!(made.rest, [0, 1]);
    assert!(made.warnings()[0].contains("share core 0"));
    assert_eq!(cpus(&layout(&machine, 1, None)), [1]);
    assert_eq!(cpus(&layout(&Topology::default(), 1, None)), [0]);
}

#[test]
fn named_cores_are_taken_in_their_order_and_the_reader_gets_another() {
    let machine = machine(1, 8, 1);
    let wish = Wish {
        workers: 2,
        reader: true,
        cpus: &[4, 6],
        nic_node: None,
    };
    let made = Layout::of(&machine, &wish);
    assert_eq!(cpus(&made), [4, 6, 0]);
    assert_eq!(made.seats[2].thread, "reader");
    assert_eq!(made.rest, [1, 2, 3, 5, 7]);
    assert_eq!(
        made.line(),
        "cores: worker-0 on 4 (node 0), worker-1 on 6 (node 0), reader on 0 (node 0); everything else on 1-3,5,7"
    );
}
