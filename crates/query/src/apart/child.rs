//! The process that answers one query and ends.

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};

use super::TIME_IS_UP;
use super::wire::{self, Order};
use crate::depth::STACK;
use crate::error::QueryError;
use crate::history::History;
use crate::running::Event;

/// What a child takes besides the budget for queries: the allocator's reserve, batches on their way, footers, decoded pages.
const BESIDES: usize = 2 << 30;
/// How much longer than its query a child lives: the query itself ends first, with a better word, where it listens.
const LONGER: Duration = Duration::from_secs(1);

/// Answers the query on standard input by frames on standard output, whatever else there is.
///
/// To be called first thing in a process that does nothing else.
#[must_use]
pub fn serve() -> ExitCode {
    let mut stdin = io::stdin().lock();
    let mut line = String::new();
    let order = match stdin.read_line(&mut line) {
        Ok(_) => serde_json::from_str::<Order>(&line),
        Err(_) => return ExitCode::FAILURE,
    };
    let Ok(order) = order else {
        eprintln!(
            "this command is Portreeve's own: it answers a query that another process of it hands over"
        );
        return ExitCode::from(2);
    };
    drop(stdin);
    limit(&order);
    let watched = std::thread::Builder::new().name("asker".to_owned());
    let watching = watched.spawn(|| {
        // Nothing more comes: whoever asked has gone.
        let _ = io::stdin().lock().read(&mut [0]);
        std::process::exit(0);
    });
    if watching.is_err() {
        return ExitCode::FAILURE;
    }
    if let Some(time) = order.ask.timeout {
        let clock = std::thread::Builder::new().name("clock".to_owned());
        let _ = clock.spawn(move || {
            std::thread::sleep(time + LONGER);
            std::process::exit(TIME_IS_UP);
        });
    }
    let mut out = io::stdout().lock();
    match answer(order, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(order: Order, out: &mut impl Write) -> io::Result<()> {
    let history = match History::open(&order.store, order.config) {
        Ok(history) => history,
        Err(error) => return wire::write(out, Err(error)),
    };
    let mut running = history.start(order.ask);
    while let Some(event) = running.next() {
        let is_last = matches!(event, Ok(Event::Done(_)) | Err(_));
        wire::write(out, event)?;
        if is_last {
            return Ok(());
        }
    }
    wire::write(out, Err(QueryError::broken_down()))
}

/// Bounds that the kernel keeps. None that cannot be had keeps the query from being answered.
fn limit(order: &Order) {
    let stacks = STACK * (order.config.threads + 1);
    let most = order
        .config
        .memory
        .saturating_add(BESIDES)
        .saturating_add(stacks);
    let no_more_than = |most: usize| Rlimit {
        current: Some(most as u64),
        maximum: Some(most as u64),
    };
    let _ = setrlimit(Resource::Data, no_more_than(most));
    let _ = setrlimit(Resource::Core, no_more_than(0));
    // Packets first.
    let _ = setpriority_process(None, 10);
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}
