//! The fields of `conn` and `conn_update`: Zeek's in Zeek's order, then ours.

use std::slice::from_ref;

use crate::community_id::{Tuple, community_id};
use crate::conn::Conn;
use crate::context::RecordContext;
use crate::facts::End;
use crate::field::Ipfix::{ByFamily, Iana, Own, Reverse};
use crate::field::Kind::{Addr, Bool, Count, Enum, Int, Interval, Port, SetStr, Str, Time};
use crate::field::{Info, Storage};
use crate::proto;
use crate::value::{Items, Text, Value};

/// The conversation whose community ID stands in the record.
fn tuple(conn: &Conn) -> Tuple {
    Tuple {
        orig_h: conn.orig_h,
        orig_p: conn.orig_p,
        resp_h: conn.resp_h,
        resp_p: conn.resp_p,
        ip_proto: conn.ip_proto,
    }
}

#[inline(always)]
fn history(conn: &Conn) -> Value<'_> {
    match conn.history.as_bytes() {
        [] => Value::Unset,
        letters => Value::Letters(letters),
    }
}

#[inline(always)]
fn tunnel(conn: &Conn) -> Value<'_> {
    match &conn.tunnel_parent {
        Some(uid) => Value::Set(Items::Uids(from_ref(uid))),
        None => Value::Unset,
    }
}

/// What is known of the originator.
#[inline(always)]
fn orig(context: &RecordContext) -> Option<&End> {
    context.facts().map(|facts| &facts.orig)
}

/// What is known of the responder.
#[inline(always)]
fn resp(context: &RecordContext) -> Option<&End> {
    context.facts().map(|facts| &facts.resp)
}

/// `3/1`: type and code.
fn icmp_error((kind, code): (u8, u8)) -> Text {
    let mut text = Text::default();
    text.push_number(kind.into());
    text.push_str("/");
    text.push_number(code.into());
    text
}

