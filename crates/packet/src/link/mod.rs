//! Link types (tcpdump.org's LINKTYPE_ registry), VLAN tags, and the way from a frame's first byte to IP.

mod ethernet;
pub(crate) mod guess;
mod hdlc;
mod host;
pub(crate) mod mpls;
mod nsh;
mod ppp;
mod wifi;

pub(crate) use ethernet::ethertype;

use crate::layer::{Layer, Stop};
use crate::limits::MAX_LINK_TAGS;
use crate::outcome::Undecodable;

/// What the first byte of a frame is: the link-layer header type of an interface or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkType {
    /// BSD loopback: address family in the capturing host's byte order (0), or network order (108).
    Null,
    /// Ethernet II or IEEE 802.3 (1).
    Ethernet,
    /// PPP, with or without HDLC-like framing (9, 50).
    Ppp,
    /// PPP behind a byte that tells the direction (204).
    PppWithDirection,
    /// PPPoE session without Ethernet (51).
    PppEther,
    /// Raw IPv4 or IPv6, told by the version nibble (12, 14, 101, 228, 229).
    RawIp,
    /// Cisco HDLC (104).
    CiscoHdlc,
    /// Linux "cooked" capture v1 (113).
    LinuxSll,
    /// Linux "cooked" capture v2 (276).
    LinuxSll2,
    /// IEEE 802.11 without a header (105).
    Ieee80211,
    /// IEEE 802.11 behind a radiotap header (127).
    Ieee80211Radiotap,
    /// Frame Relay (107).
    FrameRelay,
    /// Multilink Frame Relay, FRF.16 (182).
    MultilinkFrameRelay,
    /// FDDI (10).
    Fddi,
    /// BSD SLIP (8).
    Slip,
    /// Per-packet information, with a link type of its own inside (192).
    Ppi,
    /// Apple's PKTAP, with a link type of its own inside (258).
    Pktap,
    /// Linux netfilter log (239).
    Nflog,
    /// Solaris IPNET (226).
    Ipnet,
    /// A link type that Portreeve does not decode: its LINKTYPE_ number.
    Other(u32),
}

impl LinkType {
    /// The link type with this LINKTYPE_ (capture file) or DLT_ number.
    #[must_use]
    pub fn from_number(number: u32) -> LinkType {
        match number {
            0 | 108 => LinkType::Null,
            1 => LinkType::Ethernet,
            8 => LinkType::Slip,
            9 | 50 => LinkType::Ppp,
            10 => LinkType::Fddi,
            51 => LinkType::PppEther,
            12 | 14 | 101 | 228 | 229 => LinkType::RawIp,
            104 => LinkType::CiscoHdlc,
            105 => LinkType::Ieee80211,
            107 => LinkType::FrameRelay,
            113 => LinkType::LinuxSll,
            127 => LinkType::Ieee80211Radiotap,
            182 => LinkType::MultilinkFrameRelay,
            192 => LinkType::Ppi,
            204 => LinkType::PppWithDirection,
            226 => LinkType::Ipnet,
            239 => LinkType::Nflog,
            258 => LinkType::Pktap,
            276 => LinkType::LinuxSll2,
            other => LinkType::Other(other),
        }
    }

    /// The LINKTYPE_ number to write in a capture file for frames of this type.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            LinkType::Null => 0,
            LinkType::Ethernet => 1,
            LinkType::Ppp => 9,
            LinkType::PppEther => 51,
            LinkType::RawIp => 101,
            LinkType::CiscoHdlc => 104,
            LinkType::Ieee80211 => 105,
            LinkType::FrameRelay => 107,
            LinkType::LinuxSll => 113,
            LinkType::Ieee80211Radiotap => 127,
            LinkType::LinuxSll2 => 276,
            LinkType::PppWithDirection => 204,
            LinkType::MultilinkFrameRelay => 182,
            LinkType::Fddi => 10,
            LinkType::Slip => 8,
            LinkType::Ppi => 192,
            LinkType::Pktap => 258,
            LinkType::Nflog => 239,
            LinkType::Ipnet => 226,
            LinkType::Other(number) => number,
        }
    }
}

/// An 802.1Q tag that the NIC or the kernel took out of the frame's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VlanTag {
    /// Tag protocol identifier, host order: 0x8100 (802.1Q) or 0x88a8 (802.1ad).
    pub tpid: u16,
    /// Tag control information, host order: priority (3 bits), DEI (1), VLAN ID (12).
    pub tci: u16,
}

