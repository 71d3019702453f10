//! Suricata's EVE JSON: `flow`, `anomaly`, `stats` and application events.
//!
//! Names, nesting and units are Suricata's, so that what reads its `flow` events reads ours. What EVE has no
//! place for stands in an object of its own, `portreeve`. Where the two cannot be the same:
//!
//! - `bytes_toserver` and `bytes_toclient` are bytes of IP packets (Suricata counts whole frames);
//! - `tcp_flags*` come from the flow's history: SYN, FIN, RST and ACK. PSH, URG, ECE and CWR are not kept;
//! - `alerted` is always false;
//! - a flow that goes on is a `flow_update` event, whose counters are deltas, and its `reason` is `active`.

use portreeve_record::conn::{Conn, ConnState, EndReason};
use portreeve_record::field::EveObject;
use portreeve_record::{App, Info, Record, RecordContext, Uid, Value, Visitor};

use super::zeek_json::{left_out, member};
use crate::draft::Draft;
use crate::text::{self, HEX, ROOM, TimeFormat};

/// Writes one record as a line.
///
/// An event has objects inside it, whose members are not next to each other in the table: one pass over the
/// fields for each object. The compiler leaves of each pass the fields of its object.
pub(super) fn record(
    mut draft: Draft<'_>,
    record: &Record,
    context: &RecordContext,
    time: TimeFormat,
) {
    match record {
        Record::Conn(conn) => flow(&mut draft, conn, "flow", context, time),
        Record::ConnUpdate(conn) => flow(&mut draft, conn, "flow_update", context, time),
        Record::Weird(weird) => {
            event_begins(&mut draft, weird.ts, "anomaly", time);
            weird.visit(context, &mut Event::new(&mut draft, time));
            draft.put(b",\"anomaly\":{\"type\":");
            if weird.uid.is_some() {
                draft.put(b"\"stream\"");
            } else {
                draft.put(b"\"decode\"");
            }
            weird.visit(context, &mut Own::new(&mut draft, time));
            draft.put(b"}");
            ours(&mut draft, |draft| {
                weird.visit(context, &mut Ours::new(draft, time));
            });
        }
        Record::CaptureLoss(loss) => {
            event_begins(&mut draft, loss.ts, "stats", time);
            loss.visit(context, &mut Event::new(&mut draft, time));
            draft.put(b",\"stats\":{\"capture_loss\":");
            let begun = draft.position();
            loss.visit(context, &mut Own::new(&mut draft, time));
            draft.set(begun, b'{');
            draft.put(b"}}");
            ours(&mut draft, |draft| {
                loss.visit(context, &mut Ours::new(draft, time));
            });
        }
        Record::App(app) => application(&mut draft, app, context, time),
        _ => return,
    }
    draft.put(b"}\n");
    draft.end();
}

/// Writes the members of one object, the one numbered `OBJECT`.
struct Members<'a, 'b, const OBJECT: u8> {
    draft: &'a mut Draft<'b>,
    time: TimeFormat,
    /// Whether the record's protocol has ports.
    ports: bool,
    /// The object inside that was written last, and where it ends: its next member goes into it.
    inside: (&'static str, usize),
}

type Event<'a, 'b> = Members<'a, 'b, { EveObject::Event as u8 }>;
type Own<'a, 'b> = Members<'a, 'b, { EveObject::Own as u8 }>;
type Mail<'a, 'b> = Members<'a, 'b, { EveObject::Mail as u8 }>;
type Ours<'a, 'b> = Members<'a, 'b, { EveObject::Ours as u8 }>;

impl<'a, 'b, const OBJECT: u8> Members<'a, 'b, OBJECT> {
    #[inline(always)]
    fn new(draft: &'a mut Draft<'b>, time: TimeFormat) -> Self {
        Members {
            draft,
            time,
            ports: true,
            inside: ("", 0),
        }
    }
}

impl<const OBJECT: u8> Visitor for Members<'_, '_, OBJECT> {
    #[inline(always)]
    fn wants(&self, field: &'static Info) -> bool {
        field.eve_object as u8 == OBJECT
    }

    #[inline(always)]
    fn field(&mut self, field: &'static Info, value: Value<'_>) {
        if left_out(field, &value) || (matches!(value, Value::Port(_)) && !self.ports) {
            return;
        }
        if field.eve_inside.is_empty() {
            member(self.draft, &field.eve_key, &value, self.time);
            return;
        }
        let before = self.draft.position();
        if self.inside == (field.eve_inside, before) {
            self.draft.take_back(before - 1);
            member(self.draft, &field.eve_key, &value, self.time);
        } else {
            word(self.draft, ",\"", field.eve_inside);
            self.draft.put(b":");
            let begun = self.draft.position();
            member(self.draft, &field.eve_key, &value, self.time);
            self.draft.set(begun, b'{');
        }
        self.draft.put(b"}");
        self.inside = (field.eve_inside, self.draft.position());
    }
}

/// Writes the object `portreeve` with the members that `visit` writes, if there are any.
#[inline(always)]
fn ours(draft: &mut Draft<'_>, visit: impl FnOnce(&mut Draft<'_>)) {
    object(draft, b",\"portreeve\":", visit);
}

