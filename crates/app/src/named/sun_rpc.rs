//! Remote calls of ONC (RFC 5531 section 9) to the port mapper, the mount service and NFS, each by its program's number.

use crate::bytes::Reader;
use crate::protocol::{Probe, Protocol, Transport, Transports, Verdict};

/// The port mapper.
pub(crate) static PORTMAPPER: Protocol = Protocol {
    name: "portmapper",
    transports: Transports::Both,
    ports: &[111],
    detect: |probe| detect(probe, 100_000),
    session: super::session,
};

/// NFS.
pub(crate) static NFS: Protocol = Protocol {
    name: "nfs",
    transports: Transports::Both,
    ports: &[2049],
    detect: |probe| detect(probe, 100_003),
    session: super::session,
};

/// The service that hands out what may be mounted.
pub(crate) static MOUNT: Protocol = Protocol {
    name: "mount",
    transports: Transports::Both,
    ports: &[],
    detect: |probe| detect(probe, 100_005),
    session: super::session,
};

const CALL: u32 = 0;
const RPC_VERSION: u32 = 2;
/// The bytes of a call that are looked at, its mark of a record over TCP included.
const HEADER: usize = 24;
/// Over TCP: the longest record that a connection begins with.
const MAX_RECORD: u32 = 1 << 20;

fn detect(probe: &Probe<'_>, program: u32) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        if call(bytes, probe.transport) == Some(program) {
            return Verdict::Yes(peer);
        }
        // The mark of a last piece: its highest bit, and a length below 16 MiB.
        more |= probe.transport == Transport::Tcp
            && (1..HEADER).contains(&bytes.len())
            && bytes.first() == Some(&0x80);
    }
    if more { Verdict::More } else { Verdict::No }
}

/// The program that is called.
fn call(bytes: &[u8], transport: Transport) -> Option<u32> {
    let mut reader = Reader::new(bytes);
    if transport == Transport::Tcp {
        let mark = reader.u32()?;
        if mark >> 31 == 0 || mark & 0x7fff_ffff > MAX_RECORD {
            return None;
        }
    }
    reader.u32()?;
    let (kind, version) = (reader.u32()?, reader.u32()?);
    let program = reader.u32()?;
    let program_version = reader.u32()?;
    (kind == CALL && version == RPC_VERSION && program_version <= 8).then_some(program)
}
