//! Several files as one: in the order of time.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::interfaces::{FileInterface, Interfaces};
use super::limits::{MAX_BURST_REGIONS, MAX_OPEN};
use super::pcapng::Drops;
use super::reader::{FileReader, Step};
use super::stream::Pipe;
use crate::burst::{MAX_BURST, Region};
use crate::error::CaptureError;
use crate::frame::RawFrame;

/// A file whose turn has not come.
struct Waiting {
    path: PathBuf,
    /// Time of its first frame; what has none or is damaged at once comes first.
    first: i64,
    /// Already open: standard input, which cannot be opened a second time.
    open: Option<Box<Active>>,
}

/// A file that is being read.
struct Active {
    reader: FileReader,
    frames: Vec<RawFrame>,
    /// How many of `frames` were lent.
    taken: usize,
    /// What `frames` stand in.
    regions: Vec<Arc<dyn Region>>,
}

impl Active {
    fn new(reader: FileReader) -> Active {
        Active {
            reader,
            frames: Vec::with_capacity(MAX_BURST),
            taken: 0,
            regions: Vec::with_capacity(1),
        }
    }

    /// Reads on when all frames were lent.
    #[inline]
    fn refill(&mut self, names: &mut Interfaces) -> Result<Step, CaptureError> {
        if self.taken < self.frames.len() {
            return Ok(Step::Frames);
        }
        self.frames.clear();
        self.taken = 0;
        // Let go first, so that the chunk can be used again.
        self.regions.clear();
        let step = self.reader.next(&mut self.frames, names)?;
        self.regions.push(self.reader.region());
        Ok(step)
    }

    fn head(&self) -> i64 {
        self.frames
            .get(self.taken)
            .map_or(i64::MAX, |frame| frame.timestamp)
    }
}

/// What [`Order::next`] prepared.
pub(crate) enum Lent {
    Frames,
    Empty,
    End,
}

/// Which descriptors [`Order::lent`] lends.
enum From {
    /// Those of the one active file, from .. to.
    Active(usize, usize),
    /// The merged ones.
    Merged,
}

/// Files in the order of the time of their first frames, merged where they overlap.
pub(crate) struct Order {
    waiting: VecDeque<Waiting>,
    active: Vec<Active>,
    names: Interfaces,
    merged: Vec<RawFrame>,
    merged_regions: Vec<Arc<dyn Region>>,
    from: From,
    total: Option<u64>,
    /// Bytes and losses of the files that were read.
    read: u64,
    drops: Drops,
    files: usize,
}

impl Order {
    fn empty(files: usize) -> Order {
        Order {
            waiting: VecDeque::with_capacity(files),
            active: Vec::with_capacity(MAX_OPEN),
            names: Interfaces::default(),
            merged: Vec::with_capacity(MAX_BURST),
            merged_regions: Vec::with_capacity(MAX_BURST_REGIONS),
            from: From::Merged,
            total: Some(0),
            read: 0,
            drops: Drops::default(),
            files,
        }
    }

    /// The one file that `reader` reads.
    ///
    /// # Errors
    /// If it is no capture file.
    pub(crate) fn single(reader: FileReader) -> Result<Order, CaptureError> {
        let mut order = Order::empty(1);
        order.total = None;
        order.begin(reader)?;
        Ok(order)
    }

    /// Begins with the only file there is. A pipe may have nothing yet; that it is no capture file is told now.
    fn begin(&mut self, reader: FileReader) -> Result<(), CaptureError> {
        let mut active = Active::new(reader);
        match active.refill(&mut self.names) {
            Ok(_) => {}
            // There is nothing before this damage, but the file is a capture file: told when it is read.
            Err(error @ CaptureError::Damaged { .. }) => active.reader.put_back(error),
            Err(error) => return Err(error),
        }
        self.active.push(active);
        Ok(())
    }

    /// Looks at all files.
    ///
    /// # Errors
    /// If one cannot be opened; if there is only one, also if it is no capture file.
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Order, CaptureError> {
        let mut order = Order::empty(paths.len());
        if let [only] = paths {
            order.note_size(only);
            order.begin(FileReader::open(only)?)?;
            return Ok(order);
        }
        for path in paths {
            order.note_size(path);
            let again = is_regular(path);
            let reader = FileReader::open(path)?;
            let mut active = Active::new(reader);
            // What is wrong with it will be found again when it is its turn.
            let first = match active.refill(&mut order.names) {
                Ok(Step::Frames) => active.head(),
                Ok(Step::Empty | Step::End) => i64::MIN,
                Err(error) => {
                    if !again {
                        active.reader.put_back(error);
                    }
                    i64::MIN
                }
            };
            order.waiting.push_back(Waiting {
                path: path.clone(),
                first,
                open: (!again).then(|| Box::new(active)),
            });
        }
        // Stable: files that begin at the same moment stay in the order given.
        order
            .waiting
            .make_contiguous()
            .sort_by_key(|waiting| waiting.first);
        Ok(order)
    }

    fn note_size(&mut self, path: &Path) {
        let size = std::fs::metadata(path)
            .ok()
            .filter(|metadata| path.as_os_str() != "-" && metadata.is_file())
            .map(|metadata| metadata.len());
        self.total = self.total.zip(size).map(|(sum, size)| sum + size);
    }

