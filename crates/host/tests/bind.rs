//! Binding and giving back, on machines that are made up.

mod common;

use common::Machine;
use portreeve_host::bind::{BindError, Host, Request, UserDriver, bind, records, unbind};
use portreeve_interfaces::{Address, Interface};

const ONE: &str = "0000:03:00.0";
const TWO: &str = "0000:03:00.1";

fn interface(name: &str) -> Interface {
    Interface {
        name: name.into(),
        index: 7,
        up: true,
        mtu: 1500,
        ..Interface::default()
    }
}

fn request(targets: &[&str], driver: Option<UserDriver>) -> Request {
    Request {
        targets: targets.iter().map(|t| (*t).to_owned()).collect(),
        driver,
        ..Request::default()
    }
}

/// Two NICs with UIO to be had.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.nic(ONE, "eth1");
    machine.nic(TWO, "eth2");
    machine.behave(|b| b.loadable.push("uio_pci_generic".into()));
    machine.file(
        "lib/modules/6.1.0-9-amd64/modules.dep",
        "kernel/drivers/uio/uio_pci_generic.ko.xz: kernel/drivers/uio/uio.ko.xz\n",
    );
    machine
}

/// The same, with an IOMMU and VFIO.
fn machine_with_iommu() -> Machine {
    let machine = machine();
    machine.driver("vfio-pci");
    machine.group(14, "DMA-FQ\n", &[ONE, TWO]);
    machine
}

fn run(
    machine: &Machine,
    interfaces: &[Interface],
    request: &Request,
) -> Result<Vec<portreeve_host::bind::Bound>, BindError> {
    let root = machine.root();
    bind(
        &Host {
            root: &root,
            interfaces,
            ssh: None,
        },
        request,
    )
}

fn give_back(
    machine: &Machine,
    targets: &[&str],
) -> Result<Vec<portreeve_host::bind::Restored>, BindError> {
    let root = machine.root();
    let targets: Vec<String> = targets.iter().map(|t| (*t).to_owned()).collect();
    unbind(
        &Host {
            root: &root,
            interfaces: &[],
            ssh: None,
        },
        &targets,
    )
}

#[test]
fn bound_to_uio_and_given_back_to_the_driver_that_had_it() {
    let machine = machine();
    let before = machine.snapshot("sys/bus/pci/devices");
    let mut eth1 = interface("eth1");
    eth1.up = false;
    eth1.addresses.push(Address {
        ip: "192.0.2.7".parse().unwrap(),
        prefix: 24,
    });
    // By name; the driver is loaded on the way.
    let bound = run(&machine, &[eth1], &request(&["eth1"], None)).unwrap();
    assert_eq!(bound.len(), 1);
    assert_eq!(bound[0].driver, UserDriver::UioPciGeneric);
    assert_eq!(bound[0].previous.as_deref(), Some("e1000e"));
    assert!(bound[0].changed);
    assert_eq!(machine.driver_of(ONE).as_deref(), Some("uio_pci_generic"));
    assert_eq!(machine.driver_of(TWO).as_deref(), Some("e1000e"));
    // Again: nothing to do, and the record of the first driver stays.
    let again = run(&machine, &[], &request(&[ONE], None)).unwrap();
    assert!(!again[0].changed);
    assert_eq!(again[0].previous.as_deref(), Some("e1000e"));
    // Under the name it had, though the kernel has no such interface any more.
    let restored = give_back(&machine, &["eth1"]).unwrap();
    assert_eq!(restored[0].driver.as_deref(), Some("e1000e"));
    assert_eq!(restored[0].interfaces, ["eth1"]);
    assert_eq!(restored[0].before[0].addresses, ["192.0.2.7/24"]);
    assert_eq!(machine.snapshot("sys/bus/pci/devices"), before);
    assert!(records(&machine.root()).unwrap().is_empty());
    assert!(!machine.path("var/lib/portreeve/nic-bindings.json").exists());
    // Once more is no error.
    assert!(!give_back(&machine, &[ONE]).unwrap()[0].changed);
}

