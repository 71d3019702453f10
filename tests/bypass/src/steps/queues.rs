//! A virtio NIC with two queues, and two workers.
//!
//! If the NIC spreads frames by a hash whose key it takes, each worker has a queue, both directions of a conversation come by one, and Portreeve says so after
//! it has verified it. If it does not, one thread receives and shares the frames out, and Portreeve says that.

use serde_json::Value;

use crate::fault::{Outcome, ensure};
use crate::machine::Machine;
use crate::run::{Left, Plan, Run};
use crate::steps::{kernel, plug, say, step, user};
use crate::traffic::Traffic;

/// Packets that are sent before the run has to have taken them: fewer than the NIC's ring holds, and far fewer than the tap interface's queue does.
const CHUNK: u64 = 500;
/// Packets a second: far below what an emulated NIC takes.
const RATE: u64 = 1_000;
/// Packets of a run, at least.
const PACKETS: u64 = 2_500;
/// Packets after which both queues must have been judged: each is when it has brought a thousand bursts, and a guest that is held up
/// brings several packets in one.
const MOST: u64 = 40_000;
/// What is said of a queue by which both directions come.
const RIGHT: &str =
    "the NIC spreads frames as it was told; both directions of a conversation come by one queue";
/// What is said of a queue by which they do not.
const OTHERWISE: &str = "than it was told";
/// What is said of a NIC whose queues cannot be used.
const ONE_RECEIVES: &str = "the port does not spread conversations over queues: one core receives and shares the frames out to 2 workers";

/// Everything about such a NIC: both modes; then the kernel gets it back.
///
/// # Errors
/// Something does not hold.
pub fn nic(machine: &mut Machine, nic: &str, spreads: bool) -> Outcome<()> {
    let title = |what: &str| format!("{nic}, two queues: {what}");
    step(
        &title("by its kernel driver: every packet is counted"),
        || kernel::counts(machine, nic),
    )?;
    step(&title("bound"), || user::bind(machine, nic, "vfio-pci"))?;
    for mode in ["poll", "interrupt"] {
        if spreads {
            step(
                &title(&format!(
                    "{mode} mode, a queue for each worker, both directions by one"
                )),
                || spread(machine, nic, mode),
            )?;
        } else {
            step(
                &title(&format!(
                    "{mode} mode, one receives for both workers, and says so"
                )),
                || share(machine, nic, mode),
            )?;
        }
    }
    step(&title("given back to the kernel"), || {
        user::unbind(machine, nic)
    })
}

fn start(machine: &mut Machine, nic: &str, mode: &'static str) -> Outcome<Run> {
    let address = machine.nic(nic)?.address();
    Run::start(
        machine,
        &Plan::new(format!("dpdk:{address}"), mode).workers(2),
    )
}

/// A worker for each queue: the NIC brings conversations whole.
fn spread(machine: &mut Machine, nic: &str, mode: &'static str) -> Outcome<()> {
    let (feeder, mut traffic) = plug(machine, nic)?;
    let run = start(machine, nic, mode)?;
    let whole = run.report.contains(", 2 queues of ") && !run.report.contains(ONE_RECEIVES);
    ensure(whole, || format!("not two queues:\n{}", run.report))?;
    loop {
        feeder.send(&mut traffic, CHUNK, RATE)?;
        run.wait_for(machine, traffic.sent())?;
        if traffic.sent() < PACKETS {
            continue;
        }
        let log = run.log(machine)?;
        if (0..2).all(|queue| log.contains(&format!("queue {queue}: {RIGHT}"))) {
            break;
        }
        ensure(traffic.sent() < MOST, || {
            format!("{} packets, and the queues were not judged", traffic.sent())
        })?;
    }
    let stats = run.stats(machine)?;
    let left = run.end(machine)?;
    check(&left, &traffic)?;
    // What the program says of the NIC is true: nothing had to be handed from worker to worker.
    ensure(!left.stderr.contains(OTHERWISE), || {
        format!("both are said:\n{}", left.stderr)
    })?;
    let frames = &stats["ledger"]["frames"];
    let handed = frames["handed_over"].as_u64();
    ensure(handed == Some(0), || {
        format!("frames came by the other queue: {frames}")
    })?;
    let each: Vec<u64> = workers(&stats).collect();
    say(&format!("packets by worker: {each:?}"));
    ensure(each.iter().sum::<u64>() == traffic.sent(), || {
        format!("{} packets were sent, {each:?} came", traffic.sent())
    })?;
    // Sixteen conversations: half of them each, or nearly.
    let least = traffic.sent() / 8;
    ensure(each.iter().all(|frames| *frames >= least), || {
        format!("the NIC spreads badly: {each:?}")
    })
}

/// One thread receives for both workers.
fn share(machine: &mut Machine, nic: &str, mode: &'static str) -> Outcome<()> {
    let (feeder, mut traffic) = plug(machine, nic)?;
    let run = start(machine, nic, mode)?;
    let shared = run.report.contains(", 1 queue of ") && run.report.contains(ONE_RECEIVES);
    ensure(shared, || {
        format!("it does not say that one receives for all:\n{}", run.report)
    })?;
    while traffic.sent() < PACKETS {
        feeder.send(&mut traffic, CHUNK, RATE)?;
        run.wait_for(machine, traffic.sent())?;
    }
    let left = run.end(machine)?;
    check(&left, &traffic)
}

/// Every packet once, and every conversation one flow with both of its directions.
fn check(left: &Left, traffic: &Traffic) -> Outcome<()> {
    user::check_all(left, traffic)?;
    traffic.check_flows(&left.records)
}

/// The packets that each worker had.
fn workers(stats: &Value) -> impl Iterator<Item = u64> {
    let workers = stats["workers"].as_array().into_iter().flatten();
    workers.map(|worker| worker["frames"].as_u64().unwrap_or(0))
}
