//! What was found out of a handshake so far: it becomes the record `ssl`.

use std::hash::{DefaultHasher, Hasher};
use std::num::NonZeroU64;
use std::sync::Arc;

use portreeve_record::Ascii;
use portreeve_record::app::ssl::{Ssl, cipher_name, group_name};

use super::hello::{ClientHello, ClientPrints, Ech, Ja4, Known, ServerHello, Sum, is_grease};
use super::letters::Letters;
use super::said::Said;
use crate::Reader;
use crate::context::Context;
use crate::protocol::Peer;
use crate::text::text;

/// The most letters of a history, as in Zeek.
const MAX_HISTORY: usize = 100;
/// The most application protocols or key shares that are noted of a client.
const MAX_LIST: usize = 16;

/// What was found out of a handshake so far. Handshakes are open by the thousand, so it is kept small; the record is made when it is written.
#[derive(Debug, Default)]
pub struct Findings {
    /// When the first of it was seen, if anything was.
    begun: i64,
    any: bool,
    history: Letters,
    said: Said,
    ja3: Sum,
    /// Where there is a JA4 there is a JA3.
    ja4: Option<Arc<Ja4>>,
    ech: Option<Ech>,
    /// The hash of the session's identifier that the client sent, if it sent one.
    session: Option<NonZeroU64>,
    version: Option<u16>,
    last_alert: Option<u8>,
    /// What the server said: it has not yet, mostly.
    server: Option<Box<Server>>,
    resumed: bool,
    established: bool,
    /// The client sent a ticket, and no identifier of a session beside it.
    ticket_offered: bool,
    psk_offered: bool,
    key_exchange_seen: bool,
    client_hello_seen: bool,
}

/// What a server said of itself.
#[derive(Debug, Default)]
struct Server {
    cipher: Option<u32>,
    curve: Option<u16>,
    next_protocol: Option<Box<str>>,
    ja3s: Option<Sum>,
    /// Most handshakes show none since TLS 1.3.
    chain: Option<Box<Chain>>,
}

/// The certificates that were seen.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Fingerprints of those of the server.
    pub(super) server: Vec<Box<str>>,
    /// Fingerprints of those of the client.
    pub(super) client: Vec<Box<str>>,
    /// Whose key the server's first is.
    pub(super) subject: Option<Box<str>>,
    /// Who says so.
    pub(super) issuer: Option<Box<str>>,
    /// Whether it is for the name that the client asked for.
    pub(super) sni_matches_cert: Option<bool>,
}

fn hash(session_id: &[u8]) -> NonZeroU64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(session_id);
    NonZeroU64::MIN.saturating_add(hasher.finish() >> 1)
}

impl Findings {
    /// Whether there is anything to tell.
    #[must_use]
    pub fn any(&self) -> bool {
        self.any
    }

    /// Something of the handshake was seen.
    pub fn begin(&mut self, context: &Context<'_>) {
        if !self.any {
            (self.any, self.begun) = (true, context.now());
            if !context.client_is_orig() {
                self.history.push('^');
            }
        }
    }

    /// Notes what `peer` sent, by Zeek's letter for it.
    pub fn note(&mut self, peer: Peer, letter: char) {
        if self.history.len() < MAX_HISTORY {
            self.history.push(match peer {
                Peer::Client => letter.to_ascii_uppercase(),
                Peer::Server => letter,
            });
        }
    }

    /// Whether a hello of the client was seen.
    #[must_use]
    pub fn client_hello_seen(&self) -> bool {
        self.client_hello_seen
    }

    /// A client's hello. After the server asked for another one the first stays what fingerprints are made of.
    pub(crate) fn client_hello(&mut self, hello: &ClientHello<'_>, known: &mut Known) {
        if hello
            .session_ticket
            .is_some_and(|ticket| !ticket.is_empty())
        {
            self.ticket_offered = true;
        }
        self.psk_offered |= hello.psk;
        if !hello.session_id.is_empty() && hello.session_id != [0; 32] {
            self.session = Some(hash(hello.session_id));
            self.ticket_offered = false;
        }
        if let Some(name) = hello.server_name {
            self.said.name(&text(name));
        }
        if std::mem::replace(&mut self.client_hello_seen, true) {
            return;
        }
        if hello.whole {
            let ClientPrints { ja3, ja4 } = known.client(hello);
            (self.ja3, self.ja4) = (ja3, Some(ja4));
        }
        let shares = hello.key_shares.map(|(group, _)| group);
        let shares = shares.filter(|&group| !is_grease(group)).take(MAX_LIST);
        self.said.offers(hello.alpn.first(MAX_LIST), shares);
        self.ech = hello.ech;
    }

    /// A client's hello of SSL 2.0, whose ciphers and random bytes tell nothing that is logged.
    pub fn old_client_hello(&mut self, session_id: &[u8]) {
        self.client_hello_seen = true;
        self.session = (!session_id.is_empty()).then(|| hash(session_id));
    }

