//! The course of a connection.

use portreeve_record::app::mysql::Mysql;
use portreeve_record::app::software::Software;

use super::command;
use crate::text::{MAX_TEXT, text};
use crate::{Context, Peer, Reader, Want, registry};

/// Bytes of a packet's header.
const HEADER: usize = 4;
/// The most of an answer that is looked at.
const MAX_ANSWER: usize = 1024;
/// The most of a greeting that is looked at: its version is in it.
const MAX_GREETING: usize = 128;
/// The versions of the protocol.
const PROTOCOLS: [u8; 2] = [9, 10];
/// What a client wants: TLS, the packets compressed, the protocol since 4.1.
const SSL: u32 = 0x800;
const COMPRESS: u32 = 0x20;
const PROTOCOL_41: u32 = 0x200;
/// Queries begin with the number of their attributes, and a 1.
const QUERY_ATTRIBUTES: u32 = 1 << 27;
/// What an answer begins with.
const OK: u8 = 0;
const EOF: u8 = 0xfe;
const ERROR: u8 = 0xff;

/// The part of a packet that is expected next of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Header,
    /// The beginning of the content, and so many bytes behind it that are not looked at.
    Content { number: u8, rest: u32 },
}

/// A session of MySQL.
#[derive(Default)]
pub(super) struct Session {
    expects: [Expects; 2],
    /// Whether the client said who it is.
    logged_in: bool,
    compressed: bool,
    attributes: bool,
    /// The command that has no answer yet.
    pending: Option<Box<Mysql>>,
}

impl crate::Session for Session {
    fn start(&mut self, _: Peer) -> Want {
        Want::Bytes(HEADER)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let at = peer.index();
        match self.expects[at] {
            Expects::Header => {
                let mut reader = Reader::new(unit);
                let Some([a, b, c, number]) = reader.array() else {
                    return Want::Nothing;
                };
                let len = u32::from_le_bytes([a, b, c, 0]);
                let looked = match peer {
                    Peer::Client if number == 0 || !self.logged_in => MAX_TEXT + 1,
                    Peer::Server if self.is_asked(number) => MAX_ANSWER,
                    Peer::Server if number == 0 && !self.logged_in => MAX_GREETING,
                    _ => 0,
                };
                let looked = looked.min(len as usize);
                if looked == 0 {
                    return Want::Skip(len.into());
                }
                let rest = len - looked as u32;
                self.expects[at] = Expects::Content { number, rest };
                Want::Bytes(looked)
            }
            Expects::Content { number, rest } => {
                self.expects[at] = Expects::Header;
                match peer {
                    Peer::Client if !self.logged_in => self.login(unit, context),
                    Peer::Client => self.command(number, unit, context),
                    Peer::Server if number == 0 && !self.logged_in => greeting(unit, context),
                    Peer::Server => self.answer(unit, context),
                }
                if rest > 0 {
                    Want::Skip(rest.into())
                } else {
                    Want::Bytes(HEADER)
                }
            }
        }
    }

    fn skipped(&mut self, _: Peer, _: &mut Context<'_>) -> Want {
        Want::Bytes(HEADER)
    }

    fn gap(&mut self, _: Peer, _: &[u8], _: u64, context: &mut Context<'_>) -> Want {
        // Packets have no mark to find the next one by.
        context.done();
        Want::Nothing
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.write(context);
    }
}

