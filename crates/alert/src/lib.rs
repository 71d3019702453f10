//! Thresholds on what a run does.
//!
//! ```text
//! Reading (once a second) ─▶ Watch ─▶ Event: raised, cleared ─▶ journal · record `alert` · Webhook
//!                 Rules ────▶  └─▶ active alerts, for screens
//! ```
//!
//! [`Watch`] is pure: the reading and the time are passed in. A condition becomes an [`Alert`] when it has held for a while, and is over when it has not for
//! a while, so that what flickers is one alert. A [`Webhook`] has a thread of its own: a collector that is away costs nobody anything.
#![forbid(unsafe_code)]

mod condition;
mod loss;
mod over;
mod rate;
mod reading;
mod rules;
mod watch;
mod webhook;

pub use condition::{Kind, Unit};
pub use rate::RateLimits;
pub use reading::{
    Disk, Link, LinkState, Loss, OutputReading, Reading, SourceReading, WorkerReading,
};
pub use rules::Rules;
pub use watch::{Alert, Event, Severity, Turn, Watch};
pub use webhook::{Sent, Target, TargetError, Webhook};
