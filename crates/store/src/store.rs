//! The store as an output: records in, files out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use portreeve_output::{DropReason, Output, OutputState, OutputStatus};
use portreeve_record::{Record, RecordContext};

use crate::config::{Retention, StoreConfig};
use crate::error::StoreError;
use crate::keeper::Keeper;
use crate::layout::Layout;
use crate::lock::Lock;
use crate::rollup::{Depth, Rollups};
use crate::schema::tables;
use crate::sealer::{self, Job, Sealer};
use crate::table::OpenTable;

/// How often sums are written: those of seconds, minutes, hours. What a `kill -9` costs of them.
const ROLLUPS_EVERY: [(Depth, Duration); 3] = [
    (Depth::Hours, Duration::from_secs(600)),
    (Depth::Minutes, Duration::from_secs(60)),
    (Depth::Seconds, Duration::from_secs(10)),
];

/// Records between two looks at the memory of all tables together.
const LOOK_EVERY: u32 = 256;
/// A table that has fewer rows is not worth a file of its own for the sake of room, while others make room.
const WORTH: usize = 4096;

/// Between two looks whether the thread that makes Parquet has room.
const PAUSE: Duration = Duration::from_millis(2);

/// How long it may take until what is in memory is looked at again: the output's thread has a tick of this length.
const LOOK: Duration = Duration::from_millis(200);

/// A store that is written.
pub struct Store {
    status: Arc<OutputStatus>,
    config: StoreConfig,
    layout: Layout,
    tables: Vec<OpenTable>,
    /// Places of the tables by their names.
    places: HashMap<&'static str, usize>,
    /// Unless none are wanted; while they are written they are in the hands of who writes them.
    rollups: Option<Rollups>,
    /// The names behind the numbers of records, from the first one.
    context: Option<RecordContext>,
    sealer: Sealer,
    keeper: Keeper,
    retention: Arc<Mutex<Retention>>,
    /// The number of the next segment.
    next: u64,
    /// Records until the memory is looked at.
    until_look: u32,
    /// There is no room, and the disk takes nothing.
    crowded: bool,
    rolled: [Instant; 3],
    notes: Vec<String>,
    _lock: Lock,
}

/// Places of the tables that have most records: the first of [`tables`].
const CONN: usize = 0;
const CONN_UPDATE: usize = 1;

