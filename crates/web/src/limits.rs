//! Bounds: what one server takes on at once.

use std::time::Duration;

/// Connections at once; a further one is closed.
pub const CONNECTIONS: usize = 256;
/// Live streams at once: pages that are open.
pub const STREAMS: usize = 64;
/// Queries at once; further ones wait for [`QUERY_PATIENCE`].
pub const QUERIES: usize = 3;
/// How long a query waits for its turn.
pub const QUERY_PATIENCE: Duration = Duration::from_secs(10);
/// The longest time one query takes, unless the settings of the history say less.
pub const QUERY_TIME: Duration = Duration::from_secs(60);
/// Rows that one query answers, at most.
pub const QUERY_ROWS: usize = 100_000;
/// Bytes of memory that one query's answer takes as a whole, at most.
pub const QUERY_BYTES: usize = 256 << 20;
/// Bytes of a request's body.
pub const BODY: usize = 256 * 1024;
/// A request's headers, or a TLS handshake, must be there within this time; an idle connection is closed after it.
pub const HEADERS: Duration = Duration::from_secs(30);
/// Data that the other end does not acknowledge for so long ends a connection.
pub const SILENCE: Duration = Duration::from_secs(60);
/// What requests get to end, once the server ends.
pub const ENDING: Duration = Duration::from_secs(2);
