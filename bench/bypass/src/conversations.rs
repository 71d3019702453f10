//! The traffic: healthy TCP conversations, each packet a frame of 64 bytes (60 and the FCS, which no virtual device carries).
//!
//! Each conversation goes round four turns: the originator sends 6 bytes, the responder acknowledges, the responder sends 6 bytes, the originator
//! acknowledges. Numbers advance, so nothing is a retransmission however long it goes on. A packet takes a template and six stores: the generator has
//! 67 ns for it at 10 GbE's rate, and has to have time to spare. What a port refuses is lost, but its conversation has not gone on: no trial meets TCP that an
//! earlier one has damaged.
//!
//! Conversations take turns. The receiver's table places them by a hash, so that to it this is the order with the least locality there is: a
//! conversation comes up again when all others have.

/// Bytes of a frame, without FCS.
pub const FRAME: usize = 60;
/// Bytes that are written: the buffer is longer than a frame.
pub const WRITTEN: usize = 64;
/// Packets that open a conversation.
pub const OPENING: usize = 3;
/// TCP bytes that a frame with data carries.
const PAYLOAD: u32 = 6;
const ETHERNET: usize = 14;

/// One conversation: 28 bytes, in the order in which they are used.
#[derive(Clone, Copy)]
struct Conversation {
    /// Addresses of originator and responder, as on the wire.
    addresses: [u32; 2],
    /// Ports, as on the wire: the source's first, if the originator sends.
    ports: [u16; 2],
    /// The IPv4 header's checksum with data and without.
    sums: [u16; 2],
    /// The next sequence numbers.
    next: [u32; 2],
    turn: u32,
}

/// Conversations, and which is next.
pub struct Conversations {
    all: Vec<Conversation>,
    at: usize,
}

/// Who sends (0: the originator), and whether data.
const TURNS: [(usize, bool); 4] = [(0, true), (1, false), (1, true), (0, false)];
const TEMPLATES: [[u8; WRITTEN]; 4] = [
    template(TURNS[0].0, 46, 0x18),
    template(TURNS[1].0, 40, 0x10),
    template(TURNS[2].0, 46, 0x18),
    template(TURNS[3].0, 40, 0x10),
];
const OPENINGS: [[u8; WRITTEN]; OPENING] = [
    template(0, 40, 0x02),
    template(1, 40, 0x12),
    template(0, 40, 0x10),
];

const fn template(sender: usize, length: u8, flags: u8) -> [u8; WRITTEN] {
    let mut frame = [0u8; WRITTEN];
    // Locally administered addresses, 1 and 2.
    (frame[0], frame[5]) = (2, 2 - sender as u8);
    (frame[6], frame[11]) = (2, 1 + sender as u8);
    frame[12] = 0x08;
    (frame[14], frame[17], frame[20], frame[22], frame[23]) = (0x45, length, 0x40, 64, 6);
    (frame[46], frame[47], frame[48], frame[49]) = (0x50, flags, 0x01, 0xf5);
    frame
}

/// Spreads bits over all of the word (splitmix64's end).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

impl Conversation {
    fn new(number: u32) -> Conversation {
        let bits = mixed(number.into());
        let originator = 0x0a00_0000 | number & 0x00ff_ffff;
        let responder = 0xac10_0000 | bits as u32 & 0x000f_ffff;
        let mut conversation = Conversation {
            addresses: [originator.to_be(), responder.to_be()],
            ports: [
                (32768 + (bits >> 32) as u16 % 28_000).to_be(),
                443u16.to_be(),
            ],
            sums: [0; 2],
            next: [mixed(bits) as u32, (mixed(bits) >> 32) as u32],
            turn: bits.count_ones() % 2 * 2,
        };
        for (sum, turn) in [(0, 0), (1, 1)] {
            let mut header = TEMPLATES[turn];
            header[26..30].copy_from_slice(&originator.to_be_bytes());
            header[30..34].copy_from_slice(&responder.to_be_bytes());
            conversation.sums[sum] = checksum(&header[ETHERNET..34]);
        }
        conversation
    }

