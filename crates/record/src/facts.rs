//! What is known of a conversation from elsewhere: joined on the output side, beside the record.

use std::sync::Arc;

/// What is known of one end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Its name, from DHCP or DNS.
    pub name: Option<Arc<str>>,
    /// The country it is in: two letters of ISO 3166-1.
    pub country: Option<Arc<str>>,
    /// Number of the autonomous system it belongs to.
    pub asn: Option<u32>,
    /// Who runs that.
    pub organisation: Option<Arc<str>>,
}

/// What is known of a conversation and its ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The product behind it, by what its originator looked up before; where the conversation itself told none.
    pub app: Option<&'static str>,
    /// Of the originator.
    pub orig: End,
    /// Of the responder.
    pub resp: End,
}
