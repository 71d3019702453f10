//! JA3 and JA3S: fingerprints of hellos, MD5 sums of their numbers in decimal (as Salesforce defined them in 2017). GREASE does not count.
//!
//! ```text
//!  JA3    version,ciphers,extensions,groups,point formats      769,47-53-5-10,0-10-11,23-24-25,0
//!  JA3S   version,cipher,extensions                            769,47,65281-0-11-35
//! ```

use md5::{Digest, Md5};

use super::{ClientHello, ServerHello};

/// What a fingerprint's text mostly fits in.
const USUAL: usize = 512;

/// The 16 bytes of an MD5 sum; in hexadecimal they are what is logged.
pub type Sum = [u8; 16];

pub(super) fn client(hello: &ClientHello<'_>) -> Sum {
    Begun::new(hello).sum(hello.extensions.kinds(), &mut Vec::with_capacity(USUAL))
}

/// The sum of a client's hello but for its extensions: clients that shuffle them say the rest again and again.
pub(super) struct Begun {
    before: Md5,
    behind: Box<[u8]>,
}

impl Begun {
    pub(super) fn new(hello: &ClientHello<'_>) -> Begun {
        let mut text = Vec::with_capacity(USUAL);
        decimal(&mut text, hello.version);
        text.push(b',');
        dashed(&mut text, hello.ciphers.meant());
        text.push(b',');
        let before = Md5::new_with_prefix(&text);
        text.clear();
        text.push(b',');
        dashed(&mut text, hello.groups.meant());
        text.push(b',');
        dashed(&mut text, hello.point_formats.iter().map(|&b| b.into()));
        Begun {
            before,
            behind: text.into(),
        }
    }

    /// The sum with these extensions; `text` is room for what is summed.
    pub(super) fn sum(&self, extensions: impl Iterator<Item = u16>, text: &mut Vec<u8>) -> Sum {
        text.clear();
        dashed(text, extensions);
        text.extend_from_slice(&self.behind);
        self.before.clone().chain_update(text).finalize().into()
    }
}

pub(super) fn server(hello: &ServerHello<'_>) -> Sum {
    let mut text = Vec::with_capacity(USUAL);
    decimal(&mut text, hello.version);
    text.push(b',');
    decimal(&mut text, hello.cipher);
    text.push(b',');
    dashed(&mut text, hello.extensions.kinds());
    Md5::digest(&text).into()
}

fn dashed(text: &mut Vec<u8>, numbers: impl Iterator<Item = u16>) {
    for (at, number) in numbers.enumerate() {
        if at > 0 {
            text.push(b'-');
        }
        decimal(text, number);
    }
}

fn decimal(text: &mut Vec<u8>, number: u16) {
    let digit = |unit: u16| b'0' + (number / unit % 10) as u8;
    match number {
        0..10 => text.push(digit(1)),
        10..100 => text.extend_from_slice(&[digit(10), digit(1)]),
        100..1000 => text.extend_from_slice(&[digit(100), digit(10), digit(1)]),
        1000..10_000 => text.extend_from_slice(&[digit(1000), digit(100), digit(10), digit(1)]),
        _ => text.extend_from_slice(&[digit(10_000), digit(1000), digit(100), digit(10), digit(1)]),
    }
}
