//! `dce_rpc`: calls of remote procedures.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Interval, Str};
use crate::field::Storage;
use crate::value::Value;

/// A call and its answer (DCE 1.1: Remote Procedure Call, [MS-RPCE]), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DceRpc {
    /// The conversation; `ts` is the call's time.
    pub head: Head,
    /// From call to answer, nanoseconds.
    pub rtt: Option<i64>,
    /// The server's second address: a pipe's name or a port.
    pub named_pipe: Option<Box<str>>,
    /// The interface.
    pub endpoint: Option<Box<str>>,
    /// The procedure.
    pub operation: Option<Box<str>>,
}

conversation_log! {
    /// The fields of `dce_rpc`.
    DCE_RPC: DceRpc, |d, x|
    Info::zeek("rtt", Interval, "dcerpc.rtt", Own(100), "From the call to its answer.").optional() => Value::interval(d.rtt);
    Info::zeek("named_pipe", Str, "dcerpc.named_pipe", Own(101), "The pipe or port that the server named when it was bound to.").optional().stored(Storage::Name) => Value::str(d.named_pipe.as_deref());
    Info::zeek("endpoint", Str, "dcerpc.endpoint", Own(102), "The interface, by its UUID.").optional().stored(Storage::Name) => Value::str(d.endpoint.as_deref());
    Info::zeek("operation", Str, "dcerpc.operation", Own(103), "The procedure called.").optional().stored(Storage::Name) => Value::str(d.operation.as_deref());
}
