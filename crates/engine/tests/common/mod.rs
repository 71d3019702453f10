//! Frames for the engine's tests.

/// An Ethernet frame with IPv4 and UDP.
pub fn udp(from: [u8; 4], from_port: u16, to: [u8; 4], to_port: u16, payload: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0]);
    frame.extend(((28 + payload) as u16).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    frame.extend(from_port.to_be_bytes());
    frame.extend(to_port.to_be_bytes());
    frame.extend(((8 + payload) as u16).to_be_bytes());
    frame.extend([0, 0]);
    frame.resize(frame.len() + payload, 0x55);
    frame
}

/// An Ethernet frame with an ICMP error that quotes `packet`, an IPv4 packet.
#[allow(dead_code, reason = "not every test sends errors")]
pub fn icmp_port_unreachable(from: [u8; 4], to: [u8; 4], packet: &[u8]) -> Vec<u8> {
    let quoted = &packet[..28.min(packet.len())];
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0]);
    frame.extend(((28 + quoted.len()) as u16).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 1, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    frame.extend([3, 3, 0, 0, 0, 0, 0, 0]);
    frame.extend(quoted);
    frame
}
