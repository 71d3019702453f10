//! Which conversations: the filter language of [`portreeve_filter`] over those that are kept, each as its `conn` record, and one field more: `open`.

use portreeve_filter::{FilterError, Matcher};
use portreeve_record::field::{Ipfix, Kind};
use portreeve_record::schema::CONN;
use portreeve_record::{Facts, Info, RecordContext, Value};

use crate::flows::Known;

/// Whether the conversation goes on; `conn` records are of ended ones only and do not have it.
const OPEN: Info = Info::added(
    "open",
    Kind::Bool,
    "open",
    Ipfix::Own(0),
    "Whether it goes on.",
);

/// A filter, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Matcher);

impl Filter {
    /// Understands `text`; nothing in it: every conversation.
    ///
    /// # Errors
    /// What is not understood, and where.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        let mut columns = CONN.to_vec();
        columns.push(OPEN);
        Matcher::new(text, &columns).map(Filter)
    }

    /// Whether the conversation is one of them. `context` is the run's; it is left with this conversation's facts.
    pub(crate) fn matches(&self, known: &Known, context: &mut RecordContext) -> bool {
        if self.0.is_empty() {
            return true;
        }
        match &known.facts {
            Some(facts) => facts.as_ref().clone_into(context.facts_mut()),
            None => *context.facts_mut() = Facts::default(),
        }
        let mut row = self.0.row();
        known.conn.visit(context, &mut row);
        row.set(OPEN.name, Value::Bool(known.open));
        row.passes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::Conn;

    #[test]
    fn facts_and_whether_it_goes_on_are_asked_for_too() {
        let mut facts = Facts::default();
        facts.resp.country = Some("DE".into());
        facts.app = Some("netflix");
        let known = |open, facts: Option<&Facts>| Known::new(Conn::default(), facts, open, 0);
        let passes = |text: &str, known: &Known| {
            let mut context = RecordContext::default();
            Filter::parse(text)
                .unwrap_or_else(|error| panic!("{text}: {error}"))
                .matches(known, &mut context)
        };
        let with = known(true, Some(&facts));
        for text in ["", "open:yes", "country:de netflix", "-open:no app:any"] {
            assert!(passes(text, &with), "{text}");
        }
        let without = known(false, None);
        for text in ["open:yes", "country:de", "netflix", "app:any"] {
            assert!(!passes(text, &without), "{text}");
        }
    }
}
