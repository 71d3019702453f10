//! A query in a process of its own.
//!
//! ```text
//!   this process                                   the child (`serve`), one for each query
//!   start ── Order, a line of JSON ──── stdin ──▶  its own History, limits, runs the query
//!   Running ◀── Event ◀── frames ────── stdout ──  Event ─▶ frame
//!   Ender::end ── SIGKILL ───────────────────────▶
//! ```
//!
//! What people write can take a process down: texts of gigabytes that no budget counts, plans that take minutes and listen to nobody, a fault in what plans them. The process
//! that watches traffic must not be the one. The child has bounds that the kernel keeps (memory, and it is the first that the kernel ends when the machine has none left), a low
//! priority, and no more rights than the process has after it gave up its privileges. It ends when its standard input does, so also with the process that asked.
//!
//! Whatever comes from a child is read with bounds (wire): a child that has been taken over is no more than a wrong answer.

mod child;
mod parent;
mod wire;

pub use child::serve;
pub(crate) use parent::{Apart, start};

/// How a child ends that had no more time.
const TIME_IS_UP: i32 = 75;
