//! Interfaces that come and go, several queues, and what is left behind: nothing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portreeve_capture::afxdp::{AfXdpConfig, AfXdpSource, Mode};
use portreeve_capture::{CaptureError, Fetch, Source};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};

use crate::helpers::{
    A, B, MODES, config, finish, has_program, open, sender_drops, settle, take, until, until_clean,
};

/// Set for the copy of this program that is killed.
const CHILD: &str = "PORTREEVE_TEST_CHILD";

#[test]
fn a_killed_program_leaves_no_program_behind() {
    if !may_run_privileged() {
        return;
    }
    if std::env::var_os(CHILD).is_some() {
        // In the parent's namespace.
        let mut source = open(&config(Mode::Auto));
        loop {
            let _ = source.wait(Duration::from_secs(1));
        }
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "--nocapture",
                "life::a_killed_program_leaves_no_program_behind",
            ])
            .env(CHILD, "1")
            .stdout(Stdio::null())
            .spawn()
            .expect("starts");
        until(|| has_program(&lab), "the program is attached");
        child.kill().expect("kills");
        child.wait().expect("is waited for");
        until_clean(&lab);
        // And the interface is as it was.
        let mut source = open(&config(Mode::Auto));
        Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).build(60)], 100);
        settle(&mut source, 100);
        assert_eq!(finish(&mut source).wire, Some(100));
    });
}

#[test]
fn an_interface_that_goes_away_ends_the_source_after_its_last_frame() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::new();
        lab.run(|| {
            let mut source = open(&config(mode));
            Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).build(60)], 100);
            settle(&mut source, 100);
            lab.namespace().ip(&format!("link del dev {}", Lab::RX));
            let deadline = Instant::now() + Duration::from_secs(60);
            let mut taken = 0;
            loop {
                assert!(Instant::now() < deadline, "it ends");
                match source.next_burst() {
                    Ok(Fetch::Frames(burst)) => taken += burst.len(),
                    Ok(Fetch::Empty) => {
                        source.wait(Duration::from_millis(50)).expect("waits");
                    }
                    Ok(Fetch::End) => panic!("the end is an error first"),
                    Err(CaptureError::InterfaceGone { name }) => {
                        assert_eq!(name, Lab::RX);
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(taken, 100);
            assert!(matches!(source.next_burst(), Ok(Fetch::End)));
            assert_eq!(source.counters().wire, Some(100));
        });
    }
}

#[test]
fn an_interface_that_was_down_goes_on() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::new();
        lab.run(|| {
            let mut source = open(&config(mode));
            let sender = Sender::open(Lab::TX);
            let frames = [Packet::udp4(A, B, 1, 2).build(60)];
            sender.send(&frames, 10);
            assert_eq!(take(&mut source, |_| {}, 10), 10);
            lab.namespace()
                .ip(&format!("link set dev {} down", Lab::RX));
            source.wait(Duration::from_millis(50)).expect("waits");
            let told = source.notices();
            assert!(told.len() == 1 && told[0].contains("is down"), "{told:?}");
            assert!(source.notices().is_empty(), "it is said once");
            lab.namespace().ip(&format!("link set dev {} up", Lab::RX));
            lab.wait_for_carrier();
            assert!(
                source
                    .notices()
                    .iter()
                    .any(|line| line.contains("up again"))
            );
            sender.send(&frames, 10);
            assert_eq!(take(&mut source, |_| {}, 10), 10);
            assert_eq!(finish(&mut source).wire, Some(20));
        });
    }
}

#[test]
fn several_queues_are_spread_over_the_sources() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let set = |arguments: &str| lab.namespace().ip(arguments);
    set("link del dev rx0");
    set(
        "link add tx0 numtxqueues 4 numrxqueues 4 type veth peer name rx0 numtxqueues 4 numrxqueues 4",
    );
    for end in [Lab::TX, Lab::RX] {
        set(&format!("link set dev {end} arp off addrgenmode none"));
        set(&format!("link set dev {end} up"));
    }
    lab.wait_for_carrier();
    lab.run(|| {
        assert_eq!(AfXdpSource::queues(Lab::RX).expect("is there"), 4);
        for mode in MODES {
            for count in [1usize, 3, 4, 9] {
                let small = AfXdpConfig {
                    ring: 2048,
                    frames: 4096,
                    ..config(mode)
                };
                let mut sources = AfXdpSource::open(&small, count).expect("opens");
                assert_eq!(sources.len(), count.min(4));
                let frames: Vec<_> = (0..256)
                    .map(|port| Packet::udp4(A, B, port, 9).build(60))
                    .collect();
                let before = sender_drops(&lab);
                Sender::open(Lab::TX).send_at(&frames, 1024, Some(20_000));
                let arrived = 1024 - (sender_drops(&lab) - before);
                let wire = |sources: &mut Vec<AfXdpSource>| -> u64 {
                    let each = sources.iter_mut().map(Source::counters);
                    each.map(|counters| counters.wire.expect("known")).sum()
                };
                until(|| wire(&mut sources) >= arrived, "all frames arrive");
                let mut total = 0;
                for source in &mut sources {
                    let counters = finish(source);
                    assert_eq!(counters.kernel_drops, Some(0));
                    total += counters.wire.expect("known");
                }
                assert_eq!(total, arrived, "{mode:?}, {count} sources");
                drop(sources);
                until_clean(&lab);
            }
        }
    });
}
