//! Whole conversations, played in every cut; and what hostile input does.

use portreeve_record::Record;
use portreeve_record::app::App;
use portreeve_record::app::ssl::Ssl;
use portreeve_record::app::x509::X509;
use sha2::{Digest, Sha256};

use super::{DTLS, SSL};
use crate::protocol::{Peer, Probe, Transport, Verdict};
use crate::testing::{From, Outcome, Play, play_cut};

/// A certificate made for this test: `CN=example.org`, signed by itself, an elliptic key.
const CERTIFICATE: &str = "30820221308201c7a003020102020600fd62e14283300a06082a8648ce3d040302303a310b3009060355040613024e4c31153013060355040a0c0c45\
    78616d706c652c20496e633114301206035504030c0b6578616d706c652e6f7267301e170d3236313132353232353033335a170d3336313132323232\
    353033335a303a310b3009060355040613024e4c31153013060355040a0c0c4578616d706c652c20496e633114301206035504030c0b6578616d706c\
    652e6f72673059301306072a8648ce3d020106082a8648ce3d0301070342000412ca181c9e289cc614d55ecd8b5a9311b6454839d0733fd7607a07f0\
    779275c507cba02c18841a99df79f2e0f9babde7a7dc896b4b6b11447525631b42c5f4cca381b83081b5301d0603551d0e0416041412960f92461524\
    6e5ccb4cce2338aa5f8bfb75bb301f0603551d2304183016801412960f924615246e5ccb4cce2338aa5f8bfb75bb300f0603551d130101ff04053003\
    0101ff30620603551d11045b3059820b6578616d706c652e6f7267820d2a2e6578616d706c652e6f72678704c0000207871020010db8000000000000\
    000000000007861468747470733a2f2f6578616d706c652e6f72672f810d61406578616d706c652e6f7267300a06082a8648ce3d0403020348003045\
    022100c2ba2df877c39e51f82ec8a5ad513d9f00ee8db21eab6cbc01c7f428d0b1520902205796e4f9a4dc50dcc987dd481246d03fa87d3e019dbaa8\
    07803def13ee65ed4f";

fn certificate() -> Vec<u8> {
    let digits = CERTIFICATE.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn vec24(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vec16(data)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &vec24(body)[..]].concat()
}

fn record(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &vec16(data)].concat()
}

/// The same bytes in records of `size` bytes each.
fn records(kind: u8, data: &[u8], size: usize) -> Vec<u8> {
    data.chunks(size)
        .flat_map(|piece| record(kind, piece))
        .collect()
}

fn client_hello(host: &str, session: &[u8], more: &[u8]) -> Vec<u8> {
    let name = [&[0][..], &vec16(host.as_bytes())].concat();
    let extensions = [
        extension(0, &vec16(&name)),
        extension(16, &vec16(b"\x02h2")),
        more.to_vec(),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[1; 32],
        &[session.len() as u8],
        session,
        &[0, 4, 0x13, 0x01, 0xc0, 0x2b, 1, 0],
        &vec16(&extensions),
    ]
    .concat();
    message(1, &body)
}

fn server_hello(cipher: u16, session: &[u8], extensions: &[u8]) -> Vec<u8> {
    let body = [
        &[3, 3][..],
        &[2; 32],
        &[session.len() as u8],
        session,
        &cipher.to_be_bytes(),
        &[0],
        &vec16(extensions),
    ]
    .concat();
    message(2, &body)
}

fn ssl(outcome: &Outcome) -> Ssl {
    let mut found = outcome.records.iter().filter_map(|record| match record {
        Record::App(App::Ssl(ssl)) => Some((**ssl).clone()),
        _ => None,
    });
    let ssl = found.next().expect("a record");
    assert!(found.next().is_none(), "only one");
    ssl
}

fn x509(outcome: &Outcome) -> Vec<X509> {
    let records = outcome.records.iter();
    records
        .filter_map(|record| match record {
            Record::App(App::X509(x509)) => Some((**x509).clone()),
            _ => None,
        })
        .collect()
}

