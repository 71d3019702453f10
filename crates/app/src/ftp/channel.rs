//! Where the connection for data leads to, as `PORT`, `PASV`, `EPRT` and `EPSV` say.

use std::net::{IpAddr, Ipv4Addr};

/// Six numbers with commas between them: address and port (RFC 959 section 4.1.2), wherever they stand in a text.
pub(super) fn six(text: &str) -> Option<(IpAddr, u16)> {
    let part = text
        .split(|c: char| !c.is_ascii_digit() && c != ',')
        .find(|part| part.matches(',').count() >= 5)?;
    let mut numbers = part.trim_matches(',').split(',').map(str::parse::<u8>);
    let mut next = || numbers.next()?.ok();
    let address = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    Some((address.into(), u16::from_be_bytes([next()?, next()?])))
}

/// `|family|address|port|`, with any sign in place of the bars, wherever it stands in a text; family and address may be left out (RFC 2428).
pub(super) fn extended(text: &str) -> Option<(Option<IpAddr>, u16)> {
    let text = text.split_once('(').map_or(text, |(_, rest)| rest);
    let bar = text.chars().next().filter(char::is_ascii_punctuation)?;
    let mut parts = text.split(bar).skip(2);
    let address = parts.next()?;
    let port = parts.next()?.parse().ok()?;
    let address = if address.is_empty() {
        None
    } else {
        Some(address.parse().ok()?)
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_read() {
        let at = |text: &str| Some((text.parse().unwrap(), 56666));
        assert_eq!(
            six("Entering Passive Mode (199,233,217,249,221,90)."),
            at("199.233.217.249")
        );
        assert_eq!(six("199,233,217,249,221,90"), at("199.233.217.249"));
        assert_eq!(six("1,2,3,4,5"), None);
        assert_eq!(six("1,2,3,400,5,6"), None);
        assert_eq!(
            extended("|2|2001:db8::1|80|"),
            Some((Some("2001:db8::1".parse().unwrap()), 80))
        );
        assert_eq!(
            extended("Extended Passive Mode OK (|||57086|)"),
            Some((None, 57086))
        );
        assert_eq!(extended("(|||x|)"), None);
    }
}
