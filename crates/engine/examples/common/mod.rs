//! What the examples share: a capture file, run through one worker.

use std::error::Error;
use std::sync::Arc;

use portreeve_app::stream::Overlap;
use portreeve_app::{Applications, Hashes};
use portreeve_capture::file::FileSource;
use portreeve_engine::{AppConfig, EngineConfig, Input, Inputs, Monitor, Subscribers};
use portreeve_flow::TrackerConfig;

/// Runs the file that the command line names to its end.
pub fn run(subscribers: Subscribers) -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which capture file?")?;
    let source = FileSource::open([path])?;
    let mut config = EngineConfig::new(TrackerConfig::default());
    config.applications = Some(AppConfig {
        memory: 64 << 20,
        overlap: Overlap::First,
        protocols: Applications::default(),
        hashes: Hashes::default(),
        products: Arc::default(),
    });
    config.subscribers = Some(subscribers);
    let input = Input {
        source: Box::new(source),
        filter: None,
    };
    let monitor = Monitor::start(config, Inputs::PerWorker(vec![vec![input]]))?;
    let report = monitor.join();
    match report.errors.into_iter().next() {
        Some((name, error)) => Err(format!("{name}: {error}").into()),
        None => Ok(()),
    }
}
