//! Names of IP protocols.

/// The `proto` of a record, from the number in the IP header (IANA's registry of protocol numbers).
///
/// Zeek knows `tcp`, `udp` and `icmp` (both versions) and writes `unknown_transport` for all others, so that
/// an SCTP association, a GRE tunnel and an ESP stream look alike. Portreeve names those that networks carry and keeps
/// `unknown_transport` for the rest. Whoever needs Zeek's view reads `ip_proto`, which is the number in both.
#[must_use]
pub fn name(ip_proto: u8) -> &'static str {
    match ip_proto {
        1 | 58 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        8 => "egp",
        9 => "igp",
        17 => "udp",
        27 => "rdp",
        33 => "dccp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        88 => "eigrp",
        89 => "ospf",
        94 => "ipip",
        97 => "etherip",
        103 => "pim",
        108 => "ipcomp",
        112 => "vrrp",
        115 => "l2tp",
        124 => "isis",
        132 => "sctp",
        133 => "fc",
        135 => "mobility",
        136 => "udplite",
        137 => "mpls",
        139 => "hip",
        140 => "shim6",
        _ => "unknown_transport",
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn zeek_names_are_kept() {
        assert_eq!(name(6), "tcp");
        assert_eq!(name(17), "udp");
        assert_eq!(name(1), "icmp");
        assert_eq!(name(58), "icmp");
        assert_eq!(name(255), "unknown_transport");
    }

    #[test]
    fn names_are_plain_words() {
        for number in 0..=255u8 {
            let name = name(number);
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
        }
    }
}
