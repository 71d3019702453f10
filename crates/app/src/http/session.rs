//! The session: what each side sends, and what becomes of it.

use portreeve_record::app::tunnel::TunnelType;

use super::content::SOURCE;
use super::fields::{self, Name};
use super::line::{RequestLine, StatusLine};
use super::side::{Carries, Message, Side, State, TO_THE_END, Upgrade};
use super::transactions::{Method, Transactions};
use crate::file::coding::Coding;
use crate::mime::{self, Entities};
use crate::protocol::{Peer, Want};
use crate::{Context, registry, text};

/// The most files of a message that its record names, as in Zeek.
const MAX_FILES: usize = 15;

/// A connection of HTTP/1.x.
#[derive(Debug, Default)]
pub(super) struct Session {
    sides: [Side; 2],
    transactions: Transactions,
}

impl crate::Session for Session {
    fn start(&mut self, peer: Peer) -> Want {
        self.sides[peer.index()].want()
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        match self.sides[peer.index()].state {
            State::Prefix { behind, .. } => self.prefix(peer, unit, behind, context),
            State::Body(left) => self.body(peer, unit, left, context),
            State::Content(_) | State::Over => {}
            _ => self.line(peer, unit, context),
        }
        self.sides[peer.index()].want()
    }

    fn skipped(&mut self, peer: Peer, context: &mut Context<'_>) -> Want {
        let skipped = context.skipped(peer);
        let side = &mut self.sides[peer.index()];
        if let State::Content(len) = side.state {
            // What was missing of it counts too.
            side.message.body_len = side.message.body_len.saturating_add(len);
            self.passed(peer, skipped, len.saturating_sub(skipped), context);
            self.content_end(peer, context);
        }
        self.sides[peer.index()].want()
    }

    fn gap(&mut self, peer: Peer, rest: &[u8], missing: u64, context: &mut Context<'_>) -> Want {
        if self.content_gap(peer, rest, missing, context) {
            return self.sides[peer.index()].want();
        }
        // A field that only waited for what begins the next line.
        if self.side(peer).state == State::Fields && rest.ends_with(b"\n") {
            self.line(peer, rest, context);
        }
        self.cut_off(peer, rest, context);
        let side = &mut self.sides[peer.index()];
        side.set_adrift();
        side.want()
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        let lines = !matches!(
            self.sides[peer.index()].state,
            State::Prefix { .. } | State::Content(_) | State::Body(_) | State::Over
        );
        if lines && !rest.is_empty() {
            self.line(peer, rest, context);
            self.cut_off(peer, &[], context);
        } else {
            self.cut_off(peer, rest, context);
        }
        self.sides[peer.index()].state = State::Over;
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.transactions.end(context);
    }
}

impl Session {
    fn side(&mut self, peer: Peer) -> &mut Side {
        &mut self.sides[peer.index()]
    }

    /// The stream ends here, or cannot be followed further: `rest` came of a unit.
    fn cut_off(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        let skipped = context.skipped(peer);
        let side = self.side(peer);
        match side.state {
            State::Start | State::Adrift(_) | State::Over => return,
            State::Prefix { .. } | State::Body(_) => {
                side.message.body_len += rest.len() as u64;
                self.carried(peer, rest, context);
            }
            State::Content(_) => {
                side.message.body_len = side.message.body_len.saturating_add(skipped);
                self.passed(peer, skipped, 0, context);
            }
            _ => {}
        }
        self.message_end(peer, context);
    }

