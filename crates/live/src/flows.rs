//! Recent conversations and what they were about, as records tell of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use portreeve_record::{Conn, Facts, Side, Uid};

/// What was told of one conversation.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its totals: those of its end, or the sums of its updates.
    pub(crate) conn: Conn,
    pub(crate) facts: Option<Box<Facts>>,
    pub(crate) open: bool,
    pub(crate) updates: u32,
    /// Which of all tellings was the last one of it.
    told: u64,
}

impl Known {
    /// Nothing but this was told of it, as the `told`th of all.
    pub(crate) fn new(conn: Conn, facts: Option<&Facts>, open: bool, told: u64) -> Self {
        Known {
            conn,
            facts: facts.map(|facts| Box::new(facts.clone())),
            open,
            updates: 0,
            told,
        }
    }
}

/// The conversations that are kept.
#[derive(Debug)]
pub(crate) struct Flows {
    most: usize,
    by_uid: HashMap<Uid, Arc<Known>>,
    /// By the time they were told of; one that was told of again since has another entry behind.
    order: VecDeque<(u64, Uid)>,
    told: u64,
}

impl Flows {
    pub(crate) fn new(most: usize) -> Self {
        Flows {
            most: most.max(1),
            by_uid: HashMap::with_capacity(most),
            order: VecDeque::with_capacity(most),
            told: 0,
        }
    }

    /// A conversation has ended: `conn` has its totals.
    pub(crate) fn ended(&mut self, conn: &Conn, facts: Option<&Facts>) {
        let updates = self.by_uid.get(&conn.uid).map_or(0, |known| known.updates);
        self.put(*conn, facts, false, updates);
    }

    /// A conversation goes on: `conn` has what was added.
    pub(crate) fn update(&mut self, conn: &Conn, facts: Option<&Facts>) {
        let (sum, updates) = match self.by_uid.get(&conn.uid) {
            Some(known) => (sum(&known.conn, conn), known.updates.saturating_add(1)),
            None => (*conn, 1),
        };
        self.put(sum, facts, true, updates);
    }

    fn put(&mut self, conn: Conn, facts: Option<&Facts>, open: bool, updates: u32) {
        self.told += 1;
        let known = Known {
            updates,
            ..Known::new(conn, facts, open, self.told)
        };
        self.by_uid.insert(conn.uid, Arc::new(known));
        self.order.push_back((self.told, conn.uid));
        if self.order.len() > 2 * self.most {
            let by_uid = &self.by_uid;
            self.order
                .retain(|(told, uid)| by_uid.get(uid).is_some_and(|known| known.told == *told));
        }
        while self.by_uid.len() > self.most {
            let Some((told, uid)) = self.order.pop_front() else {
                break;
            };
            // Told of again since: its place is further back.
            if self
                .by_uid
                .get(&uid)
                .is_some_and(|known| known.told == told)
            {
                self.by_uid.remove(&uid);
            }
        }
    }

    pub(crate) fn get(&self, uid: Uid) -> Option<&Arc<Known>> {
        self.by_uid.get(&uid)
    }

    /// All of them, newest first.
    pub(crate) fn newest(&self) -> Vec<Arc<Known>> {
        let newest = self.order.iter().rev();
        newest
            .filter_map(|(told, uid)| {
                let known = self.by_uid.get(uid)?;
                (known.told == *told).then(|| Arc::clone(known))
            })
            .collect()
    }
}

/// The sum of what was told and what was added. What is not a counter is the newer's.
fn sum(before: &Conn, more: &Conn) -> Conn {
    let end = more
        .ts
        .saturating_add(more.duration.unwrap_or(0))
        .max(before.ts);
    Conn {
        ts: before.ts,
        duration: Some(end.saturating_sub(before.ts)),
        orig: sum_of_side(&before.orig, &more.orig),
        resp: sum_of_side(&before.resp, &more.resp),
        icmp_errors: before.icmp_errors.saturating_add(more.icmp_errors),
        service: more.service.or(before.service),
        app: more.app.or(before.app),
        syn_rtt: more.syn_rtt.or(before.syn_rtt),
        ack_rtt: more.ack_rtt.or(before.ack_rtt),
        ..*more
    }
}

