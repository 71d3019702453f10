//! DCE/RPC over UDP, connectionless (DCE 1.1: RPC, sections 12.5 and 12.6.2): no binding, each call names its interface. PROFINET's devices are set up by it, and
//! Windows' messenger was called by it.

use portreeve_record::app::dce_rpc::DceRpc;

use super::names;
use super::pdu::Numbers;
use crate::protocol::{Peer, Session, Want};
use crate::{Context, Verdict};

/// Bytes that every datagram begins with.
const HEADER: usize = 80;
const VERSION: u8 = 4;
/// The most calls that are not yet answered.
const MAX_CALLS: usize = 32;

const REQUEST: u8 = 0;
const PING: u8 = 1;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const REJECT: u8 = 6;
const ACK: u8 = 7;
const CANCEL: u8 = 8;
const FRAGMENT_ACK: u8 = 9;
const CANCEL_ACK: u8 = 10;

/// The last fragment of several.
const LAST_FRAGMENT: u8 = 0x02;
/// One fragment of several.
const FRAGMENT: u8 = 0x04;

/// The beginning of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    kind: u8,
    flags: u8,
    interface: u128,
    activity: u128,
    sequence: u32,
    operation: u16,
}

impl Header {
    /// Whether nothing more comes of what it is a part of.
    fn is_last(self) -> bool {
        self.flags & (FRAGMENT | LAST_FRAGMENT) != FRAGMENT
    }
}

/// A header, if `datagram` begins with one, and is as long as that says.
fn header(datagram: &[u8]) -> Option<Header> {
    let (header, body) = datagram.split_at_checked(HEADER)?;
    let &[
        VERSION,
        kind @ REQUEST..=CANCEL_ACK,
        flags,
        more,
        representation,
        0..=3,
        0,
        _,
    ] = header.first_chunk::<8>()?
    else {
        return None;
    };
    // What is reserved is zero, or the sender's own business.
    if flags & 0x80 != 0 || more & !0x03 != 0 || representation & !0x11 != 0 {
        return None;
    }
    let mut numbers = Numbers::new(header.get(8..)?, representation & 0x10 != 0);
    let _object = numbers.uuid()?;
    let (interface, activity) = (numbers.uuid()?, numbers.uuid()?);
    let (_boot_time, _version, sequence) = (numbers.u32()?, numbers.u32()?, numbers.u32()?);
    let operation = numbers.u16()?;
    let (_hint, _activity_hint) = (numbers.u16()?, numbers.u16()?);
    let len = usize::from(numbers.u16()?);
    let _fragment = numbers.u16()?;
    let authenticated = numbers.reader.u8()? != 0;
    // Behind what is authenticated stands the proof.
    let fits = len == body.len() || authenticated && len < body.len();
    let named = activity != 0 && (interface != 0 || kind != REQUEST);
    (fits && named).then_some(Header {
        kind,
        flags,
        interface,
        activity,
        sequence,
        operation,
    })
}

/// Whether this is a datagram of its, and who sends such.
pub(super) fn begins(datagram: &[u8]) -> Verdict {
    match header(datagram).map(|header| header.kind) {
        Some(REQUEST | PING | ACK | CANCEL | FRAGMENT_ACK) => Verdict::Yes(Peer::Client),
        Some(_) => Verdict::Yes(Peer::Server),
        None => Verdict::No,
    }
}

#[derive(Debug)]
struct Call {
    header: Header,
    ts: i64,
}

/// Calls between two ports.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    calls: Vec<Call>,
}

impl Datagrams {
    fn request(&mut self, header: Header, ts: i64) {
        let is_same = |call: &Call| is_same(call, &header);
        if self.calls.iter().any(is_same) {
            return;
        }
        if self.calls.len() >= MAX_CALLS {
            self.calls.remove(0);
        }
        self.calls.push(Call { header, ts });
    }

    /// Takes out the call that this belongs to.
    fn answered(&mut self, header: &Header) -> Option<Call> {
        let at = self.calls.iter().position(|call| is_same(call, header))?;
        Some(self.calls.remove(at))
    }
}

/// Whether a datagram is of this call.
fn is_same(call: &Call, header: &Header) -> bool {
    (call.header.activity, call.header.sequence) == (header.activity, header.sequence)
}

impl Session for Datagrams {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let Some(header) = header(unit) else {
            return Want::Any;
        };
        match header.kind {
            REQUEST => self.request(header, context.now()),
            RESPONSE if header.is_last() => {
                if let Some(call) = self.answered(&header) {
                    write(&call, context);
                }
            }
            FAULT | REJECT => {
                let _ = self.answered(&header);
            }
            _ => {}
        }
        Want::Any
    }
}

