//! All that records tell, behind one lock: the output's thread holds it for a record, whoever asks only while it copies what it needs.

use std::sync::{Arc, Mutex};

use portreeve_record::{Record, RecordContext, Uid};
use serde_json::{Map, Value};

use crate::flow::FlowDetail;
use crate::flows::{Flows, Known, Line, Lines};
use crate::json::Spelling;
use crate::minute::Minute;
use crate::settings::LiveSettings;
use crate::totals::Hour;

/// Application records that a detail has at most: the last ones.
const MOST_RECORDS: usize = 200;

pub(crate) type Shared = Arc<Mutex<Records>>;

/// What records have told.
pub(crate) struct Records {
    pub(crate) flows: Flows,
    pub(crate) minute: Minute,
    /// Sums by minute, if anybody wants them.
    pub(crate) hour: Option<Hour>,
    lines: Lines,
    spelling: Spelling,
    context: Option<RecordContext>,
}

/// What is known of one conversation, copied out.
pub(crate) struct Found {
    known: Option<Arc<Known>>,
    lines: Vec<Line>,
    context: RecordContext,
}

impl Records {
    pub(crate) fn new(settings: &LiveSettings) -> Self {
        Records {
            flows: Flows::new(settings.flows),
            minute: Minute::new(),
            hour: None,
            lines: Lines::new(settings.record_bytes),
            spelling: Spelling::new(),
            context: None,
        }
    }

    /// Takes a record in; `line` is room. Whether it was of a kind that is shown.
    pub(crate) fn take(
        &mut self,
        record: &Record,
        context: &RecordContext,
        line: &mut Vec<u8>,
    ) -> bool {
        if self.context.is_none() {
            self.context = Some(context.clone());
        }
        match record {
            Record::Conn(conn) => {
                self.flows.ended(conn, context.facts());
                let news = self.minute.ended(conn, context.facts());
                if let Some(hour) = &mut self.hour {
                    hour.conn(conn, context.facts(), &news);
                }
            }
            Record::ConnUpdate(conn) => {
                self.flows.update(conn, context.facts());
                let news = self.minute.update(conn, context.facts());
                if let (Some(hour), Some(news)) = (&mut self.hour, news) {
                    hour.conn(conn, context.facts(), &news);
                }
            }
            Record::App(app) => {
                self.spelling.line(line, record, context);
                self.lines.put(app.record().head().uid, record.path(), line);
                self.minute.app(app);
                if let Some(hour) = &mut self.hour {
                    hour.app(app, context);
                }
            }
            Record::Weird(weird) => {
                let Some(uid) = weird.uid else { return false };
                self.spelling.line(line, record, context);
                self.lines.put(uid, record.path(), line);
            }
            _ => return false,
        }
        true
    }

    /// All conversations that are kept, newest first, and the run's names for what is in them.
    pub(crate) fn all(&self) -> (Vec<Arc<Known>>, RecordContext) {
        (
            self.flows.newest(),
            self.context.clone().unwrap_or_default(),
        )
    }

    /// What is known of each of these.
    pub(crate) fn conns(&self, uids: impl Iterator<Item = Option<Uid>>) -> Conns {
        let of = |uid: Option<Uid>| self.flows.get(uid?).cloned();
        Conns {
            known: uids.map(of).collect(),
            context: self.context.clone().unwrap_or_default(),
        }
    }

    /// What is known of `uid`; `None`: nothing.
    pub(crate) fn find(&self, uid: Uid) -> Option<Found> {
        let known = self.flows.get(uid).cloned();
        let lines = self.lines.of(uid, MOST_RECORDS);
        if known.is_none() && lines.is_empty() {
            return None;
        }
        Some(Found {
            known,
            lines,
            context: self.context.clone().unwrap_or_default(),
        })
    }
}

/// What is known of some conversations, copied out.
pub(crate) struct Conns {
    known: Vec<Option<Arc<Known>>>,
    context: RecordContext,
}

impl Conns {
    /// The same, spelt out.
    pub(crate) fn spelt(mut self) -> Vec<Map<String, Value>> {
        let mut spelling = Spelling::new();
        let mut line = Vec::new();
        let of = |known: &Option<Arc<Known>>| {
            let known = known.as_deref();
            known.map(|known| spelling.conn(&mut line, known, &mut self.context))
        };
        self.known
            .iter()
            .map(of)
            .map(Option::unwrap_or_default)
            .collect()
    }
}

impl Spelling {
    fn conn(
        &mut self,
        line: &mut Vec<u8>,
        known: &Known,
        context: &mut RecordContext,
    ) -> Map<String, Value> {
        match &known.facts {
            Some(facts) => facts.as_ref().clone_into(context.facts_mut()),
            None => *context.facts_mut() = portreeve_record::Facts::default(),
        }
        self.line(line, &Record::Conn(known.conn), context);
        self.object("conn", line)
    }
}

/// What every record of a conversation has.
const HEAD: [&str; 6] = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
];

impl Found {
    /// The same, spelt out.
    pub(crate) fn detail(mut self) -> FlowDetail {
        let mut spelling = Spelling::new();
        let records: Vec<Map<String, Value>> = self
            .lines
            .iter()
            .map(|line| {
                let mut object = spelling.object(line.path, &line.text);
                object.insert("log".to_owned(), line.path.into());
                object
            })
            .collect();
        let Some(known) = &self.known else {
            let first = records.first();
            let ends = HEAD.iter().filter_map(|name| {
                let value = first?.get(*name)?;
                Some(((*name).to_owned(), value.clone()))
            });
            return FlowDetail {
                conn: ends.collect(),
                open: true,
                updates: 0,
                records,
            };
        };
        FlowDetail {
            conn: spelling.conn(&mut Vec::new(), known, &mut self.context),
            open: known.open,
            updates: known.updates,
            records,
        }
    }
}
