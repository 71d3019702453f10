use super::*;
use crate::text::hexadecimal;

fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vec16(data)].concat()
}

/// The hello of the example in `FoxIO`'s description, with GREASE in every place.
fn example() -> Vec<u8> {
    turned(0)
}

/// The same with the last `turn` of its extensions in front.
fn turned(turn: usize) -> Vec<u8> {
    let ciphers = [
        0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
        0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
    ];
    let algorithms = [
        0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
    ];
    let name = b"\0\0\x0bexample.org";
    let shares = [
        &[0x6a, 0x6a, 0, 1, 0, 0x11, 0xec, 0, 2, 9, 9, 0, 0x1d, 0, 2][..],
        &[8, 8],
    ]
    .concat();
    let mut extensions = [
        extension(0x2a2a, &[]),
        extension(0x001b, &[2, 0, 2]),
        extension(0x0000, &vec16(name)),
        extension(0x0033, &vec16(&shares)),
        extension(0x0010, &vec16(b"\x02h2\x08http/1.1")),
        extension(0x4469, &[0, 3, 2, b'h', b'2']),
        extension(0x0017, &[]),
        extension(0x002d, &[1, 1]),
        extension(0x000d, &vec16(&numbers(&algorithms))),
        extension(0x0005, &[1, 0, 0, 0, 0]),
        extension(0x0023, b"ticket"),
        extension(0x0012, &[]),
        extension(0x002b, &[6, 0x3a, 0x3a, 3, 4, 3, 3]),
        extension(0xff01, &[0]),
        extension(0x000b, &[1, 0]),
        extension(0x000a, &vec16(&numbers(&[0x4a4a, 29, 23, 24]))),
        extension(0x0015, &[0; 10]),
    ];
    extensions.rotate_right(turn);
    let extensions = extensions.concat();
    [
        &[3, 3][..],
        &[7; 32],
        &[2, 5, 5],
        &vec16(&numbers(&ciphers)),
        &[1, 0],
        &vec16(&extensions),
    ]
    .concat()
}

#[test]
fn what_a_client_offers() {
    let body = example();
    let hello = ClientHello::parse(&body, Carrier::Tls).unwrap();
    assert!(hello.whole);
    assert_eq!((hello.version, hello.highest_version()), (0x0303, 0x0304));
    assert_eq!(hello.session_id, [5, 5]);
    assert_eq!(hello.server_name, Some(&b"example.org"[..]));
    let alpn: Vec<_> = hello.alpn.collect();
    assert_eq!(alpn, [&b"h2"[..], b"http/1.1"]);
    let shares: Vec<_> = hello.key_shares.collect();
    assert_eq!(shares, [(0x6a6a, 1), (0x11ec, 2), (29, 2)]);
    assert_eq!(hello.groups.meant().collect::<Vec<_>>(), [29, 23, 24]);
    assert_eq!(hello.session_ticket, Some(&b"ticket"[..]));
    assert_eq!(hello.extensions.count(), 17);
    assert!(!hello.psk && hello.ech.is_none());
}

