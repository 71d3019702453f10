//! One message.

use std::net::Ipv4Addr;

use crate::bytes::Reader;

const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Room for a hardware address.
const CHADDR: usize = 16;
const SERVER_NAME_AND_FILE: usize = 64 + 128;

const PAD: u8 = 0;
const END: u8 = 255;

/// A message: what stands at fixed places, and its options.
pub(super) struct Message<'a> {
    pub(super) from_client: bool,
    pub(super) xid: u32,
    pub(super) yiaddr: Ipv4Addr,
    pub(super) giaddr: Ipv4Addr,
    pub(super) chaddr: &'a [u8],
    options: &'a [u8],
}

impl<'a> Message<'a> {
    /// A message with the magic number, or nothing.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut reader = Reader::new(bytes);
        let [operation, _, address_len, _] = reader.array()?;
        if !matches!(operation, 1 | 2) || usize::from(address_len) > CHADDR {
            return None;
        }
        let xid = reader.u32()?;
        // Seconds, flags, the address the client has.
        reader.take(8)?;
        let yiaddr = reader.u32()?.into();
        // The next server.
        reader.take(4)?;
        let giaddr = reader.u32()?.into();
        let chaddr = reader.take(CHADDR)?;
        reader.take(SERVER_NAME_AND_FILE)?;
        (reader.array()? == MAGIC).then_some(Message {
            from_client: operation == 1,
            xid,
            yiaddr,
            giaddr,
            chaddr,
            options: reader.rest(),
        })
    }

    /// The options, code and value, as far as they are whole.
    pub(super) fn options(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.options);
        std::iter::from_fn(move || {
            loop {
                match reader.u8()? {
                    PAD => {}
                    END => return None,
                    code => return Some((code, reader.vec8()?)),
                }
            }
        })
    }
}

/// The name of a type of message, as Zeek has it.
pub(super) fn type_name(number: u8) -> Box<str> {
    const NAMES: [&str; 18] = [
        "DISCOVER",
        "OFFER",
        "REQUEST",
        "DECLINE",
        "ACK",
        "NAK",
        "RELEASE",
        "INFORM",
        "FORCERENEW",
        "LEASEQUERY",
        "LEASEUNASSIGNED",
        "LEASEUNKNOWN",
        "LEASEACTIVE",
        "BULKLEASEQUERY",
        "LEASEQUERYDONE",
        "ACTIVELEASEQUERY",
        "LEASEQUERYSTATUS",
        "TLS",
    ];
    match NAMES.get(usize::from(number).wrapping_sub(1)) {
        Some(&name) => name.into(),
        None => format!("unknown-message-type-{number}").into(),
    }
}
