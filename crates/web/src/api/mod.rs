//! The API: every route with its description, from which the OpenAPI document is made.

mod answers;
mod flows;
mod hosts;
mod now;
mod pages;
mod query;
mod rates;
mod session;
mod status;
mod top;

pub(crate) use answers::{Origin, filter_problem};
pub(crate) use status::milliseconds;

use std::sync::LazyLock;

use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{guard, open_guard};
use crate::answer::Failure;
use crate::state::App;
use crate::{assets, headers, health, limits, metrics};

/// Where the API is.
const ROOT: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Portreeve",
        description = "What a Portreeve sees now, and what it has seen. Times are milliseconds since 1970-01-01 UTC, bytes are bytes on the wire, rates are per second. Errors are answered as `Problem`.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    modifiers(&Security),
    security(("session" = []), ("token" = [])),
    tags(
        (name = "now", description = "What goes on"),
        (name = "history", description = "What went on"),
        (name = "sensor", description = "How the sensor fares"),
        (name = "session", description = "Who asks")
    )
)]
struct Description;

/// How one shows who one is.
struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                "portreeve_PORT",
                "The cookie that POST login sets; requests other than GET also need its X-CSRF-Token. Not needed where the server has no users.",
            ))),
        );
        components.add_security_scheme(
            "token",
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .description(Some("A token, as `portreeve web token NAME` makes it."))
                    .build(),
            ),
        );
    }
}

/// For everybody: to log in.
fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(session::session))
        .routes(routes!(session::login))
}

/// For those who may look.
fn closed() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(session::logout))
        .routes(routes!(status::status))
        .routes(routes!(status::ledger))
        .routes(routes!(status::workers))
        .routes(routes!(now::stream))
        .routes(routes!(now::seconds))
        .routes(routes!(now::alerts))
        .routes(routes!(now::sensor))
        .routes(routes!(rates::rates))
        .routes(routes!(top::top))
        .routes(routes!(flows::flows))
        .routes(routes!(flows::flow))
        .routes(routes!(hosts::host))
        .routes(routes!(pages::applications))
        .routes(routes!(pages::tcp))
        .routes(routes!(pages::dns))
        .routes(routes!(pages::tls))
        .routes(routes!(query::query))
        .routes(routes!(query::tables))
        .routes(routes!(query::fields))
        .routes(routes!(query::check))
}

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let mut api = OpenApiRouter::<App>::with_openapi(Description::openapi())
        .nest(ROOT, open().merge(closed()))
        .into_openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut api.info.version);
    let mut document = serde_json::to_value(api).unwrap_or_default();
    describe(&mut document);
    serde_json::to_string_pretty(&document).unwrap_or_default()
});

/// Gives responses that say nothing of themselves the description that OpenAPI asks for: what their status is called.
fn describe(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.flat_map(|(_, path)| path.as_object_mut().into_iter().flatten());
    for (_, operation) in operations {
        let responses = operation["responses"].as_object_mut();
        for (status, response) in responses.into_iter().flatten() {
            let code = status.parse::<StatusCode>().ok();
            let name = code.and_then(|code| code.canonical_reason());
            if let Value::Object(response) = response {
                let description = response.entry("description");
                description.or_insert_with(|| name.unwrap_or("An answer").into());
            }
        }
    }
}

/// The OpenAPI document.
pub(crate) fn description() -> String {
    DESCRIPTION.clone()
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], &**DESCRIPTION)
}

async fn unknown(uri: Uri) -> Failure {
    Failure::missing("path", format!("the API has no {}", uri.path()))
        .hint("GET /api/v1/openapi.json lists what it has")
}

/// All routes.
pub(crate) fn router(app: &App) -> Router {
    let (open, _) = open().split_for_parts();
    let (closed, _) = closed().split_for_parts();
    let closed = closed.layer(from_fn_with_state(app.clone(), guard));
    let open = open
        .route("/openapi.json", get(openapi))
        .layer(from_fn_with_state(app.clone(), open_guard));
    let metrics = Router::new()
        .route("/metrics", get(metrics::metrics))
        .layer(from_fn_with_state(app.clone(), guard));
    let api = open
        .merge(closed)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method);
    Router::new()
        .nest(ROOT, api)
        .merge(metrics)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(assets::serve)
        .layer(DefaultBodyLimit::max(limits::BODY))
        .layer(middleware::from_fn_with_state(app.clone(), headers::secure))
        .with_state(app.clone())
}

async fn wrong_method() -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "this path takes another method",
    )
}
