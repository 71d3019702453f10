//! An open segment on disk: an Arrow IPC stream that grows by whole batches.
//!
//! What a `write` left half done (a process killed, a disk that filled up) is a tail without meaning: readers stop before it. Lengths are
//! checked against the file before anything is decoded.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::ipc::{MessageHeader, root_as_message};

use crate::error::StoreError;
use crate::guard::caught;

/// The largest open segment that is read, bytes: many times what is ever written.
const MOST_BYTES: u64 = 4 << 30;
/// The largest description of a message, bytes: ours have some kilobytes.
const MOST_METADATA: usize = 1 << 20;
/// Rows of one batch of the file: what stands in memory twice while it is written.
const BATCH: usize = 8192;

/// A segment that is being written.
pub(crate) struct SegmentWriter {
    path: PathBuf,
    file: File,
    stream: StreamWriter<Vec<u8>>,
    /// Bytes of the file that are whole messages.
    good: u64,
    /// What waits to be written.
    unsent: Option<RecordBatch>,
    /// How many of its rows, from the first one, are in `stream` already.
    encoded: usize,
    rows: usize,
    /// Rows of the file that [`SegmentWriter::news`] has not told of.
    untold: usize,
}

/// What became of a segment that was closed.
#[derive(Default)]
pub(crate) struct Closed {
    /// Its file, if that has any rows.
    pub path: Option<PathBuf>,
    /// The rows that are not in it.
    pub unsent: Option<RecordBatch>,
    /// Rows of the file that nobody was told of.
    pub untold: usize,
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
            encoded: 0,
            rows: 0,
            untold: 0,
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

    /// Bytes of memory: what waits, and what of it is encoded.
    pub fn held(&self) -> usize {
        let unsent = self.unsent.as_ref();
        let unsent = unsent.map_or(0, RecordBatch::get_array_memory_size);
        unsent + self.stream.get_ref().capacity()
    }

    /// Has rows wait to be written; nothing else may wait already.
    pub fn add(&mut self, batch: RecordBatch) {
        self.unsent = Some(batch);
    }

    /// Ends it.
    pub fn close(self) -> Closed {
        let path = if self.rows == 0 {
            let _ = std::fs::remove_file(&self.path);
            None
        } else {
            Some(self.path)
        };
        Closed {
            path,
            unsent: self.unsent,
            untold: self.untold,
        }
    }

    /// Rows that came to the file since this was asked last.
    pub fn news(&mut self) -> usize {
        std::mem::take(&mut self.untold)
    }

    /// Writes what waits, batch by batch, each whole or not at all. What was not written waits on.
    pub fn send(&mut self) -> Result<(), StoreError> {
        while let Some(rows) = self.unsent.take() {
            let result = self.send_some(&rows);
            let rest = rows.num_rows() - *result.as_ref().unwrap_or(&0);
            if rest > 0 {
                self.unsent = Some(rows.slice(rows.num_rows() - rest, rest));
            }
            result?;
        }
        Ok(())
    }

