//! The course of a connection up to the proxy's answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_record::app::socks::{Place, Socks};
use portreeve_record::app::tunnel::TunnelType;

use crate::text::text;
use crate::{Context, MAX_UNIT, Peer, Reader, Want};

/// The longest name of a user or a host in version 4.
const MAX_NAME: usize = 255;
/// Not to be looked at before the server has spoken: kept.
const HOLD: Want = Want::Bytes(MAX_UNIT);
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;

/// What is expected next of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    /// Version, and how many methods there are or, in version 4, the command. Of the server: its choice, or its answer in version 4.
    #[default]
    First,
    Methods,
    /// The rest of version 4's request.
    Old,
    OldUser,
    OldHost,
    /// The name's length, the name and the password's length, the password.
    UserLength,
    User,
    Password,
    /// The server's word on them.
    Login,
    /// Version, command or answer, kind of address, and its first byte.
    Start,
    /// The rest of the address, and the port.
    Address {
        kind: u8,
        first: u8,
    },
    Held,
}

/// A session of SOCKS.
#[derive(Default)]
pub(super) struct Session {
    expects: [Expects; 2],
    began: bool,
    command: u8,
    name: Vec<u8>,
    record: Box<Socks>,
}

impl crate::Session for Session {
    fn start(&mut self, peer: Peer) -> Want {
        match peer {
            Peer::Client => Want::Bytes(2),
            // Which version it answers in is known from the client.
            Peer::Server => HOLD,
        }
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if !self.began {
            self.began = true;
            self.record.head = context.head(context.now());
        }
        match peer {
            Peer::Client => self.client(unit, context),
            Peer::Server => self.server(unit, context),
        }
        .unwrap_or_else(|| {
            context.done();
            Want::Nothing
        })
    }

    fn skipped(&mut self, peer: Peer, _: &mut Context<'_>) -> Want {
        // The password has gone by.
        self.expects[peer.index()] = Expects::Held;
        HOLD
    }

    fn end(&mut self, context: &mut Context<'_>) {
        if self.began && self.record.version != 0 {
            context.emit(std::mem::take(&mut *self.record));
        }
    }
}

impl Session {
    fn expect(&mut self, peer: Peer, expects: Expects, want: Want) -> Option<Want> {
        self.expects[peer.index()] = expects;
        Some(want)
    }

    fn client(&mut self, unit: &[u8], context: &mut Context<'_>) -> Option<Want> {
        let mut reader = Reader::new(unit);
        let client = Peer::Client;
        match self.expects[0] {
            Expects::First => {
                let (version, second) = (reader.u8()?, reader.u8()?);
                self.record.version = version;
                if version == 4 {
                    self.command = second;
                    context.want(Peer::Server, Want::Bytes(8));
                    return self.expect(client, Expects::Old, Want::Bytes(6));
                }
                context.want(Peer::Server, Want::Bytes(2));
                self.expect(client, Expects::Methods, Want::Bytes(second.into()))
            }
            Expects::Methods => self.expect(client, Expects::Held, HOLD),
            Expects::Old => {
                self.record.request.port = Some(reader.u16()?);
                let address: [u8; 4] = reader.array()?;
                self.record.request.host = Some(Ipv4Addr::from(address).into());
                self.expect(client, Expects::OldUser, Want::Bytes(1))
            }
            Expects::OldUser | Expects::OldHost => self.old_name(reader.u8()?),
            Expects::UserLength => {
                let (_version, len) = (reader.u8()?, reader.u8()?);
                self.expect(client, Expects::User, Want::Bytes(usize::from(len) + 1))
            }
            Expects::User => {
                let (len, name) = unit.split_last()?;
                self.record.user = Some(text(name));
                self.expect(client, Expects::Password, Want::Skip((*len).into()))
            }
            Expects::Start => {
                let (_version, command, _) = (reader.u8()?, reader.u8()?, reader.u8()?);
                self.command = command;
                self.start_of_address(client, reader)
            }
            Expects::Address { kind, first } => {
                self.record.request = place(kind, first, unit)?;
                context.want(Peer::Server, Want::Bytes(5));
                self.expects[1] = Expects::Start;
                self.expect(client, Expects::Held, HOLD)
            }
            Expects::Password | Expects::Login | Expects::Held => None,
        }
    }

