//! What a message's fields say of its content, and the file that this is. HTTP/2 has it from here too.

use portreeve_record::Fuid;
use portreeve_record::app::http::Http;

use super::fields::{self, Name};
use super::filename;
use super::side::Range;
use crate::Context;
use crate::file::File;
use crate::file::coding::Coding;
use crate::protocol::Peer;

/// The protocol's name in the log of files.
pub(crate) const SOURCE: &str = "HTTP";

/// What is said of a message's content before it comes.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) length: Option<u64>,
    pub(crate) coding: Coding,
    range: Option<Range>,
    filename: Option<Box<str>>,
}

impl Content {
    /// What a field says.
    pub(crate) fn note(&mut self, name: Name, value: &[u8]) {
        match name {
            Name::ContentLength => self.length = fields::length(value),
            Name::ContentEncoding => self.coding = Coding::of(value),
            Name::ContentDisposition => {
                self.filename = filename::of_disposition(value).or(self.filename.take());
            }
            Name::ContentType if self.filename.is_none() => {
                self.filename = filename::of_type(value);
            }
            Name::ContentRange => self.range = fields::range(value),
            _ => {}
        }
    }

    /// The file that the content of `peer`'s message is; `length` is how many bytes it has on its way, where that is known. `record` is of the request.
    pub(crate) fn file(
        &self,
        peer: Peer,
        length: Option<u64>,
        record: Option<&Http>,
        context: &mut Context<'_>,
    ) -> Box<File> {
        let mut file = File::begin(SOURCE, peer, context);
        file.set_name(self.filename.clone());
        if self.coding == Coding::None {
            file.set_total(length);
        } else {
            file.set_coding(self.coding, context);
        }
        if let Some(range) = self.range.filter(|_| peer == Peer::Server) {
            if range.first > 0 {
                file.set_opaque();
            }
            if range.total != self.length {
                file.set_partial();
            }
            file.set_total(range.total);
            // Without its request nobody knows what it is a part of.
            if let Some(record) = record.filter(|record| record.uri.is_some()) {
                file.set_fuid(whole(record, context));
            }
        }
        file
    }
}

/// The identifier of what a request asks for: its parts have it in common, over whichever connections they come. As in Zeek it is one for each client.
fn whole(record: &Http, context: &Context<'_>) -> Fuid {
    let head = &record.head;
    let (client, server) = if context.client_is_orig() {
        (head.orig_h, head.resp_h)
    } else {
        (head.resp_h, head.orig_h)
    };
    let host = record.host.as_deref();
    let host = host.map_or_else(|| server.to_string(), str::to_owned);
    let uri = record.uri.as_deref().unwrap_or_default();
    Fuid::of_name(format!("HTTP {client} {host} {uri}").as_bytes())
}
