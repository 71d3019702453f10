//! Files as users have them: compressed, piped, several, damaged, unknown.

mod common;

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::{Folder, drain, frames, pcap};
use portreeve_capture::{Batch, CaptureError, Fetch, FileSource, Source};

type Frames = Vec<(i64, Vec<u8>)>;

fn read<P: AsRef<std::ffi::OsStr>>(paths: &[P]) -> (Frames, Vec<String>) {
    let (frames, errors) = drain(&mut FileSource::open(paths).unwrap());
    let frames = frames
        .into_iter()
        .map(|frame| (frame.timestamp, frame.data))
        .collect();
    (frames, errors.iter().map(ToString::to_string).collect())
}

/// Compares without printing thousands of frames.
#[track_caller]
fn same(got: &(Frames, Vec<String>), expected: &Frames, what: &str) {
    assert!(got.1.is_empty(), "{what}: {:?}", got.1);
    let differ = got
        .0
        .iter()
        .zip(expected)
        .position(|(got, expected)| got != expected);
    let lengths = (got.0.len(), expected.len());
    assert!(
        got.0 == *expected,
        "{what}: frame {differ:?} differs; lengths {lengths:?}"
    );
}

fn compressed(bytes: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(bytes).unwrap();
    [
        ("gz", gz.finish().unwrap()),
        ("zst", zstd::stream::encode_all(bytes, 1).unwrap()),
        ("lz4", lz4.finish().unwrap()),
    ]
}

/// A named pipe, and a thread that writes `bytes` into it in pieces.
fn piped(
    folder: &Folder,
    name: &str,
    bytes: Vec<u8>,
) -> (std::path::PathBuf, std::thread::JoinHandle<()>) {
    let path = folder.path(name);
    let c = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: a valid string.
    assert_eq!(unsafe { libc::mkfifo(c.as_ptr(), 0o600) }, 0);
    let target = path.clone();
    let writer = std::thread::spawn(move || {
        let mut pipe = std::fs::File::create(target).unwrap();
        for piece in bytes.chunks(10_007) {
            if pipe.write_all(piece).is_err() {
                return;
            }
        }
    });
    (path, writer)
}

#[test]
fn compressed_and_piped_files_give_the_same_frames() {
    let folder = Folder::new("compressed");
    let all = frames(20_000, 1_000_000_000, 12_345);
    let bytes = pcap(&all);
    let plain = folder.file("a.pcap", &bytes);
    same(&read(&[plain]), &all, "plain");
    for (name, data) in compressed(&bytes) {
        let path = folder.file(&format!("a.{name}"), &data);
        same(&read(&[path]), &all, name);
        let (path, writer) = piped(&folder, &format!("pipe.{name}"), data);
        same(&read(&[path]), &all, &format!("{name} piped"));
        writer.join().unwrap();
    }
    let (path, writer) = piped(&folder, "pipe", bytes);
    same(&read(&[path]), &all, "plain");
    writer.join().unwrap();
}

#[test]
fn compressed_streams_one_behind_the_other_are_one_file() {
    let folder = Folder::new("members");
    let all = frames(3000, 0, 1000);
    let bytes = pcap(&all);
    let (front, rear) = bytes.split_at(bytes.len() / 3);
    for ((name, front), (_, rear)) in compressed(front).into_iter().zip(compressed(rear)) {
        let path = folder.file(&format!("a.{name}"), &[front, rear].concat());
        same(&read(&[path]), &all, name);
    }
}

#[test]
fn rotated_and_overlapping_files_come_in_the_order_of_time() {
    let folder = Folder::new("order");
    let all = frames(4000, 0, 1000);
    // Rotated: named so that their names sort the other way round.
    let pieces: Vec<_> = all
        .chunks(1000)
        .enumerate()
        .map(|(n, piece)| folder.file(&format!("r{}.pcap", 9 - n), &pcap(piece)))
        .collect();
    same(&read(&pieces), &all, "pieces");
    same(&read(&[folder.path("r*.pcap")]), &all, "plain");
    // Overlapping: frame n is in file n % 20, which is more files than a burst refers to chunks.
    let interleaved: Vec<_> = (0..20)
        .map(|k| {
            let part: Frames = all.iter().skip(k).step_by(20).cloned().collect();
            folder.file(&format!("o{k}.pcap"), &pcap(&part))
        })
        .collect();
    same(&read(&interleaved), &all, "interleaved");
    // A short file within a long one.
    let long: Frames = [&all[..1500], &all[1600..]].concat();
    let two = [
        folder.file("long", &pcap(&long)),
        folder.file("short", &pcap(&all[1500..1600])),
    ];
    same(&read(&two), &all, "two");
}