impl Store {
    /// Opens the store for writing, makes Parquet of what a run before left open, and starts its threads.
    ///
    /// # Errors
    /// A folder that cannot be written, or that another instance writes into.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let layout = Layout::new(&config.path);
        layout
            .create()
            .map_err(StoreError::io("make a store in", &config.path))?;
        let lock = Lock::take(&layout)?;
        // What was being written when the last run ended.
        let _ = std::fs::remove_dir_all(layout.tmp());
        layout
            .create()
            .map_err(StoreError::io("make a store in", &config.path))?;
        let next = layout
            .next_segment()
            .map_err(StoreError::io("list", &config.path))?;
        let (left, notes) = sealer::left_open(&layout)?;
        let all = tables();
        let status = Arc::new(OutputStatus::default());
        let sealer = Sealer::start(
            layout.clone(),
            Arc::clone(&status),
            left,
            config.seal_bytes(),
        )
        .map_err(StoreError::io("start a thread for", &config.path))?;
        let retention = Arc::new(Mutex::new(config.retention));
        let keeper = Keeper::start(
            layout.clone(),
            Arc::clone(&status),
            Arc::clone(&retention),
            config.merge_bytes(),
        )
        .map_err(StoreError::io("start a thread for", &config.path))?;
        let now = Instant::now();
        Ok(Store {
            status,
            tables: all
                .iter()
                .map(|table| OpenTable::new(table, !config.community_id))
                .collect(),
            places: all
                .iter()
                .enumerate()
                .map(|(place, table)| (table.name, place))
                .collect(),
            rollups: config.rollups.then(|| Rollups::new(config.sums_bytes())),
            context: None,
            layout,
            config,
            sealer,
            keeper,
            retention,
            next,
            until_look: LOOK_EVERY,
            crowded: false,
            rolled: [now; 3],
            notes,
            _lock: lock,
        })
    }

    /// What was found when it was opened, for people.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What is kept, to be changed by who has this while the store is written; looked at every ten seconds.
    #[must_use]
    pub fn retention(&self) -> Arc<Mutex<Retention>> {
        Arc::clone(&self.retention)
    }

    /// Makes room in a table, by handing what it holds to the sealer; whether there is room now.
    fn seal(&mut self, place: usize) -> bool {
        loop {
            let job = match self.tables[place].close(&mut self.next) {
                Ok(Some(job)) => job,
                Ok(None) => return true,
                Err(error) => {
                    self.status.error(error.to_string());
                    return true;
                }
            };
            if let Err(job) = self.hand_over(job) {
                self.tables[place].wait(job);
                return false;
            }
        }
    }

    /// Waits for a slow disk, so that a file's records are all stored and the rings of a live run fill; but not for one that refuses.
    fn hand_over(&self, mut job: Job) -> Result<(), Job> {
        loop {
            job = match self.sealer.seal(job) {
                Ok(()) => return Ok(()),
                Err(job) if self.sealer.is_failing() => return Err(job),
                Err(job) => job,
            };
            std::thread::sleep(PAUSE);
        }
    }

    /// Room for another row of a table?
    fn room(&mut self, place: usize) -> bool {
        self.until_look = self.until_look.saturating_sub(1);
        if self.until_look == 0 {
            self.until_look = LOOK_EVERY;
            self.crowded = !self.within_bounds();
        }
        let is_full = self.tables[place].is_full(self.config.segment_bytes());
        !(self.crowded || is_full) || self.seal(place)
    }

    /// Makes room as long as all tables together hold more than they may; whether they hold less now.
    fn within_bounds(&mut self) -> bool {
        let most = self.config.held_bytes();
        let mut gave_back = false;
        loop {
            let held: usize = self.tables.iter().map(OpenTable::held).sum();
            let at_sealer = self.sealer.held();
            if held + at_sealer <= most {
                return true;
            }
            if !gave_back {
                let tables = self.tables.iter_mut();
                tables.for_each(|table| table.columns.give_back());
                gave_back = true;
                continue;
            }
            let least = if at_sealer > 0 { WORTH } else { 1 };
            let largest = (0..self.tables.len())
                .filter(|place| {
                    self.tables[*place].rows() >= least || self.tables[*place].is_waiting()
                })
                .max_by_key(|place| self.tables[*place].held());
            match largest {
                Some(place) => {
                    if !self.seal(place) {
                        return false;
                    }
                    self.tables[place].columns.give_back();
                }
                None if at_sealer == 0 || self.sealer.is_failing() => return false,
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    fn roll(&mut self, depth: Depth, context: &RecordContext) {
        let Some(mut rollups) = self.rollups.take() else {
            return;
        };
        rollups.write(depth, context, &mut |table, values| {
            let Some(place) = self.places.get(table).copied() else {
                return;
            };
            if self.room(place) {
                let table = &mut self.tables[place];
                for value in values {
                    table.columns.push(value);
                }
                table.columns.end_row();
                table.added();
            }
        });
        self.rollups = Some(rollups);
    }

    /// What has been in memory for so long into open segments. At a high rate segments are full before, and nothing is written twice.
    fn flush_older_than(&mut self, age: Duration) {
        let due = |table: &&mut OpenTable| table.is_due(age);
        let (mut tried, mut failed) = (false, false);
        for table in self.tables.iter_mut().filter(due) {
            tried = true;
            match table.flush(&self.layout, &mut self.next) {
                Ok(written) => self.status.add_written(written, 0),
                Err(error) => {
                    // The first tells of all.
                    if !failed {
                        self.status.error(error.to_string());
                    }
                    failed = true;
                }
            }
        }
        if failed {
            self.status.set_state(OutputState::Recovering);
        } else if tried
            && self.status.state() == OutputState::Recovering
            && !self.sealer.is_failing()
        {
            self.status.set_state(OutputState::Ok);
            self.status
                .recovered(format!("{}: writes again", self.config.path.display()));
        }
    }
}

impl Output for Store {
    fn name(&self) -> &str {
        "store"
    }

    fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    fn write(&mut self, record: &Record, context: &RecordContext) {
        let place = match record {
            Record::Conn(_) => CONN,
            Record::ConnUpdate(_) => CONN_UPDATE,
            other => match self.places.get(other.path()) {
                Some(place) => *place,
                None => {
                    self.status.add_unwanted();
                    return;
                }
            },
        };
        if self.context.is_none() {
            self.context = Some(context.clone());
        }
        if let Some(rollups) = &mut self.rollups {
            rollups.take(record);
            if rollups.is_full() {
                self.roll(Depth::Minutes, context);
            }
        }
        if !self.room(place) {
            self.status.add_dropped(DropReason::WriteError, 1);
            return;
        }
        let table = &mut self.tables[place];
        record.visit(context, &mut table.columns);
        table.columns.end_row();
        table.added();
    }

    fn tick(&mut self, _now: SystemTime) {
        if let Some(context) = self.context.take() {
            for (i, (depth, every)) in ROLLUPS_EVERY.iter().enumerate() {
                if self.rolled[i].elapsed() >= *every {
                    self.rolled[i] = Instant::now();
                    self.roll(*depth, &context);
                }
            }
            self.context = Some(context);
        }
        for place in 0..self.tables.len() {
            let table = &self.tables[place];
            if table.is_waiting() || table.is_old(self.config.segment_every) {
                self.seal(place);
            }
        }
        self.flush_older_than(self.config.flush_every.saturating_sub(LOOK));
    }

    fn flush(&mut self) {
        self.flush_older_than(self.config.flush_every.saturating_sub(LOOK));
    }

    fn finish(&mut self) {
        if let Some(context) = self.context.take() {
            self.roll(Depth::Hours, &context);
        }
        self.keeper.stop();
        // A disk that refuses is tried once more, and not waited for: what it takes is safe in open segments.
        self.sealer.hurry();
        if self.status.state() == OutputState::Recovering {
            self.flush_older_than(Duration::ZERO);
        }
        for place in 0..self.tables.len() {
            loop {
                match self.tables[place].close(&mut self.next) {
                    Ok(Some(job)) => {
                        let records = job.records;
                        if self.sealer.seal_at_last(job).is_err() {
                            self.status.add_dropped(DropReason::WriteError, records);
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        self.status.error(error.to_string());
                        break;
                    }
                }
            }
        }
        self.sealer.finish();
    }
}