impl Session {
    /// Whether the server's packet of this number may be the answer that is waited for: the first to a command, any to a proof of who one is.
    fn is_asked(&self, number: u8) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| number == 1 || matches!(pending.cmd, "login" | "change_user"))
    }

    fn write(&mut self, context: &mut Context<'_>) {
        if let Some(record) = self.pending.take() {
            context.emit(*record);
        }
    }

    fn ask(&mut self, cmd: &'static str, arg: Box<str>, context: &mut Context<'_>) {
        self.write(context);
        self.pending = Some(Box::new(Mysql {
            head: context.head(context.now()),
            cmd,
            arg,
            ..Mysql::default()
        }));
    }

    /// The client's answer to the greeting: what it can, and the user's name.
    fn login(&mut self, unit: &[u8], context: &mut Context<'_>) {
        self.logged_in = true;
        let mut reader = Reader::new(unit);
        let mut ahead = reader;
        let Some(low) = ahead.u16_le() else {
            return;
        };
        let mut wants = u32::from(low);
        let before_name = if wants & PROTOCOL_41 != 0 {
            wants = reader.u32_le().unwrap_or(wants);
            // The longest packet, the character set, and what is reserved.
            4 + 1 + 23
        } else {
            let _ = reader.u16_le();
            3
        };
        let _ = reader.take(before_name);
        if wants & SSL != 0 && reader.is_empty() {
            match registry::by_name("ssl") {
                Some(ssl) => context.hand_over(ssl),
                None => context.done(),
            }
            return;
        }
        self.compressed = wants & COMPRESS != 0;
        self.attributes = wants & QUERY_ATTRIBUTES != 0;
        let name = reader
            .rest()
            .split(|&byte| byte == 0)
            .next()
            .unwrap_or_default();
        self.ask("login", text(name), context);
    }

    fn command(&mut self, number: u8, unit: &[u8], context: &mut Context<'_>) {
        let Some((&command, content)) = unit.split_first().filter(|_| number == 0) else {
            return;
        };
        let name = command::name(command);
        // Without attributes the query stands right behind their number.
        let content = match content {
            [0, 1, query @ ..] if self.attributes && name == "query" => query,
            content => content,
        };
        self.ask(name, text(command::argument(name, content)), context);
        if command::unanswered(name) {
            self.write(context);
            if name == "quit" {
                context.done();
            }
        }
    }

    fn answer(&mut self, unit: &[u8], context: &mut Context<'_>) {
        let (Some(pending), Some((&kind, content))) = (&mut self.pending, unit.split_first())
        else {
            return;
        };
        let proving = matches!(pending.cmd, "login" | "change_user");
        match kind {
            OK => {
                pending.success = Some(true);
                pending.rows = Some(number(content).unwrap_or(0));
            }
            ERROR => {
                pending.success = Some(false);
                // The error's number, and since 4.1 a mark and five letters of a state.
                let said = content.get(2..).unwrap_or_default();
                let said = said
                    .strip_prefix(b"#")
                    .and_then(|said| said.get(5..))
                    .unwrap_or(said);
                pending.response = Some(text(said));
            }
            // Another proof is asked for.
            _ if proving => return,
            _ if pending.cmd == "statistics" => {}
            // Rows follow, or there are none.
            EOF | 1.. => {
                pending.success = Some(true);
                pending.rows = Some(0);
            }
        }
        self.write(context);
        if self.compressed {
            context.done();
        }
    }
}

/// The server's first words: the version of the protocol, and its own up to a NUL. The output side finds out whether that is news.
fn greeting(unit: &[u8], context: &mut Context<'_>) {
    let said = unit
        .split_first()
        .filter(|(protocol, _)| PROTOCOLS.contains(protocol))
        .and_then(|(_, behind)| behind.split(|&byte| byte == 0).next())
        .filter(|said| !said.is_empty());
    if let Some(said) = said {
        let head = context.head(context.now());
        let host = if context.client_is_orig() {
            head.resp_h
        } else {
            head.orig_h
        };
        context.emit(Software {
            head,
            host,
            software_type: "MySQL::SERVER",
            unparsed_version: text(said),
            ..Software::default()
        });
    }
}

/// A number of one to nine bytes.
fn number(bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        0xfc => reader.u16_le().map(u64::from),
        0xfd => reader
            .array()
            .map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
        0xfe => reader.u64_le(),
        byte => Some(byte.into()),
    }
}
