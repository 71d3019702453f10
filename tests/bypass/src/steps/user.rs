//! NICs that a program drives: bound by `portreeve nic`, watched by DPDK, given back.

use std::time::Duration;

use serde_json::Value;

use crate::fault::{Outcome, ensure};
use crate::machine::Machine;
use crate::run::{Left, Plan, Run};
use crate::steps::idle::Idle;
use crate::steps::{bursts, idle, kernel, plug, say, step};
use crate::traffic::Traffic;

/// Packets of a run that only counts.
const PACKETS: u64 = 2_000;
/// Packets a second: far below what an emulated NIC takes.
const RATE: u64 = 1_000;
/// The share of poll mode's CPU time that interrupt mode may take while nothing comes.
const SHARE: f64 = 0.03;

/// A NIC and a driver that leaves it to programs.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The NIC's name.
    pub nic: &'static str,
    /// The driver.
    pub driver: &'static str,
    /// What its receive interrupts are worth.
    pub interrupts: Interrupts,
}

/// What the receive interrupts of a pair are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// They wake whoever sleeps: shown by so many packets at so many a second, and by so many bursts that each meet a sleeper.
    Come {
        /// Packets in a row.
        packets: u64,
        /// Packets a second.
        rate: u64,
        /// Transitions from idle to a burst.
        bursts: u64,
        /// Between two bursts: longer than the NIC holds back an interrupt that follows another.
        pause: Duration,
    },
    /// Every call succeeds, and what comes is no use: the start report cannot know, the log says this in the end.
    Lie(&'static str),
    /// The driver refuses them.
    Refused,
}

impl Interrupts {
    /// They come, and the NIC takes a thousand transitions.
    pub const COME: Interrupts = Interrupts::Come {
        packets: PACKETS,
        rate: RATE,
        bursts: 1_000,
        // Many times what a worker polls before it sleeps.
        pause: Duration::from_millis(8),
    };
}

/// What is said of interrupts that do not come.
pub const SILENT: &str = "frames came, and no interrupt did";
/// What is said of interrupts that come.
const THEY_COME: &str = "receive interrupts come";

/// Takes a NIC from the kernel.
///
/// # Errors
/// It stays there.
pub fn bind(machine: &mut Machine, nic: &str, driver: &str) -> Outcome<()> {
    let address = machine.nic(nic)?.address();
    machine.must(&format!("portreeve nic bind {address} --driver {driver}"))?;
    expect_driver(machine, &address, driver)
}

/// Gives a NIC back to the kernel, which must have an interface of it again that works.
///
/// # Errors
/// It has not.
pub fn unbind(machine: &mut Machine, name: &str) -> Outcome<()> {
    let nic = machine.nic(name)?;
    let address = nic.address();
    machine.must(&format!("portreeve nic unbind {address}"))?;
    expect_driver(machine, &address, nic.model.kernel_driver())?;
    kernel::counts(machine, name)
}

fn expect_driver(machine: &mut Machine, address: &str, driver: &str) -> Outcome<()> {
    let link = machine.must(&format!("readlink /sys/bus/pci/devices/{address}/driver"))?;
    ensure(link.trim().ends_with(&format!("/{driver}")), || {
        format!("{address}: its driver is {}, not {driver}", link.trim())
    })
}

/// How the run's workers wait, and why: `mode, why` for each source.
fn waits(stats: &Value) -> Vec<(String, String)> {
    let text = |wait: &Value, field: &str| wait[field].as_str().unwrap_or_default().to_owned();
    let workers = stats["workers"].as_array();
    let sources = |worker: &Value| worker["waits"]["sources"].as_array().cloned();
    workers
        .into_iter()
        .flatten()
        .filter_map(sources)
        .flatten()
        .map(|wait| (text(&wait, "mode"), text(&wait, "why")))
        .collect()
}

/// Everything about a pair: both modes, what they cost idle, a thousand transitions; then the kernel gets its NIC back. What polling costs idle is found out unless
/// `polled` says it, as where an earlier machine has got so far.
///
/// # Errors
/// Something does not hold.
pub fn pair(machine: &mut Machine, pair: &Pair, polled: &mut Option<Idle>) -> Outcome<()> {
    let Pair {
        nic,
        driver,
        interrupts,
    } = *pair;
    let title = |what: &str| format!("{nic} by {driver}: {what}");
    step(&title("bound"), || bind(machine, nic, driver))?;
    match interrupts {
        Interrupts::Come {
            packets,
            rate,
            bursts,
            pause,
        } => {
            let polled = match polled {
                Some(polled) => polled,
                none => none.insert(step(&title("poll mode counts every packet"), || {
                    poll(machine, nic)
                })?),
            };
            step(
                &title("interrupt mode sleeps, wakes, loses nothing"),
                || sleep_and_wake(machine, nic, polled, (packets, rate), (bursts, pause)),
            )?;
        }
        Interrupts::Lie(word) => step(&title("wake-ups lie: timed sleeps, nothing lost"), || {
            fall_back(machine, nic, word)
        })?,
        Interrupts::Refused => step(&title("no interrupts: timed sleeps, nothing lost"), || {
            fall_back(machine, nic, "")
        })?,
    }
    step(&title("given back to the kernel"), || unbind(machine, nic))
}

fn start(machine: &mut Machine, nic: &str, mode: &'static str) -> Outcome<Run> {
    let address = machine.nic(nic)?.address();
    Run::start(machine, &Plan::new(format!("dpdk:{address}"), mode))
}