/// A handshake of TLS 1.2, its handshake messages in records of `size` bytes.
fn handshake_1_2(size: usize) -> [(From, Vec<u8>); 5] {
    let chain = vec24(&vec24(&certificate()));
    let server = [
        server_hello(0xc02b, &[], &extension(16, &vec16(b"\x02h2"))),
        message(11, &chain),
        message(12, &[3, 0, 23, 1, 4, 0, 0]),
        message(14, &[]),
    ]
    .concat();
    let client = message(16, &[1, 4]);
    [
        (
            From::Orig,
            records(22, &client_hello("www.example.org", &[], &[]), size),
        ),
        (From::Resp, records(22, &server, size)),
        (
            From::Orig,
            [
                records(22, &client, size),
                record(20, &[1]),
                record(22, &[9; 40]),
            ]
            .concat(),
        ),
        (
            From::Resp,
            [record(20, &[1]), record(22, &[8; 40])].concat(),
        ),
        (From::Resp, record(23, &[7; 3000])),
    ]
}

fn play(script: &[(From, Vec<u8>)]) -> Outcome {
    let script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
    play_cut(4433, &script)
}

#[test]
fn a_handshake_of_tls_1_2_in_any_cut() {
    for size in [1, 5, 100, 16_000] {
        let outcome = play(&handshake_1_2(size));
        assert_eq!(outcome.service, Some("ssl"));
        let ssl = ssl(&outcome);
        assert_eq!((ssl.version, ssl.cipher), (Some(0x0303), Some(0xc02b)));
        assert_eq!(ssl.curve, Some(23));
        assert_eq!(ssl.server_name.as_deref(), Some("www.example.org"));
        assert_eq!(ssl.next_protocol.as_deref(), Some("h2"));
        assert!(ssl.established && !ssl.resumed);
        assert_eq!(&*ssl.history, "CsxknGIi");
        assert_eq!(ssl.sni_matches_cert, Some(true));
        assert_eq!(
            ssl.subject.as_deref(),
            Some("CN=example.org,O=Example\\, Inc,C=NL")
        );
        let [certificate] = &x509(&outcome)[..] else {
            panic!("one certificate");
        };
        assert_eq!(
            ssl.cert_chain_fps,
            std::slice::from_ref(&certificate.certificate.fingerprint)
        );
    }
}

#[test]
fn what_a_certificate_says() {
    let outcome = play(&handshake_1_2(16_000));
    let seen = x509(&outcome).remove(0);
    let certificate = &seen.certificate;
    assert_eq!(
        &*certificate.fingerprint,
        "4676a2da96a68f7fe4a6d1eee0cb100f89ba2d604eb4f15dd024f5f45bc6bf82"
    );
    assert_eq!(
        (certificate.version, &*certificate.serial),
        (3, "FD62E14283")
    );
    assert_eq!(certificate.not_valid_before, 1795647033 * 1_000_000_000);
    assert_eq!(&*certificate.key_alg, "id-ecPublicKey");
    assert_eq!(&*certificate.sig_alg, "ecdsa-with-SHA256");
    assert_eq!(
        (certificate.key_type, certificate.key_length),
        (Some("ecdsa"), Some(256))
    );
    assert_eq!(certificate.curve.as_deref(), Some("prime256v1"));
    assert_eq!(
        certificate.san_dns,
        ["example.org".into(), "*.example.org".into()]
    );
    assert_eq!(
        certificate.san_ip,
        [
            "192.0.2.7".parse::<std::net::IpAddr>().unwrap(),
            "2001:db8::7".parse().unwrap()
        ]
    );
    assert_eq!(certificate.san_uri, ["https://example.org/".into()]);
    assert_eq!(certificate.san_email, ["a@example.org".into()]);
    assert_eq!(certificate.ca, Some(true));
    assert!(seen.host_cert && !seen.client_cert);
}

#[test]
fn a_certificate_seen_again_says_the_same() {
    let mut certificates = super::certificate::Certificates::default();
    let (first, seen) = certificates.look_up(&certificate());
    let (again, known) = certificates.look_up(&certificate());
    let (seen, known) = (seen.unwrap(), known.unwrap());
    assert!(std::sync::Arc::ptr_eq(
        &seen.certificate,
        &known.certificate
    ));
    assert_eq!((first, seen.common_names), (again, known.common_names));
}

