//! An open segment on disk: an Arrow IPC stream that grows by whole batches.
//!
//! What a `write` left half done (a process killed, a disk that filled up) is a tail without meaning: readers stop before it. Lengths are
//! checked against the file before anything is decoded.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::ipc::{MessageHeader, root_as_message};

use crate::error::StoreError;

/// The largest open segment that is read, bytes: many times what is ever written.
const MOST_BYTES: u64 = 4 << 30;

/// A segment that is being written.
pub(crate) struct SegmentWriter {
    path: PathBuf,
    file: File,
    stream: StreamWriter<Vec<u8>>,
    /// Bytes of the file that are whole messages.
    good: u64,
    /// What waits to be written.
    unsent: Option<RecordBatch>,
    rows: usize,
}

impl SegmentWriter {
    pub fn create(path: PathBuf, schema: &Schema) -> Result<Self, StoreError> {
        let stream = StreamWriter::try_new(Vec::new(), schema).map_err(StoreError::arrow(&path))?;
        let file = File::create_new(&path).map_err(StoreError::io("create", &path))?;
        Ok(SegmentWriter {
            path,
            file,
            stream,
            good: 0,
            unsent: None,
            rows: 0,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows that are in the file.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.good
    }

    /// Whether a batch waits for a disk that takes it.
    pub fn has_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    /// Has a batch wait to be written; nothing else may wait already.
    pub fn add(&mut self, batch: RecordBatch) -> Result<(), StoreError> {
        self.stream
            .write(&batch)
            .map_err(StoreError::arrow(&self.path))?;
        self.unsent = Some(batch);
        Ok(())
    }

    /// Ends it: its file, if that has any rows, and what it lacks.
    pub fn close(self) -> (Option<PathBuf>, Option<RecordBatch>) {
        if self.rows == 0 {
            let _ = std::fs::remove_file(&self.path);
            (None, self.unsent)
        } else {
            (Some(self.path), self.unsent)
        }
    }

    /// Writes what waits, whole or not at all, and says how many rows that were. What was not written waits on.
    pub fn send(&mut self) -> Result<usize, StoreError> {
        let bytes = self.stream.get_ref();
        if let Err(error) = self.file.write_all_at(bytes, self.good) {
            // Readers stop at the good part anyway; this gives the room back.
            let _ = self.file.set_len(self.good);
            return Err(StoreError::io("write", &self.path)(error));
        }
        self.good += bytes.len() as u64;
        self.stream.get_mut().clear();
        let sent = self.unsent.take().map_or(0, |batch| batch.num_rows());
        self.rows += sent;
        Ok(sent)
    }
}

/// What an open segment holds.
#[derive(Debug, Default)]
pub(crate) struct SegmentContent {
    pub batches: Vec<RecordBatch>,
    /// What is wrong with it, if that is more than a torn end.
    pub damage: Option<String>,
}

/// Reads what is whole.
pub(crate) fn read(file: &mut File) -> io::Result<SegmentContent> {
    let len = file.metadata()?.len();
    if len > MOST_BYTES {
        return Ok(SegmentContent {
            damage: Some(format!("{len} bytes are more than any segment has")),
            ..SegmentContent::default()
        });
    }
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(decode(&bytes))
}

fn decode(bytes: &[u8]) -> SegmentContent {
    let (good, ended) = whole(bytes);
    let mut content = SegmentContent::default();
    if let Ended::Nonsense(what) = ended {
        content.damage = Some(what.to_owned());
    }
    if good > 0 {
        // The library panics on some of what cannot be: this is a file, and files are damaged.
        match catch_unwind(|| batches(&bytes[..good])) {
            Ok((batches, None)) => content.batches = batches,
            Ok((batches, damage)) => (content.batches, content.damage) = (batches, damage),
            Err(_) => content.damage = Some("it cannot be decoded".into()),
        }
    }
    content
}

/// The batches of whole messages, up to the first that is wrong, and what is wrong with it.
fn batches(bytes: &[u8]) -> (Vec<RecordBatch>, Option<String>) {
    let mut batches = Vec::new();
    let reader = match StreamReader::try_new(bytes, None) {
        Ok(reader) => reader,
        Err(error) => return (batches, Some(error.to_string())),
    };
    for batch in reader {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(error) => return (batches, Some(error.to_string())),
        }
    }
    (batches, None)
}

/// How the walk over a file's messages ended.
enum Ended {
    /// At the end, or in the middle of a message.
    Short,
    /// At something that is no message.
    Nonsense(&'static str),
}

/// Bytes of the whole messages that a file begins with. (Arrow columnar format, "Encapsulated message format": a continuation of four
/// bytes 0xff, the length of the metadata, the metadata, a body whose length the metadata tells.)
fn whole(bytes: &[u8]) -> (usize, Ended) {
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let Some((head, rest)) = rest.split_first_chunk::<8>() else {
            return (at, Ended::Short);
        };
        if head[..4] != [0xff; 4] {
            return (at, Ended::Nonsense("no message where one should begin"));
        }
        let metadata = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(message) = rest.get(..metadata) else {
            return (at, Ended::Short);
        };
        let Ok(message) = root_as_message(message) else {
            return (at, Ended::Nonsense("a message that cannot be read"));
        };
        let Ok(body) = usize::try_from(message.bodyLength()) else {
            return (at, Ended::Nonsense("a message of negative length"));
        };
        let first = at == 0;
        if first != (message.header_type() == MessageHeader::Schema) {
            return (at, Ended::Nonsense("no schema first, or a second one"));
        }
        let Some(end) = metadata.checked_add(body).filter(|end| *end <= rest.len()) else {
            return (at, Ended::Short);
        };
        at += 8 + end;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int32Array, StringArray, TimestampNanosecondArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn batch(from: i32) -> RecordBatch {
        let names: DictionaryArray<Int32Type> = (from..from + 10)
            .map(|i| format!("n{i}"))
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect();
        RecordBatch::try_from_iter([
            (
                "ts",
                Arc::new(TimestampNanosecondArray::from_iter_values(
                    (from..from + 10).map(i64::from),
                )) as _,
            ),
            (
                "n",
                Arc::new(Int32Array::from_iter_values(from..from + 10)) as _,
            ),
            ("name", Arc::new(names) as _),
            (
                "text",
                Arc::new(StringArray::from_iter_values(
                    (0..10).map(|i| "x".repeat(i)),
                )) as _,
            ),
        ])
        .unwrap()
    }

    fn segment() -> (Vec<u8>, Vec<usize>) {
        let folder = std::env::temp_dir();
        let path = folder.join(format!(
            "portreeve-segment-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let _ = std::fs::remove_file(&path);
        let mut writer = SegmentWriter::create(path.clone(), &batch(0).schema()).unwrap();
        let mut ends = Vec::new();
        for i in 0..5 {
            writer.add(batch(i * 10)).unwrap();
            assert!(writer.has_unsent());
            assert_eq!(writer.send().unwrap(), 10);
            ends.push(writer.bytes() as usize);
        }
        assert_eq!(writer.rows(), 50);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(ends[4], bytes.len());
        (bytes, ends)
    }

    #[test]
    fn every_cut_leaves_the_whole_batches_before_it() {
        let (bytes, ends) = segment();
        for cut in 0..=bytes.len() {
            let content = decode(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            // A dictionary may be there before its batch.
            assert_eq!(content.batches.len(), whole, "{cut}");
            assert!(content.damage.is_none(), "{cut}: {:?}", content.damage);
            for (i, read) in content.batches.iter().enumerate() {
                assert_eq!(*read, batch(i as i32 * 10));
            }
        }
    }

    #[test]
    fn flipped_bits_are_never_a_panic() {
        let (bytes, _) = segment();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let content = decode(&damaged);
            assert!(content.batches.len() <= 5);
        }
    }
}
