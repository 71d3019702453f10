//! The doctor's findings as people read them, at night too: the worst first, and under each what to type.

use std::fmt::Write as _;

use portreeve_host::doctor::repair::Outcome;
use portreeve_host::doctor::{Examination, Finding, Severity};

use crate::text;

use super::cores;

/// Columns that a terminal has at least in a server room.
pub(super) const WIDTH: usize = 100;

/// All of it.
pub(super) fn text(examination: &Examination, findings: &[Finding], verbose: bool) -> String {
    let mut out = String::new();
    for (severity, heading) in [
        (Severity::Blocks, "NOTHING CAN BE WATCHED"),
        (Severity::CostsPackets, "COSTS PACKETS"),
        (Severity::Note, "WORTH KNOWING"),
    ] {
        let mut of_this = findings
            .iter()
            .filter(|f| f.severity == severity)
            .peekable();
        if of_this.peek().is_some() {
            let _ = writeln!(out, "{heading}");
        }
        for finding in of_this {
            describe(finding, &mut out);
        }
    }
    let fine: Vec<&Finding> = findings
        .iter()
        .filter(|f| f.severity == Severity::Ok)
        .collect();
    if verbose && !fine.is_empty() {
        out.push_str("AS IT SHOULD BE\n");
        for finding in &fine {
            let line = format!("{}: {} [{}]", finding.subject, finding.found, finding.id);
            push(&mut out, "  ", "    ", &line);
        }
        out.push('\n');
    }
    out.push_str(&cores::draw(examination));
    let _ = writeln!(out, "{}", summary(findings));
    out
}

fn describe(finding: &Finding, out: &mut String) {
    let Finding {
        id,
        subject,
        found,
        why,
        fix,
        by_hand,
        ..
    } = finding;
    push(out, "  ", "    ", &format!("{subject}: {found} [{id}]"));
    push(out, "    ", "    ", why);
    for command in fix {
        // Never broken: it is to be copied.
        let _ = writeln!(out, "    > {command}");
    }
    for what in by_hand {
        push(out, "    by hand: ", "      ", what);
    }
    out.push('\n');
}

fn push(out: &mut String, first: &str, rest: &str, line: &str) {
    for (i, line) in text::wrap(line, WIDTH - first.len().max(rest.len()))
        .iter()
        .enumerate()
    {
        let indent = if i == 0 { first } else { rest };
        let _ = writeln!(out, "{indent}{line}");
    }
}

fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let bad: Vec<&Finding> = findings
        .iter()
        .filter(|f| f.severity >= Severity::CostsPackets)
        .collect();
    let mut parts = Vec::new();
    if count(Severity::Blocks) > 0 {
        parts.push(format!("{} in the way", count(Severity::Blocks)));
    }
    parts.push(match count(Severity::CostsPackets) {
        0 => "nothing costs packets".into(),
        1 => "1 thing costs packets".into(),
        count => format!("{count} things cost packets"),
    });
    match count(Severity::Note) {
        0 => {}
        1 => parts.push("1 note".into()),
        count => parts.push(format!("{count} notes")),
    }
    parts.push(format!("{} as it should be", count(Severity::Ok)));
    let mut line = parts.join(" · ");
    let fixable = bad.iter().filter(|f| !f.changes.is_empty()).count();
    if fixable > 0 {
        let _ = write!(
            line,
            "\nsudo portreeve doctor --fix changes {fixable} of {} until the next boot; --undo restores",
            bad.len()
        );
    }
    line
}

/// What --fix or --undo did. `verb`: `changed`, `restored`.
pub(super) fn outcome(outcome: &Outcome, trial: bool, verb: &str) -> String {
    let mut out = String::new();
    let verb = if trial {
        format!("would be {verb}")
    } else {
        verb.to_owned()
    };
    for applied in &outcome.done {
        let line = format!(
            "{verb}: {} from {} to {}",
            applied.setting, applied.was, applied.is
        );
        let _ = writeln!(out, "{line}");
    }
    for (setting, why) in &outcome.left {
        push(&mut out, "", "  ", &format!("left: {setting}: {why}"));
    }
    for (setting, why) in &outcome.failed {
        push(&mut out, "", "  ", &format!("failed: {setting}: {why}"));
    }
    if out.is_empty() {
        let _ = writeln!(out, "nothing {verb}");
    }
    out.push('\n');
    out
}
