//! What goes between the two processes: an order, then frames.
//!
//! A frame is a byte that says what it is, the length of what follows (32 bits, little-endian) and that: JSON, or for columns and rows an Arrow IPC stream of its own, which
//! has the schema with it.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamDecoder;
use datafusion::arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};

use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::running::{Ask, Event};

/// Bytes of a frame, at most: a batch has some thousand rows, so that is kilobytes for each.
pub(super) const MOST: usize = 64 << 20;

/// What a child is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub store: PathBuf,
    pub config: QueryConfig,
    pub ask: Ask,
}

/// An error, on its way.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Wrong {
    Sql(String),
    Refused(String),
    Memory(String),
    Timeout(std::time::Duration),
    Failed(String),
}

impl From<QueryError> for Wrong {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Sql(what) => Wrong::Sql(what),
            QueryError::Refused(what) => Wrong::Refused(what),
            QueryError::Memory(what) => Wrong::Memory(what),
            QueryError::Timeout(after) => Wrong::Timeout(after),
            other => Wrong::Failed(other.to_string()),
        }
    }
}

impl From<Wrong> for QueryError {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Sql(what) => QueryError::Sql(what),
            Wrong::Refused(what) => QueryError::Refused(what),
            Wrong::Memory(what) => QueryError::Memory(what),
            Wrong::Timeout(after) => QueryError::Timeout(after),
            Wrong::Failed(what) => QueryError::Failed(what),
        }
    }
}

/// Writes an event or what went wrong.
///
/// # Errors
/// Nobody reads any more. What is too large for a frame becomes an error that is written.
pub(super) fn write(out: &mut impl Write, event: Result<Event, QueryError>) -> io::Result<()> {
    let (kind, payload) = match framed(event) {
        Ok(frame) if frame.1.len() <= MOST => frame,
        Ok(_) => wrong(QueryError::Memory(format!(
            "rows of more than {} MiB at once",
            MOST >> 20
        ))),
        Err(error) => wrong(QueryError::Failed(error.to_string())),
    };
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    out.write_all(&[kind])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&payload)?;
    out.flush()
}

fn framed(event: Result<Event, QueryError>) -> Result<(u8, Vec<u8>), ArrowError> {
    Ok(match event {
        Ok(Event::Schema(schema)) => (b'S', arrow(&schema, None)?),
        Ok(Event::Batch(batch)) => (b'B', arrow(&batch.schema(), Some(&batch))?),
        Ok(Event::Progress(progress)) => (b'P', json(&progress)),
        Ok(Event::Done(stats)) => (b'D', json(&stats)),
        Err(error) => wrong(error),
    })
}

fn wrong(error: QueryError) -> (u8, Vec<u8>) {
    (b'E', json(&Wrong::from(error)))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Numbers and texts under names: nothing that JSON has not.
    serde_json::to_vec(value).unwrap_or_default()
}

fn arrow(schema: &Schema, batch: Option<&RecordBatch>) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    if let Some(batch) = batch {
        writer.write(&compact(batch)?)?;
    }
    writer.finish()?;
    writer.into_inner()
}

/// The same rows without the texts of others: a column of views holds on to all that its pages had, and all that would go along.
fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |column: &ArrayRef| match column.as_string_view_opt() {
        Some(views) => Arc::new(views.gc()) as ArrayRef,
        None => Arc::clone(column),
    };
    RecordBatch::try_new(batch.schema(), batch.columns().iter().map(column).collect())
}

/// Reads the next frame; `None` at the end.
///
/// # Errors
/// It is none, or ends in the middle.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Result<Event, QueryError>>> {
    let mut head = [0; 5];
    let got = from.read(&mut head[..1])?;
    if got == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    let [kind, length @ ..] = head;
    let length = u64::from(u32::from_le_bytes(length));
    if length > MOST as u64 {
        return Err(io::Error::other("a frame that is too long"));
    }
    let mut payload = Vec::new();
    // Not by what the head promises: memory is taken for what comes.
    from.take(length).read_to_end(&mut payload)?;
    if (payload.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    event(kind, payload).map(Some)
}

