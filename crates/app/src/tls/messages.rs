//! The messages of the handshake: their types, Zeek's letters for them, and those that are taken apart beside the hellos.

use portreeve_record::app::x509::X509;

use super::certificate::Parsed;
use super::findings::Findings;
use super::hostname;
use crate::Reader;
use crate::context::Context;
use crate::protocol::Peer;

/// The most certificates of one side that are looked at.
const MAX_CERTIFICATES: u8 = 16;

pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const CERTIFICATE: u8 = 11;
pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;
pub(super) const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Zeek's letter for a message, as a server sends it.
pub(super) fn letter(kind: u8) -> char {
    match kind {
        0 => 'h',
        CLIENT_HELLO => 'c',
        SERVER_HELLO => 's',
        3 => 'v',
        4 => 't',
        5 => 'e',
        6 => 'j',
        8 => 'o',
        CERTIFICATE => 'x',
        SERVER_KEY_EXCHANGE => 'k',
        13 => 'r',
        14 => 'n',
        15 => 'y',
        CLIENT_KEY_EXCHANGE => 'g',
        20 => 'f',
        21 => 'w',
        22 => 'u',
        23 => 'a',
        24 => 'p',
        254 => 'm',
        _ => 'z',
    }
}

/// A chain of certificates (RFC 5246 section 7.4.2). `seen` counts those of this side.
pub(super) fn certificates(
    body: &[u8],
    part: Peer,
    seen: &mut u8,
    findings: &mut Findings,
    context: &mut Context<'_>,
) {
    let mut list = Reader::new(Reader::new(body).vec24().unwrap_or_default());
    while let Some(der) = list.vec24() {
        if *seen >= MAX_CERTIFICATES {
            return;
        }
        if der.is_empty() {
            continue;
        }
        one(der, part, *seen == 0, findings, context);
        *seen += 1;
    }
}

/// One certificate, the first of its chain or not.
pub(super) fn one(
    der: &[u8],
    part: Peer,
    first: bool,
    findings: &mut Findings,
    context: &mut Context<'_>,
) {
    let (fingerprint, parsed) = context.seen.certificates.look_up(der);
    let asked_for = findings.server_name().map(str::to_owned);
    let chain = findings.chain();
    match part {
        Peer::Client => chain.client.push(fingerprint),
        Peer::Server => chain.server.push(fingerprint),
    }
    let Some(Parsed {
        certificate,
        common_names,
    }) = parsed
    else {
        return;
    };
    if first && part == Peer::Server {
        chain.subject = Some(certificate.subject.clone());
        chain.issuer = Some(certificate.issuer.clone());
        chain.sni_matches_cert = asked_for
            .as_deref()
            .map(|name| hostname::is_for(&certificate, &common_names, name));
        if asked_for.is_none() {
            // Whom the client did not name, the certificate does.
            for name in common_names.iter().chain(&certificate.san_dns) {
                context.is_with(name.strip_prefix("*.").unwrap_or(name));
            }
        }
    }
    context.emit(X509 {
        head: context.head(context.now()),
        certificate,
        host_cert: first,
        client_cert: part == Peer::Client,
    });
}
