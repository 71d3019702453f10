//! Rates over time, from roll-ups of a fitting width; the last hour also from what the run itself keeps.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use portreeve_live::{By as LiveBy, CELL_MS, Live, Second};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Origin;
use crate::answer::{Failure, Params, Problem};
use crate::past::{Asker, ask};
use crate::range::{Range, RangeAsk, range};
use crate::state::App;

/// The most points of a series.
const MOST_POINTS: i64 = 2000;
/// The most series of an answer; the rest is one series together.
const MOST_SERIES: usize = 50;
/// Rows of an answer.
const ROWS: usize = 1_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;
/// Sums of minutes are written within this time, those of hours within the other.
const MINUTES_ARE_LATE: i64 = 3 * MINUTE;
const HOURS_ARE_LATE: i64 = 2 * HOUR;

/// How the rates are to be told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// Not at all.
    #[default]
    None,
    /// By transport protocol.
    Proto,
    /// By application protocol.
    Service,
    /// By interface or file.
    Source,
}

/// What is asked besides the range.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RatesAsk {
    /// About so many points, 2000 at most.
    #[serde(default = "points")]
    points: i64,
    /// How the rates are to be told apart.
    #[serde(default)]
    #[param(inline)]
    by: By,
}

fn points() -> i64 {
    300
}

/// A step's begin, and bits, packets and conversations per second.
type Point = (i64, f64, f64, f64);

/// One series.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Series {
    /// Whose; empty: of what has no name.
    name: String,
    /// For each step its begin, and the means over it: bits, packets and conversations per second. A step without a point had nothing.
    #[schema(value_type = Vec<[f64; 4]>)]
    points: Vec<Point>,
}

/// Rates over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rates {
    /// How long a step is.
    step_ms: i64,
    /// The series, the greatest first.
    series: Vec<Series>,
    /// Where this comes from.
    from: Origin,
    /// Whether it is all of the range that could have been seen.
    complete: bool,
}

/// Rates over time: bits, packets and conversations per second.
#[utoipa::path(get, path = "/rates", tag = "history", params(RangeAsk, RatesAsk), responses(
    (status = 200, body = Rates), (status = 400, body = Problem)
))]
pub(crate) async fn rates(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
    Params(RatesAsk { points, by }): Params<RatesAsk>,
) -> Result<Json<Rates>, Failure> {
    let range = range(&app, asked)?;
    let step = step(range, points);
    if let Some(live) = app.feed.live()
        && by == By::None
        && (app.history.is_none() || is_within(live, range))
    {
        return Ok(Json(of_seconds(&live.seconds(range.from), range, step)));
    }
    if app.history.is_none() {
        let live = super::now::live(&app)?;
        return Ok(Json(of_cells(live, range, step, by)));
    }
    let rates = ask(&app, move |asker| stored(asker, range, step, by)).await?;
    Ok(Json(rates))
}

/// Whether the run itself has all of that range.
fn is_within(live: &Live, range: Range) -> bool {
    let oldest = live.seconds(0).first().map(|second| second.ts);
    oldest.is_some_and(|oldest| oldest <= range.from)
}

/// A step that a person finds on a clock, of which the range has about so many.
fn step(range: Range, points: i64) -> i64 {
    const STEPS: [i64; 20] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
        86_400, 172_800, 604_800,
    ];
    let wanted = range.length() / points.clamp(1, MOST_POINTS);
    let fitting = STEPS.iter().map(|seconds| seconds * 1000);
    // Of a range of centuries there are more points rather than none.
    fitting
        .clone()
        .find(|step| *step >= wanted)
        .unwrap_or_else(|| {
            let week = 604_800_000;
            (wanted / week + 1) * week
        })
}

fn of_seconds(seconds: &[Second], range: Range, step: i64) -> Rates {
    let mut steps: BTreeMap<i64, [u64; 3]> = BTreeMap::new();
    for second in seconds.iter().filter(|second| second.ts < range.to) {
        let sums = steps.entry(second.ts.div_euclid(step) * step).or_default();
        sums[0] += second.bits;
        sums[1] += second.packets;
        sums[2] += second.flows_opened;
    }
    let first = seconds.first().map(|second| second.ts);
    let points = steps.into_iter().map(|(at, sums)| {
        let [bits, packets, conns] = sums.map(|sum| per_second(sum as f64, at, step, range));
        (at, bits, packets, conns)
    });
    Rates {
        step_ms: step,
        series: vec![Series {
            name: String::new(),
            points: points.collect(),
        }],
        from: Origin::Live,
        complete: first.is_some_and(|first| first <= range.from + 1000),
    }
}

