//! `portreeve doctor`: wiring and printing; the work is `portreeve_host`'s.

mod cores;
mod report;

use std::net::IpAddr;
use std::process::ExitCode;

use portreeve_host::doctor::repair::{self, Outcome};
use portreeve_host::doctor::{Examination, Finding, Severity, examine};
use portreeve_host::{Root, usage};
use portreeve_interfaces::Ethtool;
use serde_json::json;

use crate::args::doctor::DoctorArgs;
use crate::exit::{FAILED, Failure, LOST};
use crate::nic::print_json;
use crate::{interface, print};

/// Looks, and does what was asked for.
///
/// # Errors
/// It could not look.
pub fn run(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    if args.dry_run && !(args.fix || args.undo) {
        return Err(Failure::usage("--dry-run goes with --fix or --undo"));
    }
    let root = Root::system();
    if (args.fix || args.undo) && !args.dry_run && !root.is_superuser() {
        return Err(Failure::failed(
            "changing this machine takes root: type the same after sudo",
        ));
    }
    let driver = Ethtool::open()
        .map_err(|error| Failure::failed(format!("the drivers cannot be asked: {error}")))?;
    if args.undo {
        return undo(&root, &driver, args);
    }
    let ssh = usage::ssh_address(&root);
    let (examination, findings) = look(&root, &driver, ssh, args)?;
    if !args.fix {
        if args.json {
            print_json(&json!({
                "findings": findings,
                "cores": examination.topology.cpus,
            }))?;
        } else {
            print(report::text(&examination, &findings, args.verbose).as_bytes())?;
        }
        return Ok(exit_code(&findings));
    }
    let outcome = repair::fix(
        &root,
        &driver,
        &examination.targets,
        &findings,
        args.take_over,
        args.dry_run,
    )
    .map_err(|error| Failure::failed(format!("what is changed cannot be remembered: {error}")))?;
    // What the changes came to is seen by looking again.
    let (examination, findings) = look(&root, &driver, ssh, args)?;
    if args.json {
        print_json(&json!({
            "fix": outcome,
            "findings": findings,
            "cores": examination.topology.cpus,
        }))?;
    } else {
        print(report::outcome(&outcome, args.dry_run, "changed").as_bytes())?;
        print(report::text(&examination, &findings, args.verbose).as_bytes())?;
    }
    if outcome.failed.is_empty() {
        Ok(exit_code(&findings))
    } else {
        Ok(ExitCode::from(FAILED))
    }
}

fn look<'a>(
    root: &'a Root,
    driver: &'a Ethtool,
    ssh: Option<IpAddr>,
    args: &DoctorArgs,
) -> Result<(Examination<'a>, Vec<Finding>), Failure> {
    let interfaces = interface::list()?;
    let examination = Examination::new(root, driver, &interfaces, ssh, &args.interfaces)
        .map_err(Failure::failed)?;
    let mut findings = examine(&examination);
    if let Some(unknown) = args
        .only
        .iter()
        .find(|only| !portreeve_host::doctor::CHECKS.contains(&only.as_str()))
    {
        return Err(Failure::usage(format!(
            "there is no check \"{unknown}\"; there are {}",
            portreeve_host::doctor::CHECKS.join(", ")
        )));
    }
    if !args.only.is_empty() {
        findings.retain(|finding| args.only.iter().any(|only| only == finding.id));
    }
    Ok((examination, findings))
}

fn undo(root: &Root, driver: &Ethtool, args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let outcome: Outcome = repair::undo(root, driver, args.dry_run)
        .map_err(|error| Failure::failed(format!("what was changed cannot be read: {error}")))?;
    if args.json {
        print_json(&json!({ "undo": outcome }))?;
    } else {
        print(report::outcome(&outcome, args.dry_run, "restored").as_bytes())?;
    }
    Ok(if outcome.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn exit_code(findings: &[Finding]) -> ExitCode {
    let worst = findings.iter().map(|finding| finding.severity).max();
    if worst >= Some(Severity::CostsPackets) {
        ExitCode::from(LOST)
    } else {
        ExitCode::SUCCESS
    }
}
