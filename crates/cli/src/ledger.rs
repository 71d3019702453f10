//! The ledger in words: one line while it runs, all accounts when it stops.

use std::fmt::Write as _;

use portreeve_engine::Ledger;
use portreeve_engine::ledger::{CaptureAccount, Named, RecordAccount};

use crate::outputs::{Ended, is_shown_only};
use crate::packet_writer::Progress;
use crate::text;

/// The ledger in one line: what came, what was lost, whether the accounts add up.
#[must_use]
pub fn line(ledger: &Ledger) -> String {
    let lost = ledger.lost_frames();
    let frames = &ledger.frames;
    let seen = frames.delivered + lost;
    let mut line = format!(
        "{} packets · {} lost",
        text::count(frames.delivered),
        text::count(lost)
    );
    if lost > 0 {
        let _ = write!(line, " ({})", text::percent(lost, seen));
    }
    for (number, what) in [
        (frames.undecodable, "undecodable"),
        (ledger.flows.refused, "packets refused a flow"),
        (evicted(ledger), "flows evicted"),
        (ledger.lost_records(), "records dropped"),
        (
            ledger.writer.map_or(0, |writer| writer.dropped),
            "packets not written",
        ),
    ] {
        if number > 0 {
            let _ = write!(line, " · {} {what}", text::count(number));
        }
    }
    line.push_str(if ledger.is_balanced() {
        " · books balance"
    } else {
        " · BOOKS DO NOT BALANCE"
    });
    line
}

/// Flows that had to make room.
fn evicted(ledger: &Ledger) -> u64 {
    ledger
        .flows
        .ended_by
        .iter()
        .filter(|named| named.name == "evicted")
        .map(|named| named.count)
        .sum()
}

/// All accounts, one a line, each with the sum it is part of; those of outputs to their end, if they have ended.
#[must_use]
pub fn full(ledger: &Ledger, ended: &[Ended], written: Option<&Progress>) -> String {
    let mut text = String::from("Ledger\n");
    for account in &ledger.capture {
        capture(&mut text, account);
    }
    frames(&mut text, ledger);
    flows(&mut text, ledger);
    applications(&mut text, ledger);
    for account in &ledger.records {
        // Records that are shown, not kept.
        if !is_shown_only(&account.output) {
            records(&mut text, account, ended);
        }
    }
    if ledger.not_shown() > 0 {
        head(
            &mut text,
            "records not shown on screens, no loss",
            Some(ledger.not_shown()),
        );
    }
    if let Some(writer) = ledger.writer {
        head(
            &mut text,
            "packets for -w",
            Some(writer.queued + writer.dropped),
        );
        match written {
            Some(progress) => {
                for (what, number) in progress.account(writer.queued) {
                    if number > 0 || what == "written" {
                        part(&mut text, what, Some(number));
                    }
                }
            }
            None => part(&mut text, "given to the writer", Some(writer.queued)),
        }
        if writer.dropped > 0 {
            part(
                &mut text,
                "dropped, its ring was full",
                Some(writer.dropped),
            );
        }
    }
    let _ = writeln!(text, "  {}", line(ledger));
    text
}

fn capture(text: &mut String, account: &CaptureAccount) {
    // An interface's errors are known even where nobody counts what it drops.
    if account.wire.is_none() && account.nic_errors.is_none() {
        before_the_file(text, account);
        return;
    }
    let source = crate::text::fit(&account.source, NAMES - 16);
    head(text, &format!("on the wire of {source}"), account.wire);
    part(text, "missed by the NIC", account.nic_missed);
    part(text, "received in error by the NIC", account.nic_errors);
    part(
        text,
        "dropped by the kernel, ring full",
        account.kernel_drops,
    );
    part(
        text,
        "rejected by the filter in the kernel",
        account.filtered,
    );
    // At the end nothing is in flight: then the line would only be noise.
    if account.in_flight != Some(0) {
        part(text, "still in the ring", account.in_flight);
    }
    part(text, "delivered", Some(account.delivered));
    remainder(text, account.unaccounted.unwrap_or(0));
}

/// A file does not know what was on the wire. Some say what was lost before they were written; the rest would only be noise.
fn before_the_file(text: &mut String, account: &CaptureAccount) {
    let told = [
        ("missed by the NIC", account.nic_missed),
        ("received in error by the NIC", account.nic_errors),
        ("dropped by the kernel", account.kernel_drops),
        ("rejected by the filter", account.filtered),
    ];
    let lost = |number: &Option<u64>| number.is_some_and(|number| number > 0);
    if !told.iter().any(|(_, number)| lost(number)) {
        return;
    }
    let source = crate::text::fit(&account.source, NAMES - 27);
    let _ = writeln!(text, "  lost before {source} was written");
    for (what, number) in told.iter().filter(|(_, number)| lost(number)) {
        part(text, what, *number);
    }
}

