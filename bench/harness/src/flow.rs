//! One made-up conversation: who talks, where the sequence numbers are, and its frames.

use crate::random::mix;
use crate::shape::{Mix, Sender, Shape, Size};
use crate::traffic::START;

/// What never changes of a flow; worked out from its number, so that millions of them take no memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) v6: bool,
    pub(crate) udp: bool,
    /// TCP timestamps.
    pub(crate) stamps: bool,
    originator: u32,
    responder: u32,
    ports: (u16, u16),
    first_seq: (u32, u32),
    pub(crate) first_turn: u8,
}

const SERVICES: [u16; 8] = [443, 443, 443, 80, 8443, 22, 993, 5432];
const UDP_SERVICES: [u16; 4] = [443, 443, 53, 4500];

impl Facts {
    pub(crate) fn of(shape: &Shape, flow: u32) -> Facts {
        let bits = mix(shape.seed ^ u64::from(flow) << 8 ^ u64::from(shape.partition));
        let more = mix(bits ^ 0x5EED);
        let udp = bits.is_multiple_of(5);
        let imix = shape.mix == Mix::Imix;
        let service = if udp {
            UDP_SERVICES[(bits >> 8 & 3) as usize]
        } else {
            SERVICES[(bits >> 8 & 7) as usize]
        };
        let turns = shape.mix.first_turns();
        Facts {
            v6: imix && bits >> 11 & 0xff < 51,
            udp,
            stamps: imix && !udp && bits >> 19 & 1 == 1,
            originator: u32::from_be_bytes([10 + shape.partition, 0, 0, 0]) | flow & 0x00ff_ffff,
            responder: 0xac10_0000 | (bits >> 20) as u32 & 0x000f_ffff,
            ports: (32768 + (bits >> 40) as u16 % 28000, service),
            first_seq: (more as u32, (more >> 32) as u32),
            first_turn: turns[(bits >> 56) as usize % turns.len()],
        }
    }
}

/// What goes on in a flow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    /// Bytes sent by originator and responder since the start.
    pub(crate) sent: [u32; 2],
    /// Their latest timestamps.
    stamp: [u32; 2],
    turn: u8,
    begun: bool,
}

/// A packet to be written.
pub(crate) struct Packet {
    facts: Facts,
    pub(crate) sender: Sender,
    flags: u8,
    seq: u32,
    ack: u32,
    stamps: (u32, u32),
    payload: u16,
    ip_id: u16,
    window: u16,
    /// Bytes on the wire, without FCS.
    pub(crate) wire: u16,
}

const PSH_ACK: u8 = 0x18;
const ACK: u8 = 0x10;
const SYN: u8 = 0x02;
/// Frame lengths without FCS.
const MEDIUM: u16 = 590;
const LARGE: u16 = 1514;
const LEAST: u16 = 60;
/// Payload of a tiny packet: what makes an IPv4 TCP packet fill the smallest frame.
const TINY: u16 = 6;

impl Facts {
    fn headers(&self, syn: bool) -> u16 {
        let ip = if self.v6 { 40 } else { 20 };
        let transport = match (self.udp, syn, self.stamps) {
            (true, ..) => 8,
            (false, true, true) => 40,
            (false, true, false) => 32,
            (false, false, true) => 32,
            (false, false, false) => 20,
        };
        14 + ip + transport
    }

    fn packet(&self, sender: Sender, flags: u8, payload: u16, state: &State, ip_id: u16) -> Packet {
        let own = sender as usize;
        let first = [self.first_seq.0, self.first_seq.1];
        // Sequence 0 is the SYN; data begins at 1.
        let seq = |side: usize| first[side].wrapping_add(1).wrapping_add(state.sent[side]);
        let wire = (self.headers(flags & SYN != 0) + payload).max(LEAST);
        Packet {
            facts: *self,
            sender,
            flags,
            seq: seq(own),
            ack: seq(1 - own),
            stamps: (state.stamp[own], state.stamp[1 - own]),
            payload,
            ip_id,
            window: 501 + (state.sent[1 - own] >> 8) as u16 % 64,
            wire,
        }
    }

