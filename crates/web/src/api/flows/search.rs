//! The search over the store: from the newest (or oldest) slice of time on, as long as it may take. What goes on, which is not in the store yet, has its places
//! among what was found.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use portreeve_live::{FlowRow, Live};
use serde_json::{Map, Value};

use super::cursor::Cursor;
use super::{Flows, Order};
use crate::answer::Failure;
use crate::api::Origin;
use crate::past::{Asker, Slices, newest_within, object, quoted};
use crate::range::Range;

/// How long a search goes on for more rows.
const PATIENCE: Duration = Duration::from_millis(800);
/// Bytes of conversations, as Parquet, that are looked at to sort by something else than time.
const MOST_BYTES: u64 = 256 << 20;
/// What is shown of a conversation.
const COLUMNS: &[&str] = &[
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "service",
    "app",
    "duration",
    "orig_bytes",
    "resp_bytes",
    "conn_state",
    "local_orig",
    "local_resp",
    "missed_bytes",
    "history",
    "orig_pkts",
    "orig_ip_bytes",
    "resp_pkts",
    "resp_ip_bytes",
    "vlan",
    "source",
    "syn_rtt",
    "ack_rtt",
    "orig_retransmits",
    "resp_retransmits",
    "orig_name",
    "resp_name",
    "orig_cc",
    "resp_cc",
    "resp_as_org",
    "end_reason",
    "community_id",
];

/// The columns that were asked for, with those that the search itself needs.
///
/// # Errors
/// There is no such column.
pub(super) fn columns(asked: Option<&str>) -> Result<Vec<String>, Failure> {
    let Some(asked) = asked else {
        return Ok(COLUMNS.iter().map(|name| (*name).to_owned()).collect());
    };
    let mut columns = vec!["ts".to_owned(), "uid".to_owned()];
    let known = portreeve_store::schema::tables();
    let conn = known.iter().find(|table| table.name == "conn");
    for name in asked
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let is_known = conn.is_some_and(|conn| conn.fields.iter().any(|field| field.name == name));
        if !is_known {
            return Err(Failure::bad(
                "columns",
                format!("conn has no column {name}"),
            ));
        }
        if !columns.iter().any(|column| column == name) {
            columns.push(name.to_owned());
        }
    }
    Ok(columns)
}

/// A search.
pub(super) struct Search {
    pub range: Range,
    /// What the filter means.
    pub condition: String,
    pub columns: Vec<String>,
    pub order: Order,
    pub limit: usize,
    pub cursor: Option<Cursor>,
    /// What goes on and fits.
    pub running: Vec<FlowRow>,
    /// The run that knows all of it.
    pub live: Option<Live>,
}

/// What was found, with its place in the order of time: nanoseconds since 1970 UTC, and its `uid`.
struct Found {
    at: i64,
    uid: String,
    row: Row,
}

/// A conversation of the store, or one that goes on.
enum Row {
    Stored(Map<String, Value>),
    Running,
}

impl Found {
    fn stored(at: i64, row: Map<String, Value>) -> Found {
        let uid = row.get("uid").and_then(Value::as_str).unwrap_or_default();
        Found {
            at,
            uid: uid.to_owned(),
            row: Row::Stored(row),
        }
    }

    fn running(row: &FlowRow) -> Found {
        Found {
            at: row.ts.saturating_mul(1_000_000),
            uid: row.uid.clone(),
            row: Row::Running,
        }
    }

    fn place(&self) -> (i64, &str) {
        (self.at, &self.uid)
    }
}

impl Search {
    /// Searches.
    ///
    /// # Errors
    /// The store cannot be read, or nobody waits any more.
    pub fn run(&self, asker: &Asker) -> Result<Flows, Failure> {
        match self.order {
            Order::Newest | Order::Oldest => self.by_time(asker),
            Order::Bytes => self.by(asker, "orig_ip_bytes + resp_ip_bytes", FlowRow::bytes),
            Order::Duration => self.by(asker, "coalesce(duration, 0)", |row| {
                let duration = row.duration.unwrap_or(0);
                duration.max(0).unsigned_abs()
            }),
        }
    }

