//! The program on interfaces through AF_XDP: exact counts, overload, the same records as by the other ways, nothing left behind.
//!
//! These tests need root; see `portreeve_netlab::may_run_privileged`.
#![cfg(target_os = "linux")]

use std::net::IpAddr;
use std::time::Duration;

use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_tests::binary::{Output, Run, Running};
use portreeve_tests::conn::Line;
use portreeve_tests::packets::{
    Tcp, ethernet, flags, frame, icmp, ip, ipv4, protocol, tcp, udp, v4, v6, vxlan,
};
use portreeve_tests::patience::eventually;
use portreeve_tests::pcap::{MS, START, packet, write};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

/// Packets of as many conversations.
fn conversations(count: u16, size: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| Packet::udp4(A, B, 10_000 + n, 2000).build(size))
        .collect()
}

/// The receiving end through AF_XDP, the program in `mode`.
fn afxdp(mode: &str) -> Run {
    Run::interface(&format!("afxdp:{}", Lab::RX)).args(["--set", &format!("afxdp.mode={mode}")])
}

fn ip_link(lab: &Lab, interface: &str) -> String {
    let output = lab
        .namespace()
        .command("ip")
        .args(["-statistics", "link", "show", "dev", interface])
        .output()
        .expect("starts ip");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Frames that the sending end of the pair dropped, since the queue between the ends was full: those never arrived.
fn sender_drops(lab: &Lab) -> u64 {
    let text = ip_link(lab, Lab::TX);
    let mut lines = text
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("TX:"));
    let figures = lines.nth(1).expect("figures of what was sent");
    let dropped = figures
        .split_whitespace()
        .nth(3)
        .expect("the fourth figure");
    dropped.parse().expect("a number")
}

/// Sends, gives the kernel time to bring what is on its way, ends the run.
fn send_and_end(mut run: Running, frames: &[Vec<u8>], count: u64, rate: Option<u64>) -> Output {
    run.wait_until_open();
    Sender::open(Lab::TX).send_at(frames, count, rate);
    std::thread::sleep(Duration::from_millis(500));
    run.signal("TERM");
    run.wait()
}

fn conns(output: &Output) -> Vec<Line> {
    let mut records = output.records();
    records.retain(|line| line.path() == "conn");
    records
}

#[test]
fn the_ledger_says_exactly_what_arrived() {
    if !may_run_privileged() {
        return;
    }
    for mode in ["native", "generic"] {
        for (workers, size, count) in [("1", 60, 6000), ("1", 1514, 3000), ("2", 590, 6000)] {
            let lab = Lab::new();
            let output = lab.run(|| {
                let run = afxdp(mode).args(["--workers", workers]).start();
                send_and_end(run, &conversations(100, size), count, Some(20_000))
            });
            let what = format!("{mode}, {workers} workers, {size} bytes\n{}", output.stderr);
            let arrived = count - sender_drops(&lab);
            assert_eq!(output.code(), 0, "{what}");
            assert!(output.stderr.contains(&format!("AF_XDP, {mode}")), "{what}");
            let ledger = output.ledger();
            assert_eq!(ledger.faults(), Vec::<String>::new(), "{what}");
            assert_eq!(ledger.total("on the wire of"), arrived, "{what}");
            let missed = ledger.part("on the wire of", "missed by the NIC");
            assert!(mode == "generic" || missed == 0, "{what}");
            let taken = arrived - missed;
            assert_eq!(ledger.total("delivered"), taken, "{what}");
            assert_eq!(ledger.part("delivered", "analysed"), taken, "{what}");
            assert_eq!(ledger.total("flows opened"), 100, "{what}");
            let in_records: u64 = conns(&output).iter().map(|c| c.count("orig_pkts")).sum();
            assert_eq!(in_records, taken, "{what}");
        }
    }
}

