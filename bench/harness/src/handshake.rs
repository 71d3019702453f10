//! Made-up conversations over TLS 1.3: a handshake, then encrypted data in small packets.

use std::io;

use portreeve_floor::Packets;

use crate::flow::{Facts, State};
use crate::random::Random;
use crate::shape::{Mix, Popularity, Sender, Shape};
use crate::traffic::START;

use Sender::{Originator, Responder};

/// Payload of a packet of data, bytes: what a frame of 64 bytes holds.
const DATA: u16 = 6;
/// Payload of a full segment.
const SEGMENT: usize = 1400;
/// Time between two packets, nanoseconds.
const STEP: i64 = 67;

/// How clients order the extensions of their hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// Always the same way, as most programs do: their fingerprints are seen again and again.
    Listed,
    /// Each time another way, as browsers do: a JA3 that was never seen.
    Shuffled,
}

/// The conversations' packets.
pub struct Handshakes {
    /// SYN to the last segment of the handshake, all conversations going on beside each other.
    pub handshakes: Packets,
    /// The data behind.
    pub data: Packets,
}

/// One segment of a handshake.
struct Step {
    sender: Sender,
    payload: Vec<u8>,
}

impl Handshakes {
    /// Of so many conversations (at most 2^24), `packets` packets each, the handshake's own among them.
    ///
    /// # Errors
    /// What the system said when asked for the memory.
    pub fn new(conversations: u32, packets: u32, order: Extensions) -> io::Result<Handshakes> {
        let shape = Shape {
            mix: Mix::Small,
            popularity: Popularity::Uniform,
            flows: conversations,
            seed: 3,
            partition: 0,
        };
        let steps = steps(0, order);
        let bytes: usize = steps.iter().map(|s| s.payload.len() + 128).sum::<usize>() + 3 * 128;
        let count = conversations as usize;
        let mut out = Handshakes {
            handshakes: Packets::with_capacity(count * (steps.len() + 3), count * bytes)?,
            data: Packets::with_capacity(
                count * packets as usize,
                (count * packets as usize + 1024) * portreeve_floor::SLOT,
            )?,
        };
        let mut states = vec![State::default(); count];
        let mut time = START;
        for number in 0..3 + steps.len() {
            for flow in 0..conversations {
                let facts = facts(&shape, flow);
                let state = &mut states[flow as usize];
                let (packet, payload) = if number < 3 {
                    (facts.opening(state, number as u8, START), Vec::new())
                } else {
                    let step = &mut self::steps(flow, order)[number - 3];
                    let payload = std::mem::take(&mut step.payload);
                    let len = payload.len() as u16;
                    (facts.says(state, step.sender, len, number as u16), payload)
                };
                time += STEP;
                out.handshakes
                    .push(packet.wire, packet.wire, time, |bytes| {
                        bytes.fill(0);
                        packet.write(bytes);
                        let at = packet.payload_at();
                        if let Some(slot) = bytes.get_mut(at..at + payload.len()) {
                            slot.copy_from_slice(&payload);
                        }
                    });
            }
        }
        let rest = packets.saturating_sub(3 + steps.len() as u32) as usize;
        let mut order: Vec<u32> = (0..count * rest).map(|n| (n % count) as u32).collect();
        let mut random = Random::new(shape.seed);
        for last in (1..order.len()).rev() {
            order.swap(last, random.below(last as u64 + 1) as usize);
        }
        for (number, flow) in order.into_iter().enumerate() {
            let facts = facts(&shape, flow);
            let sender = if random.below(4) == 0 {
                Originator
            } else {
                Responder
            };
            let packet = facts.says(&mut states[flow as usize], sender, DATA, number as u16);
            time += STEP;
            out.data
                .push(packet.wire, packet.wire, time, |bytes| packet.write(bytes));
        }
        Ok(out)
    }
}

/// TCP over IPv4 to the port of HTTPS.
fn facts(shape: &Shape, flow: u32) -> Facts {
    Facts::of(shape, flow).over_tls()
}

