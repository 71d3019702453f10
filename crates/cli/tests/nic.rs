//! `portreeve nic` as a user meets it: on this machine nothing is taken from the kernel.

use std::process::{Command, Output};

use portreeve_netlab::{Lab, may_run_privileged};

fn nic(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portreeve"))
        .arg("nic")
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
fn the_list_fits_a_hundred_columns_and_is_json_if_asked() {
    let output = nic(&["list"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // Names, addresses and commands are as long as they are; the table's head is ours.
    let text = stdout(&output);
    assert!(
        text.lines()
            .next()
            .is_some_and(|head| head.chars().count() <= 100)
    );
    let json: serde_json::Value = serde_json::from_slice(&nic(&["list", "--json"]).stdout).unwrap();
    for nic in json.as_array().expect("a list") {
        assert!(nic["ways"].is_array(), "{nic}");
        assert!(
            nic["address"].is_string() || nic["interface"].is_string(),
            "{nic}"
        );
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["bind"] as &[&str],
        &["bind", "eth0", "--driver", "e1000"],
        &["unbind"],
        &["hugepages", "2MiB"],
        &["hugepages", "--boot"],
        &["steal", "eth0"],
    ] {
        let output = nic(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let output = nic(&["bind", "eth0", "--driver", "e1000"]);
    assert!(stderr(&output).contains("vfio-pci, uio_pci_generic, igb_uio, nor auto"));
}

#[test]
fn what_cannot_be_bound_says_why_and_exits_with_1() {
    let output = nic(&["bind", "no-such-nic"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("there is no NIC \"no-such-nic\""),
        "{}",
        stderr(&output)
    );
    let output = nic(&["bind", "lo"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("lo (no device behind it) is not on PCI"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_veth_is_listed_in_its_namespace_and_cannot_be_bound() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let run = |arguments: &[&str]| {
        let mut command = lab.namespace().command(env!("CARGO_BIN_EXE_portreeve"));
        command
            .arg("nic")
            .args(arguments)
            .output()
            .expect("portreeve starts")
    };
    let list = stdout(&run(&["list"]));
    assert!(list.contains("afxdp:rx0"), "{list}");
    let output = run(&["bind", "rx0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("rx0 (veth) is not on PCI"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_reserve_is_shown() {
    let output = nic(&["hugepages"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: serde_json::Value =
        serde_json::from_slice(&nic(&["hugepages", "--json"]).stdout).unwrap();
    assert!(json["pools"].is_array(), "{json}");
}
