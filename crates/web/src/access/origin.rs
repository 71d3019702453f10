//! What the browser says of where a request comes from.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

/// The host that a request is for, without its port: of its `Host`, or, in HTTP/2, of its address.
pub(crate) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let with_port = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))?;
    Some(without_port(with_port))
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

/// Whether this name cannot be one that somebody else lets point to us: an address, or `localhost`.
pub(crate) fn is_own_name(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok()
}

/// Whether a page of another site sent this. What is no browser says nothing of it, and is not another site.
pub(crate) fn is_foreign(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return true;
    }
    let Some(origin) = text("origin") else {
        return headers.contains_key("origin");
    };
    let authority = origin.split_once("://").map_or("", |(_, host)| host);
    let own = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    own.is_none_or(|own| !own.eq_ignore_ascii_case(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| {
                (
                    axum::http::HeaderName::from_static(name),
                    value.parse().expect("a header"),
                )
            })
            .collect()
    }

    #[test]
    fn only_names_that_cannot_be_rebound_are_our_own() {
        for own in ["localhost", "LOCALHOST", "127.0.0.1", "::1", "192.0.2.7"] {
            assert!(is_own_name(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
        ] {
            assert!(!is_own_name(foreign), "{foreign}");
        }
        let uri = Uri::from_static("/");
        assert_eq!(host(&headers(&[("host", "[::1]:80")]), &uri), Some("::1"));
        assert_eq!(host(&headers(&[("host", "a.b:80")]), &uri), Some("a.b"));
        assert_eq!(host(&headers(&[]), &uri), None);
    }

    #[test]
    fn a_page_of_another_site_is_known_by_its_origin() {
        let uri = Uri::from_static("/");
        let own = ("host", "127.0.0.1:7678");
        for (extra, foreign) in [
            (vec![], false),
            (vec![("origin", "http://127.0.0.1:7678")], false),
            (vec![("origin", "http://127.0.0.1:7679")], true),
            (vec![("origin", "https://evil.example")], true),
            (vec![("origin", "null")], true),
            (vec![("sec-fetch-site", "same-origin")], false),
            (vec![("sec-fetch-site", "cross-site")], true),
            (vec![("sec-fetch-site", "same-site")], true),
        ] {
            let mut list = vec![own];
            list.extend(extra.iter().copied());
            assert_eq!(is_foreign(&headers(&list), &uri), foreign, "{extra:?}");
        }
    }
}
