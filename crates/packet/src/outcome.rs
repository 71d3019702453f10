//! In which account of the ledger a decoded frame is.

/// Where one frame went. Frames are counted, not layers: a frame has one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At least one view was appended; how many.
    Analysed(u8),
    /// A sound frame that carries no IP; its EtherType (or PPP/LLC protocol number), host order.
    NotIp(u16),
    /// Not one IP conversation could be read from it, and why.
    Undecodable(Undecodable),
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $variant:ident => $name:literal,)*) => {
        /// Why a frame yielded no view.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Undecodable { $($(#[doc = $doc])* $variant,)* }

        impl Undecodable {
            /// Every reason, in the order of their discriminants: an index into an array of counters.
            pub const ALL: &[Undecodable] = &[$(Undecodable::$variant,)*];

            /// The reason's name in ledgers, metrics and `weird` records.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Undecodable::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// The link type is one that Portreeve does not decode.
    UnknownLinkType => "unknown_link_type",
    /// The capture ends inside the link-layer header.
    TruncatedLink => "truncated_link",
    /// The link-layer header contradicts itself.
    MalformedLink => "malformed_link",
    /// More link-layer tags than [`crate::limits::MAX_LINK_TAGS`].
    TooManyLinkTags => "too_many_link_tags",
    /// The capture ends inside the IP header.
    TruncatedIp => "truncated_ip",
    /// The IP header contradicts itself (version, header length, total length).
    MalformedIp => "malformed_ip",
    /// More IPv6 extension headers than [`crate::limits::MAX_EXTENSION_HEADERS`], or a chain that does not end.
    MalformedExtensionHeaders => "malformed_extension_headers",
}