    fn select(&self) -> String {
        let columns = self.columns.iter().map(|name| format!("\"{name}\""));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// Slice by slice.
    fn by_time(&self, asker: &Asker) -> Result<Flows, Failure> {
        let forward = self.order == Order::Oldest;
        let (range, beyond) = self.rest(forward);
        let began = Instant::now();
        let mut found = Vec::new();
        let direction = if forward { "ASC" } else { "DESC" };
        for slice in Slices::new(asker.past.history.catalog(), "conn", range, forward) {
            let wanted = self.limit - found.len();
            let sql = format!(
                "SELECT CAST(ts AS BIGINT) AS \"at\", {} FROM conn WHERE {} AND {beyond} AND ({}) ORDER BY ts {direction}, uid {direction} LIMIT {wanted}",
                self.select(),
                slice.sql(),
                self.condition,
            );
            let table = asker.table(sql, wanted)?;
            for mut row in table.rows {
                let at = row.remove(0).as_i64().unwrap_or_default();
                let row = in_milliseconds(object(&table.columns[1..], row));
                found.push(Found::stored(at, row));
            }
            if found.len() >= self.limit {
                return Ok(self.page(found, None, forward));
            }
            let border = if forward { slice.to } else { slice.from };
            let is_end = border == if forward { range.to } else { range.from };
            if !is_end && began.elapsed() > PATIENCE {
                return Ok(self.page(found, Some(border), forward));
            }
        }
        let end = if forward { range.to } else { range.from };
        let page = self.page(found, Some(end), forward);
        // The end of the range is no place to go on from.
        let next = page.next.filter(|_| page.rows.len() >= self.limit);
        Ok(Flows {
            next,
            complete: true,
            ..page
        })
    }

    /// A page of what the store has found, up to `border` or, without one, up to the last of it; with what goes on in its places.
    fn page(&self, mut found: Vec<Found>, border: Option<i64>, forward: bool) -> Flows {
        let border_ns = border.map(|border| border.saturating_mul(1_000_000));
        let last = found.last().map(|last| (last.at, last.uid.clone()));
        let is_in = |one: &Found| {
            let place = one.place();
            let is_beyond_cursor = match &self.cursor {
                Some(Cursor::Row(at, uid)) => {
                    forward == (place > (*at, uid.as_str())) && place != (*at, uid.as_str())
                }
                Some(Cursor::Moment(at)) => forward == (one.at >= *at),
                _ => true,
            };
            let is_before_border = match (border_ns, &last) {
                (Some(border), _) => forward == (one.at < border),
                (None, Some((at, uid))) => forward == (place < (*at, uid.as_str())),
                (None, None) => true,
            };
            is_beyond_cursor && is_before_border
        };
        let ended: HashSet<String> = found.iter().map(|one| one.uid.clone()).collect();
        let running = self.running.iter().map(Found::running);
        found.extend(running.filter(|one| is_in(one) && !ended.contains(&one.uid)));
        found.sort_by(|a, b| {
            let order = a.place().cmp(&b.place());
            if forward { order } else { order.reverse() }
        });
        let is_full = found.len() >= self.limit;
        found.truncate(self.limit);
        let row = found.last().filter(|_| is_full);
        let next = match (row, border_ns) {
            (Some(last), _) => Some(Cursor::Row(last.at, last.uid.clone())),
            (None, border) => border.map(Cursor::Moment),
        };
        let searched_to = match (row, border) {
            (Some(last), _) => last.at.div_euclid(1_000_000),
            (None, border) => border.unwrap_or(self.range.from),
        };
        self.found(self.spelt(found), next, searched_to, is_full)
    }

    /// The rows, those that go on from the run.
    fn spelt(&self, found: Vec<Found>) -> Vec<Map<String, Value>> {
        let running = found.iter().filter(|one| matches!(one.row, Row::Running));
        let uids = running.map(|one| one.uid.as_str());
        let conns = self.live.as_ref().map(|live| live.conns(uids));
        let mut conns = conns.unwrap_or_default().into_iter();
        let row = |one: Found| match one.row {
            Row::Stored(row) => row,
            Row::Running => {
                let mut row = conns.next().unwrap_or_default();
                row.retain(|name, _| self.columns.iter().any(|column| column == name));
                row.insert("open".to_owned(), true.into());
                row
            }
        };
        found.into_iter().map(row).collect()
    }

    fn found(
        &self,
        rows: Vec<Map<String, Value>>,
        next: Option<Cursor>,
        searched_to: i64,
        complete: bool,
    ) -> Flows {
        Flows {
            rows,
            next: next.map(|next| next.to_string()),
            searched_to,
            complete,
            from: Origin::Store,
        }
    }

    /// What is left of the range, and the condition that leaves out what was found already.
    fn rest(&self, forward: bool) -> (Range, String) {
        let Range { from, to } = self.range;
        let milliseconds = |ns: i64| ns.div_euclid(1_000_000);
        let cut = |from: i64, to: i64| Range {
            from,
            to: to.max(from.saturating_add(1)),
        };
        match &self.cursor {
            Some(Cursor::Row(at, uid)) => {
                let sign = if forward { '>' } else { '<' };
                let (at, uid) = (*at, quoted(uid));
                let beyond = format!(
                    "(CAST(ts AS BIGINT) {sign} {at} OR CAST(ts AS BIGINT) = {at} AND uid {sign} {uid})"
                );
                let range = if forward {
                    cut(milliseconds(at).clamp(from, to), to)
                } else {
                    cut(from, (milliseconds(at).saturating_add(1)).clamp(from, to))
                };
                (range, beyond)
            }
            Some(Cursor::Moment(at)) => {
                let at = milliseconds(*at).clamp(from, to);
                (
                    if forward { cut(at, to) } else { cut(from, at) },
                    "TRUE".to_owned(),
                )
            }
            _ => (self.range, "TRUE".to_owned()),
        }
    }

    /// Sorted by something else than time: over the newest part of the range that can be looked at in a moment.
    fn by(&self, asker: &Asker, what: &str, of: fn(&FlowRow) -> u64) -> Result<Flows, Failure> {
        let part = newest_within(asker.past.history.catalog(), "conn", self.range, MOST_BYTES);
        let offset = self.cursor.as_ref().map_or(0, Cursor::offset);
        // What goes on has its places among the others: with such, the pages before are read again.
        let skipped = if self.running.is_empty() { offset } else { 0 };
        let wanted = offset - skipped + self.limit + 1;
        let sql = format!(
            "SELECT {what} AS \"by\", CAST(ts AS BIGINT) AS \"at\", {} FROM conn WHERE {} AND ({}) ORDER BY 1 DESC, ts DESC, uid LIMIT {wanted} OFFSET {skipped}",
            self.select(),
            part.sql(),
            self.condition,
        );
        let table = asker.table(sql, wanted)?;
        let mut all: Vec<(u64, Found)> = Vec::new();
        for mut row in table.rows {
            let by = row.remove(0).as_u64().unwrap_or_default();
            let at = row.remove(0).as_i64().unwrap_or_default();
            let row = in_milliseconds(object(&table.columns[2..], row));
            all.push((by, Found::stored(at, row)));
        }
        if !self.running.is_empty() {
            let ended: HashSet<String> = all.iter().map(|(_, one)| one.uid.clone()).collect();
            let running = self.running.iter().filter(|row| !ended.contains(&row.uid));
            all.extend(running.map(|row| (of(row), Found::running(row))));
            // What the store has in its order stays so: the sort is stable.
            all.sort_by_key(|(by, _)| std::cmp::Reverse(*by));
        }
        let rest = all.into_iter().skip(offset - skipped);
        let mut found: Vec<Found> = rest.map(|(_, one)| one).collect();
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = more.then(|| Cursor::of_offset(offset + found.len()));
        let complete = part.from <= self.range.from;
        Ok(self.found(self.spelt(found), next, part.from, complete))
    }
}

/// A row with its time in milliseconds.
pub(crate) fn in_milliseconds(mut row: Map<String, Value>) -> Map<String, Value> {
    if let Some(ts) = row.get_mut("ts")
        && let Some(at) = ts.as_str().and_then(crate::past::milliseconds_of)
    {
        *ts = at.into();
    }
    row
}

/// Whether a table may have rows of that time, by the names of its files.
pub(super) fn has_rows(asker: &Asker, table: &str, span: Option<Range>) -> bool {
    let Ok(files) = asker.past.history.catalog().list_table(table) else {
        return false;
    };
    let is_near = |min: i64, max: i64| {
        span.is_none_or(|span| {
            min.div_euclid(1_000_000) < span.to && max.div_euclid(1_000_000) >= span.from
        })
    };
    !files.open.is_empty() || files.parquet.iter().any(|file| is_near(file.min, file.max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(order: Order, cursor: Option<Cursor>) -> Search {
        Search {
            range: Range { from: 100, to: 900 },
            condition: "TRUE".into(),
            columns: columns(Some("service")).expect("there is one"),
            order,
            limit: 10,
            cursor,
            running: Vec::new(),
            live: None,
        }
    }

    #[test]
    fn a_cursor_cuts_the_range_and_leaves_out_what_was_found() {
        let row = Cursor::Row(500_000_001, "Cx".into());
        let (range, beyond) = search(Order::Newest, Some(row.clone())).rest(false);
        assert_eq!(range, Range { from: 100, to: 501 });
        assert!(
            beyond.contains("< 500000001") && beyond.contains("uid < 'Cx'"),
            "{beyond}"
        );
        let (range, beyond) = search(Order::Oldest, Some(row)).rest(true);
        assert_eq!(range, Range { from: 500, to: 900 });
        assert!(beyond.contains("> 500000001"), "{beyond}");
        let (range, beyond) = search(Order::Newest, Some(Cursor::Moment(500_000_000))).rest(false);
        assert_eq!(
            (range, beyond.as_str()),
            (Range { from: 100, to: 500 }, "TRUE")
        );
        // One from another range finds nothing, rather than everything.
        let (range, _) = search(Order::Newest, Some(Cursor::Moment(5))).rest(false);
        assert_eq!(range, Range { from: 100, to: 101 });
    }

    #[test]
    fn columns_are_those_of_conn() {
        assert_eq!(
            search(Order::Newest, None).columns,
            ["ts", "uid", "service"]
        );
        assert!(columns(Some("ts,\"; DROP")).is_err());
        assert!(
            columns(None)
                .expect("known")
                .contains(&"id.orig_h".to_owned())
        );
        for name in COLUMNS {
            assert!(columns(Some(name)).is_ok(), "{name}");
        }
    }
}