    /// A byte of version 4's names: the user, and the host if the address is 0.0.0.x.
    fn old_name(&mut self, byte: u8) -> Option<Want> {
        if byte != 0 {
            self.name.push(byte);
            return (self.name.len() <= MAX_NAME).then_some(Want::Bytes(1));
        }
        let name = Some(std::mem::take(&mut self.name)).filter(|name| !name.is_empty());
        let name = name.map(|name| text(&name));
        if self.expects[0] == Expects::OldUser {
            self.record.user = name;
            if let Some(IpAddr::V4(address)) = self.record.request.host
                && let [0, 0, 0, 1..=255] = address.octets()
            {
                self.record.request.host = None;
                return self.expect(Peer::Client, Expects::OldHost, Want::Bytes(1));
            }
        } else {
            self.record.request.name = name;
        }
        self.expect(Peer::Client, Expects::Held, HOLD)
    }

    fn server(&mut self, unit: &[u8], context: &mut Context<'_>) -> Option<Want> {
        let mut reader = Reader::new(unit);
        let server = Peer::Server;
        match self.expects[1] {
            Expects::First if self.record.version == 4 => {
                let (_zero, answer) = (reader.u8()?, reader.u8()?);
                self.record.status = Some(old_status(answer));
                self.record.bound.port = Some(reader.u16()?);
                let address: [u8; 4] = reader.array()?;
                self.record.bound.host = Some(Ipv4Addr::from(address).into());
                self.answered(answer == 0x5a, context)
            }
            Expects::First => {
                let (_version, method) = (reader.u8()?, reader.u8()?);
                match method {
                    0 => self.expects[0] = Expects::Start,
                    PASSWORD => self.expects[0] = Expects::UserLength,
                    _ => return None,
                }
                let (next, ahead) = if method == PASSWORD {
                    (
                        Want::Bytes(2),
                        self.expect(server, Expects::Login, Want::Bytes(2)),
                    )
                } else {
                    (Want::Bytes(5), self.expect(server, Expects::Held, HOLD))
                };
                context.want(Peer::Client, next);
                ahead
            }
            Expects::Login => {
                let (_version, status) = (reader.u8()?, reader.u8()?);
                self.record.status = Some(status_text(status));
                if status != 0 {
                    return None;
                }
                self.expects[0] = Expects::Start;
                context.want(Peer::Client, Want::Bytes(5));
                self.expect(server, Expects::Held, HOLD)
            }
            Expects::Start => {
                let (_version, answer, _) = (reader.u8()?, reader.u8()?, reader.u8()?);
                self.record.status = Some(status_text(answer));
                self.start_of_address(server, reader)
            }
            Expects::Address { kind, first } => {
                self.record.bound = place(kind, first, unit)?;
                let good = self.record.status == Some(status_text(0));
                self.answered(good, context)
            }
            _ => None,
        }
    }

    fn start_of_address(&mut self, peer: Peer, mut reader: Reader<'_>) -> Option<Want> {
        let (kind, first) = (reader.u8()?, reader.u8()?);
        let rest = match kind {
            1 => 5,
            3 => usize::from(first) + 2,
            4 => 17,
            _ => return None,
        };
        self.expect(peer, Expects::Address { kind, first }, Want::Bytes(rest))
    }

    /// The proxy has answered: what is behind a good answer to `CONNECT` is something else.
    fn answered(&mut self, good: bool, context: &mut Context<'_>) -> Option<Want> {
        if !good || self.command != CONNECT {
            return None;
        }
        context.tunnel(TunnelType::Socks);
        context.detect_again();
        Some(Want::Nothing)
    }
}

/// The rest of an address whose first byte, or length, was read before, and a port.
fn place(kind: u8, first: u8, unit: &[u8]) -> Option<Place> {
    let (rest, port) = unit.split_last_chunk::<2>()?;
    let mut place = Place {
        port: Some(u16::from_be_bytes(*port)),
        ..Place::default()
    };
    match (kind, rest) {
        (1, &[b, c, d]) => place.host = Some(Ipv4Addr::new(first, b, c, d).into()),
        (4, rest) => {
            let mut all = [first; 16];
            all.get_mut(1..)?.copy_from_slice(rest.get(..15)?);
            place.host = Some(Ipv6Addr::from(all).into());
        }
        (_, name) => place.name = Some(text(name)),
    }
    Some(place)
}

/// RFC 1928 section 6, in Zeek's words.
fn status_text(answer: u8) -> &'static str {
    match answer {
        0 => "succeeded",
        1 => "general SOCKS server failure",
        2 => "connection not allowed by ruleset",
        3 => "Network unreachable",
        4 => "Host unreachable",
        5 => "Connection refused",
        6 => "TTL expired",
        7 => "Command not supported",
        8 => "Address type not supported",
        _ => "unknown",
    }
}

fn old_status(answer: u8) -> &'static str {
    match answer {
        0x5a => "succeeded",
        0x5b => "general SOCKS server failure",
        0x5c => "request failed because client is not running identd",
        0x5d => {
            "request failed because client's identd could not confirm the user ID string in the request"
        }
        _ => "unknown",
    }
}
