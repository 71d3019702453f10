//! A view: what one conversation sees of one frame.

use crate::key::FlowKey;
use crate::limits::{MAX_QUOTES, MAX_VIEWS, MAX_VIEWS_PER_FRAME};

/// The facts of a view that are either so or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewFlags(pub u32);

impl ViewFlags {
    /// The packet goes from the key's high endpoint to its low one.
    pub const HIGH_TO_LOW: ViewFlags = ViewFlags(1);
    /// The first fragment of a datagram (offset 0, more to come).
    pub const FIRST_FRAGMENT: ViewFlags = ViewFlags(1 << 1);
    /// A fragment that is not the first: it has no transport header and its key has no ports.
    pub const LATER_FRAGMENT: ViewFlags = ViewFlags(1 << 2);
    /// More fragments follow this one.
    pub const MORE_FRAGMENTS: ViewFlags = ViewFlags(1 << 3);
    /// The capture ends before the transport header does: ports or TCP fields may be zero.
    pub const TRUNCATED_TRANSPORT: ViewFlags = ViewFlags(1 << 4);
    /// The transport header contradicts itself (a TCP data offset under 5, a UDP length under 8 …).
    pub const MALFORMED_TRANSPORT: ViewFlags = ViewFlags(1 << 5);
    /// The IPv4 header checksum was verified and is wrong.
    pub const BAD_IP_CHECKSUM: ViewFlags = ViewFlags(1 << 6);
    /// The transport checksum was verified and is wrong (and is not an offloaded, partial one).
    pub const BAD_TRANSPORT_CHECKSUM: ViewFlags = ViewFlags(1 << 7);
    /// The view before this one, of the same frame, is the tunnel this one was carried in.
    pub const HAS_PARENT: ViewFlags = ViewFlags(1 << 8);
    /// An ICMP or ICMPv6 error whose quoted packet is in [`Views::quotes`].
    pub const QUOTES: ViewFlags = ViewFlags(1 << 9);
    /// The TCP options hold a timestamp: `tcp_tsval` and `tcp_tsecr` are set.
    pub const TCP_TIMESTAMP: ViewFlags = ViewFlags(1 << 10);
    /// The TCP options permit selective acknowledgements (RFC 2018).
    pub const TCP_SACK_PERMITTED: ViewFlags = ViewFlags(1 << 11);
    /// The TCP options hold at least one SACK block.
    pub const TCP_SACK: ViewFlags = ViewFlags(1 << 12);
    /// A one-way ICMP message: its key is not shared with an answer.
    pub const ONE_WAY: ViewFlags = ViewFlags(1 << 13);

    /// Whether all of `other`'s facts are so.
    #[inline]
    #[must_use]
    pub fn has(self, other: ViewFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// States the facts of `other`.
    #[inline]
    pub fn set(&mut self, other: ViewFlags) {
        self.0 |= other.0;
    }
}

/// TCP control bits (RFC 9293 section 3.1; CWR and ECE: RFC 3168).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

#[allow(missing_docs)]
impl TcpFlags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
    pub const ECE: u8 = 0x40;
    pub const CWR: u8 = 0x80;

    #[inline]
    #[must_use]
    pub fn fin(self) -> bool {
        self.0 & Self::FIN != 0
    }
    #[inline]
    #[must_use]
    pub fn syn(self) -> bool {
        self.0 & Self::SYN != 0
    }
    #[inline]
    #[must_use]
    pub fn rst(self) -> bool {
        self.0 & Self::RST != 0
    }
    #[inline]
    #[must_use]
    pub fn ack(self) -> bool {
        self.0 & Self::ACK != 0
    }
}

/// What a view was carried in, directly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Tunnel {
    #[default]
    None,
    IpInIp,
    SixToFour,
    Teredo,
    Gre,
    Pptp,
    Nvgre,
    Erspan,
    Vxlan,
    VxlanGpe,
    Geneve,
    GtpU,
    L2tp,
    Capwap,
    Nsh,
    EtherIp,
    Mpls,
}

impl Tunnel {
    /// Whether switches and clouds mirror traffic through such tunnels. They may cut what they mirror (ERSPAN's T bit says so, draft-foschiano-erspan section
    /// 4.2; the others do not say): a packet in one that states to be longer than the tunnel's payload was so on its own wire.
    pub(crate) fn mirrors(self) -> bool {
        matches!(
            self,
            Tunnel::Gre
                | Tunnel::Nvgre
                | Tunnel::Erspan
                | Tunnel::Vxlan
                | Tunnel::VxlanGpe
                | Tunnel::Geneve
        )
    }
}

