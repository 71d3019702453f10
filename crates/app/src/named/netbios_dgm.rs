//! `NetBIOS`' datagrams (RFC 1002 section 4.4): announcements of Windows' network neighbourhood, mostly. Known by their kind, their flags, and the names of sender
//! and receiver, each 32 letters from A to P.

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// `NetBIOS`' datagrams.
pub(crate) static NETBIOS_DGM: Protocol = Protocol {
    name: "netbios-dgm",
    transports: Transports::Udp,
    ports: PORTS,
    detect,
    session: super::session,
};

const PORTS: &[u16] = &[138];
/// To one host, to a group, to all.
const DIRECT_UNIQUE: u8 = 0x10;
const BROADCAST: u8 = 0x12;
const ERROR: u8 = 0x13;
/// What is asked of a server of datagrams, and its two answers.
const QUERY: u8 = 0x14;
const NEGATIVE: u8 = 0x16;
/// The lower four bits: kind of node, first, more.
const FLAGS: u8 = 0x0f;
/// Error codes (section 4.4.3).
const FIRST_CODE: u8 = 0x82;
const LAST_CODE: u8 = 0x84;
/// Bytes of an encoded name, behind its length.
const NAME: u8 = 32;

fn detect(probe: &Probe<'_>) -> Verdict {
    for bytes in [probe.orig, probe.resp] {
        if is_datagram(bytes, probe.on(PORTS)).is_some() {
            return Verdict::Yes(Peer::Client);
        }
    }
    Verdict::No
}

fn is_datagram(bytes: &[u8], on_port: bool) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let (kind, flags) = (reader.u8()?, reader.u8()?);
    let (_id, _address, _port) = (reader.u16()?, reader.u32()?, reader.u16()?);
    let fits = flags & !FLAGS == 0
        && match kind {
            DIRECT_UNIQUE..=BROADCAST => {
                let (_len, _offset) = (reader.u16()?, reader.u16()?);
                name(&mut reader)?;
                name(&mut reader)?;
                true
            }
            // Without a name its port is a part of the mark.
            ERROR => {
                on_port && (FIRST_CODE..=LAST_CODE).contains(&reader.u8()?) && reader.is_empty()
            }
            QUERY..=NEGATIVE => {
                name(&mut reader)?;
                reader.is_empty()
            }
            _ => false,
        };
    fits.then_some(())
}

/// A name, with the scope behind it: labels up to an empty one.
fn name(reader: &mut Reader<'_>) -> Option<()> {
    if reader.u8()? != NAME {
        return None;
    }
    let letters = reader.take(NAME.into())?;
    if !letters.iter().all(|letter| (b'A'..=b'P').contains(letter)) {
        return None;
    }
    loop {
        match reader.u8()? {
            0 => return Some(()),
            len => reader.take(len.into())?,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transport;
    use crate::testing::Play;

    fn letters(scope: &[u8]) -> Vec<u8> {
        let mut name = vec![NAME];
        name.extend(b"FHEPFCELEHFCEPFFFACACACACACACABO");
        name.extend(scope);
        name.push(0);
        name
    }

    fn beginning(kind: u8) -> Vec<u8> {
        vec![kind, 0x0a, 0, 1, 10, 0, 0, 1, 0, 138]
    }

    fn service(port: u16, bytes: &[u8]) -> Option<&'static str> {
        let mut play = Play::new(Transport::Udp, port, port);
        play.orig(bytes);
        play.finish().service
    }

    #[test]
    fn names_are_the_mark() {
        let whole = [
            beginning(BROADCAST),
            vec![0, 90, 0, 0],
            letters(b""),
            letters(b"\x05scope"),
            b"\xffSMB".to_vec(),
        ]
        .concat();
        let asked = [beginning(QUERY), letters(b"")].concat();
        for bytes in [&whole, &asked] {
            assert_eq!(service(138, bytes), Some("netbios-dgm"));
            assert_eq!(service(6000, bytes), Some("netbios-dgm"));
            for len in 0..asked.len() {
                assert_eq!(service(138, &bytes[..len]), None, "{len}");
            }
            // Kind, flags, length of a name, a letter.
            let at = bytes.iter().position(|byte| *byte == NAME).unwrap();
            for (at, byte) in [(0, 0x17), (1, 0x1a), (at, 31), (at + 9, b'Q')] {
                let mut other = bytes.clone();
                other[at] = byte;
                assert_eq!(service(138, &other), None, "{at}");
            }
        }
        let failed = [beginning(ERROR), vec![FIRST_CODE]].concat();
        assert_eq!(service(138, &failed), Some("netbios-dgm"));
        assert_eq!(service(6000, &failed), None);
    }
}
