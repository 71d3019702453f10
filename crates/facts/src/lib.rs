//! Facts that span conversations, joined on the output side: workers share none of them.
//!
//! ```text
//! RecordFeed ─▶ Joined { Knowledge ─▶ Output }        one Knowledge for each output, on the output's own thread
//!                          │
//!                          ├ made:  known_hosts · known_services · software, from conn, http, ssh …; dhcp of several flows; files of FTP, the
//!                          │         conn that they came over, and the commands that moved them
//!                          ├ taken in: a certificate that was written today; parts of a DHCP transaction; a program as a session heard it;
//!                          │           what FTP may have carried, or somebody else
//!                          └ beside a conn (RecordContext): names of its ends, their countries and autonomous systems, its product
//! ```
//!
//! [`Knowledge`] is a [`Joiner`]: it sees every record that its output is given, and nothing else. So an output that is slow or loses records
//! knows less, and no other output is the worse for it; and what is not asked for costs nothing. What a record itself carries stays as the worker made
//! it: a `conn` is a plain value, and what is known of its ends stands beside it, in the context that the output formats it with.
//!
//! Time is the records' own: a file gives the same facts whenever it is read. Records do not come in the order of their times (a conversation's comes
//! when it ends), so everything here asks how far two times are apart, and for names what was known when the conversation began. Of a file they come in one order, however
//! many workers share it (the engine's `merge`). Live, what one worker tells may come before what another told earlier: then a name may be missing that is there with one worker. The
//! clock decides one thing: how long what may be FTP's is held for a worker that is behind.
//!
//! All tables are bounded ([`Config::entries`], and constants for what waits): a full one forgets what it learnt first, and then the same may be told twice.
//!
//! What counts as a host, a service or a program follows Zeek's scripts of these names, as do the fields.
#![forbid(unsafe_code)]

mod bounded;
mod certificates;
mod config;
mod dhcp;
mod ftp;
mod geo;
mod known;
mod live;
mod names;
mod recent;
mod software;

use std::sync::Arc;
use std::time::SystemTime;

use portreeve_record::{App, Conn, Facts, Fate, Joiner, Record, RecordContext};

pub use config::{Config, Networks, ProductOf, Products, Whose};
pub use geo::{Database, DatabaseError, Databases};
pub use live::{Live, Now};

use certificates::Certificates;
use dhcp::Dhcp;
use ftp::{Claim, Transfers};
use geo::Places;
use known::Known;
use names::Names;
use software::Software;

/// What one output knows.
#[derive(Debug)]
pub struct Knowledge {
    live: Arc<Live>,
    version: u64,
    now: Arc<Now>,
    /// The most entries of each table.
    entries: usize,
    known: Known,
    software: Software,
    certificates: Certificates,
    /// `None`: transactions are left as they are.
    dhcp: Option<Dhcp>,
    transfers: Transfers,
    /// `None`: neither names nor products are asked for.
    names: Option<Names>,
    /// `None`: there are no databases.
    places: Option<Places>,
}

impl Knowledge {
    /// Nothing is known yet. `live` is what a reload may change.
    #[must_use]
    pub fn new(config: &Config, live: Arc<Live>) -> Self {
        let now = live.now();
        let mut knowledge = Knowledge {
            live,
            version: 0,
            now,
            entries: config.entries,
            known: Known::new(config),
            software: Software::new(config),
            certificates: Certificates::new(config),
            dhcp: config.dhcp.then(Dhcp::default),
            transfers: Transfers::new(config.entries),
            names: (config.names || config.products.is_some()).then(|| Names::new(config)),
            places: None,
        };
        // What was changed before this was made.
        knowledge.use_databases();
        // Nothing is held back yet that a change could let go.
        knowledge.refresh(&mut Vec::new());
        knowledge
    }

    /// Takes over what was changed, if something was.
    fn refresh(&mut self, made: &mut Vec<Record>) {
        let Some(now) = self.live.newer(&mut self.version) else {
            return;
        };
        let before = std::mem::replace(&mut self.now, Arc::clone(&now));
        if now.databases != before.databases {
            self.use_databases();
        }
        if let Some(config) = &now.config {
            let entries = self.entries;
            self.change(
                &Config {
                    entries,
                    ..config.clone()
                },
                made,
            );
        }
    }

    fn change(&mut self, config: &Config, made: &mut Vec<Record>) {
        self.known.change(config);
        self.software.change(config);
        self.certificates.change(config);
        match (&mut self.dhcp, config.dhcp) {
            (Some(dhcp), false) => {
                dhcp.finish(made);
                self.dhcp = None;
            }
            (None, true) => self.dhcp = Some(Dhcp::default()),
            _ => {}
        }
        let wanted = config.names || config.products.is_some();
        match &mut self.names {
            Some(names) if wanted => names.change(config),
            None if wanted => self.names = Some(Names::new(config)),
            _ => self.names = None,
        }
    }

