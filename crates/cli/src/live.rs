//! The last minutes of the run, for whoever looks: fed once a second by the main loop, asked through the control socket.

use std::time::{Duration, SystemTime};

use portreeve_engine::Snapshot;
use portreeve_engine::control::Topic;
use portreeve_live::{FlowAsk, Live, OutputView};
use serde_json::Value;

/// How long after a second's end it is taken: what was sent in it is through the rings by then.
const AFTER: Duration = Duration::from_millis(100);

/// The main loop's side of it.
pub struct Beat {
    live: Live,
    /// The second that was taken last, counted from 1970-01-01.
    taken: u64,
}

/// Seconds since 1970-01-01, and what is left.
fn since_epoch(now: SystemTime) -> Duration {
    let now = now.duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().saturating_sub(AFTER)
}

impl Beat {
    /// Feeds `live`.
    #[must_use]
    pub fn new(live: Live) -> Beat {
        Beat { live, taken: 0 }
    }

    /// How long until it is to be fed again.
    #[must_use]
    pub fn due(&self, now: SystemTime) -> Duration {
        let now = since_epoch(now);
        if now.as_secs() == self.taken {
            Duration::from_secs(1) - Duration::from_nanos(now.subsec_nanos().into())
        } else {
            Duration::ZERO
        }
    }

    /// Feeds it, if a second has gone by.
    pub fn beat(
        &mut self,
        now: SystemTime,
        snapshot: impl FnOnce() -> Option<Snapshot>,
        outputs: impl FnOnce() -> Vec<OutputView>,
    ) {
        if !self.due(now).is_zero() {
            return;
        }
        self.taken = since_epoch(now).as_secs();
        if let Some(snapshot) = snapshot() {
            self.live.set_outputs(outputs());
            self.live.take(&snapshot, now);
        }
    }
}

/// Answers what the control socket was asked, if it is about this.
///
/// # Errors
/// There is nothing to look at in this run, or what was asked is not understood.
pub fn answer(live: Option<&Live>, topic: &Topic) -> Option<Result<Value, String>> {
    let asked = matches!(
        topic,
        Topic::View | Topic::Seconds(_) | Topic::Flows(_) | Topic::Flow(_)
    );
    if !asked {
        return None;
    }
    let Some(live) = live else {
        return Some(Err("only live runs keep this".to_owned()));
    };
    let json = |value: Result<Value, serde_json::Error>| value.map_err(|error| error.to_string());
    Some(match topic {
        Topic::View => json(serde_json::to_value(&*live.now())),
        Topic::Seconds(since) => json(serde_json::to_value(live.seconds(*since))),
        Topic::Flows(ask) => match serde_json::from_value::<FlowAsk>(ask.clone()) {
            Ok(ask) => match live.flows(&ask) {
                Ok(rows) => json(serde_json::to_value(rows)),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        },
        Topic::Flow(uid) => json(serde_json::to_value(live.flow(uid))),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fed_once_a_second_a_moment_after_its_end() {
        let live = Live::new(portreeve_live::LiveSettings::default());
        let mut beat = Beat::new(live.clone());
        let at = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let mut fed = 0;
        for now in [5_000, 5_050, 5_120, 5_900, 6_090, 6_100, 6_200] {
            beat.beat(
                at(now),
                || {
                    fed += 1;
                    Some(Snapshot::default())
                },
                Vec::new,
            );
        }
        assert_eq!(fed, 3);
        assert_eq!(beat.due(at(6_900)), Duration::from_millis(200));
        assert_eq!(live.now().version, 3);
    }

    #[test]
    fn questions_are_answered() {
        let live = Live::new(portreeve_live::LiveSettings::default());
        assert!(answer(Some(&live), &Topic::Ledger).is_none());
        assert!(answer(None, &Topic::View).is_some_and(|answer| answer.is_err()));
        let answered = |topic| answer(Some(&live), &topic).expect("it is about this");
        assert_eq!(
            answered(Topic::Flow("C00000000000000000".into())),
            Ok(Value::Null)
        );
        let ask = |filter: &str| Topic::Flows(serde_json::json!({ "filter": filter }));
        assert_eq!(answered(ask("port:443")), Ok(serde_json::json!([])));
        let refused = answered(ask("colour:red")).expect_err("no such field");
        assert!(refused.contains("colour"), "{refused}");
    }
}
