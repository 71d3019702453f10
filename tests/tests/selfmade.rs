//! Captures that the tests make themselves, packet by packet, with expectations worked out by hand. These need nothing but the project.

use std::net::IpAddr;

use portreeve_tests::binary::{Output, Run};
use portreeve_tests::conn::Line;
use portreeve_tests::packets::{
    End, Tcp, ethernet, flags, frame, icmp, ip, ipv4, protocol, tcp, udp, v4, v6, vxlan,
};
use portreeve_tests::pcap::{ETHERNET, Form, MS, Packet, START, file, packet, write};

fn read(packets: &[Packet]) -> (Output, Vec<Line>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    write(&path, packets);
    let output = Run::file(&path).output();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    let conns = output
        .records()
        .into_iter()
        .filter(|line| line.path() == "conn")
        .collect();
    (output, conns)
}

/// The one conversation there is.
fn only(conns: &[Line]) -> &Line {
    assert_eq!(conns.len(), 1, "{conns:#?}");
    &conns[0]
}

fn assert_fields(line: &Line, expected: &[(&str, &str)]) {
    for (field, value) in expected {
        assert_eq!(line.zeek(field), *value, "{field} of {line:?}");
    }
}

const CLIENT: fn() -> End = || (v4(1), 40_000);
const SERVER: fn() -> End = || (v4(2), 80);

/// A TCP packet in Ethernet; `from_client` says which way.
fn segment(from_client: bool, segment: &Tcp<'_>) -> Vec<u8> {
    segment_between(CLIENT(), SERVER(), from_client, &[], segment)
}

fn segment_between(
    client: End,
    server: End,
    from_client: bool,
    tags: &[(u16, u16)],
    segment: &Tcp<'_>,
) -> Vec<u8> {
    let (from, to) = if from_client {
        (client, server)
    } else {
        (server, client)
    };
    ethernet(
        tags,
        &ip(from.0, to.0, protocol::TCP, &tcp(from, to, segment)),
    )
}

/// A whole connection: handshake, 10 bytes there, 100 bytes back, closed by both. 1 ms between packets.
fn connection(client: End, server: End, tags: &[(u16, u16)]) -> Vec<Packet> {
    use flags::{ACK, FIN, PSH, SYN};
    let request = [b'q'; 10];
    let answer = [b'a'; 100];
    let mss = [2, 4, 5, 0xb4];
    let steps = [
        (
            true,
            Tcp {
                seq: 100,
                flags: SYN,
                options: &mss,
                ..Tcp::default()
            },
        ),
        (
            false,
            Tcp {
                seq: 500,
                ack: 101,
                flags: SYN | ACK,
                options: &mss,
                ..Tcp::default()
            },
        ),
        (
            true,
            Tcp {
                seq: 101,
                ack: 501,
                flags: ACK,
                ..Tcp::default()
            },
        ),
        (
            true,
            Tcp {
                seq: 101,
                ack: 501,
                flags: PSH | ACK,
                payload: &request,
                ..Tcp::default()
            },
        ),
        (
            false,
            Tcp {
                seq: 501,
                ack: 111,
                flags: ACK,
                ..Tcp::default()
            },
        ),
        (
            false,
            Tcp {
                seq: 501,
                ack: 111,
                flags: PSH | ACK,
                payload: &answer,
                ..Tcp::default()
            },
        ),
        (
            true,
            Tcp {
                seq: 111,
                ack: 601,
                flags: FIN | ACK,
                ..Tcp::default()
            },
        ),
        (
            false,
            Tcp {
                seq: 601,
                ack: 112,
                flags: FIN | ACK,
                ..Tcp::default()
            },
        ),
        (
            true,
            Tcp {
                seq: 112,
                ack: 602,
                flags: ACK,
                ..Tcp::default()
            },
        ),
    ];
    let time = |index: usize| START + index as i64 * MS;
    steps
        .iter()
        .enumerate()
        .map(|(index, (from_client, step))| {
            packet(
                time(index),
                segment_between(client, server, *from_client, tags, step),
            )
        })
        .collect()
}

