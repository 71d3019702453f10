//! `sip`: calls that are made.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Str, VecStr};
use crate::field::Storage;
use crate::value::{Items, Value};

/// A request and a response to it (RFC 3261), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Sip {
    /// The flow; `ts` is the request's time, or the response's where no request was seen.
    pub head: Head,
    /// Requests of the flow that waited for their final response when this one came.
    pub trans_depth: u64,
    pub method: Option<Box<str>>,
    pub uri: Option<Box<str>>,
    pub date: Option<Box<str>>,
    /// `From` without its tag.
    pub request_from: Option<Box<str>>,
    pub request_to: Option<Box<str>>,
    pub response_from: Option<Box<str>>,
    pub response_to: Option<Box<str>>,
    pub reply_to: Option<Box<str>>,
    pub call_id: Option<Box<str>>,
    /// `CSeq`.
    pub seq: Option<Box<str>>,
    pub subject: Option<Box<str>>,
    /// `Via`, each without its branch.
    pub request_path: Vec<Box<str>>,
    pub response_path: Vec<Box<str>>,
    pub user_agent: Option<Box<str>>,
    pub status_code: Option<u16>,
    pub status_msg: Option<Box<str>>,
    pub warning: Option<Box<str>>,
    pub request_body_len: Option<u64>,
    pub response_body_len: Option<u64>,
    /// Of the response.
    pub content_type: Option<Box<str>>,
}

conversation_log! {
    /// The fields of `sip`.
    SIP: Sip, |s, x|
    Info::zeek("trans_depth", Count, "sip.trans_depth", Own(100), "Requests of the flow that waited for their final response when this one came.") => Value::Count(s.trans_depth);
    Info::zeek("method", Str, "sip.method", Own(101), "What is asked for.").optional().stored(Storage::Name) => Value::str(s.method.as_deref());
    Info::zeek("uri", Str, "sip.uri", Own(102), "Whom it is asked of.").optional() => Value::str(s.uri.as_deref());
    Info::zeek("date", Str, "sip.date", Own(103), "Date in the request.").optional() => Value::str(s.date.as_deref());
    Info::zeek("request_from", Str, "sip.request_from", Own(104), "From in the request, without its tag.").optional() => Value::str(s.request_from.as_deref());
    Info::zeek("request_to", Str, "sip.request_to", Own(105), "To in the request.").optional() => Value::str(s.request_to.as_deref());
    Info::zeek("response_from", Str, "sip.response_from", Own(106), "From in the response, without its tag.").optional() => Value::str(s.response_from.as_deref());
    Info::zeek("response_to", Str, "sip.response_to", Own(107), "To in the response.").optional() => Value::str(s.response_to.as_deref());
    Info::zeek("reply_to", Str, "sip.reply_to", Own(108), "Reply-To in the request.").optional() => Value::str(s.reply_to.as_deref());
    Info::zeek("call_id", Str, "sip.call_id", Own(109), "The call.").optional() => Value::str(s.call_id.as_deref());
    Info::zeek("seq", Str, "sip.seq", Own(110), "CSeq: number and method.").optional() => Value::str(s.seq.as_deref());
    Info::zeek("subject", Str, "sip.subject", Own(111), "Subject in the request.").optional() => Value::str(s.subject.as_deref());
    Info::zeek("request_path", VecStr, "sip.request_path", Own(112), "The request's way: Via, without branches.").optional() => Value::items(Items::Texts(&s.request_path));
    Info::zeek("response_path", VecStr, "sip.response_path", Own(113), "The response's way.").optional() => Value::items(Items::Texts(&s.response_path));
    Info::zeek("user_agent", Str, "sip.user_agent", Own(114), "The client's program.").optional() => Value::str(s.user_agent.as_deref());
    Info::zeek("status_code", Count, "sip.code", Own(115), "Status code of the response.").optional().stored(Storage::U16) => Value::count(s.status_code);
    Info::zeek("status_msg", Str, "sip.reason", Own(116), "What it says in words.").optional() => Value::str(s.status_msg.as_deref());
    Info::zeek("warning", Str, "sip.warning", Own(117), "Warning in the response.").optional() => Value::str(s.warning.as_deref());
    Info::zeek("request_body_len", Count, "sip.request_body_len", Own(118), "Content-Length of the request, bytes.").optional() => Value::count(s.request_body_len);
    Info::zeek("response_body_len", Count, "sip.response_body_len", Own(119), "Content-Length of the response, bytes.").optional() => Value::count(s.response_body_len);
    Info::zeek("content_type", Str, "sip.content_type", Own(120), "Content-Type of the response.").optional() => Value::str(s.content_type.as_deref());
}
