//! Conversations in DNS, made by hand.

use portreeve_record::app::dns::Dns as Record;
use portreeve_record::{App, Record as Any};

use super::session::Dns;
use crate::protocol::Transport;
use crate::testing::{From, Outcome, Play, play_cut};

/// A message that is built.
struct Message(Vec<u8>);

impl Message {
    fn new(id: u16, flags: u16, counts: [u16; 4]) -> Message {
        let mut bytes = Vec::new();
        for number in [id, flags].into_iter().chain(counts) {
            bytes.extend(number.to_be_bytes());
        }
        Message(bytes)
    }

    fn query(id: u16, name: &str, kind: u16) -> Message {
        Message::new(id, 0x0100, [1, 0, 0, 0]).question(name, kind)
    }

    fn reply(id: u16, rcode: u16, name: &str, kind: u16, answers: u16) -> Message {
        Message::new(id, 0x8580 | rcode, [1, answers, 0, 0]).question(name, kind)
    }

    fn question(mut self, name: &str, kind: u16) -> Message {
        self.0.extend(encoded(name));
        self.numbers(&[kind, 1])
    }

    fn numbers(mut self, numbers: &[u16]) -> Message {
        for number in numbers {
            self.0.extend(number.to_be_bytes());
        }
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Message {
        self.0.extend(bytes);
        self
    }

    /// A record of what the first question asks for.
    fn answer(self, kind: u16, ttl: u16, data: &[u8]) -> Message {
        self.numbers(&[0xc00c, kind, 1, 0, ttl, data.len() as u16])
            .bytes(data)
    }

    /// As TCP carries it.
    fn stream(&self) -> Vec<u8> {
        let mut bytes = (self.0.len() as u16).to_be_bytes().to_vec();
        bytes.extend(&self.0);
        bytes
    }
}

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn records(outcome: &Outcome) -> Vec<&Record> {
    fn dns(record: &Any) -> Option<&Record> {
        match record {
            Any::App(App::Dns(dns)) => Some(dns),
            _ => None,
        }
    }
    outcome.records.iter().filter_map(dns).collect()
}

fn weirds(outcome: &Outcome) -> Vec<&str> {
    let name = |record: &Any| match record {
        Any::Weird(weird) => Some(weird.name),
        _ => None,
    };
    outcome.records.iter().filter_map(name).collect()
}

fn udp(resp_p: u16) -> Play {
    Play::new(Transport::Udp, 50_000, resp_p)
}

/// The answers of a reply with one record of `kind`.
fn answers(kind: u16, data: &[u8]) -> Vec<String> {
    let reply = Message::reply(7, 0, "a.example", kind, 1).answer(kind, 60, data);
    let mut play = udp(53);
    play.orig(&Message::query(7, "a.example", kind).0)
        .resp(&reply.0);
    let outcome = play.finish();
    let told = records(&outcome);
    assert_eq!(told.len(), 1);
    told[0].answers.iter().map(ToString::to_string).collect()
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<Dns>() <= 64, "{}", size_of::<Dns>());
}

#[test]
fn a_query_and_its_reply_are_one_record() {
    let reply = Message::reply(7, 0, "www.example.com", 1, 2)
        .answer(5, 300, &encoded("Cdn.example.com"))
        .answer(1, 60, &[192, 0, 2, 7]);
    let mut play = udp(53);
    play.orig(&Message::query(7, "WWW.example.com", 1).0)
        .resp(&reply.0);
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("dns"));
    let [record] = *records(&outcome) else {
        panic!("{outcome:?}")
    };
    assert_eq!(record.query.as_deref(), Some("www.example.com"));
    assert_eq!(
        (record.qtype, record.qclass, record.rcode),
        (Some(1), Some(1), Some(0))
    );
    assert_eq!(record.rtt, Some(crate::testing::STEP));
    assert_eq!(
        record.answers,
        ["cdn.example.com".into(), "192.0.2.7".into()]
    );
    assert_eq!(record.ttls, [300_000_000_000, 60_000_000_000]);
    assert!(record.flags.authoritative && record.flags.recursion_desired);
    assert!(record.flags.recursion_available && !record.flags.truncated && !record.rejected);
    assert!(record.saw_query && record.saw_reply);
}