#[test]
fn what_a_full_ring_loses_is_in_the_kernels_account() {
    if !may_run_privileged() {
        return;
    }
    for (mode, workers) in [("native", "1"), ("generic", "1"), ("native", "2")] {
        let lab = Lab::new();
        let count = 100_000;
        let output = lab.run(|| {
            let mut run = afxdp(mode)
                .args(["--workers", workers, "--set", "afxdp.ring=1024"])
                .start();
            run.wait_until_open();
            // Nobody takes anything out of the ring for a while.
            run.signal("STOP");
            Sender::open(Lab::TX).send(&conversations(50, 1000), count);
            std::thread::sleep(Duration::from_millis(500));
            run.signal("CONT");
            run.signal("TERM");
            run.wait()
        });
        let what = format!("{mode}, {workers} workers\n{}", output.stderr);
        let arrived = count - sender_drops(&lab);
        assert_eq!(output.code(), 0, "{what}");
        let ledger = output.ledger();
        assert_eq!(ledger.faults(), Vec::<String>::new(), "{what}");
        let lost = ledger.part("on the wire of", "dropped by the kernel, ring full");
        let missed = ledger.part("on the wire of", "missed by the NIC");
        assert!(lost > 0, "{what}");
        let total = ledger.total("on the wire of");
        assert_eq!(ledger.total("delivered") + lost + missed, total, "{what}");
        // In generic mode the kernel may lose frames in front of the program, and counts them.
        assert_eq!(total, arrived, "{what}");
    }
}

#[test]
fn a_killed_program_leaves_no_program_behind_and_the_next_one_starts() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        for _ in 0..3 {
            let mut run = afxdp("auto").start();
            run.wait_until_open();
            assert!(ip_link(&lab, Lab::RX).contains("xdp"), "it is attached");
            run.signal("KILL");
            eventually("it is gone", || run.has_ended());
            eventually("the kernel takes the program off", || {
                !ip_link(&lab, Lab::RX).contains("xdp")
            });
        }
    });
}

#[test]
fn a_filter_counts_what_it_rejects() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let output = lab.run(|| {
        let run = afxdp("auto").arg("udp src port 10001").start();
        send_and_end(run, &conversations(10, 60), 100, None)
    });
    assert_eq!(output.code(), 0, "{}", output.stderr);
    let ledger = output.ledger();
    assert_eq!(ledger.faults(), Vec::<String>::new(), "{}", output.stderr);
    assert_eq!(ledger.total("on the wire of"), 100);
    assert_eq!(
        ledger.part("delivered", "analysed"),
        10,
        "{}",
        output.stderr
    );
}

#[test]
fn what_the_host_uses_is_refused_and_the_start_report_says_why_not_faster() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let best = || {
        lab.run(|| {
            let mut run = Run::interface(Lab::RX).start();
            run.wait_until_open();
            run.signal("TERM");
            run.wait().stderr
        })
    };
    let stderr = best();
    assert!(stderr.contains("-i afxdp:rx0"), "{stderr}");
    lab.namespace().ip("addr add 10.9.8.7/24 dev rx0");
    let stderr = best();
    assert!(
        stderr.contains("rx0 carries the address 10.9.8.7/24"),
        "{stderr}"
    );

    let refused = lab.run(|| afxdp("auto").output());
    assert_eq!(refused.code(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("--take-over"), "{}", refused.stderr);
    lab.run(|| {
        let run = afxdp("auto").arg("--take-over").start();
        let output = send_and_end(run, &conversations(10, 60), 10, None);
        assert_eq!(
            output.ledger().total("on the wire of"),
            10,
            "{}",
            output.stderr
        );
    });
}

/// A connection with data in both directions, closed by both.
fn connection(client: (IpAddr, u16), server: (IpAddr, u16), tags: &[(u16, u16)]) -> Vec<Vec<u8>> {
    use flags::{ACK, FIN, PSH, SYN};
    let steps: [(bool, u32, u32, u8, &[u8]); 8] = [
        (true, 100, 0, SYN, b""),
        (false, 500, 101, SYN | ACK, b""),
        (true, 101, 501, ACK, b""),
        (true, 101, 501, PSH | ACK, b"a question"),
        (false, 501, 111, PSH | ACK, b"an answer that is longer"),
        (true, 111, 525, FIN | ACK, b""),
        (false, 525, 112, FIN | ACK, b""),
        (true, 112, 526, ACK, b""),
    ];
    steps
        .iter()
        .map(|&(forth, seq, ack, flags, payload)| {
            let (from, to) = if forth {
                (client, server)
            } else {
                (server, client)
            };
            let segment = Tcp {
                seq,
                ack,
                flags,
                options: &[],
                payload,
            };
            ethernet(
                tags,
                &ip(from.0, to.0, protocol::TCP, &tcp(from, to, &segment)),
            )
        })
        .collect()
}

