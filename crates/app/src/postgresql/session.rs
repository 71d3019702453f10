//! The course of a connection: Zeek's events and records.

use portreeve_record::app::postgresql::Postgresql;

use super::{Start, start};
use crate::bytes::Reader;
use crate::registry;
use crate::text::text;
use crate::{Context, Peer, Want};

/// What of a message is looked at.
const LOOKED_AT: usize = 4096;
/// The longest message that there can be (1 GiB and its header).
const MAX_LENGTH: u32 = (1 << 30) + 64;
/// The longest text that is put together of several messages: errors, notices, ways to log in.
const MAX_JOINED: usize = 8192;
/// The fields of errors and notices that are told.
const MAX_FIELDS: usize = 32;

/// What comes next of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    /// Of the client: how it begins. Of the server: an answer to a request, or a message's kind.
    Start,
    /// The rest of what a client begins with.
    Parameters,
    Kind,
    Length(u8),
    /// So much of a message is not looked at.
    Message {
        kind: u8,
        behind: u64,
    },
}

/// A connection.
pub(super) struct Session {
    state: Box<State>,
}

impl Default for Session {
    fn default() -> Self {
        Session {
            state: Box::new(State {
                expects: [Expects::Start, Expects::Kind],
                requested: None,
                current: None,
                user: None,
                database: None,
                application_name: None,
                rows: None,
            }),
        }
    }
}

struct State {
    expects: [Expects; 2],
    /// What the client wants to wrap the connection in, until the server has answered.
    requested: Option<&'static str>,
    current: Option<Postgresql>,
    user: Option<Box<str>>,
    database: Option<Box<str>>,
    application_name: Option<Box<str>>,
    rows: Option<u64>,
}

impl crate::Session for Session {
    fn start(&mut self, peer: Peer) -> Want {
        match peer {
            Peer::Client => Want::Bytes(8),
            Peer::Server => Want::Bytes(1),
        }
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let state = &mut *self.state;
        let want = match state.expects[peer.index()] {
            Expects::Start => state.start(unit, context),
            Expects::Parameters => {
                state.parameters(unit);
                state.next(peer)
            }
            Expects::Kind => state.kind(peer, unit, context),
            Expects::Length(kind) => state.length(peer, kind, unit, context),
            Expects::Message { kind, behind } => {
                match peer {
                    Peer::Client => state.of_client(kind, unit, context),
                    Peer::Server => state.of_server(kind, unit, context),
                }
                state.expects[peer.index()] = Expects::Kind;
                Some(if behind > 0 {
                    Want::Skip(behind)
                } else {
                    Want::Bytes(1)
                })
            }
        };
        want.unwrap_or_else(|| {
            context.done();
            Want::Nothing
        })
    }

    fn skipped(&mut self, peer: Peer, _: &mut Context<'_>) -> Want {
        self.state.expects[peer.index()] = Expects::Kind;
        Want::Bytes(1)
    }

    fn gap(&mut self, _: Peer, _: &[u8], _: u64, context: &mut Context<'_>) -> Want {
        // A message has no mark to find the next one by.
        context.done();
        Want::Nothing
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.state.write(context);
    }
}

impl State {
    /// The record at hand.
    fn current(&mut self, context: &Context<'_>) -> &mut Postgresql {
        self.current.get_or_insert_with(|| Postgresql {
            head: context.head(context.now()),
            ..Postgresql::default()
        })
    }

    fn write(&mut self, context: &mut Context<'_>) {
        if let Some(mut record) = self.current.take() {
            record.user = self.user.clone();
            record.database = self.database.clone();
            record.application_name = self.application_name.clone();
            context.emit(record);
        }
    }

    fn next(&mut self, peer: Peer) -> Option<Want> {
        self.expects[peer.index()] = Expects::Kind;
        Some(Want::Bytes(1))
    }

    fn start(&mut self, unit: &[u8], context: &mut Context<'_>) -> Option<Want> {
        match start(unit)? {
            Start::Cancel => None,
            Start::Request(request) => {
                self.requested = Some(request);
                self.current(context).frontend = Some(request);
                Some(Want::Bytes(8))
            }
            Start::Session(length) => {
                self.current(context).frontend = Some("startup");
                self.expects[0] = Expects::Parameters;
                Some(Want::Bytes(length))
            }
        }
    }