/// A handshake of TLS 1.3 with a post-quantum key share.
fn handshake_1_3() -> [(From, Vec<u8>); 5] {
    let share = [&[0x11, 0xec][..], &vec16(&[6; 1216]), &[0, 0x1d, 0, 1, 5]].concat();
    let offers = [
        extension(43, &[4, 3, 4, 3, 3]),
        extension(51, &vec16(&share)),
        extension(0xfe0d, &[0, 0, 1]),
    ]
    .concat();
    let chosen = [
        extension(43, &[3, 4]),
        extension(51, &[&[0x11, 0xec][..], &vec16(&[7; 1120])].concat()),
    ]
    .concat();
    [
        (
            From::Orig,
            record(22, &client_hello("example.net", &[3; 32], &offers)),
        ),
        (
            From::Resp,
            [
                record(22, &server_hello(0x1301, &[3; 32], &chosen)),
                record(20, &[1]),
            ]
            .concat(),
        ),
        (From::Resp, record(23, &[9; 900])),
        (
            From::Orig,
            [record(20, &[1]), record(23, &[8; 60])].concat(),
        ),
        (From::Orig, record(23, &[8; 60])),
    ]
}

#[test]
fn a_handshake_of_tls_1_3_is_over_with_the_first_data_of_both() {
    let outcome = play(&handshake_1_3());
    let ssl = ssl(&outcome);
    assert_eq!(
        (ssl.version, ssl.cipher, ssl.curve),
        (Some(0x0304), Some(0x1301), Some(4588))
    );
    assert!(ssl.established && !ssl.resumed);
    assert_eq!(&*ssl.history, "CsiI");
    assert_eq!(
        ssl.client_key_shares,
        ["X25519MLKEM768".into(), "x25519".into()]
    );
    assert_eq!(ssl.ech, Some("outer"));
    assert!(ssl.ja4.unwrap().starts_with("t13d0205h2_"));
}

/// A server's hello that asks the client for another one (RFC 8446 section 4.1.4).
fn hello_retry_request(chosen: &[u8]) -> Vec<u8> {
    let mut hello = server_hello(0x1301, &[3; 32], chosen);
    hello[6..38].copy_from_slice(&Sha256::digest(b"HelloRetryRequest"));
    hello
}

/// A client of TLS 1.3 whose key share the server does not take, and that begins again; both send what is there for boxes on the way (RFC 8446 section D.4).
fn retried_1_3() -> Vec<(From, Vec<u8>)> {
    let asked_for = [extension(43, &[3, 4]), extension(51, &[0, 0x17])].concat();
    let hello = handshake_1_3()[0].1.clone();
    let retry = record(22, &hello_retry_request(&asked_for));
    vec![
        (From::Orig, hello.clone()),
        (From::Resp, [retry, record(20, &[1])].concat()),
        (From::Orig, [record(20, &[1]), hello].concat()),
    ]
}

#[test]
fn a_handshake_of_tls_1_3_that_begins_again_is_read_to_its_end() {
    let [_, (_, answer), rest @ ..] = handshake_1_3();
    // The server has said its `ChangeCipherSpec` already.
    let answer = answer[..answer.len() - record(20, &[1]).len()].to_vec();
    let mut script = retried_1_3();
    script.push((From::Resp, answer));
    script.extend(rest);
    let retried = ssl(&play(&script));
    assert_eq!(&*retried.history, "CjiICsI");
    assert_eq!((retried.version, retried.curve), (Some(0x0304), Some(4588)));
    assert!(retried.established && retried.last_alert.is_none());
    // The fingerprint is of the first hello, as others make it.
    let asking = ssl(&play(&retried_1_3()));
    assert_eq!((retried.ja3, retried.ja3s), (asking.ja3, asking.ja3s));
}

#[test]
fn a_handshake_of_tls_1_3_that_is_refused_is_not_established() {
    let mut script = retried_1_3();
    script.push((From::Resp, record(21, &[2, 40])));
    let refused = ssl(&play(&script));
    assert_eq!(&*refused.history, "CjiICl");
    assert_eq!((refused.established, refused.last_alert), (false, Some(40)));
    // A client that does not like what the server chose.
    let mut script = handshake_1_3()[..3].to_vec();
    script.push((
        From::Orig,
        [record(20, &[1]), record(21, &[2, 47])].concat(),
    ));
    let refused = ssl(&play(&script));
    assert_eq!(&*refused.history, "CsiIL");
    assert_eq!((refused.established, refused.last_alert), (false, Some(47)));
}

