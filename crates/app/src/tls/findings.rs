//! What was found out of a handshake so far: it becomes the record `ssl`.

use portreeve_record::app::ssl::{Ssl, cipher_name, group_name};

use super::hello::{ClientHello, Ech, ServerHello, is_grease};
use crate::Reader;
use crate::context::Context;
use crate::protocol::Peer;
use crate::text::text;

/// The most letters of a history, as in Zeek.
const MAX_HISTORY: usize = 100;
/// The most application protocols or key shares that are noted of a client.
const MAX_LIST: usize = 16;

/// What was found out of a handshake so far.
#[derive(Debug, Default)]
pub struct Findings {
    record: Ssl,
    history: String,
    /// When the first of it was seen.
    begun: Option<i64>,
    session_id: Vec<u8>,
    /// The client sent a ticket, and no identifier of a session beside it.
    ticket_offered: bool,
    psk_offered: bool,
    key_exchange_seen: bool,
    client_hello_seen: bool,
}

impl Findings {
    /// Whether there is anything to tell.
    #[must_use]
    pub fn any(&self) -> bool {
        self.begun.is_some()
    }

    /// Something of the handshake was seen.
    pub fn begin(&mut self, context: &Context<'_>) {
        if self.begun.is_none() {
            self.begun = Some(context.now());
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
    pub fn client_hello(&mut self, hello: &ClientHello<'_>) {
        if hello
            .session_ticket
            .is_some_and(|ticket| !ticket.is_empty())
        {
            self.ticket_offered = true;
        }
        self.psk_offered |= hello.psk;
        if !hello.session_id.is_empty() && hello.session_id != [0; 32] {
            self.session_id = hello.session_id.to_vec();
            self.ticket_offered = false;
        }
        let record = &mut self.record;
        if let Some(name) = hello.server_name {
            record.server_name = Some(text(name));
        }
        if std::mem::replace(&mut self.client_hello_seen, true) {
            return;
        }
        if hello.whole {
            record.ja3 = Some(hello.ja3().into());
            record.ja4 = Some(hello.ja4().into());
        }
        record.client_alpn = hello.alpn.take(MAX_LIST).map(text).collect();
        record.client_key_shares = hello
            .key_shares
            .map(|(group, _)| group)
            .filter(|&group| !is_grease(group))
            .take(MAX_LIST)
            .map(group_text)
            .collect();
        record.ech = hello.ech.map(|ech| match ech {
            Ech::Outer => "outer",
            Ech::Inner => "inner",
            Ech::Esni => "esni",
        });
    }

    /// A client's hello of SSL 2.0, whose ciphers and random bytes tell nothing that is logged.
    pub fn old_client_hello(&mut self, session_id: &[u8]) {
        self.client_hello_seen = true;
        self.session_id = session_id.to_vec();
    }

    /// A server's hello.
    pub fn server_hello(&mut self, hello: &ServerHello<'_>) {
        let record = &mut self.record;
        let version = match hello.selected_version {
            Some(version) => version,
            None => record.version.unwrap_or(hello.version),
        };
        record.version = Some(version);
        record.cipher = Some(hello.cipher.into());
        if let Some(group) = hello.key_share {
            record.curve = Some(group);
        }
        if let Some(protocol) = hello.alpn {
            record.next_protocol = Some(text(protocol));
        }
        if hello.whole && record.ja3s.is_none() {
            record.ja3s = Some(hello.ja3s().into());
        }
        let same_session = !self.session_id.is_empty() && self.session_id == hello.session_id;
        record.resumed |= (same_session && is_old(version)) || (hello.psk && self.psk_offered);
    }

    /// What a server of SSL 2.0 answered.
    pub fn old_server_hello(&mut self, cipher: Option<u32>) {
        self.record.version = Some(2);
        self.record.cipher = cipher;
    }

    /// A server's key exchange: which curve, if it is one (RFC 8422 section 5.4).
    pub fn server_key_exchange(&mut self, body: &[u8]) {
        const NAMED_CURVE: u8 = 3;
        let elliptic = self
            .record
            .cipher
            .and_then(cipher_name)
            .is_some_and(|name| name.contains("_ECDHE_") || name.contains("_ECDH_anon_"));
        let mut reader = Reader::new(body);
        if elliptic && reader.u8() == Some(NAMED_CURVE) {
            self.record.curve = reader.u16().or(self.record.curve);
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
            self.record.resumed = true;
        }
    }

    /// An alert in the clear.
    pub fn alert(&mut self, peer: Peer, description: u8) {
        self.note(peer, 'l');
        self.record.last_alert = Some(description);
    }

    /// Both sides are encrypted.
    pub fn established(&mut self) {
        self.record.established = true;
    }

    /// Whether the version that was chosen, or the lack of one, says that application data is encrypted without a `ChangeCipherSpec`: TLS 1.3, its drafts.
    #[must_use]
    pub fn encrypts_at_once(&self) -> bool {
        self.record.version.is_none_or(|version| !is_old(version))
    }

    /// The record to be.
    pub fn record(&mut self) -> &mut Ssl {
        &mut self.record
    }

    /// Writes the record, if there is anything to tell and it was not written yet.
    pub fn write(&mut self, context: &mut Context<'_>) {
        if let Some(begun) = self.begun.take() {
            let mut record = std::mem::take(&mut self.record);
            record.head = context.head(begun);
            record.history = std::mem::take(&mut self.history).into_boxed_str();
            context.emit(record);
        }
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
