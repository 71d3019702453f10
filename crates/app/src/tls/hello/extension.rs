//! The extensions of a hello (RFC 8446 section 4.2).

use crate::Reader;

/// Numbers of extensions, as IANA lists them (TLS `ExtensionType` Values).
#[allow(missing_docs)]
pub mod kind {
    pub const SERVER_NAME: u16 = 0;
    pub const SUPPORTED_GROUPS: u16 = 10;
    pub const EC_POINT_FORMATS: u16 = 11;
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    pub const ALPN: u16 = 16;
    pub const SESSION_TICKET: u16 = 35;
    pub const PRE_SHARED_KEY: u16 = 41;
    pub const EARLY_DATA: u16 = 42;
    pub const SUPPORTED_VERSIONS: u16 = 43;
    pub const KEY_SHARE: u16 = 51;
    pub const QUIC_TRANSPORT_PARAMETERS: u16 = 57;
    /// The key share's number in drafts of TLS 1.3 up to 22.
    pub const KEY_SHARE_DRAFT: u16 = 40;
    /// The number of QUIC's transport parameters in its drafts.
    pub const QUIC_TRANSPORT_PARAMETERS_DRAFT: u16 = 0xffa5;
    /// Encrypted Client Hello (RFC 9849).
    pub const ECH: u16 = 0xfe0d;
    /// Encrypted SNI, what ECH was at first (draft-ietf-tls-esni-02).
    pub const ESNI: u16 = 0xffce;
    /// Next Protocol Negotiation, before ALPN (draft-agl-tls-nextprotoneg).
    pub const NPN: u16 = 13172;
}

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Which: see [`kind`].
    pub kind: u16,
    /// What it says.
    pub data: &'a [u8],
}

/// Extensions, in the order they were sent, GREASE among them. One that does not fit ends the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// Reads the list behind a hello's fixed fields: its length and as much of it as is there. And whether that is all of it.
    pub(super) fn read(reader: &mut Reader<'a>) -> (Extensions<'a>, bool) {
        // SSL 3.0, and TLS up to 1.2, may end without; some put a byte there.
        let Some(len) = reader.u16() else {
            return (Extensions::default(), true);
        };
        let rest = reader.rest();
        let bytes = rest.get(..len.into()).unwrap_or(rest);
        let extensions = Extensions { bytes };
        (extensions, bytes.len() == usize::from(len))
    }

    /// Whether the last one ends where the list does.
    pub(super) fn fits(self) -> bool {
        let mut walk = self;
        while walk.next().is_some() {}
        walk.bytes.is_empty()
    }

    /// The data of the first one of that kind.
    #[must_use]
    pub fn find(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find_map(|extension| (extension.kind == kind).then_some(extension.data))
    }

    /// The kinds, without GREASE (RFC 8701).
    pub fn kinds(self) -> impl Iterator<Item = u16> + use<'a> {
        self.map(|extension| extension.kind)
            .filter(|&kind| !super::is_grease(kind))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    #[inline]
    fn next(&mut self) -> Option<Extension<'a>> {
        let mut reader = Reader::new(self.bytes);
        let kind = reader.u16()?;
        let data = reader.vec16()?;
        self.bytes = reader.rest();
        Some(Extension { kind, data })
    }
}