    fn line(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) {
        let side = self.side(peer);
        let ends = unit.ends_with(b"\n");
        let is_rest = std::mem::replace(&mut side.in_long_line, !ends);
        if let State::Adrift(left) = side.state {
            side.state = match left.checked_sub(unit.len()) {
                Some(left) => State::Adrift(left),
                None => State::Over,
            };
        }
        if is_rest {
            return;
        }
        let line = text::line(unit);
        match self.side(peer).state {
            State::Start => match peer {
                Peer::Client => self.request_line(line, context),
                Peer::Server => self.status_line(unit, line, context),
            },
            State::Adrift(_) => self.adrift(peer, line, context),
            State::Fields if line.is_empty() => self.fields_end(peer, context),
            State::Fields => self.field(peer, line),
            State::ChunkSize => self.chunk_size(peer, line, context),
            // What is no end of a line is passed over.
            State::ChunkEnd => self.side(peer).state = State::ChunkSize,
            State::Trailers if line.is_empty() => self.message_end(peer, context),
            _ => {}
        }
    }

    fn begin(&mut self, peer: Peer) {
        let side = self.side(peer);
        side.message = Message::default();
        side.state = State::Fields;
    }

    fn request_line(&mut self, line: &[u8], context: &mut Context<'_>) {
        // Empty lines before a request are passed over (RFC 9112 section 2.2).
        if line.trim_ascii().is_empty() {
            return;
        }
        let trimmed = line.trim_ascii_start();
        if let Some(request) = RequestLine::parse(trimmed) {
            self.begin(Peer::Client);
            self.transactions.request(&request, context);
        } else {
            context.weird("bad_HTTP_request");
            self.side(Peer::Client).set_adrift();
        }
    }

    fn status_line(&mut self, unit: &[u8], line: &[u8], context: &mut Context<'_>) {
        if let Some(status) = StatusLine::parse(line) {
            self.begin(Peer::Server);
            self.transactions.response(&status, false, context);
            return;
        }
        let old = self.transactions.next_answered().is_some_and(|t| t.is_old);
        if old {
            self.begin(Peer::Server);
            self.transactions.old_response();
            self.carry(Peer::Server, context);
            self.carried(Peer::Server, unit, context);
            let side = self.side(Peer::Server);
            side.in_long_line = false;
            side.message.body_len = unit.len() as u64;
            side.content(TO_THE_END);
        } else if !line.trim_ascii().is_empty() {
            self.side(Peer::Server).set_adrift();
        }
    }

    /// Looks for a message where none need begin.
    fn adrift(&mut self, peer: Peer, line: &[u8], context: &mut Context<'_>) {
        match peer {
            Peer::Client => {
                if let Some(request) = RequestLine::parse_strict(line) {
                    self.begin(peer);
                    self.transactions.request(&request, context);
                }
            }
            Peer::Server => {
                if let Some(status) = StatusLine::parse_strict(line) {
                    self.begin(peer);
                    self.transactions.response(&status, true, context);
                }
            }
        }
    }

    fn field(&mut self, peer: Peer, line: &[u8]) {
        let Some((name, value)) = fields::split(line) else {
            return;
        };
        let Some(name) = Name::of(name) else {
            return;
        };
        let value = &*fields::unfolded(value);
        self.framing(peer, name, value);
        if let Some(transaction) = self.transactions.of(peer) {
            fields::note(&mut transaction.record, peer, name, value);
        }
    }

    /// What a field says of its message's content.
    fn framing(&mut self, peer: Peer, name: Name, value: &[u8]) {
        let message = &mut self.side(peer).message;
        match name {
            Name::TransferEncoding => message.chunked |= fields::has_word(value, "chunked"),
            Name::ContentType => {
                message.boundary = match mime::kind(value) {
                    mime::Kind::Multipart(boundary) => Some(boundary),
                    _ => None,
                };
                if message.boundary.is_none() {
                    message.content.note(name, value);
                }
            }
            Name::Upgrade => {
                message.upgrade = Some(if fields::has_word(value, "websocket") {
                    Upgrade::WebSocket
                } else if fields::has_word(value, "h2c") {
                    Upgrade::Http2
                } else {
                    Upgrade::Other
                });
            }
            _ => message.content.note(name, value),
        }
    }

