//! The fields of `weird`.

use crate::field::Ipfix::{ByFamily, Iana, Own};
use crate::field::Kind::{Addr, Bool, Port, Str, Time};
use crate::field::{Info, Storage};
use crate::value::{Text, Value};
use crate::weird::Weird;

fields! {
    /// The fields of `weird`, in the order they are written.
    WEIRD: Weird, |w, x|

    Info::zeek("ts", Time, "timestamp", Iana(323), "When it was seen.") => Value::Time(w.ts);
    Info::zeek("uid", Str, "portreeve.uid", Own(1), "The flow it belongs to.").optional() => w.uid.map_or(Value::Unset, Value::Uid);
    Info::zeek("id.orig_h", Addr, "src_ip", ByFamily(8, 27), "The originator's address.").optional() => w.endpoints.map_or(Value::Unset, |e| Value::Addr(e.0));
    Info::zeek("id.orig_p", Port, "src_port", Iana(7), "The originator's port.").optional() => w.endpoints.map_or(Value::Unset, |e| Value::Port(e.1));
    Info::zeek("id.resp_h", Addr, "dest_ip", ByFamily(12, 28), "The responder's address.").optional() => w.endpoints.map_or(Value::Unset, |e| Value::Addr(e.2));
    Info::zeek("id.resp_p", Port, "dest_port", Iana(11), "The responder's port.").optional() => w.endpoints.map_or(Value::Unset, |e| Value::Port(e.3));
    Info::zeek("name", Str, "anomaly.event", Own(60), "What was odd: Zeek's name where it has one.").stored(Storage::Name) => Value::Str(w.name);
    Info::zeek("addl", Str, "portreeve.addl", Own(61), "More on it.").optional() => Value::text(w.addl.map(|number| { let mut text = Text::default(); text.push_number(number); text }));
    Info::zeek("notice", Bool, "portreeve.notice", Own(62), "Always false: Portreeve raises no notices.") => Value::Bool(false);
    Info::zeek("peer", Str, "portreeve.peer", Own(63), "Zeek writes the node here, Portreeve the sensor.").stored(Storage::Name) => x.sensor().into();
    Info::zeek("source", Str, "in_iface", Iana(82), "Interface or file it came from. (Zeek writes the analyzer that complained.)").optional().stored(Storage::Name) => x.source(w.source).into();
    Info::added("sensor", Str, "host", Iana(300), "Name of the sensor that saw it.").stored(Storage::Name) => x.sensor().into();
}
