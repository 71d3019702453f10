//! Any bytes as a frame of any link type: no panic, every promise that `View` makes of its lengths is kept, and the fast
//! path says what the general path says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_fuzz::LINKS;
use portreeve_packet::decode::decode_general;
use portreeve_packet::limits::MAX_VIEWS_PER_FRAME;
use portreeve_packet::{
    DecodeOptions, FrameBytes, LinkType, Outcome, ViewFlags, Views, VlanTag, decode,
};

thread_local! {
    static VIEWS: std::cell::RefCell<[Box<Views>; 2]> = std::cell::RefCell::default();
}

fuzz_target!(|input: &[u8]| {
    let [link, knobs, data @ ..] = input else {
        return;
    };
    let mut options = DecodeOptions {
        verify_checksums: knobs & 1 != 0,
        ..DecodeOptions::default()
    };
    options.key.vlan = knobs & 16 == 0;
    options.key.tunnel = knobs & 32 == 0;
    let frame = FrameBytes {
        data,
        // Cut by a snap length, or whole.
        wire_len: data.len() as u32 + if knobs & 2 != 0 { 1400 } else { 0 },
        timestamp: 1,
        link: LinkType::from_number(LINKS[usize::from(*link) % LINKS.len()]),
        vlan: (knobs & 4 != 0).then_some(VlanTag {
            tpid: 0x8100,
            tci: 7,
        }),
        checksum_trusted: knobs & 8 != 0,
        index: 5,
    };
    VIEWS.with_borrow_mut(|[views, general]| {
        views.clear();
        general.clear();
        let outcome = decode(&frame, &options, views);
        assert_eq!(outcome, decode_general(&frame, &options, general));
        assert_eq!(
            format!("{:?}", views.as_slice()),
            format!("{:?}", general.as_slice())
        );
        let expected = match outcome {
            Outcome::Analysed(count) => usize::from(count),
            Outcome::NotIp(_) | Outcome::Undecodable(_) => 0,
        };
        assert_eq!(views.len(), expected);
        assert!(views.len() <= MAX_VIEWS_PER_FRAME);
        for (i, view) in views.as_slice().iter().enumerate() {
            assert!(view.payload_captured <= view.payload_len);
            assert!(view.payload_len <= view.ip_len);
            assert!((view.payload_offset + view.payload_captured) as usize <= data.len());
            assert_eq!(view.frame, 5);
            assert_eq!(view.flags.has(ViewFlags::HAS_PARENT), i > 0);
        }
        for quote in views.quotes() {
            assert!(
                views.as_slice()[usize::from(quote.view)]
                    .flags
                    .has(ViewFlags::QUOTES)
            );
        }
    });
});
