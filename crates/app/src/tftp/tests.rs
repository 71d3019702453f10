use portreeve_record::{App, Record};

use crate::Transport;
use crate::testing::Play;

#[test]
fn a_request_is_a_record() {
    let whole = b"\0\x02boot.cfg\0OCTET\0blksize\x001432\0";
    let mut play = Play::new(Transport::Udp, 5000, 69);
    play.orig(whole);
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("tftp"));
    let [Record::App(App::Tftp(tftp))] = &outcome.records[..] else {
        panic!("{:?}", outcome.records);
    };
    assert_eq!(
        (tftp.wrq, &*tftp.fname, &*tftp.mode),
        (true, "boot.cfg", "octet")
    );
    for len in 0..whole.len() {
        let mut play = Play::new(Transport::Udp, 5000, 69);
        play.orig(&whole[..len]);
        assert_eq!(play.finish().records.len(), usize::from(len >= 17));
    }
}
