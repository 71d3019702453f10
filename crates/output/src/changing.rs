//! An output that can become another one while it runs.

use std::sync::Arc;
use std::time::SystemTime;

use portreeve_record::{Record, RecordContext};

use crate::config::OutputConfig;
use crate::open::{OpenError, build};
use crate::output::Output;
use crate::status::{DropReason, OutputState, OutputStatus};

/// An output by a configuration that may change: the name and the books stay the same.
pub(crate) struct Changing {
    config: OutputConfig,
    status: Arc<OutputStatus>,
    inner: Box<dyn Output>,
    /// Neither what was asked for nor what was before could be opened: everything is lost.
    broken: bool,
}

impl Changing {
    /// Opens what `config` describes.
    pub(crate) fn open(config: OutputConfig) -> Result<Self, OpenError> {
        let status = Arc::default();
        let inner = build(&config, &status)?;
        Ok(Changing {
            config,
            status,
            inner,
            broken: false,
        })
    }
}

impl Output for Changing {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    fn write(&mut self, record: &Record, context: &RecordContext) {
        self.inner.write(record, context);
    }

    fn tick(&mut self, now: SystemTime) {
        self.inner.tick(now);
    }

    fn reopen(&mut self) {
        self.inner.reopen();
    }

    fn change(&mut self, config: &OutputConfig) {
        if *config == self.config && !self.broken {
            return;
        }
        // First, since both may be for one folder.
        self.inner.finish();
        self.inner = Box::new(Nowhere::new(config.name.clone(), Arc::clone(&self.status)));
        let opened = build(config, &self.status).map(|inner| (inner, config.clone()));
        let opened = opened.or_else(|error| {
            self.status.error(format!("{error}; it stays as it was"));
            build(&self.config, &self.status).map(|inner| (inner, self.config.clone()))
        });
        self.broken = opened.is_err();
        match opened {
            Ok((inner, config)) => {
                self.inner = inner;
                self.config = config;
            }
            Err(error) => {
                self.status.error(error.to_string());
                self.status.set_state(OutputState::Recovering);
                self.inner = Box::new(Nowhere {
                    loses: true,
                    ..Nowhere::new(config.name.clone(), Arc::clone(&self.status))
                });
            }
        }
    }

    fn flush(&mut self) {
        self.inner.flush();
    }

    fn finish(&mut self) {
        self.inner.finish();
    }
}

/// Where records go that nobody wants any more.
pub(crate) struct Nowhere {
    name: String,
    status: Arc<OutputStatus>,
    /// They are wanted, and lost.
    loses: bool,
}

impl Nowhere {
    pub(crate) fn new(name: String, status: Arc<OutputStatus>) -> Self {
        Nowhere {
            name,
            status,
            loses: false,
        }
    }
}

impl Output for Nowhere {
    fn name(&self) -> &str {
        &self.name
    }

    fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    fn write(&mut self, _: &Record, _: &RecordContext) {
        if self.loses {
            self.status.add_dropped(DropReason::WriteError, 1);
        } else {
            self.status.add_unwanted();
        }
    }

    fn flush(&mut self) {}
}
