//! For those who start and watch processes: is it alive, are packets taken?

use axum::extract::State;
use axum::http::StatusCode;

use crate::state::App;

/// `GET /healthz`: the server answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: workers run and have their sources; or, without a run, there is a history to look at.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    let Some(watched) = app.sources.watched.clone() else {
        return (StatusCode::OK, "no run: history only\n");
    };
    let snapshot = tokio::task::spawn_blocking(move || watched.snapshot()).await;
    match snapshot {
        Ok(Some(snapshot)) if !snapshot.finished && !snapshot.workers.is_empty() => {
            (StatusCode::OK, "packets are taken\n")
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, "no packets are taken\n"),
    }
}
