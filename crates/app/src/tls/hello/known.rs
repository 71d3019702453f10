//! Fingerprints of hellos that were seen before.
//!
//! A client says the same hello again and again, but for its random bytes, the name it asks for and GREASE; a server answers each in one way. What a fingerprint is
//! made of is compared with what was seen, in a fraction of the time that the sums take.

use std::sync::Arc;

use ahash::RandomState;

use super::ja3::Sum;
use super::{ClientHello, ServerHello};

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

/// Fingerprints that were seen before.
#[derive(Default)]
pub(crate) struct Known {
    /// What a fingerprint is made of, while it is looked for.
    content: Vec<u8>,
    /// The same without the order of the extensions.
    sorted: Vec<u8>,
    kinds: Vec<u16>,
    hasher: RandomState,
    clients: Places<ClientPrints>,
    /// Some clients shuffle their extensions, which is another JA3 each time, and the same JA4.
    shuffled: Places<Arc<Ja4>>,
    servers: Places<Sum>,
}

impl Known {
    /// The fingerprints of a client's hello.
    pub(crate) fn client(&mut self, hello: &ClientHello<'_>) -> ClientPrints {
        let content = &mut self.content;
        both(content, hello);
        list(content, hello.extensions.kinds());
        list(content, hello.groups.meant());
        content.extend_from_slice(hello.point_formats);
        let hash = self.hasher.hash_one(&content[..]);
        if let Some(known) = self.clients.known(hash, content) {
            return known;
        }
        let prints = ClientPrints {
            ja3: hello.ja3(),
            ja4: self.ja4(hello),
        };
        self.clients.keep(hash, &self.content, prints.clone());
        prints
    }

    fn ja4(&mut self, hello: &ClientHello<'_>) -> Arc<Ja4> {
        let content = &mut self.sorted;
        both(content, hello);
        self.kinds.clear();
        self.kinds.extend(hello.extensions.kinds());
        self.kinds.sort_unstable();
        list(content, self.kinds.iter().copied());
        let hash = self.hasher.hash_one(&content[..]);
        if let Some(known) = self.shuffled.known(hash, content) {
            return known;
        }
        let mut letters = [b'0'; JA4_LETTERS];
        let text = hello.ja4();
        let text = letters.iter_mut().zip(text.bytes());
        text.for_each(|(to, from)| *to = from);
        let letters = Arc::new(letters);
        self.shuffled.keep(hash, content, Arc::clone(&letters));
        letters
    }

    /// The JA3S of a server's hello.
    pub(crate) fn server(&mut self, hello: &ServerHello<'_>) -> Sum {
        let content = &mut self.content;
        content.clear();
        number(content, hello.version);
        number(content, hello.cipher);
        list(content, hello.extensions.kinds());
        let hash = self.hasher.hash_one(&content[..]);
        if let Some(known) = self.servers.known(hash, content) {
            return known;
        }
        let sum = hello.ja3s();
        self.servers.keep(hash, content, sum);
        sum
    }
}

/// What both JA3 and JA4 are made of, or one of them, but for the extensions.
fn both(content: &mut Vec<u8>, hello: &ClientHello<'_>) {
    content.clear();
    content.push(hello.carrier as u8);
    number(content, hello.version);
    list(content, hello.versions.meant());
    let alpn = hello.alpn.clone().next().unwrap_or_default();
    content.push(alpn.len().min(255) as u8);
    content.extend(alpn.first().into_iter().chain(alpn.last()));
    list(content, hello.ciphers.meant());
    list(content, hello.signature_algorithms.meant());
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

/// Places for contents and their fingerprints: each content has one place, which the latest takes.
struct Places<T> {
    places: Vec<Option<(Box<[u8]>, T)>>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Places { places: Vec::new() }
    }
}

impl<T: Clone> Places<T> {
    /// The fingerprint of a content that was seen.
    fn known(&self, hash: u64, content: &[u8]) -> Option<T> {
        let place = self.places.get(hash as usize % REMEMBERED)?.as_ref();
        place
            .filter(|(known, _)| **known == *content)
            .map(|(_, print)| print.clone())
    }

    fn keep(&mut self, hash: u64, content: &[u8], print: T) {
        if content.len() > MAX_REMEMBERED {
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(REMEMBERED, || None);
        }
        let Some(place) = self.places.get_mut(hash as usize % REMEMBERED) else {
            return;
        };
        match place {
            // What is as long takes the memory of the one before.
            Some((known, old)) if known.len() == content.len() => {
                known.copy_from_slice(content);
                *old = print;
            }
            place => *place = Some((content.into(), print)),
        }
    }
}
