//! DNS that is carried in something else: which records say so. `app` in `conn` names it; what is asked is encrypted.
//!
//! Over TLS and DTLS by port 853 (RFC 7858 section 3.1, RFC 8094) or the protocol `dot`, over QUIC by the protocol `doq` or the port (RFC 9250 section 4.1), over HTTP in the clear by
//! the media type (RFC 8484 section 6). DNS over HTTPS to resolvers that are known by name is in the table of products.

use portreeve_record::App;

use crate::products::{DNS_OVER_HTTPS, DNS_OVER_QUIC, DNS_OVER_TLS};

const PORT: u16 = 853;
const UDP: u8 = 17;
const MEDIA_TYPE: &str = "application/dns-message";

/// The number of the product, if a record says that its conversation carries DNS; 0 if it does not.
pub(crate) fn product(record: &App) -> u16 {
    match record {
        // The handshake within QUIC, whose own record tells.
        App::Ssl(ssl) if ssl.head.ip_proto == UDP && !is_dtls(ssl.version) => 0,
        App::Ssl(ssl) if ssl.head.resp_p == PORT || ssl.next_protocol.as_deref() == Some("dot") => {
            DNS_OVER_TLS
        }
        App::Quic(quic) => {
            let offered = quic.client_protocol.as_deref();
            // Drafts had a number behind the name.
            let named = offered.is_some_and(|name| name == "doq" || name.starts_with("doq-"));
            if named || offered.is_none() && quic.head.resp_p == PORT {
                DNS_OVER_QUIC
            } else {
                0
            }
        }
        App::Http(http) if http.content_type.as_deref() == Some(MEDIA_TYPE) => DNS_OVER_HTTPS,
        _ => 0,
    }
}

/// Whether a version is one of DTLS (RFC 9147 section 5.3): they count down from 0xfeff.
fn is_dtls(version: Option<u16>) -> bool {
    version.is_some_and(|version| version >> 8 == 0xfe)
}

#[cfg(test)]
mod tests {
    use portreeve_record::Head;
    use portreeve_record::app::http::Http;
    use portreeve_record::app::quic::Quic;
    use portreeve_record::app::ssl::Ssl;

    use super::*;

    fn quic(port: u16, offered: Option<&str>) -> u16 {
        product(&App::from(Quic {
            head: Head {
                resp_p: port,
                ..Head::default()
            },
            client_protocol: offered.map(Into::into),
            ..Quic::default()
        }))
    }

    #[test]
    fn it_is_told_by_port_protocol_and_media_type() {
        assert_eq!(quic(443, Some("doq")), DNS_OVER_QUIC);
        assert_eq!(quic(8853, Some("doq-i03")), DNS_OVER_QUIC);
        assert_eq!(quic(853, None), DNS_OVER_QUIC);
        assert_eq!(quic(853, Some("h3")), 0);
        assert_eq!(quic(443, Some("doqument")), 0);
        let tls = |port, protocol: Option<&str>| {
            let mut ssl = Ssl::default();
            ssl.head.resp_p = port;
            ssl.next_protocol = protocol.map(Into::into);
            product(&App::from(ssl))
        };
        assert_eq!(tls(853, None), DNS_OVER_TLS);
        assert_eq!(tls(8443, Some("dot")), DNS_OVER_TLS);
        assert_eq!(tls(443, Some("h2")), 0);
        let over_udp = |version| {
            let mut ssl = Ssl::default();
            (ssl.head.resp_p, ssl.head.ip_proto, ssl.version) = (853, UDP, Some(version));
            product(&App::from(ssl))
        };
        assert_eq!((over_udp(0x0304), over_udp(0xfefd)), (0, DNS_OVER_TLS));
        let http = |media_type: &str| {
            product(&App::from(Http {
                content_type: Some(media_type.into()),
                ..Http::default()
            }))
        };
        assert_eq!(http("application/dns-message"), DNS_OVER_HTTPS);
        assert_eq!(http("application/dns-json"), 0);
    }
}
