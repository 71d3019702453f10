//! The door: decides for each request who asks, before anything is answered.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::{Session, origin};
use crate::answer::Failure;
use crate::state::App;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// Anybody, where there are no users.
    Anybody,
    /// A browser's session, with its secret.
    Session(String, Session),
    /// A program, by the token of this user.
    Token(String),
    /// Nobody that we know.
    Unknown,
}

impl Identity {
    /// The user's name, where he has one.
    pub fn user(&self) -> Option<&str> {
        match self {
            Identity::Session(_, session) => Some(&session.user),
            Identity::Token(name) => Some(name),
            Identity::Anybody | Identity::Unknown => None,
        }
    }

    /// Whether he may look.
    pub fn is_known(&self) -> bool {
        !matches!(self, Identity::Unknown)
    }
}

/// For what is only for those who may look.
pub(crate) async fn guard(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    pass(&app, request, next, true).await
}

/// For what everybody may ask, to log in: the same checks, without a need to be known.
pub(crate) async fn open_guard(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    pass(&app, request, next, false).await
}

async fn pass(
    app: &App,
    mut request: Request,
    next: Next,
    known: bool,
) -> Result<Response, Failure> {
    let identity = identify(app, request.headers());
    if matches!(identity, Identity::Anybody)
        && !origin::host(request.headers(), request.uri()).is_some_and(origin::is_own_name)
    {
        return Err(Failure::forbidden(
            "host",
            "without users this server answers to an address or localhost only",
        )
        .hint("open it by its address, or make a user: portreeve web password NAME"));
    }
    if known && !identity.is_known() {
        return Err(Failure::unauthorized());
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads {
        may_act(&identity, &request, known)?;
    }
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

/// Whether a request that is not only a look comes from our own page, or from a program. To log in (not `known`), the session that there may be does not count.
fn may_act(identity: &Identity, request: &Request, known: bool) -> Result<(), Failure> {
    let headers = request.headers();
    if matches!(identity, Identity::Token(_)) {
        return Ok(());
    }
    if origin::is_foreign(headers, request.uri()) {
        return Err(Failure::forbidden(
            "origin",
            "this was sent by a page of another site",
        ));
    }
    if let Identity::Session(_, session) = identity
        && known
    {
        let token = headers
            .get("x-csrf-token")
            .and_then(|value| value.to_str().ok());
        if !token.is_some_and(|token| session.is_csrf(token)) {
            return Err(Failure::forbidden(
                "csrf",
                "the header X-CSRF-Token is missing or of another session",
            )
            .hint("GET /api/v1/session tells it"));
        }
    }
    Ok(())
}

fn identify(app: &App, headers: &HeaderMap) -> Identity {
    let users = app.users();
    if users.is_empty() {
        return Identity::Anybody;
    }
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if let Some(token) = authorization.and_then(bearer) {
        // Said with a token, meant with a token: a cookie does not help.
        return users
            .by_token(token)
            .map_or(Identity::Unknown, Identity::Token);
    }
    let Some(secret) = cookie(headers, &app.cookie()) else {
        return Identity::Unknown;
    };
    match app.sessions.find(secret) {
        Some(session) => Identity::Session(secret.to_owned(), session),
        None => Identity::Unknown,
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_and_tokens_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            "a=1; portreeve_7678=abc".parse().expect("ok"),
        );
        headers.append(header::COOKIE, "portreeve_7679=def".parse().expect("ok"));
        assert_eq!(cookie(&headers, "portreeve_7678"), Some("abc"));
        assert_eq!(cookie(&headers, "portreeve_7679"), Some("def"));
        assert_eq!(cookie(&headers, "portreeve"), None);
        assert_eq!(bearer("Bearer x"), Some("x"));
        assert_eq!(bearer("bearer  x"), Some("x"));
        assert_eq!(bearer("Basic x"), None);
    }
}
