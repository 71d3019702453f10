//! `conn`: one conversation.

use std::net::{IpAddr, Ipv4Addr};

use crate::SourceId;
use crate::history::History;
use crate::uid::Uid;

/// Zeek's `conn_state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ConnState {
    S0,
    S1,
    SF,
    REJ,
    S2,
    S3,
    RSTO,
    RSTR,
    RSTOS0,
    RSTRH,
    SH,
    SHR,
    #[default]
    OTH,
}

impl ConnState {
    /// The state as Zeek writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ConnState::S0 => "S0",
            ConnState::S1 => "S1",
            ConnState::SF => "SF",
            ConnState::REJ => "REJ",
            ConnState::S2 => "S2",
            ConnState::S3 => "S3",
            ConnState::RSTO => "RSTO",
            ConnState::RSTR => "RSTR",
            ConnState::RSTOS0 => "RSTOS0",
            ConnState::RSTRH => "RSTRH",
            ConnState::SH => "SH",
            ConnState::SHR => "SHR",
            ConnState::OTH => "OTH",
        }
    }
}

/// Why a flow's record was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// No packet for the protocol's idle time.
    #[default]
    Idle,
    /// TCP closed by FIN or RST, or an attempt that was never answered, and the linger time over.
    TcpEnd,
    /// The input ended, or Portreeve was stopped.
    EndOfInput,
    /// The table was full and this flow had to go.
    Evicted,
    /// The flow goes on (`conn_update`).
    Active,
}

impl EndReason {
    /// Every reason, in the order of their discriminants.
    pub const ALL: &[EndReason] = &[
        EndReason::Idle,
        EndReason::TcpEnd,
        EndReason::EndOfInput,
        EndReason::Evicted,
        EndReason::Active,
    ];

    /// The reason's name in records and ledgers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EndReason::Idle => "idle",
            EndReason::TcpEnd => "tcp_end",
            EndReason::EndOfInput => "end_of_input",
            EndReason::Evicted => "evicted",
            EndReason::Active => "active",
        }
    }
}

/// What one side of a conversation sent, and how healthy its TCP stream was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Packets.
    pub pkts: u64,
    /// Bytes of IP packets on the wire, IP headers included.
    pub ip_bytes: u64,
    /// Payload bytes: TCP by sequence numbers (as Zeek), others by the transport's length. `None`: Zeek writes `-`.
    pub bytes: Option<u64>,
    /// Payload bytes that the other side acknowledged and that were never seen.
    pub missed_bytes: u64,
    /// Segments that carried bytes seen before.
    pub retransmits: u32,
    /// Segments that came behind later ones, first seen then.
    pub out_of_order: u32,
    /// Acknowledgements that repeated the one before (RFC 5681 section 2).
    pub duplicate_acks: u32,
    /// Segments that offered a window of zero.
    pub zero_windows: u32,
    /// Gaps in its sequence numbers: runs of segments not seen in time.
    pub lost_segments: u32,
    /// Packets seen twice (mirror ports): copies, counted in `pkts` too.
    pub duplicates: u32,
    /// Packets with a wrong transport checksum, counted in `pkts` too.
    pub bad_checksums: u32,
    /// Fragments of IP datagrams. Of a fragmented datagram the first fragment is counted in `pkts`, the bytes of all in `ip_bytes`.
    pub fragments: u32,
    /// Least time from its data to their acknowledgement, nanoseconds: the round trip from the tap to the *other* side and back. By
    /// acknowledgement numbers alone: TCP timestamps are not used.
    pub rtt_min: Option<i64>,
    /// The same, smoothed (RFC 6298: alpha 1/8).
    pub rtt_smoothed: Option<i64>,
    /// Maximum segment size it announced.
    pub mss: Option<u16>,
    /// Window scale it announced (RFC 7323).
    pub window_scale: Option<u8>,
    /// Largest window it offered in bytes, scaled where known.
    pub max_window: u32,
}

/// A flow: at its end (`conn`) or while it goes on (`conn_update`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conn {
    /// First packet (of the interval, in an update).
    pub ts: i64,
    /// Unique identifier.
    pub uid: Uid,
    /// Originator's address.
    pub orig_h: IpAddr,
    /// Originator's port; ICMP type.
    pub orig_p: u16,
    /// Responder's address.
    pub resp_h: IpAddr,
    /// Responder's port; ICMP code or counterpart type.
    pub resp_p: u16,
    /// IP protocol number.
    pub ip_proto: u8,
    /// Application protocol, when it is known.
    pub service: Option<&'static str>,
    /// The product behind it, when it is known.
    pub app: Option<&'static str>,
    /// From first to last packet, nanoseconds; `None` (Zeek's `-`) when there was one packet only.
    pub duration: Option<i64>,
    /// How the connection went.
    pub conn_state: ConnState,
    /// Whether the originator is in `local_nets`; `None` if none are configured.
    pub local_orig: Option<bool>,
    /// Whether the responder is in `local_nets`.
    pub local_resp: Option<bool>,
    /// State history.
    pub history: History,
    /// What the originator sent.
    pub orig: Side,
    /// What the responder sent.
    pub resp: Side,
    /// The tunnel this flow was carried in.
    pub tunnel_parent: Option<Uid>,
    /// Outer VLAN ID.
    pub vlan: Option<u16>,
    /// Inner VLAN ID.
    pub inner_vlan: Option<u16>,
    /// From SYN to SYN-ACK, nanoseconds: tap to responder and back.
    pub syn_rtt: Option<i64>,
    /// From SYN-ACK to the ACK, nanoseconds: tap to originator and back.
    pub ack_rtt: Option<i64>,
    /// ICMP errors that quoted a packet of this flow.
    pub icmp_errors: u32,
    /// Type and code of the last of them.
    pub icmp_error: Option<(u8, u8)>,
    /// Why the record was written.
    pub end_reason: EndReason,
    /// Which source it came from.
    pub source: SourceId,
}

impl Conn {
    /// Whether it is a TCP connection.
    #[inline(always)]
    #[must_use]
    pub fn is_tcp(&self) -> bool {
        self.ip_proto == 6
    }
}

impl Default for Conn {
    fn default() -> Self {
        Conn {
            ts: 0,
            uid: Uid::default(),
            orig_h: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            orig_p: 0,
            resp_h: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            resp_p: 0,
            ip_proto: 0,
            service: None,
            app: None,
            duration: None,
            conn_state: ConnState::default(),
            local_orig: None,
            local_resp: None,
            history: History::default(),
            orig: Side::default(),
            resp: Side::default(),
            tunnel_parent: None,
            vlan: None,
            inner_vlan: None,
            syn_rtt: None,
            ack_rtt: None,
            icmp_errors: 0,
            icmp_error: None,
            end_reason: EndReason::default(),
            source: SourceId::default(),
        }
    }
}
