//! Who asks: to log in, to log out, and what a page needs to know of itself.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{Identity, Sessions};
use crate::answer::{Body, Failure, Problem};
use crate::state::App;

/// Whom the server takes the asker for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// Whether he may look.
    authenticated: bool,
    /// Whether one has to log in here at all.
    required: bool,
    /// His name, where he has one.
    user: Option<String>,
    /// What requests other than GET have to send as `X-CSRF-Token`; none where it is not needed.
    csrf: Option<String>,
}

impl Session {
    fn of(identity: &Identity) -> Session {
        Session {
            authenticated: identity.is_known(),
            required: !matches!(identity, Identity::Anybody),
            user: identity.user().map(str::to_owned),
            csrf: match identity {
                Identity::Session(_, session) => Some(session.csrf.clone()),
                _ => None,
            },
        }
    }
}

/// What one logs in with: a password, with the user's name (not needed where there is only one), or a token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The user.
    user: Option<String>,
    /// His password.
    password: Option<String>,
    /// Or a token.
    token: Option<String>,
}

/// Whom the server takes the asker for, and what a page needs to post.
#[utoipa::path(get, path = "/session", tag = "session", security(()), responses((status = 200, body = Session)))]
pub(crate) async fn session(Extension(identity): Extension<Identity>) -> Json<Session> {
    Json(Session::of(&identity))
}

/// The cookie that an answer sets.
type SetCookie = [(HeaderName, String); 1];

/// Begins a session: the answer sets its cookie. After five wrong attempts of one address there is one more each 15 seconds.
#[utoipa::path(post, path = "/login", tag = "session", security(()), request_body = Login, responses(
    (status = 200, body = Session),
    (status = 401, body = Problem, description = "Wrong."),
    (status = 429, body = Problem, description = "Too many attempts; `Retry-After` says when.")
))]
pub(crate) async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(login): Body<Login>,
) -> Result<(SetCookie, Json<Session>), Failure> {
    let users = app.users();
    if users.is_empty() {
        return Err(Failure::bad("login", "nobody has to log in here"));
    }
    app.attempts.begin(peer.ip()).map_err(|wait| {
        Failure::busy(
            StatusCode::TOO_MANY_REQUESTS,
            "too many attempts",
            wait.as_secs() + 1,
        )
    })?;
    let found = match login {
        // A page with one field for either sends both.
        Login {
            token: Some(token),
            user: None,
            ..
        } if users.by_token(&token).is_some() => users.by_token(&token),
        Login {
            token: Some(token),
            password: None,
            ..
        } => users.by_token(&token),
        Login {
            password: Some(password),
            user,
            ..
        } => {
            let _place = app.passwords.acquire().await;
            tokio::task::spawn_blocking(move || users.by_password(user.as_deref(), &password))
                .await
                .map_err(|_| Failure::fault("the password could not be looked at"))?
        }
        Login { .. } => return Err(Failure::bad("login", "say a password or a token")),
    };
    let Some(user) = found else {
        return Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "login",
            "wrong user, password or token",
        ));
    };
    app.attempts.succeeded(peer.ip());
    let (secret, session) = app.sessions.begin(user);
    let cookie = app.set_cookie(&secret, Sessions::LIFE.as_secs());
    let identity = Identity::Session(secret, session);
    Ok(([(header::SET_COOKIE, cookie)], Json(Session::of(&identity))))
}

/// Ends the session.
#[utoipa::path(post, path = "/logout", tag = "session", responses((status = 200, body = Session)))]
pub(crate) async fn logout(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
) -> (SetCookie, Json<Session>) {
    if let Identity::Session(secret, _) = &identity {
        app.sessions.end(secret);
    }
    let after = match identity {
        Identity::Anybody => Identity::Anybody,
        _ => Identity::Unknown,
    };
    (
        [(header::SET_COOKIE, app.set_cookie("", 0))],
        Json(Session::of(&after)),
    )
}
