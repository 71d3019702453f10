//! Where files are, and which of them count.
//!
//! ```text
//! PATH/
//!   lock                                             held by the one that writes
//!   conn/date=2026-11-26/MIN_MAX_FIRST-LAST_KofN.parquet
//!   dns/date=…/…
//!   open/conn-SEGMENT.arrows                         open segments: Arrow IPC streams
//!   tmp/                                             what is being written
//!   trash/                                           what was replaced or is too old, for readers that began before; deleted soon
//!   damaged/                                         what could not be read, set aside
//! ```
//!
//! `MIN` and `MAX` are the least and greatest `ts` of the file (nanoseconds since 1970 UTC): time ranges are pruned by names alone.
//! `FIRST-LAST` are the segments it was made from. A file of one segment is one of `N` parts, one for each day.
//!
//! That decides what counts, without a list of files that would have to be kept: a segment counts as Parquet when all its parts are
//! there, and as an open segment until then; a file gives way to one of the same table and day that was made from its segments and others
//! (compaction). So each step is one `rename`, and a reader that lists while it happens sees the rows once.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use portreeve_output::text::Civil;

/// Nanoseconds of a day.
pub(crate) const DAY: i64 = 86_400 * 1_000_000_000;

/// The folders of a store.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

/// A Parquet file, as its name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub table: String,
    /// The day of the partition, `2026-11-26`.
    pub date: String,
    pub min: i64,
    pub max: i64,
    pub first: u64,
    pub last: u64,
    pub part: u32,
    pub parts: u32,
    pub path: PathBuf,
    pub bytes: u64,
    /// When it was written, nanoseconds since 1970 UTC.
    pub stored: i64,
}

/// An open segment's file, as its name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub table: String,
    pub segment: u64,
    pub path: PathBuf,
}

/// Every file of the store that counts, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub sealed: Vec<Sealed>,
    pub open: Vec<Open>,
    /// Files that give way to others: to be put into the trash by the one that writes.
    pub superseded: Vec<Sealed>,
}