#[test]
fn what_is_unanswered_or_unasked_is_written_too() {
    let mut play = udp(53);
    play.orig(&Message::query(1, "asked.example", 28).0)
        .resp(&Message::reply(2, 3, "other.example", 1, 0).0);
    let outcome = play.finish();
    let [unasked, unanswered] = *records(&outcome) else {
        panic!("{outcome:?}")
    };
    assert_eq!(unasked.query.as_deref(), Some("other.example"));
    assert_eq!(
        (unasked.qtype, unasked.rcode, unasked.rejected),
        (Some(1), Some(3), true)
    );
    assert!(!unasked.saw_query && unasked.saw_reply);
    assert_eq!(unanswered.query.as_deref(), Some("asked.example"));
    assert_eq!(unanswered.rcode, None);
    assert!(unanswered.saw_query && !unanswered.saw_reply);
}

#[test]
fn replies_find_the_query_of_the_same_question() {
    let mut play = udp(53);
    play.orig(&Message::query(5, "one.example", 1).0)
        .orig(&Message::query(5, "one.example", 28).0)
        .resp(&Message::reply(5, 0, "one.example", 28, 0).0)
        .resp(&Message::reply(5, 2, "one.example", 1, 0).0);
    let outcome = play.finish();
    let told: Vec<_> = records(&outcome)
        .iter()
        .map(|r| (r.qtype, r.rcode, r.saw_query))
        .collect();
    assert_eq!(told, [(Some(28), Some(0), true), (Some(1), Some(2), true)]);
}

