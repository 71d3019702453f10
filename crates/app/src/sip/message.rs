//! One message, taken in line by line.

use portreeve_record::app::sip::Sip as Record;

use crate::text::text;

/// The most `Via` of a message that are kept.
const MAX_PATH: usize = 32;
/// The most bytes of a header that is folded over several lines.
const MAX_FOLDED: usize = 4096;
/// The most lines of a message's head; what follows is not kept.
const MAX_LINES: u32 = 512;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

/// A message of which the head comes in.
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) record: Record,
    pub(super) body_len: u64,
    /// The header whose value may go on in the next line.
    folded: Vec<u8>,
    lines: u32,
}

impl Message {
    /// One that begins with this line, if it does.
    pub(super) fn begin(line: &[u8]) -> Option<Message> {
        let mut record = Record::default();
        let kind = if let Some(status) = line.strip_prefix(b"SIP/2.0 ") {
            let (code, reason) = split(status, b' ').unwrap_or((status, b""));
            record.status_code = std::str::from_utf8(code).ok()?.parse().ok();
            record.status_msg = (!reason.is_empty()).then(|| text(reason));
            Kind::Response
        } else {
            let (method, rest) = split(line, b' ')?;
            let uri = rest.strip_suffix(super::VERSION)?.strip_suffix(b" ")?;
            if method.is_empty() || !method.iter().all(u8::is_ascii_alphabetic) {
                return None;
            }
            record.method = Some(text(method));
            record.uri = Some(text(uri));
            Kind::Request
        };
        Some(Message {
            kind,
            record,
            body_len: 0,
            folded: Vec::new(),
            lines: 0,
        })
    }

    /// Takes in a line of the head. Whether it was the last.
    pub(super) fn line(&mut self, line: &[u8]) -> bool {
        if line.is_empty() {
            self.header();
            return true;
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines > MAX_LINES {
            return false;
        }
        if matches!(line, [b' ' | b'\t', ..]) {
            let room = MAX_FOLDED.saturating_sub(self.folded.len() + 1);
            if !self.folded.is_empty() && room > 0 {
                let more = line.trim_ascii();
                self.folded.push(b' ');
                self.folded.extend(more.get(..room).unwrap_or(more));
            }
            return false;
        }
        self.header();
        let kept = line.get(..MAX_FOLDED).unwrap_or(line);
        self.folded.extend(kept);
        false
    }

    /// The header is whole.
    fn header(&mut self) {
        let line = std::mem::take(&mut self.folded);
        if let Some((name, value)) = split(&line, b':') {
            let value = value.trim_ascii();
            match field(name.trim_ascii_end()) {
                Some(Field::ContentLength) => self.content_length(value),
                Some(field) => self.take(field, value),
                None => {}
            }
        }
        self.folded = line;
        self.folded.clear();
    }

    fn content_length(&mut self, value: &[u8]) {
        let number = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
        self.body_len = number.unwrap_or(0);
        match self.kind {
            Kind::Request => self.record.request_body_len = number,
            Kind::Response => self.record.response_body_len = number,
        }
    }

    fn take(&mut self, field: Field, value: &[u8]) {
        use Kind::{Request, Response};
        let record = &mut self.record;
        let (place, value) = match (field, self.kind) {
            (Field::From, Request) => (&mut record.request_from, without(value, b"tag=")),
            (Field::From, Response) => (&mut record.response_from, without(value, b"tag=")),
            (Field::Via, kind) => {
                let path = match kind {
                    Request => &mut record.request_path,
                    Response => &mut record.response_path,
                };
                if path.len() < MAX_PATH {
                    path.push(text(without(value, b"branch")));
                }
                return;
            }
            (Field::To, Request) => (&mut record.request_to, value),
            (Field::To, Response) => (&mut record.response_to, value),
            (Field::CallId, _) => (&mut record.call_id, value),
            (Field::Seq, _) => (&mut record.seq, value),
            (Field::Date, Request) => (&mut record.date, value),
            (Field::ReplyTo, Request) => (&mut record.reply_to, value),
            (Field::Subject, Request) => (&mut record.subject, value),
            (Field::UserAgent, Request) => (&mut record.user_agent, value),
            (Field::Warning, Response) => (&mut record.warning, value),
            (Field::ContentType, Response) => (&mut record.content_type, value),
            _ => return,
        };
        *place = Some(text(value));
    }
}

#[derive(Clone, Copy)]
enum Field {
    From,
    To,
    Via,
    CallId,
    Seq,
    Date,
    ReplyTo,
    Subject,
    UserAgent,
    Warning,
    ContentType,
    ContentLength,
}

/// Names of headers, and their short forms (section 7.3.3).
const FIELDS: [(&[u8], Field); 19] = [
    (b"From", Field::From),
    (b"f", Field::From),
    (b"To", Field::To),
    (b"t", Field::To),
    (b"Via", Field::Via),
    (b"v", Field::Via),
    (b"Call-ID", Field::CallId),
    (b"i", Field::CallId),
    (b"CSeq", Field::Seq),
    (b"Date", Field::Date),
    (b"Reply-To", Field::ReplyTo),
    (b"Subject", Field::Subject),
    (b"s", Field::Subject),
    (b"User-Agent", Field::UserAgent),
    (b"Warning", Field::Warning),
    (b"Content-Type", Field::ContentType),
    (b"c", Field::ContentType),
    (b"Content-Length", Field::ContentLength),
    (b"l", Field::ContentLength),
];

fn field(name: &[u8]) -> Option<Field> {
    let mut fields = FIELDS.iter();
    let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(found.1)
}

/// What stands before and behind the first `mark`.
fn split(bytes: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// A value up to the parameter that begins so, as Zeek cuts it.
fn without<'a>(value: &'a [u8], parameter: &[u8]) -> &'a [u8] {
    let mut from = 0;
    while let Some((before, behind)) = value.get(from..).and_then(|rest| split(rest, b';')) {
        let name = behind.strip_prefix(b" ").unwrap_or(behind);
        if name.starts_with(parameter) {
            return value.get(..from + before.len()).unwrap_or(value);
        }
        from += before.len() + 1;
    }
    value
}
