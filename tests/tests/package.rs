//! The Debian package, made of the debug build: what is in it, and that it installs, works and goes.

use std::path::{Path, PathBuf};
use std::process::Command;

use portreeve_netlab::may_run_privileged;
use portreeve_tests::binary::portreeve;

/// Runs a command, which succeeds; what it prints.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

fn package(folder: &Path) -> PathBuf {
    // The program that is packaged is the one that the tests run.
    assert!(portreeve().exists());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/package");
    let mut command = Command::new(script);
    command.args(["--no-build", "--out"]).arg(folder);
    command
        .env("DEBFULLNAME", "Ann Example")
        .env("DEBEMAIL", "ann@example.org");
    if let Some(target) = portreeve().parent().and_then(Path::parent) {
        command.env("CARGO_TARGET_DIR", target);
    }
    PathBuf::from(run(&mut command).trim())
}

/// A root of its own that looks like this one, in which a package can be installed and nothing of it stays. `$1` is the package.
const INSTALL: &str = r##"
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
cp "$1" /mnt/root/root/portreeve.deb
chroot /mnt/root sh -ec '
    cd /root
    dpkg -i portreeve.deb >&2
    echo "version: $(portreeve --version)"
    echo "user: $(getent passwd portreeve)"
    echo "enabled: $(systemctl is-enabled portreeve || true)"
    echo "manual: $(man portreeve | head -n 1)"
    echo "bash: $(bash -c ". /usr/share/bash-completion/completions/portreeve; complete -p portreeve" | grep -o -e "-F.*")"
    # The configuration as installed is right.
    portreeve --check --config /etc/portreeve/portreeve.toml | head -n 1
    # Somebody changed it: it stays when the package goes, until it is purged.
    echo "# mine" >>/etc/portreeve/portreeve.toml
    dpkg -r portreeve >&2
    echo "removed: $(test -e /usr/bin/portreeve && echo there || echo gone), $(tail -n 1 /etc/portreeve/portreeve.toml)"
    mkdir -p /var/lib/portreeve/store
    dpkg -P portreeve >&2
    ls -d /etc/portreeve /var/lib/portreeve 2>/dev/null || echo "purged: everything"
'
"##;

#[test]
fn the_package_has_everything_and_installs() {
    if !may_run_privileged() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let package = package(folder.path());

    let list = run(Command::new("dpkg-deb").arg("-c").arg(&package));
    for (mode, path) in [
        ("-rwxr-xr-x", "./usr/bin/portreeve"),
        ("-rw-r--r--", "./usr/share/man/man8/portreeve.8.gz"),
        (
            "-rw-r--r--",
            "./usr/share/bash-completion/completions/portreeve",
        ),
        (
            "-rw-r--r--",
            "./usr/share/zsh/vendor-completions/_portreeve",
        ),
        (
            "-rw-r--r--",
            "./usr/share/fish/vendor_completions.d/portreeve.fish",
        ),
        ("-rw-r--r--", "./usr/lib/systemd/system/portreeve.service"),
        ("-rw-r--r--", "./usr/lib/sysusers.d/portreeve.conf"),
        ("-rw-r--r--", "./usr/lib/tmpfiles.d/portreeve.conf"),
        ("-rw-r-----", "./etc/portreeve/portreeve.toml"),
        ("-rw-r--r--", "./usr/share/doc/portreeve/copyright"),
        (
            "-rw-r--r--",
            "./usr/share/doc/portreeve/changelog.Debian.gz",
        ),
        ("-rw-r--r--", "./usr/share/doc/portreeve/service.md"),
    ] {
        let line = list.lines().find(|line| line.ends_with(path));
        let line = line.unwrap_or_else(|| panic!("no {path}:\n{list}"));
        assert!(line.starts_with(mode) && line.contains(" 0/0 "), "{line}");
    }
    let control = run(Command::new("dpkg-deb").arg("-f").arg(&package));
    assert!(
        control.contains("\nMaintainer: Ann Example <ann@example.org>\n"),
        "{control}"
    );
    let depends = control.lines().find(|line| line.starts_with("Depends:"));
    assert!(
        depends.is_some_and(|depends| depends.contains("libc6") && depends.contains("libpcap")),
        "{control}"
    );
    let conffiles = run(Command::new("dpkg-deb")
        .arg("--info")
        .arg(&package)
        .arg("conffiles"));
    assert_eq!(conffiles.trim(), "/etc/portreeve/portreeve.toml");

    let said = run(Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "sh", "-c", INSTALL, "sh"])
        .arg(&package)
        .env("LC_ALL", "C"));
    let version = run(Command::new(portreeve()).arg("--version"));
    for expected in [
        format!("version: {}", version.trim()),
        "user: portreeve:".to_owned(),
        "enabled: disabled".to_owned(),
        "manual: portreeve(8)".to_owned(),
        "bash: -F _portreeve portreeve".to_owned(),
        "# The configuration is right.".to_owned(),
        "removed: gone, # mine".to_owned(),
        "purged: everything".to_owned(),
    ] {
        assert!(said.contains(&expected), "no {expected:?}:\n{said}");
    }
}
