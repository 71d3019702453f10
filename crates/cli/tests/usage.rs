//! The program as a user meets it: usage, exit codes, what stands where.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs portreeve with a home of its own, so that no configuration of this machine is read.
fn portreeve(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portreeve"))
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_RUNTIME_DIR")
        .output()
        .expect("portreeve starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file of that text, gone when dropped.
struct TextFile(PathBuf);

impl TextFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portreeve-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("a temporary file");
        TextFile(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn help_and_version_go_to_standard_output_and_exit_with_0() {
    for flag in ["-h", "--help"] {
        let output = portreeve(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            stdout(&output).starts_with("Examples:"),
            "{}",
            stdout(&output)
        );
        assert!(stdout(&output).contains("--fail-on-loss"));
        assert!(stderr(&output).is_empty());
    }
    let version = portreeve(&["-V"]);
    assert_eq!(
        stdout(&version).trim(),
        concat!("portreeve ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    for (arguments, says) in [
        (&["--fail-on-los"][..], "--fail-on-loss"),
        (&["-i", "afxdp:eth0", "-Q", "out"], "afpacket:eth0"),
        (&["-i", "dpdk:eth0"], "PCI address"),
        (&["-i", "eth0", "-r", "x.pcap"], "cannot be used with"),
        (&["--set", "engine.memory"], "key=value"),
        (
            &["--set", "engine.memry=1GiB"],
            "did you mean engine.memory?",
        ),
        (&["--set", "engine.memory=plenty"], "512MiB"),
        (&["--format", "xml"], "zeek-json"),
        (&["completions", "cmd.exe"], "bash"),
    ] {
        let output = portreeve(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains(says),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(stdout(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn check_prints_what_is_in_force_and_names_every_mistake() {
    let right = TextFile::new(
        "right.toml",
        "sensor = \"tap-7\"\n[flow]\ntcp_idle = \"10min\"\n",
    );
    let output = portreeve(&["--check", "--config", right.path(), "--workers", "3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "sensor = \"tap-7\"",
        "tcp_idle = \"10min\"",
        "workers = 3",
        "right.toml:3",
        "# --workers",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }

    let wrong = TextFile::new("wrong.toml", "[flow]\ntcp_idel = 3\nudp_idle = \"x\"\n");
    let output = portreeve(&["--check", "--config", wrong.path()]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("wrong.toml:2: there is no key flow.tcp_idel; did you mean flow.tcp_idle?"),
        "{text}"
    );
    assert!(text.contains("wrong.toml:3: flow.udp_idle"), "{text}");
}

#[test]
fn a_configuration_file_that_is_named_must_be_there() {
    let output = portreeve(&["--check", "--config", "/nonexistent/p.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nonexistent/p.toml"));
}

#[test]
fn the_interfaces_are_listed() {
    let output = portreeve(&["-D"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).lines().any(|line| line.starts_with("lo ")));
}

#[test]
fn the_manual_and_the_completions_are_printed() {
    let man = stdout(&portreeve(&["man"]));
    assert!(man.contains(".TH portreeve 8"), "{man}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&portreeve(&["completions", shell])).contains("portreeve"));
    }
}

#[test]
fn the_pages_in_docs_name_no_flag_that_is_not_there() {
    let help = stdout(&portreeve(&["--help"]));
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for page in ["usage.md", "top.md", "configuration.md"] {
        let text =
            std::fs::read_to_string(docs.join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
        for line in text.lines().filter(|line| line.starts_with("portreeve ")) {
            for flag in line
                .split_whitespace()
                .filter(|word| word.starts_with("--"))
            {
                let flag = flag.split('=').next().unwrap_or(flag).trim_end_matches('`');
                assert!(help.contains(flag), "{page}: {flag} in \"{line}\"");
            }
        }
    }
}

#[test]
fn words_like_a_command_are_told_which_one_was_meant() {
    let output = portreeve(&["help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Usage: portreeve"));
    let output = portreeve(&["help", "stats"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("portreeve stats"));
    for word in ["stat", "tops", "doctr"] {
        let output = portreeve(&[word]);
        assert_eq!(output.status.code(), Some(2), "{word}");
        let said = stderr(&output);
        assert!(said.contains("did you mean portreeve "), "{said}");
    }
    // A filter expression is one, however much it is like a command.
    let output = portreeve(&["-r", "/nonexistent", "tcp"]);
    assert!(
        stderr(&output).contains("/nonexistent"),
        "{}",
        stderr(&output)
    );
    // Further files, and a filter by a flag.
    let output = portreeve(&["-r", "/nonexistent", "-F", "/dev/null", "tcp"]);
    assert!(
        stderr(&output).contains("give one of them"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn check_refuses_what_a_start_would_refuse() {
    for (key, value, said) in [
        ("capture.filter", "tcp prt 80", "syntax error"),
        ("output.logs", "[\"conns\"]", "there is no log \"conns\""),
        ("web.listen", "0.0.0.0:7678", "nobody would have to log in"),
        ("web.users", "[\"foo\"]", "NAME:HASH"),
        ("web.users_file", "/nonexistent", "/nonexistent"),
        ("web.certificate", "/nonexistent", "belong together"),
        ("facts.country_database", "/nonexistent", "cannot be read"),
        ("app.names", "/nonexistent", "/nonexistent"),
        ("process.user", "nobody-of-that-name", "there is no user"),
        ("engine.memory", "1", "too little"),
        ("engine.cpus", "0,8000", "8000"),
    ] {
        let set = format!("{key}={value}");
        let output = portreeve(&["--check", "--set", &set]);
        assert_eq!(output.status.code(), Some(2), "{set}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{set}: {}", stderr(&output));
    }
    // However a run begins, its workers are not where there is no processor.
    let started = portreeve(&["-r", "/nonexistent", "--cpus", "8000"]);
    assert!(
        stderr(&started).contains("engine.cpus"),
        "{}",
        stderr(&started)
    );
    // Not only the first.
    let output = portreeve(&[
        "--check",
        "--set",
        "capture.filter=prt",
        "--set",
        "process.user=nobody-of-that-name",
    ]);
    assert_eq!(stderr(&output).lines().count(), 2, "{}", stderr(&output));
}

#[test]
fn init_writes_what_check_finds_right_and_writes_over_nothing() {
    let there = TextFile::new("init.toml", "sensor = \"mine\"\n");
    let refused = portreeve(&["init", "-o", there.path()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("--force"), "{}", stderr(&refused));
    let kept = std::fs::read_to_string(&there.0).expect("the file");
    assert_eq!(kept, "sensor = \"mine\"\n");

    let written = portreeve(&["init", "--force", "-o", there.path()]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let text = std::fs::read_to_string(&there.0).expect("the file");
    // The same is printed where no file is named.
    assert_eq!(stdout(&portreeve(&["init"])), text);
    let check = portreeve(&["--check", "--config", there.path()]);
    assert_eq!(check.status.code(), Some(0), "{}\n{text}", stderr(&check));
}

#[test]
fn a_webhook_that_cannot_be_one_is_wrong_configuration() {
    let output = portreeve(&["--check", "--set", "alerts.webhook=example.org/x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("https://host/path"),
        "{}",
        stderr(&output)
    );
}
