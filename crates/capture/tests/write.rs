//! What is written is read back the same: in every format, compressed, rotated, and after a disk was full.

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Copied, Folder, drain, frames, pcap};
use portreeve_capture::{
    CaptureWriter, ChecksumStatus, Fetch, FileSource, Frame, Source, WriteOptions,
};
use portreeve_packet::{LinkType, VlanTag};

fn frame(data: &[u8], timestamp: i64) -> Frame<'_> {
    Frame {
        data,
        wire_len: data.len() as u32,
        timestamp,
        link: LinkType::Ethernet,
        interface: 0,
        vlan: None,
        rx_hash: None,
        checksum: ChecksumStatus::Unknown,
    }
}

fn read(path: &Path) -> Vec<Copied> {
    let (frames, errors) = drain(&mut FileSource::open([path]).unwrap());
    assert!(errors.is_empty(), "{errors:?}");
    frames
}

fn balanced(writer: &CaptureWriter) {
    let c = writer.counters();
    assert_eq!(
        c.offered,
        c.written + c.lost + c.refused + c.waiting,
        "{c:?}"
    );
}

#[test]
fn every_format_gives_back_what_it_was_given() {
    let folder = Folder::new("formats");
    let original = folder.file(
        "in.pcap",
        &pcap(&frames(5000, 1_700_000_000_123_456_789, 1_000_001)),
    );
    let expected = read(&original);
    for name in [
        "a.pcap",
        "a.pcapng",
        "a",
        "a.pcap.gz",
        "a.pcap.zst",
        "a.pcap.lz4",
        "a.pcapng.zst",
    ] {
        let path = folder.path(name);
        let mut writer = CaptureWriter::new(WriteOptions::new(&path)).unwrap();
        let mut source = FileSource::open([&original]).unwrap();
        while let Fetch::Frames(burst) = source.next_burst().unwrap() {
            burst.frames().for_each(|frame| writer.write(&frame));
        }
        writer.finish();
        assert!(writer.take_error().is_none());
        assert_eq!(writer.counters().written, 5000, "{name}");
        balanced(&writer);
        assert_eq!(read(&path), expected, "{name}");
    }
}

#[test]
fn a_tag_is_put_back_and_the_snap_length_cuts() {
    let folder = Folder::new("tag");
    let path = folder.path("a.pcap");
    let mut options = WriteOptions::new(&path);
    options.snap_length = 20;
    let mut writer = CaptureWriter::new(options).unwrap();
    let data: Vec<u8> = (0..60).collect();
    let tagged = Frame {
        vlan: Some(VlanTag {
            tpid: 0x8100,
            tci: 5,
        }),
        ..frame(&data, 7)
    };
    writer.write(&tagged);
    writer.write(&frame(&data, 8));
    writer.write(&Frame {
        link: LinkType::RawIp,
        ..frame(&data, 9)
    });
    writer.finish();
    assert_eq!(
        (writer.counters().written, writer.counters().refused),
        (2, 1)
    );
    let got = read(&path);
    let whole = [&data[..12], &[0x81, 0, 0, 5], &data[12..16]].concat();
    assert_eq!(
        (got[0].data.clone(), got[0].wire_len, got[0].timestamp),
        (whole, 64, 7)
    );
    assert_eq!(
        (got[1].data.clone(), got[1].wire_len),
        (data[..20].to_vec(), 60)
    );
}

#[test]
fn a_pcapng_file_holds_several_link_types() {
    let folder = Folder::new("links");
    let path = folder.path("a.pcapng");
    let mut writer = CaptureWriter::new(WriteOptions::new(&path)).unwrap();
    writer.write(&frame(&[1; 20], 1));
    writer.write(&Frame {
        link: LinkType::RawIp,
        interface: 1,
        ..frame(&[2; 21], 2)
    });
    writer.write(&frame(&[3; 22], 3));
    writer.finish();
    let links: Vec<_> = read(&path).iter().map(|frame| frame.link).collect();
    assert_eq!(links, [1, 101, 1]);
}

#[test]
fn a_file_without_frames_is_a_capture_file() {
    let folder = Folder::new("none");
    for name in ["a.pcap", "a.pcapng", "a.pcap.gz"] {
        let path = folder.path(name);
        CaptureWriter::new(WriteOptions::new(&path))
            .unwrap()
            .finish();
        assert_eq!(read(&path), [], "{name}");
    }
}

#[test]
fn rotation_by_size_loses_nothing() {
    let folder = Folder::new("size");
    let mut options = WriteOptions::new(&folder.path("a.pcap"));
    options.rotate_bytes = Some(100_000);
    let mut writer = CaptureWriter::new(options).unwrap();
    let all = frames(1000, 0, 1000);
    for (time, data) in &all {
        writer.write(&frame(data, *time));
    }
    assert!(
        folder
            .path(&format!("a{}.pcap.part", writer.counters().files - 1))
            .exists()
    );
    writer.finish();
    let files = writer.counters().files;
    assert!(files > 5, "{files}");
    let pattern = folder.path("a*.pcap");
    let (got, errors) = drain(&mut FileSource::open([&pattern]).unwrap());
    assert!(errors.is_empty());
    let got: Vec<_> = got
        .into_iter()
        .map(|frame| (frame.timestamp, frame.data))
        .collect();
    assert_eq!(got, all);
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count() as u64,
        files,
        "a .part is left"
    );
}

