//! Tables as they are shown.

use std::cmp::Ordering;
use std::collections::HashMap;

use portreeve_output::text::Civil;
use serde_json::Value;

/// Rows of a table, at most.
const ROWS: usize = 200;

/// A table: what the history answers for the same, by its columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names and kinds of its columns: `count`, `int`, `double`, `bool`, `string`, `time` (RFC 3339), `interval` (nanoseconds).
    pub columns: Vec<(&'static str, &'static str)>,
    /// Its rows, a value for each column.
    pub rows: Vec<Vec<Value>>,
}

/// Makes a table of sums: those of which `row` makes one, the greatest by `order` first.
pub(super) fn table<K, V, O: Ord>(
    columns: &[(&'static str, &'static str)],
    sums: HashMap<K, V>,
    row: impl Fn(&K, &V) -> Option<(O, Vec<Value>)>,
) -> Table {
    let mut rows: Vec<(O, Vec<Value>)> = sums
        .into_iter()
        .filter_map(|(key, sum)| row(&key, &sum))
        .collect();
    // Equals by what they are called, so that rows do not jump.
    rows.sort_by(|(a, row), (b, other)| b.cmp(a).then_with(|| by_text(row, other)));
    rows.truncate(ROWS);
    Table {
        columns: columns.to_vec(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}

fn by_text(a: &[Value], b: &[Value]) -> Ordering {
    let texts = |row: &[Value]| -> Vec<String> {
        let cells = row.iter().filter_map(Value::as_str);
        cells.map(str::to_owned).collect()
    };
    texts(a).cmp(&texts(b))
}

/// A moment as the history has it: RFC 3339, UTC.
pub(super) fn moment(nanoseconds: i64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        nanosecond,
    } = Civil::from_nanoseconds(nanoseconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        for (nanoseconds, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_868_799_000_000_001, "2000-02-29T23:59:59.000000001Z"),
            (1_795_676_889_123_999_999, "2026-11-26T07:08:09.123999999Z"),
            (-500_000_000, "1969-12-31T23:59:59.500000000Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        ] {
            assert_eq!(moment(nanoseconds), text);
        }
    }

    #[test]
    fn rows_are_in_order_and_not_too_many() {
        let sums: HashMap<u32, u32> = (0..300).map(|key| (key, key % 2)).collect();
        let row = |key: &u32, sum: &u32| {
            (*key != 1).then(|| (*sum, vec![format!("{key:03}").into(), (*sum).into()]))
        };
        let table = table(&[("key", "string"), ("sum", "int")], sums, row);
        assert_eq!(table.rows.len(), ROWS);
        assert_eq!(table.rows[0], [Value::from("003"), 1.into()]);
        assert_eq!(table.rows[149], [Value::from("000"), 0.into()]);
    }
}