    /// Writes a packet of `sender` into `frame`.
    #[inline(always)]
    fn write(
        &self,
        frame: &mut [u8; WRITTEN],
        template: &[u8; WRITTEN],
        sender: usize,
        data: bool,
    ) {
        let (own, other) = (sender & 1, 1 - (sender & 1));
        *frame = *template;
        frame[24..26].copy_from_slice(&self.sums[usize::from(!data)].to_ne_bytes());
        frame[26..30].copy_from_slice(&self.addresses[own].to_ne_bytes());
        frame[30..34].copy_from_slice(&self.addresses[other].to_ne_bytes());
        frame[34..36].copy_from_slice(&self.ports[own].to_ne_bytes());
        frame[36..38].copy_from_slice(&self.ports[other].to_ne_bytes());
        frame[38..42].copy_from_slice(&self.next[own].to_be_bytes());
        frame[42..46].copy_from_slice(&self.next[other].to_be_bytes());
    }
}

/// RFC 1071, in the order of the wire.
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2);
    let sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    (!((sum & 0xffff) + (sum >> 16)) as u16).to_be()
}

impl Conversations {
    /// So many; at most 2^24.
    #[must_use]
    pub fn new(count: u32) -> Conversations {
        Conversations {
            all: (0..count.max(1)).map(Conversation::new).collect(),
            at: 0,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Writes a packet that opens a conversation: SYN, SYN ACK, ACK.
    pub fn open(&mut self, conversation: usize, step: usize, frame: &mut [u8; WRITTEN]) {
        let (Some(of), Some(template)) = (self.all.get_mut(conversation), OPENINGS.get(step))
        else {
            return;
        };
        let sender = step % 2;
        of.write(frame, template, sender, false);
        if step == 0 {
            // Nothing to acknowledge yet.
            frame[42..46].fill(0);
        }
        if step < 2 {
            of.next[sender] = of.next[sender].wrapping_add(1);
        }
    }

    /// Writes the next packet of the next conversation.
    #[inline(always)]
    pub fn next(&mut self, frame: &mut [u8; WRITTEN]) {
        let Some(of) = self.all.get_mut(self.at) else {
            return;
        };
        let turn = (of.turn & 3) as usize;
        let (sender, data) = TURNS[turn];
        of.write(frame, &TEMPLATES[turn], sender, data);
        of.turn = of.turn.wrapping_add(1);
        if data {
            of.next[sender] = of.next[sender].wrapping_add(PAYLOAD);
        }
        self.at += 1;
        if self.at == self.all.len() {
            self.at = 0;
        }
    }

    /// Undoes so many calls of [`next`](Self::next), which nobody saw the packets of: conversations stay whole.
    #[cold]
    pub fn back(&mut self, packets: usize) {
        for _ in 0..packets {
            self.at = self.at.checked_sub(1).unwrap_or(self.all.len() - 1);
            let Some(of) = self.all.get_mut(self.at) else {
                return;
            };
            of.turn = of.turn.wrapping_sub(1);
            let (sender, data) = TURNS[(of.turn & 3) as usize];
            if data {
                of.next[sender] = of.next[sender].wrapping_sub(PAYLOAD);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(frame: &[u8], at: usize) -> u32 {
        u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
    }

    #[test]
    fn numbers_go_on_from_the_handshake_and_headers_are_whole() {
        let mut conversations = Conversations::new(5);
        let mut frame = [0u8; WRITTEN];
        // What each end of each conversation sends next, by its address.
        let mut next = std::collections::BTreeMap::new();
        for conversation in 0..5 {
            for step in 0..OPENING {
                conversations.open(conversation, step, &mut frame);
                let advance = u32::from(frame[47] & 2 != 0);
                next.insert(number(&frame, 26), number(&frame, 38).wrapping_add(advance));
            }
        }
        for _ in 0..100 {
            conversations.next(&mut frame);
            let (source, destination) = (number(&frame, 26), number(&frame, 30));
            assert_eq!(next[&source], number(&frame, 38));
            assert_eq!(next[&destination], number(&frame, 42));
            // 40 bytes are headers.
            let sent = u32::from(frame[17]) - 40;
            next.insert(source, next[&source].wrapping_add(sent));
            assert_eq!(checksum(&frame[ETHERNET..34]), 0);
        }
    }

    #[test]
    fn what_nobody_saw_comes_again() {
        let mut conversations = Conversations::new(3);
        let take = |conversations: &mut Conversations| {
            let mut frame = [0u8; WRITTEN];
            conversations.next(&mut frame);
            frame
        };
        for _ in 0..7 {
            take(&mut conversations);
        }
        let first: Vec<_> = (0..8).map(|_| take(&mut conversations)).collect();
        conversations.back(8);
        let again: Vec<_> = (0..8).map(|_| take(&mut conversations)).collect();
        assert!(first == again);
    }
}
