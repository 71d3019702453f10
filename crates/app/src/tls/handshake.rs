//! Where a handshake stands, whatever its messages come in: who encrypts, and what each message tells.

use super::findings::Findings;
use super::hello::{Carrier, ClientHello, ServerHello};
use super::messages;
use crate::context::Context;
use crate::protocol::Peer;

/// Encrypted records of one side, while the other's are none, that are waited for before nothing more is expected: in a capture of one
/// direction the handshake never ends.
const MAX_ONE_SIDED: u16 = 16;

/// Types of records (RFC 8446 section 5.1, RFC 6520).
pub(super) mod content {
    pub(in super::super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(in super::super) const ALERT: u8 = 21;
    pub(in super::super) const HANDSHAKE: u8 = 22;
    pub(in super::super) const APPLICATION_DATA: u8 = 23;
    pub(in super::super) const HEARTBEAT: u8 = 24;
}

/// Where a handshake stands.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) findings: Box<Findings>,
    carrier: Carrier,
    encrypted: [bool; 2],
    encrypted_records: [u16; 2],
    /// The client's hello came from whom the server was taken for.
    flipped: bool,
    certificates: [u8; 2],
}

impl Handshake {
    pub(super) fn new(carrier: Carrier) -> Handshake {
        Handshake {
            findings: Box::default(),
            carrier,
            encrypted: [false; 2],
            encrypted_records: [0; 2],
            flipped: false,
            certificates: [0; 2],
        }
    }

    /// The part that `peer` plays in the handshake.
    pub(super) fn part(&self, peer: Peer) -> Peer {
        if self.flipped { peer.other() } else { peer }
    }

    /// Whether a record of `peer` is encrypted. TLS 1.3 encrypts under the type of application data and no other, without any sign before it (RFC 8446 section 5.2).
    pub(super) fn is_encrypted(&mut self, peer: Peer, kind: u8) -> bool {
        let data = kind == content::APPLICATION_DATA;
        let at = peer.index();
        match self.findings.encrypts_at_once() {
            Some(true) => {
                self.encrypted[at] |= data;
                data
            }
            // Early data comes before any version is chosen.
            None => {
                self.encrypted[at] |= data;
                self.encrypted[at]
            }
            Some(false) => self.encrypted[at],
        }
    }

    /// `peer` encrypts from here on.
    pub(super) fn encrypts(&mut self, peer: Peer) {
        self.encrypted[peer.index()] = true;
    }

    /// An encrypted record of `peer` came. Whether the handshake is over.
    pub(super) fn encrypted_record(&mut self, peer: Peer) -> bool {
        if self.encrypted == [true; 2] {
            self.findings.established();
            return true;
        }
        let count = &mut self.encrypted_records[peer.index()];
        *count += 1;
        *count >= MAX_ONE_SIDED
    }

    /// A record of `peer` in the clear that is none of the handshake protocol.
    pub(super) fn clear_record(
        &mut self,
        peer: Peer,
        kind: u8,
        data: &[u8],
        context: &mut Context<'_>,
    ) {
        let part = self.part(peer);
        self.findings.begin(context);
        match kind {
            content::CHANGE_CIPHER_SPEC => {
                self.findings.change_cipher(part);
                // In TLS 1.3 it says nothing: it is there for boxes that look for it (RFC 8446 section D.4).
                if self.findings.encrypts_at_once() != Some(true) {
                    self.encrypts(peer);
                }
            }
            content::ALERT => {
                if let [_, description] = *data {
                    self.findings.alert(part, description);
                }
            }
            content::HEARTBEAT => self.findings.note(part, 'b'),
            content::APPLICATION_DATA => context.weird("ssl_early_application_data"),
            _ => {}
        }
    }

    /// A message of the handshake.
    pub(super) fn message(&mut self, peer: Peer, kind: u8, body: &[u8], context: &mut Context<'_>) {
        self.findings.begin(context);
        if kind == messages::CLIENT_HELLO
            && peer == Peer::Server
            && !self.findings.client_hello_seen()
        {
            self.flipped = true;
        }
        let part = self.part(peer);
        let mut letter = messages::letter(kind);
        match kind {
            messages::CLIENT_HELLO => {
                if let Some(hello) = ClientHello::parse(body, self.carrier) {
                    let known = &mut context.seen.fingerprints;
                    self.findings.client_hello(&hello, known);
                }
            }
            messages::SERVER_HELLO => {
                if let Some(hello) = ServerHello::parse(body) {
                    let known = &mut context.seen.fingerprints;
                    self.findings.server_hello(&hello, known);
                    if self.findings.encrypts_at_once() == Some(true) {
                        // What a client with early data sent before this tells nothing of the handshake's keys.
                        self.encrypted = [false; 2];
                    }
                    if hello.retry {
                        letter = 'j';
                    }
                }
            }
            messages::CERTIFICATE => {
                let seen = &mut self.certificates[part.index()];
                messages::certificates(body, part, seen, &mut self.findings, context);
            }
            messages::SERVER_KEY_EXCHANGE => self.findings.server_key_exchange(body),
            messages::CLIENT_KEY_EXCHANGE if part == Peer::Client => {
                self.findings.client_key_exchange();
            }
            _ => {}
        }
        self.findings.note(part, letter);
    }

    /// A message whose end was not seen: what can be known of it.
    pub(super) fn broken_message(&mut self, kind: u8, body: &[u8], context: &mut Context<'_>) {
        match kind {
            messages::CLIENT_HELLO if !self.findings.client_hello_seen() => {
                if let Some(mut hello) = ClientHello::parse(body, self.carrier) {
                    hello.whole = false;
                    self.findings.begin(context);
                    let known = &mut context.seen.fingerprints;
                    self.findings.client_hello(&hello, known);
                }
            }
            messages::SERVER_HELLO => {
                if let Some(mut hello) = ServerHello::parse(body) {
                    hello.whole = false;
                    self.findings.begin(context);
                    let known = &mut context.seen.fingerprints;
                    self.findings.server_hello(&hello, known);
                }
            }
            _ => {}
        }
    }
}
