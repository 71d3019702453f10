//! A file's sum: one number over all of its bytes, which stands in the file itself.
//!
//! Most pages have a sum of their own ([`crate::chunk`]), and a query that reads a page looks at that. What has none (pages of sets, headers, the footer) is told by this one alone. It takes
//! all of the file to look at, so it is asked for when that is read anyway: before files are merged, lest a flipped bit be written once more under sums that say it is right,
//! and by whoever checks a store.
//!
//! It is XXH64 (seed 0) of the file's bytes, the sum's own digits taken as zeros: the value of [`KEY`] among the footer's key-value metadata, 16 hexadecimal digits. To any
//! other reader of Parquet it is a note like the one on who made the file.

use std::fs::{File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use parquet::file::metadata::KeyValue;
use twox_hash::XxHash64;

/// The sum's name in the footer.
pub(crate) const KEY: &str = "portreeve.sum";
/// The digits before the sum is known, and what they count as.
const ZEROS: [u8; 16] = *b"0000000000000000";
/// How Thrift's compact protocol goes on behind the key: the next field is a text of 16 bytes.
const VALUE: [u8; 2] = [0x18, ZEROS.len() as u8];
/// The digits stand within so many bytes of a file's end: behind them come the maker's name, an order for each column, and the footer's length.
const TAIL: u64 = 16 << 10;
/// Bytes that are read at a time.
const CHUNK: usize = 128 << 10;

/// What the footer is given, so that there is a place for the sum.
pub(crate) fn note() -> KeyValue {
    KeyValue::new(KEY.to_owned(), String::from_utf8_lossy(&ZEROS).into_owned())
}

/// A new file whose bytes are summed as they are written.
pub(crate) struct Summed {
    file: File,
    sum: XxHash64,
}

impl Summed {
    /// Creates the file, or empties it.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // Its end is read again, for the place of the digits.
        let options = options.read(true).write(true).create(true).truncate(true);
        Ok(Summed {
            file: options.open(path)?,
            sum: XxHash64::with_seed(0),
        })
    }

    /// Writes the sum to its place: the file is whole then. Its footer must have [`note`].
    pub fn settle(self) -> io::Result<File> {
        let Some((place, _)) = place(&self.file)? else {
            return Err(io::Error::other("its footer has no place for its sum"));
        };
        let digits = format!("{:016x}", self.sum.finish());
        self.file.write_all_at(digits.as_bytes(), place)?;
        Ok(self.file)
    }
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.write(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What a file's sum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every byte is as it was written.
    Right,
    /// Some are not.
    Wrong,
    /// It has no sum: it was written by an earlier version.
    Missing,
}

/// Reads all of a file and compares.
pub(crate) fn look(file: &File) -> io::Result<Verdict> {
    let Some((place, digits)) = place(file)? else {
        return Ok(Verdict::Missing);
    };
    let mut sum = XxHash64::with_seed(0);
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        // Up to the digits, over them, and on to the end.
        let ahead = place.checked_sub(at).filter(|ahead| *ahead > 0);
        let most = ahead.map_or(CHUNK, |ahead| {
            CHUNK.min(usize::try_from(ahead).unwrap_or(CHUNK))
        });
        let got = file.read_at(&mut chunk[..most], at)?;
        if got == 0 {
            break;
        }
        sum.write(&chunk[..got]);
        at += got as u64;
        if at == place {
            sum.write(&ZEROS);
            at += ZEROS.len() as u64;
        }
    }
    let right = digits == format!("{:016x}", sum.finish()).as_bytes();
    Ok(if right {
        Verdict::Right
    } else {
        Verdict::Wrong
    })
}

/// Where the digits stand, and which they are; `None`: there are none.
fn place(file: &File) -> io::Result<Option<(u64, [u8; 16])>> {
    let len = file.metadata()?.len();
    let from = len.saturating_sub(TAIL);
    let mut tail = vec![0; usize::try_from(len - from).unwrap_or(0)];
    file.read_exact_at(&mut tail, from)?;
    let mark = [KEY.as_bytes(), &VALUE].concat();
    let found = tail.windows(mark.len()).rposition(|there| there == mark);
    Ok(found.and_then(|found| {
        let place = found + mark.len();
        let digits = tail.get(place..)?.first_chunk()?;
        Some((from + place as u64, *digits))
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    struct Name(PathBuf);

    impl Name {
        fn new(name: &str) -> Self {
            let file = format!("portreeve-sum-{}-{name}", std::process::id());
            Name(std::env::temp_dir().join(file))
        }

        fn look(&self) -> Verdict {
            look(&File::open(&self.0).unwrap()).unwrap()
        }
    }

    impl Drop for Name {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// Several chunks, then what a footer has, then `behind` bytes.
    fn content(behind: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..3 * CHUNK as u32 + 5)
            .map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8)
            .collect();
        bytes.extend([KEY.as_bytes(), &VALUE, &ZEROS].concat());
        bytes.extend(vec![7; behind]);
        bytes
    }

    fn write(name: &Name, bytes: &[u8]) -> io::Result<()> {
        let mut file = Summed::create(&name.0)?;
        for part in bytes.chunks(1000) {
            file.write_all(part)?;
        }
        file.settle().map(|_| ())
    }

    #[test]
    fn the_sum_is_that_of_the_bytes_with_zeros_for_its_digits() {
        let name = Name::new("is");
        for behind in [0, 1, 8, 5000] {
            let bytes = content(behind);
            write(&name, &bytes).unwrap();
            let written = fs::read(&name.0).unwrap();
            let from = bytes.len() - behind - ZEROS.len();
            let digits = std::str::from_utf8(&written[from..][..ZEROS.len()]).unwrap();
            let expected = XxHash64::oneshot(0, &bytes);
            assert_eq!(u64::from_str_radix(digits, 16).unwrap(), expected);
            assert_eq!(name.look(), Verdict::Right);
        }
    }

    #[test]
    fn a_bit_a_byte_less_or_one_more_is_told() {
        let name = Name::new("flip");
        write(&name, &content(20)).unwrap();
        let whole = fs::read(&name.0).unwrap();
        let digits = whole.len() - 20 - ZEROS.len();
        let mark = digits - KEY.len() - VALUE.len();
        let told = |bytes: &[u8]| {
            fs::write(&name.0, bytes).unwrap();
            name.look()
        };
        let places = [0, 1, CHUNK - 1, CHUNK, mark - 1, digits, digits + 15];
        for at in places.into_iter().chain([whole.len() - 1]) {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            assert_eq!(told(&bytes), Verdict::Wrong, "{at}");
        }
        assert_eq!(told(&whole[1..]), Verdict::Wrong);
        assert_eq!(told(&whole[..whole.len() - 1]), Verdict::Wrong);
        assert_eq!(told(&[&whole[..], b"x"].concat()), Verdict::Wrong);
        // Without the mark there is no sum to speak of.
        let mut bytes = whole.clone();
        bytes[mark] ^= 4;
        assert_eq!(told(&bytes), Verdict::Missing);
        assert_eq!(told(&[]), Verdict::Missing);
        assert_eq!(told(&whole[..digits + 3]), Verdict::Missing);
        assert_eq!(told(&whole), Verdict::Right);
    }

    #[test]
    fn a_file_without_a_place_for_its_sum_is_an_error() {
        let name = Name::new("none");
        assert!(write(&name, b"no mark").is_err());
    }
}
