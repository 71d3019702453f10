//! Emulated NICs, and how frames come to them.

use std::path::{Path, PathBuf};

/// What QEMU emulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// virtio-net, behind the emulated IOMMU.
    Virtio,
    /// VMware's vmxnet3.
    Vmxnet3,
    /// Intel 82540EM: one queue, legacy interrupts only.
    E1000,
    /// Intel 82574L.
    E1000e,
    /// Intel 82576: several queues, MSI-X. QEMU has it from version 8.0 on.
    Igb,
}

impl Model {
    /// QEMU's device.
    pub(crate) fn device(self) -> &'static str {
        match self {
            Model::Virtio => "virtio-net-pci",
            Model::Vmxnet3 => "vmxnet3",
            Model::E1000 => "e1000",
            Model::E1000e => "e1000e",
            Model::Igb => "igb",
        }
    }

    /// The kernel's driver.
    #[must_use]
    pub fn kernel_driver(self) -> &'static str {
        match self {
            // Its PCI driver; the network driver sits on top of it.
            Model::Virtio => "virtio-pci",
            Model::Vmxnet3 => "vmxnet3",
            Model::E1000 => "e1000",
            Model::E1000e => "e1000e",
            Model::Igb => "igb",
        }
    }

    /// The kernel's modules that make an interface of it.
    #[must_use]
    pub fn modules(self) -> &'static str {
        match self {
            Model::Virtio => "virtio_pci virtio_net",
            other => other.kernel_driver(),
        }
    }
}

/// What is at the other end of a NIC's cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cable {
    /// A socket of datagrams, each a frame. QEMU takes no more from it than the NIC has room for: nothing is lost on the way.
    Socket,
    /// A tap interface of this name with several queues, in QEMU's network namespace.
    Tap {
        /// The interface.
        name: String,
        /// Its queues.
        queues: u32,
        /// Whether the NIC spreads frames over them by a hash whose key the driver sets.
        spreads: bool,
    },
}

/// One NIC of a machine.
#[derive(Clone, Debug)]
pub struct Nic {
    /// What it is.
    pub model: Model,
    /// Its name in messages.
    pub name: &'static str,
    /// Its place on the first PCI bus, or that of the port that it is plugged into.
    slot: u8,
    /// The bus behind that port.
    bus: Option<u8>,
    cable: Cable,
}

impl Nic {
    /// A NIC in a place of the first bus (3 to 30).
    #[must_use]
    pub fn new(model: Model, name: &'static str, slot: u8, cable: Cable) -> Nic {
        Nic {
            model,
            name,
            slot,
            bus: None,
            cable,
        }
    }

    /// The same in a port that it can be pulled out of; the `number`th such port of the machine, in the order of their places.
    #[must_use]
    pub fn in_port(mut self, number: u8) -> Nic {
        self.bus = Some(number);
        self
    }

    /// Its name for QEMU.
    #[must_use]
    pub fn id(&self) -> String {
        format!("nic{}", self.slot)
    }

    /// Its PCI address.
    #[must_use]
    pub fn address(&self) -> String {
        match self.bus {
            Some(bus) => format!("0000:{bus:02x}:00.0"),
            None => format!("0000:00:{:02x}.0", self.slot),
        }
    }

    /// Its cable.
    #[must_use]
    pub fn cable(&self) -> &Cable {
        &self.cable
    }

    /// The socket that frames are sent to, in the machine's folder.
    #[must_use]
    pub fn socket(&self, folder: &Path) -> PathBuf {
        folder.join(format!("nic-{}", self.slot))
    }

    /// QEMU's arguments for it.
    #[must_use]
    pub fn arguments(&self, folder: &Path) -> Vec<String> {
        let slot = self.slot;
        let netdev = match &self.cable {
            Cable::Socket => {
                let here = self.socket(folder).display().to_string();
                // What the guest sends goes nowhere.
                format!(
                    "dgram,id=net{slot},local.type=unix,local.path={here},remote.type=unix,remote.path={here}-away"
                )
            }
            Cable::Tap { name, queues, .. } => format!(
                "tap,id=net{slot},ifname={name},script=no,downscript=no,vhost=off,queues={queues}"
            ),
        };
        let place = match self.bus {
            Some(_) => format!("bus=port{slot}"),
            None => format!("bus=pcie.0,addr={slot:#x}"),
        };
        let mut device = format!(
            "{},id={},netdev=net{slot},{place},mac=52:54:00:00:00:{slot:02x}",
            self.model.device(),
            self.id()
        );
        if self.model == Model::Virtio {
            // Only a modern device goes through an IOMMU.
            device.push_str(",disable-legacy=on,iommu_platform=on,ats=on");
        }
        if let Cable::Tap {
            queues, spreads, ..
        } = &self.cable
        {
            let vectors = 2 * queues + 2;
            let rss = if *spreads { "on" } else { "off" };
            device.push_str(&format!(
                ",mq=on,rss={rss},vectors={vectors},rx_queue_size=1024"
            ));
        }
        let mut arguments = vec!["-netdev".into(), netdev];
        if self.bus.is_some() {
            let port =
                format!("pcie-root-port,id=port{slot},bus=pcie.0,addr={slot:#x},chassis={slot}");
            arguments.extend(["-device".into(), port]);
        }
        arguments.extend(["-device".into(), device]);
        arguments
    }
}
