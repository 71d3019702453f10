//! Who may run tests that need root.

/// Whether a test that needs root can run. Without root the test fails, loudly, unless the variable
/// `PORTREEVE_UNPRIVILEGED_TESTS=1` says that this is known; then it is `false`, and the test returns at once.
///
/// # Panics
/// Not root, and the variable is not set.
#[must_use]
pub fn may_run_privileged() -> bool {
    // SAFETY: no memory is passed.
    if unsafe { libc::geteuid() } == 0 {
        return true;
    }
    assert!(
        std::env::var("PORTREEVE_UNPRIVILEGED_TESTS").is_ok_and(|value| value == "1"),
        "this test makes network namespaces and needs root; set PORTREEVE_UNPRIVILEGED_TESTS=1 to leave such tests out"
    );
    eprintln!("NOT RUN: this test needs root (PORTREEVE_UNPRIVILEGED_TESTS=1 is set)");
    false
}
