//! The kinds of oddities a tracker finds.

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident => $name:literal,)*) => {
        /// Something odd in the traffic, as Zeek's `weird` log names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum WeirdKind { $($(#[doc = $doc])* $variant,)* }

        impl WeirdKind {
            /// Every kind, in the order of their discriminants: an index into an array of counters.
            pub const ALL: &[WeirdKind] = &[$(WeirdKind::$variant,)*];

            /// The name in `weird` records, ledgers and metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(WeirdKind::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// A SYN in a state that had another initial sequence number.
    SynSeqJump => "SYN_seq_jump",
    /// A SYN on a connection that has carried data.
    SynInsideConnection => "SYN_inside_connection",
    /// A sequence number before the first of the connection.
    SeqUnderflow => "TCP_seq_underflow_or_misorder",
    /// An acknowledgement of something before the first sequence number.
    AckUnderflow => "TCP_ack_underflow_or_misorder",
    /// A SYN with RST.
    Christmas => "TCP_christmas",
    /// A SYN with URG.
    BaroqueSyn => "baroque_SYN",
    /// A SYN with payload.
    SynWithData => "SYN_with_data",
    /// The first packet of the one who began is a SYN-ACK.
    OriginatorSynAck => "connection_originator_SYN_ack",
    /// A SYN-ACK that acknowledges something else.
    BadSynAck => "bad_SYN_ack",
    /// Both began at the same time.
    SimultaneousOpen => "simultaneous_open",
    /// A SYN-ACK to a SYN nobody saw.
    UnsolicitedSynResponse => "unsolicited_SYN_response",
    /// A FIN out of nothing.
    SpontaneousFin => "spontaneous_FIN",
    /// A RST out of nothing.
    SpontaneousRst => "spontaneous_RST",
    /// The SYN was repeated with ACK.
    RepeatedSynWithAck => "repeated_SYN_with_ack",
    /// The answer to a SYN was repeated without ACK.
    RepeatedSynReplyWithoutAck => "repeated_SYN_reply_wo_ack",
    /// A FIN before the connection was established.
    InappropriateFin => "inappropriate_FIN",
    /// Payload before the connection was established.
    DataBeforeEstablished => "data_before_established",
    /// A SYN behind packets of the connection.
    SynAfterPartial => "SYN_after_partial",
    /// A SYN behind a FIN.
    SynAfterClose => "SYN_after_close",
    /// A second FIN further on.
    FinAdvancedLastSeq => "FIN_advanced_last_seq",
    /// A SYN behind a RST.
    SynAfterReset => "SYN_after_reset",
    /// A FIN behind a RST.
    FinAfterReset => "FIN_after_reset",
    /// Payload behind a RST.
    DataAfterReset => "data_after_reset",
    /// One side acknowledges what was never seen from the other.
    PossibleSplitRouting => "possible_split_routing",
    /// A new SYN on a connection that goes on.
    ActiveConnectionReuse => "active_connection_reuse",
    /// A new SYN shortly behind the end of the connection before.
    PrematureConnectionReuse => "premature_connection_reuse",
    /// A window scale over 14 (RFC 7323 section 2.3).
    ScaleRange => "TCP_scale_range",
    /// Much data behind a hole, and none of it acknowledged.
    AboveHoleData => "above_hole_data_without_any_acks",
    /// A wrong TCP checksum.
    BadTcpChecksum => "bad_TCP_checksum",
    /// A wrong UDP checksum.
    BadUdpChecksum => "bad_UDP_checksum",
    /// A wrong ICMP checksum.
    BadIcmpChecksum => "bad_ICMP_checksum",
    /// A wrong IPv4 header checksum.
    BadIpChecksum => "bad_IP_checksum",
    /// A TCP header length under 20 bytes.
    BadTcpHeaderLen => "bad_TCP_header_len",
    /// A transport header that the packet has no room for.
    TruncatedHeader => "truncated_header",
    /// A UDP length other than the packet's.
    UdpLengthMismatch => "UDP_datagram_length_mismatch",
    /// Later fragments whose first never came.
    FragmentsWithoutFirst => "fragments_without_first",
    /// A timestamp far from those around it.
    AbsurdTimestamp => "absurd_timestamp",
}
