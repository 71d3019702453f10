//! Any text as a filter, for each table: it is understood, or what is wrong with it is said with a place that is one; what is understood can be asked.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portreeve_filter::Matcher;
use portreeve_record::schema::{Log, logs};
use portreeve_record::{Conn, RecordContext};

static LOGS: LazyLock<Vec<Log>> = LazyLock::new(logs);

fuzz_target!(|input: &[u8]| {
    let Some((which, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let log = &LOGS[usize::from(*which) % LOGS.len()];
    match Matcher::new(text, &log.fields) {
        Ok(matcher) => {
            // Its columns may be another log's: those are unset.
            let conn = Conn::default();
            let mut row = matcher.row();
            conn.visit(&RecordContext::default(), &mut row);
            let passes = row.passes();
            let turned = Matcher::new(&format!("-({text})"), &log.fields);
            // The limits of length and depth may be passed by that; an empty filter has nothing to turn round.
            if let Ok(turned) = turned {
                let mut row = turned.row();
                conn.visit(&RecordContext::default(), &mut row);
                assert_ne!(row.passes(), passes, "{text}");
            }
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.position), "{error}");
            assert!(!error.message.is_empty());
        }
    }
});
