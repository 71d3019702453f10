//! `tunnel`: connections that carry others.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::Enum;
use crate::value::Value;

/// What kind of tunnel it is. Zeek's own kinds come first; the names of the others are made as its are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum TunnelType {
    /// IP in IP, 6to4.
    #[default]
    Ip = 1,
    Teredo,
    Socks,
    GtpV1,
    /// A proxy's CONNECT.
    Http,
    /// With what is built on it: PPTP, NVGRE, ERSPAN.
    Gre,
    Vxlan,
    Geneve,
    L2tp,
    Capwap,
    EtherIp,
    Mpls,
    Nsh,
}

impl TunnelType {
    /// All of them, by their numbers from 1 on.
    const ALL: [TunnelType; 13] = [
        TunnelType::Ip,
        TunnelType::Teredo,
        TunnelType::Socks,
        TunnelType::GtpV1,
        TunnelType::Http,
        TunnelType::Gre,
        TunnelType::Vxlan,
        TunnelType::Geneve,
        TunnelType::L2tp,
        TunnelType::Capwap,
        TunnelType::EtherIp,
        TunnelType::Mpls,
        TunnelType::Nsh,
    ];

    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TunnelType::Ip => "Tunnel::IP",
            TunnelType::Teredo => "Tunnel::TEREDO",
            TunnelType::Socks => "Tunnel::SOCKS",
            TunnelType::GtpV1 => "Tunnel::GTPv1",
            TunnelType::Http => "Tunnel::HTTP",
            TunnelType::Gre => "Tunnel::GRE",
            TunnelType::Vxlan => "Tunnel::VXLAN",
            TunnelType::Geneve => "Tunnel::GENEVE",
            TunnelType::L2tp => "Tunnel::L2TP",
            TunnelType::Capwap => "Tunnel::CAPWAP",
            TunnelType::EtherIp => "Tunnel::ETHERIP",
            TunnelType::Mpls => "Tunnel::MPLS",
            TunnelType::Nsh => "Tunnel::NSH",
        }
    }

    /// Its number, from 1 to 31: for who keeps it in few bits.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind of that number.
    #[must_use]
    pub fn of_number(number: u8) -> Option<TunnelType> {
        let at = usize::from(number).checked_sub(1)?;
        TunnelType::ALL.get(at).copied()
    }
}

/// What happened to a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TunnelAction {
    /// It was seen to carry something.
    #[default]
    Discover,
    /// The connection that it is has ended.
    Close,
    /// Nothing came through it any more.
    Expire,
}

impl TunnelAction {
    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TunnelAction::Discover => "Tunnel::DISCOVER",
            TunnelAction::Close => "Tunnel::CLOSE",
            TunnelAction::Expire => "Tunnel::EXPIRE",
        }
    }
}

/// A connection that carries others, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tunnel {
    /// The conversation that is the tunnel; `ts` is when `action` happened.
    pub head: Head,
    /// What kind of tunnel it is.
    pub kind: TunnelType,
    /// What happened.
    pub action: TunnelAction,
}

conversation_log! {
    /// The fields of `tunnel`.
    TUNNEL: Tunnel, |t, x|
    Info::zeek("tunnel_type", Enum, "tunnel.tunnel_type", Own(100), "What kind of tunnel it is.") => Value::Word(t.kind.name());
    Info::zeek("action", Enum, "tunnel.action", Own(101), "What happened to it: it was discovered, its connection ended, or it expired.") => Value::Word(t.action.name());
}

#[cfg(test)]
mod tests {
    use super::TunnelType;

    #[test]
    fn numbers_lead_back() {
        for kind in TunnelType::ALL {
            assert_eq!(TunnelType::of_number(kind.number()), Some(kind));
            assert!((1..32).contains(&kind.number()));
        }
        assert_eq!(TunnelType::of_number(0), None);
        assert_eq!(TunnelType::of_number(31), None);
    }
}