#[test]
fn many_files_do_not_need_many_descriptors() {
    let folder = Folder::new("many");
    let all = frames(300, 0, 1000);
    for (n, frame) in all.iter().enumerate() {
        folder.file(&format!("f{n:04}.pcap"), &pcap(std::slice::from_ref(frame)));
    }
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let mut source = FileSource::open([folder.path("*.pcap")]).unwrap();
    let mut seen = 0;
    while let Fetch::Frames(burst) = source.next_burst().unwrap() {
        seen += burst.len();
        assert!(open() < before + 80, "{} descriptors more", open() - before);
    }
    assert_eq!(seen, 300);
}

#[test]
fn a_truncated_file_is_told_with_its_offset_and_the_next_one_is_read() {
    let folder = Folder::new("truncated");
    let (first, second) = (frames(100, 0, 1000), frames(100, 1_000_000, 1000));
    let bytes = pcap(&first);
    let ends: Vec<usize> = first
        .iter()
        .scan(24, |end, (_, data)| {
            *end += 16 + data.len();
            Some(*end)
        })
        .collect();
    let next = folder.file("next.pcap", &pcap(&second));
    for cut in [ends[98] + 1, ends[98] + 15, ends[98] + 16, ends[99] - 1] {
        let path = folder.file("cut.pcap", &bytes[..cut]);
        let (got, errors) = read(&[&path, &next]);
        assert_eq!(got, [&first[..99], &second].concat());
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].contains(&format!("damaged at byte {}", ends[98])),
            "{errors:?}"
        );
        for (name, data) in compressed(&bytes[..cut]) {
            let path = folder.file(&format!("cut.{name}"), &data);
            let (got, errors) = read(&[path]);
            assert_eq!((got.len(), errors.len()), (99, 1), "{name}");
            assert!(
                errors[0].contains(&format!("damaged at byte {}", ends[98])),
                "{errors:?}"
            );
        }
    }
    // Cut at a frame's end: nothing says that there was more.
    assert_eq!(
        read(&[folder.file("clean", &bytes[..ends[98]])]),
        (first[..99].to_vec(), vec![])
    );
    // The compressed stream itself is cut.
    for (name, data) in compressed(&bytes) {
        let path = folder.file(&format!("half.{name}"), &data[..data.len() * 3 / 4]);
        let (got, errors) = read(&[path]);
        assert_eq!(got, first[..got.len()]);
        assert_eq!(errors.len(), 1, "{name}: {errors:?}");
    }
}

#[test]
fn an_absurd_captured_length_is_damage() {
    let folder = Folder::new("absurd");
    let all = frames(10, 0, 1000);
    let mut bytes = pcap(&all);
    let end = bytes.len();
    for word in [1u32, 1, 262_145, 262_145] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.resize(end + 400_000, 0);
    let (got, errors) = read(&[folder.file("a", &bytes)]);
    assert_eq!(got, all);
    assert!(
        errors[0].contains(&format!("damaged at byte {end}")),
        "{errors:?}"
    );
}

#[test]
fn every_variant_of_the_classic_header_is_read() {
    let folder = Folder::new("variants");
    for big in [false, true] {
        for (magic, unit, extra) in [
            (0xa1b2_c3d4_u32, 1000, 0),
            (0xa1b2_3c4d, 1, 0),
            (0xa1b2_cd34, 1000, 8),
        ] {
            let word = |w: u32| {
                if big {
                    w.to_be_bytes()
                } else {
                    w.to_le_bytes()
                }
            };
            let half = |h: u16| {
                if big {
                    h.to_be_bytes()
                } else {
                    h.to_le_bytes()
                }
            };
            let mut file = word(magic).to_vec();
            file.extend([half(2), half(4)].concat());
            // Link type Ethernet, frame check sequence of 2 * 16 bits.
            file.extend([word(0), word(0), word(65535), word(0x2400_0001)].concat());
            for n in 0..3u32 {
                // The last time is the latest that there is, with more than a second in its fraction.
                let seconds = if n == 2 { u32::MAX } else { n };
                file.extend([word(seconds), word(5_000_000), word(64), word(70)].concat());
                file.extend(vec![0; extra]);
                file.extend(vec![n as u8; 64]);
            }
            let (got, errors) = drain(&mut FileSource::open([folder.file("a", &file)]).unwrap());
            assert!(errors.is_empty(), "{errors:?}");
            let times: Vec<i64> = got.iter().map(|frame| frame.timestamp).collect();
            let expected =
                [0, 1, i64::from(u32::MAX)].map(|s| s * 1_000_000_000 + 5_000_000 * unit);
            assert_eq!(times, expected);
            for (n, frame) in got.iter().enumerate() {
                assert_eq!((frame.wire_len, frame.link), (66, 1));
                assert_eq!(frame.data, vec![n as u8; 64]);
            }
        }
    }
}

