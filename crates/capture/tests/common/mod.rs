//! What the tests of this crate share: the corpus, and sources read to their end.
#![allow(dead_code, reason = "each test program uses a part")]

use std::path::PathBuf;

use portreeve_capture::{CaptureError, Fetch, Source};

/// One frame, copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    pub timestamp: i64,
    pub wire_len: u32,
    pub link: u32,
    pub data: Vec<u8>,
}

/// All frames of a source to its end, and the errors on the way.
pub fn drain(source: &mut dyn Source) -> (Vec<Copied>, Vec<CaptureError>) {
    let (mut frames, mut errors) = (Vec::new(), Vec::new());
    loop {
        match source.next_burst() {
            Ok(Fetch::Frames(burst)) => {
                assert!(!burst.is_empty() && burst.len() <= 64);
                frames.extend(burst.frames().map(|frame| Copied {
                    timestamp: frame.timestamp,
                    wire_len: frame.wire_len,
                    link: frame.link.number(),
                    data: frame.data.to_vec(),
                }));
            }
            Ok(Fetch::Empty) => {
                source.wait(std::time::Duration::from_secs(5)).unwrap();
            }
            Ok(Fetch::End) => return (frames, errors),
            Err(error) => errors.push(error),
        }
    }
}

/// A capture of the corpus, as its index tells.
#[derive(Clone, Debug)]
pub struct Indexed {
    pub path: PathBuf,
    pub packets: u64,
    pub format: String,
    pub links: String,
    pub status: String,
}

/// The corpus named by `PORTREEVE_CORPUS`, or nothing, said loudly.
pub fn corpus() -> Vec<Indexed> {
    let Some(folder) = std::env::var_os("PORTREEVE_CORPUS").map(PathBuf::from) else {
        eprintln!("*** PORTREEVE_CORPUS is not set: the test over the corpus did NOT run ***");
        return Vec::new();
    };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("INDEX.tsv");
    index
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            Indexed {
                path: folder.join(cells[1]),
                packets: cells[2].parse().unwrap(),
                format: cells[4].to_owned(),
                links: cells[5].to_owned(),
                status: cells[6].to_owned(),
            }
        })
        .collect()
}

/// A folder of a test's own, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("portreeve-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A classic capture of (nanoseconds, bytes), little-endian, with nanoseconds.
pub fn pcap(frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
    out.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    for (time, data) in frames {
        let length = data.len() as u32;
        let (seconds, nanos) = (time / 1_000_000_000, time % 1_000_000_000);
        for word in [seconds as u32, nanos as u32, length, length] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(data);
    }
    out
}

/// `count` frames of different lengths and bytes, `step` nanoseconds apart.
pub fn frames(count: usize, start: i64, step: i64) -> Vec<(i64, Vec<u8>)> {
    (0..count)
        .map(|n| (start + n as i64 * step, vec![n as u8; 14 + n * 37 % 1500]))
        .collect()
}
