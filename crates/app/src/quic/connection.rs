//! One connection, from its client's first packet on.

use portreeve_record::app::quic::Quic as Record;

use super::crypto::message;
use super::frame::{Frame, Frames};
use super::google;
use super::packet::{Long, MAX_ID};
use super::protection::Keys;
use super::tls::Hellos;
use super::version::{Generation, Version};
use crate::pieces::Pieces;
use crate::text::{hexadecimal, lower, text};
use crate::{Context, Peer};

/// The most letters of a history: as many as Zeek's.
const MAX_HISTORY: usize = 100;

/// The types of messages that a handshake begins with (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// A connection identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Id {
    bytes: [u8; MAX_ID],
    len: u8,
}

impl Id {
    fn new(id: &[u8]) -> Id {
        let mut new = Id::default();
        for (to, from) in new.bytes.iter_mut().zip(id) {
            *to = *from;
            new.len += 1;
        }
        new
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }

    fn text(&self) -> Box<str> {
        hexadecimal(self.bytes()).into()
    }
}

/// Keys, and the version that they are for.
#[derive(Debug)]
struct Versioned {
    version: Version,
    keys: Keys,
}

/// What is known of one peer.
#[derive(Debug, Default)]
struct Side {
    keys: Option<Versioned>,
    crypto: Pieces,
    /// How far its handshake was read.
    read: usize,
    /// Its hello was read, or there is none to come.
    done: bool,
    scid: Option<Id>,
    /// Packets with a short header.
    short: u32,
}

/// What came of an Initial packet.
pub(super) enum Opened {
    /// Its frames.
    Frames(Vec<u8>),
    /// What it tells is known, or cannot be: the client's first packet was not seen.
    NotNeeded,
    /// It is not what the keys protect.
    Failed,
    /// It begins another connection: its frames, and the client's keys.
    Other(Vec<u8>, Box<Keys>),
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    ts: i64,
    version: Version,
    /// Client and server.
    sides: [Side; 2],
    /// What Zeek logs: the client's first name for the server, in whatever packet.
    first_dcid: Option<Id>,
    /// What the keys are made of: the same, in the first Initial packet.
    initial_dcid: Option<Id>,
    /// The last name that was tried as the first of another connection.
    tried: Option<Id>,
    server_name: Option<Box<str>>,
    protocol: Option<Box<str>>,
    user_agent: Option<Box<str>>,
    history: String,
    opened: u32,
    /// It is one of Google's, and its hello was read: nothing more can be had.
    google_done: bool,
}

impl Connection {
    /// One whose first packet came at `ts`.
    pub(super) fn new(version: Version, ts: i64) -> Connection {
        Connection {
            ts,
            version,
            sides: Default::default(),
            first_dcid: None,
            initial_dcid: None,
            tried: None,
            server_name: None,
            protocol: None,
            user_agent: None,
            history: String::new(),
            opened: 0,
            google_done: false,
        }
    }

    /// The version of its first packet.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Whether it is sure that this is QUIC.
    pub(super) fn is_sure(&self) -> bool {
        self.opened > 0
    }

    /// Whether all is known that there is to know: both hellos, and that both are done with the handshake.
    pub(super) fn has_all(&self) -> bool {
        self.google_done || self.sides.iter().all(|side| side.done && side.short > 0)
    }

    /// Adds to the history: a capital, if it is the client's.
    pub(super) fn letter(&mut self, peer: Peer, letter: char) {
        if self.history.len() < MAX_HISTORY {
            self.history.push(match peer {
                Peer::Client => letter.to_ascii_uppercase(),
                Peer::Server => letter,
            });
        }
    }

    /// Notes the names that the peers give each other.
    pub(super) fn identifiers(&mut self, peer: Peer, long: &Long<'_>) {
        if peer == Peer::Client && self.first_dcid.is_none() && !long.dcid.is_empty() {
            self.first_dcid = Some(Id::new(long.dcid));
        }
        self.side(peer).scid = Some(Id::new(long.scid));
    }

    /// A packet with a short header: the 1st, 2nd, 4th, 8th … are noted.
    pub(super) fn short(&mut self, peer: Peer) {
        let side = self.side(peer);
        side.short = side.short.saturating_add(1);
        if side.short.is_power_of_two() {
            self.letter(peer, 'o');
        }
    }

    /// Bytes that are no packet: noted, once it is sure that this is QUIC.
    pub(super) fn discarded(&mut self, peer: Peer) {
        if self.opened > 0 {
            self.letter(peer, 'x');
        }
    }

    /// It begins with this packet of the client's, which these keys opened.
    pub(super) fn begin(&mut self, long: &Long<'_>, keys: Keys) {
        self.initial_dcid = Some(Id::new(long.dcid));
        let version = long.version;
        self.side(Peer::Client).keys = Some(Versioned { version, keys });
        self.opened = 1;
    }

    fn side(&mut self, peer: Peer) -> &mut Side {
        let [client, server] = &mut self.sides;
        match peer {
            Peer::Client => client,
            Peer::Server => server,
        }
    }