#[test]
fn what_is_no_capture_file_is_told_with_what_it_looks_like() {
    let folder = Folder::new("unknown");
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"snoop\0\0\0\0\0\0\x02\0\0\0\x04", "snoop"),
        (b"BZh91AY&SY", "bzip2 -dc"),
        (b"#!/bin/sh\necho hello there, this is text\n", "text"),
        (b"\xd4\xc3\xb2\xa1\x02\0", "d4 c3 b2 a1"),
        (
            b"\0\0\0\0\xd4\xc3\xb2\x65\x02\x04\0\x60\0\0\0\x40\0\0\0\0\0\0\0\0\0",
            "ERF",
        ),
    ] {
        let path = folder.file("a", bytes);
        let Err(error) = FileSource::open([&path]) else {
            panic!("{words}: it was opened");
        };
        assert!(
            matches!(error, CaptureError::UnknownFormat { .. }),
            "{error}"
        );
        assert!(error.to_string().contains(words), "{error}");
    }
    let missing = FileSource::open([Path::new("/no/such.pcap")])
        .err()
        .unwrap();
    assert!(matches!(missing, CaptureError::File { .. }), "{missing}");
    let folder_error = FileSource::open([&folder.0]).err().unwrap().to_string();
    assert!(folder_error.contains("directory"), "{folder_error}");
}

#[test]
fn frames_kept_by_another_thread_stay_as_they_are() {
    let folder = Folder::new("kept");
    let all = frames(40_000, 0, 1000);
    let (pipe, feeder) = piped(&folder, "pipe", pcap(&all));
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Batch>(30);
    let checker = std::thread::spawn(move || {
        let mut got: Frames = Vec::new();
        for batch in receiver {
            std::thread::sleep(std::time::Duration::from_micros(20));
            got.extend(
                batch
                    .burst()
                    .frames()
                    .map(|f| (f.timestamp, f.data.to_vec())),
            );
        }
        got
    });
    let mut source = FileSource::open([pipe]).unwrap();
    loop {
        match source.next_burst().unwrap() {
            Fetch::Frames(burst) => {
                let mut batch = Batch::new(64, 0);
                (0..burst.len()).for_each(|index| batch.push_shared(&burst, index).unwrap());
                sender.send(batch).unwrap();
                continue;
            }
            Fetch::End => break,
            Fetch::Empty => {}
        }
        source.wait(std::time::Duration::from_secs(5)).unwrap();
    }
    drop(sender);
    assert_eq!(checker.join().unwrap(), all);
    feeder.join().unwrap();
}

#[test]
fn a_pipe_without_frames_does_not_block() {
    let folder = Folder::new("idle");
    let path = folder.path("pipe");
    let c = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: a valid string.
    assert_eq!(unsafe { libc::mkfifo(c.as_ptr(), 0o600) }, 0);
    let target = path.clone();
    let all = frames(3, 0, 1000);
    let bytes = pcap(&all);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut pipe = std::fs::File::create(target).unwrap();
        pipe.write_all(&bytes[..24 + 16 + 14]).unwrap();
        wait.recv().unwrap();
        pipe.write_all(&bytes[24 + 16 + 14..]).unwrap();
    });
    let mut source = FileSource::open([path]).unwrap();
    let mut got = 0;
    while got == 0 {
        if let Fetch::Frames(burst) = source.next_burst().unwrap() {
            got += burst.len();
        }
    }
    // The writer waits for us: a read that blocked would never come back.
    assert!(matches!(source.next_burst().unwrap(), Fetch::Empty));
    go.send(()).unwrap();
    let (rest, errors) = drain(&mut source);
    assert_eq!((got + rest.len(), errors.len()), (3, 0));
    writer.join().unwrap();
}
