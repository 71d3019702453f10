//! Builders for packets whose lengths and checksums are right.

/// What comes behind the Ethernet header.
#[derive(Clone, Debug)]
enum Network {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
    Other(u16),
}

/// A packet to be built: Ethernet, VLAN tags, IPv4 or IPv6, a transport header, zeroes.
#[derive(Clone, Debug)]
pub struct Packet {
    tags: Vec<(u16, u16)>,
    network: Network,
    protocol: u8,
    ports: (u16, u16),
    fragment: u16,
    tcp_flags: u8,
}

impl Packet {
    fn new(network: Network, protocol: u8, ports: (u16, u16)) -> Packet {
        Packet {
            tags: Vec::new(),
            network,
            protocol,
            ports,
            fragment: 0,
            tcp_flags: 0x10,
        }
    }

    /// UDP over IPv4.
    #[must_use]
    pub fn udp4(source: [u8; 4], destination: [u8; 4], from: u16, to: u16) -> Packet {
        Packet::new(Network::V4(source, destination), 17, (from, to))
    }

    /// TCP over IPv4, an acknowledgement.
    #[must_use]
    pub fn tcp4(source: [u8; 4], destination: [u8; 4], from: u16, to: u16) -> Packet {
        Packet::new(Network::V4(source, destination), 6, (from, to))
    }

    /// UDP over IPv6.
    #[must_use]
    pub fn udp6(source: [u8; 16], destination: [u8; 16], from: u16, to: u16) -> Packet {
        Packet::new(Network::V6(source, destination), 17, (from, to))
    }

    /// TCP over IPv6, an acknowledgement.
    #[must_use]
    pub fn tcp6(source: [u8; 16], destination: [u8; 16], from: u16, to: u16) -> Packet {
        Packet::new(Network::V6(source, destination), 6, (from, to))
    }

    /// A frame that is not IP, of this ethertype.
    #[must_use]
    pub fn ethertype(ethertype: u16) -> Packet {
        Packet::new(Network::Other(ethertype), 0, (0, 0))
    }

    /// Another IP protocol: its header begins with the two ports' words, whatever that means to it.
    #[must_use]
    pub fn protocol(mut self, protocol: u8) -> Packet {
        self.protocol = protocol;
        self
    }

    /// TCP flags: 0x02 SYN, 0x10 ACK, 0x01 FIN, 0x04 RST …
    #[must_use]
    pub fn flags(mut self, flags: u8) -> Packet {
        self.tcp_flags = flags;
        self
    }

    /// An 802.1Q tag behind those there are.
    #[must_use]
    pub fn vlan(self, id: u16) -> Packet {
        self.tag(0x8100, id)
    }

    /// A tag with this protocol identifier (0x8100, 0x88a8) behind those there are.
    #[must_use]
    pub fn tag(mut self, tpid: u16, tci: u16) -> Packet {
        self.tags.push((tpid, tci));
        self
    }

    /// The IPv4 fragment word, or that of IPv6's fragment header as IPv4 would have it: 0x2000 is "more fragments", the low 13 bits are the offset in units of eight
    /// bytes.
    #[must_use]
    pub fn fragment(mut self, word: u16) -> Packet {
        self.fragment = word;
        self
    }

    /// The frame, of at least `length` bytes.
    #[must_use]
    pub fn build(&self, length: usize) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        for (tpid, tci) in &self.tags {
            frame.extend_from_slice(&tpid.to_be_bytes());
            frame.extend_from_slice(&tci.to_be_bytes());
        }
        let ethertype = match self.network {
            Network::V4(..) => 0x0800,
            Network::V6(..) => 0x86dd,
            Network::Other(ethertype) => ethertype,
        };
        frame.extend_from_slice(&u16::to_be_bytes(ethertype));
        let ip = frame.len();
        let header = match &self.network {
            Network::V4(..) => 20,
            Network::V6(..) if self.fragment != 0 => 48,
            Network::V6(..) => 40,
            Network::Other(_) => {
                frame.resize(length.max(60), 0);
                return frame;
            }
        };
        let transport = match self.protocol {
            6 => 20,
            17 | 136 => 8,
            _ => 12,
        };
        frame.resize(length.max(ip + header + transport), 0);
        let total = frame.len() - ip;
        let payload = (total - header) as u16;
        match &self.network {
            Network::V4(source, destination) => {
                let ip = &mut frame[ip..];
                ip[0] = 0x45;
                ip[2..4].copy_from_slice(&(total as u16).to_be_bytes());
                ip[6..8].copy_from_slice(&self.fragment.to_be_bytes());
                ip[8] = 64;
                ip[9] = self.protocol;
                ip[12..16].copy_from_slice(source);
                ip[16..20].copy_from_slice(destination);
                let sum = checksum(&ip[..20], 0);
                ip[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            Network::V6(source, destination) => {
                let ip = &mut frame[ip..];
                ip[0] = 0x60;
                ip[4..6].copy_from_slice(&((total - 40) as u16).to_be_bytes());
                ip[6] = if header == 48 { 44 } else { self.protocol };
                ip[7] = 64;
                ip[8..24].copy_from_slice(source);
                ip[24..40].copy_from_slice(destination);
                if header == 48 {
                    ip[40] = self.protocol;
                    let word = ((self.fragment & 0x1fff) << 3) | (self.fragment >> 13 & 1);
                    ip[42..44].copy_from_slice(&word.to_be_bytes());
                }
            }
            Network::Other(_) => {}
        }
        let pseudo = match &self.network {
            Network::V4(source, destination) => sum(source, 0) + sum(destination, 0),
            Network::V6(source, destination) => sum(source, 0) + sum(destination, 0),
            Network::Other(_) => 0,
        } + u32::from(self.protocol)
            + u32::from(payload);
        let segment = &mut frame[ip + header..];
        segment[0..2].copy_from_slice(&self.ports.0.to_be_bytes());
        segment[2..4].copy_from_slice(&self.ports.1.to_be_bytes());
        let place = match self.protocol {
            6 => {
                segment[12] = 0x50;
                segment[13] = self.tcp_flags;
                segment[14..16].copy_from_slice(&0xffffu16.to_be_bytes());
                Some(16)
            }
            17 | 136 => {
                segment[4..6].copy_from_slice(&payload.to_be_bytes());
                Some(6)
            }
            _ => None,
        };
        if let Some(place) = place
            && self.fragment == 0
        {
            let value = checksum(segment, pseudo);
            let value = if value == 0 { 0xffff } else { value };
            segment[place..place + 2].copy_from_slice(&value.to_be_bytes());
        }
        frame
    }
}

/// The one's complement sum of RFC 1071, not folded.
fn sum(bytes: &[u8], start: u32) -> u32 {
    bytes.chunks(2).fold(start, |sum, pair| {
        sum + u32::from(u16::from_be_bytes([
            pair[0],
            pair.get(1).copied().unwrap_or(0),
        ]))
    })
}

fn checksum(bytes: &[u8], start: u32) -> u16 {
    let mut sum = sum(bytes, start);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_verify() {
        let frame = Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 5, 7).build(101);
        assert_eq!(frame.len(), 101);
        assert_eq!(checksum(&frame[14..34], 0), 0);
        let pseudo = sum(&frame[26..34], 17 + 101 - 34);
        assert_eq!(checksum(&frame[34..], pseudo), 0);
    }
}
