//! The few questions to a driver, and settings, that ethtool(8) has: speed, name, queues, rings, offloads, receive hashing,
//! interrupt moderation; and the MTU.

use std::io;
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
const SET_FLAGS: u32 = 0x26;
const SET_GRO: u32 = 0x2c;
const GET_COALESCE: u32 = 0x0e;
const GET_PAUSE: u32 = 0x12;
const GET_RINGS: u32 = 0x10;
const SET_RINGS: u32 = 0x11;
const GET_CHANNELS: u32 = 0x3c;
const GET_HASH: u32 = 0x46;
const SET_HASH: u32 = 0x47;
/// `struct ethtool_rxfh` without what follows it, in words.
const HASH_HEADER: usize = 6;
/// `ETH_RXFH_INDIR_NO_CHANGE`.
const KEEP_INDIRECTION: u32 = u32::MAX;
const FLAG_RX_VLAN: u32 = 1 << 8;
const FLAG_LRO: u32 = 1 << 15;
const SPEED_UNKNOWN: u32 = u32::MAX;

/// Receive and transmit rings, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rings {
    /// Frames that one receive ring holds.
    pub rx: u32,
    /// The most that it can be set to.
    pub rx_max: u32,
    /// Frames that one transmit ring holds.
    pub tx: u32,
}

/// Receive queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Queues of receive alone.
    pub rx: u32,
    /// The most of these.
    pub rx_max: u32,
    /// Queues of receive and transmit together.
    pub combined: u32,
    /// The most of these.
    pub combined_max: u32,
}

impl Channels {
    /// Receive queues in use.
    #[must_use]
    pub fn receive(&self) -> u32 {
        self.rx.saturating_add(self.combined)
    }

    /// Receive queues that there can be.
    #[must_use]
    pub fn receive_max(&self) -> u32 {
        self.rx_max.max(self.combined_max)
    }
}

/// What joins received frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Merging {
    /// Generic receive offload, by the kernel.
    Gro,
    /// Large receive offload, by the NIC.
    Lro,
}

/// When the NIC interrupts on receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coalescing {
    /// Microseconds after the first frame.
    pub microseconds: u32,
    /// Or so many frames.
    pub frames: u32,
    /// The driver changes both by the load.
    pub adaptive: bool,
}

/// How received frames are spread over the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveHash {
    /// The key of the Toeplitz function.
    pub key: Vec<u8>,
    /// The function: a bit of 1 for Toeplitz, 2 for XOR, 4 for CRC32.
    pub function: u8,
    /// The NIC sorts or xors source and destination itself before it hashes (`input_xfrm`, Linux 6.8).
    pub symmetric: bool,
    /// The queue of each value of the hash's low bits.
    pub queues: Vec<u32>,
}

/// A socket to ask through, in the network namespace of the thread that made it.
///
/// Every call names the interface. What the driver does not know fails with `EOPNOTSUPP`.
#[derive(Debug)]
pub struct Ethtool {
    fd: OwnedFd,
}

impl Ethtool {
    /// Opens it.
    ///
    /// # Errors
    /// The kernel gave no socket.
    pub fn open() -> io::Result<Ethtool> {
        // SAFETY: no memory is passed.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Ethtool { fd })
    }

