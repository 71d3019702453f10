//! Requests and what answers them, to records.

use portreeve_record::app::kerberos::Kerberos;

use super::message::{self, Kind};
use crate::Context;

/// Types of requests, as they are logged.
const AS: &str = "AS";
const TGS: &str = "TGS";
const AP: &str = "AP";

/// What servers say when they only want the client to prove itself first, as every client is told: not worth a record. Zeek's list.
const IGNORED: &[&str] = &[
    "NEEDED_PREAUTH",
    "Need to use PA-ENC-TIMESTAMP/PA-PK-AS-REQ",
];

/// The most requests that wait for their answer: when there are more, the oldest is written without one.
const MAX_WAITING: usize = 16;

/// Exchanges of one conversation. Over UDP they may take turns, and not each is answered.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The requests that are not yet answered, oldest first.
    waiting: Vec<Kerberos>,
}

impl Exchange {
    /// A message. Whether it was one.
    pub fn message(&mut self, bytes: &[u8], context: &mut Context<'_>) -> bool {
        let Some(kind) = message::kind(bytes) else {
            return false;
        };
        // A message that breaks off gives what it has: that there was one.
        let _ = match kind {
            Kind::AsRequest => self.request(AS, bytes, context),
            Kind::TgsRequest => self.request(TGS, bytes, context),
            Kind::AsReply => self.reply(AS, bytes, context),
            Kind::TgsReply => self.reply(TGS, bytes, context),
            Kind::ApRequest => self.shown(bytes, context),
            Kind::ApReply => self.accepted(context),
            Kind::Error => self.error(bytes, context),
        };
        true
    }

    /// A request is to wait for its answer.
    fn wait(&mut self, record: Kerberos, context: &mut Context<'_>) {
        if self.waiting.len() >= MAX_WAITING {
            context.emit(self.waiting.remove(0));
        }
        // Mostly there is one.
        self.waiting.reserve_exact(1);
        self.waiting.push(record);
    }

    /// The request that an answer is for, the latest that `fits`; what nobody asked for stands for itself.
    fn answered(&mut self, fits: impl Fn(&Kerberos) -> bool, context: &Context<'_>) -> Kerberos {
        match self.waiting.iter().rposition(fits) {
            Some(at) => self.waiting.remove(at),
            None => begun(context),
        }
    }

    fn request(
        &mut self,
        request_type: &'static str,
        bytes: &[u8],
        context: &mut Context<'_>,
    ) -> Option<()> {
        let request = message::request(bytes)?;
        let client = (request_type == AS)
            .then(|| joined(request.client.as_deref(), request.realm.as_deref()));
        // One that is repeated takes the place of the one before; others wait beside it.
        let repeated = self.waiting.iter().position(|record| {
            record.request_type == Some(request_type)
                && record.client == client
                && record.service == request.service
        });
        let mut record = match repeated {
            Some(at) => self.waiting.remove(at),
            None => begun(context),
        };
        record.request_type = Some(request_type);
        record.client = client;
        record.service = request.service;
        record.from = request.from;
        record.till = request.till;
        record.forwardable = request.forwardable;
        record.renewable = request.renewable;
        self.wait(record, context);
        Some(())
    }

    fn reply(
        &mut self,
        request_type: &'static str,
        bytes: &[u8],
        context: &mut Context<'_>,
    ) -> Option<()> {
        let reply = message::reply(bytes)?;
        let asked = |record: &Kerberos| record.request_type == Some(request_type);
        let (client, service) = (reply.client.as_deref(), reply.ticket.service.as_deref());
        let named = |record: &Kerberos| {
            asked(record)
                && match request_type {
                    AS => asks(record) == client,
                    _ => record.service.as_deref() == service,
                }
        };
        // Servers may tell other names than they were asked for (RFC 6806).
        let mut record = if self.waiting.iter().any(named) {
            self.answered(named, context)
        } else {
            self.answered(asked, context)
        };
        if record.client.is_none() {
            record.client = Some(joined(client, reply.realm.as_deref()));
        }
        record.service = reply.ticket.service.or(record.service);
        record.cipher = reply.ticket.cipher;
        record.success = Some(true);
        context.emit(record);
        Some(())
    }

    fn shown(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Option<()> {
        self.end(context);
        let ticket = message::shown(bytes)?;
        let mut record = begun(context);
        record.request_type = Some(AP);
        record.client = Some(joined(None, ticket.realm.as_deref()));
        record.service = ticket.service;
        record.cipher = ticket.cipher;
        self.wait(record, context);
        Some(())
    }

    fn accepted(&mut self, context: &mut Context<'_>) -> Option<()> {
        let shown = |record: &Kerberos| record.request_type == Some(AP);
        let at = self.waiting.iter().rposition(shown)?;
        let mut record = self.waiting.remove(at);
        record.success = Some(true);
        context.emit(record);
        Some(())
    }

    /// An error: it may name the client (RFC 4120 section 5.9.1), and always does the service.
    fn error(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Option<()> {
        let error = message::error(bytes)?;
        let (client, service) = (error.client.as_deref(), error.service.as_deref());
        let of_client = |record: &Kerberos| client.is_some() && client == asks(record);
        // One of somebody else it is not for.
        let fits = |record: &Kerberos| client.is_none() || asks(record).is_none();
        let of_service = |record: &Kerberos| fits(record) && record.service.as_deref() == service;
        let mut record = if self.waiting.iter().any(of_client) {
            self.answered(of_client, context)
        } else if self.waiting.iter().any(of_service) {
            self.answered(of_service, context)
        } else {
            self.answered(fits, context)
        };
        let text = error.text.as_deref();
        if text.is_some_and(|text| IGNORED.contains(&text)) {
            return None;
        }
        if record.client.is_none() {
            record.client = match (error.client, error.client_realm) {
                (None, None) => None,
                (None, realm) => realm,
                (name, realm) => Some(joined(name.as_deref(), realm.as_deref())),
            };
        }
        record.service = error.service.or(record.service);
        record.success = Some(false);
        record.error_code = Some(error.code);
        record.error_text = error.text;
        context.emit(record);
        Some(())
    }

    /// Nothing more comes: what is not yet written is.
    pub fn end(&mut self, context: &mut Context<'_>) {
        for record in self.waiting.drain(..) {
            context.emit(record);
        }
    }
}

fn begun(context: &Context<'_>) -> Kerberos {
    Kerberos {
        head: context.head(context.now()),
        ..Kerberos::default()
    }
}

/// The client that asks, if it is named: without its realm, which servers may tell otherwise than it was asked in.
fn asks(record: &Kerberos) -> Option<&str> {
    let (client, _) = record.client.as_deref()?.rsplit_once('/')?;
    Some(client).filter(|client| !client.is_empty())
}

fn joined(name: Option<&str>, realm: Option<&str>) -> Box<str> {
    format!("{}/{}", name.unwrap_or(""), realm.unwrap_or("")).into()
}
