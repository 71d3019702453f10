//! One message, out of what relays wrapped around it.

use std::net::Ipv6Addr;

use crate::bytes::Reader;

/// The most relays that are looked through: RFC 8415's HOP_COUNT_LIMIT.
const MAX_RELAYS: usize = 8;

const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
const RELAY_MESSAGE: u16 = 9;

pub(super) const CLIENT_ID: u16 = 1;
pub(super) const SERVER_ID: u16 = 2;

/// A message of client or server.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: u8,
    pub(super) xid: u32,
    /// The link of the client, if a relay says it.
    pub(super) link: Option<Ipv6Addr>,
    options: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn parse(mut bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut link = None;
        for _ in 0..=MAX_RELAYS {
            let mut reader = Reader::new(bytes);
            let kind = reader.u8()?;
            if !matches!(kind, RELAY_FORWARD | RELAY_REPLY) {
                return Some(Message {
                    kind,
                    xid: reader.u24()?,
                    link,
                    options: reader.rest(),
                });
            }
            // The number of hops; the link's address; the peer's address.
            reader.u8()?;
            link = Some(Ipv6Addr::from(reader.array::<16>()?));
            reader.take(16)?;
            bytes = options(reader.rest())
                .find(|(code, _)| *code == RELAY_MESSAGE)?
                .1;
        }
        None
    }

    pub(super) fn options(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        options(self.options)
    }

    pub(super) fn is_from_client(&self) -> bool {
        !matches!(self.kind, 2 | 7 | 10 | 13 | 15 | 17)
    }

    /// Whether it is a type there is, its options fill it, and it says who sent it or for whom it is.
    pub(super) fn is_plausible(&self) -> bool {
        let mut len = 0;
        let mut identified = false;
        for (code, value) in self.options() {
            len += 4 + value.len();
            identified |= matches!(code, CLIENT_ID | SERVER_ID) && value.len() > 2;
        }
        let known = (1..=MAX_TYPE).contains(&self.kind);
        // An information request need not say who asks.
        known && len == self.options.len() && (identified || (self.kind == 11 && len > 0))
    }
}

/// Options, as far as they are whole.
pub(super) fn options(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || Some((reader.u16()?, reader.vec16()?)))
}

const NAMES: [&str; 23] = [
    "SOLICIT",
    "ADVERTISE",
    "REQUEST",
    "CONFIRM",
    "RENEW",
    "REBIND",
    "REPLY",
    "RELEASE",
    "DECLINE",
    "RECONFIGURE",
    "INFORMATION-REQUEST",
    "RELAY-FORW",
    "RELAY-REPL",
    "LEASEQUERY",
    "LEASEQUERY-REPLY",
    "LEASEQUERY-DONE",
    "LEASEQUERY-DATA",
    "RECONFIGURE-REQUEST",
    "RECONFIGURE-REPLY",
    "DHCPV4-QUERY",
    "DHCPV4-RESPONSE",
    "ACTIVELEASEQUERY",
    "STARTTLS",
];
const MAX_TYPE: u8 = NAMES.len() as u8;

/// The name of a type of message (IANA's "DHCPv6 Message Types").
pub(super) fn type_name(number: u8) -> Box<str> {
    match NAMES.get(usize::from(number).wrapping_sub(1)) {
        Some(&name) => name.into(),
        None => format!("unknown-message-type-{number}").into(),
    }
}
