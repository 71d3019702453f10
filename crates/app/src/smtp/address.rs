//! Addresses of people and machines, found in texts.

use std::net::IpAddr;

use crate::text::text;

/// The longest text of an IP address.
const MAX_IP: usize = 45;

/// Addresses of people in an argument of `MAIL` or `RCPT`: what has an `@` between brackets, commas, colons and blanks.
pub(super) fn people(argument: &[u8]) -> impl Iterator<Item = Box<str>> {
    argument
        .split(|byte| b"<>,:; \t".contains(byte))
        .filter(|part| matches!(part.iter().position(|&b| b == b'@'), Some(at) if at > 0 && at + 1 < part.len()))
        .map(text)
}

/// The people of a header like `To`: commas divide them, but not within quotes.
pub(super) fn listed(header: &[u8]) -> impl Iterator<Item = Box<str>> {
    let mut quoted = false;
    header
        .split(move |&byte| {
            quoted ^= byte == b'"';
            byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .map(text)
}

/// The addresses of machines in a text, and whether blanks or brackets of one kind are around each.
fn machines(header: &[u8]) -> impl Iterator<Item = (IpAddr, bool)> {
    let part_of = |byte: &u8| byte.is_ascii_hexdigit() || b".:".contains(byte);
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + header.get(at..)?.iter().position(part_of)?;
            let rest = header.get(start..)?;
            let len = rest
                .iter()
                .position(|byte| !part_of(byte))
                .unwrap_or(rest.len());
            at = start + len;
            if let Some(found) = rest.get(..len).and_then(machine) {
                let before = start.checked_sub(1).and_then(|at| header.get(at));
                let around = (before, header.get(at));
                let wrapped = matches!(
                    around,
                    (Some(b' '), Some(b' '))
                        | (Some(b'['), Some(b']'))
                        | (Some(b'('), Some(b')'))
                        | (Some(b'{'), Some(b'}'))
                );
                return Some((found, wrapped));
            }
        }
    })
}

fn machine(text: &[u8]) -> Option<IpAddr> {
    if text.len() > MAX_IP || text.len() < 2 {
        return None;
    }
    // `IPv6:2001:db8::1` in brackets (RFC 5321 section 4.1.3): the tag's last digit is no part of the address.
    let text = text.strip_prefix(b"6:").unwrap_or(text);
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The first address of a machine.
pub(super) fn first_machine(header: &[u8]) -> Option<IpAddr> {
    machines(header).next().map(|(address, _)| address)
}

/// The address that a `Received` came from: of those in brackets the second, if there is one, as Zeek chooses.
pub(super) fn received_from(header: &[u8]) -> Option<IpAddr> {
    let mut wrapped = machines(header).filter(|(_, wrapped)| *wrapped);
    let first = wrapped.next()?;
    Some(wrapped.next().unwrap_or(first).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_found() {
        let found: Vec<_> = people(b"TO:<a@b.c> ORCPT=rfc822;a@b.c NOTIFY=x@").collect();
        assert_eq!(found, ["a@b.c".into(), "a@b.c".into()] as [Box<str>; 2]);
        let found: Vec<_> = listed(b"\"B, A\" <a@b>,  c@d,, ").collect();
        assert_eq!(
            found,
            ["\"B, A\" <a@b>".into(), "c@d".into()] as [Box<str>; 2]
        );
    }

    #[test]
    fn machines_are_found() {
        let from = |text: &str| received_from(text.as_bytes()).map(|ip| ip.to_string());
        assert_eq!(
            from("from a (a.b [192.0.2.1]) by c"),
            Some("192.0.2.1".into())
        );
        assert_eq!(
            from("from [10.0.0.1] (x [192.0.2.1]) by"),
            Some("192.0.2.1".into())
        );
        assert_eq!(from("from a ([IPv6:2001:db8::1]) by"), None);
        assert_eq!(from("from a-1.2.3.4.b by 300.1.1.1"), None);
        assert_eq!(
            first_machine(b"[2001:db8::1]").map(|ip| ip.to_string()),
            Some("2001:db8::1".into())
        );
    }
}
