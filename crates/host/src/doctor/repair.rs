//! Changing what costs packets, and restoring it.
//!
//! Before a setting is changed, what it was is written down; so also a fix that was cut off half-way can be undone. A setting that is changed
//! twice is restored to what it was before the first time. All of it lasts until the next boot, and is forgotten then.

use std::io;

use serde::{Deserialize, Serialize};

use crate::{Root, state};

use super::{Change, Driver, Finding, Setting, Severity, Target};

const NAME: &str = "doctor-changes";

/// A setting that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Which.
    pub setting: Setting,
    /// Its value before.
    pub was: String,
    /// Its value after, as it was read back.
    pub is: String,
    /// The boot in which it was changed.
    pub boot: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Changed, or with a trial run: would be.
    pub done: Vec<Applied>,
    /// Left as they are, and why.
    pub left: Vec<(Setting, String)>,
    /// Could not be changed, and why.
    pub failed: Vec<(Setting, String)>,
}

/// What was changed in this boot and not restored.
///
/// # Errors
/// The file is there and cannot be read.
pub fn changes(root: &Root) -> io::Result<Vec<Applied>> {
    let mut changes: Vec<Applied> = state::load(root, NAME)?;
    let boot = root.boot_id();
    changes.retain(|applied| applied.boot == boot);
    Ok(changes)
}

fn save(root: &Root, changes: &[Applied]) -> io::Result<()> {
    if changes.is_empty() {
        root.remove(state::file(NAME))
    } else {
        state::save(root, NAME, &changes)
    }
}

/// Changes what costs packets, as far as a machine can.
///
/// What takes a link down for a moment is left on interfaces that are in use, unless `take_over`. With `trial` nothing is changed.
///
/// # Errors
/// What is remembered cannot be read or written: then nothing more is changed.
pub fn fix(
    root: &Root,
    driver: &dyn Driver,
    targets: &[Target],
    findings: &[Finding],
    take_over: bool,
    trial: bool,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut remembered = changes(root)?;
    let wanted = findings
        .iter()
        .filter(|finding| finding.severity >= Severity::CostsPackets)
        .flat_map(|finding| &finding.changes);
    for Change { setting, value } in wanted {
        if !take_over && setting.is_disruptive() && is_in_use(setting, targets) {
            outcome.left.push((
                setting.clone(),
                "it is in use, and its link would go down for a moment; --take-over insists".into(),
            ));
            continue;
        }
        let was = match setting.read(root, driver) {
            Ok(was) => was,
            Err(error) => {
                outcome.failed.push((setting.clone(), error.to_string()));
                continue;
            }
        };
        if was == *value {
            continue;
        }
        let mut applied = Applied {
            setting: setting.clone(),
            was,
            is: value.clone(),
            boot: root.boot_id(),
        };
        if trial {
            outcome.done.push(applied);
            continue;
        }
        let before = remembered.clone();
        remember(&mut remembered, applied.clone());
        save(root, &remembered)?;
        let written = setting.write(root, driver, value);
        let now = setting.read(root, driver).unwrap_or_else(|_| value.clone());
        if now == applied.was {
            // Nothing came of it, whether or not anybody said so.
            remembered = before;
            save(root, &remembered)?;
            let why = written.err().map_or_else(
                || "it was accepted and changed nothing".to_owned(),
                |error| error.to_string(),
            );
            outcome.failed.push((setting.clone(), why));
            continue;
        }
        if let Err(error) = written {
            outcome.failed.push((setting.clone(), error.to_string()));
        }
        applied.is = now;
        remember(&mut remembered, applied.clone());
        save(root, &remembered)?;
        outcome.done.push(applied);
    }
    Ok(outcome)
}

/// Remembers a change: of a setting that was changed before, the first value stays.
fn remember(remembered: &mut Vec<Applied>, applied: Applied) {
    match remembered
        .iter_mut()
        .find(|one| one.setting == applied.setting)
    {
        Some(earlier) => earlier.is = applied.is,
        None => remembered.push(applied),
    }
}

fn is_in_use(setting: &Setting, targets: &[Target]) -> bool {
    let Setting::Interface { name, .. } = setting else {
        return false;
    };
    targets
        .iter()
        .any(|target| target.name() == *name && !target.used_for.is_empty())
}

/// Restores what [`fix`] changed, the last first. What somebody else has changed since is left to him; what cannot be restored stays
/// remembered for the next time.
///
/// # Errors
/// What is remembered cannot be read or written.
pub fn undo(root: &Root, driver: &dyn Driver, trial: bool) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let remembered = changes(root)?;
    let mut rest = remembered.clone();
    for applied in remembered.iter().rev() {
        let Applied {
            setting, was, is, ..
        } = applied;
        let restored = match setting.read(root, driver) {
            Ok(now) if now == *was => Ok(true),
            Ok(now) if now != *is => {
                outcome
                    .left
                    .push((setting.clone(), format!("somebody set it to {now} since")));
                Ok(false)
            }
            Ok(_) if trial => Ok(true),
            Ok(_) => setting.write(root, driver, was).and_then(|()| {
                let now = setting.read(root, driver)?;
                if now == *was {
                    Ok(true)
                } else {
                    Err(io::Error::other(format!("it is {now} and not {was}")))
                }
            }),
            Err(error) => Err(error),
        };
        match restored {
            Ok(restored) => {
                if restored {
                    outcome.done.push(Applied {
                        setting: setting.clone(),
                        was: is.clone(),
                        is: was.clone(),
                        boot: applied.boot.clone(),
                    });
                }
                rest.retain(|one| one.setting != *setting);
                if !trial {
                    save(root, &rest)?;
                }
            }
            Err(error) => outcome.failed.push((setting.clone(), error.to_string())),
        }
    }
    Ok(outcome)
}