fn write(call: &Call, context: &mut Context<'_>) {
    let interface = names::interface(call.header.interface);
    if interface.is_ignored(call.header.operation) {
        return;
    }
    context.emit(DceRpc {
        head: context.head(call.ts),
        rtt: Some(context.now() - call.ts),
        named_pipe: None,
        endpoint: Some(interface.name()),
        operation: Some(interface.operation(call.header.operation)),
    });
}

#[cfg(test)]
mod tests {
    use portreeve_record::{App, Record};

    use super::*;
    use crate::testing::{Outcome, Play};
    use crate::{SESSION_BYTES, Transport};

    const _: () = assert!(size_of::<Datagrams>() <= SESSION_BYTES);

    /// `epmapper`, whose third procedure is `ept_lookup`, in the order of little-endian senders.
    const EPMAPPER: [u8; 16] = [
        0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0, 0x2b, 0x14, 0xa0, 0xfa,
    ];

    fn datagram(kind: u8, flags: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![VERSION, kind, flags, 0, 0x10, 0, 0, 0];
        bytes.extend([0; 16]);
        bytes.extend(EPMAPPER);
        bytes.extend([7; 16]);
        bytes.extend([0; 8]);
        bytes.extend([sequence, 0, 0, 0, 2, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend([body.len() as u8, 0, 0, 0, 0, 0]);
        assert_eq!(bytes.len(), HEADER);
        bytes.extend(body);
        bytes
    }

    fn calls(outcome: &Outcome) -> Vec<String> {
        let calls = outcome.records.iter().map(|record| match record {
            Record::App(App::DceRpc(call)) => format!(
                "{} {} {}",
                call.endpoint.as_deref().unwrap(),
                call.operation.as_deref().unwrap(),
                call.rtt.unwrap() / crate::testing::STEP
            ),
            other => panic!("{other:?}"),
        });
        calls.collect()
    }

    #[test]
    fn calls_and_answers_belong_together_by_activity_and_number() {
        let mut play = Play::new(Transport::Udp, 50_000, 40_000);
        play.orig(&datagram(REQUEST, 0, 1, b"ask"))
            .orig(&datagram(REQUEST, 0, 1, b"ask"))
            .orig(&datagram(REQUEST, 0, 2, b""))
            .resp(&datagram(FAULT, 0, 2, b"fail"))
            .resp(&datagram(RESPONSE, FRAGMENT, 1, b"one"))
            .resp(&datagram(RESPONSE, FRAGMENT | LAST_FRAGMENT, 1, b"two"))
            .resp(&datagram(RESPONSE, 0, 2, b""))
            .resp(&datagram(RESPONSE, 0, 1, b"again"));
        let outcome = play.finish();
        assert_eq!(outcome.service, Some("dce_rpc"));
        assert_eq!(calls(&outcome), ["epmapper ept_lookup 5"]);
    }

    #[test]
    fn the_header_is_the_mark() {
        let good = datagram(REQUEST, 0, 1, b"ask");
        let service = |bytes: &[u8]| {
            let mut play = Play::new(Transport::Udp, 50_000, 40_000);
            play.orig(bytes);
            play.finish().service
        };
        assert_eq!(service(&good), Some("dce_rpc"));
        // Version, kind, flags, representation, interface, length.
        for (at, byte) in [
            (0, 5),
            (1, 11),
            (2, 0x80),
            (3, 4),
            (4, 0x12),
            (5, 4),
            (6, 1),
            (74, 4),
        ] {
            let mut other = good.clone();
            other[at] = byte;
            assert_ne!(service(&other), Some("dce_rpc"), "{at}");
        }
        for len in 0..good.len() {
            assert_ne!(service(&good[..len]), Some("dce_rpc"), "{len}");
        }
        let nothing = [&[VERSION][..], &[0; HEADER - 1]].concat();
        assert_ne!(service(&nothing), Some("dce_rpc"));
    }

    #[test]
    fn calls_that_nobody_answers_are_bounded() {
        let mut play = Play::new(Transport::Udp, 50_000, 40_000);
        for sequence in 0..200 {
            play.orig(&datagram(REQUEST, 0, sequence, b""));
        }
        for sequence in 0..200 {
            play.resp(&datagram(RESPONSE, 0, sequence, b""));
        }
        assert_eq!(calls(&play.finish()).len(), MAX_CALLS);
    }
}
