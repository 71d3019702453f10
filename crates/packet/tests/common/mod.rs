//! Packets made by hand: each function puts one header in front of what it is given.
#![allow(dead_code)]

use portreeve_packet::{DecodeOptions, FrameBytes, LinkType, Outcome, View, Views, decode};

pub const A4: [u8; 4] = [192, 0, 2, 1];
pub const B4: [u8; 4] = [198, 51, 100, 2];
pub const A6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub const B6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// Joins pieces.
pub fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
        &kind.to_be_bytes(),
        payload,
    ])
}

/// A VLAN tag's content and the type behind it, to stand behind type 0x8100.
pub fn vlan(id: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&id.to_be_bytes(), &kind.to_be_bytes(), payload])
}

/// The sum of the 16-bit words of all parts, the last odd byte of each padded.
pub fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = parts
        .iter()
        .flat_map(|part| part.chunks(2))
        .map(|c| u32::from(u16::from_be_bytes([c[0], c.get(1).copied().unwrap_or(0)])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// IPv4 between [`A4`] and [`B4`], with this flags-and-offset field and options.
pub fn ipv4_with(protocol: u8, fragment: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let length = 20 + options.len();
    let total = (length + payload.len()) as u16;
    let mut head = vec![0x40 | (length / 4) as u8, 0];
    head.extend(total.to_be_bytes());
    head.extend(0x1234u16.to_be_bytes());
    head.extend(fragment.to_be_bytes());
    head.extend([64, protocol, 0, 0]);
    head.extend(A4);
    head.extend(B4);
    head.extend(options);
    let check = !sum(&[&head]);
    head[10..12].copy_from_slice(&check.to_be_bytes());
    cat(&[&head, payload])
}

pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(protocol, 0, &[], payload)
}

/// IPv6 from [`A6`] to [`B6`].
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    cat(&[&[0x60, 0, 0, 0], &length, &[next, 64], &A6, &B6, payload])
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    cat(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &length.to_be_bytes(),
        &[0, 0],
        payload,
    ])
}

/// A TCP segment with ACK set, sequence number 1000 and acknowledgement 2000.
pub fn tcp(source: u16, destination: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let offset = ((20 + options.len()) / 4) as u8;
    cat(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &1000u32.to_be_bytes(),
        &2000u32.to_be_bytes(),
        &[offset << 4, 0x10, 0x20, 0x00, 0, 0, 0, 0],
        options,
        payload,
    ])
}

/// A frame as if captured whole.
pub fn frame(link: LinkType, data: &[u8]) -> FrameBytes<'_> {
    FrameBytes {
        data,
        wire_len: data.len() as u32,
        timestamp: 1_700_000_000_000_000_000,
        link,
        vlan: None,
        checksum_trusted: false,
        index: 7,
    }
}

/// Decodes one frame.
pub fn run(frame: &FrameBytes<'_>, options: DecodeOptions) -> (Outcome, Box<Views>) {
    let mut views = Box::<Views>::default();
    let outcome = decode(frame, &options, &mut views);
    (outcome, views)
}

/// The views of a frame that was captured whole.
pub fn views(link: LinkType, data: &[u8]) -> Vec<View> {
    let (outcome, views) = run(&frame(link, data), DecodeOptions::default());
    match outcome {
        Outcome::Analysed(count) => assert_eq!(usize::from(count), views.len()),
        _ => assert!(views.is_empty()),
    }
    views.as_slice().to_vec()
}

/// The only view of a frame that has one.
pub fn view(link: LinkType, data: &[u8]) -> View {
    let views = views(link, data);
    assert_eq!(views.len(), 1, "{views:?}");
    views[0]
}

/// What the view says was the payload, of the captured bytes.
pub fn payload<'a>(view: &View, data: &'a [u8]) -> &'a [u8] {
    let at = view.payload_offset as usize;
    &data[at..at + view.payload_captured as usize]
}