/// A little of everything.
fn traffic() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for n in 0..20 {
        frames.extend(connection((v4(1), 40_000 + n), (v4(2), 80), &[]));
    }
    frames.extend(connection((v6(1), 40_000), (v6(2), 443), &[]));
    frames.extend(connection((v4(1), 41_000), (v4(2), 80), &[(0x8100, 7)]));
    frames.extend(connection(
        (v4(1), 41_000),
        (v4(2), 80),
        &[(0x88a8, 9), (0x8100, 7)],
    ));
    let (client, server) = ((v4(3), 5000), (v4(4), 53));
    for n in 0..50u8 {
        let question = udp((v4(3), 5000 + u16::from(n)), server, &[n; 30]);
        let answer = udp(server, (v4(3), 5000 + u16::from(n)), &[n; 200]);
        frames.push(ethernet(
            &[],
            &ip(client.0, server.0, protocol::UDP, &question),
        ));
        frames.push(ethernet(
            &[],
            &ip(server.0, client.0, protocol::UDP, &answer),
        ));
    }
    frames.push(ethernet(
        &[],
        &ip(
            v4(5),
            v4(6),
            protocol::ICMP,
            &icmp(v4(5), v4(6), 8, 0, &[0, 1, 0, 1, 9, 9]),
        ),
    ));
    frames.push(ethernet(
        &[],
        &ip(
            v4(6),
            v4(5),
            protocol::ICMP,
            &icmp(v4(6), v4(5), 0, 0, &[0, 1, 0, 1, 9, 9]),
        ),
    ));
    let long = udp((v4(7), 7000), (v4(8), 8000), &[5; 2000]);
    let (head, tail) = long.split_at(1400);
    frames.push(ethernet(
        &[],
        &ipv4(v4(7), v4(8), protocol::UDP, 77, (0, true), head),
    ));
    frames.push(ethernet(
        &[],
        &ipv4(v4(7), v4(8), protocol::UDP, 77, (1400, false), tail),
    ));
    for inner in connection((v4(21), 2000), (v4(22), 22), &[]) {
        let outer = udp((v4(11), 50_000), (v4(12), 4789), &vxlan(42, &inner));
        frames.push(ethernet(&[], &ip(v4(11), v4(12), protocol::UDP, &outer)));
    }
    frames.push(frame(&[], 0x88cc, &[0; 50]));
    frames
}

/// The conn records without what differs by nature: times, what is hashed from them, and where they came from. Sorted.
fn lasting(output: &Output) -> Vec<String> {
    let mut lines: Vec<String> = conns(output)
        .into_iter()
        .map(|mut line| {
            line.0.retain(|name, _| {
                !matches!(
                    name.as_str(),
                    "ts" | "uid" | "duration" | "source" | "tunnel_parents" | "end_reason"
                ) && !name.contains("rtt")
            });
            serde_json::to_string(&line.0).expect("is JSON")
        })
        .collect();
    lines.sort();
    lines
}

/// A run in which the pair itself lost nothing: that can happen on a busy machine, and then it is done again.
fn whole_run(interface: &str, setting: &str, workers: &str, frames: &[Vec<u8>]) -> Output {
    for _ in 0..10 {
        let lab = Lab::new();
        let output = lab.run(|| {
            let run = Run::interface(interface)
                .args(["--set", setting, "--workers", workers])
                .start();
            send_and_end(run, frames, frames.len() as u64, Some(2000))
        });
        if output.ledger().total("delivered") == frames.len() as u64 {
            return output;
        }
    }
    panic!("the pair loses frames each time");
}

#[test]
fn the_same_traffic_gives_the_same_records_by_file_and_by_every_kernel_path() {
    if !may_run_privileged() {
        return;
    }
    let frames = traffic();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("traffic.pcap");
    let packets: Vec<_> = (START..)
        .step_by(MS as usize)
        .zip(&frames)
        .map(|(time, frame)| packet(time, frame.clone()))
        .collect();
    write(&path, &packets);
    let by_file = Run::file(&path)
        .args(["--set", "flow.active_timeout=0s", "--no-checksums"])
        .output();
    let expected = lasting(&by_file);
    assert!(expected.len() > 70, "{}", by_file.stderr);
    for (name, settings) in [
        ("rx0", "afxdp.mode=auto"),
        ("afxdp:rx0", "afxdp.mode=native"),
        ("afxdp:rx0", "afxdp.mode=generic"),
    ] {
        for workers in ["1", "2"] {
            let output = whole_run(name, settings, workers, &frames);
            assert_eq!(output.code(), 0, "{}", output.stderr);
            let got = lasting(&output);
            for (got, expected) in got.iter().zip(&expected) {
                assert_eq!(got, expected, "{name}, {settings}, {workers} workers");
            }
            assert_eq!(got.len(), expected.len(), "{}", output.stderr);
        }
    }
}