/// Writes an object behind its key with the members that `visit` writes, if there are any.
#[inline(always)]
fn object(draft: &mut Draft<'_>, key: &[u8], visit: impl FnOnce(&mut Draft<'_>)) {
    let before = draft.position();
    draft.put(key);
    let begun = draft.position();
    visit(draft);
    if draft.position() == begun {
        draft.take_back(before);
    } else {
        draft.set(begun, b'{');
        draft.put(b"}");
    }
}

/// Writes `key`, a moment, and a quotation mark.
#[inline(always)]
fn moment(draft: &mut Draft<'_>, key: &str, nanoseconds: i64, time: TimeFormat) {
    draft.put(key.as_bytes());
    draft.value(|room| text::iso8601(room, nanoseconds, time.decimals()));
    draft.put(b"+0000\"");
}

/// Writes `key`, a word, and a quotation mark.
#[inline(always)]
fn word(draft: &mut Draft<'_>, key: &str, content: &str) {
    draft.put(key.as_bytes());
    draft.text(content.as_bytes());
    draft.put(b"\"");
}

/// Writes `key` and a number.
#[inline(always)]
fn number(draft: &mut Draft<'_>, key: &str, number: u64) {
    draft.put(key.as_bytes());
    draft.value(|room| text::number(room, number));
}

/// An application event: its own members stand in an object that is called as its type.
fn application(draft: &mut Draft<'_>, app: &App, context: &RecordContext, time: TimeFormat) {
    let head = app.record().head();
    moment(draft, "{\"timestamp\":\"", head.ts, time);
    // What the program tells of itself is of no conversation.
    let of_flow = !matches!(app, App::Alert(_));
    if of_flow {
        number(draft, ",\"flow_id\":", flow_id(head.uid));
    }
    word(draft, ",\"event_type\":\"", app.event_type());
    if of_flow {
        proto(draft, head.ip_proto);
    }
    app.visit(context, &mut Event::new(draft, time));
    word(draft, ",\"", app.event_type());
    draft.put(b":");
    let begun = draft.position();
    app.visit(context, &mut Own::new(draft, time));
    if draft.position() == begun {
        draft.put(b"{");
    } else {
        draft.set(begun, b'{');
    }
    draft.put(b"}");
    if matches!(app, App::Smtp(_)) {
        object(draft, b",\"email\":", |draft| {
            app.visit(context, &mut Mail::new(draft, time));
        });
    }
    ours(draft, |draft| {
        app.visit(context, &mut Ours::new(draft, time));
    });
}

/// Suricata's number of a flow: 53 bits of the uid, what every JSON reader keeps whole.
fn flow_id(uid: Uid) -> u64 {
    let [first, second, _] = uid.0;
    (u64::from(first) << 32 | u64::from(second)) >> 11
}

#[inline(always)]
fn event_begins(draft: &mut Draft<'_>, at: i64, event_type: &str, time: TimeFormat) {
    moment(draft, "{\"timestamp\":\"", at, time);
    word(draft, ",\"event_type\":\"", event_type);
}

/// Protocols whose EVE events carry ports.
fn has_ports(conn: &Conn) -> bool {
    matches!(conn.ip_proto, 6 | 17 | 33 | 132 | 136)
}

#[inline(always)]
fn flow(
    draft: &mut Draft<'_>,
    conn: &Conn,
    event_type: &str,
    context: &RecordContext,
    time: TimeFormat,
) {
    let duration = conn.duration.unwrap_or(0);
    let end = conn.ts.saturating_add(duration);
    moment(draft, "{\"timestamp\":\"", end, time);
    number(draft, ",\"flow_id\":", flow_id(conn.uid));
    word(draft, ",\"event_type\":\"", event_type);
    if let Some(vlan) = conn.vlan {
        number(draft, ",\"vlan\":[", vlan.into());
        if let Some(inner) = conn.inner_vlan {
            number(draft, ",", inner.into());
        }
        draft.put(b"]");
    }
    number(
        draft,
        ",\"ip_v\":",
        if conn.orig_h.is_ipv4() { 4 } else { 6 },
    );
    proto(draft, conn.ip_proto);
    if matches!(conn.ip_proto, 1 | 58) {
        icmp(draft, conn);
    }
    let mut event = Event::new(draft, time);
    event.ports = has_ports(conn);
    conn.visit(context, &mut event);

    moment(draft, ",\"flow\":{\"start\":\"", conn.ts, time);
    moment(draft, ",\"end\":\"", end, time);
    draft.put(b",\"age\":");
    draft.value(|room| text::signed(room, duration / 1_000_000_000));
    word(draft, ",\"state\":\"", flow_state(conn));
    word(draft, ",\"reason\":\"", reason(conn.end_reason));
    draft.put(b",\"alerted\":false");
    conn.visit(context, &mut Own::new(draft, time));
    draft.put(b"}");
    if conn.is_tcp() {
        tcp(draft, conn);
    }
    ours(draft, |draft| {
        conn.visit(context, &mut Ours::new(draft, time));
    });
}

