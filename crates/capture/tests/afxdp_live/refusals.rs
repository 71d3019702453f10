//! Wrong set-ups: each error names the object and what to type next.

use portreeve_capture::afxdp::{AfXdpConfig, AfXdpSource, Mode, ZeroCopy};
use portreeve_capture::{CaptureError, privileges};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};

use crate::helpers::{A, B, MODES, config, finish, has_program, open, take, until_clean};

fn refusal(config: &AfXdpConfig) -> (CaptureError, String) {
    let error = AfXdpSource::open(config, 1).err().expect("refused");
    let text = error.to_string();
    (error, text)
}

#[test]
fn an_interface_that_the_host_uses_is_refused_unless_taken_over() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let set = |arguments: &str| lab.namespace().ip(arguments);
    lab.run(|| {
        set("addr add 10.9.8.7/24 dev rx0");
        let (error, text) = refusal(&config(Mode::Auto));
        assert!(matches!(error, CaptureError::InUse { .. }), "{text}");
        assert!(
            text.contains("rx0 carries the address 10.9.8.7/24"),
            "{text}"
        );
        assert!(
            text.contains("afpacket:rx0") && text.contains("--take-over"),
            "{text}"
        );

        set("route add default via 10.9.8.1 onlink dev rx0");
        assert!(refusal(&config(Mode::Auto)).1.contains("the default route"));
        set("addr flush dev rx0");
        set("route flush dev rx0");

        set("link add br0 type bridge");
        set("link set dev rx0 master br0");
        assert!(refusal(&config(Mode::Auto)).1.contains("a bridge"));
        assert!(!has_program(&lab), "nothing was touched");

        let taken = AfXdpConfig {
            take_over: true,
            ..config(Mode::Auto)
        };
        let source = open(&taken);
        assert!(has_program(&lab));
        drop(source);
        until_clean(&lab);
    });
}

#[test]
fn what_is_in_the_way_is_named() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let (error, text) = refusal(&AfXdpConfig::new("nowhere0"));
        assert!(
            matches!(error, CaptureError::NoSuchInterface { .. }),
            "{text}"
        );
        assert!(text.contains("rx0"), "{text}");

        let (_, text) = refusal(&AfXdpConfig {
            zero_copy: ZeroCopy::On,
            ..config(Mode::Native)
        });
        assert!(
            text.contains("zero-copy") && text.contains("afxdp.zero_copy"),
            "{text}"
        );

        // The driver of the loopback runs no program; it carries an address, too.
        let loopback = AfXdpConfig {
            take_over: true,
            mode: Mode::Native,
            ..AfXdpConfig::new("lo")
        };
        let (_, text) = refusal(&loopback);
        assert!(
            text.contains("driver of lo") && text.contains("afxdp.mode"),
            "{text}"
        );

        let first = open(&config(Mode::Auto));
        let (_, text) = refusal(&config(Mode::Auto));
        assert!(text.contains("rx0 has an XDP program already"), "{text}");
        assert!(text.contains("ip link show dev rx0"), "{text}");
        drop(first);
        until_clean(&lab);
    });
}

#[test]
fn a_source_outlives_the_privileges_it_was_opened_with() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::new();
        // Capabilities belong to a thread: this one's are given up, the tests around it keep theirs.
        lab.run(|| {
            let sender = Sender::open(Lab::TX);
            let mut source = open(&config(mode));
            let dropped = privileges::drop_all_but_needed(None).expect("drops");
            assert!(dropped.capabilities.iter().any(|c| c == "cap_net_raw"));

            let (error, text) = refusal(&config(mode));
            assert!(matches!(error, CaptureError::Permission { .. }), "{text}");
            assert!(
                text.contains("setcap cap_net_raw,cap_net_admin,cap_bpf"),
                "{text}"
            );

            sender.send(&[Packet::udp4(A, B, 1, 2).build(60)], 100);
            assert_eq!(take(&mut source, |_| {}, 100), 100);
            let counters = finish(&mut source);
            assert_eq!(counters.wire, Some(100));
            assert_eq!(counters.nic_missed, Some(0));
        });
    }
}