    /// A server's hello.
    pub(crate) fn server_hello(&mut self, hello: &ServerHello<'_>, known: &mut Known) {
        let version = match hello.selected_version {
            Some(version) => version,
            None => self.version.unwrap_or(hello.version),
        };
        self.version = Some(version);
        let server = self.server();
        server.cipher = Some(hello.cipher.into());
        if let Some(group) = hello.key_share {
            server.curve = Some(group);
        }
        if let Some(protocol) = hello.alpn {
            server.next_protocol = Some(text(protocol));
        }
        if hello.whole && server.ja3s.is_none() {
            server.ja3s = Some(known.server(hello));
        }
        let same_session = self
            .session
            .is_some_and(|session| session == hash(hello.session_id));
        self.resumed |= (same_session && is_old(version)) || (hello.psk && self.psk_offered);
    }

    /// What a server of SSL 2.0 answered.
    pub fn old_server_hello(&mut self, cipher: Option<u32>) {
        self.version = Some(2);
        self.server().cipher = cipher;
    }

    /// A server's key exchange: which curve, if it is one (RFC 8422 section 5.4).
    pub fn server_key_exchange(&mut self, body: &[u8]) {
        const NAMED_CURVE: u8 = 3;
        let server = self.server();
        let elliptic = server
            .cipher
            .and_then(cipher_name)
            .is_some_and(|name| name.contains("_ECDHE_") || name.contains("_ECDH_anon_"));
        let mut reader = Reader::new(body);
        if elliptic && reader.u8() == Some(NAMED_CURVE) {
            server.curve = reader.u16().or(server.curve);
        }
    }

    /// A client's key exchange: nothing is resumed then.
    pub fn client_key_exchange(&mut self) {
        self.key_exchange_seen = true;
    }

    /// `peer` changes to encryption.
    pub fn change_cipher(&mut self, peer: Peer) {
        self.note(peer, 'i');
        if peer == Peer::Client && self.ticket_offered && !self.key_exchange_seen {
            self.resumed = true;
        }
    }

    /// An alert in the clear.
    pub fn alert(&mut self, peer: Peer, description: u8) {
        self.note(peer, 'l');
        self.last_alert = Some(description);
    }

    /// Both sides are encrypted.
    pub fn established(&mut self) {
        self.established = true;
    }

    /// Whether the version that was chosen encrypts without a `ChangeCipherSpec` before it: TLS 1.3, its drafts. `None` if none was chosen yet.
    #[must_use]
    pub fn encrypts_at_once(&self) -> Option<bool> {
        self.version.map(|version| !is_old(version))
    }

    /// The name of the host that the client asked for.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.said.server_name()
    }

    fn server(&mut self) -> &mut Server {
        self.server.get_or_insert_default()
    }

    /// The certificates, to add to.
    pub(super) fn chain(&mut self) -> &mut Chain {
        self.server().chain.get_or_insert_default()
    }

    /// Writes the record, if there is anything to tell and it was not written yet.
    pub fn write(&mut self, context: &mut Context<'_>) {
        if !self.any {
            return;
        }
        let found = std::mem::take(self);
        let server = found.server.map(|server| *server).unwrap_or_default();
        let chain = server.chain.map(|chain| *chain).unwrap_or_default();
        let ja4 = found.ja4.as_deref();
        context.emit(Ssl {
            head: context.head(found.begun),
            version: found.version,
            cipher: server.cipher,
            curve: server.curve,
            server_name: found.said.server_name().map(Into::into),
            resumed: found.resumed,
            last_alert: found.last_alert,
            next_protocol: server.next_protocol,
            established: found.established,
            history: found.history.text(),
            cert_chain_fps: chain.server,
            client_cert_chain_fps: chain.client,
            sni_matches_cert: chain.sni_matches_cert,
            subject: chain.subject,
            issuer: chain.issuer,
            ja3: ja4.map(|_| Ascii::hexadecimal(&found.ja3)),
            ja3s: server.ja3s.map(|sum| Ascii::hexadecimal(&sum)),
            ja4: ja4.copied().map(Ascii::new),
            client_alpn: found.said.alpn().map(text).collect(),
            client_key_shares: found.said.key_shares().map(group_text).collect(),
            ech: found.ech.map(|ech| match ech {
                Ech::Outer => "outer",
                Ech::Inner => "inner",
                Ech::Esni => "esni",
            }),
        });
    }
}

/// Whether it is a version that says by `ChangeCipherSpec` from where on it encrypts.
fn is_old(version: u16) -> bool {
    matches!(version, 0x0002 | 0x0300..=0x0303 | 0x0100 | 0xfeff | 0xfefd)
}

fn group_text(group: u16) -> Box<str> {
    match group_name(group) {
        Some(name) => name.into(),
        None => format!("unknown-{group}").into(),
    }
}
