//! Opening Initial packets: keys that everybody can make who saw the client's first packet (RFC 9001 section 5).
//!
//! That hides nothing from us and protects nothing for others: it keeps middleboxes from meddling. So there is nothing secret here to be careful with.
//!
//! `RustCrypto`'s crates do it, in Rust throughout; what the processor has for AES, GHASH and SHA-256 they find at run time. Faster libraries need
//! a C compiler and an assembler, and bring along a hundred times what is wanted of them here.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::AeadInPlace;
use hkdf::Hkdf;
use sha2::Sha256;

use super::version::Version;
use crate::Peer;

/// Bytes of ciphertext that the protection of the header is made of (RFC 9001 section 5.4.2).
const SAMPLE: usize = 16;
/// The most bytes of a packet number; the sample is taken as if it had so many.
const MAX_NUMBER: usize = 4;
/// Bytes of the tag behind the ciphertext.
const TAG: usize = 16;

/// Keys of one peer's Initial packets.
pub(super) struct Keys {
    packet: Aes128Gcm,
    header: Aes128,
    iv: [u8; 12],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Key, initialisation vector, and header protection key (RFC 9001 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Material {
    pub(super) key: [u8; 16],
    pub(super) iv: [u8; 12],
    pub(super) header: [u8; 16],
}

impl Material {
    /// Of `from`'s Initial packets, in a connection whose client first called the server `dcid`; `None` for a version without them.
    pub(super) fn derive(version: Version, dcid: &[u8], from: Peer) -> Option<Material> {
        let protection = version.protection()?;
        let initial = Hkdf::<Sha256>::new(Some(protection.salt), dcid);
        let label: &[u8] = match from {
            Peer::Client => b"\x00\x20\x0ftls13 client in\x00",
            Peer::Server => b"\x00\x20\x0ftls13 server in\x00",
        };
        let mut secret = [0; 32];
        initial.expand(label, &mut secret).ok()?;
        let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let mut material = Material::default();
        let [key, iv, header] = protection.labels;
        secret.expand(key, &mut material.key).ok()?;
        secret.expand(iv, &mut material.iv).ok()?;
        secret.expand(header, &mut material.header).ok()?;
        Some(material)
    }
}

impl Keys {
    /// See [`Material::derive`].
    pub(super) fn derive(version: Version, dcid: &[u8], from: Peer) -> Option<Keys> {
        Material::derive(version, dcid, from).map(|material| Keys::new(&material))
    }

    fn new(material: &Material) -> Keys {
        Keys {
            packet: Aes128Gcm::new(&material.key.into()),
            header: Aes128::new(&material.header.into()),
            iv: material.iv,
        }
    }

    /// Opens a packet whose number begins at `number_at`; its frames are what is left in `packet`. `None` if it is not what these keys protect.
    pub(super) fn open(&self, packet: &[u8], number_at: usize) -> Option<Vec<u8>> {
        let mut opened = packet.to_vec();
        let header_len = self.unmask(&mut opened, number_at)?;
        let (header, sealed) = opened.split_at_mut_checked(header_len)?;
        let (payload, tag) = sealed.split_at_mut_checked(sealed.len().checked_sub(TAG)?)?;
        let tag: [u8; TAG] = (*tag).try_into().ok()?;
        let nonce = self.nonce(header.get(number_at..)?);
        self.packet
            .decrypt_in_place_detached(&nonce.into(), header, payload, &tag.into())
            .ok()?;
        opened.truncate(opened.len() - TAG);
        opened.drain(..header_len);
        Some(opened)
    }

    /// Takes the protection off a header (RFC 9001 section 5.4.1); how long it is.
    fn unmask(&self, packet: &mut [u8], number_at: usize) -> Option<usize> {
        let sample: [u8; SAMPLE] = *packet
            .get(number_at.checked_add(MAX_NUMBER)?..)?
            .first_chunk()?;
        let mut mask = sample.into();
        self.header.encrypt_block(&mut mask);
        let [of_first, of_number @ ..]: [u8; SAMPLE] = mask.into();
        let first = packet.first_mut()?;
        *first ^= of_first & 0x0f;
        let number_len = usize::from(*first & 3) + 1;
        let number = packet.get_mut(number_at..)?.get_mut(..number_len)?;
        for (byte, mask) in number.iter_mut().zip(of_number) {
            *byte ^= mask;
        }
        Some(number_at + number_len)
    }

    /// The nonce: the vector, with the packet's number added to its end (RFC 9001 section 5.3). The first packets have numbers that their bytes say in full.
    fn nonce(&self, number: &[u8]) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(number.iter().rev()) {
            *byte ^= number;
        }
        nonce
    }

    /// Protects a packet, for tests: `header` with its packet number of `number_len` bytes, and frames.
    #[cfg(test)]
    pub(super) fn seal(&self, header: &[u8], number_len: usize, frames: &[u8]) -> Vec<u8> {
        let number_at = header.len() - number_len;
        let mut payload = frames.to_vec();
        let nonce = self.nonce(&header[number_at..]);
        let tag = self
            .packet
            .encrypt_in_place_detached(&nonce.into(), header, &mut payload)
            .unwrap();
        let mut packet = [header, &payload, tag.as_slice()].concat();
        let sample: [u8; SAMPLE] = *packet[number_at + MAX_NUMBER..].first_chunk().unwrap();
        let mut mask = sample.into();
        self.header.encrypt_block(&mut mask);
        packet[0] ^= mask[0] & 0x0f;
        for at in 0..number_len {
            packet[number_at + at] ^= mask[at + 1];
        }
        packet
    }
}