    fn fields_end(&mut self, peer: Peer, context: &mut Context<'_>) {
        match peer {
            Peer::Client => {
                self.transactions.request_fields_end(context);
                self.content_begins(peer, 0, context);
            }
            Peer::Server => self.response_fields_end(context),
        }
    }

    /// How long a response's content is (RFC 9112 section 6.3).
    fn response_fields_end(&mut self, context: &mut Context<'_>) {
        let transaction = self.transactions.of(Peer::Server);
        let (code, method) =
            transaction.map_or((None, Method::Other), |t| (t.record.status_code, t.method));
        match (code, method) {
            (Some(101), _) => self.upgraded(context),
            (Some(100..=199), _) => {
                self.transactions.interim_end();
                self.side(Peer::Server).state = State::Start;
            }
            (Some(200..=299), Method::Connect) => {
                self.message_end(Peer::Server, context);
                context.tunnel(TunnelType::Http);
                context.detect_again();
            }
            (Some(204 | 304), _) | (_, Method::Head) => self.message_end(Peer::Server, context),
            _ => self.content_begins(Peer::Server, TO_THE_END, context),
        }
    }

    /// The server goes over to another protocol.
    fn upgraded(&mut self, context: &mut Context<'_>) {
        let upgrade = self.side(Peer::Server).message.upgrade;
        self.message_end(Peer::Server, context);
        match upgrade {
            Some(Upgrade::WebSocket) => {
                context.also("websocket");
                context.done();
            }
            Some(Upgrade::Http2) => match registry::by_name("http2") {
                Some(http2) => context.hand_over(http2),
                None => context.done(),
            },
            _ => context.detect_again(),
        }
    }

    /// Content begins, if there is any; without a word of its length it is `unsaid` bytes long.
    fn content_begins(&mut self, peer: Peer, unsaid: u64, context: &mut Context<'_>) {
        let side = self.side(peer);
        if side.message.chunked {
            side.state = State::ChunkSize;
            return;
        }
        match side.message.content.length.unwrap_or(unsaid) {
            0 => self.message_end(peer, context),
            len => {
                self.carry(peer, context);
                self.side(peer).content(len);
            }
        }
    }

    /// The content of `peer`'s message is a file, or several, if that is not yet known.
    fn carry(&mut self, peer: Peer, context: &mut Context<'_>) {
        let hashed = context.hashes().any();
        let message = &mut self.side(peer).message;
        if !matches!(message.carries, Carries::Nothing) {
            return;
        }
        message.hashed = hashed;
        let is_coded = message.content.coding != Coding::None;
        if let Some(boundary) = message.boundary.take().filter(|_| !is_coded) {
            let parts = Entities::multipart(SOURCE, boundary);
            message.carries = Carries::Parts(Box::new(parts));
            return;
        }
        let message = &self.sides[peer.index()].message;
        let length = message.content.length.filter(|_| !message.chunked);
        let transaction = self.transactions.of(peer);
        let record = transaction.map(|transaction| &transaction.record);
        let file = message.content.file(peer, length, record, context);
        self.side(peer).message.carries = Carries::File(file);
    }

    /// The next bytes of content.
    fn carried(&mut self, peer: Peer, bytes: &[u8], context: &mut Context<'_>) {
        match &mut self.side(peer).message.carries {
            Carries::Nothing => {}
            Carries::File(file) => file.data(bytes, context.since(), context.now()),
            Carries::Parts(parts) => parts.data(peer, bytes, context),
        }
    }

    /// Content went by that nobody looked at, or was missed.
    fn passed(&mut self, peer: Peer, seen: u64, missing: u64, context: &Context<'_>) {
        match &mut self.side(peer).message.carries {
            Carries::Nothing => {}
            Carries::File(file) => file.passed(seen, missing, context.now()),
            Carries::Parts(parts) => parts.passed(seen, missing, context),
        }
    }

