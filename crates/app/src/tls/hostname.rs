//! Whether a certificate is for a host (RFC 6125): its names, one `*` in the first label of each; its common names only where it has no host names.

use std::net::IpAddr;

use portreeve_record::app::x509::Certificate;

/// Whether `certificate`, whose subject has these common names, is for `host`.
pub(super) fn is_for(certificate: &Certificate, common_names: &[Box<str>], host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let names = if certificate.san_dns.is_empty() {
        common_names
    } else {
        &certificate.san_dns
    };
    if names.iter().any(|pattern| matches(pattern, host)) {
        return true;
    }
    host.parse::<IpAddr>()
        .is_ok_and(|address| certificate.san_ip.contains(&address))
}

fn matches(pattern: &str, host: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else {
        return pattern.eq_ignore_ascii_case(host);
    };
    // The star stands in the first label, and at least two labels follow.
    let (Some((rest_of_label, domain)), Some((label, host_domain))) =
        (behind.split_once('.'), host.split_once('.'))
    else {
        return false;
    };
    let (before, after, label) = (
        before.as_bytes(),
        rest_of_label.as_bytes(),
        label.as_bytes(),
    );
    let starts = |start: &[u8]| {
        label
            .get(..start.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(start))
    };
    let ends = |end: &[u8]| {
        label
            .len()
            .checked_sub(end.len())
            .and_then(|from| label.get(from..))
            .is_some_and(|e| e.eq_ignore_ascii_case(end))
    };
    !before.contains(&b'.')
        && !domain.contains('*')
        && domain.contains('.')
        && domain.eq_ignore_ascii_case(host_domain)
        && label.len() > before.len() + after.len()
        && starts(before)
        && ends(after)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(matches("WWW.example.com", "www.example.COM"));
        assert!(matches("*.example.com", "a.example.com"));
        assert!(matches("w*1.example.com", "www1.example.com"));
        for (pattern, host) in [
            ("*.example.com", "a.b.example.com"),
            ("*.example.com", "example.com"),
            ("*.com", "example.com"),
            ("a.*.com", "a.b.com"),
            ("*", "localhost"),
            ("w*.example.com", "a.example.com"),
        ] {
            assert!(!matches(pattern, host), "{pattern} {host}");
        }
    }
}