#[test]
fn a_tcp_connection_from_handshake_to_close() {
    let (_, conns) = read(&connection(CLIENT(), SERVER(), &[]));
    assert_fields(
        only(&conns),
        &[
            ("ts", "1704067200.000000"),
            ("id.orig_h", "10.0.0.1"),
            ("id.orig_p", "40000"),
            ("id.resp_h", "10.0.0.2"),
            ("id.resp_p", "80"),
            ("proto", "tcp"),
            ("ip_proto", "6"),
            ("conn_state", "SF"),
            ("history", "ShADadFf"),
            // Without the last ACK, which comes when both sides have closed.
            ("duration", "0.007000"),
            ("orig_bytes", "10"),
            ("resp_bytes", "100"),
            ("missed_bytes", "0"),
            // IP 20 + TCP 20, once with 4 bytes of options, once with 10 of payload: 44 + 40 + 50 + 40 + 40.
            ("orig_pkts", "5"),
            ("orig_ip_bytes", "214"),
            // 44 + 40 + 140 + 40.
            ("resp_pkts", "4"),
            ("resp_ip_bytes", "264"),
            ("orig_mss", "1460"),
        ],
    );
    let line = only(&conns);
    assert_eq!(
        (
            line.count("orig_retransmits"),
            line.count("resp_out_of_order")
        ),
        (0, 0)
    );
    assert!((line.number("syn_rtt").unwrap() - 0.001).abs() < 1e-9);
    assert!((line.number("ack_rtt").unwrap() - 0.001).abs() < 1e-9);
    assert!(!line.has("vlan") && !line.has("tunnel_parents"));
}

