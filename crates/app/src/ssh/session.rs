//! The course of a connection.

use portreeve_record::app::ssh::Ssh;

use super::auth::{Auth, Says};
use super::kexinit::{Kexinit, agreed, agreed_both};
use super::{MARK, MAX_BEFORE, fingerprint};
use crate::text::{line, text};
use crate::{Context, Peer, Reader, Want};

/// The longest identification: RFC 4253 says 255 bytes; some are longer.
const MAX_BANNER: usize = 512;
/// The longest packet that is looked into; RFC 4253 section 6.1 asks for 35000 bytes.
const MAX_LOOKED: usize = 48 << 10;
/// The longest packet there can be; what claims more is none.
const MAX_PACKET: usize = 256 << 10;
/// Bytes of a packet up to its type.
const HEADER: usize = 6;
/// Encrypted pieces of one side that are waited through for the other's new keys.
const MAX_ALONE: u8 = 32;

const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
/// Types of a key exchange's own messages in which a server's key may stand first: `KEXRSA_PUBKEY`, `KEXDH_REPLY`, `KEX_DH_GEX_REPLY` and others.
const KEX_FIRST: u8 = 30;
const KEX_LAST: u8 = 33;
/// Version 1's type of the server's message with its keys.
const PUBLIC_KEY: u8 = 2;

/// What is expected next of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Banner,
    Header,
    /// The rest of a packet of this type.
    Body(u8),
    /// The rest of the server's keys in version 1.
    OldKey {
        padding: u8,
    },
    Encrypted,
}

#[derive(Debug, Default)]
struct Side {
    expects: Expects,
    /// Bytes before its identification.
    before: u16,
    /// Major version it speaks; 199 for either.
    speaks: Option<u8>,
    kexinit: bool,
    encrypted: u8,
}

/// A session of SSH.
#[derive(Default)]
pub(super) struct Session {
    sides: [Side; 2],
    /// Whether there is a time yet: of the first identification.
    began: bool,
    /// The `KEXINIT` of the side that was first, until the other's comes.
    waiting: Option<Box<[u8]>>,
    auth: Auth,
    lost: bool,
    record: Box<Ssh>,
}

impl crate::Session for Session {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(MAX_BANNER)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        match self.sides[peer.index()].expects {
            Expects::Banner => self.banner(peer, unit, context),
            Expects::Header => self.header(peer, unit, context),
            Expects::Body(kind) => self.body(peer, kind, unit, context),
            Expects::OldKey { padding } => self.old_key(unit, padding, context),
            Expects::Encrypted => self.encrypted(peer, unit.len(), context),
        }
    }

    fn skipped(&mut self, peer: Peer, _: &mut Context<'_>) -> Want {
        self.next_packet(peer)
    }

    fn gap(&mut self, peer: Peer, _: &[u8], _: u64, context: &mut Context<'_>) -> Want {
        self.lost = true;
        // Sizes tell nothing any more, and packets have no mark to find the next one by.
        if self.sides[peer.other().index()].expects == Expects::Encrypted {
            context.done();
        }
        Want::Nothing
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        if self.sides[peer.index()].expects == Expects::Banner && rest.starts_with(MARK) {
            let _ = self.banner(peer, rest, context);
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        if self.began {
            context.emit(std::mem::take(&mut *self.record));
        }
    }
}

impl Session {
    fn banner(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let banner = line(unit);
        let side = &mut self.sides[peer.index()];
        if !banner.starts_with(MARK) {
            side.before = side.before.saturating_add(unit.len() as u16);
            let borne = peer == Peer::Server && usize::from(side.before) <= MAX_BEFORE;
            return if borne {
                Want::Line(MAX_BANNER)
            } else {
                Want::Nothing
            };
        }
        if !self.began {
            self.began = true;
            self.record.head = context.head(context.now());
        }
        side.speaks = match banner.get(4) {
            Some(b'2') => Some(2),
            Some(b'1') if banner.get(6..8) == Some(b"99") => Some(199),
            Some(b'1') => Some(1),
            _ => None,
        };
        let said = Some(text(banner));
        match peer {
            Peer::Client => self.record.client = said,
            Peer::Server => self.record.server = said,
        }
        self.record.version = match (self.sides[0].speaks, self.sides[1].speaks) {
            (Some(2 | 199), Some(2 | 199)) => Some(2),
            (Some(1 | 199), Some(1 | 199)) => Some(1),
            (Some(_), Some(_)) => Some(0),
            _ => None,
        };
        self.next_packet(peer)
    }

