//! `ServerHello`.

use super::extension::{Extensions, kind};
use super::ja3::Sum;
use super::list::Texts;
use crate::Reader;

/// What stands for the random bytes where a server asks for another hello (RFC 8446 section 4.1.3): SHA-256 of "`HelloRetryRequest`".
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The high byte of the versions that drafts of TLS 1.3 had.
const DRAFT: u16 = 0x7f;
/// The last draft whose server hello had no session identifier and no compression method (RFC 8446's own history: they came back with 22).
const LAST_SHORT_DRAFT: u16 = 0x7f15;

/// A server's hello: what it chose (RFC 8446 section 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// The version in the fixed field.
    pub version: u16,
    /// The server's random bytes.
    pub random: &'a [u8; 32],
    /// The session: the client's own where it is resumed; in TLS 1.3 the client's bytes.
    pub session_id: &'a [u8],
    /// The cipher suite it chose.
    pub cipher: u16,
    /// The compression method it chose.
    pub compression: u8,
    /// Every extension, in the server's order.
    pub extensions: Extensions<'a>,
    /// Whether the body had all that it announced.
    pub whole: bool,
    /// Whether it asks for another client hello (`HelloRetryRequest`).
    pub retry: bool,
    /// The version it chose by `supported_versions`.
    pub selected_version: Option<u16>,
    /// The group of its key share, or the one it asks for.
    pub key_share: Option<u16>,
    /// The application protocol it chose: in TLS 1.3 that is encrypted.
    pub alpn: Option<&'a [u8]>,
    /// Whether it took a key of an earlier session that the client offered.
    pub psk: bool,
}

impl<'a> ServerHello<'a> {
    /// Reads a message's body. `None` if not even the cipher suite is there.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<ServerHello<'a>> {
        let mut reader = Reader::new(body);
        let version = reader.u16()?;
        let (random, rest) = reader.rest().split_first_chunk::<32>()?;
        let mut reader = Reader::new(rest);
        let short = version >> 8 == DRAFT && version <= LAST_SHORT_DRAFT;
        let session_id = if short { &[] } else { reader.vec8()? };
        let cipher = reader.u16()?;
        let compression = if short { Some(0) } else { reader.u8() };
        let (extensions, all) = match compression {
            Some(_) => Extensions::read(&mut reader),
            None => (Extensions::default(), false),
        };
        let mut hello = ServerHello {
            version,
            random,
            session_id,
            cipher,
            compression: compression.unwrap_or_default(),
            extensions,
            whole: all && extensions.fits(),
            retry: *random == RETRY,
            selected_version: None,
            key_share: None,
            alpn: None,
            psk: false,
        };
        for extension in extensions {
            let mut data = Reader::new(extension.data);
            match extension.kind {
                kind::SUPPORTED_VERSIONS => hello.selected_version = data.u16(),
                kind::KEY_SHARE | kind::KEY_SHARE_DRAFT => hello.key_share = data.u16(),
                kind::ALPN => {
                    hello.alpn = Texts::new(data.vec16().unwrap_or_default()).next();
                }
                kind::PRE_SHARED_KEY => hello.psk = true,
                _ => {}
            }
        }
        Some(hello)
    }

    /// The version it chose.
    #[must_use]
    pub fn chosen_version(&self) -> u16 {
        self.selected_version.unwrap_or(self.version)
    }

    /// JA3S: the MD5 sum of what it chose.
    #[must_use]
    pub fn ja3s(&self) -> Sum {
        super::ja3::server(self)
    }
}
