//! `portreeve nic hugepages`.

use std::fmt::Write as _;
use std::process::ExitCode;

use portreeve_host::Root;
use portreeve_host::hugepages::{self, AtBoot, Mount, Outcome, State};
use serde::Serialize;

use crate::args::nic::HugepagesArgs;
use crate::exit::{FAILED, Failure};
use crate::print;
use crate::text;

use super::print_json;

/// What was done.
#[derive(Serialize)]
struct Done {
    reserved: Vec<Outcome>,
    mounted: Vec<Mount>,
    at_boot: Option<AtBoot>,
    /// Why it is not all that was wanted.
    complaints: Vec<String>,
}

pub(super) fn run(root: &Root, args: &HugepagesArgs) -> Result<ExitCode, Failure> {
    if args.wants.is_empty() {
        let state = hugepages::read(root);
        if args.json {
            return print_json(&state);
        }
        return print(state_text(&state).as_bytes());
    }
    if !root.is_superuser() {
        return Err(Failure::failed(
            "reserving huge pages takes root: type the same after sudo",
        ));
    }
    let mut done = Done {
        reserved: Vec::new(),
        mounted: Vec::new(),
        at_boot: None,
        complaints: Vec::new(),
    };
    for want in &args.wants {
        let outcome = hugepages::reserve(root, want)
            .map_err(|error| Failure::failed(format!("{want}: {error}")))?;
        done.complaints.extend(outcome.complaint());
        done.reserved.push(outcome);
        if want.count > 0 {
            match hugepages::mount(root, want.size) {
                Ok((mount, true)) => done.mounted.push(mount),
                Ok((_, false)) => {}
                Err(error) => done
                    .complaints
                    .push(format!("pages of {} cannot be mounted: {error}", want.size)),
            }
        }
    }
    if args.boot {
        let at_boot = hugepages::at_boot(root, &args.wants).map_err(|error| {
            Failure::failed(format!("cannot be kept for the next boot: {error}"))
        })?;
        done.at_boot = Some(at_boot);
    }
    if args.json {
        print_json(&done)?;
    } else {
        print(done_text(&done).as_bytes())?;
        for complaint in &done.complaints {
            eprintln!("portreeve: {complaint}");
        }
    }
    Ok(if done.complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn done_text(done: &Done) -> String {
    let mut text = String::new();
    for outcome in &done.reserved {
        let place = match outcome.want.node {
            Some(node) => format!(" on node {node}"),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "pages of {}{place}: {}, before {}, in use {}",
            outcome.want.size, outcome.after, outcome.before, outcome.used
        );
    }
    for mount in &done.mounted {
        let _ = writeln!(text, "pages of {} mounted at {}", mount.size, mount.path);
    }
    match &done.at_boot {
        Some(AtBoot { files, advice }) => {
            for file in files {
                let _ = writeln!(text, "at each boot: {file}");
            }
            for line in advice {
                let _ = writeln!(text, "{line}");
            }
        }
        None if done.reserved.iter().all(|outcome| outcome.want.count == 0) => {}
        None => text.push_str("until the next boot; --boot keeps it\n"),
    }
    text
}

fn state_text(state: &State) -> String {
    let mut text =
        String::from("PAGES    NODE   TOTAL    FREE  PROMISED  MEMORY      MOUNTED AT\n");
    for pool in &state.pools {
        let node = pool
            .node
            .map_or_else(|| "all".into(), |node| node.to_string());
        let mounts: Vec<&str> = state
            .mounts
            .iter()
            .filter(|mount| mount.size == pool.size && pool.node.is_none())
            .map(|mount| mount.path.as_str())
            .collect();
        let memory = pool.total.saturating_mul(pool.size.bytes()) >> 20;
        let line = format!(
            "{:7}  {node:>4}  {:>6}  {:>6}  {:>8}  {:10}  {}",
            pool.size.to_string(),
            text::count(pool.total),
            text::count(pool.free),
            text::count(pool.promised),
            format!("{} MiB", text::count(memory)),
            if mounts.is_empty() && pool.node.is_none() {
                "-".into()
            } else {
                mounts.join(" ")
            }
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if state.pools.is_empty() {
        text = "this kernel has no huge pages to reserve\n".into();
    }
    if let Some(transparent) = &state.transparent {
        let _ = writeln!(text, "transparent huge pages: {transparent}");
    }
    let at_boot: Vec<String> = state
        .at_boot
        .iter()
        .map(ToString::to_string)
        .chain(
            state
                .command_line
                .iter()
                .map(|word| format!("{word} (kernel's command line)")),
        )
        .collect();
    if !at_boot.is_empty() {
        let _ = writeln!(text, "at boot: {}", at_boot.join(", "));
    }
    if state.pools.iter().all(|pool| pool.total == 0) && !state.pools.is_empty() {
        text.push_str("to reserve 1 GiB: sudo portreeve nic hugepages 2MiB=512\n");
    }
    text
}
