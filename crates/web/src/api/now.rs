//! What goes on now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use portreeve_live::Live;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::status::json;
use crate::answer::{Failure, Params, Problem};
use crate::state::App;

/// There is history only.
pub(crate) fn no_run() -> Failure {
    Failure::missing("no_run", "no run goes on here: there is history only")
}

/// What goes on.
///
/// # Errors
/// There is no run.
pub(crate) fn live(app: &App) -> Result<&Live, Failure> {
    app.feed.live().ok_or_else(|| {
        if app.sources.watched.is_none() {
            return no_run();
        }
        Failure::missing("no_run", "what reads files keeps no last minutes").hint(
            "store them, and look at the store: --set store.path=DIR, portreeve web --store DIR",
        )
    })
}

/// The live stream (server-sent events): first `seconds`, the last ten minutes, or what came since `Last-Event-ID`; then a `view` each second.
#[utoipa::path(get, path = "/live", tag = "now", responses(
    (status = 200, content_type = "text/event-stream", body = String, description = "`seconds`: a list as `GET seconds` answers; `view`: what a screen shows now. The identifier of an event is the `ts` of its last second."),
    (status = 404, body = Problem, description = "No run goes on."),
    (status = 503, body = Problem, description = "Too many pages are open.")
))]
pub(crate) async fn stream(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Failure::busy(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many pages are open",
            30,
        )
    })?;
    live(&app)?;
    app.feed
        .follow(&headers, place, app.ending.clone())
        .ok_or_else(no_run)
}

/// Since when.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// Milliseconds since 1970 UTC; without it, all that are kept.
    #[serde(default)]
    since: i64,
}

/// The seconds of the last hour at most, each with its packets and bits, by direction, and the rate of its busiest millisecond.
#[utoipa::path(get, path = "/seconds", tag = "now", params(Since), responses(
    (status = 200, body = [Object]),
    (status = 404, body = Problem, description = "No run goes on.")
))]
pub(crate) async fn seconds(
    State(app): State<App>,
    Params(Since { since }): Params<Since>,
) -> Result<Json<Value>, Failure> {
    json(&live(&app)?.seconds(since))
}

/// What somebody should know now: thresholds that are passed.
#[utoipa::path(get, path = "/alerts", tag = "sensor", responses(
    (status = 200, body = [Object]),
    (status = 404, body = Problem, description = "No run goes on.")
))]
pub(crate) async fn alerts(State(app): State<App>) -> Result<Json<Value>, Failure> {
    json(&live(&app)?.now().alerts)
}

/// What the *Sensor* page shows: workers, sources, memory, ledger, outputs, alerts.
#[utoipa::path(get, path = "/sensor", tag = "sensor", responses(
    (status = 200, body = Object, description = "A `view` of the live stream without its second and its tops."),
    (status = 404, body = Problem, description = "No run goes on.")
))]
pub(crate) async fn sensor(State(app): State<App>) -> Result<Json<Value>, Failure> {
    let view = live(&app)?.now();
    let Json(mut value) = json(&*view)?;
    if let Value::Object(members) = &mut value {
        members.remove("top");
        members.remove("second");
        // Records wait in their outputs' rings, frames in the hand-over ones.
        members.insert(
            "queues".to_owned(),
            serde_json::json!({
                "in_hand_over": view.ledger.frames.in_hand_over,
                "records": view.ledger.records,
            }),
        );
    }
    Ok(Json(value))
}