    fn next_packet(&mut self, peer: Peer) -> Want {
        let side = &mut self.sides[peer.index()];
        if side.expects == Expects::Encrypted {
            return Want::Any;
        }
        side.expects = Expects::Header;
        Want::Bytes(HEADER)
    }

    fn header(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let mut reader = Reader::new(unit);
        let (Some(len), Some(_padding), Some(kind)) = (reader.u32(), reader.u8(), reader.u8())
        else {
            return Want::Nothing;
        };
        let len = len as usize;
        if self.record.version == Some(1) || self.sides[peer.index()].speaks == Some(1) {
            return self.old_header(peer, len, context);
        }
        // The length counts neither itself nor the MAC; of what it counts, two bytes were read.
        let Some(rest) = len.checked_sub(2).filter(|_| len <= MAX_PACKET) else {
            return Want::Nothing;
        };
        let side = &mut self.sides[peer.index()];
        if kind == NEWKEYS {
            side.expects = Expects::Encrypted;
            return Want::Skip(rest as u64);
        }
        let key = peer == Peer::Server
            && (KEX_FIRST..=KEX_LAST).contains(&kind)
            && self.record.host_key.is_none();
        let looked_at = key || kind == KEXINIT && !side.kexinit;
        if !looked_at || rest > MAX_LOOKED {
            return Want::Skip(rest as u64);
        }
        side.expects = Expects::Body(kind);
        Want::Bytes(rest)
    }

    fn body(&mut self, peer: Peer, kind: u8, unit: &[u8], context: &mut Context<'_>) -> Want {
        match kind {
            KEXINIT => self.kexinit(peer, unit, context),
            _ => self.host_key(unit),
        }
        self.next_packet(peer)
    }