    /// The three packets that open a TCP conversation (RFC 9293 section 3.5), or a question and an answer.
    pub(crate) fn opening(&self, state: &mut State, number: u8, time: i64) -> Packet {
        let sender = if number == 1 {
            Sender::Responder
        } else {
            Sender::Originator
        };
        state.tick(self, sender, time);
        if self.udp {
            return self.packet(sender, 0, 18, state, number.into());
        }
        let flags = [SYN, SYN | ACK, ACK][usize::from(number.min(2))];
        let mut packet = self.packet(sender, flags, 0, state, number.into());
        if flags & SYN != 0 {
            packet.seq = packet.seq.wrapping_sub(1);
        }
        if flags == SYN {
            (packet.ack, packet.stamps.1) = (0, 0);
        }
        packet
    }

    /// The same two ends over IPv4 and TCP, without timestamps, to the port of HTTPS.
    pub(crate) fn over_tls(self) -> Facts {
        Facts {
            v6: false,
            udp: false,
            stamps: false,
            ports: (self.ports.0, 443),
            ..self
        }
    }

    /// `sender` says `payload` bytes.
    pub(crate) fn says(
        &self,
        state: &mut State,
        sender: Sender,
        payload: u16,
        ip_id: u16,
    ) -> Packet {
        let packet = self.packet(sender, PSH_ACK, payload, state, ip_id);
        let sent = &mut state.sent[sender as usize];
        *sent = sent.wrapping_add(payload.into());
        packet
    }

    /// The next turn of the conversation.
    pub(crate) fn next(&self, shape: &Shape, state: &mut State, ip_id: u16, time: i64) -> Packet {
        let turns = shape.mix.turns();
        if !state.begun {
            (state.turn, state.begun) = (self.first_turn, true);
            // What the opening left.
            state.tick(self, Sender::Originator, START);
            state.tick(self, Sender::Responder, START);
        }
        let (sender, size) = turns[usize::from(state.turn)];
        state.turn = (state.turn + 1) % turns.len() as u8;
        state.tick(self, sender, time);
        let headers = self.headers(false);
        let payload = match size {
            Size::Medium => MEDIUM - headers,
            Size::Large => LARGE - headers,
            Size::Nothing | Size::Tiny if self.udp => 18,
            Size::Nothing => 0,
            Size::Tiny => TINY,
        };
        let flags = if payload > 0 { PSH_ACK } else { ACK };
        let packet = self.packet(sender, flags, payload, state, ip_id);
        state.sent[sender as usize] = state.sent[sender as usize].wrapping_add(payload.into());
        packet
    }
}

impl State {
    /// The sender's timestamp clock: milliseconds (RFC 7323 section 5.4), from another zero on each side.
    fn tick(&mut self, facts: &Facts, sender: Sender, time: i64) {
        let zero = [facts.first_seq.1, facts.first_seq.0][sender as usize];
        self.stamp[sender as usize] = zero.wrapping_add((time / 1_000_000) as u32);
    }
}

/// Writes into a frame, front to back.
struct Writer<'a> {
    frame: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(slot) = self.frame.get_mut(self.at..end) {
            slot.copy_from_slice(bytes);
        }
        self.at = end;
    }
    fn be16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }
    fn be32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }
}

impl Packet {
    /// Where its payload begins in the frame.
    pub(crate) fn payload_at(&self) -> usize {
        self.facts.headers(self.flags & SYN != 0).into()
    }

