//! Requests and what answers them, to records.

use portreeve_record::app::kerberos::Kerberos;

use super::message::{self, Kind};
use crate::Context;

/// What servers say when they only want the client to prove itself first, as every client is told: not worth a record. Zeek's list.
const IGNORED: &[&str] = &[
    "NEEDED_PREAUTH",
    "Need to use PA-ENC-TIMESTAMP/PA-PK-AS-REQ",
];

/// Exchanges of one conversation, one after the other.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The request that is not yet answered.
    record: Option<Box<Kerberos>>,
}

impl Exchange {
    /// A message. Whether it was one.
    pub fn message(&mut self, bytes: &[u8], context: &mut Context<'_>) -> bool {
        let Some(kind) = message::kind(bytes) else {
            return false;
        };
        // A message that breaks off gives what it has: that there was one.
        let _ = match kind {
            Kind::AsRequest | Kind::TgsRequest => self.request(kind, bytes, context),
            Kind::AsReply | Kind::TgsReply => self.reply(bytes, context),
            Kind::ApRequest => self.shown(bytes, context),
            Kind::ApReply => self.accepted(context),
            Kind::Error => self.error(bytes, context),
        };
        true
    }

    /// The record at hand, or a new one.
    fn record(&mut self, context: &Context<'_>) -> &mut Kerberos {
        self.record.get_or_insert_with(|| {
            Box::new(Kerberos {
                head: context.head(context.now()),
                ..Kerberos::default()
            })
        })
    }

    fn request(&mut self, kind: Kind, bytes: &[u8], context: &mut Context<'_>) -> Option<()> {
        let request_type = if kind == Kind::AsRequest { "AS" } else { "TGS" };
        // A request that is repeated takes the place of the one before, another one does not.
        if self
            .record
            .as_ref()
            .is_some_and(|r| r.request_type != Some(request_type))
        {
            self.end(context);
        }
        let request = message::request(bytes)?;
        let record = self.record(context);
        record.request_type = Some(request_type);
        if kind == Kind::AsRequest {
            record.client = Some(joined(request.client.as_deref(), request.realm.as_deref()));
        }
        record.service = request.service.or(record.service.take());
        record.from = request.from;
        record.till = request.till;
        record.forwardable = request.forwardable;
        record.renewable = request.renewable;
        Some(())
    }

    fn reply(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Option<()> {
        let reply = message::reply(bytes)?;
        let record = self.record(context);
        if record.client.is_none() {
            record.client = Some(joined(reply.client.as_deref(), reply.realm.as_deref()));
        }
        record.service = reply.ticket.service.or(record.service.take());
        record.cipher = reply.ticket.cipher;
        record.success = Some(true);
        self.end(context);
        Some(())
    }

    fn shown(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Option<()> {
        self.end(context);
        let ticket = message::shown(bytes)?;
        let record = self.record(context);
        record.request_type = Some("AP");
        record.client = Some(joined(None, ticket.realm.as_deref()));
        record.service = ticket.service;
        record.cipher = ticket.cipher;
        Some(())
    }

    fn accepted(&mut self, context: &mut Context<'_>) -> Option<()> {
        let record = self.record.as_mut()?;
        record.success = Some(true);
        self.end(context);
        Some(())
    }

    fn error(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Option<()> {
        let error = message::error(bytes)?;
        if error
            .text
            .as_deref()
            .is_some_and(|text| IGNORED.contains(&text))
        {
            self.record = None;
            return None;
        }
        let record = self.record(context);
        if record.client.is_none() {
            record.client = match (error.client, error.client_realm) {
                (None, None) => None,
                (None, realm) => realm,
                (name, realm) => Some(joined(name.as_deref(), realm.as_deref())),
            };
        }
        record.service = error.service.or(record.service.take());
        record.success = Some(false);
        record.error_code = Some(error.code);
        record.error_text = error.text;
        self.end(context);
        Some(())
    }

    /// Nothing more comes: what is not yet written is.
    pub fn end(&mut self, context: &mut Context<'_>) {
        if let Some(record) = self.record.take() {
            context.emit(*record);
        }
    }
}

fn joined(name: Option<&str>, realm: Option<&str>) -> Box<str> {
    format!("{}/{}", name.unwrap_or(""), realm.unwrap_or("")).into()
}