#[test]
fn ja4_is_that_of_the_description() {
    let body = example();
    let hello = ClientHello::parse(&body, Carrier::Tls).unwrap();
    assert_eq!(hello.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    let hello = ClientHello::parse(&body, Carrier::Quic).unwrap();
    assert_eq!(hello.ja4(), "q13d1516h2_8daaf6152771_e5627efa2ab1");
}

#[test]
fn ja4_of_a_protocol_that_is_no_text() {
    let first_and_last = |name: &[u8]| {
        let list = [&[name.len() as u8], name].concat();
        let extensions = extension(16, &vec16(&list));
        let body = [&[3, 3][..], &[0; 32], &[0, 0, 0, 1, 0], &vec16(&extensions)].concat();
        let ja4 = ClientHello::parse(&body, Carrier::Tls).unwrap().ja4();
        assert_eq!(&ja4[10..], "_000000000000_000000000000");
        ja4[8..10].to_owned()
    };
    assert_eq!(first_and_last(&[]), "00");
    assert_eq!(first_and_last(b"h"), "hh");
    assert_eq!(first_and_last(&[0xab]), "ab");
    assert_eq!(first_and_last(&[0xab, 0xcd]), "ad");
    assert_eq!(first_and_last(&[0x30, 0xab]), "3b");
    assert_eq!(first_and_last(&[0x30, 0xab, 0xcd, 0x31]), "01");
}

#[test]
fn ja3_is_the_sum_of_the_numbers() {
    // The example of JA3's own description: 769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0
    let ciphers = [
        47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4, 0x0a0a,
    ];
    let extensions = [
        extension(0, &vec16(b"\0\0\x01a")),
        extension(10, &vec16(&numbers(&[23, 24, 25]))),
        extension(11, &[1, 0]),
    ]
    .concat();
    let body = [
        &[3, 1][..],
        &[0; 32],
        &[0],
        &vec16(&numbers(&ciphers)),
        &[1, 0],
        &vec16(&extensions),
    ]
    .concat();
    let hello = ClientHello::parse(&body, Carrier::Tls).unwrap();
    assert_eq!(
        hexadecimal(&hello.ja3()),
        "ada70206e40642a3e4461f35503241d5"
    );
}

#[test]
fn fingerprints_that_are_known_are_those_that_are_made() {
    let body = example();
    let mut known = Known::default();
    // Every hello that differs from the others in one bit, and all of them once more.
    for _ in 0..2 {
        for bit in 0..body.len() * 8 {
            let mut body = body.clone();
            body[bit / 8] ^= 1 << (bit % 8);
            for carrier in [Carrier::Tls, Carrier::Quic, Carrier::Dtls] {
                let Some(hello) = ClientHello::parse(&body, carrier) else {
                    continue;
                };
                let prints = known.client(&hello);
                assert_eq!(prints.ja3, hello.ja3());
                assert_eq!(*prints.ja4, *hello.ja4().as_bytes());
            }
            if let Some(hello) = ServerHello::parse(&body) {
                assert_eq!(known.server(&hello), hello.ja3s());
            }
        }
    }
}

#[test]
fn each_order_of_the_extensions_is_another_ja3_and_the_same_ja4() {
    let mut known = Known::default();
    let mut sums = Vec::new();
    for turn in (0..17).chain(0..17) {
        let body = turned(turn);
        let hello = ClientHello::parse(&body, Carrier::Tls).unwrap();
        let prints = known.client(&hello);
        assert_eq!(prints.ja3, hello.ja3());
        assert_eq!(*prints.ja4, *hello.ja4().as_bytes());
        sums.push(prints.ja3);
    }
    sums.sort_unstable();
    sums.dedup();
    // GREASE does not count: in front or at the end it is the same order.
    assert_eq!(sums.len(), 16);
}

#[test]
fn what_a_server_chose() {
    let extensions = [
        extension(43, &[3, 4]),
        extension(51, &[0, 29, 0, 1, 9]),
        extension(41, &[0, 0]),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[1; 32],
        &[0, 0x13, 0x01, 0],
        &vec16(&extensions),
    ]
    .concat();
    let hello = ServerHello::parse(&body).unwrap();
    assert_eq!((hello.cipher, hello.chosen_version()), (0x1301, 0x0304));
    assert_eq!((hello.key_share, hello.psk), (Some(29), true));
    assert!(hello.whole && !hello.retry);
    // The sum of 771,4865,43-51-41.
    assert_eq!(
        hexadecimal(&hello.ja3s()),
        "fcb2d4d0991292272fcb1e464eedfd43"
    );
}

#[test]
fn a_body_cut_anywhere_gives_what_it_has() {
    let body = example();
    let names = (0..body.len())
        .filter_map(|len| ClientHello::parse(&body[..len], Carrier::Tls))
        .inspect(|hello| {
            assert!(!hello.whole || hello.extensions.count() == 0);
            assert_eq!(hello.ja4().len(), 36);
        })
        .filter(|hello| hello.server_name.is_some())
        .count();
    assert!(names > 100);
}

#[test]
fn a_cookie_is_only_in_dtls() {
    let body = [
        &[0xfe, 0xfd][..],
        &[0; 32],
        &[0, 2, 8, 8, 0, 2, 0, 0x2f, 1, 0],
    ]
    .concat();
    let hello = ClientHello::parse(&body, Carrier::Dtls).unwrap();
    assert_eq!(hello.cookie, [8, 8]);
    assert_eq!(hello.ciphers.collect::<Vec<_>>(), [0x2f]);
    assert!(hello.ja4().starts_with("dd2i010000_"));
}