fn sum_of_side(before: &Side, more: &Side) -> Side {
    let known = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
    Side {
        pkts: before.pkts.saturating_add(more.pkts),
        ip_bytes: before.ip_bytes.saturating_add(more.ip_bytes),
        bytes: known(before.bytes, more.bytes),
        missed_bytes: before.missed_bytes.saturating_add(more.missed_bytes),
        retransmits: before.retransmits.saturating_add(more.retransmits),
        out_of_order: before.out_of_order.saturating_add(more.out_of_order),
        duplicate_acks: before.duplicate_acks.saturating_add(more.duplicate_acks),
        zero_windows: before.zero_windows.saturating_add(more.zero_windows),
        lost_segments: before.lost_segments.saturating_add(more.lost_segments),
        duplicates: before.duplicates.saturating_add(more.duplicates),
        bad_checksums: before.bad_checksums.saturating_add(more.bad_checksums),
        fragments: before.fragments.saturating_add(more.fragments),
        rtt_min: match (before.rtt_min, more.rtt_min) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
        ..*more
    }
}

/// Application records as lines of JSON, the oldest giving way.
#[derive(Debug)]
pub(crate) struct Lines {
    most_bytes: usize,
    bytes: usize,
    kept: VecDeque<Line>,
}

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) uid: Uid,
    pub(crate) path: &'static str,
    pub(crate) text: Arc<[u8]>,
}

/// What a line takes beside its text, about.
const LINE_OVERHEAD: usize = size_of::<Line>() + 32;

impl Lines {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Lines {
            most_bytes,
            bytes: 0,
            kept: VecDeque::new(),
        }
    }

    pub(crate) fn put(&mut self, uid: Uid, path: &'static str, text: &[u8]) {
        self.bytes += text.len() + LINE_OVERHEAD;
        self.kept.push_back(Line {
            uid,
            path,
            text: text.into(),
        });
        while self.bytes > self.most_bytes {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len() + LINE_OVERHEAD;
        }
    }

    /// Those of one conversation, oldest first; of very many the last ones.
    pub(crate) fn of(&self, uid: Uid, most: usize) -> Vec<Line> {
        let mut found: Vec<Line> = self
            .kept
            .iter()
            .rev()
            .filter(|line| line.uid == uid)
            .take(most)
            .cloned()
            .collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(uid: u32, ts: i64, bytes: u64) -> Conn {
        let mut conn = Conn {
            uid: Uid([0, 0, uid]),
            ts,
            duration: Some(10),
            ..Conn::default()
        };
        conn.orig.ip_bytes = bytes;
        conn
    }

    #[test]
    fn updates_add_up_and_the_end_has_the_totals() {
        let mut flows = Flows::new(10);
        flows.update(&conn(1, 100, 5), None);
        flows.update(&conn(1, 200, 7), None);
        let known = flows.get(Uid([0, 0, 1])).expect("it was told of");
        assert_eq!((known.conn.ts, known.conn.duration), (100, Some(110)));
        assert_eq!(
            (known.conn.orig.ip_bytes, known.open, known.updates),
            (12, true, 2)
        );
        flows.ended(&conn(1, 100, 20), None);
        let known = flows.get(Uid([0, 0, 1])).expect("it was told of");
        assert_eq!(
            (known.conn.orig.ip_bytes, known.open, known.updates),
            (20, false, 2)
        );
        assert_eq!(flows.newest().len(), 1);
    }

    #[test]
    fn what_was_told_of_longest_ago_gives_way() {
        let mut flows = Flows::new(3);
        for uid in 1..=3 {
            flows.ended(&conn(uid, 0, 0), None);
        }
        flows.update(&conn(1, 0, 0), None);
        flows.ended(&conn(4, 0, 0), None);
        let uids: Vec<u32> = flows
            .newest()
            .iter()
            .map(|known| known.conn.uid.0[2])
            .collect();
        assert_eq!(uids, [4, 1, 3]);
        // One that is told of over and over does not make the order grow.
        for _ in 0..100 {
            flows.update(&conn(1, 0, 0), None);
        }
        assert!(flows.order.len() <= 6, "{}", flows.order.len());
        assert_eq!(flows.newest()[0].conn.uid.0[2], 1);
        assert_eq!(flows.newest().len(), 3);
    }

    #[test]
    fn lines_stay_within_their_bytes() {
        let mut lines = Lines::new(10 * (LINE_OVERHEAD + 4));
        for number in 0..100u32 {
            lines.put(
                Uid([0, 0, number % 2]),
                "dns",
                format!("{number:04}").as_bytes(),
            );
        }
        let of = |uid, most| -> Vec<String> {
            let found = lines.of(Uid([0, 0, uid]), most);
            found
                .iter()
                .map(|line| String::from_utf8_lossy(&line.text).into_owned())
                .collect()
        };
        assert_eq!(of(1, 100), ["0091", "0093", "0095", "0097", "0099"]);
        assert_eq!(of(0, 2), ["0096", "0098"]);
        assert!(of(7, 100).is_empty());
    }
}
