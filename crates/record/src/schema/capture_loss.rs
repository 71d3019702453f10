//! The fields of `capture_loss`.

use crate::field::Ipfix::{Iana, Own};
use crate::field::Kind::{Count, Double, Interval, Str, Time};
use crate::field::{Info, Storage};
use crate::value::{Text, Value};
use crate::weird::CaptureLoss;

fields! {
    /// The fields of `capture_loss`, in the order they are written.
    CAPTURE_LOSS: CaptureLoss, |l, x|

    Info::zeek("ts", Time, "timestamp", Iana(323), "End of the interval.") => Value::Time(l.ts);
    Info::zeek("ts_delta", Interval, "stats.capture_loss.ts_delta", Own(70), "Length of the interval.") => Value::Interval(l.ts_delta);
    Info::zeek("peer", Str, "stats.capture_loss.peer", Own(71), "The worker that measured.").stored(Storage::Name) => { let mut text = Text::from("worker-"); text.push_number(l.worker.into()); Value::Text(text) };
    Info::zeek("gaps", Count, "stats.capture_loss.gaps", Own(72), "Acknowledgements of bytes that were never seen.") => Value::Count(l.gaps);
    Info::zeek("acks", Count, "stats.capture_loss.acks", Own(73), "Acknowledgements seen.") => Value::Count(l.acks);
    Info::zeek("percent_lost", Double, "stats.capture_loss.percent_lost", Own(74), "`gaps` as a percentage of `acks`.") => Value::Double(l.percent_lost());
    Info::added("sensor", Str, "host", Iana(300), "Name of the sensor that measured.").stored(Storage::Name) => x.sensor().into();
    Info::added("source", Str, "in_iface", Iana(82), "Interface or file it is about.").optional().stored(Storage::Name) => x.source(l.source).into();
}
