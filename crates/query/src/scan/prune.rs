//! Which times a query asks for, from its conditions on `ts`.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Operator, TryCast};

/// Times from one to another, both included, nanoseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeRange {
    from: i64,
    to: i64,
}

impl TimeRange {
    /// The least range that holds all rows which these conditions let through, as far as they are plain.
    pub fn of(filters: &[Expr]) -> Self {
        let mut range = TimeRange {
            from: i64::MIN,
            to: i64::MAX,
        };
        for filter in filters.iter().flat_map(split_conjunction) {
            range.narrow(filter);
        }
        range
    }

    /// Whether rows with times from `min` to `max` may be in it.
    pub fn meets(self, min: i64, max: i64) -> bool {
        min <= self.to && self.from <= max
    }

    fn narrow(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let plain = match (is_time(left), time(right), is_time(right), time(left)) {
                    (true, Some(at), ..) => Some((*op, at)),
                    (.., true, Some(at)) => op.swap().map(|op| (op, at)),
                    _ => None,
                };
                // One nanosecond more than asked for does no harm: rows are filtered as well.
                match plain {
                    Some((Operator::Gt | Operator::GtEq, at)) => self.from = self.from.max(at),
                    Some((Operator::Lt | Operator::LtEq, at)) => self.to = self.to.min(at),
                    Some((Operator::Eq, at)) => {
                        self.from = self.from.max(at);
                        self.to = self.to.min(at);
                    }
                    _ => {}
                }
            }
            Expr::Between(Between {
                expr,
                negated: false,
                low,
                high,
            }) if is_time(expr) => {
                if let Some(at) = time(low) {
                    self.from = self.from.max(at);
                }
                if let Some(at) = time(high) {
                    self.to = self.to.min(at);
                }
            }
            _ => {}
        }
    }
}

/// Whether an expression is the column `ts` as it is: what is made of it may be rounded.
fn is_time(expr: &Expr) -> bool {
    match expr {
        Expr::Column(column) => column.name == "ts",
        _ => false,
    }
}

/// The moment that a constant means.
fn time(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => nanoseconds(value),
        Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) => time(expr),
        _ => None,
    }
}

fn nanoseconds(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampNanosecond(Some(at), _) => Some(*at),
        ScalarValue::TimestampMicrosecond(Some(at), _) => at.checked_mul(1_000),
        ScalarValue::TimestampMillisecond(Some(at), _) => at.checked_mul(1_000_000),
        ScalarValue::TimestampSecond(Some(at), _) => at.checked_mul(1_000_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn at(seconds: i64) -> Expr {
        lit(ScalarValue::TimestampSecond(Some(seconds), None))
    }

    #[test]
    fn conditions_on_ts_narrow_the_range_and_others_do_not() {
        let filters = [
            col("ts").gt_eq(at(10)).and(at(20).gt(col("ts"))),
            col("n").gt(at(12)),
            col("ts").gt(at(5)).or(col("n").eq(lit(1))),
        ];
        let range = TimeRange::of(&filters);
        let second = 1_000_000_000;
        assert_eq!((range.from, range.to), (10 * second, 20 * second));
        assert!(range.meets(0, 10 * second) && range.meets(20 * second, i64::MAX));
        assert!(!range.meets(0, 10 * second - 1) && !range.meets(20 * second + 1, i64::MAX));
        let range = TimeRange::of(&[col("ts").between(at(1), at(2)), col("ts").not_eq(at(1))]);
        assert_eq!((range.from, range.to), (second, 2 * second));
        let range = TimeRange::of(&[col("ts").eq(at(3))]);
        assert_eq!((range.from, range.to), (3 * second, 3 * second));
    }
}