#[test]
fn a_ring_of_files_keeps_the_latest() {
    let folder = Folder::new("ring");
    let mut options = WriteOptions::new(&folder.path("a.pcap"));
    options.rotate_bytes = Some(50_000);
    options.files = Some(3);
    let mut writer = CaptureWriter::new(options).unwrap();
    for (time, data) in frames(1000, 0, 1000) {
        writer.write(&frame(&data, time));
    }
    writer.finish();
    let mut names: Vec<PathBuf> = std::fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["a0.pcap", "a1.pcap", "a2.pcap"].map(|name| folder.path(name))
    );
    let (got, _) = drain(&mut FileSource::open(names).unwrap());
    assert_eq!(got.last().unwrap().timestamp, 999_000);
}

#[test]
fn rotation_by_time_names_files_by_their_time_and_stops_at_the_count() {
    let folder = Folder::new("time");
    let mut options = WriteOptions::new(&folder.path("a-%s.pcap"));
    options.rotate_time = Some(Duration::from_secs(10));
    options.files = Some(2);
    let mut writer = CaptureWriter::new(options).unwrap();
    let second = 1_000_000_000;
    for now in 0..30 {
        writer.tick((1000 + now) * second);
        writer.write(&frame(&[now as u8; 60], (1000 + now) * second));
    }
    assert!(writer.is_complete());
    writer.finish();
    balanced(&writer);
    assert_eq!(
        (writer.counters().written, writer.counters().refused),
        (20, 10)
    );
    assert_eq!(read(&folder.path("a-1000.pcap")).len(), 10);
    assert_eq!(read(&folder.path("a-1010.pcap")).len(), 10);
}

#[test]
fn a_path_that_cannot_be_written_is_told_at_once() {
    let error = CaptureWriter::new(WriteOptions::new(Path::new("/no/such/folder/a.pcap"))).err();
    assert!(
        error
            .unwrap()
            .to_string()
            .contains("/no/such/folder/a.pcap")
    );
}

#[test]
fn a_full_disk_is_counted_and_told_once() {
    let mut writer = CaptureWriter::new(WriteOptions::new(Path::new("/dev/full"))).unwrap();
    for (time, data) in frames(5000, 0, 1000) {
        writer.write(&frame(&data, time));
    }
    balanced(&writer);
    assert!(writer.take_error().is_some());
    assert!(writer.take_error().is_none(), "told twice");
    writer.finish();
    let c = writer.counters();
    assert_eq!(
        (c.offered, c.written, c.lost, c.waiting),
        (5000, 0, 5000, 0)
    );
}

/// Needs a file system that is full: a small one in memory, in a mount namespace of the test's thread, which only root can make.
#[test]
fn when_there_is_space_again_the_file_goes_on_at_a_frame() {
    let folder = Folder::new("full");
    let target = folder.0.clone();
    let thread = std::thread::spawn(move || {
        let path = std::ffi::CString::new(target.to_str().unwrap()).unwrap();
        // SAFETY: system calls with valid strings; they concern this thread's namespace only.
        let mounted = unsafe {
            libc::unshare(libc::CLONE_NEWNS | libc::CLONE_FS) == 0
                && libc::mount(
                    std::ptr::null(),
                    c"/".as_ptr(),
                    std::ptr::null(),
                    libc::MS_REC | libc::MS_PRIVATE,
                    std::ptr::null(),
                ) == 0
                && libc::mount(
                    c"none".as_ptr(),
                    path.as_ptr(),
                    c"tmpfs".as_ptr(),
                    0,
                    c"size=8m".as_ptr().cast(),
                ) == 0
        };
        if !mounted {
            eprintln!("*** not root: the test of a full disk that recovers did NOT run ***");
            return;
        }
        for name in ["a.pcap", "b.pcapng"] {
            let filler = target.join("filler");
            std::fs::write(&filler, vec![0; 6 << 20]).unwrap();
            let file = target.join(name);
            let mut writer = CaptureWriter::new(WriteOptions::new(&file)).unwrap();
            let all = frames(9000, 0, 1000);
            for (n, (time, data)) in all.iter().enumerate() {
                if n == 6000 {
                    assert!(writer.take_error().is_some(), "the disk was never full");
                    std::fs::remove_file(&filler).unwrap();
                }
                if n < 7000 {
                    writer.write(&frame(data, *time));
                }
            }
            writer.finish();
            balanced(&writer);
            let c = writer.counters();
            assert!(c.lost > 0 && c.errors == 1, "{c:?}");
            let got = read(&file);
            assert_eq!(got.len() as u64, c.written, "{name}");
            for frame in &got {
                let (time, data) = &all[(frame.timestamp / 1000) as usize];
                assert_eq!((frame.timestamp, &frame.data), (*time, data), "{name}");
            }
            assert!(
                got.last().unwrap().timestamp >= 6_500_000,
                "{name}: it did not go on"
            );
            std::fs::remove_file(&file).unwrap();
        }
    });
    thread.join().unwrap();
}