#[test]
fn early_data_is_no_sign_of_an_established_handshake() {
    let [hello, answer, data, _, finished] = handshake_1_3();
    let mut script = vec![
        (
            From::Orig,
            [hello.1, record(20, &[1]), record(23, &[5; 80])].concat(),
        ),
        answer,
        data,
    ];
    let early = ssl(&play(&script));
    assert_eq!((early.established, &*early.history), (false, "CIsi"));
    script.push(finished);
    assert!(ssl(&play(&script)).established);
}

#[test]
fn the_session_ends_when_both_encrypt() {
    let mut play = Play::new(Transport::Tcp, 50_000, 443);
    for (from, bytes) in handshake_1_3() {
        match from {
            From::Orig => play.orig(&bytes),
            From::Resp => play.resp(&bytes),
        };
    }
    // What would be no record at all is not looked at any more.
    play.orig(&[0xff; 100]).resp(&[0xff; 100]);
    let outcome = play.finish();
    assert!(ssl(&outcome).established);
    assert_eq!(outcome.service, Some("ssl"));
}

#[test]
fn a_session_is_resumed_by_its_identifier_or_a_ticket() {
    let finished = [record(20, &[1]), record(22, &[9; 40])].concat();
    let by_id = [
        (
            From::Orig,
            record(22, &client_hello("a.example", &[5; 32], &[])),
        ),
        (
            From::Resp,
            [
                record(22, &server_hello(0x2f, &[5; 32], &[])),
                finished.clone(),
            ]
            .concat(),
        ),
        (From::Orig, finished.clone()),
        (From::Resp, record(23, &[1; 9])),
    ];
    assert!(ssl(&play(&by_id)).resumed);
    let by_ticket = [
        (
            From::Orig,
            record(
                22,
                &client_hello("a.example", &[], &extension(35, &[4; 100])),
            ),
        ),
        (
            From::Resp,
            [record(22, &server_hello(0x2f, &[], &[])), finished.clone()].concat(),
        ),
        (From::Orig, finished),
        (From::Resp, record(23, &[1; 9])),
    ];
    assert!(ssl(&play(&by_ticket)).resumed);
}

#[test]
fn an_alert_ends_it() {
    let script = [
        (From::Orig, record(22, &client_hello("a.example", &[], &[]))),
        (From::Resp, record(21, &[2, 40])),
    ];
    let ssl = ssl(&play(&script));
    assert_eq!((ssl.last_alert, &*ssl.history), (Some(40), "Cl"));
    assert!(!ssl.established && ssl.version.is_none());
}

#[test]
fn a_server_alone_is_known_by_its_hello() {
    let script = [(From::Resp, handshake_1_2(16_000)[1].1.clone())];
    let outcome = play(&script);
    assert_eq!(outcome.service, Some("ssl"));
    assert_eq!(&*ssl(&outcome).history, "sxkn");
    // And the other way round, where the capture began in the middle.
    let script = [(From::Orig, handshake_1_2(16_000)[1].1.clone())];
    assert_eq!(&*ssl(&play(&script)).history, "^sxkn");
}

#[test]
fn a_hello_of_ssl_2_may_offer_more() {
    let hello = [
        &[0x80, 9 + 6 + 16, 1, 3, 1, 0, 6, 0, 0, 0, 16][..],
        &[0, 0, 0x2f, 1, 0, 0x80],
        &[7; 16],
    ]
    .concat();
    let script = [
        (From::Orig, hello),
        (From::Resp, record(22, &server_hello(0x2f, &[], &[]))),
    ];
    let outcome = play(&script);
    assert_eq!(
        (outcome.service, &*ssl(&outcome).history),
        (Some("ssl"), "Cs")
    );
}

#[test]
fn a_gap_within_a_record_costs_that_record_only() {
    let [client, server, ..] = handshake_1_2(16_000);
    let mut play = Play::new(Transport::Tcp, 50_000, 443);
    play.orig(&client.1);
    let (before, behind) = server.1.split_at(300);
    play.resp(before).resp_gap(100).resp(&behind[100..]);
    play.resp(&[record(20, &[1]), record(22, &[8; 40])].concat());
    play.orig(&[record(20, &[1]), record(22, &[8; 40])].concat());
    let ssl = ssl(&play.finish());
    assert_eq!((ssl.version, &*ssl.history), (Some(0x0303), "CsiI"));
    assert!(ssl.established);
}

