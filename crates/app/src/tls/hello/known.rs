//! Fingerprints of hellos that were seen before.
//!
//! A client says the same hello again and again, but for its random bytes, the name it asks for and GREASE; a server answers each in one way. What a fingerprint is
//! made of is compared with what was seen, in a fraction of the time that the sums take.

use std::sync::Arc;

use super::ja3::{Begun, Sum};
use super::{ClientHello, ServerHello};
use crate::seen::Places;

/// Fingerprints of each kind that are remembered: a network has some hundred programs that speak TLS.
const REMEMBERED: usize = 512;
/// The longest content that is remembered, bytes.
const MAX_REMEMBERED: usize = 512;

/// Letters of a JA4.
const JA4_LETTERS: usize = 36;

/// A JA4: letters of ASCII.
pub(crate) type Ja4 = [u8; JA4_LETTERS];

/// The fingerprints of a client's hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientPrints {
    pub(crate) ja3: Sum,
    /// Shared: few programs have open handshakes by the thousand.
    pub(crate) ja4: Arc<Ja4>,
}

/// A client's program: hellos that are the same but for the order of their extensions, which some shuffle. Each order is another JA3, and the same JA4.
struct Program {
    /// All that the fingerprints are made of but the extensions.
    content: Box<[u8]>,
    /// The extensions in ascending order.
    sorted: Box<[u16]>,
    /// The same as they came the last time.
    order: Box<[u16]>,
    ja3: Begun,
    /// Of that order.
    prints: ClientPrints,
}

/// Fingerprints that were seen before.
#[derive(Default)]
pub(crate) struct Known {
    /// What a fingerprint is made of, while it is looked for.
    content: Vec<u8>,
    /// Extensions, as they come and sorted.
    order: Vec<u16>,
    sorted: Vec<u16>,
    text: Vec<u8>,
    clients: Places<Program, REMEMBERED>,
    servers: Places<(Box<[u8]>, Sum), REMEMBERED>,
}

impl Known {
    /// The fingerprints of a client's hello.
    pub(crate) fn client(&mut self, hello: &ClientHello<'_>) -> ClientPrints {
        let Known {
            content,
            order,
            sorted,
            text,
            ..
        } = self;
        all_but_extensions(content, hello);
        order.clear();
        order.extend(hello.extensions.kinds());
        // A sum is the same in whatever order; one of squares tells apart what has the same mean.
        let squares = order.iter().map(|&kind| u64::from(kind).pow(2));
        let place = self.clients.of((&content[..], squares.sum::<u64>()));
        if let Some(program) = place.as_mut().filter(|seen| *seen.content == **content) {
            if *program.order == **order {
                return program.prints.clone();
            }
            sorted.clone_from(order);
            sorted.sort_unstable();
            if *program.sorted == **sorted {
                program.order.copy_from_slice(order);
                program.prints.ja3 = program.ja3.sum(order.iter().copied(), text);
                return program.prints.clone();
            }
        }
        let ja3 = Begun::new(hello);
        let mut ja4 = [b'0'; JA4_LETTERS];
        let letters = ja4.iter_mut().zip(hello.ja4().into_bytes());
        letters.for_each(|(to, from)| *to = from);
        let prints = ClientPrints {
            ja3: ja3.sum(order.iter().copied(), text),
            ja4: Arc::new(ja4),
        };
        if content.len() + 2 * order.len() <= MAX_REMEMBERED {
            sorted.clone_from(order);
            sorted.sort_unstable();
            *place = Some(Program {
                content: content.as_slice().into(),
                sorted: sorted.as_slice().into(),
                order: order.as_slice().into(),
                ja3,
                prints: prints.clone(),
            });
        }
        prints
    }

    /// The JA3S of a server's hello.
    pub(crate) fn server(&mut self, hello: &ServerHello<'_>) -> Sum {
        let content = &mut self.content;
        content.clear();
        number(content, hello.version);
        number(content, hello.cipher);
        list(content, hello.extensions.kinds());
        let place = self.servers.of(&content[..]);
        if let Some((_, sum)) = place.as_ref().filter(|(seen, _)| **seen == **content) {
            return *sum;
        }
        let sum = hello.ja3s();
        if content.len() <= MAX_REMEMBERED {
            *place = Some((content.as_slice().into(), sum));
        }
        sum
    }
}

/// What JA3 and JA4 are made of, both or one of them, but for the extensions.
fn all_but_extensions(content: &mut Vec<u8>, hello: &ClientHello<'_>) {
    content.clear();
    content.push(hello.carrier as u8);
    number(content, hello.version);
    list(content, hello.versions.meant());
    let alpn = hello.alpn.clone().next().unwrap_or_default();
    content.push(alpn.len().min(255) as u8);
    content.extend(alpn.first().into_iter().chain(alpn.last()));
    list(content, hello.ciphers.meant());
    list(content, hello.signature_algorithms.meant());
    list(content, hello.groups.meant());
    content.extend_from_slice(hello.point_formats);
}

fn number(content: &mut Vec<u8>, number: u16) {
    content.extend_from_slice(&number.to_le_bytes());
}

/// Numbers, and behind them how many: no two lists of lists are written alike.
fn list(content: &mut Vec<u8>, numbers: impl Iterator<Item = u16>) {
    let mut count = 0_u16;
    for one in numbers {
        number(content, one);
        count = count.wrapping_add(1);
    }
    number(content, count);
}
