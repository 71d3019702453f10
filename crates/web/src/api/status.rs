//! How the sensor fares.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::{Extension, Json};
use portreeve_engine::Snapshot;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::now::no_run;
use crate::access::Identity;
use crate::answer::{Failure, Problem};
use crate::state::App;

/// The history on disk.
#[derive(Serialize, ToSchema)]
pub(crate) struct Store {
    /// Its folder.
    path: String,
    /// Bytes of it.
    bytes: u64,
    /// Its oldest row.
    oldest: Option<i64>,
    /// Its newest row, as far as files are closed.
    newest: Option<i64>,
}

/// What the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// The program's version.
    version: String,
    /// The sensor's name.
    sensor: String,
    /// When the run began.
    started: i64,
    /// How long ago that was, in milliseconds.
    uptime_ms: i64,
    /// Interfaces and files that are watched.
    sources: Vec<String>,
    /// Networks that are ours.
    local_nets: Vec<String>,
    /// The history; none: it is not kept.
    store: Option<Store>,
    /// Whether a run goes on: without one there is history only.
    live: bool,
    /// Whether addresses have countries or autonomous systems.
    geo: bool,
    /// Whether one has to log in.
    auth: bool,
    /// Who asks.
    user: Option<String>,
}

/// Milliseconds since 1970 UTC.
pub(crate) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What the server is: version, sensor, sources, store.
#[utoipa::path(get, path = "/status", tag = "sensor", responses((status = 200, body = Status)))]
pub(crate) async fn status(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
) -> Json<Status> {
    let about = &app.sources.about;
    let started = milliseconds(about.started);
    let store = match app.history.clone() {
        Some(past) => tokio::task::spawn_blocking(move || {
            let extent = past.extent();
            Store {
                path: past.history.path().display().to_string(),
                bytes: extent.bytes,
                oldest: extent.oldest,
                newest: extent.newest,
            }
        })
        .await
        .ok(),
        None => None,
    };
    Json(Status {
        store,
        version: about.version.clone(),
        sensor: about.sensor.clone(),
        started,
        uptime_ms: milliseconds(SystemTime::now()).saturating_sub(started),
        sources: about.sources.clone(),
        local_nets: about.local_nets.clone(),
        live: app.sources.watched.is_some(),
        geo: about.geo,
        auth: !matches!(identity, Identity::Anybody),
        user: identity.user().map(str::to_owned),
    })
}

/// The run at this moment.
///
/// # Errors
/// There is none.
pub(crate) async fn snapshot(app: &App) -> Result<Snapshot, Failure> {
    let watched = app.sources.watched.clone().ok_or_else(no_run)?;
    tokio::task::spawn_blocking(move || watched.snapshot())
        .await
        .ok()
        .flatten()
        .ok_or_else(no_run)
}

/// The loss ledger: where every packet went.
#[utoipa::path(get, path = "/ledger", tag = "sensor", responses(
    (status = 200, body = Object, description = "The ledger: `capture` by source, `frames`, `flows`, `applications`, `records` by output. `null` is unknown."),
    (status = 404, body = Problem, description = "No run goes on.")
))]
pub(crate) async fn ledger(State(app): State<App>) -> Result<Json<Value>, Failure> {
    json(&snapshot(&app).await?.ledger)
}

/// The workers: frames, flows, and how each spends its time.
#[utoipa::path(get, path = "/workers", tag = "sensor", responses(
    (status = 200, body = [Object]),
    (status = 404, body = Problem, description = "No run goes on.")
))]
pub(crate) async fn workers(State(app): State<App>) -> Result<Json<Value>, Failure> {
    json(&snapshot(&app).await?.workers)
}

/// Anything as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Json<Value>, Failure> {
    serde_json::to_value(value)
        .map(Json)
        .map_err(|error| Failure::fault(error.to_string()))
}