    /// Writes the headers. The payload stays what it was. Transport checksums are left out, as before a NIC fills them in.
    pub(crate) fn write(&self, frame: &mut [u8]) {
        let facts = &self.facts;
        let syn = self.flags & SYN != 0;
        let length = facts.headers(syn) + self.payload;
        let swap = self.sender == Sender::Responder;
        let order = |a, b| if swap { (b, a) } else { (a, b) };
        let (source, destination) = order(facts.originator, facts.responder);
        let (source_port, destination_port) =
            order(u32::from(facts.ports.0), u32::from(facts.ports.1));
        let protocol = if facts.udp { 17 } else { 6 };
        let mut w = Writer { frame, at: 0 };
        w.bytes(&[
            2,
            0,
            0,
            0,
            0,
            2 - u8::from(swap),
            2,
            0,
            0,
            0,
            0,
            1 + u8::from(swap),
        ]);
        if facts.v6 {
            w.be16(0x86dd);
            w.be32(0x6000_0000);
            w.be16(length - 54);
            w.bytes(&[protocol, 64]);
            for address in [source, destination] {
                w.be32(0x2001_0db8);
                w.be32(address.rotate_left(9));
                w.be32(0);
                w.be32(address);
            }
        } else {
            w.be16(0x0800);
            let start = w.at;
            w.be16(0x4500);
            w.be16(length - 14);
            w.be16(self.ip_id);
            w.be16(0x4000);
            w.bytes(&[64, protocol]);
            w.be16(0);
            w.be32(source);
            w.be32(destination);
            let sum = internet_checksum(w.frame.get(start..start + 20).unwrap_or_default());
            if let Some(slot) = w.frame.get_mut(start + 10..start + 12) {
                slot.copy_from_slice(&sum.to_be_bytes());
            }
        }
        w.be16(source_port as u16);
        w.be16(destination_port as u16);
        if facts.udp {
            w.be16(8 + self.payload);
            w.be16(0);
            return;
        }
        let options: u8 = match (syn, facts.stamps) {
            (true, true) => 20,
            (true, false) | (false, true) => 12,
            (false, false) => 0,
        };
        w.be32(self.seq);
        w.be32(self.ack);
        w.bytes(&[(20 + options) << 2, self.flags]);
        w.be16(self.window);
        w.be32(0);
        if syn {
            // MSS 1460, SACK permitted, window scale 7, padded.
            w.bytes(&[2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7]);
        }
        if facts.stamps {
            if !syn {
                w.be16(0x0101);
            }
            w.bytes(&[8, 10]);
            w.be32(self.stamps.0);
            w.be32(self.stamps.1);
        } else if syn {
            w.be16(0);
        }
    }
}

/// RFC 1071.
pub(crate) fn internet_checksum(bytes: &[u8]) -> u16 {
    let mut sum = bytes
        .chunks_exact(2)
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum::<u32>();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Fills the transport checksum of a frame that [`Packet::write`] wrote, as a NIC would.
pub(crate) fn fill_checksum(frame: &mut [u8]) {
    let v4 = frame[12] == 0x08;
    let (addresses, protocol, transport) = if v4 {
        (26..34, frame[23], 34)
    } else {
        (22..54, frame[20], 54)
    };
    // Where the IP packet ends: padding behind it is in no checksum.
    let length = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    let end = if v4 { 14 + length(16) } else { 54 + length(18) };
    let field = transport + if protocol == 6 { 16 } else { 6 };
    frame[field..field + 2].fill(0);
    let part = |bytes: &[u8]| u32::from(!internet_checksum(bytes));
    let payload = &frame[transport..end];
    let odd = payload.len() % 2;
    let mut sum = part(&frame[addresses])
        + part(&payload[..payload.len() - odd])
        + u32::from(protocol)
        + (end - transport) as u32;
    if odd == 1 {
        sum += u32::from(payload[payload.len() - 1]) << 8;
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    // UDP: zero means none (RFC 768).
    let sum = match !(sum as u16) {
        0 => 0xffff,
        sum => sum,
    };
    frame[field..field + 2].copy_from_slice(&sum.to_be_bytes());
}