/// What is said behind the three-way handshake (RFC 8446 section 2), cut into segments.
fn steps(flow: u32, order: Extensions) -> Vec<Step> {
    let mut steps = vec![Step {
        sender: Originator,
        payload: client_hello(flow, order),
    }];
    let mut answer = server_hello(flow);
    answer.extend([20, 3, 3, 0, 1, 1]);
    // Encrypted extensions, certificates of usual size, Finished.
    answer.extend(record(23, &[0x5a; 3500]));
    for segment in answer.chunks(SEGMENT) {
        steps.push(Step {
            sender: Responder,
            payload: segment.to_vec(),
        });
    }
    let mut finished = vec![20, 3, 3, 0, 1, 1];
    finished.extend(record(23, &[0xa5; 53]));
    steps.push(Step {
        sender: Originator,
        payload: finished,
    });
    steps
}

fn record(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend((bytes.len() as u16).to_be_bytes());
    record.extend(bytes);
    record
}

/// A message of the handshake in a record.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    record(22, &message)
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut extension = kind.to_be_bytes().to_vec();
    extension.extend((body.len() as u16).to_be_bytes());
    extension.extend(body);
    extension
}

/// What a browser's looks like: sixteen cipher suites, a dozen extensions, filled up to 517 bytes (RFC 7685).
fn client_hello(flow: u32, order: Extensions) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([0x11; 28]);
    body.extend(flow.to_be_bytes());
    body.push(32);
    body.extend([0x22; 32]);
    let ciphers: [u16; 16] = [
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
        0x009c, 0x009d, 0x002f, 0x0035, 0x000a,
    ];
    body.extend((ciphers.len() as u16 * 2).to_be_bytes());
    ciphers
        .iter()
        .for_each(|cipher| body.extend(cipher.to_be_bytes()));
    body.extend([1, 0]);
    let host = format!("host-{flow:08x}.example.com");
    let mut name = ((host.len() + 3) as u16).to_be_bytes().to_vec();
    name.push(0);
    name.extend((host.len() as u16).to_be_bytes());
    name.extend(host.as_bytes());
    let mut share = vec![0, 36, 0, 29, 0, 32];
    share.extend([0x33; 32]);
    let mut all = [
        extension(0, &name),
        extension(23, &[]),
        extension(0xff01, &[0]),
        extension(10, &[0, 6, 0, 29, 0, 23, 0, 24]),
        extension(11, &[1, 0]),
        extension(35, &[]),
        extension(16, b"\0\x0c\x02h2\x08http/1.1"),
        extension(5, &[1, 0, 0, 0, 0]),
        extension(13, &[0, 8, 4, 3, 8, 4, 4, 1, 8, 5]),
        extension(51, &share),
        extension(45, &[1, 1]),
        extension(43, &[4, 3, 4, 3, 3]),
    ];
    if order == Extensions::Shuffled {
        let mut random = Random::new(u64::from(flow));
        for last in (1..all.len()).rev() {
            all.swap(last, random.below(last as u64 + 1) as usize);
        }
    }
    let mut extensions = all.concat();
    let so_far = body.len() + 2 + extensions.len() + 4 + 9;
    extensions.extend(extension(21, &vec![0; 517usize.saturating_sub(so_far)]));
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    message(1, &body)
}

fn server_hello(flow: u32) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([0x44; 28]);
    body.extend(flow.to_be_bytes());
    body.push(32);
    body.extend([0x22; 32]);
    body.extend([0x13, 0x01, 0]);
    let mut share = vec![0, 29, 0, 32];
    share.extend([0x55; 32]);
    let mut extensions = extension(51, &share);
    extensions.extend(extension(43, &[3, 4]));
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    message(2, &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;

    #[test]
    fn every_handshake_is_read_and_the_data_behind_it_is_not() {
        let made = Handshakes::new(100, 50, Extensions::Shuffled).unwrap();
        let mut subject = Subject::new(4 << 20).unwrap().with_applications(4 << 20);
        subject.pass::<false>(&made.handshakes);
        let seen = subject.conversations();
        assert_eq!((seen.opened, seen.recognised, seen.open), (100, 100, 0));
        assert_eq!(seen.records, 100);
        subject.pass::<false>(&made.data);
        assert_eq!(subject.conversations(), seen);
        let packets = made.handshakes.descriptors().len() + made.data.descriptors().len();
        assert_eq!(packets, 5000);
        assert_eq!(subject.undecoded(), 0);
    }
}