fn event(kind: u8, payload: Vec<u8>) -> io::Result<Result<Event, QueryError>> {
    Ok(Ok(match kind {
        b'S' => Event::Schema(rows(payload)?.0),
        b'B' => Event::Batch(rows(payload)?.1.ok_or(io::ErrorKind::InvalidData)?),
        b'P' => Event::Progress(serde_json::from_slice(&payload)?),
        b'D' => Event::Done(serde_json::from_slice(&payload)?),
        b'E' => return Ok(Err(serde_json::from_slice::<Wrong>(&payload)?.into())),
        _ => return Err(io::Error::other("a frame of no known kind")),
    }))
}

fn rows(payload: Vec<u8>) -> io::Result<(SchemaRef, Option<RecordBatch>)> {
    // Arrow's reader panics on some of what is no stream.
    std::panic::catch_unwind(|| stream(payload))
        .unwrap_or_else(|_| Err(io::Error::other("columns that are none")))
}

/// By the decoder of pieces, which takes what is there: the reader of streams takes memory for whatever length a message claims.
fn stream(payload: Vec<u8>) -> io::Result<(SchemaRef, Option<RecordBatch>)> {
    let mut decoder = StreamDecoder::new();
    let mut payload = Buffer::from_vec(payload);
    let batch = decoder.decode(&mut payload).map_err(io::Error::other)?;
    let schema = decoder.schema().ok_or(io::ErrorKind::InvalidData)?;
    match batch {
        // Without columns rows take no bytes, however many there are said to be.
        Some(batch) if batch.num_rows() > MOST => Err(io::ErrorKind::InvalidData.into()),
        batch => Ok((schema, batch)),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringArray};

    use super::*;
    use crate::running::{Progress, Stats};

    fn through(event: Result<Event, QueryError>) -> Result<Event, QueryError> {
        let mut bytes = Vec::new();
        write(&mut bytes, event).unwrap();
        let mut from = bytes.as_slice();
        let event = read(&mut from).unwrap().unwrap();
        assert!(from.is_empty());
        assert!(read(&mut from).unwrap().is_none());
        event
    }

    fn batch(text: &str) -> RecordBatch {
        RecordBatch::try_from_iter([
            (
                "number",
                Arc::new(Int64Array::from(vec![Some(7), None])) as ArrayRef,
            ),
            (
                "text",
                Arc::new(StringArray::from(vec![None, Some(text)])) as ArrayRef,
            ),
        ])
        .unwrap()
    }

    #[test]
    fn what_goes_in_comes_out() {
        let batch = batch("é");
        let Ok(Event::Batch(got)) = through(Ok(Event::Batch(batch.clone()))) else {
            panic!("no batch");
        };
        assert_eq!(got, batch);
        let Ok(Event::Schema(schema)) = through(Ok(Event::Schema(batch.schema()))) else {
            panic!("no schema");
        };
        assert_eq!(schema, batch.schema());
        let progress = Progress { done: 1, total: 2 };
        assert!(
            matches!(through(Ok(Event::Progress(progress))), Ok(Event::Progress(got)) if got == progress)
        );
        let stats = Stats {
            rows: 3,
            truncated: true,
            ..Stats::default()
        };
        assert!(matches!(through(Ok(Event::Done(stats))), Ok(Event::Done(got)) if got == stats));
        let error = QueryError::Sql("no column x".into());
        assert!(matches!(through(Err(error)), Err(QueryError::Sql(what)) if what == "no column x"));
    }

    #[test]
    fn what_is_too_large_becomes_an_error() {
        let large = batch(&"x".repeat(MOST));
        assert!(matches!(
            through(Ok(Event::Batch(large))),
            Err(QueryError::Memory(_))
        ));
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_takes_no_memory() {
        let mut whole = Vec::new();
        write(&mut whole, Ok(Event::Batch(batch("text")))).unwrap();
        for end in 1..whole.len() {
            assert!(read(&mut &whole[..end]).is_err(), "{end}");
        }
        for bad in [
            &b"X\0\0\0\0"[..],
            b"B\xff\xff\xff\xff",
            b"B\x02\0\0\0{}",
            b"D\x02\0\0\0[]",
        ] {
            assert!(read(&mut &bad[..]).is_err(), "{bad:?}");
        }
        // Bytes that are flipped give an error or another answer, and no panic.
        for at in 5..whole.len() {
            for bits in [0x55, 0x01, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] ^= bits;
                let _ = read(&mut flipped.as_slice());
            }
        }
    }
}
