//! Requests and what answers them, to records.

use portreeve_record::app::ldap::Ldap as Record;
use portreeve_record::app::ldap_search::LdapSearch;

use super::filter::filter;
use super::message::{
    ABANDON_REQUEST, ADD_REQUEST, BIND_REQUEST, BIND_RESPONSE, Begins, COMPARE_REQUEST,
    DELETE_REQUEST, EXTENDED_REQUEST, EXTENDED_RESPONSE, MODIFY_REQUEST, RENAME_REQUEST,
    SEARCH_DONE, SEARCH_ENTRY, SEARCH_REFERENCE, SEARCH_REQUEST, UNBIND_REQUEST, begins, name,
    operation, outcome,
};
use crate::ber::{ENUMERATED, Elements, INTEGER, OCTET_STRING, SEQUENCE, head};
use crate::gssapi::Gss;
use crate::protocol::{Peer, Session, Transport, Want};
use crate::registry;
use crate::text::text;
use crate::{Context, inbox::MAX_UNIT};

/// The most requests and the most searches that wait for their answers.
const MAX_PENDING: usize = 64;
/// The shortest message: a sequence of a number and an operation.
const SHORTEST: usize = 7;
/// So much of a message tells what it is.
const BEGINNING: usize = 20;
/// The most bytes of a message that are looked at.
const MAX_MESSAGE: usize = 32 << 10;
/// Bytes of the shortest head of an element.
const HEAD: usize = 2;
const STARTTLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const SUCCESS: u32 = 0;
const SASL_IN_PROGRESS: u32 = 14;

/// One peer's stream.
#[derive(Debug, Default)]
struct Side {
    /// What came of a message.
    message: Vec<u8>,
    /// How much of it is to be looked at; 0 while its length is not known.
    wanted: usize,
    /// Bytes behind that.
    rest: usize,
}

impl Side {
    fn next(&mut self) -> Want {
        self.message = Vec::new();
        self.wanted = 0;
        match std::mem::take(&mut self.rest) {
            0 => Want::Bytes(HEAD),
            rest => Want::Skip(rest as u64),
        }
    }
}

/// A conversation with a directory.
#[derive(Debug, Default)]
pub(super) struct Ldap {
    sides: [Side; 2],
    messages: Vec<Record>,
    searches: Vec<LdapSearch>,
    gss: Gss,
    starttls: Option<i32>,
    /// The server agreed to go over to TLS.
    to_tls: bool,
    seen: bool,
}

impl Ldap {
    /// The request's record, made if there is none.
    fn record(&mut self, id: i32, context: &mut Context<'_>) -> &mut Record {
        let at = match self.messages.iter().position(|m| m.message_id == id) {
            Some(at) => at,
            None => {
                if self.messages.len() >= MAX_PENDING {
                    context.emit(self.messages.remove(0));
                }
                self.messages.push(Record {
                    head: context.head(context.now()),
                    message_id: id,
                    ..Record::default()
                });
                self.messages.len() - 1
            }
        };
        &mut self.messages[at]
    }

    fn search(&mut self, id: i32, context: &mut Context<'_>) -> &mut LdapSearch {
        let at = match self.searches.iter().position(|s| s.message_id == id) {
            Some(at) => at,
            None => {
                if self.searches.len() >= MAX_PENDING {
                    context.emit(self.searches.remove(0));
                }
                self.searches.push(LdapSearch {
                    head: context.head(context.now()),
                    message_id: id,
                    ..LdapSearch::default()
                });
                self.searches.len() - 1
            }
        };
        &mut self.searches[at]
    }

    fn write(&mut self, id: i32, context: &mut Context<'_>) {
        if let Some(at) = self.messages.iter().position(|m| m.message_id == id) {
            context.emit(self.messages.remove(at));
        }
    }

    fn message(&mut self, message: &[u8], context: &mut Context<'_>) {
        let Some(begins) = begins(message) else {
            return;
        };
        self.seen = true;
        let content = operation(message).unwrap_or(Elements::new(&[]));
        match begins.operation {
            SEARCH_ENTRY => self.search(begins.id, context).result_count += 1,
            SEARCH_REFERENCE => {}
            SEARCH_REQUEST => {
                // A search that breaks off gives what it has.
                let _ = searched(self.search(begins.id, context), content);
            }
            SEARCH_DONE => {
                let search = self.search(begins.id, context);
                if let Some(outcome) = outcome(content) {
                    search.result = Some(outcome.code);
                    search.diagnostic_message = outcome.diagnostic;
                }
                if let Some(at) = self.searches.iter().position(|s| s.message_id == begins.id) {
                    context.emit(self.searches.remove(at));
                }
            }
            _ if begins.is_request => self.request(begins, content, context),
            _ => self.response(begins, content, context),
        }
    }

    fn request(&mut self, begins: Begins, mut content: Elements<'_>, context: &mut Context<'_>) {
        if begins.operation == BIND_REQUEST {
            let _ = self.bind(begins.id, content, context);
            return;
        }
        let record = self.record(begins.id, context);
        record.opcode = Some(name(begins.operation));
        match begins.operation {
            MODIFY_REQUEST | ADD_REQUEST | RENAME_REQUEST | COMPARE_REQUEST => {
                record.object = content.content(OCTET_STRING).and_then(some_text);
            }
            // The name is the operation's whole content.
            DELETE_REQUEST => record.object = some_text(content.rest()),
            EXTENDED_REQUEST => {
                let oid = content.content(0x80).unwrap_or_default();
                let known = match oid {
                    STARTTLS => "StartTLS",
                    b"1.3.6.1.4.1.4203.1.11.3" => "whoami",
                    _ => "unknown",
                };
                record.object = Some(format!("{} ({known})", text(oid)).into());
                if oid == STARTTLS {
                    self.starttls = Some(begins.id);
                }
            }
            UNBIND_REQUEST | ABANDON_REQUEST => self.write(begins.id, context),
            _ => {}
        }
    }

