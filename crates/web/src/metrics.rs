//! Metrics for Prometheus, in its text format: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! Everything is made of one snapshot when it is asked for, so nothing is counted twice and the accounts add up. What is unknown has no sample, rather than 0. No
//! label has addresses or anything else that traffic decides.

mod page;
mod run;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use portreeve_live::Alert;

use crate::limits;
use crate::state::App;
use page::{Kind, Page};

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let watched = app.sources.watched.clone();
    let run = tokio::task::spawn_blocking(move || {
        watched.and_then(|watched| Some((watched.snapshot()?, watched.outputs())))
    });
    let mut page = Page::default();
    own(&app, &mut page);
    if let Ok(Some((snapshot, outputs))) = run.await {
        run::of_run(&snapshot, &outputs, &mut page);
    }
    if let Some(live) = &app.sources.live {
        alerts(&live.alerts(), &mut page);
    }
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        page.text(),
    )
}

/// One sample for each that is raised: a rule asks whether there is any, or for its labels.
fn alerts(raised: &[Alert], page: &mut Page) {
    page.family(
        "portreeve_alert_active",
        Kind::Gauge,
        "An alert that is raised (its name is that of its key in [alerts]); the value is always 1.",
    );
    for alert in raised {
        let object = alert.object.as_deref().unwrap_or_default();
        let labels = [
            ("name", alert.name.as_str()),
            ("object", object),
            ("severity", alert.severity.as_str()),
        ];
        page.sample(&labels, 1);
    }
}

/// What the server knows of itself.
fn own(app: &App, page: &mut Page) {
    let about = &app.sources.about;
    page.family(
        "portreeve_build_info",
        Kind::Gauge,
        "Version of the program; the value is always 1.",
    );
    page.sample(&[("version", &about.version), ("sensor", &about.sensor)], 1);
    page.family(
        "portreeve_start_time_seconds",
        Kind::Gauge,
        "When the run began, in seconds since 1970 UTC.",
    );
    let started = crate::api::milliseconds(about.started);
    page.sample(&[], started as f64 / 1e3);
    page.family(
        "portreeve_web_streams",
        Kind::Gauge,
        "Pages that follow the live stream.",
    );
    page.sample(&[], limits::STREAMS - app.streams.available_permits());
}
