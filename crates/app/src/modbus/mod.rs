//! Modbus over TCP: controllers whose registers are read and written.
//!
//! Each message has a header of seven bytes (transaction, a protocol number that is 0, the length of the rest, a unit), a function code, and data, which is not looked at.

#[cfg(test)]
mod tests;

use portreeve_record::app::modbus::Modbus as Record;

use crate::bytes::Reader;
use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};

/// Modbus.
pub static MODBUS: Protocol = Protocol {
    name: "modbus",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: |_| Box::new(Modbus::default()),
};

const PORTS: &[u16] = &[502];
/// The header, and the function code.
const HEADER: usize = 8;
/// The unit and the function code are always there; 254 is the most that a message can be.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=254;
const FAILED: u8 = 0x80;

struct Header {
    tid: u16,
    unit: u8,
    func: u8,
    /// Bytes behind it.
    rest: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Header> {
        let mut reader = Reader::new(bytes);
        let tid = reader.u16()?;
        let protocol = reader.u16()?;
        let len = usize::from(reader.u16()?);
        let [unit, func] = reader.array()?;
        (protocol == 0 && LENGTHS.contains(&len) && func & !FAILED != 0).then(|| Header {
            tid,
            unit,
            func,
            rest: len - 2,
        })
    }
}

/// The protocol number is hardly a mark: the port, and a header that fits.
fn detect(probe: &Probe<'_>) -> Verdict {
    if !probe.on(PORTS) {
        return Verdict::No;
    }
    // The server is where the port is.
    let orig = if PORTS.contains(&probe.resp_p) {
        Peer::Client
    } else {
        Peer::Server
    };
    let mut more = false;
    for (bytes, _) in probe.as_client() {
        if Header::parse(bytes).is_some() {
            return Verdict::Yes(orig);
        }
        let protocol = bytes.iter().skip(2).take(3).all(|&byte| byte == 0);
        more |= bytes.len() < HEADER && !bytes.is_empty() && protocol;
    }
    if more { Verdict::More } else { Verdict::No }
}

#[derive(Default)]
struct Modbus {
    /// A failure of which the reason is to come, by peer.
    failed: [Option<Box<Record>>; 2],
}

impl Session for Modbus {
    fn start(&mut self, _: Peer) -> Want {
        Want::Bytes(HEADER)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if let Some(mut record) = self.failed[peer.index()].take() {
            record.exception = unit.first().copied();
            context.emit(*record);
            return Want::Bytes(HEADER);
        }
        let Some(header) = Header::parse(unit) else {
            context.weird("modbus_malformed");
            return Want::Nothing;
        };
        let record = Record {
            head: context.head(context.now()),
            tid: header.tid,
            unit: header.unit,
            func: header.func,
            request: peer == Peer::Client,
            exception: None,
        };
        if header.func & FAILED != 0 && header.rest > 0 {
            self.failed[peer.index()] = Some(Box::new(record));
            return Want::Bytes(header.rest);
        }
        context.emit(record);
        match header.rest {
            0 => Want::Bytes(HEADER),
            rest => Want::Skip(rest as u64),
        }
    }

    fn skipped(&mut self, _: Peer, _: &mut Context<'_>) -> Want {
        Want::Bytes(HEADER)
    }
}