#[inline(always)]
fn proto(draft: &mut Draft<'_>, number: u8) {
    draft.put(b",\"proto\":\"");
    match (number, portreeve_record::proto::name(number)) {
        (6, _) => draft.put(b"TCP"),
        (17, _) => draft.put(b"UDP"),
        (58, _) => draft.put(b"IPv6-ICMP"),
        (_, "unknown_transport") => draft.put(&[
            b'0' + number / 100,
            b'0' + number / 10 % 10,
            b'0' + number % 10,
        ]),
        (_, name) => draft.value(|room| {
            let len = name.len().min(ROOM);
            room[..len].copy_from_slice(&name.as_bytes()[..len]);
            room[..len].make_ascii_uppercase();
            len
        }),
    }
    draft.put(b"\"");
}

/// The message's type and code. A record keeps the code of unanswered messages only; those that are answered have code 0.
#[inline(always)]
fn icmp(draft: &mut Draft<'_>, conn: &Conn) {
    use portreeve_record::community_id::icmp_counterpart;

    number(draft, ",\"icmp_type\":", conn.orig_p.into());
    match icmp_counterpart(conn.ip_proto, conn.orig_p) {
        Some(counterpart) => {
            draft.put(b",\"icmp_code\":0");
            if conn.resp.pkts > 0 {
                number(draft, ",\"response_icmp_type\":", counterpart.into());
                draft.put(b",\"response_icmp_code\":0");
            }
        }
        None => number(draft, ",\"icmp_code\":", conn.resp_p.into()),
    }
}

/// Suricata's state of the flow: `new`, `established` (both sides were seen), `closed`.
fn flow_state(conn: &Conn) -> &'static str {
    match conn.conn_state {
        ConnState::REJ
        | ConnState::RSTO
        | ConnState::RSTR
        | ConnState::RSTOS0
        | ConnState::RSTRH => "closed",
        ConnState::SF if conn.ip_proto == 6 => "closed",
        ConnState::S1 | ConnState::S2 | ConnState::S3 | ConnState::SF => "established",
        ConnState::OTH if conn.orig.pkts > 0 && conn.resp.pkts > 0 => "established",
        ConnState::S0 | ConnState::SH | ConnState::SHR | ConnState::OTH => "new",
    }
}

fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::EndOfInput => "shutdown",
        EndReason::Evicted => "forced",
        EndReason::Active => "active",
        _ => "timeout",
    }
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// TCP flags of the originator and the responder, as far as a history tells them.
fn tcp_flags(history: &[u8]) -> (u8, u8) {
    let (mut orig, mut resp) = (0, 0);
    for &letter in history {
        let flags = match letter.to_ascii_lowercase() {
            b's' => SYN,
            b'h' => SYN | ACK,
            b'a' | b'd' => ACK,
            b'f' => FIN | ACK,
            b'r' => RST,
            _ => 0,
        };
        if letter.is_ascii_uppercase() {
            orig |= flags;
        } else {
            resp |= flags;
        }
    }
    (orig, resp)
}

#[inline(always)]
fn tcp(draft: &mut Draft<'_>, conn: &Conn) {
    let (orig, resp) = tcp_flags(conn.history.as_bytes());
    for (key, flags) in [
        (",\"tcp\":{\"tcp_flags\":\"", orig | resp),
        (",\"tcp_flags_ts\":\"", orig),
        (",\"tcp_flags_tc\":\"", resp),
    ] {
        draft.put(key.as_bytes());
        let hex = [HEX[usize::from(flags >> 4)], HEX[usize::from(flags & 15)]];
        draft.put(&[hex[0], hex[1], b'"']);
    }
    for (member, flag) in [
        (",\"syn\":true", SYN),
        (",\"fin\":true", FIN),
        (",\"rst\":true", RST),
        (",\"ack\":true", ACK),
    ] {
        if (orig | resp) & flag != 0 {
            draft.put(member.as_bytes());
        }
    }
    let state = match conn.conn_state {
        ConnState::S0 | ConnState::SH => "syn_sent",
        ConnState::SHR => "syn_recv",
        ConnState::S1 => "established",
        ConnState::S2 => "fin_wait1",
        ConnState::S3 => "close_wait",
        ConnState::OTH => "none",
        _ => "closed",
    };
    word(draft, ",\"state\":\"", state);
    if conn.orig.missed_bytes > 0 {
        draft.put(b",\"gap_ts\":true");
    }
    if conn.resp.missed_bytes > 0 {
        draft.put(b",\"gap_tc\":true");
    }
    draft.put(b"}");
}
