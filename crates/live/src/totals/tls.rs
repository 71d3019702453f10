//! How it is encrypted.

use std::collections::HashMap;
use std::net::IpAddr;

use portreeve_record::app::ssl::Ssl;
use portreeve_record::app::x509::X509;
use portreeve_record::{App, RecordContext};
use serde_json::Value;

use super::Totals;
use super::bounded::{Bounded, Tally};
use super::sketch::Distinct;
use super::table::{Table, moment, table};
use super::values::{Seen, name, text};

/// Versions that are not to be used any more (RFC 8996), by the names that records give them.
pub const WEAK_VERSIONS: [&str; 4] = ["SSLv2", "SSLv3", "TLSv10", "TLSv11"];

/// Cipher suites without forward secrecy or with broken parts, by their names (RFC 9325, section 4), where `%` stands for anything, as in SQL.
pub const WEAK_CIPHERS: [&str; 8] = [
    "%_RC4_%",
    "%_3DES_%",
    "%_DES_%",
    "%_NULL_%",
    "%_EXPORT_%",
    "%_anon_%",
    "%_MD5",
    "TLS_RSA_WITH_%",
];

fn is_weak(cipher: &str) -> bool {
    WEAK_CIPHERS.iter().any(|pattern| {
        match (pattern.strip_prefix('%'), pattern.strip_suffix('%')) {
            (Some(rest), Some(_)) => cipher.contains(rest.trim_end_matches('%')),
            (Some(end), None) => cipher.ends_with(end),
            (None, Some(begin)) => cipher.starts_with(begin),
            (None, None) => cipher == *pattern,
        }
    })
}

/// A certificate.
#[derive(Clone, Debug, Default)]
struct Certificate {
    seen: u64,
    /// The latest of those of this name.
    not_valid_after: Option<i64>,
}

impl Tally for Certificate {
    fn add(&mut self, other: &Self) {
        self.seen = self.seen.saturating_add(other.seen);
        self.not_valid_after = self.not_valid_after.max(other.not_valid_after);
    }

    fn weight(&self) -> u64 {
        self.seen
    }
}

/// Clients that look the same.
#[derive(Clone, Debug, Default)]
struct Client {
    conns: u64,
    clients: Distinct,
    /// A name that they asked for, the last by the alphabet.
    server_name: Option<Box<str>>,
}

impl Tally for Client {
    fn add(&mut self, other: &Self) {
        self.conns = self.conns.saturating_add(other.conns);
        self.clients.add(&other.clients);
        if self.server_name < other.server_name {
            self.server_name.clone_from(&other.server_name);
        }
    }

    fn weight(&self) -> u64 {
        self.conns
    }

    fn heap(&self) -> usize {
        let name = self.server_name.as_ref().map_or(0, |name| name.len());
        self.clients.heap() + name
    }
}

/// Subject and issuer.
type Names = (Box<str>, Box<str>);
/// What was asked for, who was asked, and the alert.
type Failure = (Option<Box<str>>, IpAddr, Option<u8>);

tallies! {
    /// How it was encrypted in a minute.
    Tls {
        versions: Option<u16> => Seen,
        ciphers: Option<u32> => Seen,
        names: Box<str> => Seen,
        certificates: Names => Certificate,
        clients: Box<str> => Client,
        failed: Failure => Seen,
    }
}

impl Tls {
    pub fn take(&mut self, ssl: &Ssl, app: &App, context: &RecordContext) {
        let (client, server) = (ssl.head.orig_h, ssl.head.resp_h);
        if ssl.version.is_some() {
            let version = self.versions.at(ssl.version);
            version.see_named(client, server, || name(app, context, "version"));
        }
        if ssl.cipher.is_some() {
            let cipher = self.ciphers.at(ssl.cipher);
            cipher.see_named(client, server, || name(app, context, "cipher"));
        }
        let asked = ssl.server_name.as_deref().map(text);
        if let Some(asked) = &asked {
            self.names.at(asked.clone()).see(client, server);
        }
        if let Some(ja4) = &ssl.ja4 {
            self.clients.at(text(ja4)).add(&Client {
                conns: 1,
                clients: Distinct::of(&client),
                server_name: asked.clone(),
            });
        }
        if !ssl.established {
            let failed = self.failed.at((asked, server, ssl.last_alert));
            failed.see_named(client, server, || name(app, context, "last_alert"));
        }
    }

    pub fn certificate(&mut self, x509: &X509) {
        let certificate = &x509.certificate;
        let names = (text(&certificate.subject), text(&certificate.issuer));
        self.certificates.at(names).add(&Certificate {
            seen: 1,
            not_valid_after: Some(certificate.not_valid_after),
        });
    }
}

