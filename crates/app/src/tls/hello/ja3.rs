//! JA3 and JA3S: fingerprints of hellos, MD5 sums of their numbers in decimal (as Salesforce defined them in 2017). GREASE does not count.
//!
//! ```text
//!  JA3    version,ciphers,extensions,groups,point formats      769,47-53-5-10,0-10-11,23-24-25,0
//!  JA3S   version,cipher,extensions                            769,47,65281-0-11-35
//! ```

use md5::{Digest, Md5};

use super::{ClientHello, ServerHello};
use crate::text::hexadecimal;

/// What a fingerprint's text mostly fits in.
const USUAL: usize = 512;

pub(super) fn client(hello: &ClientHello<'_>) -> String {
    let mut text = String::with_capacity(USUAL);
    decimal(&mut text, hello.version);
    text.push(',');
    dashed(&mut text, hello.ciphers.meant());
    text.push(',');
    dashed(&mut text, hello.extensions.kinds());
    text.push(',');
    dashed(&mut text, hello.groups.meant());
    text.push(',');
    dashed(&mut text, hello.point_formats.iter().map(|&b| b.into()));
    hexadecimal(&Md5::digest(text.as_bytes()))
}

pub(super) fn server(hello: &ServerHello<'_>) -> String {
    let mut text = String::with_capacity(USUAL);
    decimal(&mut text, hello.version);
    text.push(',');
    decimal(&mut text, hello.cipher);
    text.push(',');
    dashed(&mut text, hello.extensions.kinds());
    hexadecimal(&Md5::digest(text.as_bytes()))
}

fn dashed(text: &mut String, numbers: impl Iterator<Item = u16>) {
    for (at, number) in numbers.enumerate() {
        if at > 0 {
            text.push('-');
        }
        decimal(text, number);
    }
}

fn decimal(text: &mut String, number: u16) {
    let mut unit = 10_000;
    while unit > 1 && number < unit {
        unit /= 10;
    }
    while unit > 0 {
        text.push(char::from(b'0' + (number / unit % 10) as u8));
        unit /= 10;
    }
}
