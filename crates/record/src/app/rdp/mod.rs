//! `rdp`: remote desktops.

mod names;

pub use names::keyboard;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Str, VecStr};
use crate::field::Storage;
use crate::value::{Items, Value};

/// A connection to a remote desktop ([MS-RDPBCGR]), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rdp {
    /// The conversation; `ts` is when it was asked for.
    pub head: Head,
    /// Cookie of the request: mostly the user's name, cut to 9 characters.
    pub cookie: Option<Box<str>>,
    /// How the connection went on.
    pub result: Option<RdpResult>,
    /// The security protocol that the server chose.
    pub security_protocol: Option<u32>,
    /// Channels that the client asked for.
    pub client_channels: Vec<Box<str>>,
    /// The client's keyboard layout.
    pub keyboard_layout: Option<Box<str>>,
    /// Build of the client.
    pub client_build: Option<u32>,
    /// Name of the client's machine.
    pub client_name: Option<Box<str>>,
    /// Product identifier of the client's machine.
    pub client_dig_product_id: Option<Box<str>>,
    /// Width of the desktop, pixels.
    pub desktop_width: Option<u16>,
    /// Height of the desktop, pixels.
    pub desktop_height: Option<u16>,
    /// Bits per pixel that the client asked for.
    pub requested_color_depth: Option<u16>,
    /// Form of the server's certificate.
    pub cert_type: Option<u32>,
    /// How many certificates the server sent.
    pub cert_count: u32,
    /// Whether the certificate was issued for good.
    pub cert_permanent: Option<bool>,
    /// Encryption level.
    pub encryption_level: Option<u32>,
    /// Encryption method.
    pub encryption_method: Option<u32>,
}

/// How a connection went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdpResult {
    /// It was encrypted by a protocol of its own from there on.
    Encrypted,
    /// The negotiation failed, with this code ([MS-RDPBCGR] section 2.2.1.2.2).
    Failed(u32),
    /// The conference was answered with this result (T.124).
    Conference(u8),
}

conversation_log! {
    /// The fields of `rdp`.
    RDP: Rdp, |r, x|
    Info::zeek("cookie", Str, "rdp.cookie", Own(100), "Cookie of the request: mostly the user's name, cut to 9 characters.").optional() => Value::str(r.cookie.as_deref());
    Info::zeek("result", Str, "rdp.result", Own(101), "How the connection went on: encrypted, why not, or the conference's result.").optional().stored(Storage::Name) => r.result.map_or(Value::Unset, names::result);
    Info::zeek("security_protocol", Str, "rdp.protocol", Own(102), "The security protocol that the server chose.").optional().stored(Storage::Name) => r.security_protocol.map_or(Value::Unset, names::security_protocol);
    Info::zeek("client_channels", VecStr, "rdp.channels", Own(103), "Channels that the client asked for.").optional() => Value::items(Items::Texts(&r.client_channels));
    Info::zeek("keyboard_layout", Str, "rdp.keyboard_layout", Own(104), "The client's keyboard layout.").optional().stored(Storage::Name) => Value::str(r.keyboard_layout.as_deref());
    Info::zeek("client_build", Str, "rdp.build", Own(105), "The client's version.").optional().stored(Storage::Name) => r.client_build.map_or(Value::Unset, names::build);
    Info::zeek("client_name", Str, "rdp.client_name", Own(106), "Name of the client's machine.").optional() => Value::str(r.client_name.as_deref());
    Info::zeek("client_dig_product_id", Str, "rdp.id", Own(107), "Product identifier of the client's machine.").optional() => Value::str(r.client_dig_product_id.as_deref());
    Info::zeek("desktop_width", Count, "rdp.desktop_width", Own(108), "Width of the desktop, pixels.").optional().stored(Storage::U16) => Value::count(r.desktop_width);
    Info::zeek("desktop_height", Count, "rdp.desktop_height", Own(109), "Height of the desktop, pixels.").optional().stored(Storage::U16) => Value::count(r.desktop_height);
    Info::zeek("requested_color_depth", Str, "rdp.color_depth", Own(110), "The colour depth that the client asked for.").optional().stored(Storage::Name) => r.requested_color_depth.map_or(Value::Unset, names::color_depth);
    Info::zeek("cert_type", Str, "rdp.cert_type", Own(111), "Form of the server's certificate, where RDP itself encrypts.").optional().stored(Storage::Name) => r.cert_type.map_or(Value::Unset, names::cert_type);
    Info::zeek("cert_count", Count, "rdp.cert_count", Own(112), "How many certificates the server sent within RDP.").stored(Storage::U32) => Value::Count(r.cert_count.into());
    Info::zeek("cert_permanent", Bool, "rdp.cert_permanent", Own(113), "The certificate was issued for good, not for the time being.").optional() => Value::bool(r.cert_permanent);
    Info::zeek("encryption_level", Str, "rdp.encryption_level", Own(114), "Level of RDP's own encryption.").optional().stored(Storage::Name) => r.encryption_level.map_or(Value::Unset, names::encryption_level);
    Info::zeek("encryption_method", Str, "rdp.encryption_method", Own(115), "Method of RDP's own encryption.").optional().stored(Storage::Name) => r.encryption_method.map_or(Value::Unset, names::encryption_method);
}
