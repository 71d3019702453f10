//! A certificate is written once a day, as in Zeek: the same one from a server's chain and from a client's are two.

use portreeve_record::app::x509::X509;

use crate::config::Config;
use crate::recent::Recent;

/// SHA-256 of the certificate, and what it was sent as.
type Key = ([u8; 32], bool, bool);

/// The certificates that were written lately.
#[derive(Debug)]
pub(crate) struct Certificates(Option<Recent<Key>>);

impl Certificates {
    pub(crate) fn new(config: &Config) -> Self {
        let again = Some(config.certificates_again).filter(|again| *again > 0);
        Certificates(again.map(|again| Recent::new(config.entries, again)))
    }

    /// Certificates are written again after another time from now on.
    pub(crate) fn change(&mut self, config: &Config) {
        match &mut self.0 {
            Some(recent) if config.certificates_again > 0 => {
                recent.tell_again_after(config.certificates_again);
            }
            _ => *self = Certificates::new(config),
        }
    }

    /// Whether it was written lately; if not, it counts as written.
    pub(crate) fn is_known(&mut self, certificate: &X509) -> bool {
        let (Some(recent), Some(fingerprint)) =
            (&mut self.0, bytes(&certificate.certificate.fingerprint))
        else {
            return false;
        };
        let key = (fingerprint, certificate.host_cert, certificate.client_cert);
        !recent.is_new(key, certificate.head.ts)
    }
}

fn bytes(fingerprint: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, []) = fingerprint.as_bytes().as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portreeve_record::app::x509::Certificate;

    use super::*;
    use crate::config::DAY;

    #[test]
    fn written_once_a_day_in_each_place() {
        let mut certificates = Certificates::new(&Config::default());
        let of = |fingerprint: &str| {
            Arc::new(Certificate {
                fingerprint: fingerprint.into(),
                ..Certificate::default()
            })
        };
        let mut one = X509 {
            certificate: of(&"7c".repeat(32)),
            ..X509::default()
        };
        assert!(!certificates.is_known(&one));
        assert!(certificates.is_known(&one));
        one.host_cert = true;
        assert!(!certificates.is_known(&one));
        one.head.ts = DAY;
        assert!(!certificates.is_known(&one));
        one.certificate = of("nothing of the kind");
        assert!(!certificates.is_known(&one));
        assert!(!certificates.is_known(&one));
        let mut never = Certificates::new(&Config {
            certificates_again: 0,
            ..Config::default()
        });
        one.certificate = of(&"7c".repeat(32));
        assert!(!never.is_known(&one) && !never.is_known(&one));
    }
}
