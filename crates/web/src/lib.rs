//! The dashboard's server: an HTTP API over a run that goes on and over its history, metrics, and the pages themselves.
//!
//! ```text
//!            ┌ thread "web": tokio, one thread, never a worker's core ┐
//! browser ──▶│ limits ▸ TLS ▸ headers ▸ who asks? ▸ router            │──▶ api::… ──▶ Live     what goes on now
//! curl    ──▶│                                     ├ api              │        ├───▶ Watched  ledger, workers, memory
//! scraper ──▶│                                     ├ metrics, health  │        └───▶ History  SQL, on a few blocking threads
//!            │                                     └ assets: the UI   │
//!            └────────────────────────────────────────────────────────┘
//!                 ▲ watch channel: one text a second, for all pages
//!               thread "web-live": waits for the next second of Live
//! ```
//!
//! **Nothing here can slow the data path down.** Threads are started by the one that starts outputs, and inherit from it that they keep off the
//! workers' cores and have no privilege. Connections, streams, bodies, queries and sessions are bounded; who comes when all places are taken is told so.
//!
//! **Who may look** is decided in one place ([`access`]): without users everybody on this host, and then the server listens on loopback only and answers to no other
//! name than an address (so that no page of the web can read it through a name of its own); with users nobody without a session or a token.
//!
//! **What is answered where there is no history** is what the run itself keeps of its last hour, and each answer says which of the two it comes from (`from`), and
//! since when it speaks.
#![forbid(unsafe_code)]

pub mod access;
mod answer;
mod api;
mod assets;
mod error;
mod headers;
mod health;
mod limits;
mod listener;
mod metrics;
mod past;
mod range;
mod server;
mod settings;
mod sources;
mod state;
mod stream;
mod tls;

pub use error::WebError;
pub use listener::Listener;
pub use server::Server;
pub use settings::{DEFAULT_LISTEN, WebSettings};
pub use sources::{About, Sources, Watched};

/// The description of the API, in OpenAPI's JSON: what `GET /api/v1/openapi.json` answers.
#[must_use]
pub fn openapi() -> String {
    api::description()
}
