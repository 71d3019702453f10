//! What can go wrong with a source.

use std::io;
use std::path::PathBuf;

/// Why a source could not be opened, or why it ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// A file could not be opened or read.
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not a capture file that Portreeve reads.
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What it looks like, or its first bytes.
        found: String,
    },
    /// The file is damaged or ends early; everything before `offset` was delivered.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Offset of the damage in bytes from the start of the (decompressed) file.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// There is no such interface.
    NoSuchInterface {
        /// The name given.
        name: String,
        /// Those that there are.
        available: Vec<String>,
    },
    /// Capturing this way would take the interface away from the host, which uses it.
    InUse {
        /// The interface.
        name: String,
        /// What it is used for: "carries the address 192.0.2.1/24".
        why: String,
        /// What to do instead.
        fix: String,
    },
    /// A driver or kernel cannot do what was asked for.
    Unsupported {
        /// What was asked for, on which object.
        what: String,
        /// What to do instead.
        fix: String,
    },
    /// The interface went away or down for good.
    InterfaceGone {
        /// Its name.
        name: String,
    },
    /// The process lacks a privilege.
    Permission {
        /// What was attempted.
        what: String,
        /// The command that grants it.
        fix: String,
    },
    /// A filter expression does not compile.
    Filter {
        /// The expression.
        expression: String,
        /// What the compiler said.
        message: String,
    },
    /// A device cannot be captured by DPDK.
    Dpdk {
        /// The PCI address or the virtual device's name.
        device: String,
        /// What happened.
        what: String,
        /// What to type next, if anything helps.
        fix: Option<String>,
    },
    /// A system call failed.
    System {
        /// What was attempted, on which object.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

impl std::fmt::Display for CaptureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CaptureError::File { path, error } => write!(f, "{}: {error}", path.display()),
            CaptureError::UnknownFormat { path, found } => {
                write!(
                    f,
                    "{}: not a capture file Portreeve reads ({found})",
                    path.display()
                )
            }
            CaptureError::Damaged { path, offset, what } => {
                write!(f, "{}: damaged at byte {offset}: {what}", path.display())
            }
            CaptureError::NoSuchInterface { name, available } => {
                write!(
                    f,
                    "no interface {name}; there are: {}",
                    available.join(", ")
                )
            }
            CaptureError::InUse { name, why, fix } => {
                write!(
                    f,
                    "{name} {why}: captured this way, its traffic would no longer reach this host; {fix}"
                )
            }
            CaptureError::Unsupported { what, fix } => write!(f, "{what}; {fix}"),
            CaptureError::InterfaceGone { name } => write!(
                f,
                "interface {name} is gone: what came before is counted, the rest goes on; once it is back, start again (portreeve nic list shows it)"
            ),
            CaptureError::Permission { what, fix } => {
                write!(f, "{what}: not permitted; to grant it, run: {fix}")
            }
            CaptureError::Filter {
                expression,
                message,
            } => {
                write!(f, "filter \"{expression}\": {message}")
            }
            CaptureError::Dpdk { device, what, fix } => {
                write!(f, "dpdk:{device}: {what}")?;
                match fix {
                    Some(fix) => write!(f, "; run: {fix}"),
                    None => Ok(()),
                }
            }
            CaptureError::System { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CaptureError::File { error, .. } | CaptureError::System { error, .. } => Some(error),
            _ => None,
        }
    }
}
