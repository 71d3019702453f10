//! Numbers as people read them.

use std::time::Duration;

/// A count with its thousands apart: `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count that may be unknown.
#[must_use]
pub fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".into(), count)
}

/// A number in three significant digits and a prefix of SI: `12.3k`.
#[must_use]
pub fn short(number: f64) -> String {
    let (value, prefix) = scaled(number);
    format!("{}{}", three_digits(value, prefix), prefix)
}

/// A rate in bits a second, of bytes a second: `98.1 Mbit/s`.
#[must_use]
pub fn bit_rate(bytes_a_second: f64) -> String {
    let (value, prefix) = scaled(bytes_a_second * 8.0);
    format!("{} {}bit/s", three_digits(value, prefix), prefix)
}

/// An amount of bytes in decimal units: `1.50 GB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    let (value, prefix) = scaled(number as f64);
    format!("{} {}B", three_digits(value, prefix), prefix)
}

fn scaled(number: f64) -> (f64, &'static str) {
    let mut value = number.max(0.0);
    // 999.5 is where three digits round up to 1000.
    for prefix in ["", "k", "M", "G", "T"] {
        if value < 999.5 {
            return (value, prefix);
        }
        value /= 1000.0;
    }
    (value, "P")
}

fn three_digits(value: f64, prefix: &str) -> String {
    // Nothing smaller than one is counted here: whole numbers stay whole.
    if prefix.is_empty() {
        return format!("{value:.0}");
    }
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// A share as a percentage: `0.0123 %`, `12.3 %`. What is not zero does not look like zero.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".into();
    }
    let share = 100.0 * part as f64 / whole as f64;
    match share {
        s if s >= 0.95 => format!("{s:.1} %"),
        s if s >= 0.0001 => format!("{s:.4} %"),
        _ => "under 0.0001 %".into(),
    }
}

/// A time as hours, minutes and seconds: `1:02:03`.
#[must_use]
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// What a protocol number and a port are called: `tcp/443 https`.
#[must_use]
pub fn service(protocol: u8, port: u16) -> String {
    let protocol_name = protocol_name(protocol);
    match (protocol, port) {
        // UDP, TCP, SCTP and UDP-Lite have ports.
        (6 | 17 | 132 | 136, port) => match port_name(port) {
            Some(name) => format!("{protocol_name}/{port} {name}"),
            None => format!("{protocol_name}/{port}"),
        },
        _ => protocol_name,
    }
}

/// The protocol of that number (IANA "Protocol Numbers").
#[must_use]
pub fn protocol_name(protocol: u8) -> String {
    match protocol {
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        17 => "udp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        115 => "l2tp",
        132 => "sctp",
        136 => "udplite",
        other => return format!("ip/{other}"),
    }
    .into()
}

/// The usual names of usual ports (IANA "Service Name and Transport Protocol Port Number Registry").
#[must_use]
pub fn port_name(port: u16) -> Option<&'static str> {
    Some(match port {
        20 => "ftp-data",
        21 => "ftp",
        22 => "ssh",
        23 => "telnet",
        25 => "smtp",
        53 => "dns",
        67 | 68 => "dhcp",
        80 | 8080 => "http",
        88 => "kerberos",
        110 => "pop3",
        111 => "rpcbind",
        123 => "ntp",
        137..=139 => "netbios",
        143 => "imap",
        161 | 162 => "snmp",
        179 => "bgp",
        389 => "ldap",
        443 | 8443 => "https",
        445 => "smb",
        465 | 587 => "submission",
        500 | 4500 => "ipsec",
        514 => "syslog",
        546 | 547 => "dhcpv6",
        636 => "ldaps",
        853 => "dns-tls",
        993 => "imaps",
        995 => "pop3s",
        1194 => "openvpn",
        1433 => "mssql",
        1883 => "mqtt",
        1900 => "ssdp",
        2049 => "nfs",
        2123 => "gtp-c",
        2152 => "gtp-u",
        3306 => "mysql",
        3389 => "rdp",
        3478 => "stun",
        4789 => "vxlan",
        5060 | 5061 => "sip",
        5353 => "mdns",
        5355 => "llmnr",
        5432 => "postgres",
        6081 => "geneve",
        6379 => "redis",
        9092 => "kafka",
        51820 => "wireguard",
        _ => return None,
    })
}

/// `text` in `width` columns at most, its end cut off. Records are ASCII; what is not is counted by characters.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// `text` in lines of `width` columns at most, broken between words; a longer word has a line of its own.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut columns = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if columns > 0 && columns + 1 + length > width {
            lines.push(String::new());
            columns = 0;
        }
        if let Some(line) = lines.last_mut() {
            if columns > 0 {
                line.push(' ');
                columns += 1;
            }
            line.push_str(word);
            columns += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable a", 4), ["unbreakable", "a"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn numbers_are_read_by_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(short(999.4), "999");
        assert_eq!(short(999.6), "1.00k");
        assert_eq!(short(12_345.0), "12.3k");
        assert_eq!(bit_rate(12_500_000.0), "100 Mbit/s");
        assert_eq!(bytes(1_500_000_000), "1.50 GB");
        assert_eq!(bytes(0), "0 B");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(clock(Duration::from_secs(59)), "0:59");
    }

    #[test]
    fn a_loss_never_looks_like_none() {
        assert_eq!(percent(0, 10), "0 %");
        assert_eq!(percent(1, 10), "10.0 %");
        assert_eq!(percent(1, 1_000_000), "0.0001 %");
        assert_eq!(percent(1, u64::MAX), "under 0.0001 %");
    }

    #[test]
    fn services_have_names() {
        assert_eq!(service(6, 443), "tcp/443 https");
        assert_eq!(service(17, 50_000), "udp/50000");
        assert_eq!(service(1, 8), "icmp");
        assert_eq!(service(200, 0), "ip/200");
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
    }
}
