//! The protocols there are, and which of them a conversation is.

use std::collections::HashMap;
use std::sync::LazyLock;

use ahash::RandomState;

use crate::protocol::{Peer, Probe, Protocol, Transport, Verdict};

/// Every protocol; where two could claim the same bytes, the one that stands first has them. One line each.
#[rustfmt::skip]
pub static PROTOCOLS: &[&Protocol] = &[
    &crate::dns::DNS,
    &crate::http::HTTP,
    &crate::http2::HTTP2,
    &crate::quic::QUIC,
    &crate::tls::SSL,
    &crate::tls::DTLS,
    &crate::ssh::SSH,
    &crate::smtp::SMTP,
    &crate::ftp::FTP,
    &crate::ftp::FTP_DATA,
    &crate::dhcp::DHCP,
    &crate::dhcpv6::DHCPV6,
    &crate::ntp::NTP,
    &crate::snmp::SNMP,
    &crate::sip::SIP,
    &crate::stun::STUN,
    &crate::radius::RADIUS,
    &crate::syslog::SYSLOG,
    &crate::tftp::TFTP,
    &crate::mqtt::MQTT,
    &crate::modbus::MODBUS,
    &crate::dnp3::DNP3,
    &crate::smb::SMB,
    &crate::dce_rpc::DCE_RPC,
    &crate::kerberos::KRB,
    &crate::kerberos::KRB_TCP,
    &crate::rdp::RDP,
    &crate::s7comm::COTP,
    &crate::ldap::LDAP_TCP,
    &crate::ldap::LDAP_UDP,
    &crate::pop3::POP3,
    &crate::imap::IMAP,
    &crate::irc::IRC,
    &crate::socks::SOCKS,
    &crate::mysql::MYSQL,
    &crate::postgresql::POSTGRESQL,
    &crate::xmpp::XMPP,
    &crate::redis::REDIS,
    &crate::named::bittorrent::BITTORRENT,
    &crate::named::wireguard::WIREGUARD,
    &crate::named::ipsec::IPSEC,
    &crate::named::openvpn::OPENVPN,
    &crate::named::mongodb::MONGODB,
    &crate::named::netbios_dgm::NETBIOS_DGM,
    &crate::named::bacnet::BACNET,
    &crate::named::enip::ENIP,
    &crate::named::rtsp::RTSP,
    &crate::named::ssdp::SSDP,
    &crate::named::tds::TDS,
    &crate::named::bgp::BGP,
    &crate::named::rfb::RFB,
    &crate::named::pptp::PPTP,
    &crate::named::coap::COAP,
    &crate::named::sun_rpc::PORTMAPPER,
    &crate::named::sun_rpc::NFS,
    &crate::named::sun_rpc::MOUNT,
    &crate::named::tls_records::SSL,
    &crate::named::tls_records::DTLS,
    // Without a mark of their own: what nobody else claims.
    &crate::rtp::RTCP,
    &crate::rtp::RTP,
];

/// The protocol of that name: for one that hands over to another.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS
        .iter()
        .copied()
        .find(|protocol| protocol.name == name)
}

/// Protocols that a conversation may be: a bit each. Not aligned as 128 bits are: every open conversation has two, and would be padded for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, packed(8))]
pub struct Applications(u128);

const _: () = assert!(PROTOCOLS.len() <= u128::BITS as usize);

/// A name that no protocol has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProtocol(pub String);

impl std::fmt::Display for UnknownProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no protocol \"{}\"; there are", self.0)?;
        for (at, protocol) in PROTOCOLS.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma} {}", protocol.name)?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownProtocol {}

impl Default for Applications {
    fn default() -> Self {
        Applications::of(|_| true)
    }
}

impl Applications {
    fn of(has: impl Fn(&Protocol) -> bool) -> Applications {
        let bit = |(at, protocol): (usize, &&Protocol)| u128::from(has(protocol)) << at;
        Applications(PROTOCOLS.iter().enumerate().map(bit).sum())
    }

    /// Those of these names only.
    ///
    /// # Errors
    /// The first name that no protocol has.
    pub fn only<'a>(
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Applications, UnknownProtocol> {
        let mut all = Applications(0);
        for name in names {
            let named = Applications::of(|protocol| protocol.name == name);
            if named.0 == 0 {
                return Err(UnknownProtocol(name.to_owned()));
            }
            all.0 |= named.0;
        }
        Ok(all)
    }

    /// Whether `protocol` is one of them.
    pub(crate) fn has(self, protocol: &'static Protocol) -> bool {
        self.0 & Applications::of(|p| std::ptr::eq(p, protocol)).0 != 0
    }

    /// Those that `transport` carries.
    #[must_use]
    pub fn over(self, transport: Transport) -> Applications {
        Applications(self.0 & Applications::of(|p| p.transports.has(transport)).0)
    }
}

/// What the protocols say together.
pub(crate) enum Found {
    /// It is this one; the originator plays this part.
    Protocol(&'static Protocol, Peer),
    /// More bytes may tell.
    Perhaps,
    /// None.
    Nothing,
}

/// The protocols whose servers have a port by custom: a bit each.
static BY_PORT: LazyLock<HashMap<u16, u128, RandomState>> = LazyLock::new(|| {
    let mut all = HashMap::default();
    for (at, protocol) in PROTOCOLS.iter().enumerate() {
        for port in protocol.ports {
            *all.entry(*port).or_default() |= 1u128 << at;
        }
    }
    all
});

/// Makes the tables that conversations are told by, so that no packet waits for one to be made.
pub(crate) fn make_ready() {
    LazyLock::force(&BY_PORT);
    crate::dce_rpc::make_ready();
}

fn by_port(port: u16) -> u128 {
    BY_PORT.get(&port).copied().unwrap_or(0)
}

/// Asks every protocol that is still in question: first those whose port it is.
pub(crate) fn detect(probe: &Probe<'_>, candidates: &mut Applications) -> Found {
    let mut perhaps = false;
    let first = candidates.0 & (by_port(probe.resp_p) | by_port(probe.orig_p));
    for mut in_question in [first, candidates.0 & !first] {
        while in_question != 0 {
            let at = in_question.trailing_zeros();
            in_question &= in_question - 1;
            let Some(protocol) = PROTOCOLS.get(at as usize) else {
                break;
            };
            match (protocol.detect)(probe) {
                Verdict::Yes(orig) => return Found::Protocol(protocol, orig),
                Verdict::More => perhaps = true,
                Verdict::No => candidates.0 &= !(1u128 << at),
            }
        }
    }
    if perhaps {
        Found::Perhaps
    } else {
        Found::Nothing
    }
}