/// The name of a day: days since 1970 as `YYYY-MM-DD`.
pub(crate) fn date(day: i64) -> String {
    let Civil {
        year, month, day, ..
    } = Civil::from_nanoseconds(day.saturating_mul(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

impl Layout {
    pub fn new(root: &Path) -> Self {
        Layout {
            root: root.to_owned(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub fn open(&self) -> PathBuf {
        self.root.join("open")
    }

    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    pub fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    /// Makes the folders.
    pub fn create(&self) -> io::Result<()> {
        for folder in [self.open(), self.tmp(), self.trash(), self.damaged()] {
            fs::create_dir_all(folder)?;
        }
        Ok(())
    }

    pub fn open_segment(&self, table: &str, segment: u64) -> PathBuf {
        self.open().join(format!("{table}-{segment:010}.arrows"))
    }

    /// Where a file that is replaced waits until nobody reads it any more.
    pub fn trashed(&self, path: &Path) -> PathBuf {
        let name = path.strip_prefix(&self.root).unwrap_or(path);
        self.trash()
            .join(name.display().to_string().replace('/', "__"))
    }

    /// What counts now. Open segments are listed first: one that becomes Parquet meanwhile is seen as Parquet too, and then not as open.
    pub fn list(&self) -> io::Result<Listing> {
        let open = self.list_open()?;
        let sealed = self.list_sealed()?;
        Ok(resolve(open, sealed))
    }

    /// What counts now of one table, in the same order.
    pub fn list_table(&self, table: &str) -> io::Result<Listing> {
        let mut open = self.list_open()?;
        open.retain(|open| open.table == table);
        let mut sealed = Vec::new();
        self.sealed_of(table, &mut sealed)?;
        Ok(resolve(open, sealed))
    }

    pub fn list_open(&self) -> io::Result<Vec<Open>> {
        let mut open = Vec::new();
        for entry in entries(&self.open())? {
            let path = entry.path();
            if let Some((table, segment)) = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".arrows"))
                .and_then(|name| name.rsplit_once('-'))
                && let Ok(segment) = segment.parse()
            {
                open.push(Open {
                    table: table.to_owned(),
                    segment,
                    path,
                });
            }
        }
        Ok(open)
    }

    fn list_sealed(&self) -> io::Result<Vec<Sealed>> {
        let mut sealed = Vec::new();
        for table in entries(&self.root)? {
            self.sealed_of(&table.file_name().to_string_lossy(), &mut sealed)?;
        }
        Ok(sealed)
    }

    fn sealed_of(&self, table: &str, sealed: &mut Vec<Sealed>) -> io::Result<()> {
        for day in entries(&self.root.join(table))? {
            let name = day.file_name();
            let Some(date) = name.to_str().and_then(|name| name.strip_prefix("date=")) else {
                continue;
            };
            let files = entries(&day.path())?;
            sealed.extend(files.iter().filter_map(|file| parse(table, date, file)));
        }
        Ok(())
    }

    /// A number that no segment has had.
    pub fn next_segment(&self) -> io::Result<u64> {
        let mut next = 1;
        let sealed = self.list_sealed()?;
        let open = self.list_open()?;
        for used in sealed
            .iter()
            .map(|file| file.last)
            .chain(open.iter().map(|open| open.segment))
        {
            next = next.max(used + 1);
        }
        // Those in the trash and set aside have theirs, too; a reader may still know them.
        for folder in [self.trash(), self.damaged()] {
            for entry in entries(&folder)? {
                let name = entry.file_name();
                let numbers = name.to_string_lossy();
                for number in numbers
                    .split(|c: char| !c.is_ascii_digit())
                    .filter(|part| part.len() == 10)
                {
                    next = next.max(number.parse::<u64>().unwrap_or(0) + 1);
                }
            }
        }
        Ok(next)
    }
}

impl Sealed {
    /// Where a file with this content belongs.
    pub fn place(&mut self, layout: &Layout) {
        self.path = layout
            .root
            .join(&self.table)
            .join(format!("date={}", self.date))
            .join(format!(
                "{}_{}_{:010}-{:010}_{}of{}.parquet",
                self.min, self.max, self.first, self.last, self.part, self.parts
            ));
    }
}

/// Nanoseconds since 1970 UTC.
pub(crate) fn nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The entries of a folder; one that is not there, or no folder, has none.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        // An entry that goes away while it is listed is not there.
        Ok(entries) => Ok(entries.flatten().collect()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

fn parse(table: &str, date: &str, entry: &fs::DirEntry) -> Option<Sealed> {
    let path = entry.path();
    let name = path.file_name()?.to_str()?.strip_suffix(".parquet")?;
    let mut words = name.split('_');
    let min = words.next()?.parse().ok()?;
    let max = words.next()?.parse().ok()?;
    let (first, last) = words.next()?.split_once('-')?;
    let (part, parts) = words.next()?.split_once("of")?;
    let meta = entry.metadata().ok();
    Some(Sealed {
        table: table.to_owned(),
        date: date.to_owned(),
        min,
        max,
        first: first.parse().ok()?,
        last: last.parse().ok()?,
        part: part.parse().ok()?,
        parts: parts.parse().ok()?,
        bytes: meta.as_ref().map_or(0, fs::Metadata::len),
        stored: meta
            .and_then(|meta| meta.modified().ok())
            .map_or(0, nanoseconds),
        path,
    })
}

/// Which files count.
fn resolve(open: Vec<Open>, sealed: Vec<Sealed>) -> Listing {
    let mut there: HashMap<(&str, u64), u32> = HashMap::new();
    for file in sealed.iter().filter(|file| file.first == file.last) {
        *there.entry((&file.table, file.first)).or_default() += 1;
    }
    let complete: HashSet<(String, u64)> = sealed
        .iter()
        .filter(|file| {
            file.first == file.last && there.get(&(&file.table, file.first)) == Some(&file.parts)
        })
        .map(|file| (file.table.clone(), file.first))
        .collect();
    let still_open: HashSet<(String, u64)> = open
        .iter()
        .map(|open| (open.table.clone(), open.segment))
        .filter(|key| !complete.contains(key))
        .collect();
    let open = open
        .into_iter()
        .filter(|open| still_open.contains(&(open.table.clone(), open.segment)))
        .collect();

    // A file gives way to the widest range of its day that holds its own.
    let mut days: HashMap<(String, String), Vec<Sealed>> = HashMap::new();
    for file in sealed {
        days.entry((file.table.clone(), file.date.clone()))
            .or_default()
            .push(file);
    }
    let mut listing = Listing {
        open,
        ..Listing::default()
    };
    for mut files in days.into_values() {
        files.sort_by_key(|file| (file.first, std::cmp::Reverse(file.last)));
        let mut covered = 0;
        for file in files {
            let part_of_open =
                file.first == file.last && still_open.contains(&(file.table.clone(), file.first));
            if file.last <= covered || part_of_open {
                listing.superseded.push(file);
            } else {
                covered = file.last;
                listing.sealed.push(file);
            }
        }
    }
    listing
        .sealed
        .sort_by(|a, b| (&a.table, &a.date, a.first).cmp(&(&b.table, &b.date, b.first)));
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_names() {
        for (day, name) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (20_783, "2026-11-26"),
            (i64::MAX / DAY, "2262-04-11"),
        ] {
            assert_eq!(date(day), name);
        }
    }

    fn sealed(first: u64, last: u64, part: u32, parts: u32) -> Sealed {
        Sealed {
            table: "conn".into(),
            date: date(part.into()),
            min: 0,
            max: 1,
            first,
            last,
            part,
            parts,
            path: PathBuf::new(),
            bytes: 0,
            stored: 0,
        }
    }

    fn open(segment: u64) -> Open {
        Open {
            table: "conn".into(),
            segment,
            path: PathBuf::new(),
        }
    }

    fn counts(open: Vec<Open>, sealed: Vec<Sealed>) -> (Vec<u64>, Vec<(u64, u64)>, usize) {
        let listing = resolve(open, sealed);
        (
            listing.open.iter().map(|open| open.segment).collect(),
            listing
                .sealed
                .iter()
                .map(|file| (file.first, file.last))
                .collect(),
            listing.superseded.len(),
        )
    }

    #[test]
    fn a_segment_is_open_until_all_its_parts_are_there() {
        assert_eq!(
            counts(vec![open(7)], vec![sealed(7, 7, 1, 2)]),
            (vec![7], vec![], 1)
        );
        let both = vec![sealed(7, 7, 1, 2), sealed(7, 7, 2, 2)];
        assert_eq!(
            counts(vec![open(7)], both.clone()),
            (vec![], vec![(7, 7), (7, 7)], 0)
        );
        // The open file has gone, and one part was compacted already.
        assert_eq!(
            counts(vec![], vec![sealed(5, 7, 1, 1), sealed(7, 7, 2, 2)]),
            (vec![], vec![(5, 7), (7, 7)], 0)
        );
    }

    #[test]
    fn a_file_gives_way_to_what_was_made_of_it() {
        let files = vec![
            sealed(1, 1, 1, 1),
            sealed(2, 2, 1, 1),
            sealed(1, 2, 1, 1),
            sealed(3, 3, 1, 1),
            sealed(1, 3, 1, 1),
            sealed(4, 4, 1, 1),
        ];
        assert_eq!(
            counts(vec![open(5)], files),
            (vec![5], vec![(1, 3), (4, 4)], 4)
        );
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let folder = std::env::temp_dir().join(format!("portreeve-layout-{}", std::process::id()));
        let layout = Layout::new(&folder);
        layout.create().unwrap();
        let mut file = sealed(3, 9, 1, 1);
        (file.min, file.max) = (-5, 123);
        file.place(&layout);
        fs::create_dir_all(file.path.parent().unwrap()).unwrap();
        fs::write(&file.path, "x").unwrap();
        fs::write(layout.open_segment("conn_update", 12), "").unwrap();
        let listing = layout.list().unwrap();
        file.bytes = 1;
        file.stored = listing.sealed[0].stored;
        assert_eq!(listing.sealed, [file]);
        assert_eq!(
            (listing.open[0].table.as_str(), listing.open[0].segment),
            ("conn_update", 12)
        );
        assert_eq!(layout.next_segment().unwrap(), 13);
        fs::remove_dir_all(&folder).unwrap();
    }
}
