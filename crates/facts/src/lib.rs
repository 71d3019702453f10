//! x
mod bounded;
mod config;
mod known;
mod recent;
mod software;
pub use config::*;
pub struct Live;
