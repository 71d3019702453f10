//! A command: which of its words is the key, and which the value.

use crate::text::text;

/// The most words of a command that are looked at.
pub(super) const MAX_WORDS: usize = 4;

/// What a command is about.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) name: Box<str>,
    pub(super) key: Option<Box<str>>,
    pub(super) value: Option<Box<str>>,
}

/// Commands whose first argument is the key, and those of them whose second is the value; Zeek's list. (`AUTH` is in neither: what proves who one is is not kept.)
const KEY_AND_VALUE: [&[u8]; 12] = [
    b"append",
    b"decrby",
    b"expire",
    b"expireat",
    b"getbit",
    b"getset",
    b"hdel",
    b"hget",
    b"incrby",
    b"move",
    b"mset",
    b"rename",
];
const KEY: [&[u8]; 25] = [
    b"bitcount",
    b"bitfield",
    b"bitfield_ro",
    b"bitpos",
    b"blpop",
    b"brpop",
    b"copy",
    b"decr",
    b"del",
    b"dump",
    b"exists",
    b"expiretime",
    b"get",
    b"getdel",
    b"getex",
    b"getrange",
    b"hset",
    b"incr",
    b"keys",
    b"mget",
    b"persist",
    b"strlen",
    b"ttl",
    b"type",
    b"set",
];

/// The parts of a command of these words.
pub(super) fn parts<W: AsRef<[u8]>>(words: &[W]) -> Parts {
    let word = |at: usize| words.get(at).map(AsRef::as_ref);
    let name = word(0).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let lower = lower.as_slice();
    let (key, value) = match lower {
        b"set" => (word(1), word(2)),
        // The operation stands first, then where its result goes.
        b"bitop" => (word(2), None),
        // How long to wait, how many keys, the keys.
        b"blmpop" => (word(3), None),
        _ if KEY_AND_VALUE.contains(&lower) => (word(1), word(2)),
        _ if KEY.contains(&lower) => (word(1), None),
        _ => (None, None),
    };
    Parts {
        name: text(name),
        key: key.map(text),
        value: value.map(text),
    }
}

/// The words of a line, with their quotes.
pub(super) fn words(line: &[u8]) -> Vec<&[u8]> {
    let space = |byte: &u8| matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' ');
    let (mut words, mut rest) = (Vec::new(), line);
    while words.len() < MAX_WORDS {
        let begin = rest.iter().take_while(|byte| space(byte)).count();
        rest = rest.get(begin..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        let (mut quote, mut end, mut escaped) = (None, rest.len(), false);
        for (at, byte) in rest.iter().enumerate() {
            match (quote, byte) {
                _ if escaped => escaped = false,
                (Some(_), b'\\') => escaped = true,
                (Some(open), byte) if *byte == open => quote = None,
                (None, b'"' | b'\'') => quote = Some(*byte),
                (None, byte) if space(byte) => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        words.push(word);
        rest = behind;
    }
    words
}
