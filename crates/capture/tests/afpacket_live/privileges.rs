//! Without privileges: a clear error, and a source that goes on once they are given up.

use portreeve_capture::afpacket::{AfPacketConfig, AfPacketSource};
use portreeve_capture::filter::Filter;
use portreeve_capture::{CaptureError, Source, privileges};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_packet::LinkType;

use crate::helpers::{A, B, balanced, config, finish, take};

/// Set for the copy of this program that changes its user.
const CHILD: &str = "PORTREEVE_TEST_CHILD";

#[test]
fn a_source_outlives_the_privileges_it_was_opened_with() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    // Capabilities belong to a thread: this one's are given up, the tests around it keep theirs.
    lab.run(|| {
        let sender = Sender::open(Lab::TX);
        let mut source = AfPacketSource::open(&AfPacketConfig {
            filter: Some(Filter::compile("tcp", LinkType::Ethernet, 65535).expect("compiles")),
            ..config()
        })
        .expect("opens");
        let dropped = privileges::drop_all_but_needed(None).expect("drops");
        assert!(dropped.capabilities.iter().any(|c| c == "cap_net_raw"));
        assert!(dropped.for_good);

        let error = AfPacketSource::open(&config()).err().expect("no privilege");
        let text = error.to_string();
        let program = std::env::current_exe().expect("this program");
        let line = format!(
            "sudo setcap cap_net_raw,cap_net_admin=eip {}",
            program.display()
        );
        assert!(matches!(error, CaptureError::Permission { .. }), "{text}");
        assert!(text.contains(&line), "{text}");

        let packets = [
            Packet::tcp4(A, B, 1, 2).build(60),
            Packet::udp4(A, B, 1, 2).build(60),
        ];
        sender.send(&packets, 100);
        balanced(&source.counters());
        assert_eq!(take(&mut source, |_| {}, 50), 50);
        let counters = finish(&mut source);
        assert_eq!(counters.wire, Some(100));
        assert_eq!(counters.filtered, Some(50));
    });
}

#[test]
fn the_kernel_filters_and_does_not_count_without_cap_bpf() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        give_up_bpf();
        for expression in ["tcp", "vlan 5"] {
            let mut source = AfPacketSource::open(&AfPacketConfig {
                filter: Some(
                    Filter::compile(expression, LinkType::Ethernet, 65535).expect("compiles"),
                ),
                ..config()
            })
            .expect("opens");
            let why = &source.info().description;
            assert!(why.contains("cap_bpf"), "{why}");
            let packets = [
                Packet::tcp4(A, B, 1, 2).build(60),
                Packet::udp4(A, B, 1, 2).build(60),
                Packet::udp4(A, B, 1, 2).vlan(5).build(60),
                Packet::udp4(A, B, 1, 2).vlan(6).build(60),
            ];
            Sender::open(Lab::TX).send(&packets, 100);
            source.stop();
            assert_eq!(take(&mut source, |_| {}, u64::MAX), 25, "{expression}");
            let counters = source.counters();
            assert_eq!(counters.filtered, None, "unknown is not zero");
            assert_eq!(counters.wire, None);
        }
    });
}

/// Leaves the thread cap_net_raw and cap_net_admin, as the setcap line does.
fn give_up_bpf() {
    let wanted: u32 = 1 << 12 | 1 << 13;
    let header: [u32; 2] = [0x2008_0522, 0];
    let sets: [u32; 6] = [wanted, wanted, 0, 0, 0, 0];
    // SAFETY: a header and two sets of version 3, there for the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn root_becomes_another_user_and_goes_on_capturing() {
    if !may_run_privileged() {
        return;
    }
    if std::env::var_os(CHILD).is_none() {
        // The user is the whole process's: a copy of this program changes it.
        let output = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "privileges::root_becomes_another_user_and_goes_on_capturing",
            ])
            .env(CHILD, "1")
            .output()
            .expect("starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let sender = Sender::open(Lab::TX);
        let mut sources = AfPacketSource::open_fanout(&config(), 2).expect("opens");
        let dropped = privileges::drop_all_but_needed(Some("nobody")).expect("drops");
        assert_eq!(dropped.user.as_deref(), Some("nobody"));
        // SAFETY: no memory is passed.
        assert_ne!(unsafe { libc::geteuid() }, 0);
        // SAFETY: no memory is passed.
        assert_eq!(unsafe { libc::setuid(0) }, -1, "there is no way back");
        let packets: Vec<_> = (0..100)
            .map(|port| Packet::udp4(A, B, port, 9).build(60))
            .collect();
        sender.send(&packets, 100);
        let wire: u64 = sources
            .iter_mut()
            .map(|source| finish(source).wire.expect("known"))
            .sum();
        assert_eq!(wire, 100);
    });
}