fn frames(text: &mut String, ledger: &Ledger) {
    let frames = &ledger.frames;
    head(text, "delivered", Some(frames.delivered));
    for (what, number) in [
        ("rejected by the filter", frames.filtered),
        ("behind the last of -c", frames.beyond_count),
    ] {
        if number > 0 {
            part(text, what, Some(number));
        }
    }
    part(text, "undecodable", Some(frames.undecodable));
    causes(text, &frames.undecodable_by);
    part(text, "not IP", Some(frames.not_ip));
    causes(text, &frames.not_ip_by);
    if frames.hand_over_full > 0 {
        part(
            text,
            "lost between workers, ring full",
            Some(frames.hand_over_full),
        );
    }
    if frames.in_hand_over > 0 {
        part(text, "between workers", Some(frames.in_hand_over));
    }
    part(text, "analysed", Some(frames.analysed));
    remainder(text, frames.unaccounted);
}

fn flows(text: &mut String, ledger: &Ledger) {
    let flows = &ledger.flows;
    head(text, "flows opened", Some(flows.opened));
    for named in &flows.ended_by {
        part(
            text,
            &format!("ended: {}", named.name.replace('_', " ")),
            Some(named.count),
        );
    }
    if flows.active > 0 {
        part(text, "open", Some(flows.active));
    }
    remainder(text, flows.unaccounted);
    // Not accounts but findings: each only where there is something to tell.
    for (what, number) in [
        ("packets refused a flow, table full", flows.refused),
        ("packets seen twice", flows.duplicates),
        ("fragments without their first", flows.fragments_unmatched),
        ("fragments held for their first", flows.fragments_held),
        ("facts of flows lost, pool full", flows.facts_lost),
        ("absurd timestamps", flows.absurd_timestamps),
        (
            "weird records suppressed, too many",
            flows.weirds_suppressed,
        ),
    ] {
        if number > 0 {
            head(text, what, Some(number));
        }
    }
}

fn applications(text: &mut String, ledger: &Ledger) {
    let found = &ledger.applications;
    if found.opened > 0 {
        head(text, "conversations looked into", Some(found.opened));
        part(text, "recognised", Some(found.recognised));
        let unknown = found.opened.saturating_sub(found.recognised + found.open);
        part(text, "of no known protocol", Some(unknown));
        if found.open > 0 {
            part(text, "still looked into", Some(found.open));
        }
    }
    for (what, number) in [
        ("not looked into, all places taken", found.refused),
        ("not looked into, too much to do", found.shed),
        ("looked into no further, no room", found.given_up),
        ("segments outside of any window", found.outside_window),
        ("fragmented datagrams put together", found.datagrams_whole),
        ("fragmented datagrams never whole", found.datagrams_given_up),
    ] {
        if number > 0 {
            head(text, what, Some(number));
        }
    }
}

fn records(text: &mut String, account: &RecordAccount, ended: &[Ended]) {
    let ended = ended.iter().find(|ended| ended.name == account.output);
    let made = ended.map_or(0, |ended| ended.finished.counters.made);
    head(
        text,
        &format!("records for {}", account.output),
        Some(account.produced + made),
    );
    if made > 0 {
        let _ = writeln!(
            text,
            "  {:<NAMES$}{:>20}",
            "    made for it of others",
            crate::text::count(made)
        );
    }
    match ended {
        Some(ended) => {
            for (what, number) in ended.account(account) {
                part(text, &what, Some(number));
            }
        }
        None => {
            part(text, "given to the output", Some(account.queued));
            if account.lost_by_output > 0 {
                causes(
                    text,
                    &[Named {
                        name: "of these it could not keep".to_owned(),
                        count: account.lost_by_output,
                    }],
                );
            }
        }
    }
    if account.dropped > 0 {
        part(text, "dropped, its ring was full", Some(account.dropped));
    }
}

/// Width of the column of names.
const NAMES: usize = 44;

fn head(text: &mut String, what: &str, number: Option<u64>) {
    let _ = writeln!(text, "  {what:<NAMES$}{:>20}", crate::text::known(number));
}

fn part(text: &mut String, what: &str, number: Option<u64>) {
    let what = format!("  {what}");
    let _ = writeln!(text, "  {what:<NAMES$}{:>20}", crate::text::known(number));
}