/// Sends packets to a run that polls; then watches what it costs while nothing comes.
fn poll(machine: &mut Machine, nic: &str) -> Outcome<Idle> {
    let largest = if machine.gigabyte_pages > 0 {
        "1 GiB"
    } else {
        "2 MiB"
    };
    let (feeder, mut traffic) = plug(machine, nic)?;
    let run = start(machine, nic, "poll")?;
    feeder.send(&mut traffic, PACKETS, RATE)?;
    run.wait_for(machine, PACKETS)?;
    // The packet buffers are on the largest pages there are, and a small table on the next.
    for pages in [largest, "2 MiB"] {
        ensure(run.report.contains(&format!("on {pages} pages")), || {
            format!("nothing is on {pages} pages:\n{}", run.report)
        })?;
    }
    let idle = idle::watch(machine, &run)?;
    say(&format!("idle seconds, poll: {}", idle.show()));
    let left = run.end(machine)?;
    check_all(&left, &traffic)?;
    Ok(idle)
}

/// Sends packets to a run that sleeps in between: first some in a row, which show it that wake-ups come; then, after idle seconds that cost next to
/// nothing, bursts that each meet a sleeper. Nothing of all that is lost.
fn sleep_and_wake(
    machine: &mut Machine,
    nic: &str,
    polled: &Idle,
    (packets, rate): (u64, u64),
    (wanted, pause): (u64, Duration),
) -> Outcome<()> {
    let (feeder, mut traffic) = plug(machine, nic)?;
    let run = start(machine, nic, "interrupt")?;
    feeder.send(&mut traffic, packets, rate)?;
    run.wait_for(machine, packets)?;
    // Those that came before the link was up came all at once, and woke nobody.
    let mut more = 20;
    while !is_relied_on(&waits(&run.stats(machine)?)) && more > 0 {
        more -= 1;
        feeder.send(&mut traffic, 8, rate)?;
        run.wait_for(machine, traffic.sent())?;
    }
    sleeps(machine, &run, polled)?;
    let (wakes, sent) = bursts::send(machine, &run, &feeder, &mut traffic, wanted, pause)?;
    say(&format!("{sent} bursts, {wakes} wake-ups"));
    run.wait_for(machine, traffic.sent())?;
    let left = run.end(machine)?;
    check_all(&left, &traffic)?;
    says(&left, THEY_COME)
}

/// Whether all sources are asked by the clock.
fn is_timed(waits: &[(String, String)]) -> bool {
    !waits.is_empty() && waits.iter().all(|(mode, _)| mode == "adaptive")
}

/// Whether all sources have a receive interrupt that is relied on.
fn is_relied_on(waits: &[(String, String)]) -> bool {
    !waits.is_empty() && waits.iter().all(|(mode, _)| mode == "interrupt")
}

/// Whether a run sleeps until its receive interrupt, and takes next to nothing while nothing comes.
fn sleeps(machine: &mut Machine, run: &Run, polled: &Idle) -> Outcome<()> {
    let found = waits(&run.stats(machine)?);
    ensure(is_relied_on(&found), || {
        format!("it does not sleep until its receive interrupt: {found:?}")
    })?;
    let mut limit = 3;
    loop {
        let idle = idle::watch(machine, run)?;
        let share = idle.mean_of_workers() / polled.mean_of_workers();
        say(&format!(
            "idle seconds, interrupt: {}: {:.2} % of poll mode's",
            idle.show(),
            100.0 * share
        ));
        limit -= 1;
        if share < SHARE {
            return Ok(());
        }
        // A busy machine beneath the guest makes all of its threads look slower than they are.
        ensure(limit > 0, || {
            format!(
                "asleep, it takes {:.1} % of what polling takes",
                100.0 * share
            )
        })?;
    }
}

/// Whoever looks at the log must see why it sleeps as it does.
fn says(left: &Left, word: &str) -> Outcome<()> {
    ensure(left.stderr.contains(word), || {
        format!("it does not say {word:?}:\n{}", left.stderr)
    })
}

/// Packets to a run whose interrupts are no use: it must notice, say so and lose nothing.
fn fall_back(machine: &mut Machine, nic: &str, word: &str) -> Outcome<()> {
    let (feeder, mut traffic) = plug(machine, nic)?;
    let run = start(machine, nic, "interrupt")?;
    feeder.send(&mut traffic, PACKETS, RATE)?;
    run.wait_for(machine, PACKETS)?;
    let found = waits(&run.stats(machine)?);
    if let Some((_, why)) = found.first() {
        say(why);
    }
    ensure(is_timed(&found), || {
        format!("it trusts an interrupt that does not come: {found:?}")
    })?;
    let left = run.end(machine)?;
    check_all(&left, &traffic)?;
    says(&left, word)
}

/// The books balance, and every packet that was sent is in them: as delivered, or as missed where the NIC says so.
/// What was on the wire is unknown with some drivers; then all must have been delivered.
fn check(left: &Left, sent: u64) -> Outcome<u64> {
    left.check()?;
    let delivered = left.total("delivered")?;
    let wire = left.ledger.account("on the wire");
    let wire = wire.and_then(|account| account.total);
    let missed = wire.map_or(0, |_| left.ledger.part("on the wire", "missed by the NIC"));
    let books = wire.is_none_or(|wire| wire == sent) && delivered + missed == sent;
    ensure(books, || {
        format!(
            "{sent} packets were sent; on the wire {wire:?}, missed {missed}, delivered {delivered}:\n{}",
            left.stderr
        )
    })?;
    Ok(missed)
}

/// Everything that was sent was delivered, and the records say so.
///
/// # Errors
/// It was not.
pub fn check_all(left: &Left, traffic: &Traffic) -> Outcome<()> {
    let missed = check(left, traffic.sent())?;
    ensure(missed == 0, || {
        format!("{missed} packets were missed:\n{}", left.stderr)
    })?;
    traffic.check(&left.records)
}
