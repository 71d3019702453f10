//! Interfaces of other kinds, and interfaces that come and go.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use portreeve_capture::afpacket::{AfPacketConfig, AfPacketSource, link_type};
use portreeve_capture::{CaptureError, Fetch, Source, interfaces};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_packet::{DecodeOptions, LinkType, Views, decode, steer};

use crate::helpers::{A, B, config, finish, take};

#[test]
fn on_the_loopback_each_packet_is_seen_once() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        for name in ["lo", "any"] {
            let mut source = AfPacketSource::open(&AfPacketConfig {
                interface: name.into(),
                ..config()
            })
            .expect("opens");
            let receiver = UdpSocket::bind("127.0.0.1:0").expect("bind");
            let sender = UdpSocket::bind("127.0.0.1:0").expect("bind");
            for _ in 0..20 {
                sender
                    .send_to(b"once", receiver.local_addr().expect("address"))
                    .expect("send");
            }
            source.stop();
            let mut views = Views::default();
            let taken = take(
                &mut source,
                |frame| {
                    views.clear();
                    decode(&frame.bytes(0), &DecodeOptions::default(), &mut views);
                    let view = views.as_slice().last().expect("decodes");
                    assert_eq!(view.key.protocol, 17);
                },
                u64::MAX,
            );
            assert_eq!(taken, 20, "{name}");
            assert_eq!(finish(&mut source).wire, Some(20));
        }
    });
}

#[test]
fn any_sees_every_interface_with_cooked_headers() {
    if !may_run_privileged() {
        return;
    }
    assert_eq!(link_type("any").expect("known"), LinkType::LinuxSll2);
    let lab = Lab::new();
    lab.run(|| {
        let mut sources = AfPacketSource::open_fanout(
            &AfPacketConfig {
                interface: "any".into(),
                ..config()
            },
            2,
        )
        .expect("opens");
        let packets: Vec<_> = (0..100)
            .map(|port| Packet::udp4(A, B, port, 9999).build(100))
            .collect();
        Sender::open(Lab::TX).send(&packets, 100);
        let mut total = 0;
        for (worker, source) in sources.iter_mut().enumerate() {
            source.stop();
            let mut views = Views::default();
            total += take(
                source,
                |frame| {
                    assert_eq!(frame.link, LinkType::LinuxSll2);
                    assert_eq!(frame.data.len(), 100 - 14 + 20);
                    views.clear();
                    decode(&frame.bytes(0), &DecodeOptions::default(), &mut views);
                    assert_eq!(views.as_slice().len(), 1);
                    let home = steer::worker(steer::view_hash(&views.as_slice()[0]), 2);
                    assert_eq!(home, worker);
                },
                u64::MAX,
            );
        }
        // Once as sent on one end, once as received on the other.
        assert_eq!(total, 200);
    });
}

#[test]
fn an_interface_that_goes_away_ends_the_source_after_its_last_frame() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut source = AfPacketSource::open(&config()).expect("opens");
        Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).build(60)], 100);
        lab.namespace().ip(&format!("link del dev {}", Lab::RX));
        let deadline = Instant::now() + Duration::from_secs(5);
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

#[test]
fn an_interface_that_was_down_goes_on() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut source = AfPacketSource::open(&config()).expect("opens");
        let sender = Sender::open(Lab::TX);
        let frames = [Packet::udp4(A, B, 1, 2).build(60)];
        sender.send(&frames, 10);
        lab.namespace()
            .ip(&format!("link set dev {} down", Lab::RX));
        assert_eq!(take(&mut source, |_| {}, 10), 10);
        source.wait(Duration::from_millis(50)).expect("waits");
        assert_eq!(source.downs(), 1);
        lab.namespace().ip(&format!("link set dev {} up", Lab::RX));
        lab.wait_for_carrier();
        sender.send(&frames, 10);
        assert_eq!(take(&mut source, |_| {}, 10), 10);
        assert_eq!(finish(&mut source).wire, Some(20));
    });
}

#[test]
fn interfaces_are_those_of_the_namespace() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::with_mtu(3000);
    lab.namespace()
        .ip(&format!("addr add 10.9.8.7/24 dev {}", Lab::RX));
    lab.namespace()
        .ip("route add default via 10.9.8.1 onlink dev rx0");
    lab.run(|| {
        let all = interfaces::list().expect("lists");
        let names: Vec<_> = all.iter().map(|i| i.name.as_str()).collect();
        assert!(names.contains(&Lab::RX) && names.contains(&Lab::TX) && names.contains(&"lo"));
        let rx = interfaces::find(Lab::RX).expect("is there");
        assert_eq!(rx.mtu, 3000);
        assert_eq!(rx.kind.as_deref(), Some("veth"));
        assert_eq!(rx.driver.as_deref(), Some("veth"));
        assert!(rx.up && rx.running && !rx.physical && rx.default_route);
        assert_eq!(rx.addresses.len(), 1);
        assert_eq!(rx.addresses[0].to_string(), "10.9.8.7/24");
        assert_eq!(
            interfaces::best(&all).map(|i| i.name.as_str()),
            Some(Lab::RX)
        );
        assert!(rx.offloads.gro.is_some() && rx.offloads.tx_checksum.is_some());
    });
}

/// A tun interface of the thread's namespace, for as long as the file is open.
fn open_tun(name: &str) -> std::fs::File {
    use std::os::fd::AsRawFd;
    const TUNSETIFF: libc::Ioctl = 0x4004_54ca;
    const IFF_TUN_NO_PI: i16 = 0x1001;
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/net/tun")
        .expect("open /dev/net/tun");
    // SAFETY: an all-zero ifreq is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = IFF_TUN_NO_PI;
    // SAFETY: the request is there for the call.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF, &mut request) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    file
}

#[test]
fn on_a_tunnel_without_link_layer_frames_begin_with_ip() {
    use std::io::Write as _;
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut tun = open_tun("tun7");
        lab.namespace().ip("link set dev tun7 up");
        let mut sources = AfPacketSource::open_fanout(
            &AfPacketConfig {
                interface: "tun7".into(),
                ..config()
            },
            2,
        )
        .expect("opens");
        for port in 0..100 {
            let packet = Packet::udp4(A, B, port, 9999).build(80).split_off(14);
            tun.write_all(&packet).expect("write to the tunnel");
        }
        let mut total = 0;
        for (worker, source) in sources.iter_mut().enumerate() {
            source.stop();
            let mut views = Views::default();
            let taken = take(
                source,
                |frame| {
                    assert_eq!((frame.link, frame.data[0]), (LinkType::RawIp, 0x45));
                    views.clear();
                    decode(&frame.bytes(0), &DecodeOptions::default(), &mut views);
                    let view = views.as_slice().last().expect("decodes");
                    assert_eq!(steer::worker(steer::view_hash(view), 2), worker);
                },
                u64::MAX,
            );
            assert!(taken > 20);
            total += taken;
            finish(source);
        }
        assert_eq!(total, 100);
    });
}
