//! Python with the readers of our files that others wrote.

use std::path::{Path, PathBuf};

/// The interpreter that `scripts/setup test` put beside what is built, or into the folder that `PORTREEVE_PYTHON` names.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn python() -> PathBuf {
    let folder = std::env::var_os("PORTREEVE_PYTHON").map_or_else(
        || {
            let this = std::env::current_exe().expect("the path of the test itself");
            // target/debug/deps/test
            this.ancestors()
                .nth(3)
                .unwrap_or(Path::new("target"))
                .join("python")
        },
        PathBuf::from,
    );
    let python = folder.join("bin/python");
    assert!(
        python.exists(),
        "{} is missing: scripts/setup test makes it",
        python.display()
    );
    python
}
