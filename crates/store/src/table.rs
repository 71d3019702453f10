//! One table while it is written: rows in memory, and the open segment that they go to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::columns::Columns;
use crate::config::SEGMENT_ROWS;
use crate::error::StoreError;
use crate::layout::Layout;
use crate::schema::{Table, TableKind};
use crate::sealer::Job;
use crate::segment::SegmentWriter;

/// A table and what of it is not Parquet yet.
pub(crate) struct OpenTable {
    name: &'static str,
    /// Whether its rows are records, which the ledger counts.
    counts: bool,
    schema: SchemaRef,
    pub columns: Columns,
    segment: Option<SegmentWriter>,
    number: u64,
    /// When the segment had its first row.
    since: Option<Instant>,
    /// When the first of the rows in memory came.
    unflushed: Option<Instant>,
    /// A full segment that found no room at the sealer.
    waiting: Option<Job>,
}

impl OpenTable {
    pub fn new(table: &Table, without_community_id: bool) -> Self {
        let schema = table.schema();
        OpenTable {
            name: table.name,
            counts: table.kind == TableKind::Records,
            columns: Columns::new(&table.fields, Arc::clone(&schema), without_community_id),
            schema,
            segment: None,
            number: 0,
            since: None,
            unflushed: None,
            waiting: None,
        }
    }

    /// A row was added.
    #[inline]
    pub fn added(&mut self) {
        if self.unflushed.is_none() {
            let now = Instant::now();
            self.unflushed = Some(now);
            self.since.get_or_insert(now);
        }
    }

    /// Whether rows have been in memory for so long, or the disk has refused them for so long.
    pub fn is_due(&self, most: Duration) -> bool {
        self.unflushed.is_some_and(|since| since.elapsed() >= most)
    }

    pub fn is_full(&self, bytes: usize) -> bool {
        let (rows, written) = self
            .segment
            .as_ref()
            .map_or((0, 0), |segment| (segment.rows(), segment.bytes() as usize));
        self.columns.rows() + rows >= SEGMENT_ROWS || self.columns.bytes() + written >= bytes
    }

    pub fn is_old(&self, most: Duration) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= most)
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Rows in memory.
    pub fn rows(&self) -> usize {
        self.columns.rows()
    }

    /// Bytes of memory that it holds: rows, room for more, what the disk refused, what waits for the sealer.
    pub fn held(&self) -> usize {
        let segment = self.segment.as_ref().map_or(0, SegmentWriter::held);
        let waiting = self.waiting.as_ref().map_or(0, |job| job.bytes);
        self.columns.held() + segment + waiting
    }

    /// Puts the rows in memory into the open segment; how many of them the ledger counts as written.
    ///
    /// # Errors
    /// The disk. The rows stay.
    pub fn flush(&mut self, layout: &Layout, next: &mut u64) -> Result<u64, StoreError> {
        let flushed = self.try_flush(layout, next);
        self.unflushed = flushed.is_err().then(Instant::now);
        flushed
    }

    fn try_flush(&mut self, layout: &Layout, next: &mut u64) -> Result<u64, StoreError> {
        if self.columns.rows() == 0 && !self.segment.as_ref().is_some_and(SegmentWriter::has_unsent)
        {
            return Ok(0);
        }
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => {
                let number = *next;
                let path = layout.open_segment(self.name, number);
                let segment = SegmentWriter::create(path, &self.schema)?;
                *next += 1;
                self.number = number;
                none.insert(segment)
            }
        };
        // A batch that the disk refused goes first, and alone.
        if segment.has_unsent() {
            segment.send()?;
        }
        if self.columns.rows() > 0 {
            let batch = self
                .columns
                .take()
                .map_err(StoreError::arrow(segment.path()))?;
            segment.add(batch);
            segment.send()?;
        }
        let sent = segment.news() as u64;
        Ok(if self.counts { sent } else { 0 })
    }

    /// Ends the segment: what is to be made Parquet, if there is anything.
    pub fn close(&mut self, next: &mut u64) -> Result<Option<Job>, StoreError> {
        if let Some(job) = self.waiting.take() {
            return Ok(Some(job));
        }
        let mut bytes = self.columns.held();
        let tail = if self.columns.rows() > 0 {
            // With rows in an open segment they go by one schema; alone, they may go as they are.
            let rows = if self.segment.is_some() {
                self.columns.take()
            } else {
                self.columns.take_coded()
            };
            Some(rows.map_err(StoreError::arrow(self.name.as_ref()))?)
        } else {
            None
        };
        self.since = None;
        self.unflushed = None;
        let segment = self.segment.take();
        if segment.is_none() && tail.is_none() {
            return Ok(None);
        }
        let number = if segment.is_some() {
            self.number
        } else {
            *next += 1;
            *next - 1
        };
        // It is read back as it was written.
        bytes += segment
            .as_ref()
            .map_or(0, |segment| segment.held() + segment.bytes() as usize);
        let closed = segment.map(SegmentWriter::close).unwrap_or_default();
        let tail: Vec<RecordBatch> = closed.unsent.into_iter().chain(tail).collect();
        let records = closed.untold + tail.iter().map(RecordBatch::num_rows).sum::<usize>();
        let records = if self.counts { records as u64 } else { 0 };
        Ok(Some(Job {
            table: self.name.to_owned(),
            segment: number,
            open: closed.path,
            tail,
            records,
            bytes,
        }))
    }

    /// Keeps a segment for which there was no room.
    pub fn wait(&mut self, job: Job) {
        self.waiting = Some(job);
    }
}
