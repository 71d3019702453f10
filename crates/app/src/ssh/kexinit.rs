//! `KEXINIT`: the algorithms a side knows (RFC 4253 section 7.1).

use std::collections::HashSet;

use crate::Reader;
use crate::text::text;

/// The most names of a list that are looked at.
const MAX_NAMES: usize = 1024;
/// Lists of no more bytes are searched as they lie.
const SHORT: usize = 768;
/// What is written where two lists have no name in common, as Zeek does.
const NO_AGREEMENT: &str = "Algorithm negotiation failed";

/// The lists of one side, each names with commas between them. Those in pairs: from client to server, from server to client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kexinit<'a> {
    pub(super) kex: &'a [u8],
    pub(super) host_key: &'a [u8],
    pub(super) cipher: [&'a [u8]; 2],
    pub(super) mac: [&'a [u8]; 2],
    pub(super) compression: [&'a [u8]; 2],
}

impl<'a> Kexinit<'a> {
    /// Reads what stands behind the packet's type; the languages and what is behind them are left.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let _cookie = reader.array::<16>()?;
        let mut list = || {
            let len = reader.u32()?;
            reader.take(len.try_into().ok()?)
        };
        Some(Kexinit {
            kex: list()?,
            host_key: list()?,
            cipher: [list()?, list()?],
            mac: [list()?, list()?],
            compression: [list()?, list()?],
        })
    }

    /// What HASSH of the client (`way` 0), HASSHServer of the server (1) are made of.
    pub(super) fn fingerprinted(&self, way: usize) -> [&'a [u8]; 4] {
        let way = way & 1;
        [
            self.kex,
            self.cipher[way],
            self.mac[way],
            self.compression[way],
        ]
    }
}

fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',')
        .filter(|name| !name.is_empty())
        .take(MAX_NAMES)
}

/// The first of the client's names that the server has too.
pub(super) fn agreed(client: &[u8], server: &[u8]) -> Box<str> {
    // Lists are short and mostly begin alike; hostile ones are not, and all against all would take for ever.
    let found = if client.len().max(server.len()) <= SHORT {
        names(client).find(|name| names(server).any(|known| known == *name))
    } else {
        let known: HashSet<&[u8]> = names(server).collect();
        names(client).find(|name| known.contains(name))
    };
    found.map_or(NO_AGREEMENT.into(), text)
}

/// The same for both ways: one name, if it is the same.
pub(super) fn agreed_both(client: [&[u8]; 2], server: [&[u8]; 2]) -> Box<str> {
    let to_server = agreed(client[0], server[0]);
    let to_client = agreed(client[1], server[1]);
    if to_server == to_client {
        to_server
    } else {
        format!("To server: {to_server}, to client: {to_client}").into()
    }
}