/// By a name, from the cells of time that the run itself keeps: not by source, which those do not tell.
fn of_cells(live: &Live, range: Range, step: i64, by: By) -> Rates {
    // A step is whole cells.
    let step = step.max(CELL_MS).div_euclid(CELL_MS) * CELL_MS;
    let by = match by {
        By::Service => Some(LiveBy::Service),
        By::Proto => Some(LiveBy::Proto),
        By::None | By::Source => None,
    };
    let cells = by.and_then(|by| live.rates(by, range.from, range.to));
    let mut series: BTreeMap<String, (f64, Vec<Point>)> = BTreeMap::new();
    for (name, cells) in cells.unwrap_or_default() {
        let mut steps: BTreeMap<i64, [f64; 3]> = BTreeMap::new();
        for (at, rate) in cells {
            let sums = steps.entry(at.div_euclid(step) * step).or_default();
            sums[0] += rate.bytes as f64 * 8.0;
            sums[1] += rate.packets as f64;
            sums[2] += rate.conns as f64;
        }
        let sum = steps.values().map(|sums| sums[0]).sum();
        let mean = |(at, sums): (i64, [f64; 3])| {
            let [bits, packets, conns] = sums.map(|sum| per_second(sum, at, step, range));
            (at, bits, packets, conns)
        };
        let points = steps.into_iter().map(mean).collect();
        series.insert(name.to_owned(), (sum, points));
    }
    let seconds = live.seconds(0);
    let first = seconds.first().map(|second| second.ts);
    Rates {
        step_ms: step,
        series: greatest(series),
        from: Origin::Live,
        complete: by.is_some() && first.is_some_and(|first| first <= range.from + 1000),
    }
}

/// A mean over the part of a step that is within the range.
fn per_second(sum: f64, at: i64, step: i64, range: Range) -> f64 {
    let length = (at + step).min(range.to) - at.max(range.from);
    sum * 1000.0 / length.clamp(1000, step.max(1000)) as f64
}

/// Sums of a step by name, from the widest roll-ups that fit; where those are not written yet, from narrower ones.
fn sql(range: Range, step: i64, by: By) -> String {
    let name = match by {
        By::None => "''",
        By::Proto => "coalesce(proto, '')",
        By::Service => "coalesce(service, '')",
        By::Source => "coalesce(source, '')",
    };
    let mut parts = Vec::new();
    let mut from = range.from;
    let mut part = |table: &str, until: i64| {
        if until > from {
            let piece = Range { from, to: until }.sql();
            parts.push(format!(
                "SELECT ts, {name} AS name, orig_ip_bytes + resp_ip_bytes AS bytes, orig_pkts + resp_pkts AS packets, conns FROM {table} WHERE {piece}"
            ));
            from = until;
        }
    };
    // A bucket counts where it begins: borders are on whole ones, and those that the range cuts at its begin come from the next finer.
    let floor = |at: i64, width: i64| at.div_euclid(width) * width;
    let ceil = |at: i64, width: i64| floor(at + width - 1, width);
    if step >= HOUR {
        let first = ceil(range.from, HOUR).min(range.to);
        part("rollup_1m", first);
        part("rollup_1h", floor(range.to - HOURS_ARE_LATE, HOUR));
    }
    if step >= MINUTE {
        part("rollup_1m", floor(range.to - MINUTES_ARE_LATE, MINUTE));
    }
    part("rollup_1s", range.to);
    let nanoseconds = step * 1_000_000;
    format!(
        "SELECT CAST(ts AS BIGINT) / {nanoseconds} * {step} AS at, name, sum(bytes) AS bytes, sum(packets) AS packets, sum(conns) AS conns \
         FROM ({}) GROUP BY 1, 2 ORDER BY 1",
        parts.join(" UNION ALL ")
    )
}

fn stored(asker: &Asker, range: Range, step: i64, by: By) -> Result<Rates, Failure> {
    let table = asker.table(sql(range, step, by), ROWS)?;
    let mut series: BTreeMap<String, (f64, Vec<Point>)> = BTreeMap::new();
    for row in &table.rows {
        let [at, name, bytes, packets, conns] = row.as_slice() else {
            continue;
        };
        let Some(at) = at.as_i64() else { continue };
        let mean = |value: &Value| per_second(value.as_f64().unwrap_or(0.0), at, step, range);
        let (sum, points) = series
            .entry(name.as_str().unwrap_or_default().to_owned())
            .or_default();
        let bits = mean(bytes) * 8.0;
        *sum += bits;
        points.push((at, bits, mean(packets), mean(conns)));
    }
    Ok(Rates {
        step_ms: step,
        series: greatest(series),
        from: Origin::Store,
        complete: !table.stats.truncated,
    })
}

