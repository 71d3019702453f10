//! How the program ends: exit codes and the words before them.

use std::fmt;
use std::process::ExitCode;

use portreeve_capture::CaptureError;

use crate::config::ConfigError;

/// Something failed: exit code 1.
pub const FAILED: u8 = 1;
/// Wrong usage or configuration: exit code 2.
pub const USAGE: u8 = 2;
/// Something was lost, and `--fail-on-loss` was given: exit code 3.
pub const LOST: u8 = 3;

/// Why the program ends otherwise than well.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    /// One a line.
    messages: Vec<String>,
}

impl Failure {
    /// Something failed: what happened, on which object, what to type next.
    pub fn failed(message: impl fmt::Display) -> Failure {
        Failure {
            code: FAILED,
            messages: vec![message.to_string()],
        }
    }

    /// Wrong usage: what is wrong, and what would be right.
    pub fn usage(message: impl fmt::Display) -> Failure {
        Failure {
            code: USAGE,
            messages: vec![message.to_string()],
        }
    }

    /// A source that cannot be opened: what happened, on which object, what to type next.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
    pub fn capture(error: CaptureError) -> Failure {
        let hint = match &error {
            CaptureError::NoSuchInterface { .. } => "; portreeve -D says more about them",
            CaptureError::Filter { .. } => "; see pcap-filter(7)",
            _ => "",
        };
        Failure {
            code: if matches!(error, CaptureError::Filter { .. }) {
                USAGE
            } else {
                FAILED
            },
            messages: vec![format!("{error}{hint}")],
        }
    }

    /// All that is wrong, if something is: one failure that says all of it, the gravest of their exit codes.
    ///
    /// # Errors
    /// What is wrong.
    pub fn all(found: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
        let failures = found.into_iter().filter_map(Result::err);
        let all = failures.reduce(|mut all, more| {
            all.code = all.code.max(more.code);
            all.messages.extend(more.messages);
            all
        });
        all.map_or(Ok(()), Err)
    }

    /// The same with the key that it is about in front.
    #[must_use]
    pub fn within(mut self, key: &str) -> Failure {
        for message in &mut self.messages {
            message.insert_str(0, &format!("{key}: "));
        }
        self
    }

    /// The same as wrong usage, whatever it was.
    #[must_use]
    pub fn into_usage(self) -> Failure {
        Failure {
            code: USAGE,
            ..self
        }
    }

    /// The exit code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for message in &self.messages {
            writeln!(f, "portreeve: {message}")?;
        }
        Ok(())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::failed(error)
    }
}

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        Failure {
            code: USAGE,
            messages: errors.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        vec![error].into()
    }
}
