//! Any bytes as TCP options: what is found agrees with a plain reading of them, one option at a time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_packet::{DecodeOptions, FrameBytes, LinkType, ViewFlags, Views, decode};

thread_local! {
    static VIEWS: std::cell::RefCell<Box<Views>> = std::cell::RefCell::default();
}

/// What options may say: MSS, window scale, timestamps, SACK permitted, SACK.
#[derive(Debug, Default, PartialEq)]
struct Said {
    mss: u16,
    scale: Option<u8>,
    times: Option<(u32, u32)>,
    permitted: bool,
    sack: bool,
}

/// RFC 9293 section 3.1: a kind, and but for kinds 0 and 1 a length that counts both.
fn read(options: &[u8]) -> Said {
    let mut said = Said::default();
    let mut at = 0;
    while at < options.len() && options[at] != 0 {
        if options[at] == 1 {
            at += 1;
            continue;
        }
        let Some(&length) = options.get(at + 1) else {
            break;
        };
        let end = at + usize::from(length);
        if length < 2 || end > options.len() {
            break;
        }
        let word = |i: usize| u32::from_be_bytes(options[i..i + 4].try_into().unwrap());
        match (options[at], length) {
            (2, 4) => said.mss = u16::from_be_bytes([options[at + 2], options[at + 3]]),
            (3, 3) => said.scale = Some(options[at + 2]),
            (4, 2) => said.permitted = true,
            (5, 10 | 18 | 26 | 34) => said.sack = true,
            (8, 10) => said.times = Some((word(at + 2), word(at + 6))),
            _ => {}
        }
        at = end;
    }
    said
}

fuzz_target!(|input: &[u8]| {
    let mut options = input[..input.len().min(40)].to_vec();
    options.resize(options.len().next_multiple_of(4), 0);
    let length = 20 + options.len();
    let mut packet = vec![0x45, 0, 0, (20 + length) as u8, 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
    packet.extend([0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, (length * 4) as u8, 0x10]);
    packet.extend([0; 6]);
    packet.extend(&options);
    let frame = FrameBytes {
        data: &packet,
        wire_len: packet.len() as u32,
        timestamp: 1,
        link: LinkType::RawIp,
        vlan: None,
        checksum_trusted: false,
        index: 0,
    };
    VIEWS.with_borrow_mut(|views| {
        views.clear();
        decode(&frame, &DecodeOptions::default(), views);
        let view = views.as_slice()[0];
        let found = Said {
            mss: view.tcp_mss,
            scale: (view.tcp_window_scale != 255).then_some(view.tcp_window_scale),
            times: view
                .flags
                .has(ViewFlags::TCP_TIMESTAMP)
                .then_some((view.tcp_tsval, view.tcp_tsecr)),
            permitted: view.flags.has(ViewFlags::TCP_SACK_PERMITTED),
            sack: view.flags.has(ViewFlags::TCP_SACK),
        };
        let mut expected = read(&options);
        // 255 means "none" in a view.
        expected.scale = expected.scale.filter(|scale| *scale != 255);
        assert_eq!(found, expected);
    });
});