    /// Opens an Initial packet, if what is in it may be of use.
    pub(super) fn open(
        &mut self,
        peer: Peer,
        long: &Long<'_>,
        packet: &[u8],
        number_at: usize,
    ) -> Opened {
        // Cut off where it was captured.
        if packet.is_empty() {
            return Opened::NotNeeded;
        }
        let dcid = Id::new(long.dcid);
        let known = self.initial_dcid;
        let initial = match (known, peer) {
            (Some(initial), _) => initial,
            (None, Peer::Client) => *self.initial_dcid.insert(dcid),
            (None, Peer::Server) => return Opened::NotNeeded,
        };
        let may_be_other = peer == Peer::Client
            && dcid != initial
            && self.side(Peer::Server).scid != Some(dcid)
            && self.tried != Some(dcid);
        let done = self.side(peer).done;
        if done && !may_be_other {
            return Opened::NotNeeded;
        }
        if !done
            && let Some(keys) = self.keys(peer, long.version, &initial)
            && let Some(frames) = keys.open(packet, number_at)
        {
            self.opened += 1;
            return Opened::Frames(frames);
        }
        if !may_be_other {
            return Opened::Failed;
        }
        self.tried = Some(dcid);
        let Some(keys) = Keys::derive(long.version, long.dcid, Peer::Client) else {
            return Opened::Failed;
        };
        match keys.open(packet, number_at) {
            Some(frames) if self.opened > 0 => Opened::Other(frames, Box::new(keys)),
            Some(frames) => {
                self.begin(long, keys);
                Opened::Frames(frames)
            }
            // Once the handshake goes on the server is called by a name of its own, which was not seen.
            None if done => Opened::NotNeeded,
            None => Opened::Failed,
        }
    }

    /// The keys of `peer`'s packets, made once. Where a server takes up another version than the client began with (RFC 9368), they are made again.
    fn keys(&mut self, peer: Peer, version: Version, initial: &Id) -> Option<&Keys> {
        let keys = &mut self.side(peer).keys;
        if keys.as_ref().is_none_or(|keys| keys.version != version) {
            *keys = Some(Versioned {
                version,
                keys: Keys::derive(version, initial.bytes(), peer)?,
            });
        }
        keys.as_ref().map(|keys| &keys.keys)
    }

    /// Reads the frames of an opened packet. Whether one of them ends the connection.
    pub(super) fn frames(
        &mut self,
        peer: Peer,
        frames: &[u8],
        version: Version,
        hellos: &mut Hellos,
        context: &mut Context<'_>,
    ) -> bool {
        let mut more = false;
        let mut closed = false;
        for frame in Frames::of(frames, version.has_google_frames()) {
            match frame {
                Frame::Crypto { offset, data } => {
                    more |= self.side(peer).crypto.take(offset, data);
                }
                Frame::Close => closed = true,
            }
        }
        if more && version.generation() == Some(Generation::GoogleCrypto) {
            self.google_crypto(peer);
        } else if more {
            self.messages(peer, hellos, context);
        }
        closed
    }

    /// Reads the messages of a handshake that are whole by now.
    fn messages(&mut self, peer: Peer, hellos: &mut Hellos, context: &mut Context<'_>) {
        let side = self.side(peer);
        let crypto = std::mem::take(&mut side.crypto);
        let mut read = side.read;
        let mut done = side.done;
        while !done && let Some((kind, body, next)) = message(crypto.ready(), read) {
            read = next;
            done = match (peer, kind) {
                (Peer::Client, CLIENT_HELLO) => {
                    if let Some(hello) = hellos.client(body, context) {
                        self.server_name = hello.server_name.map(lower);
                        self.protocol = hello.alpn.clone().next().map(text);
                    }
                    self.letter(peer, 's');
                    true
                }
                (Peer::Server, SERVER_HELLO) => {
                    let last = hellos.server(body, context);
                    self.letter(peer, 's');
                    last
                }
                _ => true,
            };
        }
        let side = self.side(peer);
        side.read = read;
        side.done = done;
        if !done {
            side.crypto = crypto;
        }
    }

    fn google_crypto(&mut self, peer: Peer) {
        let crypto = std::mem::take(&mut self.side(peer).crypto);
        self.google(peer, crypto.ready());
        self.side(peer).crypto = crypto;
    }

    /// Looks for Google's own hello in what `peer` sent. Whether nothing more is needed.
    pub(super) fn google(&mut self, peer: Peer, frames: &[u8]) -> bool {
        let hello = match peer {
            Peer::Client => google::hello(frames),
            Peer::Server => None,
        };
        if let Some(hello) = hello
            && let Some(name) = google::value(hello, *b"SNI\0")
        {
            self.server_name = Some(lower(name));
            self.user_agent = google::value(hello, *b"UAID").map(text);
            self.letter(peer, 's');
            self.google_done = true;
        }
        self.google_done
    }

    /// Its record.
    pub(super) fn record(&mut self, context: &Context<'_>) -> Record {
        let scid = |side: &Side| side.scid.map(|id| id.text());
        let [client, server] = &self.sides;
        Record {
            head: context.head(self.ts),
            version: self.version.0,
            client_initial_dcid: self.first_dcid.map(|id| id.text()),
            client_scid: scid(client),
            server_scid: scid(server),
            server_name: self.server_name.take(),
            client_protocol: self.protocol.take(),
            history: std::mem::take(&mut self.history).into(),
            user_agent: self.user_agent.take(),
        }
    }
}
