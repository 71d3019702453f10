//! What went wrong, as the API answers it.

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// What went wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Wrong {
    /// For programs: one word.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// For people: what went wrong, with what.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The answer where something went wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What.
    pub error: Wrong,
}

/// An answer that says what went wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    wrong: Box<Wrong>,
    /// Seconds after which it is worth another try.
    retry: Option<u64>,
}

impl Failure {
    /// With this status.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Failure {
        Failure {
            status,
            wrong: Box::new(Wrong {
                code,
                message: message.into(),
                hint: None,
            }),
            retry: None,
        }
    }

    /// The request is wrong.
    pub fn bad(code: &'static str, message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// It is not to be had for this one.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::FORBIDDEN, code, message)
    }

    /// There is no such thing.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Not now: all places are taken, or somebody is too fast.
    pub fn busy(status: StatusCode, message: impl Into<String>, retry: u64) -> Failure {
        Failure {
            retry: Some(retry),
            ..Failure::new(status, "too_many", message)
        }
    }

    /// Who asks is not known.
    pub fn unauthorized() -> Failure {
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "login",
            "this needs a session or a token",
        )
        .hint("POST /api/v1/login, or the header Authorization: Bearer TOKEN")
    }

    /// A fault of ours.
    pub fn fault(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", message)
    }

    /// What to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.wrong.hint = Some(hint.into());
        self
    }

    /// The same as an event of a stream that has begun already.
    pub fn event(&self) -> serde_json::Value {
        let Wrong {
            code,
            message,
            hint,
        } = &*self.wrong;
        serde_json::json!({ "event": "error", "code": code, "message": message, "hint": hint })
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Problem { error: *self.wrong })).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<BytesRejection> for Failure {
    fn from(rejection: BytesRejection) -> Self {
        Failure::new(rejection.status(), "body", rejection.body_text())
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Failure::new(rejection.status(), "body", rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Failure::new(rejection.status(), "parameter", rejection.body_text())
    }
}

/// A body in JSON; what is none is answered as the rest of the API answers.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let Json(value) = Json::from_request(request, state).await?;
        Ok(Body(value))
    }
}

/// The parameters of the address.
pub(crate) struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(value) = Query::from_request_parts(parts, state).await?;
        Ok(Params(value))
    }
}