    /// Makes the request `code` about the interface, with what `fill` puts into its union.
    fn request(
        &self,
        name: &str,
        code: libc::Ioctl,
        fill: impl FnOnce(&mut libc::ifreq),
    ) -> io::Result<libc::ifreq> {
        // SAFETY: an all-zero ifreq is a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        if name.len() >= request.ifr_name.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        fill(&mut request);
        // SAFETY: the request is there for the call, and so is what `fill` let it point to: its callers' arrays.
        let result = unsafe { libc::ioctl(self.fd.as_raw_fd(), code, &raw mut request) };
        if result == 0 {
            Ok(request)
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Hands `data`, whose first word is the command, to the driver, which may change it.
    ///
    /// `data` must be as long as the command's structure, and what follows it, is.
    fn exchange(&self, name: &str, data: &mut [u32]) -> io::Result<()> {
        self.request(name, libc::SIOCETHTOOL as libc::Ioctl, |request| {
            request.ifr_ifru.ifru_data = data.as_mut_ptr().cast();
        })
        .map(drop)
    }

    fn query<const WORDS: usize>(&self, name: &str, command: u32) -> io::Result<[u32; WORDS]> {
        let mut data = [0u32; WORDS];
        data[0] = command;
        self.exchange(name, &mut data)?;
        Ok(data)
    }

    /// [`Ethtool::query`] where it does not matter why there is no answer.
    fn ask<const WORDS: usize>(&self, name: &str, command: u32) -> Option<[u32; WORDS]> {
        self.query(name, command).ok()
    }

    /// The sizes of its rings (`struct ethtool_ringparam`).
    ///
    /// # Errors
    /// What the driver says.
    pub fn rings(&self, name: &str) -> io::Result<Rings> {
        let data = self.query::<9>(name, GET_RINGS)?;
        Ok(Rings {
            rx_max: data[1],
            rx: data[5],
            tx: data[8],
        })
    }

    /// Sets how many frames a receive ring holds. Most drivers take the link down for a moment.
    ///
    /// # Errors
    /// What the driver says.
    pub fn set_receive_ring(&self, name: &str, frames: u32) -> io::Result<()> {
        let mut data = self.query::<9>(name, GET_RINGS)?;
        data[0] = SET_RINGS;
        data[5] = frames;
        self.exchange(name, &mut data)
    }

    /// Its queues (`struct ethtool_channels`).
    ///
    /// # Errors
    /// What the driver says.
    pub fn channels(&self, name: &str) -> io::Result<Channels> {
        let data = self.query::<9>(name, GET_CHANNELS)?;
        Ok(Channels {
            rx_max: data[1],
            combined_max: data[4],
            rx: data[5],
            combined: data[8],
        })
    }

    /// Whether received frames are joined.
    ///
    /// # Errors
    /// What the driver says.
    pub fn merging(&self, name: &str, merging: Merging) -> io::Result<bool> {
        Ok(match merging {
            Merging::Gro => self.query::<2>(name, GET_GRO)?[1] != 0,
            Merging::Lro => self.query::<2>(name, GET_FLAGS)?[1] & FLAG_LRO != 0,
        })
    }

    /// Switches the joining of received frames.
    ///
    /// # Errors
    /// What the driver says; a switch that cannot be moved is `EOPNOTSUPP`.
    pub fn set_merging(&self, name: &str, merging: Merging, on: bool) -> io::Result<()> {
        let mut data = match merging {
            Merging::Gro => [SET_GRO, u32::from(on)],
            Merging::Lro => {
                let flags = self.query::<2>(name, GET_FLAGS)?[1] & !FLAG_LRO;
                [SET_FLAGS, flags | if on { FLAG_LRO } else { 0 }]
            }
        };
        self.exchange(name, &mut data)?;
        // The kernel takes the wish and may leave the switch where it is.
        if self.merging(name, merging)? == on {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
        }
    }

    /// When it interrupts (`struct ethtool_coalesce`, 23 words).
    ///
    /// # Errors
    /// What the driver says.
    pub fn coalescing(&self, name: &str) -> io::Result<Coalescing> {
        let data = self.query::<23>(name, GET_COALESCE)?;
        Ok(Coalescing {
            microseconds: data[1],
            frames: data[2],
            adaptive: data[10] != 0,
        })
    }

    /// Whether it tells the other side to stop while its ring is full (`struct ethtool_pauseparam`).
    ///
    /// # Errors
    /// What the driver says.
    pub fn sends_pause(&self, name: &str) -> io::Result<bool> {
        Ok(self.query::<4>(name, GET_PAUSE)?[3] != 0)
    }

    /// How it spreads frames over its queues (`struct ethtool_rxfh`).
    ///
    /// # Errors
    /// What the driver says.
    pub fn receive_hash(&self, name: &str) -> io::Result<ReceiveHash> {
        /// More than any NIC's key (52 bytes) and table (4096 entries) ask for.
        const LIMIT: usize = 1 << 16;
        // With no room offered the driver says how much it needs.
        let sizes = self.query::<HASH_HEADER>(name, GET_HASH)?;
        let (entries, key) = (sizes[2] as usize, sizes[3] as usize);
        if entries > LIMIT || key > LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut data = vec![0u32; HASH_HEADER + entries + key.div_ceil(4)];
        data[0] = GET_HASH;
        data[2] = sizes[2];
        data[3] = sizes[3];
        self.exchange(name, &mut data)?;
        let [function, transform, ..] = data[4].to_ne_bytes();
        let bytes = data[HASH_HEADER + entries..]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .take(key);
        Ok(ReceiveHash {
            key: bytes.collect(),
            function,
            // RXH_XFRM_NO_CHANGE is 0xff.
            symmetric: transform != 0 && transform != 0xff,
            queues: data[HASH_HEADER..HASH_HEADER + entries].to_vec(),
        })
    }

    /// Sets the key of the receive hash, which must have the length it has; all else stays.
    ///
    /// # Errors
    /// What the driver says.
    pub fn set_hash_key(&self, name: &str, key: &[u8]) -> io::Result<()> {
        let mut data = vec![0u32; HASH_HEADER + key.len().div_ceil(4)];
        data[0] = SET_HASH;
        data[2] = KEEP_INDIRECTION;
        data[3] = key.len() as u32;
        // Function: 0 keeps it. Transformation: RXH_XFRM_NO_CHANGE where the kernel knows of it; kernels before 6.8 want 0 there.
        for (word, four) in data[HASH_HEADER..].iter_mut().zip(key.chunks(4)) {
            let mut bytes = [0; 4];
            bytes[..four.len()].copy_from_slice(four);
            *word = u32::from_ne_bytes(bytes);
        }
        self.exchange(name, &mut data)
    }

    /// The MTU, in bytes.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn mtu(&self, name: &str) -> io::Result<u32> {
        let request = self.request(name, libc::SIOCGIFMTU as libc::Ioctl, |_| {})?;
        // SAFETY: the kernel has filled this member of the union in.
        Ok(unsafe { request.ifr_ifru.ifru_mtu }.cast_unsigned())
    }

    /// Sets the MTU, in bytes.
    ///
    /// # Errors
    /// The driver cannot, or this process may not.
    pub fn set_mtu(&self, name: &str, mtu: u32) -> io::Result<()> {
        self.request(name, libc::SIOCSIFMTU as libc::Ioctl, |request| {
            request.ifr_ifru.ifru_mtu = mtu.cast_signed();
        })
        .map(drop)
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