    /// Names and values, each with a zero behind it.
    fn parameters(&mut self, unit: &[u8]) {
        let mut texts = unit.split(|byte| *byte == 0);
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            match name {
                b"" => return,
                b"user" => self.user = Some(text(value)),
                b"database" => self.database = Some(text(value)),
                b"application_name" => self.application_name = Some(text(value)),
                _ => {}
            }
        }
    }

    fn kind(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Option<Want> {
        let kind = *unit.first()?;
        if peer == Peer::Server
            && let Some(request) = self.requested.take()
            && matches!(kind, b'S' | b'G' | b'N')
        {
            return self.answered(request, kind, context);
        }
        if !kind.is_ascii_alphanumeric() {
            context.weird("postgresql_malformed");
            return None;
        }
        self.expects[peer.index()] = Expects::Length(kind);
        Some(Want::Bytes(4))
    }

    /// The server's answer to a request for TLS or GSSAPI.
    fn answered(&mut self, request: &str, answer: u8, context: &mut Context<'_>) -> Option<Want> {
        let (backend, letter) = match (request, answer) {
            ("ssl_request", b'S') => ("ssl_reply", "S"),
            ("ssl_request", _) => ("ssl_reply", "N"),
            (_, b'G') => ("gss_reply", "G"),
            _ => ("gss_reply", "N"),
        };
        let record = self.current(context);
        record.backend = Some(backend.into());
        record.backend_arg = Some(letter.into());
        record.success = Some(letter != "N");
        self.write(context);
        match letter {
            "N" => Some(Want::Bytes(1)),
            "S" => {
                context.hand_over(registry::by_name("ssl")?);
                Some(Want::Nothing)
            }
            _ => None,
        }
    }

    fn length(
        &mut self,
        peer: Peer,
        kind: u8,
        unit: &[u8],
        context: &mut Context<'_>,
    ) -> Option<Want> {
        let length = Reader::new(unit).u32()?;
        if !(4..=MAX_LENGTH).contains(&length) {
            context.weird("postgresql_malformed");
            return None;
        }
        let length = length as usize - 4;
        let looked_at = match (peer, kind) {
            (Peer::Client, b'Q' | b'P') | (Peer::Server, b'E' | b'N') => length.min(LOOKED_AT),
            (Peer::Server, b'R') => length.min(4),
            (Peer::Server, b'Z') => length.min(1),
            _ => 0,
        };
        let behind = (length - looked_at) as u64;
        if looked_at > 0 {
            self.expects[peer.index()] = Expects::Message { kind, behind };
            return Some(Want::Bytes(looked_at));
        }
        match peer {
            Peer::Client => self.of_client(kind, &[], context),
            Peer::Server => self.of_server(kind, &[], context),
        }
        self.expects[peer.index()] = Expects::Kind;
        Some(if behind > 0 {
            Want::Skip(behind)
        } else {
            Want::Bytes(1)
        })
    }

    fn of_client(&mut self, kind: u8, unit: &[u8], context: &mut Context<'_>) {
        let mut texts = unit.split(|byte| *byte == 0);
        match kind {
            b'Q' => {
                self.write(context);
                self.rows = Some(0);
                let record = self.current(context);
                record.frontend = Some("simple_query");
                record.frontend_arg = texts.next().map(text);
            }
            // The name of what is prepared, and its text.
            b'P' => {
                let query = texts.nth(1).map(text);
                let record = self.current(context);
                if record.frontend.is_none() {
                    record.frontend = Some("extended_query");
                    record.frontend_arg = query;
                }
            }
            b'X' => {
                self.write(context);
                self.current(context).frontend = Some("terminate");
                self.write(context);
            }
            _ => {}
        }
    }

    fn of_server(&mut self, kind: u8, unit: &[u8], context: &mut Context<'_>) {
        match kind {
            b'R' => {
                if let Some(number) = Reader::new(unit).u32() {
                    self.authentication(number, context);
                }
            }
            b'E' => {
                let errors = fields(unit).join(",");
                let record = self.current(context);
                record.backend = joined(record.backend.take(), "error");
                record.backend_arg = joined(record.backend_arg.take(), &errors);
                record.success = Some(false);
                self.write(context);
            }
            b'N' => {
                let notices = fields(unit).join(",");
                let record = self.current(context);
                record.backend_arg = joined(record.backend_arg.take(), &notices);
            }
            b'D' => {
                self.current(context);
                *self.rows.get_or_insert(0) += 1;
            }
            b'Z' => {
                let Some(record) = &mut self.current else {
                    return;
                };
                // Idle, or within a transaction that goes well.
                let well = matches!(unit.first(), Some(b'I' | b'T'));
                record.success.get_or_insert(well);
                if let Some(rows) = self.rows.take() {
                    record.rows = Some(rows);
                }
                self.write(context);
            }
            _ => {}
        }
    }

    fn authentication(&mut self, number: u32, context: &Context<'_>) {
        let record = self.current(context);
        let way = match number {
            0 => {
                record.backend = Some("auth_ok".into());
                record.success = Some(true);
                return;
            }
            2 => "KerberosV5",
            3 => "CleartextPassword",
            5 => "MD5Password",
            7 => "GSSAPI",
            8 => "GSSAPIContinue",
            9 => "SSPI",
            10 => "SASL",
            11 => "SASLContinue",
            12 => "SASLFinal",
            _ => "unknown",
        };
        record.backend = joined(record.backend.take(), "auth_request");
        record.backend_arg = joined(record.backend_arg.take(), way);
    }
}

/// A text behind others, with a comma between them.
fn joined(before: Option<Box<str>>, text: &str) -> Option<Box<str>> {
    match before {
        None => Some(text.into()),
        Some(before) if before.len() + text.len() >= MAX_JOINED => Some(before),
        Some(before) => Some(format!("{before},{text}").into()),
    }
}

/// The fields of an error or a notice (its protocol, "Error and Notice Message Fields"): a letter each, a text, and a zero.
fn fields(unit: &[u8]) -> Vec<String> {
    let mut fields = Vec::new();
    for field in unit.split(|byte| *byte == 0).take(MAX_FIELDS) {
        let Some((code, value)) = field.split_first() else {
            break;
        };
        let name = match code {
            b'S' => "SeverityLocalized",
            b'V' => "Severity",
            b'C' => "Code",
            b'M' => "Message",
            b'D' => "Detail",
            b'H' => "Hint",
            b'P' => "Position",
            b'p' => "InternalPosition",
            b'q' => "InternalQuery",
            b'W' => "Where",
            b's' => "Schema",
            b't' => "Table",
            b'c' => "Column",
            b'd' => "Data",
            b'n' => "Constraint",
            b'F' => "File",
            b'L' => "Line",
            b'R' => "Routine",
            _ => "Unknown",
        };
        fields.push(format!("{name}={}", text(value)));
    }
    fields
}
