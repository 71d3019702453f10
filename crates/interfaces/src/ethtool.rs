//! The few questions to a driver that ethtool(8) asks: speed, queues, offloads, name.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::Offloads;

const GET_SETTINGS: u32 = 0x01;
const GET_DRIVER: u32 = 0x03;
const GET_RX_CHECKSUM: u32 = 0x14;
const GET_TX_CHECKSUM: u32 = 0x16;
const GET_TSO: u32 = 0x1e;
const GET_FLAGS: u32 = 0x25;
const GET_GSO: u32 = 0x23;
const GET_GRO: u32 = 0x2b;
const GET_CHANNELS: u32 = 0x3c;
const FLAG_RX_VLAN: u32 = 1 << 8;
const FLAG_LRO: u32 = 1 << 15;
const SPEED_UNKNOWN: u32 = u32::MAX;

/// A socket to ask through, in the network namespace of the thread that made it.
pub(super) struct Ethtool {
    fd: OwnedFd,
}

impl Ethtool {
    pub(super) fn open() -> Option<Ethtool> {
        // SAFETY: no memory is passed.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return None;
        }
        // SAFETY: the descriptor was just made and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Some(Ethtool { fd })
    }

    /// Sends `data`, whose first word is the command, and has the driver fill in the rest.
    fn ask<const WORDS: usize>(&self, name: &str, command: u32) -> Option<[u32; WORDS]> {
        let mut data = [0u32; WORDS];
        data[0] = command;
        // SAFETY: an all-zero ifreq is a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        if name.len() >= request.ifr_name.len() {
            return None;
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_data = data.as_mut_ptr().cast();
        // SAFETY: each command's structure has at most WORDS words (the callers' constants), and `data` is there for the call.
        let result =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SIOCETHTOOL as _, &mut request) };
        (result == 0).then_some(data)
    }

    fn switch(&self, name: &str, command: u32) -> Option<bool> {
        self.ask::<2>(name, command).map(|data| data[1] != 0)
    }

    /// Link speed in megabits a second (`struct ethtool_cmd`, 44 bytes).
    pub(super) fn speed(&self, name: &str) -> Option<u32> {
        let data = self.ask::<11>(name, GET_SETTINGS)?;
        let bytes: Vec<u8> = data.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let low = u32::from(u16::from_ne_bytes([*bytes.get(12)?, *bytes.get(13)?]));
        let high = u32::from(u16::from_ne_bytes([*bytes.get(28)?, *bytes.get(29)?]));
        let speed = (high << 16) | low;
        (speed != SPEED_UNKNOWN && speed != 0xffff && speed != 0).then_some(speed)
    }

    /// The driver's name (`struct ethtool_drvinfo`, 196 bytes).
    pub(super) fn driver(&self, name: &str) -> Option<String> {
        let data = self.ask::<49>(name, GET_DRIVER)?;
        let bytes: Vec<u8> = data[1..9]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .take_while(|byte| *byte != 0)
            .collect();
        String::from_utf8(bytes)
            .ok()
            .filter(|name| !name.is_empty())
    }

    /// Receive queues in use (`struct ethtool_channels`: combined and receive-only ones).
    pub(super) fn receive_queues(&self, name: &str) -> Option<u32> {
        let data = self.ask::<9>(name, GET_CHANNELS)?;
        let queues = data[5].saturating_add(data[8]);
        (queues > 0).then_some(queues)
    }

    pub(super) fn offloads(&self, name: &str) -> Offloads {
        let flags = self.ask::<2>(name, GET_FLAGS).map(|data| data[1]);
        Offloads {
            gro: self.switch(name, GET_GRO),
            lro: flags.map(|flags| flags & FLAG_LRO != 0),
            gso: self.switch(name, GET_GSO),
            tso: self.switch(name, GET_TSO),
            rx_checksum: self.switch(name, GET_RX_CHECKSUM),
            tx_checksum: self.switch(name, GET_TX_CHECKSUM),
            rx_vlan: flags.map(|flags| flags & FLAG_RX_VLAN != 0),
        }
    }
}