#[test]
fn a_group_goes_to_vfio_together_or_not_at_all() {
    let machine = machine_with_iommu();
    let error = run(&machine, &[], &request(&[ONE], None)).unwrap_err();
    let BindError::GroupNotViable {
        group: 14,
        ref others,
        nics: true,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(others.len(), 1);
    assert!(
        error
            .to_string()
            .ends_with(&format!("portreeve nic bind {ONE} {TWO}")),
        "{error}"
    );
    assert_eq!(machine.driver_of(ONE).as_deref(), Some("e1000e"));

    let bound = run(&machine, &[], &request(&["03:00.0", "eth2"], None)).unwrap();
    assert_eq!(bound.len(), 2);
    assert!(bound.iter().all(|b| b.driver == UserDriver::VfioPci));
    assert_eq!(machine.driver_of(TWO).as_deref(), Some("vfio-pci"));
    give_back(&machine, &[ONE, TWO]).unwrap();
    assert_eq!(machine.driver_of(TWO).as_deref(), Some("e1000e"));
}

#[test]
fn a_bridge_or_an_unbound_device_does_not_hinder_its_group() {
    let machine = machine();
    machine.driver("vfio-pci");
    machine.device("0000:02:00.0", "0x060400\n", "pcieport", "");
    machine.device("0000:03:00.2", "0x0c0300\n", "", "");
    machine.group(3, "identity\n", &["0000:02:00.0", ONE, "0000:03:00.2"]);
    run(&machine, &[], &request(&[ONE], Some(UserDriver::VfioPci))).unwrap();
    // A sound card with its driver does.
    let machine = self::machine();
    machine.driver("vfio-pci");
    machine.device("0000:03:00.2", "0x040300\n", "snd_hda_intel", "");
    machine.group(3, "identity\n", &[ONE, "0000:03:00.2"]);
    let error = run(&machine, &[], &request(&[ONE], None)).unwrap_err();
    assert!(
        matches!(error, BindError::GroupNotViable { nics: false, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("snd_hda_intel"), "{error}");
}

#[test]
fn vfio_without_an_iommu_is_refused_with_the_ways_out() {
    let machine = machine();
    machine.driver("vfio-pci");
    let error = run(&machine, &[], &request(&[ONE], Some(UserDriver::VfioPci))).unwrap_err();
    let text = error.to_string();
    for part in [
        "intel_iommu=on iommu=pt",
        "amd_iommu=on",
        "--driver uio_pci_generic",
        "--no-iommu",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let mut forced = request(&[ONE], Some(UserDriver::VfioPci));
    forced.no_iommu = true;
    // As Debian's kernel is built.
    assert!(matches!(
        run(&machine, &[], &forced),
        Err(BindError::NoNoIommu)
    ));
    machine.file(
        "sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
        "N\n",
    );
    run(&machine, &[], &forced).unwrap();
    assert_eq!(
        machine.read("sys/module/vfio/parameters/enable_unsafe_noiommu_mode"),
        "1"
    );
    assert_eq!(machine.driver_of(ONE).as_deref(), Some("vfio-pci"));
}

#[test]
fn uio_behind_a_translating_iommu_is_refused() {
    let machine = machine_with_iommu();
    let uio = request(&[ONE], Some(UserDriver::UioPciGeneric));
    let error = run(&machine, &[], &uio).unwrap_err();
    assert!(matches!(error, BindError::Translated { .. }), "{error:?}");
    machine.file("sys/kernel/iommu_groups/14/type", "identity\n");
    run(&machine, &[], &uio).unwrap();
}

#[test]
fn what_is_in_use_is_refused_unless_it_is_meant() {
    let machine = machine();
    let mut eth1 = interface("eth1");
    eth1.default_route = true;
    eth1.addresses.push(Address {
        ip: "192.0.2.7".parse().unwrap(),
        prefix: 24,
    });
    let error = run(
        &machine,
        std::slice::from_ref(&eth1),
        &request(&[ONE], None),
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert!(
        text.contains("default route") && text.contains("192.0.2.7/24"),
        "{text}"
    );
    assert!(text.contains("--take-over"), "{text}");
    assert_eq!(machine.driver_of(ONE).as_deref(), Some("e1000e"));
    let mut meant = request(&[ONE], None);
    meant.take_over = true;
    run(&machine, &[eth1], &meant).unwrap();

    // The address of the terminal's SSH session, on an interface that is otherwise nobody's.
    let machine = self::machine();
    let mut eth1 = interface("eth1");
    eth1.up = false;
    let ip = "192.0.2.8".parse().unwrap();
    eth1.addresses.push(Address { ip, prefix: 24 });
    let root = machine.root();
    let host = Host {
        root: &root,
        interfaces: &[eth1],
        ssh: Some(ip),
    };
    let error = bind(&host, &request(&["eth1"], None)).unwrap_err();
    assert!(
        error.to_string().contains("carries your SSH session"),
        "{error}"
    );
}

#[test]
fn an_interface_in_a_container_is_not_taken_unseen() {
    let machine = machine();
    std::fs::remove_dir_all(machine.path("sys/bus/pci/devices/0000:03:00.0/net")).unwrap();
    let error = run(&machine, &[], &request(&[ONE], None)).unwrap_err();
    assert!(matches!(error, BindError::Hidden { .. }), "{error:?}");
    let mut meant = request(&[ONE], None);
    meant.take_over = true;
    run(&machine, &[], &meant).unwrap();
}

#[test]
fn a_driver_that_will_not_take_it_is_rolled_back_with_the_reason() {
    let machine = machine();
    let before = machine.snapshot("sys/bus/pci/devices");
    machine.behave(|b| b.refusing.push("uio_pci_generic".into()));
    let error = run(&machine, &[], &request(&[ONE, TWO], None)).unwrap_err();
    let BindError::Refused {
        ref now, ref said, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(now.as_deref(), Some("e1000e"));
    assert!(said.contains("no such luck"), "{said}");
    assert_eq!(machine.snapshot("sys/bus/pci/devices"), before);
    assert!(records(&machine.root()).unwrap().is_empty());
}

#[test]
fn the_second_of_two_failing_takes_the_first_back() {
    let machine = machine();
    let before = machine.snapshot("sys/bus/pci/devices");
    machine.behave(|b| b.refusing.push(format!("uio_pci_generic {TWO}")));
    let error = run(&machine, &[], &request(&[ONE, TWO], None)).unwrap_err();
    assert!(matches!(error, BindError::Refused { .. }), "{error:?}");
    let log = machine.behaviour.lock().unwrap().log.join("\n");
    assert!(
        log.contains(&format!("devices/{ONE}/driver_override uio_pci_generic")),
        "{log}"
    );
    assert_eq!(machine.snapshot("sys/bus/pci/devices"), before);
    assert!(records(&machine.root()).unwrap().is_empty());
}

#[test]
fn from_one_user_space_driver_to_another_the_first_owner_stays_known() {
    let machine = machine();
    machine.driver("igb_uio");
    run(
        &machine,
        &[],
        &request(&[ONE], Some(UserDriver::UioPciGeneric)),
    )
    .unwrap();
    let bound = run(&machine, &[], &request(&[ONE], None)).unwrap();
    assert_eq!(bound[0].driver, UserDriver::IgbUio);
    assert_eq!(bound[0].previous.as_deref(), Some("e1000e"));
    give_back(&machine, &[ONE]).unwrap();
    assert_eq!(machine.driver_of(ONE).as_deref(), Some("e1000e"));
}

#[test]
fn a_nic_that_somebody_else_bound_goes_to_whoever_in_the_kernel_wants_it() {
    let machine = machine();
    run(&machine, &[], &request(&[ONE], None)).unwrap();
    std::fs::remove_file(machine.path("var/lib/portreeve/nic-bindings.json")).unwrap();
    let restored = give_back(&machine, &[ONE]).unwrap();
    assert!(restored[0].changed);
    assert_eq!(restored[0].driver.as_deref(), Some("e1000e"));
}

#[test]
fn after_a_reboot_nothing_is_remembered() {
    let machine = machine();
    run(&machine, &[], &request(&[ONE], None)).unwrap();
    assert_eq!(records(&machine.root()).unwrap().len(), 1);
    machine.file("proc/sys/kernel/random/boot_id", "second-boot\n");
    assert!(records(&machine.root()).unwrap().is_empty());
}

#[test]
fn errors_name_the_object_and_what_to_type() {
    let machine = machine();
    let text = |targets: &[&str], driver, interfaces: &[Interface]| {
        run(&machine, interfaces, &request(targets, driver))
            .unwrap_err()
            .to_string()
    };
    let unknown = text(&["eth9"], None, &[]);
    assert!(
        unknown.contains("\"eth9\"") && unknown.contains("0000:03:00.0 (eth1)"),
        "{unknown}"
    );
    let mut veth = interface("veth0");
    veth.kind = Some("veth".into());
    let veth = text(&["veth0"], None, &[veth]);
    assert!(veth.contains("veth0 (veth) is not on PCI"), "{veth}");
    machine.device("0000:00:1f.2", "0x010601\n", "ahci", "");
    let disk = text(&["0000:00:1f.2"], None, &[]);
    assert!(disk.contains("no network controller"), "{disk}");
    let igb = text(&[ONE], Some(UserDriver::IgbUio), &[]);
    assert!(igb.contains("dpdk-kmods-dkms"), "{igb}");
    machine.file(
        "sys/kernel/security/lockdown",
        "none [integrity] confidentiality\n",
    );
    let locked = text(&[ONE], Some(UserDriver::UioPciGeneric), &[]);
    assert!(locked.contains("Secure Boot"), "{locked}");
    machine.file(
        "sys/kernel/security/lockdown",
        "[none] integrity confidentiality\n",
    );
    machine.file("proc/self/status", "Uid:\t1000\t1000\t1000\t1000\n");
    assert!(text(&[ONE], None, &[]).contains("sudo"));
    machine.file("sys/bus/pci/devices/0000:03:00.0/vendor", "0x15b3\n");
    assert!(text(&[ONE], None, &[]).contains("stays with e1000e"));
}

#[test]
fn a_nic_that_a_program_has_open_is_not_taken_from_it() {
    let machine = machine();
    run(&machine, &[], &request(&[ONE], None)).unwrap();
    machine.file(
        "sys/bus/pci/devices/0000:03:00.0/uio/uio0/name",
        "uio_pci_generic",
    );
    machine.file("proc/4711/comm", "portreeve\n");
    machine.link("proc/4711/fd/9", "/dev/uio0");
    let error = give_back(&machine, &[ONE]).unwrap_err();
    assert!(
        matches!(error, BindError::Held { process: 4711, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("kill 4711"), "{error}");
    assert_eq!(machine.driver_of(ONE).as_deref(), Some("uio_pci_generic"));
}