    /// BindRequest (section 4.2); its simple form has a password, which is not written.
    fn bind(
        &mut self,
        id: i32,
        mut content: Elements<'_>,
        context: &mut Context<'_>,
    ) -> Option<()> {
        const SIMPLE: u8 = 0x80;
        const SASL: u8 = 0xa3;
        const SICILY_NEGOTIATE: u8 = 0x8a;
        const SICILY_RESPONSE: u8 = 0x8b;
        let version = content.number(INTEGER)?;
        let bind_name = content.content(OCTET_STRING)?;
        let (kind, credentials) = content.next()?;
        let record = self.record(id, context);
        record.version = i32::try_from(version).ok();
        record.object = some_text(bind_name);
        match kind {
            SIMPLE => {
                record.opcode = Some("bind simple");
                record.argument = (!credentials.is_empty()).then(|| "REDACTED".into());
            }
            SASL => {
                record.opcode = Some("bind SASL");
                let mut sasl = Elements::new(credentials);
                record.argument = sasl.content(OCTET_STRING).and_then(some_text);
                if let Some(token) = sasl.content(OCTET_STRING) {
                    self.gss.token(token, context);
                }
            }
            SICILY_NEGOTIATE | SICILY_RESPONSE => {
                record.opcode = Some(if kind == SICILY_NEGOTIATE {
                    "sicily_negotiate"
                } else {
                    "sicily_response"
                });
                self.gss.token(credentials, context);
            }
            _ => record.opcode = Some("bind"),
        }
        Some(())
    }

    fn response(&mut self, begins: Begins, content: Elements<'_>, context: &mut Context<'_>) {
        let outcome = outcome(content);
        let record = self.record(begins.id, context);
        if record.opcode.is_none() {
            record.opcode = Some(name(begins.operation));
        }
        let Some(outcome) = outcome else {
            return;
        };
        record.result = Some(outcome.code);
        record.diagnostic_message = outcome.diagnostic;
        self.write(begins.id, context);
        if begins.operation == BIND_RESPONSE {
            if let Some(token) = outcome.credentials {
                self.gss.token(token, context);
            }
            if outcome.code != SASL_IN_PROGRESS {
                self.gss.result(outcome.code == SUCCESS, context);
            }
        }
        if begins.operation == EXTENDED_RESPONSE && self.starttls == Some(begins.id) {
            self.to_tls = outcome.code == SUCCESS;
        }
    }
}

/// SearchRequest (section 4.5.1).
fn searched(search: &mut LdapSearch, mut content: Elements<'_>) -> Option<()> {
    const BOOLEAN: u8 = 1;
    search.base_object = some_text(content.content(OCTET_STRING)?);
    search.scope = u32::try_from(content.number(ENUMERATED)?).ok();
    search.deref_aliases = u32::try_from(content.number(ENUMERATED)?).ok();
    content.content(INTEGER)?;
    content.content(INTEGER)?;
    content.content(BOOLEAN)?;
    search.filter = filter(&mut content);
    Some(())
}

fn some_text(bytes: &[u8]) -> Option<Box<str>> {
    (!bytes.is_empty()).then(|| text(bytes))
}

impl Session for Ldap {
    fn start(&mut self, _peer: Peer) -> Want {
        Want::Bytes(HEAD)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if context.transport() == Transport::Udp {
            self.message(unit, context);
            return Want::Any;
        }
        let side = &mut self.sides[peer.index()];
        side.message.extend_from_slice(unit);
        if side.wanted == 0 {
            let &[tag, first, ..] = side.message.as_slice() else {
                return Want::Nothing;
            };
            let head_len = match first {
                0x81..=0x84 => HEAD + usize::from(first & 0x7f),
                _ => HEAD,
            };
            if tag != SEQUENCE {
                // What SASL protects, or nothing that is known.
                if !self.seen {
                    context.not_mine();
                }
                return Want::Nothing;
            }
            if side.message.len() < head_len {
                return Want::Bytes(head_len - side.message.len());
            }
            let Some(head) = head(&side.message).filter(|h| h.len + h.content >= SHORTEST) else {
                return Want::Nothing;
            };
            side.wanted = head.content.min(BEGINNING) + head.len;
            side.rest = head.content + head.len - side.wanted;
        } else if side.rest > 0 && side.message.len() <= BEGINNING + 6 {
            // What it is tells how much of it is wanted.
            match begins(&side.message).map(|begins| begins.operation) {
                None | Some(SEARCH_ENTRY | SEARCH_REFERENCE) => {}
                Some(_) => {
                    let more = side.rest.min(MAX_MESSAGE).min(MAX_UNIT);
                    side.wanted += more;
                    side.rest -= more;
                }
            }
        }
        if side.message.len() < side.wanted {
            return Want::Bytes(side.wanted - side.message.len());
        }
        let message = std::mem::take(&mut side.message);
        let next = side.next();
        self.message(&message, context);
        if self.to_tls {
            match registry::by_name("ssl") {
                Some(ssl) => context.hand_over(ssl),
                None => context.done(),
            }
        }
        next
    }

    fn skipped(&mut self, peer: Peer, _context: &mut Context<'_>) -> Want {
        self.sides[peer.index()].next()
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.gss.end(context);
        for message in self.messages.drain(..).filter(|m| m.message_id > 0) {
            context.emit(message);
        }
        for search in self.searches.drain(..).filter(|s| s.message_id > 0) {
            context.emit(search);
        }
    }
}
