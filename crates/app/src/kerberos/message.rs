//! Messages (RFC 4120 section 5), as far as they are looked at.

use crate::ber::{Elements, INTEGER, SEQUENCE, application, context, head};
use crate::text::text;

/// GeneralString.
const STRING: u8 = 0x1b;
/// GeneralizedTime.
const TIME: u8 = 0x18;
const BIT_STRING: u8 = 0x03;
const VERSION: i64 = 5;
/// The most parts of a name.
const MAX_PARTS: usize = 16;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    AsRequest,
    AsReply,
    TgsRequest,
    TgsReply,
    ApRequest,
    ApReply,
    Error,
}

/// The tags that messages begin with.
pub(super) const KINDS: [u8; 7] = [
    application(10),
    application(11),
    application(12),
    application(13),
    application(14),
    application(15),
    application(30),
];

impl Kind {
    fn of(tag: u8) -> Option<Kind> {
        Some(match tag & 0x1f {
            10 => Kind::AsRequest,
            11 => Kind::AsReply,
            12 => Kind::TgsRequest,
            13 => Kind::TgsReply,
            14 => Kind::ApRequest,
            15 => Kind::ApReply,
            30 => Kind::Error,
            _ => return None,
        })
    }

    pub(super) fn is_request(self) -> bool {
        matches!(self, Kind::AsRequest | Kind::TgsRequest | Kind::ApRequest)
    }
}

/// What `bytes` begin with, if that is a message; its end need not be there.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    let tag = bytes.first().filter(|tag| KINDS.contains(tag))?;
    let outer = head(bytes)?;
    let inner = bytes.get(outer.len..)?;
    let sequence = head(inner).filter(|head| head.tag == SEQUENCE)?;
    if sequence.len + sequence.content != outer.content {
        return None;
    }
    let mut fields = Elements::new(inner.get(sequence.len..)?);
    // Version and kind are the first two fields, counted from 1 in requests to the key distribution centre, else from 0.
    let first = u8::from(matches!(tag & 0x1f, 10 | 12));
    let version = fields.inside(context(first))?.number(INTEGER)?;
    let kind = fields.inside(context(first + 1))?.number(INTEGER)?;
    if version != VERSION || kind != i64::from(tag & 0x1f) {
        return None;
    }
    Kind::of(*tag)
}

/// A message's fields.
pub(super) fn fields(message: &[u8]) -> Option<Elements<'_>> {
    let (_, content) = Elements::new(message).next()?;
    Elements::new(content).inside(SEQUENCE)
}

/// A request for a ticket: KDC-REQ-BODY (section 5.4.1).
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) forwardable: Option<bool>,
    pub(super) renewable: Option<bool>,
    pub(super) client: Option<Box<str>>,
    pub(super) realm: Option<Box<str>>,
    pub(super) service: Option<Box<str>>,
    pub(super) from: Option<i64>,
    pub(super) till: Option<i64>,
}

pub(super) fn request(message: &[u8]) -> Option<Request> {
    let mut request = Request::default();
    let (_, body) = fields(message)?.find(|(tag, _)| *tag == context(4))?;
    for (tag, content) in Elements::new(body).inside(SEQUENCE)? {
        let mut content = Elements::new(content);
        match tag & 0x1f {
            0 => {
                // The number of unused bits, then 32 flags: the second is `forwardable`, the ninth `renewable`.
                let flags = content.content(BIT_STRING)?;
                request.forwardable = flags.get(1).map(|byte| byte & 0x40 != 0);
                request.renewable = flags.get(2).map(|byte| byte & 0x80 != 0);
            }
            1 => request.client = name(content),
            2 => request.realm = content.content(STRING).map(text),
            3 => request.service = name(content),
            4 => request.from = time(content),
            5 => request.till = time(content),
            _ => break,
        }
    }
    Some(request)
}

/// A ticket (section 5.3), and what of it is in clear.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    pub(super) realm: Option<Box<str>>,
    pub(super) service: Option<Box<str>>,
    pub(super) cipher: Option<i32>,
}

fn ticket(mut content: Elements<'_>) -> Option<Ticket> {
    let mut ticket = Ticket::default();
    for (tag, content) in content.inside(application(1))?.inside(SEQUENCE)? {
        let mut content = Elements::new(content);
        match tag & 0x1f {
            1 => ticket.realm = content.content(STRING).map(text),
            2 => ticket.service = name(content),
            3 => {
                let mut encrypted = content.inside(SEQUENCE)?;
                let number = encrypted.inside(context(0))?.number(INTEGER)?;
                ticket.cipher = i32::try_from(number).ok();
            }
            _ => {}
        }
    }
    Some(ticket)
}

/// The ticket that is shown in an AP-REQ (section 5.5.1).
pub(super) fn shown(message: &[u8]) -> Option<Ticket> {
    let (_, content) = fields(message)?.find(|(tag, _)| *tag == context(3))?;
    ticket(Elements::new(content))
}

/// A reply with a ticket (section 5.4.2).
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) realm: Option<Box<str>>,
    pub(super) client: Option<Box<str>>,
    pub(super) ticket: Ticket,
}

pub(super) fn reply(message: &[u8]) -> Option<Reply> {
    let mut reply = Reply::default();
    for (tag, content) in fields(message)? {
        let mut content = Elements::new(content);
        match tag & 0x1f {
            3 => reply.realm = content.content(STRING).map(text),
            4 => reply.client = name(content),
            5 => reply.ticket = ticket(content)?,
            _ => {}
        }
    }
    Some(reply)
}

/// KRB-ERROR (section 5.9.1).
#[derive(Debug, Default)]
pub(super) struct Error {
    pub(super) code: u32,
    pub(super) client_realm: Option<Box<str>>,
    pub(super) client: Option<Box<str>>,
    pub(super) service: Option<Box<str>>,
    pub(super) text: Option<Box<str>>,
}

pub(super) fn error(message: &[u8]) -> Option<Error> {
    let mut error = Error::default();
    for (tag, content) in fields(message)? {
        let mut content = Elements::new(content);
        match tag & 0x1f {
            6 => error.code = content.number(INTEGER)?.try_into().ok()?,
            7 => error.client_realm = content.content(STRING).map(text),
            8 => error.client = name(content),
            10 => error.service = name(content),
            11 => error.text = content.content(STRING).map(text),
            _ => {}
        }
    }
    Some(error)
}

/// A PrincipalName (section 5.2.2), its parts divided by slashes.
fn name(mut content: Elements<'_>) -> Option<Box<str>> {
    let (_, parts) = content
        .inside(SEQUENCE)?
        .find(|(tag, _)| *tag == context(1))?;
    let mut name = String::new();
    for (tag, part) in Elements::new(parts).inside(SEQUENCE)?.take(MAX_PARTS) {
        if tag == STRING {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(&text(part));
        }
    }
    Some(name.into())
}

/// A KerberosTime (section 5.2.3), `YYYYMMDDhhmmssZ`, in nanoseconds since 1970-01-01 UTC.
fn time(mut content: Elements<'_>) -> Option<i64> {
    let digits = content.content(TIME)?;
    let number = |from: usize, to: usize| {
        let mut number = 0i64;
        for digit in digits.get(from..to)? {
            number = number * 10 + i64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
        }
        Some(number)
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    // Days by the calendar with years that begin in March, so that a leap day is a year's last.
    let years = if month <= 2 { year - 1 } else { year };
    let months = (month + 9).rem_euclid(12);
    let days = 365 * years + years.div_euclid(4) - years.div_euclid(100)
        + years.div_euclid(400)
        + (153 * months + 2) / 5
        + day
        - 1
        - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)
}