    /// The next bytes of content that is looked at to its end.
    fn body(&mut self, peer: Peer, unit: &[u8], left: u64, context: &mut Context<'_>) {
        self.side(peer).message.body_len += unit.len() as u64;
        self.carried(peer, unit, context);
        match left {
            TO_THE_END => self.side(peer).content(TO_THE_END),
            left => match left.saturating_sub(unit.len() as u64) {
                0 => self.content_end(peer, context),
                left => self.side(peer).content(left),
            },
        }
    }

    /// Whether a gap lies within content, whose rest goes by then.
    fn content_gap(
        &mut self,
        peer: Peer,
        rest: &[u8],
        missing: u64,
        context: &mut Context<'_>,
    ) -> bool {
        let left = match self.side(peer).state {
            State::Prefix { behind, .. } if behind == TO_THE_END => TO_THE_END,
            State::Prefix { len, behind } => len as u64 + behind,
            State::Body(left) => left,
            _ => return false,
        };
        let seen = rest.len() as u64;
        let behind = match left {
            TO_THE_END => TO_THE_END,
            left => match left.checked_sub(seen + missing) {
                Some(behind) => behind,
                None => return false,
            },
        };
        let message = &mut self.side(peer).message;
        // Where an end was announced what is missing counts, as in what is skipped.
        let counted = if left == TO_THE_END { 0 } else { missing };
        message.body_len = message.body_len.saturating_add(seen + counted);
        self.carried(peer, rest, context);
        match &mut self.side(peer).message.carries {
            Carries::Parts(parts) => parts.gap(peer, missing, context),
            _ => self.passed(peer, 0, missing, context),
        }
        match behind {
            0 => self.content_end(peer, context),
            behind => self.side(peer).content(behind),
        }
        true
    }

    fn chunk_size(&mut self, peer: Peer, line: &[u8], context: &mut Context<'_>) {
        match fields::chunk_size(line) {
            Some(0) => self.side(peer).state = State::Trailers,
            Some(len) => {
                self.carry(peer, context);
                self.side(peer).content(len);
            }
            None => {
                context.weird("HTTP_bad_chunk_size");
                self.message_end(peer, context);
                self.side(peer).set_adrift();
            }
        }
    }

    /// The first bytes of content, all that were asked for.
    fn prefix(&mut self, peer: Peer, unit: &[u8], behind: u64, context: &mut Context<'_>) {
        self.side(peer).message.body_len += unit.len() as u64;
        self.carried(peer, unit, context);
        if behind == 0 {
            self.content_end(peer, context);
        } else {
            self.side(peer).content(behind);
        }
    }

    /// All content that was announced has gone by: of a chunk, or all.
    fn content_end(&mut self, peer: Peer, context: &mut Context<'_>) {
        let side = self.side(peer);
        if side.message.chunked {
            side.state = State::ChunkEnd;
        } else {
            self.message_end(peer, context);
        }
    }

    /// The message is whole, or as whole as it will be.
    fn message_end(&mut self, peer: Peer, context: &mut Context<'_>) {
        let side = self.side(peer);
        side.state = State::Start;
        let message = std::mem::take(&mut side.message);
        let files = match message.carries {
            Carries::Nothing => Vec::new(),
            Carries::File(file) => file.end(context).into_iter().collect(),
            Carries::Parts(mut parts) => parts.end(peer, context),
        };
        if let Some(transaction) = self.transactions.of(peer) {
            let record = &mut transaction.record;
            let (content, len) = match peer {
                Peer::Client => (&mut record.orig, &mut record.request_body_len),
                Peer::Server => (&mut record.resp, &mut record.response_body_len),
            };
            *len = message.body_len;
            for file in files.into_iter().take(MAX_FILES) {
                content.fuids.push(file.fuid);
                content.filenames.extend(file.filename);
                content.mime_types.extend(file.mime_type.map(Into::into));
            }
        }
        self.transactions.message_end(peer, context);
    }
}