fields! {
    /// The fields of `conn` and `conn_update`, in the order they are written.
    CONN: Conn, |c, x|

    Info::zeek("ts", Time, "flow.start", Iana(156), "When the first packet was seen.") => Value::Time(c.ts);
    Info::zeek("uid", Str, "portreeve.uid", Own(1), "Identifies the flow in all logs; a hash of its key and first packet, so the same packets give the same uid.") => Value::Uid(c.uid);
    Info::zeek("id.orig_h", Addr, "src_ip", ByFamily(8, 27), "The originator's address: who began.") => Value::Addr(c.orig_h);
    Info::zeek("id.orig_p", Port, "src_port", Iana(7), "The originator's port; for ICMP the message's type.") => Value::Port(c.orig_p);
    Info::zeek("id.resp_h", Addr, "dest_ip", ByFamily(12, 28), "The responder's address.") => Value::Addr(c.resp_h);
    Info::zeek("id.resp_p", Port, "dest_port", Iana(11), "The responder's port; for ICMP the type that answers, or the code of a message that is not answered.") => Value::Port(c.resp_p);
    Info::zeek("proto", Enum, "proto", Own(2), "Transport protocol: `tcp`, `udp`, `icmp` (both versions), and, where Zeek writes `unknown_transport`, the name of other common ones (`sctp`, `gre`, `esp` …).") => Value::Word(proto::name(c.ip_proto));
    Info::zeek("service", Str, "app_proto", Iana(96), "Application protocol, where it was recognised.").optional().stored(Storage::Name) => Value::word(c.service);
    Info::zeek("duration", Interval, "portreeve.duration", Iana(161), "From the first packet to the last; unset for a single packet.").optional() => Value::interval(c.duration);
    Info::zeek("orig_bytes", Count, "portreeve.orig_bytes", Iana(231), "Payload bytes from the originator: TCP by sequence numbers, others by the transport's length.").optional() => Value::count(c.orig.bytes);
    Info::zeek("resp_bytes", Count, "portreeve.resp_bytes", Iana(232), "Payload bytes from the responder.").optional() => Value::count(c.resp.bytes);
    Info::zeek("conn_state", Str, "portreeve.conn_state", Own(3), "How the connection went: `S0` attempt without answer, `S1` established, `SF` established and closed, `REJ` rejected, `S2`/`S3` closed by originator/responder only, `RSTO`/`RSTR` reset by originator/responder, `RSTOS0` SYN then RST without answer, `RSTRH` SYN-ACK then RST without a SYN, `SH`/`SHR` SYN/SYN-ACK then FIN and nothing from the other side, `OTH` no SYN seen.").stored(Storage::Name) => Value::Word(c.conn_state.name());
    Info::zeek("local_orig", Bool, "portreeve.local_orig", Own(4), "Whether the originator is in the configured local networks; unset if none are configured.").optional() => Value::bool(c.local_orig);
    Info::zeek("local_resp", Bool, "portreeve.local_resp", Own(5), "Whether the responder is in the configured local networks.").optional() => Value::bool(c.local_resp);
    Info::zeek("missed_bytes", Count, "portreeve.missed_bytes", Own(6), "Payload bytes that were acknowledged and never seen, both directions.") => Value::Count(c.orig.missed_bytes.saturating_add(c.resp.missed_bytes));
    Info::zeek("history", Str, "portreeve.history", Own(7), "What happened in order, a letter each; upper case from the originator, lower case from the responder: `s` SYN, `h` SYN-ACK, `a` ACK, `d` data, `f` FIN, `r` RST, `c` bad checksum, `g` gap, `t` retransmission, `w` zero window, `i` inconsistent packet, `q` several flags, `^` direction turned round.").optional() => history(c);
    Info::zeek("orig_pkts", Count, "flow.pkts_toserver", Iana(2), "Packets from the originator.") => Value::Count(c.orig.pkts);
    Info::zeek("orig_ip_bytes", Count, "flow.bytes_toserver", Iana(1), "Bytes of IP packets from the originator, headers included, by the lengths on the wire.") => Value::Count(c.orig.ip_bytes);
    Info::zeek("resp_pkts", Count, "flow.pkts_toclient", Reverse(2), "Packets from the responder.") => Value::Count(c.resp.pkts);
    Info::zeek("resp_ip_bytes", Count, "flow.bytes_toclient", Reverse(1), "Bytes of IP packets from the responder.") => Value::Count(c.resp.ip_bytes);
    Info::zeek("tunnel_parents", SetStr, "portreeve.tunnel_parents", Own(8), "`uid` of the tunnel that carried this flow.").optional() => tunnel(c);
    Info::zeek("ip_proto", Count, "portreeve.ip_proto", Iana(4), "Protocol number in the IP header.").stored(Storage::U8) => Value::Count(c.ip_proto.into());
    Info::zeek("vlan", Int, "vlan", Iana(243), "Outer VLAN.").optional().stored(Storage::U16) => Value::int(c.vlan);
    Info::zeek("inner_vlan", Int, "vlan", Iana(245), "Inner VLAN.").optional().stored(Storage::U16) => Value::int(c.inner_vlan);
    Info::zeek("community_id", Str, "community_id", Own(9), "Community ID, version 1, seed 0: the same in every tool that knows it.") => Value::Text(community_id(&tuple(c), 0));

    Info::added("sensor", Str, "host", Iana(300), "Name of the sensor that saw it.").stored(Storage::Name) => x.sensor().into();
    Info::added("source", Str, "in_iface", Iana(82), "Interface or file it came from.").optional().stored(Storage::Name) => x.source(c.source).into();
    Info::added("app", Str, "portreeve.app", Own(40), "The product behind the conversation, where it is known: by names in it, in its certificate, or looked up just before, and a table of them.").optional().stored(Storage::Name) => Value::str(c.app.or_else(|| x.facts().and_then(|facts| facts.app)));
    Info::added("syn_rtt", Interval, "portreeve.syn_rtt", Own(10), "From SYN to SYN-ACK: the round trip from here to the responder.").tcp() => Value::interval(c.syn_rtt);
    Info::added("ack_rtt", Interval, "portreeve.ack_rtt", Own(11), "From SYN-ACK to the handshake's ACK: the round trip from here to the originator.").tcp() => Value::interval(c.ack_rtt);
    Info::added("orig_retransmits", Count, "portreeve.orig_retransmits", Own(12), "Segments from the originator with bytes seen before.").counter().tcp().stored(Storage::U32) => Value::Count(c.orig.retransmits.into());
    Info::added("resp_retransmits", Count, "portreeve.resp_retransmits", Own(13), "Segments from the responder with bytes seen before.").counter().tcp().stored(Storage::U32) => Value::Count(c.resp.retransmits.into());
    Info::added("orig_out_of_order", Count, "portreeve.orig_out_of_order", Own(14), "Segments from the originator that came behind later ones.").counter().tcp().stored(Storage::U32) => Value::Count(c.orig.out_of_order.into());
    Info::added("resp_out_of_order", Count, "portreeve.resp_out_of_order", Own(15), "Segments from the responder that came behind later ones.").counter().tcp().stored(Storage::U32) => Value::Count(c.resp.out_of_order.into());
    Info::added("orig_duplicate_acks", Count, "portreeve.orig_duplicate_acks", Own(16), "Duplicate acknowledgements from the originator.").counter().tcp().stored(Storage::U32) => Value::Count(c.orig.duplicate_acks.into());
    Info::added("resp_duplicate_acks", Count, "portreeve.resp_duplicate_acks", Own(17), "Duplicate acknowledgements from the responder.").counter().tcp().stored(Storage::U32) => Value::Count(c.resp.duplicate_acks.into());
    Info::added("orig_zero_windows", Count, "portreeve.orig_zero_windows", Own(18), "Times the originator's offered window became zero.").counter().tcp().stored(Storage::U32) => Value::Count(c.orig.zero_windows.into());
    Info::added("resp_zero_windows", Count, "portreeve.resp_zero_windows", Own(19), "Times the responder's offered window became zero.").counter().tcp().stored(Storage::U32) => Value::Count(c.resp.zero_windows.into());
    Info::added("orig_lost_segments", Count, "portreeve.orig_lost_segments", Own(20), "Gaps in the originator's sequence numbers.").counter().tcp().stored(Storage::U32) => Value::Count(c.orig.lost_segments.into());
    Info::added("resp_lost_segments", Count, "portreeve.resp_lost_segments", Own(21), "Gaps in the responder's sequence numbers.").counter().tcp().stored(Storage::U32) => Value::Count(c.resp.lost_segments.into());
    Info::added("orig_missed_bytes", Count, "portreeve.orig_missed_bytes", Own(22), "The originator's part of `missed_bytes`.").counter().tcp() => Value::Count(c.orig.missed_bytes);
    Info::added("resp_missed_bytes", Count, "portreeve.resp_missed_bytes", Own(23), "The responder's part of `missed_bytes`.").counter().tcp() => Value::Count(c.resp.missed_bytes);
    Info::added("orig_duplicates", Count, "portreeve.orig_duplicates", Own(24), "Packets from the originator seen twice (mirror ports); counted in `orig_pkts` too.").counter().stored(Storage::U32) => Value::Count(c.orig.duplicates.into());
    Info::added("resp_duplicates", Count, "portreeve.resp_duplicates", Own(25), "Packets from the responder seen twice; counted in `resp_pkts` too.").counter().stored(Storage::U32) => Value::Count(c.resp.duplicates.into());
    Info::added("orig_bad_checksums", Count, "portreeve.orig_bad_checksums", Own(26), "Packets from the originator with a wrong transport checksum, where checksums are verified.").counter().stored(Storage::U32) => Value::Count(c.orig.bad_checksums.into());
    Info::added("resp_bad_checksums", Count, "portreeve.resp_bad_checksums", Own(27), "Packets from the responder with a wrong transport checksum.").counter().stored(Storage::U32) => Value::Count(c.resp.bad_checksums.into());
    Info::added("orig_fragments", Count, "portreeve.orig_fragments", Own(28), "IP fragments from the originator, first ones included; `orig_pkts` counts a fragmented datagram once.").counter().stored(Storage::U32) => Value::Count(c.orig.fragments.into());
    Info::added("resp_fragments", Count, "portreeve.resp_fragments", Own(29), "IP fragments from the responder, first ones included; `resp_pkts` counts a fragmented datagram once.").counter().stored(Storage::U32) => Value::Count(c.resp.fragments.into());
    Info::added("orig_rtt_min", Interval, "portreeve.orig_rtt_min", Own(30), "Least time from the originator's data to the responder's acknowledgement; not from TCP timestamps.").tcp() => Value::interval(c.orig.rtt_min);
    Info::added("resp_rtt_min", Interval, "portreeve.resp_rtt_min", Own(31), "Least time from the responder's data to the originator's acknowledgement; not from TCP timestamps.").tcp() => Value::interval(c.resp.rtt_min);
    Info::added("orig_rtt_smoothed", Interval, "portreeve.orig_rtt_smoothed", Own(32), "That time of the originator's data, smoothed (RFC 6298).").tcp() => Value::interval(c.orig.rtt_smoothed);
    Info::added("resp_rtt_smoothed", Interval, "portreeve.resp_rtt_smoothed", Own(33), "That time of the responder's data, smoothed.").tcp() => Value::interval(c.resp.rtt_smoothed);
    Info::added("orig_mss", Count, "portreeve.orig_mss", Own(34), "Maximum segment size that the originator announced, bytes.").tcp().stored(Storage::U16) => Value::count(c.orig.mss);
    Info::added("resp_mss", Count, "portreeve.resp_mss", Own(35), "Maximum segment size that the responder announced, bytes.").tcp().stored(Storage::U16) => Value::count(c.resp.mss);
    Info::added("orig_window_scale", Count, "portreeve.orig_window_scale", Iana(238), "Window scale that the originator announced (RFC 7323), bits.").tcp().stored(Storage::U8) => Value::count(c.orig.window_scale);
    Info::added("resp_window_scale", Count, "portreeve.resp_window_scale", Reverse(238), "Window scale that the responder announced, bits.").tcp().stored(Storage::U8) => Value::count(c.resp.window_scale);
    Info::added("orig_max_window", Count, "portreeve.orig_max_window", Own(36), "Largest window that the originator offered, bytes; scaled where the scale is known.").counter().tcp().stored(Storage::U32) => Value::Count(c.orig.max_window.into());
    Info::added("resp_max_window", Count, "portreeve.resp_max_window", Own(37), "Largest window that the responder offered, bytes.").counter().tcp().stored(Storage::U32) => Value::Count(c.resp.max_window.into());
    Info::added("icmp_errors", Count, "portreeve.icmp_errors", Own(38), "ICMP errors that quoted a packet of this flow.").counter().stored(Storage::U32) => Value::Count(c.icmp_errors.into());
    Info::added("icmp_error", Str, "portreeve.icmp_error", Own(39), "Type and code of the last of them, as `3/1`.").optional().stored(Storage::Name) => Value::text(c.icmp_error.map(icmp_error));
    Info::added("end_reason", Enum, "portreeve.end_reason", Iana(136), "Why the record was written: `idle`, `tcp_end`, `end_of_input`, `evicted` (the table was full), `active` (in `conn_update`: the flow goes on).") => Value::Word(c.end_reason.name());
    Info::added("orig_name", Str, "portreeve.orig_name", Own(41), "Name of the originator, from DHCP or DNS, where names are asked for.").optional() => Value::str(orig(x).and_then(|end| end.name.as_deref()));
    Info::added("resp_name", Str, "portreeve.resp_name", Own(42), "Name of the responder: what the originator, or somebody else, looked up and got its address for; or from DHCP.").optional() => Value::str(resp(x).and_then(|end| end.name.as_deref()));
    Info::added("orig_cc", Str, "portreeve.orig_cc", Own(43), "Country of the originator, two letters (ISO 3166-1), by the database that the configuration names.").optional().stored(Storage::Name) => Value::str(orig(x).and_then(|end| end.country.as_deref()));
    Info::added("resp_cc", Str, "portreeve.resp_cc", Own(44), "Country of the responder.").optional().stored(Storage::Name) => Value::str(resp(x).and_then(|end| end.country.as_deref()));
    Info::added("orig_asn", Count, "portreeve.orig_asn", Iana(16), "Number of the autonomous system that the originator's address belongs to, by the database that the configuration names.").optional().stored(Storage::U32) => Value::count(orig(x).and_then(|end| end.asn));
    Info::added("resp_asn", Count, "portreeve.resp_asn", Iana(17), "Number of the autonomous system that the responder's address belongs to.").optional().stored(Storage::U32) => Value::count(resp(x).and_then(|end| end.asn));
    Info::added("orig_as_org", Str, "portreeve.orig_as_org", Own(45), "Who runs the originator's autonomous system.").optional().stored(Storage::Name) => Value::str(orig(x).and_then(|end| end.organisation.as_deref()));
    Info::added("resp_as_org", Str, "portreeve.resp_as_org", Own(46), "Who runs the responder's autonomous system.").optional().stored(Storage::Name) => Value::str(resp(x).and_then(|end| end.organisation.as_deref()));
}