impl Totals {
    /// What the page *TLS* has as tables.
    pub(super) fn tls(&self) -> Vec<(&'static str, Table)> {
        let named = |seen: &Seen| seen.name.as_deref().unwrap_or_default().to_owned();
        let versions = table(
            &[
                ("version", "string"),
                ("conns", "int"),
                ("servers", "int"),
                ("weak", "bool"),
            ],
            self.merged(|slot| &slot.tls.versions),
            |_, seen| {
                let version = named(seen);
                let weak = WEAK_VERSIONS.contains(&version.as_str());
                let row = vec![
                    version.into(),
                    seen.count.into(),
                    seen.servers.count().into(),
                    weak.into(),
                ];
                Some((seen.count, row))
            },
        );
        let ciphers = table(
            &[
                ("cipher", "string"),
                ("weak", "bool"),
                ("conns", "int"),
                ("servers", "int"),
            ],
            self.merged(|slot| &slot.tls.ciphers),
            |_, seen| {
                let cipher = named(seen);
                let weak = is_weak(&cipher);
                let row = vec![
                    cipher.into(),
                    weak.into(),
                    seen.count.into(),
                    seen.servers.count().into(),
                ];
                Some(((weak, seen.count), row))
            },
        );
        let names = table(
            &[
                ("server_name", "string"),
                ("conns", "int"),
                ("clients", "int"),
                ("servers", "int"),
            ],
            self.merged(|slot| &slot.tls.names),
            |name, seen| {
                let row = vec![
                    name.as_ref().into(),
                    seen.count.into(),
                    seen.clients.count().into(),
                    seen.servers.count().into(),
                ];
                Some((seen.count, row))
            },
        );
        let certificates = self.merged(|slot| &slot.tls.certificates);
        let until = |certificate: &Certificate| {
            let until = certificate.not_valid_after.map(moment);
            until.map_or(Value::Null, Value::from)
        };
        let mut of_themselves: HashMap<Box<str>, Certificate> = HashMap::new();
        for ((subject, issuer), certificate) in &certificates {
            if subject == issuer {
                let own = of_themselves.entry(subject.clone()).or_default();
                own.add(certificate);
            }
        }
        let expiring = table(
            &[
                ("subject", "string"),
                ("issuer", "string"),
                ("not_valid_after", "time"),
                ("seen", "int"),
            ],
            certificates,
            |(subject, issuer), certificate| {
                let row = vec![
                    subject.as_ref().into(),
                    issuer.as_ref().into(),
                    until(certificate),
                    certificate.seen.into(),
                ];
                Some((std::cmp::Reverse(certificate.not_valid_after), row))
            },
        );
        let self_signed = table(
            &[
                ("subject", "string"),
                ("not_valid_after", "time"),
                ("seen", "int"),
            ],
            of_themselves,
            |subject, certificate| {
                let row = vec![
                    subject.as_ref().into(),
                    until(certificate),
                    certificate.seen.into(),
                ];
                Some((certificate.seen, row))
            },
        );
        let clients = table(
            &[
                ("ja4", "string"),
                ("conns", "int"),
                ("clients", "int"),
                ("server_name", "string"),
            ],
            self.merged(|slot| &slot.tls.clients),
            |ja4, client| {
                let row = vec![
                    ja4.as_ref().into(),
                    client.conns.into(),
                    client.clients.count().into(),
                    client.server_name.as_deref().into(),
                ];
                Some((client.conns, row))
            },
        );
        let failed = table(
            &[
                ("server_name", "string"),
                ("server", "string"),
                ("last_alert", "string"),
                ("conns", "int"),
            ],
            self.merged(|slot| &slot.tls.failed),
            |(asked, server, _), seen| {
                let row = vec![
                    asked.as_deref().into(),
                    server.to_string().into(),
                    seen.name.as_deref().into(),
                    seen.count.into(),
                ];
                Some((seen.count, row))
            },
        );
        vec![
            ("versions", versions),
            ("ciphers", ciphers),
            ("names", names),
            ("expiring", expiring),
            ("self_signed", self_signed),
            ("clients", clients),
            ("failed", failed),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_ciphers_are_told_by_their_names() {
        for weak in [
            "TLS_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
            "TLS_DH_anon_WITH_AES_128_CBC_SHA",
            "SSL_CK_RC2_128_CBC_WITH_MD5",
        ] {
            assert!(is_weak(weak), "{weak}");
        }
        for strong in [
            "TLS_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ] {
            assert!(!is_weak(strong), "{strong}");
        }
    }
}
