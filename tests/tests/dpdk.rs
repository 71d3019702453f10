//! Ports that DPDK drives: the program on virtual devices, with huge pages of its own. Exact counts, interrupts, wrong set-ups.
//!
//! These tests need root; see `portreeve_netlab::may_run_privileged`. They take turns: each has two processes that poll.
#![cfg(all(target_os = "linux", feature = "dpdk"))]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_tests::binary::{Output, Run, Running};
use portreeve_tests::conn::Line;
use portreeve_tests::hugepages::HugePages;
use portreeve_tests::packets::{
    End, Tcp, ethernet, flags, icmp, ip, protocol, tcp, udp, v4, v6, vxlan,
};
use portreeve_tests::patience::PATIENCE;
use portreeve_tests::pcap::{self, MS, START};
use serde_json::Value;

/// What a receiver and a sender together take, in MiB, with something to spare.
const MEMORY: u64 = 160;

/// A turn with the huge pages; `None` if such tests are left out. The pages are given back before the turn is over: else the next test would count on them.
fn turn() -> Option<(HugePages, MutexGuard<'static, ()>)> {
    static TURN: Mutex<()> = Mutex::new(());
    if !may_run_privileged() {
        return None;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Some((HugePages::free(MEMORY), turn))
}

/// A run on this device with one worker, whose flow table leaves the huge pages alone.
fn watch(device: &str) -> Run {
    watch_with(device, 1)
}

fn watch_with(device: &str, workers: u32) -> Run {
    Run::interface(&format!("dpdk:{device}")).args([
        "--workers",
        &workers.to_string(),
        "--set",
        "memory.huge_pages=off",
        "--set",
        "dpdk.descriptors=2048",
    ])
}

/// The other side: a process that sends through a device of its own, once there is a link. (A `net_virtio_user` server does not open
/// before its peer is there.)
fn sender(arguments: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dpdk-send"))
        .args(arguments.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dpdk-send")
}

/// What it says at its end.
fn sent(sender: Child) -> Value {
    let output = sender.wait_with_output().expect("its output");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| {
        panic!(
            "dpdk-send: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn end(run: Running) -> Output {
    run.signal("TERM");
    let output = run.wait();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    output
}

/// Waits until nothing further is delivered, as a look at the statistics tells.
fn settle(run: &mut Running, count: u64) {
    let begun = Instant::now();
    let wanted = format!("  {} packets · ", thousands(count));
    while begun.elapsed() < PATIENCE {
        run.signal("USR1");
        std::thread::sleep(Duration::from_millis(100));
        if run.said().contains(&wanted) {
            return;
        }
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Every frame is in the books once, and in the records.
fn assert_all_there(output: &Output, count: u64) {
    let ledger = output.ledger();
    assert_eq!(ledger.faults(), Vec::<String>::new(), "{}", output.stderr);
    assert_eq!(ledger.total("delivered"), count, "{}", output.stderr);
    let in_records: u64 = conns(output)
        .iter()
        .map(|line| line.count("orig_pkts") + line.count("resp_pkts"))
        .sum();
    assert_eq!(in_records, count, "{}", output.stderr);
}

fn conns(output: &Output) -> Vec<Line> {
    let mut records = output.records();
    records.retain(|line| line.path() == "conn");
    records
}

/// Processor time of a process so far, in seconds.
fn cpu_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its status");
    let behind_name = stat.rsplit_once(')').expect("a name").1;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks: u64 = fields[11..13]
        .iter()
        .map(|field| field.parse::<u64>().expect("ticks"))
        .sum();
    ticks as f64 / 100.0
}

/// Which of two processes opens its device first.
#[derive(Clone, Copy, PartialEq)]
enum First {
    /// The sender does not wait for it.
    Receiver,
    /// Its device opens once its peer has come, which has to find the socket.
    WaitingReceiver,
    /// It makes the socket, and without that the receiver's device does not open.
    Sender,
}

/// Two devices over which two processes speak.
struct Pair {
    receiver: String,
    sender: String,
    first: First,
    /// Where they meet.
    socket: PathBuf,
}

impl Pair {
    /// Starts both.
    fn start(&self, receiver: Run, arguments: &str) -> (Running, Child) {
        let send = || sender(&format!("vdev={} {arguments}", self.sender));
        let (mut run, sending) = match self.first {
            First::Receiver => {
                let mut run = receiver.start();
                run.wait_until_open();
                (run, send())
            }
            First::WaitingReceiver => {
                let run = receiver.start();
                self.wait_for_socket();
                (run, send())
            }
            First::Sender => {
                let sending = send();
                self.wait_for_socket();
                (receiver.start(), sending)
            }
        };
        run.wait_until_open();
        (run, sending)
    }

    fn wait_for_socket(&self) {
        let begun = Instant::now();
        while !self.socket.exists() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn pair(name: &'static str, folder: &Path) -> Pair {
    let socket = folder.join("socket");
    let socket = socket.display();
    let (receiver, sender) = match name {
        "virtio_user" => (
            format!("net_virtio_user0,path={socket},server=1,queue_size=1024"),
            format!("net_vhost0,iface={socket},client=1"),
        ),
        "vhost" => (
            format!("net_vhost0,iface={socket}"),
            format!("net_virtio_user0,path={socket},queue_size=1024"),
        ),
        // The sender writes into the packet buffers themselves, in the receiver's memory.
        "memif, zero-copy" => (
            format!(
                "net_memif0,role=client,socket={socket},socket-abstract=no,rsize=11,zero-copy=yes"
            ),
            format!("net_memif0,role=server,socket={socket},socket-abstract=no"),
        ),
        _ => (
            format!("net_memif0,role=server,socket={socket},socket-abstract=no,rsize=11"),
            format!("net_memif0,role=client,socket={socket},socket-abstract=no,rsize=11"),
        ),
    };
    Pair {
        receiver,
        sender,
        first: match name {
            "virtio_user" => First::WaitingReceiver,
            "memif, zero-copy" => First::Sender,
            _ => First::Receiver,
        },
        socket: folder.join("socket"),
    }
}

#[test]
fn every_frame_from_another_process_is_counted_once() {
    let Some(_turn) = turn() else { return };
    for name in ["virtio_user", "vhost", "memif", "memif, zero-copy"] {
        for mode in ["poll", "interrupt"] {
            let folder = tempfile::tempdir().unwrap();
            let pair = pair(name, folder.path());
            let receiver = watch(&pair.receiver).args(["--mode", mode]);
            let (mut run, sending) = pair.start(receiver, "count=300000 flows=500 tcp=1");
            let said = sent(sending);
            assert_eq!(said["sent"], 300_000, "{name}: {said}");
            settle(&mut run, 300_000);
            let output = end(run);
            let what = format!("{name}, {mode}: {}", output.stderr);
            assert_all_there(&output, 300_000);
            let ledger = output.ledger();
            assert_eq!(ledger.total("on the wire of"), 300_000, "{what}");
            assert_eq!(ledger.total("flows opened"), 500, "{what}");
            assert!(!output.stderr.contains("none are free"), "{what}");
            // As long as the device's arguments make it, not as `dpdk.descriptors` asks; how long its guest made vhost's is not known.
            let ring = match name {
                "virtio_user" => "1 queue of 1024 descriptors",
                "vhost" => "1 queue of up to 2048 descriptors",
                _ => "1 queue of 2048 descriptors",
            };
            assert!(output.stderr.contains(ring), "{what}");
        }
    }
}

#[test]
fn receive_interrupts_wake_an_idle_worker_and_nothing_is_lost() {
    let Some(_turn) = turn() else { return };
    for name in ["virtio_user", "vhost"] {
        let folder = tempfile::tempdir().unwrap();
        let pair = pair(name, folder.path());
        let receiver = watch(&pair.receiver).args(["--mode", "interrupt"]);
        // 600 times from idle to a burst.
        let (mut run, sending) = pair.start(
            receiver,
            "count=19200 flows=100 burst=32 pause_every=32 pause_ms=5",
        );
        run.wait_for("receive interrupts come");
        let said = sent(sending);
        assert_eq!(said["sent"], 19_200, "{name}: {said}");
        settle(&mut run, 19_200);
        // Idle, over two seconds.
        let (before, begun) = (cpu_time(run.pid()), Instant::now());
        std::thread::sleep(Duration::from_secs(2));
        let share = (cpu_time(run.pid()) - before) / begun.elapsed().as_secs_f64();
        eprintln!("{name}: {:.1} % of a core while idle", share * 100.0);
        let wakes = wakes(&mut run);
        let output = end(run);
        assert_all_there(&output, 19_200);
        let what = format!(
            "{name}: {share} of a core idle, {wakes} wake-ups\n{}",
            output.stderr
        );
        assert!(share < 0.25, "{what}");
        assert!(wakes > 50, "{what}");
        assert!(!output.stderr.contains("interrupts do not work"), "{what}");
    }
}

/// Wake-ups so far, as the statistics tell.
fn wakes(run: &mut Running) -> u64 {
    let said = run.ask("USR1", " wake-ups");
    let before = said
        .rsplit_once(" wake-ups")
        .map_or("", |(before, _)| before);
    let number = before.rsplit(' ').next().unwrap_or_default();
    number.replace(',', "").parse().unwrap_or(0)
}

#[test]
fn a_device_without_interrupts_is_asked_by_the_clock() {
    let Some(_turn) = turn() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pair = pair("memif", folder.path());
    let receiver = watch(&pair.receiver).args(["--mode", "interrupt"]);
    let (mut run, sending) = pair.start(receiver, "count=20000 pps=10000");
    let said = sent(sending);
    assert_eq!(said["sent"], 20_000, "{said}");
    settle(&mut run, 20_000);
    run.wait_for("the link is down");
    let output = end(run);
    assert_all_there(&output, 20_000);
    for word in ["no receive interrupt", "the link is up"] {
        assert!(output.stderr.contains(word), "{}", output.stderr);
    }
}

#[test]
fn one_queue_feeds_two_workers() {
    let Some(_turn) = turn() else { return };
    for name in ["virtio_user", "memif, zero-copy"] {
        let folder = tempfile::tempdir().unwrap();
        let pair = pair(name, folder.path());
        let receiver = watch_with(&pair.receiver, 2);
        let (mut run, sending) = pair.start(receiver, "count=200000 flows=1000 pps=50000");
        let said = sent(sending);
        assert_eq!(said["sent"], 200_000, "{name}: {said}");
        settle(&mut run, 200_000);
        let output = end(run);
        let ledger = output.ledger();
        let what = format!("{name}: {}", output.stderr);
        assert_eq!(ledger.faults(), Vec::<String>::new(), "{what}");
        assert_eq!(ledger.total("delivered"), 200_000, "{what}");
        assert_eq!(ledger.total("flows opened"), 1000, "{what}");
        assert!(output.stderr.contains("software RSS"), "{what}");
    }
}

#[test]
fn an_interface_of_the_kernel_gives_what_was_sent_on_it() {
    let Some(_turn) = turn() else { return };
    let lab = Lab::new();
    let packets: Vec<Vec<u8>> = (0..100)
        .map(|n| Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 10_000 + n, 2000).build(200))
        .collect();
    let device = format!(
        "net_af_packet0,iface={},framecnt=4096,blocksz=65536",
        Lab::RX
    );
    let output = lab.run(|| {
        let mut run = watch(&device).start();
        run.wait_until_open();
        Sender::open(Lab::TX).send_at(&packets, 10_000, Some(5_000));
        settle(&mut run, 10_000);
        end(run)
    });
    assert_all_there(&output, 10_000);
    // The kernel drops what finds no room, and the driver does not say how much.
    let account = output.ledger().account("on the wire of").cloned().unwrap();
    assert_eq!(account.total, None, "{}", output.stderr);
}

#[test]
fn a_tap_gives_what_is_written_into_it_and_wakes_its_worker() {
    let Some(_turn) = turn() else { return };
    let lab = Lab::new();
    let packets = [Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 1, 2000).build(100)];
    let output = lab.run(|| {
        let mut run = watch("net_tap0,iface=tap7")
            .args(["--mode", "interrupt"])
            .start();
        run.wait_until_open();
        Sender::open("tap7").send_at(&packets, 3_000, Some(1_000));
        settle(&mut run, 3_000);
        end(run)
    });
    assert_all_there(&output, 3_000);
    assert!(
        output.stderr.contains("receive interrupts come"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_device_that_goes_ends_and_the_others_go_on() {
    let Some(_turn) = turn() else { return };
    let lab = Lab::new();
    lab.namespace()
        .ip("link add gone0 type veth peer name gone1");
    lab.namespace().ip("link set gone0 up");
    lab.namespace().ip("link set gone1 up");
    let packets = [Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 1, 2000).build(100)];
    let output = lab.run(|| {
        let mut run = watch("net_af_packet0,iface=gone1")
            .args(["-i", &format!("dpdk:net_af_packet1,iface={}", Lab::RX)])
            .start();
        run.wait_until_open();
        Sender::open("gone0").send_at(&packets, 500, Some(1_000));
        settle(&mut run, 500);
        assert!(
            Command::new("ip")
                .args(["link", "del", "gone0"])
                .status()
                .unwrap()
                .success()
        );
        run.wait_for("dpdk:net_af_packet0 is gone");
        Sender::open(Lab::TX).send_at(&packets, 500, Some(1_000));
        settle(&mut run, 1000);
        run.signal("TERM");
        run.wait()
    });
    // A source that failed is told by the exit code.
    assert_eq!(output.code(), 1, "{}", output.stderr);
    assert_all_there(&output, 1000);
}

const CLIENT: fn(u8) -> End = |n| (v4(n), 40_000 + u16::from(n));

/// Conversations of all kinds, jumbo frames among them: what has to come out the same, whatever lends the frames.
fn mixture() -> Vec<pcap::Packet> {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let server = (v4(200), 80);
    for n in 1..=60u8 {
        let tags: &[(u16, u16)] = if n % 3 == 0 { &[(0x8100, 7)] } else { &[] };
        let payload = vec![
            n;
            if n % 10 == 0 {
                8000
            } else {
                usize::from(n) * 20
            }
        ];
        let client = CLIENT(n);
        let length = payload.len() as u32;
        let steps: [(bool, u8, u32, u32, &[u8]); 6] = [
            (true, flags::SYN, 100, 0, &[]),
            (false, flags::SYN | flags::ACK, 500, 101, &[]),
            (true, flags::ACK, 101, 501, &payload),
            (false, flags::ACK | flags::FIN, 501, 101 + length, &[]),
            (true, flags::ACK | flags::FIN, 101 + length, 502, &[]),
            (false, flags::ACK, 502, 102 + length, &[]),
        ];
        for (from_client, flags, seq, ack, payload) in steps {
            let (from, to) = if from_client {
                (client, server)
            } else {
                (server, client)
            };
            let segment = Tcp {
                flags,
                seq,
                ack,
                payload,
                ..Tcp::default()
            };
            let packet = ip(from.0, to.0, protocol::TCP, &tcp(from, to, &segment));
            frames.push(ethernet(tags, &packet));
        }
        let (a, b) = ((v6(u16::from(n)), 5000), (v6(999), 53));
        frames.push(ethernet(
            &[],
            &ip(a.0, b.0, protocol::UDP, &udp(a, b, &[n; 40])),
        ));
        frames.push(ethernet(&[], &icmp_request(n)));
        let inner = ethernet(
            &[],
            &ip(
                v4(n),
                v4(201),
                protocol::UDP,
                &udp((v4(n), 9), (v4(201), 10), &[n]),
            ),
        );
        let outer = ((v4(n), 50_000 + u16::from(n)), (v4(202), 4789));
        let tunnel = udp(outer.0, outer.1, &vxlan(5, &inner));
        frames.push(ethernet(&[], &ip(v4(n), v4(202), protocol::UDP, &tunnel)));
    }
    let at = |index: usize| START + index as i64 * MS / 100;
    frames
        .into_iter()
        .enumerate()
        .map(|(index, frame)| pcap::packet(at(index), frame))
        .collect()
}

fn icmp_request(n: u8) -> Vec<u8> {
    let message = icmp(v4(n), v4(203), 8, 0, &[0, n, 0, 1, 1, 2, 3, 4]);
    ip(v4(n), v4(203), protocol::ICMP, &message)
}

/// What does not depend on the time of arrival, by conversation.
fn timeless(conns: &[Line]) -> BTreeMap<String, Vec<String>> {
    // Bytes are unset where the duration is 0: a burst's frames must not all have one time.
    const FIELDS: [&str; 14] = [
        "conn_state",
        "history",
        "orig_pkts",
        "resp_pkts",
        "orig_bytes",
        "resp_bytes",
        "orig_ip_bytes",
        "resp_ip_bytes",
        "missed_bytes",
        "inner_vlan",
        "service",
        "local_orig",
        "community_id",
        "ip_proto",
    ];
    let key = |line: &Line| {
        [
            "id.orig_h",
            "id.orig_p",
            "id.resp_h",
            "id.resp_p",
            "proto",
            "vlan",
        ]
        .map(|field| line.zeek(field))
        .join(" ")
    };
    conns
        .iter()
        .map(|line| (key(line), FIELDS.map(|field| line.zeek(field)).to_vec()))
        .collect()
}

#[test]
fn a_file_lent_by_dpdk_gives_the_records_of_the_file() {
    let Some(_turn) = turn() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    let packets = mixture();
    pcap::write(&path, &packets);
    let read = Run::file(&path).arg("--no-checksums").output();
    assert_eq!(read.code(), 0, "{}", read.stderr);
    let mut run = watch(&format!("net_pcap0,rx_pcap={}", path.display())).start();
    run.wait_until_open();
    settle(&mut run, packets.len() as u64);
    let output = end(run);
    let ledger = output.ledger();
    assert_eq!(ledger.faults(), Vec::<String>::new(), "{}", output.stderr);
    assert_eq!(
        ledger.total("delivered"),
        packets.len() as u64,
        "{}",
        output.stderr
    );
    let (from_file, from_port) = (timeless(&conns(&read)), timeless(&conns(&output)));
    assert!(from_file.len() >= 240, "{}", from_file.len());
    assert_eq!(from_port.len(), from_file.len());
    for (conversation, expected) in &from_file {
        assert_eq!(
            from_port.get(conversation),
            Some(expected),
            "{conversation}"
        );
    }
}

#[test]
fn a_filter_is_applied_and_what_it_rejects_is_counted() {
    let Some(_turn) = turn() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    let packets = mixture();
    pcap::write(&path, &packets);
    let mut run = watch(&format!("net_pcap0,rx_pcap={}", path.display()))
        .args(["-f", "icmp"])
        .start();
    run.wait_until_open();
    std::thread::sleep(Duration::from_millis(500));
    let output = end(run);
    let ledger = output.ledger();
    assert_eq!(ledger.faults(), Vec::<String>::new(), "{}", output.stderr);
    assert_eq!(
        ledger.total("delivered"),
        packets.len() as u64,
        "{}",
        output.stderr
    );
    assert_eq!(
        ledger.part("delivered", "analysed"),
        60,
        "{}",
        output.stderr
    );
}

/// A device that an argument of EAL's has made is opened by its name.
#[test]
fn a_device_that_eal_has_made_is_opened() {
    let Some(_turn) = turn() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    let packets = mixture();
    pcap::write(&path, &packets);
    let made = format!("--vdev=net_pcap0,rx_pcap={}", path.display());
    let mut run = watch("net_pcap0")
        .args(["--set", &format!("dpdk.eal_arguments=[{made:?}]")])
        .start();
    run.wait_until_open();
    settle(&mut run, packets.len() as u64);
    let output = end(run);
    assert_eq!(output.ledger().faults(), Vec::<String>::new());
    assert_eq!(
        output.ledger().total("delivered"),
        packets.len() as u64,
        "{}",
        output.stderr
    );
}

/// Every wrong set-up ends in an error that names the object and what to type, by our own hand: exit code 1 or 2, nothing on standard output.
#[test]
fn wrong_set_ups_are_told() {
    let Some(_turn) = turn() else { return };
    let none = "/nonexistent/folder/socket";
    let cases: &[(&str, &[&str], i32, &[&str])] = &[
        (
            "eth0",
            &[],
            2,
            &["dpdk:eth0", "PCI address", "portreeve nic list"],
        ),
        (
            "0000:7f:1f.7",
            &[],
            1,
            &["0000:7f:1f.7", "no such PCI device", "portreeve nic list"],
        ),
        ("net_nodriver0", &[], 1, &["no driver net_nodriver"]),
        ("net_null0,colour=red", &[], 1, &["net_null0", "refuses"]),
        (
            "net_af_packet0,iface=none0",
            &[],
            1,
            &["no interface none0"],
        ),
        (
            "net_pcap0,rx_pcap=/nonexistent.pcap",
            &[],
            1,
            &["/nonexistent.pcap"],
        ),
        (
            &format!("net_vhost0,iface={none}"),
            &[],
            1,
            &["net_vhost0", "/nonexistent/folder", "mkdir"],
        ),
        (
            &format!("net_virtio_user0,path={none}"),
            &[],
            1,
            &["net_virtio_user0", "/nonexistent/folder"],
        ),
        (
            "net_memif0,role=client,socket=/tmp/portreeve-nobody,socket-abstract=no",
            &[],
            1,
            &["net_memif0", "/tmp/portreeve-nobody has to be there first"],
        ),
        (
            "net_null0",
            &["--set", "dpdk.eal_arguments=[\"--help\"]"],
            1,
            &["--help", "dpdk.eal_arguments"],
        ),
        (
            "net_null0",
            &["--set", "dpdk.eal_arguments=[\"--no-such\"]"],
            1,
            &["--no-such", "does not start"],
        ),
        (
            "net_null0",
            &["--set", "dpdk.buffers=100000000"],
            1,
            &["100000000 packet buffers", "portreeve nic hugepages"],
        ),
        (
            "net_null0",
            &["--set", "dpdk.descriptors=70000"],
            2,
            &["dpdk.descriptors"],
        ),
        ("net_null0", &["-i", "dpdk:net_null0"], 2, &["named twice"]),
        (
            "net_null0",
            &["-i", "dpdk:net_null0,size=70"],
            1,
            &["net_null0", "open already"],
        ),
        ("net_null0", &["-Q", "in"], 2, &["-Q"]),
        (
            "net_af_packet0,iface=lo,qpairs=2",
            &[],
            1,
            &["2 queues", "--workers 2"],
        ),
    ];
    for (device, arguments, code, says) in cases {
        let output = watch(device)
            .args(*arguments)
            .limit(Duration::from_secs(20))
            .output();
        assert_eq!(output.code(), *code, "{device}: {}", output.stderr);
        for word in *says {
            assert!(
                output.stderr.contains(word),
                "{device}: no {word:?} in {}",
                output.stderr
            );
        }
        assert!(
            output.stderr.starts_with("portreeve: "),
            "{device}: {}",
            output.stderr
        );
        assert_eq!(
            output.stderr.lines().count(),
            1,
            "{device}: {}",
            output.stderr
        );
        assert!(output.stdout.is_empty(), "{device}");
    }
}

/// With no huge pages a virtual device still works, with a warning that says what to type, unless that is not wanted. (A PCI device needs them.)
#[test]
fn without_huge_pages_there_is_a_warning_or_an_error() {
    if !may_run_privileged() {
        return;
    }
    let needs = [
        "--set",
        "dpdk.descriptors=2048",
        "--set",
        "dpdk.eal_arguments=[\"--no-huge\",\"-m\",\"96\"]",
    ];
    let mut run = Run::interface("dpdk:net_null0")
        .args(["--workers", "1", "-c", "100000"])
        .args(needs)
        .start();
    run.wait_until_open();
    let output = run.wait();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert_eq!(
        output.ledger().part("delivered", "analysed")
            + output.ledger().part("delivered", "not IP")
            + output.ledger().part("delivered", "undecodable"),
        100_000,
        "{}",
        output.stderr
    );
}
