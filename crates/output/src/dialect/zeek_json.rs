//! Zeek's JSON: flat objects under Zeek's names; what is unset is left out, and so are our own counters that are 0.

use portreeve_record::value::Items;
use portreeve_record::{Info, Key, Record, RecordContext, Value, Visitor};

use crate::draft::Draft;
use crate::escape;
use crate::text::{self, Room, TimeFormat};

/// Writes one record as a line.
pub(super) fn record(
    mut draft: Draft<'_>,
    record: &Record,
    context: &RecordContext,
    time: TimeFormat,
    with_path: bool,
) {
    let begun = draft.position();
    if with_path {
        draft.put(b",\"_path\":\"");
        draft.text(record.path().as_bytes());
        draft.put(b"\"");
    }
    let mut members = Members { draft, time };
    record.visit(context, &mut members);
    draft = members.draft;
    draft.set(begun, b'{');
    draft.put(b"}\n");
    draft.end();
}

struct Members<'a> {
    draft: Draft<'a>,
    time: TimeFormat,
}

impl Visitor for Members<'_> {
    #[inline(always)]
    fn field(&mut self, field: &'static Info, value: Value<'_>) {
        if !left_out(field, &value) {
            member(&mut self.draft, &field.key, &value, self.time);
        }
    }
}

/// Whether JSON has no member for this value: none, or the 0 of a counter of ours.
#[inline(always)]
pub(super) fn left_out(field: &Info, value: &Value<'_>) -> bool {
    value.is_unset() || field.counter && matches!(value, Value::Count(0))
}

/// Writes `,"key":value`; unset is `null`.
#[inline(always)]
pub(super) fn member(draft: &mut Draft<'_>, key: &Key, value: &Value<'_>, time: TimeFormat) {
    match *value {
        Value::Time(at) => {
            draft.put(key.bare());
            moment(draft, at, time);
        }
        Value::Interval(nanoseconds) => {
            draft.put(key.bare());
            draft.value(|room| text::seconds(room, nanoseconds, time.decimals()));
        }
        Value::Addr(address) => {
            draft.put(key.quoted());
            draft.value(|room| text::address(room, address));
            draft.put(b"\"");
        }
        Value::Port(port) => number(draft, key, port.into()),
        Value::Count(count) => number(draft, key, count),
        Value::Int(int) => {
            draft.put(key.bare());
            draft.value(|room| text::signed(room, int));
        }
        Value::Double(double) => {
            draft.put(key.bare());
            draft.value(|room| {
                text::double(room, double).unwrap_or_else(|| {
                    room[..4].copy_from_slice(b"null");
                    4
                })
            });
        }
        Value::Bool(bool) => {
            draft.put(key.bare());
            if bool {
                draft.put(b"true");
            } else {
                draft.put(b"false");
            }
        }
        Value::Str(content) => {
            draft.put(key.quoted());
            if escape::is_plain(content.as_bytes()) {
                draft.text(content.as_bytes());
            } else {
                draft.long(|out| escape::json(out, content));
            }
            draft.put(b"\"");
        }
        Value::Word(content) => quoted(draft, key, content.as_bytes()),
        Value::Letters(letters) => quoted(draft, key, letters),
        Value::Text(ref content) => quoted(draft, key, content.as_bytes()),
        Value::Uid(uid) => {
            draft.put(key.quoted());
            draft.put(&uid.text());
            draft.put(b"\"");
        }
        Value::Set(items) => {
            draft.put(key.bare());
            draft.long(|out| set(out, items, time));
        }
        _ => {
            draft.put(key.bare());
            draft.put(b"null");
        }
    }
}

/// A text with nothing in it to escape.
#[inline(always)]
fn quoted(draft: &mut Draft<'_>, key: &Key, content: &[u8]) {
    draft.put(key.quoted());
    draft.text(content);
    draft.put(b"\"");
}

/// A number. Most have one digit.
#[inline(always)]
fn number(draft: &mut Draft<'_>, key: &Key, number: u64) {
    draft.put(key.bare());
    if number < 10 {
        draft.put(&[b'0' + number as u8]);
    } else {
        draft.value(|room| text::number(room, number));
    }
}

#[inline(always)]
fn moment(draft: &mut Draft<'_>, at: i64, time: TimeFormat) {
    if time.is_iso() {
        draft.put(b"\"");
        draft.value(|room| text::iso8601(room, at, time.decimals()));
        draft.put(b"Z\"");
    } else {
        draft.value(|room| text::seconds(room, at, time.decimals()));
    }
}

#[inline(never)]
fn set(out: &mut Vec<u8>, items: Items<'_>, time: TimeFormat) {
    match items {
        Items::Uids(uids) => list(out, uids, |out, uid| out.extend_from_slice(&uid.text())),
        Items::Fuids(fuids) => list(out, fuids, |out, fuid| {
            out.extend_from_slice(fuid.text().as_bytes());
        }),
        Items::Strs(strs) => list(out, strs, |out, content| escape::json(out, content)),
        Items::Texts(texts) => list(out, texts, |out, content| escape::json(out, content)),
        Items::Addrs(addresses) => list(out, addresses, |out, address| {
            text::append(out, |room| text::address(room, *address));
        }),
        Items::Counts(counts) => numbers(out, counts, |room, count| text::number(room, *count)),
        Items::Intervals(intervals) => numbers(out, intervals, |room, interval| {
            text::seconds(room, *interval, time.decimals())
        }),
        _ => out.extend_from_slice(b"null"),
    }
}

fn numbers<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Room, &T) -> usize) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text::append(out, |room| write(room, item));
    }
    out.push(b']');
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut inside: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.push(b'"');
        inside(out, item);
        out.push(b'"');
    }
    out.push(b']');
}
