//! A flow's requests and responses.

use portreeve_record::app::dnp3::Dnp3 as Record;

use super::frame::{HEADER, Header, function};
use crate::bytes::Reader;
use crate::context::Context;
use crate::protocol::{Peer, Session, Transport, Want};

#[derive(Default)]
pub(super) struct Dnp3 {
    /// Whether the next unit is data, by peer.
    in_data: [bool; 2],
    /// A request without its response.
    open: Option<Box<Record>>,
}

impl Session for Dnp3 {
    fn start(&mut self, _: Peer) -> Want {
        Want::Bytes(HEADER)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if context.transport() == Transport::Udp {
            self.datagram(unit, context);
            return Want::Any;
        }
        let in_data = &mut self.in_data[peer.index()];
        if std::mem::take(in_data) {
            self.data(unit, context);
            return Want::Bytes(HEADER);
        }
        match Header::parse(unit) {
            Some(Header { rest: 0, .. }) => Want::Bytes(HEADER),
            Some(header) => {
                *in_data = true;
                Want::Bytes(header.rest)
            }
            None => {
                context.weird("dnp3_corrupt_header_checksum");
                Want::Nothing
            }
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        if let Some(open) = self.open.take() {
            context.emit(*open);
        }
    }
}

impl Dnp3 {
    fn datagram(&mut self, unit: &[u8], context: &mut Context<'_>) {
        let mut reader = Reader::new(unit);
        while let Some(header) = reader.take(HEADER).and_then(Header::parse) {
            let Some(data) = reader.take(header.rest) else {
                break;
            };
            self.data(data, context);
        }
        if !reader.is_empty() {
            context.weird("dnp3_header_lacks_magic");
        }
    }

    fn data(&mut self, data: &[u8], context: &mut Context<'_>) {
        let Some((code, iin)) = function(data) else {
            return;
        };
        let record = self.open.get_or_insert_default();
        record.head = context.head(context.now());
        if iin.is_none() {
            record.fc_request = Some(code);
            return;
        }
        record.fc_reply = Some(code);
        record.iin = iin;
        if let Some(record) = self.open.take() {
            context.emit(*record);
        }
    }
}