    /// One line on how the files are read.
    pub(crate) fn description(&self) -> String {
        match (self.files, self.total) {
            (1, Some(_)) => "capture file".to_owned(),
            (1, None) => "capture from a pipe".to_owned(),
            (files, _) => format!("{files} capture files, in the order of time"),
        }
    }

    pub(crate) fn total_bytes(&self) -> Option<u64> {
        self.total
    }

    pub(crate) fn interfaces(&self) -> &[FileInterface] {
        self.names.list()
    }

    /// Bytes read of all files.
    pub(crate) fn position(&self) -> u64 {
        self.active
            .iter()
            .fold(self.read, |sum, active| sum + active.reader.taken())
    }

    /// Losses that the files tell of.
    pub(crate) fn drops(&self) -> Drops {
        self.active
            .iter()
            .fold(self.drops, |sum, active| sum.add(active.reader.drops()))
    }

    /// A pipe, if the source waits for one.
    pub(crate) fn pipe(&self) -> Option<&Pipe> {
        self.active
            .iter()
            .find(|active| active.taken >= active.frames.len())
            .and_then(|active| active.reader.pipe())
    }

    /// Prepares the next frames; [`Order::lent`] lends them.
    ///
    /// # Errors
    /// What is wrong with a file; the next call goes on with the others.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Lent, CaptureError> {
        self.merged_regions.clear();
        loop {
            let mut index = 0;
            while let Some(active) = self.active.get_mut(index) {
                match active.refill(&mut self.names) {
                    Ok(Step::Frames) => index += 1,
                    Ok(Step::Empty) => return Ok(Lent::Empty),
                    Ok(Step::End) => self.close(index),
                    Err(error) => {
                        self.close(index);
                        return Err(error);
                    }
                }
            }
            let earliest = self.active.iter().map(Active::head).min();
            if !self.open_due(earliest)? {
                break;
            }
        }
        // Nothing behind this moment may be lent before the next file is open.
        let limit = match self.waiting.front() {
            Some(waiting) if self.active.len() < MAX_OPEN => waiting.first,
            _ => i64::MAX,
        };
        match self.active.as_mut_slice() {
            [] => Ok(Lent::End),
            [only] => {
                let rest = only.frames.get(only.taken..).unwrap_or_default();
                let end = if limit == i64::MAX {
                    rest.len()
                } else {
                    let due = rest.iter().take_while(|frame| frame.timestamp <= limit);
                    due.count().max(1)
                };
                self.from = From::Active(only.taken, only.taken + end);
                only.taken += end;
                Ok(Lent::Frames)
            }
            _ => {
                self.merge(limit);
                Ok(Lent::Frames)
            }
        }
    }

    /// Descriptors and regions of what [`Order::next`] prepared.
    #[inline]
    pub(crate) fn lent(&self) -> (&[RawFrame], &[Arc<dyn Region>]) {
        match (&self.from, self.active.first()) {
            (From::Active(from, to), Some(active)) => (
                active.frames.get(*from..*to).unwrap_or_default(),
                &active.regions,
            ),
            _ => (&self.merged, &self.merged_regions),
        }
    }

    /// Opens the next file if it begins before `earliest` (or nothing is open). `false`: there was none to open.
    fn open_due(&mut self, earliest: Option<i64>) -> Result<bool, CaptureError> {
        let due = self.waiting.front().is_some_and(|waiting| {
            self.active.len() < MAX_OPEN
                && earliest.is_none_or(|earliest| waiting.first <= earliest)
        });
        let Some(waiting) = due.then(|| self.waiting.pop_front()).flatten() else {
            return Ok(false);
        };
        let active = match waiting.open {
            Some(open) => *open,
            None => Active::new(FileReader::open(&waiting.path)?),
        };
        self.active.push(active);
        Ok(true)
    }

    fn close(&mut self, index: usize) {
        let closed = self.active.swap_remove(index);
        self.read += closed.reader.taken();
        self.drops = self.drops.add(closed.reader.drops());
    }

    /// Merges frames of the active files by time, until one of them must be read on.
    fn merge(&mut self, limit: i64) {
        self.merged.clear();
        self.from = From::Merged;
        while self.merged.len() < MAX_BURST {
            let earliest = self.active.iter_mut().min_by_key(|active| active.head());
            let Some(active) = earliest else { break };
            let Some(frame) = active.frames.get(active.taken) else {
                break;
            };
            let Some(region) = active.regions.first() else {
                break;
            };
            if frame.timestamp > limit && !self.merged.is_empty() {
                break;
            }
            let held = &self.merged_regions;
            if !held.iter().any(|held| Arc::ptr_eq(held, region)) {
                if held.len() == MAX_BURST_REGIONS {
                    break;
                }
                self.merged_regions.push(region.clone());
            }
            self.merged.push(*frame);
            active.taken += 1;
            if active.taken == active.frames.len() {
                break;
            }
        }
    }
}

/// Whether a file can be opened a second time from its start.
fn is_regular(path: &Path) -> bool {
    path.as_os_str() != "-" && std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}