#[test]
fn a_hello_that_is_cut_off_still_names_the_host() {
    let padding = extension(21, &[0; 600]);
    let hello = record(22, &client_hello("cut.example", &[], &padding));
    let mut play = Play::new(Transport::Tcp, 50_000, 443);
    play.orig(&hello[..200]).orig_gap(2000);
    let ssl = ssl(&play.finish());
    assert_eq!(ssl.server_name.as_deref(), Some("cut.example"));
    assert_eq!((ssl.ja3, ssl.ja4), (None, None));
}

#[test]
fn one_direction_alone_is_not_watched_for_ever() {
    let mut play = Play::new(Transport::Tcp, 50_000, 443);
    play.orig(&handshake_1_3()[0].1);
    for _ in 0..20 {
        play.orig(&record(23, &[1; 100]));
    }
    // After that nothing is read: rubbish does no harm.
    play.orig(&[0; 50]);
    let outcome = play.finish();
    assert_eq!(&*ssl(&outcome).history, "C");
}

#[test]
fn it_may_begin_behind_another_protocol() {
    let mut play = Play::of(&SSL, Transport::Tcp, 50_000, 25);
    for (from, bytes) in handshake_1_2(500) {
        match from {
            From::Orig => play.orig(&bytes),
            From::Resp => play.resp(&bytes),
        };
    }
    assert!(ssl(&play.finish()).established);
    // Or not at all.
    let mut play = Play::of(&SSL, Transport::Tcp, 50_000, 25);
    play.resp(b"220 no TLS here\r\n");
    let outcome = play.finish();
    assert!(outcome.records.is_empty() && outcome.service.is_none());
}

fn detect(orig: &[u8], resp: &[u8]) -> Verdict {
    (SSL.detect)(&Probe {
        transport: Transport::Tcp,
        orig,
        resp,
        orig_p: 50_000,
        resp_p: 443,
    })
}

#[test]
fn detection_waits_only_for_what_may_become_a_hello() {
    let hello = record(22, &client_hello("a.example", &[], &[]));
    for len in 1..11 {
        assert_eq!(detect(&hello[..len], &[]), Verdict::More, "{len} bytes");
    }
    assert_eq!(detect(&hello[..11], &[]), Verdict::Yes(Peer::Client));
    assert_eq!(detect(&[], &hello), Verdict::Yes(Peer::Server));
    for other in [
        &b"GET / HTTP/1.1\r\n"[..],
        &[22, 3, 1, 0, 100, 1, 0, 0, 5, 3, 3],
        &[22, 3, 1, 0, 100, 11, 0, 0, 90, 3, 3],
        &[22, 2, 1],
        &[23, 3, 3, 0, 100],
        &[0x80, 0x2e, 2],
        &[0x80, 0x2e, 1, 0, 3],
    ] {
        assert_eq!(detect(other, &[]), Verdict::No, "{other:?}");
    }
}

/// A record of DTLS with one fragment of a message.
fn dtls(number: u16, kind: u8, body: &[u8], offset: usize, len: usize) -> Vec<u8> {
    let fragment = [
        &[kind][..],
        &(body.len() as u32).to_be_bytes()[1..],
        &number.to_be_bytes(),
        &(offset as u32).to_be_bytes()[1..],
        &vec24(&body[offset..offset + len]),
    ]
    .concat();
    [
        &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &vec16(&fragment),
    ]
    .concat()
}

#[test]
fn dtls_puts_fragments_together_whatever_comes_twice() {
    let hello = client_hello("d.example", &[], &extension(21, &[0; 300]));
    let body = &hello[4..];
    // A cookie stands between the session and the ciphers.
    let body = [&[0xfe, 0xfd], &body[2..35], &[0], &body[35..]].concat();
    let half = body.len() / 2;
    let server = server_hello(0xc02b, &[], &[]);
    let server = [&[0xfe, 0xfd], &server[6..]].concat();
    let chain = vec24(&vec24(&certificate()));
    let change = [&[20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 2][..], &[0, 1, 1]].concat();
    let encrypted = [
        &[22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0][..],
        &vec16(&[5; 40]),
    ]
    .concat();
    let mut play = Play::new(Transport::Udp, 50_000, 4433);
    play.orig(&dtls(0, 1, &body, 0, half));
    play.orig(&dtls(0, 1, &body, 0, half));
    play.orig(&dtls(0, 1, &body, half - 10, body.len() - half + 10));
    play.orig(&dtls(0, 1, &body, 0, body.len()));
    let answer = [
        dtls(0, 2, &server, 0, server.len()),
        dtls(1, 11, &chain, 0, 200),
    ]
    .concat();
    play.resp(&answer).resp(&answer);
    play.resp(&dtls(1, 11, &chain, 200, chain.len() - 200));
    play.orig(&[change.clone(), encrypted.clone()].concat());
    play.resp(&[change, encrypted].concat());
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("dtls"));
    let ssl = ssl(&outcome);
    assert_eq!(ssl.server_name.as_deref(), Some("d.example"));
    assert_eq!((ssl.version, &*ssl.history), (Some(0xfefd), "CsxIi"));
    assert!(ssl.established && ssl.ja4.unwrap().starts_with("dd2d0203h2_"));
    assert_eq!(x509(&outcome).len(), 1);
}