#[test]
fn every_file_format_gives_the_same_records() {
    let packets = connection(CLIENT(), SERVER(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let mut texts = Vec::new();
    for form in [
        Form::MicroLittle,
        Form::MicroBig,
        Form::NanoLittle,
        Form::Pcapng,
    ] {
        // The same name, since the source is part of a record.
        let path = folder.path().join("capture");
        std::fs::write(&path, file(form, ETHERNET, &packets)).unwrap();
        let output = Run::file(&path).output();
        assert_eq!(output.code(), 0, "{form:?}: {}", output.stderr);
        texts.push(String::from_utf8(output.stdout).unwrap());
    }
    assert!(texts[0].contains("\"ShADadFf\""));
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
}

#[test]
fn a_question_and_its_answer_over_udp() {
    let (client, server) = ((v4(1), 5000), (v4(2), 53));
    let datagram = |from: End, to: End, payload: &[u8]| {
        ethernet(
            &[],
            &ip(from.0, to.0, protocol::UDP, &udp(from, to, payload)),
        )
    };
    let (_, conns) = read(&[
        packet(START, datagram(client, server, &[1; 30])),
        packet(START + 20 * MS, datagram(server, client, &[2; 90])),
    ]);
    assert_fields(
        only(&conns),
        &[
            ("proto", "udp"),
            ("id.orig_h", "10.0.0.1"),
            ("id.resp_p", "53"),
            ("conn_state", "SF"),
            ("history", "Dd"),
            ("duration", "0.020000"),
            ("orig_bytes", "30"),
            ("resp_bytes", "90"),
            ("orig_ip_bytes", "58"),
            ("resp_ip_bytes", "118"),
        ],
    );
}

#[test]
fn an_answer_without_its_question_is_turned_round() {
    let (client, server) = ((v4(1), 5000), (v4(2), 53));
    let answer = ip(
        server.0,
        client.0,
        protocol::UDP,
        &udp(server, client, &[2; 90]),
    );
    let (_, conns) = read(&[packet(START, ethernet(&[], &answer))]);
    assert_fields(
        only(&conns),
        &[
            ("id.orig_h", "10.0.0.1"),
            ("id.resp_h", "10.0.0.2"),
            ("conn_state", "SHR"),
            ("history", "^d"),
            ("duration", "-"),
            ("orig_bytes", "-"),
            ("resp_bytes", "-"),
            ("orig_pkts", "0"),
            ("resp_pkts", "1"),
        ],
    );
}

#[test]
fn echo_request_and_reply_are_one_conversation_in_both_versions() {
    for (a, b, request, reply, number, header) in [
        (v4(1), v4(2), 8, 0, protocol::ICMP, 20),
        (v6(1), v6(2), 128, 129, protocol::ICMP6, 40),
    ] {
        let rest = [0, 7, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8];
        let message = |from: IpAddr, to: IpAddr, kind: u8| {
            ethernet(&[], &ip(from, to, number, &icmp(from, to, kind, 0, &rest)))
        };
        let (_, conns) = read(&[
            packet(START, message(a, b, request)),
            packet(START + MS, message(b, a, reply)),
        ]);
        let ip_bytes = (header + 16).to_string();
        assert_fields(
            only(&conns),
            &[
                ("proto", "icmp"),
                ("id.orig_p", &request.to_string()),
                ("id.resp_p", &reply.to_string()),
                ("conn_state", "OTH"),
                ("history", "-"),
                ("orig_bytes", "8"),
                ("resp_bytes", "8"),
                ("orig_ip_bytes", &ip_bytes),
                ("ip_proto", &number.to_string()),
            ],
        );
    }
}

#[test]
fn an_icmp_error_is_its_own_conversation_and_marks_the_one_it_quotes() {
    let (client, server) = ((v4(1), 5000), (v4(2), 9));
    let router = v4(254);
    let question = ip(
        client.0,
        server.0,
        protocol::UDP,
        &udp(client, server, &[1; 30]),
    );
    let mut rest = vec![0; 4];
    rest.extend(&question[..28]);
    let error = ip(
        router,
        client.0,
        protocol::ICMP,
        &icmp(router, client.0, 3, 1, &rest),
    );
    let (_, conns) = read(&[
        packet(START, ethernet(&[], &question)),
        packet(START + MS, ethernet(&[], &error)),
    ]);
    assert_eq!(conns.len(), 2, "{conns:#?}");
    let of = |name: &str| {
        conns
            .iter()
            .find(|line| line.text("proto") == Some(name))
            .unwrap()
    };
    assert_fields(
        of("udp"),
        &[
            ("conn_state", "S0"),
            ("icmp_errors", "1"),
            ("icmp_error", "3/1"),
        ],
    );
    let fields = [
        ("id.orig_h", "10.0.0.254"),
        ("id.orig_p", "3"),
        ("id.resp_p", "1"),
    ];
    assert_fields(of("icmp"), &fields);
}

#[test]
fn vlans_tell_conversations_apart() {
    let mut packets = connection(CLIENT(), SERVER(), &[(0x8100, 10)]);
    packets.extend(connection(
        CLIENT(),
        SERVER(),
        &[(0x88a8, 20), (0x8100, 30)],
    ));
    packets.sort_by_key(|packet| packet.time);
    let (_, mut conns) = read(&packets);
    conns.sort_by_key(|line| line.count("vlan"));
    assert_eq!(conns.len(), 2, "{conns:#?}");
    assert_fields(
        &conns[0],
        &[("vlan", "10"), ("inner_vlan", "-"), ("history", "ShADadFf")],
    );
    assert_fields(
        &conns[1],
        &[
            ("vlan", "20"),
            ("inner_vlan", "30"),
            ("history", "ShADadFf"),
        ],
    );
    assert_ne!(conns[0].text("uid"), conns[1].text("uid"));
}

#[test]
fn a_connection_over_ipv6_counts_its_header_of_forty_bytes() {
    let (_, conns) = read(&connection((v6(1), 40_000), (v6(2), 443), &[]));
    assert_fields(
        only(&conns),
        &[
            ("id.orig_h", "2001:db8::1"),
            ("id.resp_h", "2001:db8::2"),
            ("history", "ShADadFf"),
            ("orig_ip_bytes", "314"),
            ("resp_ip_bytes", "344"),
        ],
    );
}

#[test]
fn fragments_belong_to_the_conversation_of_their_first() {
    let (a, b) = ((v4(1), 5000), (v4(2), 6000));
    let datagram = udp(a, b, &[7; 2000]);
    let part = |from: usize, to: usize| {
        let more = to < datagram.len();
        let part = ipv4(
            a.0,
            b.0,
            protocol::UDP,
            77,
            (from as u16, more),
            &datagram[from..to],
        );
        ethernet(&[], &part)
    };
    let (_, conns) = read(&[
        packet(START, part(0, 800)),
        packet(START + MS, part(800, 1600)),
        packet(START + 2 * MS, part(1600, 2008)),
    ]);
    let line = only(&conns);
    assert_fields(
        line,
        &[
            ("id.orig_p", "5000"),
            ("id.resp_p", "6000"),
            ("conn_state", "S0"),
            // 2008 bytes of datagram in three IP packets.
            ("orig_ip_bytes", "2068"),
        ],
    );
    // One packet, as the datagram it is; in three fragments.
    assert_fields(line, &[("orig_pkts", "1"), ("orig_fragments", "3")]);
}

#[test]
fn what_is_in_a_tunnel_is_a_conversation_of_its_own() {
    let outer = ((v4(101), 50_000), (v4(102), 4789));
    let packets: Vec<Packet> = connection(CLIENT(), SERVER(), &[])
        .into_iter()
        .map(|inner| {
            let datagram = udp(outer.0, outer.1, &vxlan(42, &inner.data));
            let carried = ip(outer.0.0, outer.1.0, protocol::UDP, &datagram);
            packet(inner.time, ethernet(&[], &carried))
        })
        .collect();
    let (_, conns) = read(&packets);
    assert_eq!(conns.len(), 2, "{conns:#?}");
    let of = |name: &str| {
        conns
            .iter()
            .find(|line| line.text("proto") == Some(name))
            .unwrap()
    };
    assert_fields(
        of("tcp"),
        &[("history", "ShADadFf"), ("orig_ip_bytes", "214")],
    );
    assert_eq!(
        of("tcp").zeek("tunnel_parents"),
        of("udp").text("uid").unwrap()
    );
    assert_fields(
        of("udp"),
        &[
            ("orig_pkts", "9"),
            ("conn_state", "S0"),
            ("tunnel_parents", "-"),
        ],
    );
}

#[test]
fn a_packet_cut_short_by_the_capture_counts_as_it_was_on_the_wire() {
    let mut packets = connection(CLIENT(), SERVER(), &[]);
    for packet in &mut packets {
        packet.data.truncate(60);
    }
    let (_, conns) = read(&packets);
    assert_fields(
        only(&conns),
        &[
            ("history", "ShADadFf"),
            ("resp_bytes", "100"),
            ("resp_ip_bytes", "264"),
        ],
    );
}

#[test]
fn a_retransmission_and_a_reset_are_seen() {
    use flags::{ACK, PSH, RST, SYN};
    let data = [b'x'; 50];
    let steps = [
        (
            true,
            Tcp {
                seq: 100,
                flags: SYN,
                ..Tcp::default()
            },
        ),
        (
            false,
            Tcp {
                seq: 500,
                ack: 101,
                flags: SYN | ACK,
                ..Tcp::default()
            },
        ),
        (
            true,
            Tcp {
                seq: 101,
                ack: 501,
                flags: ACK,
                ..Tcp::default()
            },
        ),
        (
            true,
            Tcp {
                seq: 101,
                ack: 501,
                flags: PSH | ACK,
                payload: &data,
                ..Tcp::default()
            },
        ),
        (
            true,
            Tcp {
                seq: 101,
                ack: 501,
                flags: PSH | ACK,
                payload: &data,
                ..Tcp::default()
            },
        ),
        (
            false,
            Tcp {
                seq: 501,
                ack: 151,
                flags: RST | ACK,
                ..Tcp::default()
            },
        ),
    ];
    let packets: Vec<Packet> = steps
        .iter()
        .enumerate()
        .map(|(index, (client, step))| {
            packet(START + index as i64 * 300 * MS, segment(*client, step))
        })
        .collect();
    let (_, conns) = read(&packets);
    assert_fields(
        only(&conns),
        &[
            ("conn_state", "RSTR"),
            ("history", "ShADTr"),
            ("orig_bytes", "50"),
            ("orig_pkts", "4"),
            ("orig_retransmits", "1"),
        ],
    );
}

#[test]
fn every_frame_is_in_one_account_of_the_ledger() {
    let mut packets = connection(CLIENT(), SERVER(), &[]);
    // An ARP request, an IP packet of a version there is not, and half an Ethernet header.
    packets.push(packet(START + 20 * MS, frame(&[], 0x0806, &[0; 28])));
    packets.push(packet(START + 21 * MS, frame(&[], 0x0800, &[0x95; 40])));
    packets.push(packet(START + 22 * MS, vec![0; 7]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    write(&path, &packets);
    let output = Run::file(&path).output();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert_eq!(output.ledger().faults(), Vec::<String>::new());
    assert_eq!(output.ledger().total("delivered"), 12);
    assert_eq!(output.ledger().part("delivered", "analysed"), 9);
    assert_eq!(output.ledger().part("delivered", "not IP"), 1);
    assert_eq!(output.ledger().part("delivered", "undecodable"), 2);
    assert_eq!(output.ledger().total("flows opened"), 1);
}

#[test]
fn a_filter_rejects_and_is_counted() {
    let mut packets = connection(CLIENT(), SERVER(), &[]);
    packets.extend(connection((v4(3), 40_000), (v4(4), 81), &[]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    write(&path, &packets);
    let output = Run::file(&path).arg("tcp port 81").output();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    let conns: Vec<Line> = output
        .records()
        .into_iter()
        .filter(|line| line.path() == "conn")
        .collect();
    assert_fields(only(&conns), &[("id.resp_p", "81")]);
    assert_eq!(
        output.ledger().part("delivered", "rejected by the filter"),
        9
    );
    assert_eq!(output.ledger().faults(), Vec::<String>::new());
}

#[test]
fn one_worker_and_four_give_the_same_records() {
    let mut packets = Vec::new();
    for n in 0..50 {
        packets.extend(connection((v4(n), 1000 + u16::from(n)), (v4(200), 80), &[]));
    }
    packets.sort_by_key(|packet| packet.time);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    write(&path, &packets);
    // capture_loss is measured by each worker for itself.
    let sorted = |workers: &str| {
        let mut run = Run::file(&path).arg("--workers").arg(workers);
        // What spans flows is joined in the order records come in, which is not the same with several workers.
        for log in ["known_hosts", "known_services", "software"] {
            run = run.arg("--set").arg(format!("facts.{log}=none"));
        }
        let output = run.output();
        assert_eq!(output.code(), 0, "{}", output.stderr);
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| !line.contains("\"_path\":\"capture_loss\""))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let (one, four) = (sorted("1"), sorted("4"));
    assert_eq!(
        one.iter().filter(|line| line.contains("\"conn\"")).count(),
        50
    );
    let differing = one.iter().zip(&four).find(|(one, four)| one != four);
    assert!(
        differing.is_none() && one.len() == four.len(),
        "{differing:?}"
    );
}

#[test]
fn a_damaged_file_gives_what_is_before_the_damage_and_says_where_it_is() {
    let bytes = file(
        Form::MicroLittle,
        ETHERNET,
        &connection(CLIENT(), SERVER(), &[]),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcap");
    std::fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
    let output = Run::file(&path).output();
    assert_eq!(output.code(), 1, "{}", output.stderr);
    let last_record = bytes.len() - 16 - 54;
    assert!(output.stderr.contains("cut.pcap"), "{}", output.stderr);
    assert!(
        output.stderr.contains(&last_record.to_string()),
        "{}",
        output.stderr
    );
    let conns: Vec<Line> = output
        .records()
        .into_iter()
        .filter(|line| line.path() == "conn")
        .collect();
    assert_fields(only(&conns), &[("orig_pkts", "4"), ("resp_pkts", "4")]);
}

#[test]
fn what_is_no_capture_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Dear reeve, nothing came into port today.\n").unwrap();
    let output = Run::file(&path).output();
    assert_eq!(output.code(), 1);
    assert!(output.stdout.is_empty());
    assert!(output.stderr.contains("letter.txt"), "{}", output.stderr);
    let missing = Run::file(&folder.path().join("missing.pcap")).output();
    assert_eq!(missing.code(), 1);
    assert!(
        missing.stderr.contains("missing.pcap"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_file_without_packets_is_no_failure() {
    let (output, conns) = read(&[]);
    assert!(conns.is_empty());
    assert!(output.stdout.is_empty());
}
