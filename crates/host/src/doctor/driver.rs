//! What is asked of the drivers of interfaces: the ethtool call, or somebody who plays it.

use std::io;

use portreeve_interfaces::{Channels, Coalescing, Ethtool, Interface, Merging, ReceiveHash, Rings};

/// The drivers of the kernel's interfaces.
pub trait Driver {
    /// The rings of the interface.
    ///
    /// # Errors
    /// The driver does not say.
    fn rings(&self, interface: &str) -> io::Result<Rings>;

    /// Sets the frames that a receive ring holds.
    ///
    /// # Errors
    /// The driver cannot.
    fn set_receive_ring(&self, interface: &str, frames: u32) -> io::Result<()>;

    /// The queues.
    ///
    /// # Errors
    /// The driver does not say.
    fn channels(&self, interface: &str) -> io::Result<Channels>;

    /// Whether received frames are joined.
    ///
    /// # Errors
    /// The driver does not say.
    fn merging(&self, interface: &str, merging: Merging) -> io::Result<bool>;

    /// Switches the joining of received frames.
    ///
    /// # Errors
    /// The driver cannot.
    fn set_merging(&self, interface: &str, merging: Merging, on: bool) -> io::Result<()>;

    /// How frames are spread over the queues.
    ///
    /// # Errors
    /// The driver does not say.
    fn receive_hash(&self, interface: &str) -> io::Result<ReceiveHash>;

    /// Sets the key by which they are.
    ///
    /// # Errors
    /// The driver cannot.
    fn set_hash_key(&self, interface: &str, key: &[u8]) -> io::Result<()>;

    /// When the NIC interrupts.
    ///
    /// # Errors
    /// The driver does not say.
    fn coalescing(&self, interface: &str) -> io::Result<Coalescing>;

    /// Whether the NIC tells the other side to stop while its ring is full.
    ///
    /// # Errors
    /// The driver does not say.
    fn sends_pause(&self, interface: &str) -> io::Result<bool>;

    /// The MTU.
    ///
    /// # Errors
    /// There is no such interface.
    fn mtu(&self, interface: &str) -> io::Result<u32>;

    /// Sets the MTU.
    ///
    /// # Errors
    /// The driver cannot.
    fn set_mtu(&self, interface: &str, mtu: u32) -> io::Result<()>;
}

impl Driver for Ethtool {
    fn rings(&self, interface: &str) -> io::Result<Rings> {
        Ethtool::rings(self, interface)
    }

    fn set_receive_ring(&self, interface: &str, frames: u32) -> io::Result<()> {
        Ethtool::set_receive_ring(self, interface, frames)
    }

    fn channels(&self, interface: &str) -> io::Result<Channels> {
        Ethtool::channels(self, interface)
    }

    fn merging(&self, interface: &str, merging: Merging) -> io::Result<bool> {
        Ethtool::merging(self, interface, merging)
    }

    fn set_merging(&self, interface: &str, merging: Merging, on: bool) -> io::Result<()> {
        Ethtool::set_merging(self, interface, merging, on)
    }

    fn receive_hash(&self, interface: &str) -> io::Result<ReceiveHash> {
        Ethtool::receive_hash(self, interface)
    }

    fn set_hash_key(&self, interface: &str, key: &[u8]) -> io::Result<()> {
        Ethtool::set_hash_key(self, interface, key)
    }

    fn coalescing(&self, interface: &str) -> io::Result<Coalescing> {
        Ethtool::coalescing(self, interface)
    }

    fn sends_pause(&self, interface: &str) -> io::Result<bool> {
        Ethtool::sends_pause(self, interface)
    }

    fn mtu(&self, interface: &str) -> io::Result<u32> {
        Ethtool::mtu(self, interface)
    }

    fn set_mtu(&self, interface: &str, mtu: u32) -> io::Result<()> {
        Ethtool::set_mtu(self, interface, mtu)
    }
}

/// The name that the kernel's driver for `interface` has, or its kind.
pub(super) fn name_of(interface: &Interface) -> &str {
    let name = interface.driver.as_deref().or(interface.kind.as_deref());
    name.unwrap_or("an unknown driver")
}