/// What stands at a layer's position, on the way to IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// IPv4 or IPv6, told by the version nibble: the way's end.
    Ip,
    /// What this EtherType says.
    EtherType(u16),
    Ethernet,
    Llc,
    Mpls,
    Ppp,
    PppWithDirection,
    Pppoe,
    CiscoHdlc,
    FrameRelay,
    MultilinkFrameRelay,
    Sll,
    Sll2,
    Loopback,
    Ieee80211,
    /// IEEE 802.11 whose MAC header is padded to a multiple of 4 bytes.
    Ieee80211Padded,
    /// IEEE 802.11 whose frame control field has its bytes swapped.
    Ieee80211Swapped,
    Radiotap,
    Nsh,
    Ppi,
    Pktap,
    Nflog,
    Ipnet,
    Slip,
    Fddi,
}

impl Link {
    /// What a frame of this link type begins with, if it is one that is decoded.
    pub(crate) fn of(link: LinkType) -> Option<Link> {
        Some(match link {
            LinkType::Null => Link::Loopback,
            LinkType::Ethernet => Link::Ethernet,
            LinkType::Ppp => Link::Ppp,
            LinkType::PppWithDirection => Link::PppWithDirection,
            LinkType::PppEther => Link::Pppoe,
            LinkType::RawIp => Link::Ip,
            LinkType::CiscoHdlc => Link::CiscoHdlc,
            LinkType::LinuxSll => Link::Sll,
            LinkType::LinuxSll2 => Link::Sll2,
            LinkType::Ieee80211 => Link::Ieee80211,
            LinkType::Ieee80211Radiotap => Link::Radiotap,
            LinkType::FrameRelay => Link::FrameRelay,
            LinkType::MultilinkFrameRelay => Link::MultilinkFrameRelay,
            LinkType::Fddi => Link::Fddi,
            LinkType::Slip => Link::Slip,
            LinkType::Ppi => Link::Ppi,
            LinkType::Pktap => Link::Pktap,
            LinkType::Nflog => Link::Nflog,
            LinkType::Ipnet => Link::Ipnet,
            LinkType::Other(_) => return None,
        })
    }
}

/// Follows headers and tags until the layer's position is an IP header.
///
/// # Errors
/// Why there is no IP header.
pub(crate) fn resolve(data: &[u8], layer: &mut Layer, link: Link) -> Result<(), Stop> {
    let mut link = link;
    // The tags, and a header in front of them and the end behind.
    for _ in 0..MAX_LINK_TAGS + 2 {
        link = match link {
            Link::Ip => return Ok(()),
            Link::EtherType(value) => ethernet::behind_type(data, layer, value)?,
            Link::Ethernet => ethernet::header(data, layer)?,
            Link::Llc => ethernet::llc(data, layer)?,
            Link::Mpls => mpls::stack(data, layer)?,
            Link::Ppp => ppp::frame(data, layer)?,
            Link::PppWithDirection => {
                layer.skip(1)?;
                Link::Ppp
            }
            Link::Pppoe => ppp::over_ethernet(data, layer)?,
            Link::CiscoHdlc => hdlc::cisco(data, layer)?,
            Link::FrameRelay => hdlc::frame_relay(data, layer)?,
            Link::MultilinkFrameRelay => hdlc::multilink(data, layer)?,
            Link::Sll => host::sll(data, layer)?,
            Link::Sll2 => host::sll2(data, layer)?,
            Link::Loopback => host::loopback(data, layer)?,
            Link::Ieee80211 => wifi::frame(data, layer, wifi::Form::Plain)?,
            Link::Ieee80211Padded => wifi::frame(data, layer, wifi::Form::Padded)?,
            Link::Ieee80211Swapped => wifi::frame(data, layer, wifi::Form::Swapped)?,
            Link::Radiotap => wifi::radiotap(data, layer)?,
            Link::Nsh => nsh::header(data, layer)?,
            Link::Ppi => host::ppi(data, layer)?,
            Link::Pktap => host::pktap(data, layer)?,
            Link::Nflog => host::nflog(data, layer)?,
            Link::Ipnet => host::ipnet(layer)?,
            Link::Slip => host::slip(layer)?,
            Link::Fddi => ethernet::fddi(data, layer)?,
        };
    }
    Err(Stop::Undecodable(Undecodable::TooManyLinkTags))
}
