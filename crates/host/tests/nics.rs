//! What is said of NICs, on a machine that is made up.

mod common;

use common::Machine;
use portreeve_host::bind::{Host, Request, bind};
use portreeve_host::nics::{self, CapturePath, Details, Link};
use portreeve_interfaces::{Channels, Interface, Rings};

const ONE: &str = "0000:03:00.0";

fn eth1() -> Interface {
    Interface {
        name: "eth1".into(),
        index: 3,
        hardware: 1,
        up: true,
        running: true,
        mtu: 1500,
        speed: Some(10_000),
        driver: Some("ixgbe".into()),
        ..Interface::default()
    }
}

fn details(_: &str) -> Details {
    Details {
        channels: Some(Channels {
            rx: 0,
            rx_max: 0,
            combined: 4,
            combined_max: 63,
        }),
        rings: Some(Rings {
            rx: 512,
            rx_max: 4096,
            tx: 512,
        }),
    }
}

#[test]
fn a_nic_is_listed_with_its_ways() {
    let machine = Machine::new();
    machine.nic(ONE, "eth1");
    machine.device("0000:00:1f.2", "0x010601\n", "ahci", "");
    machine.driver("vfio-pci");
    machine.driver("igb_uio");
    machine.group(14, "DMA\n", &[ONE, "0000:00:1f.2"]);
    let veth = Interface {
        name: "veth0".into(),
        index: 5,
        hardware: 1,
        kind: Some("veth".into()),
        driver: Some("veth".into()),
        rx_queues: 1,
        ..Interface::default()
    };
    let root = machine.root();
    let nics = nics::list(&root, &[eth1(), veth], None, details);
    assert_eq!(nics.len(), 2);
    let nic = &nics[0];
    assert_eq!(nic.interface.as_deref(), Some("eth1"));
    assert_eq!(nic.name, "Intel 82574L");
    assert_eq!((nic.link, nic.speed), (Link::Up, Some(10_000)));
    assert_eq!((nic.queues, nic.queues_max), (Some(4), Some(63)));
    assert_eq!((nic.ring, nic.ring_max), (Some(512), Some(4096)));
    assert_eq!(nic.iommu_group, Some(14));
    assert_eq!(nic.group_others[0].1.as_deref(), Some("ahci"));
    let paths: Vec<_> = nic.ways.iter().map(|way| way.path).collect();
    assert_eq!(
        paths,
        [CapturePath::Dpdk, CapturePath::AfXdp, CapturePath::AfPacket]
    );
    // The IOMMU translates: UIO is not offered.
    assert_eq!(nic.ways[0].note, "by vfio-pci");
    assert_eq!(nic.ways[1].note, "native, no copy");
    let veth = &nics[1];
    assert_eq!((veth.address.as_ref(), veth.name.as_str()), (None, "veth"));
    assert_eq!(veth.link, Link::Down);
    assert_eq!(veth.ways[0].command, "portreeve -i afxdp:veth0");
}

#[test]
fn a_bound_nic_is_dpdks_and_says_whose_it_was() {
    let machine = Machine::new();
    machine.nic(ONE, "eth1");
    machine.driver("igb_uio");
    let root = machine.root();
    let host = Host {
        root: &root,
        interfaces: &[],
        ssh: None,
    };
    let request = Request {
        targets: vec![ONE.into()],
        ..Request::default()
    };
    bind(&host, &request).unwrap();
    let nics = nics::list(&root, &[], None, details);
    assert_eq!(nics[0].driver.as_deref(), Some("igb_uio"));
    assert_eq!(nics[0].bound_from.as_deref(), Some("e1000e"));
    assert_eq!(nics[0].link, Link::Unknown);
    assert_eq!(nics[0].ways[0].command, format!("portreeve -i dpdk:{ONE}"));
    assert_eq!(nics[0].ways.len(), 1);
}

#[test]
fn what_dpdk_would_need_is_said() {
    let machine = Machine::new();
    machine.nic(ONE, "eth1");
    let nics = nics::list(&machine.root(), &[eth1()], None, details);
    assert_eq!(nics[0].ways[0].path, CapturePath::AfXdp);
    let why = nics[0].no_dpdk.as_deref().unwrap();
    assert!(
        why.starts_with("needs uio_pci_generic: sudo apt install"),
        "{why}"
    );
}

#[test]
fn this_machine_lists_without_complaint() {
    let interfaces = portreeve_interfaces::list().unwrap();
    let nics = nics::list(
        &portreeve_host::Root::system(),
        &interfaces,
        None,
        nics::details,
    );
    for nic in &nics {
        assert!(nic.address.is_some() || nic.interface.is_some());
        assert!(!nic.name.is_empty());
    }
}
