//! Ethernet II, IEEE 802.3 with LLC and SNAP, and the tags that stand before an EtherType.

use super::{Link, ppp};
use crate::bytes::be16;
use crate::layer::{Layer, Stop};

/// EtherTypes (IANA "IEEE 802 Numbers") that decoding follows or has to name.
pub(crate) mod ethertype {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const IPV6: u16 = 0x86dd;
    pub(crate) const ARP: u16 = 0x0806;
    pub(crate) const TRANSPARENT_BRIDGING: u16 = 0x6558;
    pub(crate) const VLAN: u16 = 0x8100;
    pub(crate) const SERVICE_VLAN: u16 = 0x88a8;
    pub(crate) const OLD_SERVICE_VLAN: u16 = 0x9100;
    pub(crate) const OLDER_SERVICE_VLAN: u16 = 0x9200;
    pub(crate) const BACKBONE_SERVICE: u16 = 0x88e7;
    pub(crate) const BRIDGE_PORT_EXTENSION: u16 = 0x893f;
    pub(crate) const VN_TAG: u16 = 0x8926;
    pub(crate) const CISCO_METADATA: u16 = 0x8909;
    pub(crate) const MPLS: u16 = 0x8847;
    pub(crate) const MPLS_UPSTREAM: u16 = 0x8848;
    pub(crate) const PPPOE_SESSION: u16 = 0x8864;
    pub(crate) const PPP: u16 = 0x880b;
    pub(crate) const NSH: u16 = 0x894f;
    pub(crate) const FABRIC_PATH: u16 = 0x8903;
    pub(crate) const MACSEC: u16 = 0x88e5;
}

/// The least value of a type field that is an EtherType and not a length (IEEE 802.3 clause 3.2.6).
pub(crate) const FIRST_ETHERTYPE: u16 = 0x0600;

/// Two addresses and a type or length.
pub(super) fn header(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let bytes: &[u8; 14] = layer.take(data)?;
    Ok(type_or_length(layer, be16(bytes[12], bytes[13])))
}

/// What a type field says, where a value under [`FIRST_ETHERTYPE`] is the length of an LLC frame.
fn type_or_length(layer: &mut Layer, value: u16) -> Link {
    if value >= FIRST_ETHERTYPE {
        return Link::EtherType(value);
    }
    // A length of 0 is written by transmit offloads; then the wire's length has to do.
    if value != 0 {
        layer.limit(usize::from(value));
    }
    Link::Llc
}

/// What stands behind an EtherType.
pub(super) fn behind_type(data: &[u8], layer: &mut Layer, value: u16) -> Result<Link, Stop> {
    match value {
        ethertype::IPV4 | ethertype::IPV6 => Ok(Link::Ip),
        ethertype::VLAN
        | ethertype::SERVICE_VLAN
        | ethertype::OLD_SERVICE_VLAN
        | ethertype::OLDER_SERVICE_VLAN => {
            let tag: &[u8; 4] = layer.take(data)?;
            layer.push_vlan(be16(tag[0], tag[1]));
            Ok(type_or_length(layer, be16(tag[2], tag[3])))
        }
        ethertype::MPLS | ethertype::MPLS_UPSTREAM => Ok(Link::Mpls),
        ethertype::PPPOE_SESSION => ppp::over_ethernet(data, layer),
        ethertype::PPP => Ok(Link::Ppp),
        ethertype::NSH => Ok(Link::Nsh),
        ethertype::TRANSPARENT_BRIDGING => Ok(Link::Ethernet),
        // IEEE 802.1Q clause 9.7: a service instance tag, then a whole frame.
        ethertype::BACKBONE_SERVICE => {
            layer.skip(4)?;
            Ok(Link::Ethernet)
        }
        // IEEE 802.1BR clause 7.5: six bytes, then a type.
        ethertype::BRIDGE_PORT_EXTENSION => {
            let tag: &[u8; 8] = layer.take(data)?;
            Ok(type_or_length(layer, be16(tag[6], tag[7])))
        }
        ethertype::VN_TAG => {
            let tag: &[u8; 6] = layer.take(data)?;
            Ok(type_or_length(layer, be16(tag[4], tag[5])))
        }
        // Version, length in units of 4 bytes, options; then a type.
        ethertype::CISCO_METADATA => {
            let tag: &[u8; 2] = layer.peek(data)?;
            layer.skip(2 + usize::from(tag[1]).max(1) * 4)?;
            let next: &[u8; 2] = layer.take(data)?;
            Ok(type_or_length(layer, be16(next[0], next[1])))
        }
        // Cisco FabricPath: a tag, then a whole frame.
        ethertype::FABRIC_PATH => {
            layer.skip(2)?;
            Ok(Link::Ethernet)
        }
        ethertype::MACSEC => macsec(data, layer),
        other => Err(Stop::NotIp(other)),
    }
}

/// A MACsec tag (IEEE 802.1AE clause 9), behind which the frame can be read if it is only authenticated.
fn macsec(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
    const EXPLICIT_CHANNEL: u8 = 0x20;
    let control: &[u8; 1] = layer.peek(data)?;
    if control[0] & ENCRYPTED_OR_CHANGED != 0 {
        return Err(Stop::NotIp(ethertype::MACSEC));
    }
    layer.skip(if control[0] & EXPLICIT_CHANNEL != 0 {
        14
    } else {
        6
    })?;
    let next: &[u8; 2] = layer.take(data)?;
    Ok(type_or_length(layer, be16(next[0], next[1])))
}

/// FDDI: frame control and two addresses; of the frames, those with LLC.
pub(super) fn fddi(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 13] = layer.take(data)?;
    if header[0] & 0x30 == 0x10 {
        Ok(Link::Llc)
    } else {
        Err(Stop::NotIp(u16::from(header[0])))
    }
}

/// IEEE 802.2 logical link control, and SNAP behind it (RFC 1042).
pub(super) fn llc(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let bytes: &[u8; 3] = layer.peek(data)?;
    match bytes {
        [0xaa, 0xaa, 0x03] => {
            layer.skip(3)?;
            snap(data, layer)
        }
        [0x06, 0x06, 0x03] => {
            layer.skip(3)?;
            Ok(Link::Ip)
        }
        _ => Err(Stop::NotIp(be16(bytes[0], bytes[1]))),
    }
}

/// A SNAP header: an organisation and its protocol number.
pub(super) fn snap(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let bytes: &[u8; 5] = layer.take(data)?;
    let protocol = be16(bytes[3], bytes[4]);
    match (&bytes[..3], protocol) {
        // Encapsulated Ethernet (RFC 1042) and its bridge-tunnel twin (IEEE 802.1H).
        ([0, 0, 0] | [0, 0, 0xf8], _) => Ok(Link::EtherType(protocol)),
        // Bridged Ethernet with and without its checksum (RFC 2427 appendix A).
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => Ok(Link::Ethernet),
        _ => Err(Stop::NotIp(protocol)),
    }
}
