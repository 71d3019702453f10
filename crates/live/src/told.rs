//! What was told of conversations that go on, so that nothing is counted twice.
//!
//! A long conversation has an update each minute (the active timeout), and at its end a record with its totals: of those, only what
//! its updates have not told is new.

use std::collections::HashMap;

use portreeve_record::{Conn, Uid};

use crate::sum::Sum;

/// Conversations with updates that are remembered.
const MOST_OPEN: usize = 65_536;
/// What was not told of for so many seconds is forgotten when there is no more place.
const SILENT: u64 = 3600;

/// How the two streams of a TCP connection fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    /// Segments that the originator sent again.
    pub(crate) orig_again: u32,
    /// Segments that the responder sent again.
    pub(crate) resp_again: u32,
    /// Times that the originator had no room.
    pub(crate) orig_zero_windows: u32,
    /// Times that the responder had none.
    pub(crate) resp_zero_windows: u32,
    /// Bytes that were acknowledged and never seen.
    pub(crate) missed: u64,
}

impl Health {
    fn of(conn: &Conn) -> Self {
        Health {
            orig_again: conn.orig.retransmits,
            resp_again: conn.resp.retransmits,
            orig_zero_windows: conn.orig.zero_windows,
            resp_zero_windows: conn.resp.zero_windows,
            missed: conn
                .orig
                .missed_bytes
                .saturating_add(conn.resp.missed_bytes),
        }
    }

    fn add(&mut self, other: &Health) {
        self.orig_again = self.orig_again.saturating_add(other.orig_again);
        self.resp_again = self.resp_again.saturating_add(other.resp_again);
        self.orig_zero_windows = self
            .orig_zero_windows
            .saturating_add(other.orig_zero_windows);
        self.resp_zero_windows = self
            .resp_zero_windows
            .saturating_add(other.resp_zero_windows);
        self.missed = self.missed.saturating_add(other.missed);
    }

    fn without(self, other: &Health) -> Health {
        Health {
            orig_again: self.orig_again.saturating_sub(other.orig_again),
            resp_again: self.resp_again.saturating_sub(other.resp_again),
            orig_zero_windows: self
                .orig_zero_windows
                .saturating_sub(other.orig_zero_windows),
            resp_zero_windows: self
                .resp_zero_windows
                .saturating_sub(other.resp_zero_windows),
            missed: self.missed.saturating_sub(other.missed),
        }
    }
}

/// What a record tells that was not known yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    /// What was carried, no conversation counted.
    pub(crate) sum: Sum,
    /// How it fared.
    pub(crate) health: Health,
    /// How it had fared before.
    pub(crate) health_before: Health,
    /// Seconds since it was told of last; unset: never was.
    pub(crate) since_told: Option<u64>,
    /// It has ended.
    pub(crate) has_ended: bool,
    /// From when this was carried, nanoseconds since 1970 UTC.
    pub(crate) from: i64,
    /// Until when.
    pub(crate) until: i64,
}

impl News {
    /// Whether nothing was told of this conversation before.
    pub(crate) fn is_first(&self) -> bool {
        self.since_told.is_none()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    sum: Sum,
    health: Health,
    /// The second of its last update.
    second: u64,
    until: i64,
}

/// What was told of conversations that go on.
#[derive(Debug, Default)]
pub(crate) struct Told {
    open: HashMap<Uid, Open>,
    second: u64,
}

/// The last moment of a conversation, not before its first.
fn end(conn: &Conn) -> i64 {
    conn.ts.saturating_add(conn.duration.unwrap_or(0).max(0))
}

impl Told {
    /// A second has passed.
    pub(crate) fn next(&mut self) {
        self.second += 1;
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What an update, which has what was added, tells. `None`: there is no place to remember it; its end will tell.
    pub(crate) fn update(&mut self, conn: &Conn) -> Option<News> {
        let second = self.second;
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&conn.uid) {
            self.open
                .retain(|_, open| open.second >= second.saturating_sub(SILENT));
            if self.open.len() >= MOST_OPEN {
                return None;
            }
        }
        let before = self.open.get(&conn.uid).copied();
        let open = self.open.entry(conn.uid).or_default();
        let (sum, health, until) = (Sum::of(conn), Health::of(conn), end(conn));
        open.sum.add(&sum);
        open.health.add(&health);
        open.second = second;
        open.until = open.until.max(until);
        Some(News {
            sum,
            health,
            health_before: before.map(|before| before.health).unwrap_or_default(),
            since_told: before.map(|before| second.saturating_sub(before.second)),
            has_ended: false,
            from: conn.ts,
            until,
        })
    }

    /// What an end, which has the totals, tells.
    pub(crate) fn ended(&mut self, conn: &Conn) -> News {
        let before = self.open.remove(&conn.uid);
        let known = before.unwrap_or_default();
        let until = end(conn);
        News {
            sum: Sum::of(conn).without(&known.sum),
            health: Health::of(conn).without(&known.health),
            health_before: known.health,
            since_told: before.map(|before| self.second.saturating_sub(before.second)),
            has_ended: true,
            from: before.map_or(conn.ts, |before| before.until.min(until)),
            until,
        }
    }
}
