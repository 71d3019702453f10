//! Every record of capture files as lines of Zeek JSON, without the engine around it: `cargo run -p portreeve-app --example records -- FILE…`

use std::io::Write;
use std::path::PathBuf;

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        out.write_all(&common::json_lines(&common::records_of(&path)))?;
    }
    Ok(())
}
