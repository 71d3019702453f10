//! A run of `portreeve` in the guest: started, watched, ended, and what it left behind.

use std::time::{Duration, Instant};

use portreeve_tests::conn::{self, Line};
use portreeve_tests::ledger::Ledger;
use serde_json::Value;

use crate::fault::{About, Outcome, ensure, fail};
use crate::machine::Machine;

/// The longest that a start may take.
const START: Duration = Duration::from_secs(120);
/// The longest that packets may take from the cable to the books.
const ARRIVAL: Duration = Duration::from_secs(60);
/// The longest that an end may take.
const END: Duration = Duration::from_secs(60);

/// How a run is started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The interface as `-i` takes it.
    pub interface: String,
    /// Worker threads.
    pub workers: u32,
    /// `--mode`.
    pub mode: &'static str,
    /// Further arguments, as for a shell.
    pub more: String,
}

impl Plan {
    /// One worker.
    #[must_use]
    pub fn new(interface: impl Into<String>, mode: &'static str) -> Plan {
        Plan {
            interface: interface.into(),
            workers: 1,
            mode,
            more: String::new(),
        }
    }

    /// So many workers.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Plan {
        self.workers = workers;
        self
    }

    /// Further arguments, as for a shell.
    #[must_use]
    pub fn more(mut self, more: &str) -> Plan {
        more.clone_into(&mut self.more);
        self
    }
}

/// A shell's exit statuses above this one are of processes that a signal ended.
const BY_SIGNAL: i32 = 128;

/// A run that goes on.
#[derive(Debug)]
pub struct Run {
    pid: u32,
    /// The start report.
    pub report: String,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Left {
    /// Its exit code.
    pub code: i32,
    /// Its records.
    pub records: Vec<Line>,
    /// Its ledger.
    pub ledger: Ledger,
    /// Standard error.
    pub stderr: String,
}

/// CPU time of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Seconds that its workers ran.
    pub workers: f64,
    /// Seconds that all of its threads ran.
    pub all: f64,
    /// When that was: seconds since the boot.
    pub at: f64,
}

