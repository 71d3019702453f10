//! The run, as the server asks it.

use std::sync::{Arc, Mutex, PoisonError};

use portreeve_engine::{Monitor, Snapshot};
use portreeve_web::Watched;
use serde_json::Value;

/// The run, as the server asks it.
pub struct Run {
    /// The monitor; taken out at the end.
    pub monitor: Arc<Mutex<Option<Monitor>>>,
    /// How the outputs fare, as the main loop last saw it.
    pub outputs: Arc<Mutex<Value>>,
}

impl Watched for Run {
    fn snapshot(&self) -> Option<Snapshot> {
        let monitor = self.monitor.lock().unwrap_or_else(PoisonError::into_inner);
        monitor.as_ref().map(Monitor::snapshot)
    }

    fn outputs(&self) -> Value {
        self.outputs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
