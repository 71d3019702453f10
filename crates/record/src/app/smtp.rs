//! `smtp`: a mail handed over.

use std::net::IpAddr;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Addr, Bool, Count, SetStr, Str, VecAddr, VecStr};
use crate::field::Storage;
use crate::uid::Fuid;
use crate::value::{Items, Value};

/// A message, or an attempt to hand one over (RFC 5321, RFC 5322), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Smtp {
    /// The conversation; `ts` is when the message before it was over, or the connection began to talk.
    pub head: Head,
    /// The how manieth message of the connection it is.
    pub trans_depth: u32,
    /// What the client called itself.
    pub helo: Option<Box<str>>,
    /// The sender's address, of the envelope.
    pub mailfrom: Option<Box<str>>,
    /// The recipients' addresses, of the envelope.
    pub rcptto: Vec<Box<str>>,
    /// `Date`.
    pub date: Option<Box<str>>,
    /// `From`.
    pub from: Option<Box<str>>,
    /// `To`, each recipient.
    pub to: Vec<Box<str>>,
    /// `Cc`, each recipient.
    pub cc: Vec<Box<str>>,
    /// `Reply-To`.
    pub reply_to: Option<Box<str>>,
    /// `Message-ID`.
    pub msg_id: Option<Box<str>>,
    /// `In-Reply-To`.
    pub in_reply_to: Option<Box<str>>,
    /// `Subject`, as it is encoded.
    pub subject: Option<Box<str>>,
    /// `X-Originating-IP`.
    pub x_originating_ip: Option<IpAddr>,
    /// The last `Received` of the message: the first that was written.
    pub first_received: Option<Box<str>>,
    /// The one above it.
    pub second_received: Option<Box<str>>,
    /// The server's last reply: number and text.
    pub last_reply: Option<Box<str>>,
    /// The addresses it went through, the last first.
    pub path: Vec<IpAddr>,
    /// `User-Agent` or `X-Mailer`.
    pub user_agent: Option<Box<str>>,
    /// Whether the connection went over to TLS.
    pub tls: bool,
    /// Identifiers of the files in it.
    pub fuids: Vec<Fuid>,
}

conversation_log! {
    /// The fields of `smtp`.
    SMTP: Smtp, |m, x|
    Info::zeek("trans_depth", Count, "smtp.trans_depth", Own(100), "The how manieth message of the connection it is, from 1.").stored(Storage::U32) => Value::Count(m.trans_depth.into());
    Info::zeek("helo", Str, "smtp.helo", Own(101), "What the client called itself.").optional() => Value::str(m.helo.as_deref());
    Info::zeek("mailfrom", Str, "smtp.mail_from", Own(102), "The sender's address, of the envelope.").optional() => Value::str(m.mailfrom.as_deref());
    Info::zeek("rcptto", SetStr, "smtp.rcpt_to", Own(103), "The recipients' addresses, of the envelope.").optional() => Value::items(Items::Texts(&m.rcptto));
    Info::zeek("date", Str, "email.date", Own(104), "The header Date.").optional() => Value::str(m.date.as_deref());
    Info::zeek("from", Str, "email.from", Own(105), "The header From.").optional() => Value::str(m.from.as_deref());
    Info::zeek("to", SetStr, "email.to", Own(106), "The header To, each recipient.").optional() => Value::items(Items::Texts(&m.to));
    Info::zeek("cc", SetStr, "email.cc", Own(107), "The header Cc, each recipient.").optional() => Value::items(Items::Texts(&m.cc));
    Info::zeek("reply_to", Str, "email.reply_to", Own(108), "The header Reply-To.").optional() => Value::str(m.reply_to.as_deref());
    Info::zeek("msg_id", Str, "email.message_id", Own(109), "The header Message-ID.").optional() => Value::str(m.msg_id.as_deref());
    Info::zeek("in_reply_to", Str, "email.in_reply_to", Own(110), "The header In-Reply-To.").optional() => Value::str(m.in_reply_to.as_deref());
    Info::zeek("subject", Str, "email.subject", Own(111), "The header Subject, as it is encoded.").optional() => Value::str(m.subject.as_deref());
    Info::zeek("x_originating_ip", Addr, "smtp.x_originating_ip", Own(112), "The address in the header X-Originating-IP.").optional() => Value::addr(m.x_originating_ip);
    Info::zeek("first_received", Str, "smtp.first_received", Own(113), "The last header Received of the message: the first that was written.").optional() => Value::str(m.first_received.as_deref());
    Info::zeek("second_received", Str, "smtp.second_received", Own(114), "The header Received above that.").optional() => Value::str(m.second_received.as_deref());
    Info::zeek("last_reply", Str, "smtp.last_reply", Own(115), "The server's last reply: number and text.").optional() => Value::str(m.last_reply.as_deref());
    Info::zeek("path", VecAddr, "smtp.path", Own(116), "The addresses that the message went through, the last first: this connection's, then those of the headers Received.").optional() => Value::items(Items::Addrs(&m.path));
    Info::zeek("user_agent", Str, "smtp.user_agent", Own(117), "The header User-Agent, X-User-Agent or X-Mailer.").optional() => Value::str(m.user_agent.as_deref());
    Info::zeek("tls", Bool, "smtp.tls", Own(118), "The connection went over to TLS.") => Value::Bool(m.tls);
    Info::zeek("fuids", VecStr, "smtp.fuids", Own(119), "The files in the message, by their `fuid` in `files`.") => Value::Set(Items::Fuids(&m.fuids));
}