    fn use_databases(&mut self) {
        let databases = &self.now.databases;
        self.places = (!databases.is_empty()).then(|| Places::new(databases.clone()));
    }

    /// Learns from a conversation.
    fn conn(&mut self, conn: &Conn, made: &mut Vec<Record>) {
        self.known.conn(conn, &self.now.networks, made);
        let now = conn.ts.saturating_add(conn.duration.unwrap_or(0));
        if let Some(dhcp) = &mut self.dhcp {
            dhcp.release(now, made);
        }
        self.transfers.release(now);
    }

    /// Writes the ends of conversations that were held.
    fn release(&mut self, conns: Vec<Conn>, made: &mut Vec<Record>) {
        for conn in conns {
            made.push(Record::Conn(conn));
            self.conn(&conn, made);
        }
    }

    /// What is known of a conversation's ends.
    fn tell(&mut self, conn: &Conn, context: &mut RecordContext) {
        if self.names.is_none() && self.places.is_none() && context.facts().is_none() {
            return;
        }
        let facts = context.facts_mut();
        *facts = Facts::default();
        if let Some(names) = &self.names {
            names.tell(conn, facts);
        }
        if let Some(places) = &mut self.places {
            places.tell(conn.orig_h, &mut facts.orig);
            places.tell(conn.resp_h, &mut facts.resp);
        }
    }

    fn app(&mut self, app: &App, made: &mut Vec<Record>) -> Fate {
        let fate = match (app, &mut self.dhcp) {
            (App::Dhcp(part), Some(dhcp)) => {
                let before = made.len();
                let fate = dhcp.take(part, made);
                // What was joined is learnt from whole.
                let joined = made.get(before..).unwrap_or_default().to_vec();
                for record in &joined {
                    if let Record::App(app) = record {
                        self.learn(app, made);
                    }
                }
                fate
            }
            (App::X509(certificate), _) if self.certificates.is_known(certificate) => Fate::TakeIn,
            (App::Files(file), _) => self.transfers.file(file, made),
            (App::Ftp(ftp), _) => {
                let mut released = Vec::new();
                let fate = self.transfers.command(ftp, made, &mut released);
                self.release(released, made);
                fate
            }
            // As a session heard it: what is written is made of it.
            (App::Software(software), _) if software.name.is_none() => {
                self.learn(app, made);
                return Fate::TakeIn;
            }
            _ => Fate::Write,
        };
        if fate == Fate::Write {
            self.learn(app, made);
        }
        fate
    }

    fn learn(&mut self, app: &App, made: &mut Vec<Record>) {
        self.software.app(app, &self.now.networks, made);
        if let Some(names) = &mut self.names {
            names.app(app);
        }
    }
}

impl Joiner for Knowledge {
    fn join(&mut self, record: &Record, made: &mut Vec<Record>) -> Fate {
        self.refresh(made);
        let (conn, claim) = match record {
            Record::Conn(conn) => (conn, self.transfers.conn(conn)),
            Record::ConnUpdate(conn) => (conn, self.transfers.update(conn)),
            Record::App(app) => return self.app(app, made),
            _ => return Fate::Write,
        };
        match claim {
            Claim::Nobodys => {
                self.conn(conn, made);
                Fate::Write
            }
            Claim::Ftps => {
                let conn = ftp::named(conn);
                made.push(match record {
                    Record::ConnUpdate(_) => Record::ConnUpdate(conn),
                    _ => Record::Conn(conn),
                });
                self.conn(&conn, made);
                Fate::TakeIn
            }
            Claim::Held => Fate::TakeIn,
        }
    }

    fn describe(&mut self, record: &Record, context: &mut RecordContext) {
        if let Record::Conn(conn) | Record::ConnUpdate(conn) = record {
            self.tell(conn, context);
        }
    }

    fn tick(&mut self, now: SystemTime, made: &mut Vec<Record>) {
        let mut released = Vec::new();
        self.transfers.tick(now, made, &mut released);
        self.release(released, made);
    }

    fn finish(&mut self, made: &mut Vec<Record>) {
        let mut released = Vec::new();
        self.transfers.finish(made, &mut released);
        self.release(released, made);
        self.known.finish(made);
        if let Some(dhcp) = &mut self.dhcp {
            dhcp.finish(made);
        }
    }
}