fn causes(text: &mut String, list: &[Named]) {
    for named in list {
        let what = format!("    {}", named.name.replace('_', " "));
        let _ = writeln!(
            text,
            "  {what:<NAMES$}{:>20}",
            crate::text::count(named.count)
        );
    }
}

/// A remainder other than zero is a fault of ours, and shown as one.
fn remainder(text: &mut String, unaccounted: i64) {
    if unaccounted != 0 {
        let _ = writeln!(text, "  {:<NAMES$}{unaccounted:>20}", "  UNACCOUNTED");
    }
}

#[cfg(test)]
mod tests {
    use portreeve_engine::ledger::{ApplicationAccount, FlowAccount, FrameAccount};

    use super::*;

    fn ledger() -> Ledger {
        Ledger {
            capture: vec![CaptureAccount {
                source: "eth9".into(),
                wire: Some(1_010),
                kernel_drops: Some(10),
                in_flight: Some(0),
                delivered: 1_000,
                unaccounted: Some(0),
                ..CaptureAccount::default()
            }],
            frames: FrameAccount {
                delivered: 1_000,
                not_ip: 2,
                not_ip_by: vec![Named {
                    name: "arp".into(),
                    count: 2,
                }],
                analysed: 998,
                ..FrameAccount::default()
            },
            flows: FlowAccount {
                opened: 7,
                ended_by: vec![Named {
                    name: "end_of_input".into(),
                    count: 7,
                }],
                ..FlowAccount::default()
            },
            applications: ApplicationAccount::default(),
            records: vec![RecordAccount {
                lost_by_output: 0,
                output: "json".into(),
                produced: 7,
                queued: 7,
                ..RecordAccount::default()
            }],
            writer: None,
        }
    }

    fn has(text: &str, words: &[&str]) -> bool {
        text.lines()
            .any(|line| line.split_whitespace().collect::<Vec<_>>() == words)
    }

    #[test]
    fn every_account_is_shown_and_unknown_is_not_zero() {
        let text = full(&ledger(), &[], None);
        assert!(
            has(&text, &["on", "the", "wire", "of", "eth9", "1,010"]),
            "{text}"
        );
        assert!(
            has(&text, &["missed", "by", "the", "NIC", "unknown"]),
            "{text}"
        );
        assert!(
            has(
                &text,
                &["dropped", "by", "the", "kernel,", "ring", "full", "10"]
            ),
            "{text}"
        );
        assert!(has(&text, &["arp", "2"]), "{text}");
        assert!(has(&text, &["ended:", "end", "of", "input", "7"]), "{text}");
        assert!(!text.contains("UNACCOUNTED"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }

    #[test]
    fn of_a_file_only_what_it_tells_is_shown() {
        let mut ledger = ledger();
        ledger.capture[0].wire = None;
        ledger.capture[0].kernel_drops = None;
        ledger.capture[0].nic_missed = Some(0);
        assert!(!full(&ledger, &[], None).contains("NIC"));
        ledger.capture[0].nic_missed = Some(3);
        let text = full(&ledger, &[], None);
        assert!(has(&text, &["missed", "by", "the", "NIC", "3"]), "{text}");
        assert!(!text.contains("unknown"), "{text}");
    }

    #[test]
    fn the_line_says_what_was_lost_and_whether_the_books_balance() {
        let mut ledger = ledger();
        assert_eq!(
            line(&ledger),
            "1,000 packets · 10 lost (1.0 %) · books balance"
        );
        ledger.frames.unaccounted = -3;
        ledger.records[0].dropped = 1;
        assert!(line(&ledger).contains("1 records dropped · BOOKS DO NOT BALANCE"));
        assert!(has(&full(&ledger, &[], None), &["UNACCOUNTED", "-3"]));
    }

    #[test]
    fn what_screens_did_not_get_is_counted_and_no_loss() {
        let mut ledger = ledger();
        ledger.records.push(RecordAccount {
            lost_by_output: 0,
            output: portreeve_live::NAME.into(),
            produced: 9,
            queued: 4,
            dropped: 5,
            shown_only: true,
        });
        ledger.capture[0].kernel_drops = Some(0);
        assert!(!ledger.lost_anything());
        assert!(!line(&ledger).contains("dropped"), "{}", line(&ledger));
        let text = full(&ledger, &[], None);
        assert!(
            has(
                &text,
                &[
                    "records", "not", "shown", "on", "screens,", "no", "loss", "5"
                ]
            ),
            "{text}"
        );
        ledger.records[0].dropped = 1;
        assert!(ledger.lost_anything());
        assert!(line(&ledger).contains("1 records dropped"));
    }
}
