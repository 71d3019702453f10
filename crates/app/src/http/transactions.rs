//! Requests that wait for their responses.

use std::collections::VecDeque;

use portreeve_record::app::http::Http;

use super::fields::{kept, note_target};
use super::line::{RequestLine, StatusLine, is_known, version_text};
use crate::Context;
use crate::protocol::Peer;
use crate::text::text;

/// The most requests that wait: when there are more, the oldest is written without its response.
const MAX_WAITING: usize = 100;
/// The most bytes of texts that waiting requests hold together.
const MAX_WAITING_BYTES: usize = 64 << 10;
/// What Zeek writes where a status line has no reason phrase.
const NO_REASON: &[u8] = b"<empty>";

/// What of a method decides how long the response is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Method {
    /// Its response has no content.
    Head,
    /// If it succeeds, the connection is another protocol's.
    Connect,
    #[default]
    Other,
}

/// A request and its response, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) record: Http,
    pub(super) method: Method,
    /// A request without a version: its response is nothing but content.
    pub(super) is_old: bool,
    /// The request has come to its end.
    asked: bool,
    response: Response,
    /// Bytes of its texts, as counted.
    bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Response {
    #[default]
    None,
    Begun,
    Whole,
}

/// The transactions of a connection that are not yet written, oldest first.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: VecDeque<Box<Transaction>>,
    /// How many there were.
    depth: u64,
    /// Bytes of their texts.
    bytes: usize,
    /// How many requests were written before their response came: the next responses are theirs.
    given_up: u64,
}

impl Transactions {
    /// The transaction whose message `peer` is sending.
    pub(super) fn of(&mut self, peer: Peer) -> Option<&mut Transaction> {
        let transaction = match peer {
            Peer::Client => self.open.back_mut().filter(|t| !t.asked),
            Peer::Server => self
                .open
                .front_mut()
                .filter(|t| t.response == Response::Begun),
        };
        transaction.map(|boxed| &mut **boxed)
    }

    /// The transaction that the server's next response is for.
    pub(super) fn next_answered(&self) -> Option<&Transaction> {
        let oldest = self.open.front().filter(|t| t.response == Response::None);
        oldest.map(|boxed| &**boxed)
    }

    fn new_transaction(&mut self, context: &Context<'_>) -> Box<Transaction> {
        self.depth += 1;
        let mut transaction = Box::<Transaction>::default();
        transaction.record.head = context.head(context.now());
        transaction.record.trans_depth = self.depth;
        transaction
    }

    /// A request begins.
    pub(super) fn request(&mut self, line: &RequestLine<'_>, context: &mut Context<'_>) {
        if self.open.len() >= MAX_WAITING {
            context.weird("HTTP_excessive_pipelining");
            self.give_up_oldest(context);
        }
        if !is_known(line.method) {
            context.weird("unknown_HTTP_method");
        }
        let mut transaction = self.new_transaction(context);
        transaction.method = if line.method.eq_ignore_ascii_case(b"HEAD") {
            Method::Head
        } else if line.method.eq_ignore_ascii_case(b"CONNECT") {
            Method::Connect
        } else {
            Method::Other
        };
        transaction.is_old = line.version.is_none();
        let record = &mut transaction.record;
        record.method = Some(text(line.method));
        note_target(record, line.target);
        self.open.push_back(transaction);
    }

    /// All fields of the request are there: counts what it holds.
    pub(super) fn request_fields_end(&mut self, context: &mut Context<'_>) {
        let Some(transaction) = self.of(Peer::Client) else {
            return;
        };
        let bytes = size(&transaction.record);
        transaction.bytes = bytes;
        self.bytes += bytes;
        while self.bytes > MAX_WAITING_BYTES && self.open.len() > 1 {
            self.give_up_oldest(context);
        }
    }

    fn give_up_oldest(&mut self, context: &mut Context<'_>) {
        let Some(oldest) = self.open.front() else {
            return;
        };
        self.given_up += u64::from(oldest.response == Response::None);
        self.write_oldest(context);
    }

    /// A response begins. After bytes were missed it is taken for the answer to the `latest` request: mostly the one before it was answered.
    pub(super) fn response(
        &mut self,
        line: &StatusLine<'_>,
        latest: bool,
        context: &mut Context<'_>,
    ) {
        if latest {
            self.given_up = 0;
            while self.open.len() > 1 {
                self.write_oldest(context);
            }
        }
        if let Some(oldest) = self.open.front() {
            // Its response has come; only the end of the request has not.
            if oldest.response != Response::None {
                self.write_oldest(context);
            }
        }
        if self.given_up > 0 || self.open.is_empty() {
            self.given_up = self.given_up.saturating_sub(1);
            let mut transaction = self.new_transaction(context);
            transaction.asked = true;
            self.open.push_front(transaction);
        }
        let Some(transaction) = self.open.front_mut() else {
            return;
        };
        transaction.response = Response::Begun;
        let record = &mut transaction.record;
        record.version = version_text(line.version);
        record.status_code = line.code;
        let reason = if line.reason.is_empty() {
            NO_REASON
        } else {
            line.reason
        };
        record.status_msg = Some(kept(reason));
        if matches!(line.code, Some(100..=199)) {
            record.info_code = line.code;
            record.info_msg = record.status_msg.clone();
        }
    }

    /// Content begins without a status line: the response of HTTP/0.9.
    pub(super) fn old_response(&mut self) {
        let waiting = self
            .open
            .front_mut()
            .filter(|t| t.response == Response::None);
        if let Some(transaction) = waiting {
            transaction.response = Response::Begun;
            transaction.record.version = version_text(Some((0, 9)));
        }
    }

    /// The response was an interim one (RFC 9110 section 15.2): the one that counts is still to come.
    pub(super) fn interim_end(&mut self) {
        if let Some(transaction) = self.of(Peer::Server) {
            transaction.response = Response::None;
        }
    }

    /// The message that `peer` was sending is whole, or as whole as it will be. What is complete is written.
    pub(super) fn message_end(&mut self, peer: Peer, context: &mut Context<'_>) {
        if let Some(transaction) = self.of(peer) {
            match peer {
                Peer::Client => transaction.asked = true,
                Peer::Server => transaction.response = Response::Whole,
            }
        }
        while let Some(oldest) = self.open.front() {
            if oldest.response != Response::Whole || !oldest.asked {
                break;
            }
            self.write_oldest(context);
        }
    }

    fn write_oldest(&mut self, context: &mut Context<'_>) {
        if let Some(oldest) = self.open.pop_front() {
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            context.emit(oldest.record);
        }
    }

    /// Writes all there are.
    pub(super) fn end(&mut self, context: &mut Context<'_>) {
        while !self.open.is_empty() {
            self.write_oldest(context);
        }
    }
}

/// Bytes of a request's texts.
fn size(record: &Http) -> usize {
    let texts = [
        &record.method,
        &record.host,
        &record.uri,
        &record.uri_decoded,
        &record.referrer,
        &record.user_agent,
        &record.origin,
        &record.username,
    ];
    let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
    let proxied: usize = record.proxied.iter().map(|text| text.len()).sum();
    size_of::<Transaction>() + texts + proxied
}