#[test]
fn dtls_takes_fragments_in_any_order() {
    let hello = client_hello("d.example", &[], &[]);
    let body = &hello[4..];
    let body = [&[0xfe, 0xfd], &body[2..35], &[0], &body[35..]].concat();
    let chain = vec24(&vec24(&certificate()));
    let pieces: Vec<_> = (0..chain.len())
        .step_by(100)
        .map(|at| dtls(1, 11, &chain, at, 100.min(chain.len() - at)))
        .collect();
    let forward: Vec<_> = (0..pieces.len()).collect();
    let swapped: Vec<_> = (0..pieces.len())
        .map(|at| (at ^ 1).min(pieces.len() - 1))
        .collect();
    let backward: Vec<_> = forward.iter().rev().copied().collect();
    for order in [forward, swapped, backward] {
        let mut play = Play::new(Transport::Udp, 50_000, 4433);
        play.orig(&dtls(0, 1, &body, 0, body.len()));
        for at in order {
            play.resp(&pieces[at]).resp(&pieces[at]);
        }
        let outcome = play.finish();
        assert_eq!(&*ssl(&outcome).history, "Cx");
        assert_eq!(x509(&outcome).len(), 1);
    }
}

#[test]
fn dtls_is_known_by_its_hello() {
    let body = [&[0xfe, 0xfd][..], &[0; 60]].concat();
    let probe = |orig: &[u8]| {
        (DTLS.detect)(&Probe {
            transport: Transport::Udp,
            orig,
            resp: &[],
            orig_p: 1,
            resp_p: 2,
        })
    };
    assert_eq!(
        probe(&dtls(0, 1, &body, 0, body.len())),
        Verdict::Yes(Peer::Client)
    );
    assert_eq!(
        probe(&dtls(0, 2, &body, 0, body.len())),
        Verdict::Yes(Peer::Server)
    );
    assert_eq!(probe(&dtls(0, 11, &body, 0, body.len())), Verdict::No);
    assert_eq!(probe(&[22, 0xfe, 0xfd]), Verdict::No);
}

#[test]
fn hostile_input_does_no_harm() {
    let whole: Vec<_> = handshake_1_2(400)
        .into_iter()
        .chain(handshake_1_3())
        .collect();
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..3000 {
        let transport = if round % 3 == 0 {
            Transport::Udp
        } else {
            Transport::Tcp
        };
        let protocol = if round % 3 == 0 { &DTLS } else { &SSL };
        let mut play = Play::of(protocol, transport, 50_000, 443);
        for (from, bytes) in &whole {
            let mut bytes = bytes.clone();
            if transport == Transport::Udp {
                bytes = dtls(next() as u16 & 3, bytes[5], &bytes[9..], 0, bytes.len() - 9);
            }
            for _ in 0..next() % 4 {
                let at = next() as usize % bytes.len();
                bytes[at] = next() as u8;
            }
            bytes.truncate(1 + next() as usize % (bytes.len() + 20));
            match from {
                From::Orig => play.orig(&bytes),
                From::Resp => play.resp(&bytes),
            };
        }
        let outcome = play.finish();
        for ssl in outcome.records.iter().filter_map(|record| match record {
            Record::App(App::Ssl(ssl)) => Some(ssl),
            _ => None,
        }) {
            assert!(ssl.history.len() <= 100 && ssl.cert_chain_fps.len() <= 16);
        }
    }
}
