//! The range of time that a question is about.

use std::time::SystemTime;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::Failure;
use crate::api::milliseconds;
use crate::state::App;

/// What is meant by no range: the last hour, in milliseconds.
const HOUR: i64 = 3_600_000;
/// Beyond these, milliseconds since 1970 are no nanoseconds in 64 bits any more.
const FARTHEST: i64 = i64::MAX / 1_000_000 - 1;

/// From when to when.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RangeAsk {
    /// Its begin: milliseconds since 1970 UTC. Without it, an hour before its end.
    pub from: Option<i64>,
    /// Its end, which is not within it. Without it, now; where no run goes on, the end of the history.
    pub to: Option<i64>,
}

/// From when to when: milliseconds since 1970 UTC, the end not within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub from: i64,
    pub to: i64,
}

impl Range {
    /// What was asked for; `end` is meant where no end was said.
    ///
    /// # Errors
    /// It ends before it begins, or is not within what can be counted.
    pub fn new(ask: RangeAsk, end: i64) -> Result<Range, Failure> {
        let to = ask.to.unwrap_or(end);
        let from = ask.from.unwrap_or(to.saturating_sub(HOUR));
        if from >= to || from < -FARTHEST || to > FARTHEST {
            return Err(Failure::bad(
                "range",
                format!("from ({from}) has to be before to ({to}): milliseconds since 1970"),
            ));
        }
        Ok(Range { from, to })
    }

    /// Its length in milliseconds.
    pub fn length(self) -> i64 {
        self.to.saturating_sub(self.from)
    }

    /// The condition that a row's time is within, in SQL. It is what files are pruned by.
    pub fn sql(self) -> String {
        format!(
            "ts >= to_timestamp_millis({}) AND ts < to_timestamp_millis({})",
            self.from, self.to
        )
    }
}

/// The range that was asked for.
///
/// # Errors
/// It is none.
pub(crate) fn range(app: &App, ask: RangeAsk) -> Result<Range, Failure> {
    let now = milliseconds(SystemTime::now());
    let end = match &app.history {
        Some(history) if app.feed.live().is_none() && ask.to.is_none() => {
            history.newest().map_or(now, |newest| newest + 1)
        }
        _ => now,
    };
    Range::new(ask, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_words_the_last_hour_is_meant() {
        let ask = |from, to| Range::new(RangeAsk { from, to }, 10 * HOUR);
        let hour = |from, to| Range { from, to };
        assert_eq!(ask(None, None).expect("ok"), hour(9 * HOUR, 10 * HOUR));
        assert_eq!(ask(None, Some(HOUR)).expect("ok"), hour(0, HOUR));
        assert_eq!(ask(Some(5), None).expect("ok"), hour(5, 10 * HOUR));
        for (from, to) in [
            (Some(5), Some(5)),
            (Some(i64::MIN), None),
            (None, Some(i64::MAX)),
        ] {
            assert!(ask(from, to).is_err(), "{from:?} {to:?}");
        }
    }
}