    fn kexinit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) {
        self.sides[peer.index()].kexinit = true;
        let Some(own) = Kexinit::read(unit) else {
            context.weird("ssh_malformed_kexinit");
            return;
        };
        let hassh = Some(context.seen.hasshes.of(own.fingerprinted(peer.index())));
        match peer {
            Peer::Client => self.record.hassh = hassh,
            Peer::Server => self.record.hasshserver = hassh,
        }
        let Some(waiting) = self.waiting.take() else {
            self.waiting = Some(unit.into());
            return;
        };
        let Some(other) = Kexinit::read(&waiting) else {
            return;
        };
        let (client, server) = match peer {
            Peer::Client => (own, other),
            Peer::Server => (other, own),
        };
        let record = &mut self.record;
        record.cipher_alg = Some(agreed_both(client.cipher, server.cipher));
        record.mac_alg = Some(agreed_both(client.mac, server.mac));
        record.compression_alg = Some(agreed_both(client.compression, server.compression));
        record.kex_alg = Some(agreed(client.kex, server.kex));
        record.host_key_alg = Some(agreed(client.host_key, server.host_key));
    }

    /// A message of the key exchange: if a key stands first in it, that is the server's (RFC 4253 section 8, RFC 4419 section 3, RFC 4432 section 4, RFC 5656 section 4).
    fn host_key(&mut self, unit: &[u8]) {
        let string = |reader: &mut Reader<'_>| -> Option<usize> { reader.u32()?.try_into().ok() };
        let mut reader = Reader::new(unit);
        let Some(key) = string(&mut reader).and_then(|len| reader.take(len)) else {
            return;
        };
        // A key begins with the name of its kind; a number, as stands there in other messages, does not look like one.
        let mut reader = Reader::new(key);
        let name = string(&mut reader)
            .and_then(|len| reader.take(len))
            .unwrap_or_default();
        let marks: [&[u8]; 6] = [b"ssh-", b"ecdsa-", b"rsa-", b"sk-", b"x509v3-", b"pgp-"];
        if marks.iter().any(|mark| name.starts_with(mark)) {
            self.key(&[key]);
        }
    }

    fn key(&mut self, pieces: &[&[u8]]) {
        self.record.host_key = Some(fingerprint::md5(pieces));
        self.record.host_key_fingerprint = Some(fingerprint::sha256(pieces));
    }

    /// Version 1: `len` counts type, content and check sum; before them stands padding to a multiple of eight.
    fn old_header(&mut self, peer: Peer, len: usize, context: &mut Context<'_>) -> Want {
        if peer == Peer::Client {
            // Its first packet has the session's key in it; behind that all is encrypted, and sizes tell nothing.
            return Want::Nothing;
        }
        let padding = 8 - len % 8;
        if !(5..=MAX_LOOKED).contains(&len) {
            context.done();
            return Want::Nothing;
        }
        self.sides[peer.index()].expects = Expects::OldKey {
            padding: padding as u8,
        };
        Want::Bytes(padding + len - (HEADER - 4))
    }

    fn old_key(&mut self, unit: &[u8], padding: u8, context: &mut Context<'_>) -> Want {
        if let Some((exponent, modulus)) = old_key(unit, padding) {
            self.key(&[modulus, exponent]);
        }
        if self.sides[0].speaks.is_some() {
            context.done();
        }
        Want::Nothing
    }

    fn encrypted(&mut self, peer: Peer, len: usize, context: &mut Context<'_>) -> Want {
        let both = self.sides[peer.other().index()].expects == Expects::Encrypted;
        let side = &mut self.sides[peer.index()];
        side.encrypted = side.encrypted.saturating_add(1);
        let alone = !both && side.encrypted >= MAX_ALONE;
        let record = &mut self.record;
        // The sizes of compressed packets tell nothing.
        let compressed = record
            .compression_alg
            .as_deref()
            .is_some_and(|name| name.starts_with("zlib"));
        let known = record.version == Some(2) || !both;
        if alone || self.lost || compressed || !known {
            context.done();
            return Want::Nothing;
        }
        if peer == Peer::Client {
            self.auth.client();
            return if both { Want::Nothing } else { Want::Any };
        }
        match self.auth.server(len) {
            Says::Nothing => {}
            Says::Over => context.done(),
            Says::Failed => {
                record.auth_success = Some(false);
                record.auth_attempts += 1;
            }
            Says::Succeeded => {
                record.auth_success = Some(true);
                record.auth_attempts += 1;
                context.done();
            }
        }
        Want::Any
    }
}

/// Exponent and modulus of the server's own key, from version 1's packet without its length and the first two bytes behind that.
fn old_key(unit: &[u8], padding: u8) -> Option<(&[u8], &[u8])> {
    let padding = usize::from(padding);
    // With one byte of padding the type was among the two.
    if padding > 1 && unit.get(padding - 2) != Some(&PUBLIC_KEY) {
        return None;
    }
    let mut reader = Reader::new(unit.get(padding.checked_sub(1)?..)?);
    let _cookie = reader.array::<8>()?;
    // The key of the hour, then the server's own; each with its size in bits before it.
    let _ = old_numbers(&mut reader)?;
    old_numbers(&mut reader)
}

/// A key of version 1: its size, then exponent and modulus, each behind the number of its bits.
fn old_numbers<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let _size = reader.u32()?;
    let mut number = || {
        let bits = reader.u16()?;
        reader.take(usize::from(bits).div_ceil(8))
    };
    Some((number()?, number()?))
}