impl Run {
    /// Starts it and waits for its start report.
    ///
    /// # Errors
    /// It ends instead, or says nothing.
    pub fn start(machine: &mut Machine, plan: &Plan) -> Outcome<Run> {
        let Plan {
            interface,
            workers,
            mode,
            more,
        } = plan;
        // No conn_update, so that each conversation is one record.
        let command = format!(
            "portreeve -i {interface} --json -v --workers {workers} --mode {mode} --memory 64MiB --set flow.active_timeout=0s \
             --set process.control_socket=/run/portreeve.sock {more}"
        );
        // Nothing of an earlier run is taken for this one's, and the exit status is there whole or not at all.
        machine.must(&format!(
            "rm -f /tmp/status /tmp/report /tmp/records /tmp/pid; (sh -c 'echo $$ >/tmp/pid; exec {command}' >/tmp/records 2>/tmp/report; echo $? >/tmp/ended; mv /tmp/ended /tmp/status) &"
        ))?;
        let begun = Instant::now();
        loop {
            let answer = machine.run("cat /tmp/report; ! test -e /tmp/status")?;
            if answer.status != 0 {
                return fail(format!("{command}: it ended at once:\n{}", answer.text));
            }
            // The last lines of the start report.
            if answer.text.contains("memory for ") {
                let pid = machine.must("cat /tmp/pid")?;
                return Ok(Run {
                    pid: pid.trim().parse().about("a process number")?,
                    report: answer.text,
                });
            }
            ensure(begun.elapsed() < START, || {
                format!("{command}: no start report; so far:\n{}", answer.text)
            })?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What it has said so far.
    ///
    /// # Errors
    /// The machine does not answer.
    pub fn log(&self, machine: &mut Machine) -> Outcome<String> {
        machine.must("cat /tmp/report")
    }

    /// What `portreeve stats --json` says.
    ///
    /// # Errors
    /// The run does not answer.
    pub fn stats(&self, machine: &mut Machine) -> Outcome<Value> {
        let text = machine.must("portreeve stats --json /run/portreeve.sock")?;
        serde_json::from_str(&text).about("portreeve stats --json")
    }

    /// Waits until the workers have so many packets, or no more come: how many they have.
    ///
    /// # Errors
    /// The run does not answer.
    pub fn wait_for(&self, machine: &mut Machine, packets: u64) -> Outcome<u64> {
        let begun = Instant::now();
        let (mut last, mut changed) = (0, Instant::now());
        loop {
            // Not the sum over workers, where a frame that one handed to another is twice.
            let stats = self.stats(machine)?;
            let now = stats["ledger"]["frames"]["delivered"].as_u64().unwrap_or(0);
            if now != last {
                (last, changed) = (now, Instant::now());
            }
            // Nothing more will come.
            if let Some(known) = machine.known_fault() {
                return fail(format!("a fault of QEMU's: {known}"));
            }
            let still = changed.elapsed() > ARRIVAL / 6;
            if now >= packets || still || begun.elapsed() > ARRIVAL {
                return Ok(now);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The CPU time that it took so far.
    ///
    /// # Errors
    /// The machine does not answer.
    pub fn cpu(&self, machine: &mut Machine) -> Outcome<Cpu> {
        let pid = self.pid;
        let text = machine.must(&format!(
            "cut -d' ' -f1 /proc/uptime; for t in /proc/{pid}/task/*; do read -r n <$t/comm; read -r s r <$t/schedstat; echo \"$s $n\"; done"
        ))?;
        let mut lines = text.lines();
        let at = lines.next().unwrap_or_default().parse();
        let mut cpu = Cpu {
            at: at.about("/proc/uptime")?,
            ..Cpu::default()
        };
        for line in lines {
            let Some((nanoseconds, name)) = line.split_once(' ') else {
                return fail(format!("not a thread's time: {line}"));
            };
            let nanoseconds: f64 = nanoseconds.parse().about(name)?;
            cpu.all += nanoseconds / 1e9;
            if name.starts_with("worker") {
                cpu.workers += nanoseconds / 1e9;
            }
        }
        Ok(cpu)
    }

    /// Ends it by SIGTERM.
    ///
    /// # Errors
    /// It does not end, or leaves no ledger.
    pub fn end(self, machine: &mut Machine) -> Outcome<Left> {
        machine.must(&format!("kill -TERM {}", self.pid))?;
        self.left(machine)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It does not end, or leaves no ledger.
    pub fn left(self, machine: &mut Machine) -> Outcome<Left> {
        let begun = Instant::now();
        let status = loop {
            let answer = machine.run("cat /tmp/status")?;
            if answer.status == 0 {
                break answer.text;
            }
            if begun.elapsed() > END {
                machine.run(&format!("kill -KILL {}", self.pid))?;
                return fail(format!("no end within {} s", END.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        let mut stderr = machine.must("cat /tmp/report")?;
        let records = machine.must("cat /tmp/records")?;
        let code = status.trim().parse().about("an exit status")?;
        if code > BY_SIGNAL {
            // Where it was, in which library: the kernel says so.
            stderr.push_str(&machine.run("dmesg | tail -n 8")?.text);
        }
        let Some(ledger) = Ledger::read(&stderr) else {
            return fail(format!("exit status {code}, no ledger:\n{stderr}"));
        };
        Ok(Left {
            code,
            records: conn::read(&records),
            ledger,
            stderr,
        })
    }
}

impl Left {
    /// Whether it ended well, with books that balance.
    ///
    /// # Errors
    /// It did not.
    pub fn check(&self) -> Outcome<()> {
        self.ended_with(0)
    }

    /// Whether it ended with this exit code, and with books that balance.
    ///
    /// # Errors
    /// It did not.
    pub fn ended_with(&self, code: i32) -> Outcome<()> {
        ensure(self.code == code, || {
            format!("exit code {}:\n{}", self.code, self.stderr)
        })?;
        let faults = self.ledger.faults();
        ensure(faults.is_empty(), || {
            format!("the books do not balance: {faults:?}\n{}", self.stderr)
        })
    }

    /// An account's total.
    ///
    /// # Errors
    /// There is no such account, or it is unknown.
    pub fn total(&self, account: &str) -> Outcome<u64> {
        let found = self.ledger.account(account);
        match found.and_then(|account| account.total) {
            Some(total) => Ok(total),
            None => fail(format!("the ledger has no {account:?}:\n{}", self.stderr)),
        }
    }
}

/// A number of `portreeve stats --json`, over all workers: of a worker, or of how it waits.
#[must_use]
pub fn sum_of(stats: &Value, name: &str) -> u64 {
    let workers = stats["workers"].as_array();
    let of = |worker: &Value| {
        let place = worker.get(name).or_else(|| worker["waits"].get(name));
        place.and_then(Value::as_u64).unwrap_or(0)
    };
    workers.into_iter().flatten().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_summed_over_workers() {
        let stats = serde_json::json!({"workers": [
            {"frames": 3, "waits": {"sleeps": 5}},
            {"frames": 4, "waits": {"sleeps": 6}},
        ]});
        assert_eq!(
            (sum_of(&stats, "frames"), sum_of(&stats, "sleeps")),
            (7, 11)
        );
        assert_eq!(sum_of(&stats, "nothing"), 0);
    }
}
