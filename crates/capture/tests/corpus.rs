//! Every capture of the corpus has the number of packets that its index says.

mod common;

use common::{corpus, drain};
use portreeve_capture::{CaptureError, FileSource};

#[test]
fn sound_captures_have_the_packets_the_index_says() {
    let mut wrong = Vec::new();
    for capture in corpus().iter().filter(|capture| capture.status == "ok") {
        let mut source = FileSource::open([&capture.path]).unwrap();
        let (frames, errors) = drain(&mut source);
        if frames.len() as u64 != capture.packets || !errors.is_empty() {
            wrong.push((capture.clone(), frames.len(), errors));
        }
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}

/// Packets that the index does not count: it stops where the record after them is cut (tshark counts this one too).
const BEYOND_THE_INDEX: &[(&str, u64)] = &[("fuzz-2021-10-13.pcap", 1)];

#[test]
fn damaged_captures_are_read_up_to_the_damage() {
    for capture in corpus().iter().filter(|capture| capture.status != "ok") {
        let name = capture.path.to_string_lossy();
        let (frames, errors) = match FileSource::open([&capture.path]) {
            Ok(mut source) => drain(&mut source),
            Err(error) => (Vec::new(), vec![error]),
        };
        let beyond = BEYOND_THE_INDEX.iter().find(|(end, _)| name.ends_with(end));
        let expected = capture.packets + beyond.map_or(0, |(_, count)| *count);
        match capture.status.as_str() {
            "truncated" | "bad-caplen" => {
                assert_eq!(frames.len() as u64, expected, "{name}");
                let Some(CaptureError::Damaged { offset, .. }) = errors.first() else {
                    panic!("{name}: {errors:?}");
                };
                // All these are classic files: the damage is where the whole records end.
                let whole: usize = frames.iter().map(|frame| 16 + frame.data.len()).sum();
                assert_eq!(*offset, 24 + whole as u64, "{name}");
            }
            // libpcap does not read this one either; 2.x is read.
            "odd-version-1.4" => assert!(
                matches!(errors.first(), Some(CaptureError::UnknownFormat { .. })),
                "{name}: {errors:?}"
            ),
            "blocklen-mismatch" => assert!(
                matches!(
                    errors.first(),
                    Some(CaptureError::Damaged { offset: 0, .. })
                ),
                "{name}: {errors:?}"
            ),
            _ => {
                assert_eq!(frames.len() as u64, expected, "{name}");
                assert!(errors.is_empty(), "{name}: {errors:?}");
            }
        }
    }
}