/// The greatest series, and one of all the others.
fn greatest(series: BTreeMap<String, (f64, Vec<Point>)>) -> Vec<Series> {
    let mut all: Vec<_> = series.into_iter().collect();
    all.sort_by(|(_, (a, _)), (_, (b, _))| b.total_cmp(a));
    let rest = all.split_off(all.len().min(MOST_SERIES));
    let mut series: Vec<Series> = all
        .into_iter()
        .map(|(name, (_, points))| Series { name, points })
        .collect();
    if !rest.is_empty() {
        let mut sums: BTreeMap<i64, [f64; 3]> = BTreeMap::new();
        for (at, bits, packets, conns) in rest.into_iter().flat_map(|(_, (_, points))| points) {
            let sum = sums.entry(at).or_default();
            sum[0] += bits;
            sum[1] += packets;
            sum[2] += conns;
        }
        series.push(Series {
            name: "…".to_owned(),
            points: sums
                .into_iter()
                .map(|(at, [a, b, c])| (at, a, b, c))
                .collect(),
        });
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_of_a_clock() {
        let of = |length, points| {
            step(
                Range {
                    from: 0,
                    to: length,
                },
                points,
            )
        };
        assert_eq!(of(HOUR, 300), 15_000);
        assert_eq!(of(24 * HOUR, 300), 300_000);
        assert_eq!(of(7 * 24 * HOUR, 300), 3_600_000);
        assert_eq!(of(300_000, 300), 1000);
        assert_eq!(of(1, 300), 1000);
        assert_eq!(of(HOUR, 0), HOUR);
        assert!(of(i64::MAX / 1_000_000, 1) >= i64::MAX / 1_000_000);
    }

    #[test]
    fn what_is_not_written_yet_comes_from_narrower_sums_and_nothing_twice() {
        let day = 24 * HOUR;
        let range = Range {
            from: 10 * day + 1,
            to: 40 * day,
        };
        let text = sql(range, HOUR, By::None);
        let ts = |at: i64| format!("to_timestamp_millis({at})");
        for part in [
            format!(
                "rollup_1m WHERE ts >= {} AND ts < {}",
                ts(range.from),
                ts(10 * day + HOUR)
            ),
            format!(
                "rollup_1h WHERE ts >= {} AND ts < {}",
                ts(10 * day + HOUR),
                ts(40 * day - 2 * HOUR)
            ),
            format!(
                "rollup_1m WHERE ts >= {} AND ts < {}",
                ts(40 * day - 2 * HOUR),
                ts(40 * day - 3 * MINUTE)
            ),
            format!(
                "rollup_1s WHERE ts >= {} AND ts < {}",
                ts(40 * day - 3 * MINUTE),
                ts(40 * day)
            ),
        ] {
            assert!(text.contains(&part), "{part}\n{text}");
        }
        let short = sql(
            Range {
                from: 0,
                to: 60_000,
            },
            1000,
            By::Proto,
        );
        assert!(
            !short.contains("rollup_1m") && short.contains("coalesce(proto, '')"),
            "{short}"
        );
    }

    #[test]
    fn seconds_become_means() {
        let second = |ts, bits| Second {
            ts,
            bits,
            packets: 1,
            ..Second::default()
        };
        let seconds = [
            second(10_000, 100),
            second(11_000, 300),
            second(14_000, 50),
            second(15_000, 7),
        ];
        let rates = of_seconds(
            &seconds,
            Range {
                from: 10_000,
                to: 15_000,
            },
            2000,
        );
        let points: Vec<(i64, f64)> = rates.series[0].points.iter().map(|p| (p.0, p.1)).collect();
        assert_eq!(points, [(10_000, 200.0), (14_000, 50.0)]);
        assert!(rates.complete);
    }

    #[test]
    fn beyond_so_many_series_there_is_one_of_the_rest() {
        let series = (0..60).map(|at| {
            (
                format!("{at:02}"),
                (f64::from(at), vec![(0, f64::from(at), 1.0, 0.0)]),
            )
        });
        let shown = greatest(series.collect());
        assert_eq!(shown.len(), MOST_SERIES + 1);
        assert_eq!(shown[0].name, "59");
        assert_eq!(
            shown[MOST_SERIES].points,
            [(0, (0..10).map(f64::from).sum::<f64>(), 10.0, 0.0)]
        );
    }
}
