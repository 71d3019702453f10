//! What is known of a conversation over QUIC.

use super::connection::{Connection, Opened};
use super::packet::{Kind, Long, Packet, Packets};
use super::tls::Hellos;
use crate::{Context, Peer, Session, Want};

/// The most datagrams that are looked at. A handshake takes some ten; more come where the client sends data before it is done.
const MAX_DATAGRAMS: u16 = 64;
/// The most packets that may turn out not to be what the keys protect.
const MAX_FAILURES: u8 = 8;

/// A conversation over QUIC.
#[derive(Debug, Default)]
pub(super) struct Quic {
    /// The connection at hand. A Retry, a negotiation, and a close end one; on the same ports there may be another.
    connection: Option<Box<Connection>>,
    /// There was one before it.
    written: bool,
    hellos: Hellos,
    datagrams: u16,
    failures: u8,
}

impl Session for Quic {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, peer: Peer, datagram: &[u8], context: &mut Context<'_>) -> Want {
        self.datagrams += 1;
        let sure = self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.is_sure());
        for packet in Packets::of(datagram, sure) {
            self.packet(peer, packet, context);
        }
        let enough = self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.has_all());
        if enough || self.datagrams >= MAX_DATAGRAMS || self.failures >= MAX_FAILURES {
            context.done();
        }
        Want::Any
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.write(context);
        self.hellos.write(context);
    }
}

impl Quic {
    fn packet(&mut self, peer: Peer, packet: Packet<'_>, context: &mut Context<'_>) {
        match packet {
            Packet::Long(long) => self.long(peer, &long, context),
            Packet::Short => {
                if let Some(connection) = &mut self.connection {
                    connection.short(peer);
                }
            }
            Packet::Discarded => {
                if let Some(connection) = &mut self.connection {
                    connection.discarded(peer);
                }
            }
        }
    }

    fn long(&mut self, peer: Peer, long: &Long<'_>, context: &mut Context<'_>) {
        let known = long.version.generation().is_some();
        let refused = |connection: &Connection| connection.version().generation().is_none();
        if known && self.connection.as_deref().is_some_and(refused) {
            self.write(context);
        }
        let answer = matches!(long.kind, Kind::Retry | Kind::VersionNegotiation);
        if answer && self.connection.is_none() && self.written {
            // The answer to what was answered already.
            return;
        }
        let connection = self
            .connection
            .get_or_insert_with(|| Box::new(Connection::new(long.version, context.now())));
        match long.kind {
            Kind::Initial { packet, number_at } => {
                self.initial(peer, long, packet, number_at, context);
            }
            Kind::ZeroRtt => {
                connection.letter(peer, 'z');
                connection.identifiers(peer, long);
            }
            Kind::Handshake => {
                connection.letter(peer, 'h');
                connection.identifiers(peer, long);
            }
            Kind::Retry => {
                connection.letter(peer, 'r');
                self.write(context);
            }
            Kind::VersionNegotiation => {
                connection.letter(peer, 'u');
                self.write(context);
            }
            Kind::Unknown => {
                connection.letter(peer, 'u');
                connection.identifiers(peer, long);
            }
            Kind::Clear(frames) => {
                connection.letter(peer, 'i');
                connection.identifiers(peer, long);
                if connection.google(peer, frames) {
                    context.done();
                }
            }
        }
    }

    /// Opens an Initial packet, if it may be of use, and reads what is in it.
    fn initial(
        &mut self,
        peer: Peer,
        long: &Long<'_>,
        packet: &[u8],
        number_at: usize,
        context: &mut Context<'_>,
    ) {
        let opened = match &mut self.connection {
            Some(connection) => connection.open(peer, long, packet, number_at),
            None => Opened::NotNeeded,
        };
        let frames = match opened {
            Opened::Frames(frames) => frames,
            Opened::NotNeeded => Vec::new(),
            Opened::Failed => {
                self.failures += 1;
                Vec::new()
            }
            Opened::Other(frames, keys) => {
                // The client has begun anew on the same ports.
                self.write(context);
                let mut other = Box::new(Connection::new(long.version, context.now()));
                other.begin(long, *keys);
                self.connection = Some(other);
                frames
            }
        };
        let Some(connection) = &mut self.connection else {
            return;
        };
        let known = long.version.generation().is_some();
        connection.letter(peer, if known { 'i' } else { 'u' });
        connection.identifiers(peer, long);
        if connection.frames(peer, &frames, long.version, &mut self.hellos, context) {
            connection.letter(peer, 'c');
            self.write(context);
        }
    }

    /// Writes the record of the connection at hand, which is over with that.
    fn write(&mut self, context: &mut Context<'_>) {
        if let Some(mut connection) = self.connection.take() {
            let record = connection.record(context);
            context.emit(record);
            self.written = true;
        }
    }
}
