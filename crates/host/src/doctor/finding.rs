//! What a check has to say.

use serde::Serialize;

use super::Change;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing; whether it costs packets depends on what is to be done.
    Note,
    /// Packets are lost, joined or taken apart because of it.
    CostsPackets,
    /// Nothing can be watched as it is.
    Blocks,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The check.
    pub id: &'static str,
    /// What it is about: an interface, a NIC, or `host`.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, with the numbers.
    pub found: String,
    /// Why it matters.
    pub why: String,
    /// What to type, one command each.
    pub fix: Vec<String>,
    /// What takes a person: kernel command line, firmware, another slot.
    pub by_hand: Vec<String>,
    /// The same, for the machine; empty where it takes a person (kernel command line, firmware, another slot).
    pub changes: Vec<Change>,
}

impl Finding {
    pub(super) fn new(
        id: &'static str,
        subject: impl Into<String>,
        severity: Severity,
        found: impl Into<String>,
    ) -> Finding {
        Finding {
            id,
            subject: subject.into(),
            severity,
            found: found.into(),
            why: String::new(),
            fix: Vec::new(),
            by_hand: Vec::new(),
            changes: Vec::new(),
        }
    }

    pub(super) fn ok(
        id: &'static str,
        subject: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        Finding::new(id, subject, Severity::Ok, found)
    }

    pub(super) fn note(
        id: &'static str,
        subject: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        Finding::new(id, subject, Severity::Note, found)
    }

    pub(super) fn costs(
        id: &'static str,
        subject: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        Finding::new(id, subject, Severity::CostsPackets, found)
    }

    pub(super) fn blocks(
        id: &'static str,
        subject: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        Finding::new(id, subject, Severity::Blocks, found)
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Finding {
        self.why = why.into();
        self
    }

    pub(super) fn fix(mut self, command: impl Into<String>) -> Finding {
        self.fix.push(command.into());
        self
    }

    pub(super) fn by_hand(mut self, what: impl Into<String>) -> Finding {
        self.by_hand.push(what.into());
        self
    }

    /// What the kernel's command line should have.
    pub(super) fn boot_with(self, options: &str) -> Finding {
        self.by_hand(format!(
            "add to GRUB_CMDLINE_LINUX in /etc/default/grub, then sudo update-grub and reboot: {options}"
        ))
    }

    pub(super) fn change(mut self, change: Change) -> Finding {
        self.changes.push(change);
        self
    }

    pub(super) fn changes(mut self, changes: impl IntoIterator<Item = Change>) -> Finding {
        self.changes.extend(changes);
        self
    }
}