/// One conversation's view of one frame. 128 bytes: two cache lines.
///
/// The first line is what finds the flow, the second what updates it.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// The conversation.
    pub key: FlowKey,
    /// When the frame was seen: nanoseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// For the flow stage's hash of `key`; decode leaves it as it was.
    pub hash: u64,
    /// IP packet on the wire in bytes: header, options, extension headers and payload.
    pub ip_len: u32,
    /// Transport payload on the wire in bytes (behind the TCP/UDP/ICMP/SCTP header; behind the IP header for other protocols).
    pub payload_len: u32,
    /// Where that payload begins in the captured frame, in bytes.
    pub payload_offset: u32,
    /// How much of it was captured, in bytes; at most `payload_len`.
    pub payload_captured: u32,
    /// TCP sequence number. (SCTP: the initiate/verification tag.)
    pub tcp_seq: u32,
    /// TCP acknowledgement number.
    pub tcp_ack: u32,
    /// TCP timestamp value (RFC 7323), if [`ViewFlags::TCP_TIMESTAMP`].
    pub tcp_tsval: u32,
    /// TCP timestamp echo reply (RFC 7323), if [`ViewFlags::TCP_TIMESTAMP`].
    pub tcp_tsecr: u32,
    /// IPv4 identification (16 bits), or the IPv6 fragment header's (32 bits); 0 where there is none.
    pub ip_id: u32,
    /// See [`ViewFlags`].
    pub flags: ViewFlags,
    /// TCP window as sent, unscaled. (UDP, UDP-Lite and ICMP: the checksum as sent.)
    pub tcp_window: u16,
    /// Which frame of the burst this view is of.
    pub frame: u16,
    // What is mostly zero stands together, so that it is written together.
    /// TCP maximum segment size option, or 0 for none.
    pub tcp_mss: u16,
    /// Fragment offset in units of 8 bytes.
    pub fragment_offset: u16,
    /// What this conversation was carried in.
    pub tunnel: Tunnel,
    /// ICMP or ICMPv6 type.
    pub icmp_type: u8,
    /// ICMP or ICMPv6 code.
    pub icmp_code: u8,
    /// Of a fragment: the protocol by which its datagram is known, besides addresses and identification. That of the IPv4 header (RFC 791 section 3.2),
    /// which is not the key's where an authentication header follows; 0 for IPv6 (RFC 8200 section 4.5), and of what is no fragment.
    pub fragment_protocol: u8,
    /// TCP control bits.
    pub tcp_flags: TcpFlags,
    /// TCP window scale option (RFC 7323), or 255 for none.
    pub tcp_window_scale: u8,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// IPv4 type of service or IPv6 traffic class.
    pub tos: u8,
    /// For the flow stage: where the conversation's flow is, probably. Decode leaves it as it was.
    pub slot: u32,
    /// Of a first fragment: how many bytes of the part that is fragmented lie before the payload, which are the transport header and, of IPv6 and
    /// behind an authentication header, the extension headers before it. 0 of what is no fragment.
    pub fragment_head: u16,
}

const _: () = assert!(size_of::<View>() == 128);

impl View {
    /// Whether the packet goes from the key's high endpoint to its low one.
    #[inline]
    #[must_use]
    pub fn high_to_low(&self) -> bool {
        self.flags.has(ViewFlags::HIGH_TO_LOW)
    }
}

/// The packet that an ICMP error quotes: the conversation that the error belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quote {
    /// Index of the ICMP view in [`Views::as_slice`].
    pub view: u16,
    /// Whether the quoted packet went from its key's high endpoint to its low one.
    pub high_to_low: bool,
    /// The quoted conversation, in the error's own VLAN and tunnel context.
    pub key: FlowKey,
}

/// How far the flow stage has looked ahead in a burst's views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedAhead {
    /// So many views, from the first on, have their hash.
    pub hashed: usize,
    /// So many of them have a guess at where their flow is ([`View::slot`]).
    pub guessed: usize,
}

/// The views of a burst: a bounded buffer, filled by [`crate::decode()`], emptied by the flow stage.
pub struct Views {
    views: [View; MAX_VIEWS],
    len: usize,
    quotes: [Quote; MAX_QUOTES],
    quotes_len: usize,
    /// Which of the run's sources the frames came from: set by whoever fills the buffer, named in the records of flows that begin here.
    pub source: u16,
    /// For the flow stage: what it knows is forgotten with the views.
    pub looked_ahead: LookedAhead,
}

impl Default for Views {
    fn default() -> Self {
        Views {
            views: [View::default(); MAX_VIEWS],
            len: 0,
            quotes: [Quote::default(); MAX_QUOTES],
            quotes_len: 0,
            source: 0,
            looked_ahead: LookedAhead::default(),
        }
    }
}

impl Views {
    /// Whether one more frame of any kind fits; if not, hand the views on and [`Views::clear`].
    #[inline]
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.len + MAX_VIEWS_PER_FRAME <= MAX_VIEWS
    }

    /// Appends a view; refused (`false`) when full.
    #[inline]
    pub fn push(&mut self, view: View) -> bool {
        match self.views.get_mut(self.len) {
            Some(slot) => {
                *slot = view;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// The slot that the next view goes to, if there is one, and the number of views: whoever has written
    /// the slot adds one. So a view is written where it stays.
    #[inline(always)]
    pub(crate) fn slot(&mut self) -> Option<(&mut View, &mut usize)> {
        Some((self.views.get_mut(self.len)?, &mut self.len))
    }

    /// Notes what the ICMP error `quote.view` quotes; refused (`false`) when full.
    #[inline]
    pub fn push_quote(&mut self, quote: Quote) -> bool {
        match self.quotes.get_mut(self.quotes_len) {
            Some(slot) => {
                *slot = quote;
                self.quotes_len += 1;
                true
            }
            None => false,
        }
    }

    /// How many views there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The views, in the order of their frames.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[View] {
        &self.views[..self.len]
    }

    /// The views, to write their hashes.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [View] {
        &mut self.views[..self.len]
    }

    /// What the ICMP errors among the views quote, in the order of the views.
    #[inline]
    #[must_use]
    pub fn quotes(&self) -> &[Quote] {
        &self.quotes[..self.quotes_len]
    }

    /// Forgets what the views from the `from`th on quote.
    pub fn drop_quotes(&mut self, from: usize) {
        while self
            .quotes()
            .last()
            .is_some_and(|quote| usize::from(quote.view) >= from)
        {
            self.quotes_len -= 1;
        }
    }

    /// Takes back every view from the `len`th on, and their quotes.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        let ahead = &mut self.looked_ahead;
        ahead.hashed = ahead.hashed.min(len);
        ahead.guessed = ahead.guessed.min(len);
        self.drop_quotes(len);
    }

    /// Empties the buffer.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
        self.quotes_len = 0;
        self.looked_ahead = LookedAhead::default();
    }
}
