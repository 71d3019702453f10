//! The course of a connection.

use portreeve_record::app::irc::Irc;

use super::message::Message;
use crate::text::text;
use crate::{Context, Peer, Want, registry};

/// The longest line: RFC 2812 says 512 bytes, tags add to it.
const MAX_LINE: usize = 4096;
/// The most channels of one command.
const MAX_CHANNELS: usize = 32;
/// "STARTTLS successful, proceed with TLS handshake".
const TLS: &[u8] = b"670";
/// The mark around what is said to a client, not to a person.
const MARK: u8 = 1;

/// A session of IRC.
#[derive(Default)]
pub(super) struct Session {
    nick: Option<Box<str>>,
    user: Option<Box<str>>,
}

impl crate::Session for Session {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(MAX_LINE)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let message = Message::of(unit);
        let mut arguments = message.arguments();
        if message.command.eq_ignore_ascii_case(b"PRIVMSG") {
            if let (Some(to), Some(said)) = (arguments.next(), arguments.next()) {
                self.said(to, said, context);
            }
        } else if peer == Peer::Client {
            self.command(message, context);
        } else if message.command == TLS {
            match registry::by_name("ssl") {
                Some(ssl) => context.hand_over(ssl),
                None => context.done(),
            }
        }
        Want::Line(MAX_LINE)
    }

    fn gap(&mut self, _: Peer, _: &[u8], _: u64, _: &mut Context<'_>) -> Want {
        Want::Line(MAX_LINE)
    }
}

impl Session {
    fn command(&mut self, message: Message<'_>, context: &mut Context<'_>) {
        let mut arguments = message.arguments();
        let Some(first) = arguments.next() else {
            return;
        };
        if message.command.eq_ignore_ascii_case(b"NICK") {
            let nick = Some(text(first));
            self.emit("NICK", nick.clone(), None, context);
            self.nick = nick;
        } else if message.command.eq_ignore_ascii_case(b"USER") {
            let user = Some(text(first));
            let rest: Vec<_> = arguments.map(text).collect();
            self.emit("USER", user.clone(), Some(rest.join(" ").into()), context);
            self.user = user;
        } else if message.command.eq_ignore_ascii_case(b"JOIN") {
            let mut keys = arguments
                .next()
                .unwrap_or_default()
                .split(|&byte| byte == b',');
            for channel in first.split(|&byte| byte == b',').take(MAX_CHANNELS) {
                let locked = keys.next().is_some_and(|key| !key.is_empty());
                let addl = if locked {
                    " with channel key: '<hidden>'"
                } else {
                    ""
                };
                self.emit("JOIN", Some(text(channel)), Some(addl.into()), context);
            }
        }
    }

    /// A message to somebody: of interest if it offers a file, `DCC SEND name address port size`.
    fn said(&self, to: &[u8], said: &[u8], context: &mut Context<'_>) {
        let Some(said) = said
            .strip_prefix(&[MARK])
            .and_then(|said| said.strip_prefix(b"DCC SEND "))
        else {
            return;
        };
        let said = text(said.strip_suffix(&[MARK]).unwrap_or(said));
        // The name may have blanks in it, then it stands in quotes.
        let (name, rest) = match said.strip_prefix('"').and_then(|said| said.split_once('"')) {
            Some((name, rest)) => (name, rest.trim_start()),
            None => said.split_once(' ').unwrap_or((&said, "")),
        };
        let size = rest.split(' ').nth(2).and_then(|size| size.parse().ok());
        context.emit(Irc {
            head: context.head(context.now()),
            nick: self.nick.clone(),
            user: self.user.clone(),
            command: "DCC",
            value: Some(text(to)),
            addl: None,
            dcc_file_name: Some(name.into()),
            dcc_file_size: size,
        });
    }

    fn emit(
        &self,
        command: &'static str,
        value: Option<Box<str>>,
        addl: Option<Box<str>>,
        context: &mut Context<'_>,
    ) {
        context.emit(Irc {
            head: context.head(context.now()),
            nick: self.nick.clone(),
            user: self.user.clone(),
            command,
            value,
            addl,
            ..Irc::default()
        });
    }
}
