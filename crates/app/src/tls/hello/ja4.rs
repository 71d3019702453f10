//! JA4: a fingerprint of a client's hello that stays the same when its extensions are shuffled (`FoxIO`, `technical_details/JA4.md`).
//!
//! ```text
//!  t13d1516h2 _ 8daaf6152771 _ e5627efa2ab1
//!  │││ │ │ │    │              └ SHA-256 of the sorted extensions (but SNI and ALPN) and, behind `_`, the signature algorithms in their order; 12 digits
//!  │││ │ │ │    └ SHA-256 of the sorted cipher suites; 12 digits
//!  │││ │ │ └ first and last character of the first ALPN
//!  │││ │ └ how many extensions     │ └ how many cipher suites
//!  ││└ d: with a server name; i: without
//!  │└ the version with the highest number
//!  └ t: TCP, q: QUIC, d: DTLS
//! ```

use sha2::{Digest, Sha256};

use super::extension::kind;
use super::{Carrier, ClientHello, is_grease};

/// The most that two digits can say.
const MAX_COUNT: usize = 99;
/// Digits of each sum that are kept.
const DIGITS: usize = 12;
/// What a list's text mostly fits in.
const USUAL: usize = 256;

pub(super) fn client(hello: &ClientHello<'_>) -> String {
    let mut ciphers: Vec<u16> = hello.ciphers.meant().collect();
    let mut extensions: Vec<u16> = hello.extensions.kinds().collect();
    let mut out = String::with_capacity(36);
    out.push(match hello.carrier {
        Carrier::Tls => 't',
        Carrier::Quic => 'q',
        Carrier::Dtls => 'd',
    });
    // The highest number, as FoxIO has it; of DTLS that is the lowest version.
    let highest = hello.versions.meant().max();
    out.push_str(version(highest.unwrap_or(hello.version)));
    out.push(if extensions.contains(&kind::SERVER_NAME) {
        'd'
    } else {
        'i'
    });
    count(&mut out, ciphers.len());
    count(&mut out, extensions.len());
    let (first, last) = alpn(hello.alpn.clone().next().unwrap_or_default());
    out.push(first);
    out.push(last);

    out.push('_');
    ciphers.sort_unstable();
    let mut text = Vec::with_capacity(USUAL);
    list(&mut text, &ciphers);
    sum(&mut out, &text);

    out.push('_');
    extensions.retain(|&kind| kind != kind::SERVER_NAME && kind != kind::ALPN);
    extensions.sort_unstable();
    text.clear();
    list(&mut text, &extensions);
    let algorithms: Vec<u16> = hello
        .signature_algorithms
        .filter(|&algorithm| !is_grease(algorithm))
        .collect();
    if !extensions.is_empty() && !algorithms.is_empty() {
        text.push(b'_');
        list(&mut text, &algorithms);
    }
    sum(&mut out, &text);
    out
}

fn version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

fn count(out: &mut String, number: usize) {
    let number = number.min(MAX_COUNT) as u8;
    out.push(char::from(b'0' + number / 10));
    out.push(char::from(b'0' + number % 10));
}

/// First and last character of a protocol's name; of its hexadecimal form if either is no letter or digit.
fn alpn(name: &[u8]) -> (char, char) {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return ('0', '0');
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        (first.into(), last.into())
    } else {
        (
            digit(u16::from(first) >> 4).into(),
            digit(last.into()).into(),
        )
    }
}

fn list(text: &mut Vec<u8>, numbers: &[u16]) {
    for (at, &number) in numbers.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.extend_from_slice(&[
            digit(number >> 12),
            digit(number >> 8),
            digit(number >> 4),
            digit(number),
        ]);
    }
}

/// The lowest 4 bits as a hexadecimal digit.
fn digit(number: u16) -> u8 {
    let number = (number & 0xf) as u8;
    if number < 10 {
        b'0' + number
    } else {
        b'a' + number - 10
    }
}

fn sum(out: &mut String, text: &[u8]) {
    if text.is_empty() {
        out.extend(std::iter::repeat_n('0', DIGITS));
        return;
    }
    for byte in Sha256::digest(text).iter().take(DIGITS / 2) {
        out.push(digit(u16::from(*byte) >> 4).into());
        out.push(digit((*byte).into()).into());
    }
}