    /// Writes the first of these rows; how many.
    fn send_some(&mut self, rows: &RecordBatch) -> Result<usize, StoreError> {
        // What was encoded once stays so, since it may hold a dictionary that is not sent again.
        if self.encoded == 0 {
            let some = rows.slice(0, BATCH.min(rows.num_rows()));
            self.stream
                .write(&some)
                .map_err(StoreError::arrow(&self.path))?;
            self.encoded = some.num_rows();
        }
        let bytes = self.stream.get_ref();
        if let Err(error) = self.file.write_all_at(bytes, self.good) {
            // Readers stop at the good part anyway; this gives the room back.
            let _ = self.file.set_len(self.good);
            return Err(StoreError::io("write", &self.path)(error));
        }
        self.good += bytes.len() as u64;
        *self.stream.get_mut() = Vec::new();
        let sent = std::mem::take(&mut self.encoded);
        self.rows += sent;
        self.untold += sent;
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
pub(crate) fn read(file: &File) -> io::Result<SegmentContent> {
    let len = file.metadata()?.len();
    if len > MOST_BYTES {
        return Ok(SegmentContent {
            damage: Some(format!("{len} bytes are more than any segment has")),
            ..SegmentContent::default()
        });
    }
    let (good, ended) = whole(file, len)?;
    let mut content = SegmentContent::default();
    if let Ended::Nonsense(what) = ended {
        content.damage = Some(what.to_owned());
    }
    if good > 0 {
        let messages = BufReader::new(Positioned { file, at: 0 }.take(good));
        match caught(|| batches(messages)) {
            Ok((batches, None)) => content.batches = batches,
            Ok((batches, damage)) => (content.batches, content.damage) = (batches, damage),
            Err(what) => content.damage = Some(what),
        }
    }
    Ok(content)
}

/// Reads a file from its beginning, wherever it stands.
struct Positioned<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The batches of whole messages, up to the first that is wrong, and what is wrong with it.
fn batches(messages: impl Read) -> (Vec<RecordBatch>, Option<String>) {
    let mut batches = Vec::new();
    let reader = match StreamReader::try_new(messages, None) {
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

/// Bytes of the whole messages that a file of that length begins with. (Arrow columnar format, "Encapsulated message format": a continuation of four
/// bytes 0xff, the length of the metadata, the metadata, a body whose length the metadata tells.)
fn whole(file: &File, len: u64) -> io::Result<(u64, Ended)> {
    let mut at = 0;
    let mut metadata = Vec::new();
    loop {
        let mut head = [0; 8];
        // The file may have grown since it had that length.
        let Some(behind) = (len - at).checked_sub(8) else {
            return Ok((at, Ended::Short));
        };
        if !read_whole(file, &mut head, at)? {
            return Ok((at, Ended::Short));
        }
        if head[..4] != [0xff; 4] {
            return Ok((at, Ended::Nonsense("no message where one should begin")));
        }
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if length as u64 > behind {
            return Ok((at, Ended::Short));
        }
        if length > MOST_METADATA {
            return Ok((at, Ended::Nonsense("a message that cannot be read")));
        }
        metadata.resize(length, 0);
        if !read_whole(file, &mut metadata, at + 8)? {
            return Ok((at, Ended::Short));
        }
        let Ok(message) = root_as_message(&metadata) else {
            return Ok((at, Ended::Nonsense("a message that cannot be read")));
        };
        let Ok(body) = u64::try_from(message.bodyLength()) else {
            return Ok((at, Ended::Nonsense("a message of negative length")));
        };
        if (at == 0) != (message.header_type() == MessageHeader::Schema) {
            return Ok((at, Ended::Nonsense("no schema first, or a second one")));
        }
        let end = (at + 8 + length as u64)
            .checked_add(body)
            .filter(|end| *end <= len);
        let Some(end) = end else {
            return Ok((at, Ended::Short));
        };
        at = end;
    }
}

/// Fills the buffer from there on; whether the file has so much.
fn read_whole(file: &File, buffer: &mut [u8], at: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
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
            writer.add(batch(i * 10));
            assert!(writer.has_unsent());
            writer.send().unwrap();
            assert_eq!(writer.news(), 10);
            ends.push(writer.bytes() as usize);
        }
        assert_eq!(writer.rows(), 50);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(ends[4], bytes.len());
        (bytes, ends)
    }

    /// A file without a name.
    fn file() -> File {
        let path = std::env::temp_dir().join(format!(
            "portreeve-segment-{}-{:?}-read",
            std::process::id(),
            std::thread::current().id()
        ));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(path).unwrap();
        file
    }

    fn read_bytes(file: &mut File, bytes: &[u8]) -> SegmentContent {
        file.set_len(0).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        read(file).unwrap()
    }

    #[test]
    fn every_cut_leaves_the_whole_batches_before_it() {
        let (bytes, ends) = segment();
        let mut file = file();
        for cut in 0..=bytes.len() {
            let content = read_bytes(&mut file, &bytes[..cut]);
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
    fn a_file_that_has_grown_meanwhile_ends_where_it_did() {
        let (bytes, ends) = segment();
        let mut file = file();
        read_bytes(&mut file, &bytes);
        for len in 0..=bytes.len() {
            let (good, ended) = whole(&file, len as u64).unwrap();
            assert!(good <= len as u64 && matches!(ended, Ended::Short), "{len}");
            let last = ends.iter().rfind(|end| **end <= len);
            assert!(last.is_none_or(|last| *last as u64 <= good), "{len}");
        }
    }

    #[test]
    fn many_rows_go_in_batches_that_share_their_dictionary() {
        let path =
            std::env::temp_dir().join(format!("portreeve-segment-{}-many", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let rows = BATCH as i32 * 2 + 5;
        let names: DictionaryArray<Int32Type> =
            (0..rows).map(|i| ["a", "b"][i as usize % 2]).collect();
        let many = RecordBatch::try_from_iter([
            ("n", Arc::new(Int32Array::from_iter_values(0..rows)) as _),
            ("name", Arc::new(names) as _),
        ])
        .unwrap();
        let mut writer = SegmentWriter::create(path.clone(), &many.schema()).unwrap();
        writer.add(many.clone());
        writer.send().unwrap();
        assert_eq!(writer.news(), rows as usize);
        assert!(!writer.has_unsent());
        let content = read(&File::open(&path).unwrap()).unwrap();
        std::fs::remove_file(path).unwrap();
        assert!(content.damage.is_none());
        let read = arrow::compute::concat_batches(&many.schema(), &content.batches).unwrap();
        assert_eq!(content.batches.len(), 3);
        assert_eq!(read, many);
    }

    #[test]
    fn flipped_bits_are_never_a_panic() {
        let (bytes, _) = segment();
        let mut file = file();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let content = read_bytes(&mut file, &damaged);
            assert!(content.batches.len() <= 5);
        }
    }
}
