//! Zeek's tab-separated logs: header lines, `-` for unset, `(empty)` for empty.

use std::time::SystemTime;

use portreeve_record::schema::Log;
use portreeve_record::value::Items;
use portreeve_record::{Info, Record, RecordContext, Value, Visitor};

use crate::clock::nanoseconds;
use crate::draft::Draft;
use crate::escape;
use crate::text::{self, Civil, TimeFormat};

const UNSET: &str = "-";
const EMPTY: &str = "(empty)";

/// Appends the header lines of a log.
pub(super) fn header(out: &mut Vec<u8>, log: &Log, opened: SystemTime) {
    out.extend_from_slice(
        b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t",
    );
    out.extend_from_slice(log.path.as_bytes());
    moment(out, b"\n#open\t", opened);
    out.extend_from_slice(b"#fields");
    for field in &log.fields {
        out.push(b'\t');
        out.extend_from_slice(field.name.as_bytes());
    }
    out.extend_from_slice(b"\n#types");
    for field in &log.fields {
        out.push(b'\t');
        out.extend_from_slice(field.kind.zeek().as_bytes());
    }
    out.push(b'\n');
}

/// Appends the line that ends a log.
pub(super) fn footer(out: &mut Vec<u8>, closed: SystemTime) {
    moment(out, b"#close\t", closed);
}

fn moment(out: &mut Vec<u8>, before: &[u8], at: SystemTime) {
    out.extend_from_slice(before);
    let at = Civil::from_nanoseconds(nanoseconds(at));
    let mut room = [0; text::ROOM];
    let len = text::civil(&mut room, at, b'-', b'-', b'-');
    out.extend_from_slice(&room[..len]);
    out.push(b'\n');
}

/// Writes one record as a line.
pub(super) fn record(draft: Draft<'_>, record: &Record, context: &RecordContext, time: TimeFormat) {
    let mut columns = Columns { draft, time };
    record.visit(context, &mut columns);
    let mut draft = columns.draft;
    let last = draft.position() - 1;
    draft.set(last, b'\n');
    draft.end();
}

struct Columns<'a> {
    draft: Draft<'a>,
    time: TimeFormat,
}

impl Visitor for Columns<'_> {
    #[inline(always)]
    fn field(&mut self, _: &'static Info, value: Value<'_>) {
        column(&mut self.draft, &value, self.time);
    }
}

/// Writes a value and a tab.
#[inline(always)]
fn column(draft: &mut Draft<'_>, value: &Value<'_>, time: TimeFormat) {
    match *value {
        Value::Unset => return draft.put(b"-\t"),
        Value::Time(at) if time.is_iso() => {
            draft.value(|room| text::iso8601(room, at, time.decimals()));
            draft.put(b"Z");
        }
        Value::Time(nanoseconds) | Value::Interval(nanoseconds) => {
            draft.value(|room| text::seconds(room, nanoseconds, time.decimals()));
        }
        Value::Addr(address) => draft.value(|room| text::address(room, address)),
        Value::Port(port) => return number(draft, port.into()),
        Value::Count(count) => return number(draft, count),
        Value::Int(int) => draft.value(|room| text::signed(room, int)),
        Value::Double(double) => draft.value(|room| {
            text::double(room, double).unwrap_or_else(|| {
                room[0] = b'-';
                1
            })
        }),
        Value::Bool(true) => draft.put(b"T"),
        Value::Bool(false) => draft.put(b"F"),
        Value::Str(content) if stands_as_it_is(content) => draft.text(content.as_bytes()),
        Value::Str(content) => draft.long(|out| string(out, content, false)),
        Value::Word(content) => draft.text(content.as_bytes()),
        Value::Letters(letters) => draft.text(letters),
        Value::Uid(uid) => draft.put(&uid.text()),
        Value::Text(ref content) => draft.text(content.as_bytes()),
        Value::Set(items) => draft.long(|out| set(out, items, time)),
        _ => draft.put(UNSET.as_bytes()),
    }
    draft.put(b"\t");
}

/// A number and a tab. Most have one digit.
#[inline(always)]
fn number(draft: &mut Draft<'_>, number: u64) {
    if number < 10 {
        draft.put(&[b'0' + number as u8, b'\t']);
    } else {
        draft.value(|room| text::number(room, number));
        draft.put(b"\t");
    }
}

#[inline(never)]
fn set(out: &mut Vec<u8>, items: Items<'_>, time: TimeFormat) {
    match items {
        items if items.is_empty() => out.extend_from_slice(EMPTY.as_bytes()),
        Items::Uids(uids) => list(out, uids, |out, uid| out.extend_from_slice(&uid.text())),
        Items::Fuids(fuids) => list(out, fuids, |out, fuid| {
            out.extend_from_slice(fuid.text().as_bytes());
        }),
        Items::Strs(strs) => list(out, strs, |out, content| string(out, content, true)),
        Items::Texts(texts) => list(out, texts, |out, content| string(out, content, true)),
        Items::Addrs(addresses) => list(out, addresses, |out, address| {
            text::append(out, |room| text::address(room, *address));
        }),
        Items::Counts(counts) => list(out, counts, |out, count| {
            text::append(out, |room| text::number(room, *count));
        }),
        Items::Intervals(intervals) => list(out, intervals, |out, interval| {
            text::append(out, |room| text::seconds(room, *interval, time.decimals()));
        }),
        _ => out.extend_from_slice(UNSET.as_bytes()),
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut inside: impl FnMut(&mut Vec<u8>, &T)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        inside(out, item);
    }
}

/// Whether a text has nothing to escape, and does not read as unset or empty: most.
#[inline(always)]
fn stands_as_it_is(content: &str) -> bool {
    !matches!(content, "" | UNSET | EMPTY) && escape::is_plain(content.as_bytes())
}

/// A text; where it would read as unset or empty, its first character is escaped.
#[inline(never)]
fn string(out: &mut Vec<u8>, content: &str, in_set: bool) {
    match content {
        "" => out.extend_from_slice(EMPTY.as_bytes()),
        UNSET | EMPTY => {
            escape::hex_byte(out, content.as_bytes()[0]);
            out.extend_from_slice(&content.as_bytes()[1..]);
        }
        _ => escape::tsv(out, content, in_set),
    }
}