#[test]
fn each_of_several_questions_has_a_record_with_its_answers() {
    let ask = |flags, answers| {
        Message::new(9, flags, [2, answers, 0, 0])
            .question("one.example", 1)
            .question("two.example", 1)
    };
    let reply = ask(0x8000, 2)
        .bytes(&encoded("two.example"))
        .numbers(&[1, 1, 0, 5, 4])
        .bytes(&[192, 0, 2, 2])
        .answer(1, 5, &[192, 0, 2, 1]);
    let mut play = udp(53);
    play.orig(&ask(0, 0).0).resp(&reply.0);
    let outcome = play.finish();
    let told: Vec<_> = records(&outcome)
        .iter()
        .map(|r| (r.query.as_deref(), r.answers.join(",")))
        .collect();
    let expected = [
        (Some("one.example"), "192.0.2.1".to_owned()),
        (Some("two.example"), "192.0.2.2".to_owned()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn answers_are_written_as_zeek_writes_them() {
    assert_eq!(
        answers(
            28,
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        ),
        ["2001:db8::1"]
    );
    assert_eq!(
        answers(16, b"\x05hello\x03a\xffb"),
        ["TXT 5 hello TXT 3 a\\xffb"]
    );
    assert_eq!(answers(99, b"\x02v1"), ["SPF 2 v1"]);
    assert_eq!(
        answers(15, &[&[0, 10], &encoded("mx.example")[..]].concat()),
        ["mx.example"]
    );
    assert_eq!(
        answers(
            33,
            &[&[0, 1, 0, 2, 0, 80], &encoded("srv.example")[..]].concat()
        ),
        ["srv.example"]
    );
    let soa = [encoded("ns.example"), encoded("me.example"), vec![0; 20]].concat();
    assert_eq!(answers(6, &soa), ["ns.example"]);
    assert_eq!(
        answers(12, &[3, b'p', b't', b'r', 0xc0, 12]),
        ["ptr.a.example"]
    );
    assert_eq!(answers(43, &[0, 1, 8, 2, 9, 9]), ["DS 8 2"]);
    assert_eq!(answers(48, &[1, 0, 3, 13, 1]), ["DNSKEY 13"]);
    let rrsig = [&[0, 28, 13, 2][..], &[0; 14], &[0], &[1; 8]].concat();
    assert_eq!(answers(46, &rrsig), ["RRSIG 28 <Root>"]);
    assert_eq!(
        answers(47, &encoded("b.example")),
        ["NSEC a.example b.example"]
    );
    assert_eq!(answers(50, &[1, 0, 0, 1, 0, 0]), ["NSEC3"]);
    assert_eq!(answers(51, &[1, 0, 0, 1, 0]), ["NSEC3PARAM"]);
    assert_eq!(answers(44, &[1, 1, 0xab, 0xcd]), ["SSHFP: abcd"]);
    assert_eq!(
        answers(29, &[0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ["LOC:  1 2 3"]
    );
    let naptr = [
        &[0, 10, 0, 20][..],
        b"\x01s\x07SIP+D2U\x00",
        &encoded("sip.example"),
    ]
    .concat();
    assert_eq!(answers(35, &naptr), ["NAPTR 10 20 s SIP+D2U sip.example"]);
    assert_eq!(
        answers(257, b"\x00\x05issueca.example"),
        ["CAA 0 issue ca.example"]
    );
    let https = [
        &[0, 1, 0][..],
        &[0, 1, 0, 6, 2, b'h', b'3', 2, b'h', b'2'],
        &[0, 4, 0, 4, 192, 0, 2, 1],
    ]
    .concat();
    assert_eq!(
        answers(65, &https),
        ["HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.1"]
    );
    assert_eq!(answers(64, &[0, 0, 1, b'x', 0]), ["SVCB 0 x"]);
    assert_eq!(answers(62, &[0]), ["<unknown type=62>"]);
    assert!(answers(11, &[0; 5]).is_empty());
}

#[test]
fn one_bad_record_does_not_cost_the_others() {
    let reply = Message::reply(7, 0, "a.example", 1, 4)
        .answer(1, 1, &[1, 2, 3])
        .answer(5, 1, &[0xc0, 0xff])
        .answer(1, 1, &[192, 0, 2, 1])
        .numbers(&[0xc00c, 1, 1, 0, 1, 400]);
    let mut play = udp(53);
    play.orig(&Message::query(7, "a.example", 1).0)
        .resp(&reply.0);
    let outcome = play.finish();
    assert_eq!(records(&outcome)[0].answers, ["192.0.2.1".into()]);
    assert_eq!(weirds(&outcome), ["DNS_truncated_RR_rdlength_lt_len"]);
}

#[test]
fn edns_has_more_bits_of_the_response_code() {
    let reply = Message::new(3, 0x8000, [1, 0, 0, 1])
        .question("a.example", 1)
        .bytes(&[0, 0, 41, 16, 0, 1, 0, 0, 0, 0, 0]);
    let mut play = udp(53);
    play.resp(&reply.0);
    let outcome = play.finish();
    assert_eq!(records(&outcome)[0].rcode, Some(16));
}

#[test]
fn pointers_lead_backwards_and_not_too_often() {
    for name in [
        &[0xc0, 12][..],
        &[1, b'a', 0xc0, 12],
        &[0xc0, 40],
        &[0xc0, 16, 0, 0, 0xc0, 12],
    ] {
        let query = Message::new(1, 0x0100, [1, 0, 0, 0])
            .bytes(name)
            .numbers(&[1, 1]);
        let mut play = udp(53);
        play.orig(&query.0);
        let outcome = play.finish();
        assert_eq!(
            weirds(&outcome),
            ["DNS_label_forward_compress_offset"],
            "{name:?}"
        );
    }
    let mut long = Message::reply(1, 0, "a", 5, 2).numbers(&[0xc00c, 5, 1, 0, 1, 82]);
    let first = long.0.len() as u16;
    long = long.numbers(&[0xc00c]);
    for at in 0..40 {
        long = long.numbers(&[0xc000 | (first + 2 * at)]);
    }
    let reply = long.answer(5, 1, &(0xc000 | (first + 80)).to_be_bytes());
    let mut play = udp(53);
    play.resp(&reply.0);
    let outcome = play.finish();
    assert_eq!(records(&outcome)[0].answers, ["a".into()]);
    assert_eq!(
        weirds(&outcome),
        ["DNS_max_compression_chain_depth_exceeded"]
    );
    let long = Message::reply(1, 0, &"long.".repeat(60), 1, 0);
    let mut play = udp(53);
    play.resp(&long.0);
    assert_eq!(weirds(&play.finish()), ["DNS_NAME_too_long"]);
}

#[test]
fn netbios_names_are_decoded() {
    // "WORKGROUP" and blanks, kind 0.
    let name = "FHEPFCELEHFCEPFFFACACACACACACAAA";
    let query = Message::new(4, 0x0110, [1, 0, 0, 0]).question(name, 32);
    let reply = Message::new(4, 0x8500, [0, 1, 0, 0])
        .bytes(&encoded(name))
        .numbers(&[32, 1, 0, 60, 6, 0])
        .bytes(&[192, 0, 2, 9]);
    let mut play = udp(137);
    play.orig(&query.0).resp(&reply.0);
    let outcome = play.finish();
    let [record] = *records(&outcome) else {
        panic!("{outcome:?}")
    };
    assert_eq!(record.query.as_deref(), Some("WORKGROUP"));
    assert_eq!(record.answers, ["192.0.2.9".into()]);
    assert_eq!(
        (record.saw_query, record.saw_reply, record.z),
        (true, true, 1)
    );
}

#[test]
fn updates_and_notifications_are_told() {
    let update = |flags| {
        Message::new(6, flags, [1, 1, 3, 0])
            .question("zone.example", 6)
            .numbers(&[0xc00c, 255, 254, 0, 0, 0])
            .answer(1, 9, &[192, 0, 2, 1])
            .numbers(&[0xc00c, 255, 255, 0, 0, 0])
            .numbers(&[0xc00c, 16, 255, 0, 0, 0])
    };
    let notify = Message::new(8, 0x2000, [1, 0, 0, 0]).question("zone.example", 6);
    let mut play = udp(53);
    play.orig(&update(0x2800).0)
        .resp(&update(0xa800).0)
        .orig(&notify.0);
    let outcome = play.finish();
    let [update, notify] = *records(&outcome) else {
        panic!("{outcome:?}")
    };
    let expected = [
        "pre: NameNotInUse zone.example",
        "add: A zone.example 192.0.2.1",
        "del: RRSet * zone.example",
        "del: RRSet TXT",
    ];
    assert_eq!(update.answers, expected.map(Box::from));
    assert_eq!((update.opcode, notify.opcode), (5, 4));
}

#[test]
fn streams_are_cut_anywhere() {
    let reply = |id| Message::reply(id, 0, "a.example", 1, 1).answer(1, 9, &[192, 0, 2, 1]);
    let asked = [
        Message::query(1, "a.example", 1).stream(),
        Message::query(2, "a.example", 1).stream(),
    ]
    .concat();
    let told = [reply(2).stream(), reply(1).stream()].concat();
    for port in [53, 8053] {
        let outcome = play_cut(port, &[(From::Orig, &asked), (From::Resp, &told)]);
        assert_eq!(outcome.service, Some("dns"));
        let told: Vec<_> = records(&outcome)
            .iter()
            .map(|r| (r.trans_id, r.saw_query, r.answers.len()))
            .collect();
        assert_eq!(told, [(Some(2), true, 1), (Some(1), true, 1)]);
    }
    // Only the server was seen; or something else speaks on the port.
    let outcome = play_cut(53, &[(From::Resp, &told)]);
    assert_eq!(records(&outcome).len(), 2);
    let outcome = play_cut(
        53,
        &[(From::Orig, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
    );
    assert_ne!(outcome.service, Some("dns"));
}

#[test]
fn a_gap_costs_one_message() {
    let reply = |id| {
        Message::reply(id, 0, "a.example", 1, 1)
            .answer(1, 9, &[192, 0, 2, 1])
            .stream()
    };
    let lost = reply(2);
    let mut play = Play::new(Transport::Tcp, 50_000, 53);
    play.resp(&reply(1))
        .resp(&lost[..40])
        .resp_gap((lost.len() - 40) as u32)
        .resp(&reply(3));
    let outcome = play.finish();
    let told: Vec<_> = records(&outcome)
        .iter()
        .map(|r| (r.trans_id, r.answers.len()))
        .collect();
    assert_eq!(told, [(Some(1), 1), (Some(2), 0), (Some(3), 1)]);
}

#[test]
fn what_waits_is_bounded() {
    let mut play = udp(53);
    for id in 0..1000 {
        play.orig(&Message::query(id, "a.example", 1).0);
    }
    play.resp(&Message::reply(999, 0, "a.example", 1, 0).0);
    play.resp(&Message::reply(1, 0, "a.example", 1, 0).0);
    let outcome = play.finish();
    let told = records(&outcome);
    assert_eq!(told.len(), 1001);
    assert_eq!(
        told.iter().filter(|r| r.saw_query && r.saw_reply).count(),
        1
    );
    assert_eq!(told.iter().filter(|r| !r.saw_query).count(), 1);
}

#[test]
fn other_traffic_is_not_taken_for_dns() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(200))
            .map(|_| random.next() as u8)
            .collect();
        let mut play = Play::new(Transport::Udp, 40_000, 4000);
        play.orig(&bytes);
        assert_ne!(play.finish().service, Some("dns"), "{bytes:?}");
    }
    // The first two datagrams of RTP and of DTLS, and zeros.
    let others: [&[u8]; 3] = [
        &[0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 5, 6],
        &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        &[0; 64],
    ];
    for other in others {
        for port in [53, 4000] {
            let mut play = udp(port);
            play.orig(other).orig(other);
            assert_ne!(play.finish().service, Some("dns"), "{other:?}");
        }
    }
    // What is clear is found on any port, and after something else on DNS' own.
    let query = Message::query(7, "www.example.com", 1);
    let mut play = udp(4000);
    play.orig(&query.0);
    assert_eq!(play.finish().service, Some("dns"));
    let mut play = udp(53);
    play.orig(b"probe").orig(&query.0);
    assert_eq!(records(&play.finish()).len(), 1);
}

/// A generator of numbers that look random, always the same ones.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

#[test]
fn nothing_that_is_sent_makes_it_panic() {
    let https = [0, 1, 0, 0, 1, 0, 3, 2, b'h', b'3'];
    let whole = Message::new(7, 0xa980, [2, 5, 1, 1])
        .question("www.example.com", 255)
        .question("FHEPFCELEHFCEPFFFACACACACACACAAA", 33)
        .answer(65, 1, &https)
        .answer(16, 1, b"\x03abc\x00")
        .answer(35, 1, b"\x00\x01\x00\x02\x01a\x01b\x01c\xc0\x0c")
        .answer(46, 1, &[0; 24])
        .answer(33, 1, &[1; 20])
        .answer(6, 1, &encoded("b"))
        .bytes(&[0, 0, 41, 16, 0, 1, 0, 0, 0, 0, 0]);
    let mut random = Random(1);
    for port in [53, 137] {
        for end in 0..whole.0.len() {
            let mut play = udp(port);
            play.orig(&whole.0[..end]).resp(&whole.0[..end]);
            play.finish();
        }
        for _ in 0..20_000 {
            let mut bytes = whole.0.clone();
            for _ in 0..1 + random.below(8) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
            bytes.truncate(12 + random.below(bytes.len()));
            let mut play = udp(port);
            play.orig(&Message::query(7, "www.example.com", 255).0)
                .resp(&bytes)
                .orig(&bytes);
            play.finish();
        }
    }
}

#[test]
fn a_reply_that_the_capture_cuts_is_not_odd() {
    let query = Message::query(1, "example.com", 1);
    let reply = Message::reply(1, 0, "example.com", 1, 2)
        .answer(1, 60, &[192, 0, 2, 1])
        .answer(1, 60, &[192, 0, 2, 2]);
    let cut = &reply.0[..reply.0.len() - 3];
    let outcome = |truncated| {
        let mut play = Play::new(Transport::Udp, 5000, 53);
        play.orig(&query.0).truncated(truncated).resp(cut);
        play.finish()
    };
    let odd = |outcome: &Outcome| {
        let weirds = outcome.records.iter();
        weirds.filter(|r| matches!(r, Any::Weird(_))).count()
    };
    let (as_sent, as_cut) = (outcome(false), outcome(true));
    assert_eq!((odd(&as_sent), odd(&as_cut)), (1, 0));
    assert_eq!(as_sent.records.len(), as_cut.records.len() + 1);
}
