//! `portreeve doctor` as a user meets it. What it changes is changed in a namespace, and remembered in a folder of its own.

use std::process::{Command, Output};

use portreeve_netlab::{Lab, may_run_privileged};

const PORTREEVE: &str = env!("CARGO_BIN_EXE_portreeve");

fn doctor(arguments: &[&str]) -> Output {
    Command::new(PORTREEVE)
        .arg("doctor")
        .args(arguments)
        .output()
        .expect("portreeve starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn this_machine_is_examined_and_the_exit_code_tells() {
    let output = doctor(&["--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = json["findings"].as_array().expect("findings");
    let bad = findings
        .iter()
        .any(|f| matches!(f["severity"].as_str(), Some("costs_packets" | "blocks")));
    assert_eq!(output.status.code(), Some(if bad { 3 } else { 0 }));
    assert!(!json["cores"].as_array().expect("cores").is_empty());
    for finding in findings {
        assert!(finding["found"].is_string() && finding["id"].is_string());
        if finding["severity"] != "ok" {
            assert!(!finding["why"].as_str().unwrap().is_empty(), "{finding}");
        }
    }
    let text = stdout(&doctor(&["--verbose"]));
    assert!(
        text.contains("CORES") && text.contains("as it should be"),
        "{text}"
    );
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('>'))
    {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_an_unknown_interface_with_1() {
    for arguments in [
        &["--fix", "--undo"] as &[&str],
        &["--undo", "lo"],
        &["--dry-run"],
        &["--take-over"],
        &["--only", "everything"],
    ] {
        let output = doctor(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
    assert!(stderr(&doctor(&["--only", "everything"])).contains("receive-ring"));
    let output = doctor(&["no-such-if0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("\"no-such-if0\""),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_veths_gro_is_found_fixed_and_restored() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let gro = |name: &str| {
        let output = lab
            .namespace()
            .command("ethtool")
            .args(["-k", name])
            .output();
        let text = String::from_utf8_lossy(&output.expect("ethtool starts").stdout).into_owned();
        let line = text
            .lines()
            .find(|line| line.starts_with("generic-receive-offload:"));
        line.expect("GRO is listed").contains(" on")
    };
    let status = lab
        .namespace()
        .command("ethtool")
        .args(["-K", Lab::RX, "gro", "on"])
        .status();
    assert!(status.expect("ethtool starts").success());

    let run = |arguments: &[&str]| {
        let mut command = lab.namespace().command(PORTREEVE);
        command
            .arg("doctor")
            .args(arguments)
            .output()
            .expect("portreeve starts")
    };
    let sick = run(&[Lab::RX, "--only", "gro"]);
    assert_eq!(sick.status.code(), Some(3), "{}", stdout(&sick));
    assert!(
        stdout(&sick).contains("> sudo ethtool -K rx0 gro off"),
        "{}",
        stdout(&sick)
    );
    let trial = run(&[Lab::RX, "--only", "gro", "--fix", "--dry-run"]);
    assert!(
        stdout(&trial).contains("would be changed: rx0: GRO from on to off"),
        "{}",
        stdout(&trial)
    );
    assert!(gro(Lab::RX));

    // All in one mount namespace with an empty /var/lib: what this machine remembers is not touched.
    let script = "mount -t tmpfs none /var/lib && \
        $0 doctor rx0 --only gro --fix; echo \"fixed $?\"; ethtool -k rx0 | grep generic-receive; \
        $0 doctor rx0 --only gro --fix; echo \"again $?\"; \
        $0 doctor --undo; echo \"undone $?\"";
    let output = lab
        .namespace()
        .command("unshare")
        .args(["--mount", "sh", "-c", script, PORTREEVE])
        .output()
        .expect("unshare starts");
    let text = stdout(&output);
    for part in [
        "changed: rx0: GRO from on to off",
        "fixed 0",
        "generic-receive-offload: off",
        "nothing changed",
        "again 0",
        "restored: rx0: GRO from off to on",
        "undone 0",
    ] {
        assert!(text.contains(part), "{part}: {text}{}", stderr(&output));
    }
    assert!(gro(Lab::RX));
}
