use super::*;
use crate::testing::{From, Play, play_cut};

const REQUEST: &[u8] = b"\0\x01\0\x04\x21\x12\xa4\x42abcdefghijkl\x80\x22\0\0";

fn service(bytes: &[u8], port: u16) -> Option<&'static str> {
    let mut play = Play::new(Transport::Udp, 5000, port);
    play.orig(bytes);
    play.finish().service
}

#[test]
fn the_magic_number_tells() {
    assert_eq!(service(REQUEST, 6000), Some("stun"));
    assert_eq!(service(&REQUEST[..23], 6000), None);
    let script: [(From, &[u8]); 1] = [(From::Orig, REQUEST)];
    assert_eq!(play_cut(3478, &script).service, Some("stun"));
}

#[test]
fn the_old_form_is_known_on_its_port() {
    let mut old = REQUEST.to_vec();
    old[4] = 0;
    assert_eq!(service(&old, 3478), Some("stun"));
    assert_eq!(service(&old, 6000), None);
    old[3] = 8;
    assert_eq!(service(&old, 3478), None);
    for len in 0..REQUEST.len() {
        service(&REQUEST[..len], 3478);
    }
}
