//! `ClientHello`.

use super::extension::{Extensions, kind};
use super::ja3::Sum;
use super::list::{KeyShares, Numbers, Texts};
use super::{Carrier, is_grease};
use crate::Reader;

/// An Encrypted Client Hello was seen (RFC 9849 section 5), or what was before it. A client that has no key of the server sends one of random bytes, which from outside looks
/// the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ech {
    /// The outer hello: its server name is the provider's.
    Outer,
    /// The mark of an inner hello, which should never be seen in the clear.
    Inner,
    /// Encrypted SNI of an early draft.
    Esni,
}

/// A client's hello: what it offers (RFC 8446 section 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// What carries it.
    pub carrier: Carrier,
    /// The version in the fixed field: the highest one offered, up to TLS 1.2.
    pub version: u16,
    /// The client's random bytes.
    pub random: &'a [u8; 32],
    /// The session to be resumed; in TLS 1.3 any bytes.
    pub session_id: &'a [u8],
    /// DTLS: the cookie the server asked for.
    pub cookie: &'a [u8],
    /// Cipher suites, in the client's order, GREASE among them.
    pub ciphers: Numbers<'a>,
    /// Compression methods.
    pub compression: &'a [u8],
    /// Every extension, in the client's order.
    pub extensions: Extensions<'a>,
    /// Whether the body had all that it announced.
    pub whole: bool,
    /// The host it wants to talk to (RFC 6066 section 3).
    pub server_name: Option<&'a [u8]>,
    /// Application protocols it offers (RFC 7301).
    pub alpn: Texts<'a>,
    /// Groups for the key exchange (`supported_groups`, once `elliptic_curves`).
    pub groups: Numbers<'a>,
    /// Formats of points (RFC 8422 section 5.1.2).
    pub point_formats: &'a [u8],
    /// Signature algorithms.
    pub signature_algorithms: Numbers<'a>,
    /// Versions it speaks (`supported_versions`); none before TLS 1.3.
    pub versions: Numbers<'a>,
    /// Key shares it sends along.
    pub key_shares: KeyShares<'a>,
    /// The session ticket: empty where it asks for one (RFC 5077).
    pub session_ticket: Option<&'a [u8]>,
    /// Whether it offers a key from an earlier session (`pre_shared_key`).
    pub psk: bool,
    /// Whether it sends data before the handshake is done.
    pub early_data: bool,
    /// Whether it is, or pretends to be, the outside of an encrypted one.
    pub ech: Option<Ech>,
    /// QUIC's transport parameters, as they are (RFC 9000 section 18).
    pub quic_parameters: Option<&'a [u8]>,
}

impl<'a> ClientHello<'a> {
    /// Reads a message's body. `None` if not even the cipher suites are there.
    #[must_use]
    pub fn parse(body: &'a [u8], carrier: Carrier) -> Option<ClientHello<'a>> {
        let mut reader = Reader::new(body);
        let version = reader.u16()?;
        let (random, rest) = reader.rest().split_first_chunk::<32>()?;
        let mut reader = Reader::new(rest);
        let session_id = reader.vec8()?;
        let cookie = match carrier {
            Carrier::Dtls => reader.vec8()?,
            Carrier::Tls | Carrier::Quic => &[],
        };
        let ciphers = Numbers::new(reader.vec16()?);
        let compression = reader.vec8();
        let (extensions, all) = match compression {
            Some(_) => Extensions::read(&mut reader),
            None => (Extensions::default(), false),
        };
        let mut hello = ClientHello {
            carrier,
            version,
            random,
            session_id,
            cookie,
            ciphers,
            compression: compression.unwrap_or_default(),
            extensions,
            whole: all && extensions.fits(),
            server_name: None,
            alpn: Texts::default(),
            groups: Numbers::default(),
            point_formats: &[],
            signature_algorithms: Numbers::default(),
            versions: Numbers::default(),
            key_shares: KeyShares::default(),
            session_ticket: None,
            psk: false,
            early_data: false,
            ech: None,
            quic_parameters: None,
        };
        for extension in extensions {
            hello.take(extension.kind, extension.data);
        }
        Some(hello)
    }

    fn take(&mut self, kind: u16, data: &'a [u8]) {
        let mut data = Reader::new(data);
        let mut numbers = || Numbers::new(data.vec16().unwrap_or_default());
        match kind {
            kind::SUPPORTED_GROUPS => self.groups = numbers(),
            kind::SIGNATURE_ALGORITHMS => self.signature_algorithms = numbers(),
            kind::SERVER_NAME => self.server_name = server_name(data.vec16().unwrap_or_default()),
            kind::ALPN => self.alpn = Texts::new(data.vec16().unwrap_or_default()),
            kind::EC_POINT_FORMATS => self.point_formats = data.vec8().unwrap_or_default(),
            kind::SUPPORTED_VERSIONS => {
                self.versions = Numbers::new(data.vec8().unwrap_or_default());
            }
            kind::KEY_SHARE | kind::KEY_SHARE_DRAFT => {
                self.key_shares = KeyShares::new(data.vec16().unwrap_or_default());
            }
            kind::SESSION_TICKET => self.session_ticket = Some(data.rest()),
            kind::PRE_SHARED_KEY => self.psk = true,
            kind::EARLY_DATA => self.early_data = true,
            kind::ECH => {
                self.ech = Some(match data.u8() {
                    Some(1) => Ech::Inner,
                    _ => Ech::Outer,
                });
            }
            kind::ESNI => self.ech = self.ech.or(Some(Ech::Esni)),
            kind::QUIC_TRANSPORT_PARAMETERS | kind::QUIC_TRANSPORT_PARAMETERS_DRAFT => {
                self.quic_parameters = Some(data.rest());
            }
            _ => {}
        }
    }

    /// The highest version it offers: of `supported_versions` where it has them. For DTLS lower numbers are higher versions.
    #[must_use]
    pub fn highest_version(&self) -> u16 {
        let offered = self.versions.filter(|&version| !is_grease(version));
        let highest = match self.carrier {
            Carrier::Tls | Carrier::Quic => offered.max(),
            Carrier::Dtls => offered.filter(|version| version >> 8 == 0xfe).min(),
        };
        highest.unwrap_or(self.version)
    }

    /// JA3: the MD5 sum of what it offers.
    #[must_use]
    pub fn ja3(&self) -> Sum {
        super::ja3::client(self)
    }

    /// JA4, as `FoxIO` specifies it.
    #[must_use]
    pub fn ja4(&self) -> String {
        super::ja4::client(self)
    }
}

/// The first host name of a list (type 0; no other type was ever given out).
fn server_name(list: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(list);
    while let Some(kind) = reader.u8() {
        let name = reader.vec16()?;
        if kind == 0 {
            return Some(name);
        }
    }
    None
}
