//! Sleep states that take longer to wake from than a ring holds.

use crate::doctor::{Change, Examination, Finding};

use super::HOST;

const ID: &str = "sleep-states";

/// What a ring of 512 frames absorbs at 10 Gbit/s, in microseconds: the measure where no link says its speed.
const USUAL: f64 = 34.0;

struct State {
    folder: String,
    name: String,
    latency: u32,
    disabled: bool,
}

fn states(examination: &Examination, cpu: usize) -> Vec<State> {
    let root = examination.root;
    let folder = format!("sys/devices/system/cpu/cpu{cpu}/cpuidle");
    let read = |name: &String| {
        let folder = format!("{folder}/{name}");
        Some(State {
            name: root.read(format!("{folder}/name")).ok()?,
            latency: root.number(format!("{folder}/latency"))?,
            disabled: root
                .number::<u32>(format!("{folder}/disable"))
                .is_some_and(|n| n != 0),
            folder,
        })
    };
    root.names(&folder).iter().filter_map(read).collect()
}

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let absorbed = examination
        .targets
        .iter()
        .filter_map(|target| target.absorbs(target.rings?.rx))
        .min_by(f64::total_cmp);
    let limit = absorbed.unwrap_or(USUAL);
    let mut deep: Vec<State> = examination
        .topology
        .allowed()
        .flat_map(|cpu| states(examination, cpu.id))
        .filter(|state| !state.disabled && f64::from(state.latency) > limit)
        .collect();
    deep.sort_by_key(|state| std::cmp::Reverse(state.latency));
    let Some(deepest) = deep.first() else {
        return vec![Finding::ok(
            ID,
            HOST,
            format!("no sleep state takes longer to wake from than {limit:.0} µs"),
        )];
    };
    let mut kinds: Vec<&str> = deep
        .iter()
        .filter_map(|state| state.folder.rsplit('/').next())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let measure = match absorbed {
        Some(limit) => format!("a ring is full after {limit:.0} µs of line rate"),
        None => format!("a ring of 512 frames is full after {USUAL:.0} µs at 10 Gbit/s"),
    };
    let found = format!(
        "waking from {} takes {} µs; {measure}",
        deepest.name, deepest.latency
    );
    let finding = if absorbed.is_some() {
        Finding::costs(ID, HOST, found)
    } else {
        Finding::note(ID, HOST, found)
    };
    let mut finding = finding.why(
        "A core that sleeps deeply when a burst begins wakes after the ring has overflowed. Workers that poll never sleep.",
    );
    for kind in kinds {
        finding = finding.fix(format!(
            "echo 1 | sudo tee /sys/devices/system/cpu/cpu*/cpuidle/{kind}/disable"
        ));
    }
    vec![
        finding.changes(
            deep.iter()
                .map(|state| Change::file(format!("{}/disable", state.folder), 1)),
        ),
    ]
}
