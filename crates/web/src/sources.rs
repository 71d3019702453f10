//! What the server shows, and from where.

use std::sync::Arc;
use std::time::SystemTime;

use portreeve_engine::Snapshot;
use portreeve_live::Live;
use portreeve_query::History;
use serde_json::Value;

/// What does not change while the server runs.
#[derive(Clone, Debug)]
pub struct About {
    /// The program's version.
    pub version: String,
    /// The sensor's name.
    pub sensor: String,
    /// When the run began.
    pub started: SystemTime,
    /// The names of its sources.
    pub sources: Vec<String>,
    /// Networks that are ours, as they were written.
    pub local_nets: Vec<String>,
    /// Whether addresses have countries or autonomous systems.
    pub geo: bool,
}

/// A run that goes on, as the server asks it.
pub trait Watched: Send + Sync {
    /// The run at this moment; `None`: it has ended.
    fn snapshot(&self) -> Option<Snapshot>;

    /// The outputs at this moment, as JSON: their names, states and counters.
    fn outputs(&self) -> Value;
}

/// What the server shows. What is not there is answered as not being there.
#[derive(Clone)]
pub struct Sources {
    /// What does not change.
    pub about: About,
    /// The run that goes on; none where only a store is looked at.
    pub watched: Option<Arc<dyn Watched>>,
    /// What it did in the last minutes.
    pub live: Option<Live>,
    /// What was stored.
    pub history: Option<History>,
}
