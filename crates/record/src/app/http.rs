//! `http`: a request and its response.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, SetStr, Str, VecStr};
use crate::field::Storage;
use crate::uid::Fuid;
use crate::value::{Items, Value};

/// A request and its response (RFC 9110), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Http {
    /// The conversation; `ts` is the request's time, or the response's where no request was seen.
    pub head: Head,
    /// The how-manieth of its connection, from 1.
    pub trans_depth: u64,
    /// Method.
    pub method: Option<Box<str>>,
    /// Host asked, with its port where one was sent.
    pub host: Option<Box<str>>,
    /// Target of the request, as it was sent.
    pub uri: Option<Box<str>>,
    /// The same with its percent signs decoded, where that is something else.
    pub uri_decoded: Option<Box<str>>,
    /// Referer.
    pub referrer: Option<Box<str>>,
    /// Version of the response.
    pub version: Option<&'static str>,
    /// User-Agent.
    pub user_agent: Option<Box<str>>,
    /// Origin.
    pub origin: Option<Box<str>>,
    /// Size of the request's content, bytes, without the framing of chunks.
    pub request_body_len: u64,
    /// Size of the response's content, bytes, without the framing of chunks.
    pub response_body_len: u64,
    /// Status of the response.
    pub status_code: Option<u16>,
    /// Reason phrase of the response.
    pub status_msg: Option<Box<str>>,
    /// Status of the last interim response (1xx).
    pub info_code: Option<u16>,
    /// Reason phrase of the last interim response.
    pub info_msg: Option<Box<str>>,
    /// User name of Basic authentication (RFC 7617).
    pub username: Option<Box<str>>,
    /// Whether there was a password: what it was is not kept.
    pub has_password: bool,
    /// Fields that tell of a proxy, as `NAME -> value`.
    pub proxied: Vec<Box<str>>,
    /// What the request carried.
    pub orig: HttpContent,
    /// What the response carried.
    pub resp: HttpContent,
    /// Content-Type of the response, without its parameters.
    pub content_type: Option<Box<str>>,
    /// Location of the response: where it leads to.
    pub location: Option<Box<str>>,
    /// Server: the program that answers.
    pub server: Option<Box<str>>,
    /// X-Powered-By: the program behind it.
    pub powered_by: Option<Box<str>>,
}

/// Content of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpContent {
    /// Identifiers of the files.
    pub fuids: Vec<Fuid>,
    /// Names of files, from Content-Disposition or Content-Type.
    pub filenames: Vec<Box<str>>,
    /// Media types, by the first bytes.
    pub mime_types: Vec<Box<str>>,
}

/// What stands in the place of a password.
const HIDDEN: &str = "<hidden>";

conversation_log! {
    /// The fields of `http`.
    HTTP: Http, |h, x|
    Info::zeek("trans_depth", Count, "http.trans_depth", Own(100), "The how-manieth request of its connection, from 1.").stored(Storage::U64) => Value::Count(h.trans_depth);
    Info::zeek("method", Str, "http.http_method", Own(101), "Method of the request.").optional().stored(Storage::Name) => Value::str(h.method.as_deref());
    Info::zeek("host", Str, "http.hostname", Own(102), "Host that was asked, with its port where one was sent.").optional() => Value::str(h.host.as_deref());
    Info::zeek("uri", Str, "http.url", Own(103), "Target of the request, as it was sent.").optional() => Value::str(h.uri.as_deref());
    Info::zeek("referrer", Str, "http.http_refer", Own(104), "The page that led there.").optional() => Value::str(h.referrer.as_deref());
    Info::zeek("version", Str, "http.version", Own(105), "Version of the response.").optional().stored(Storage::Name) => Value::word(h.version);
    Info::zeek("user_agent", Str, "http.http_user_agent", Own(106), "The client's program.").optional() => Value::str(h.user_agent.as_deref());
    Info::zeek("origin", Str, "http.origin", Own(107), "The site whose page made the request.").optional() => Value::str(h.origin.as_deref());
    Info::zeek("request_body_len", Count, "http.request_length", Own(108), "Size of the request's content, bytes.") => Value::Count(h.request_body_len);
    Info::zeek("response_body_len", Count, "http.length", Own(109), "Size of the response's content, bytes, as it was sent: not decompressed.") => Value::Count(h.response_body_len);
    Info::zeek("status_code", Count, "http.status", Own(110), "Status of the response.").optional().stored(Storage::U16) => Value::count(h.status_code);
    Info::zeek("status_msg", Str, "http.status_msg", Own(111), "Reason phrase of the response.").optional() => Value::str(h.status_msg.as_deref());
    Info::zeek("info_code", Count, "http.info_code", Own(112), "Status of the last interim response.").optional().stored(Storage::U16) => Value::count(h.info_code);
    Info::zeek("info_msg", Str, "http.info_msg", Own(113), "Reason phrase of the last interim response.").optional() => Value::str(h.info_msg.as_deref());
    Info::zeek("tags", SetStr, "http.tags", Own(114), "Marks that scripts gave it: there are none.") => Value::Set(Items::Texts(&[]));
    Info::zeek("username", Str, "http.username", Own(115), "User name of Basic authentication.").optional() => Value::str(h.username.as_deref());
    Info::zeek("password", Str, "http.password", Own(116), "That a password was sent with the user name; never the password.").optional().stored(Storage::Name) => Value::str(h.has_password.then_some(HIDDEN));
    Info::zeek("proxied", SetStr, "http.proxied", Own(117), "Fields that tell of a proxy.").optional() => Value::items(Items::Texts(&h.proxied));
    Info::zeek("orig_fuids", VecStr, "http.orig_fuids", Own(118), "The files in the request, by their `fuid` in `files`.").optional() => Value::items(Items::Fuids(&h.orig.fuids));
    Info::zeek("orig_filenames", VecStr, "http.orig_filenames", Own(119), "Names of the files in the request.").optional() => Value::items(Items::Texts(&h.orig.filenames));
    Info::zeek("orig_mime_types", VecStr, "http.orig_mime_types", Own(120), "Media types of the request's content, by its first bytes.").optional() => Value::items(Items::Texts(&h.orig.mime_types));
    Info::zeek("resp_fuids", VecStr, "http.resp_fuids", Own(121), "The files in the response, by their `fuid` in `files`.").optional() => Value::items(Items::Fuids(&h.resp.fuids));
    Info::zeek("resp_filenames", VecStr, "http.resp_filenames", Own(122), "Names of the files in the response.").optional() => Value::items(Items::Texts(&h.resp.filenames));
    Info::zeek("resp_mime_types", VecStr, "http.resp_mime_types", Own(123), "Media types of the response's content, by its first bytes.").optional() => Value::items(Items::Texts(&h.resp.mime_types));
    Info::added("uri_decoded", Str, "http.url_decoded", Own(124), "Target of the request with its percent signs decoded, where that is something else.").optional() => Value::str(h.uri_decoded.as_deref());
    Info::added("resp_content_type", Str, "http.http_content_type", Own(125), "Media type that the response says it has.").optional().stored(Storage::Name) => Value::str(h.content_type.as_deref());
    Info::added("location", Str, "http.redirect", Own(126), "Where the response leads to.").optional() => Value::str(h.location.as_deref());
    Info::added("server", Str, "http.server", Own(127), "The server's program.").optional() => Value::str(h.server.as_deref());
    Info::added("powered_by", Str, "http.x_powered_by", Own(128), "The program behind the server (X-Powered-By).").optional() => Value::str(h.powered_by.as_deref());
}
