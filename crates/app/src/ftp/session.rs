//! The course of a connection for commands.

use std::collections::VecDeque;
use std::net::IpAddr;

use portreeve_record::Head;
use portreeve_record::app::ftp::{DataChannel, Ftp};
use portreeve_record::app::software::Software;

use super::{channel, path};
use crate::talk::{command, reply};
use crate::text::text;
use crate::{Context, Peer, Want, registry};

/// The longest line.
const MAX_LINE: usize = 4096;
/// The longest name of a user, or password of a guest, as in Zeek.
const MAX_USER: usize = 128;
/// The most commands without reply, as in Zeek.
const MAX_PENDING: usize = 20;

/// Commands that are logged; the others say nothing of files.
const LOGGED: [&str; 10] = [
    "APPE", "DELE", "RETR", "STOR", "STOU", "ACCT", "PORT", "PASV", "EPRT", "EPSV",
];
/// Of these, those whose argument is a file.
const OF_FILES: [&str; 5] = ["APPE", "DELE", "RETR", "STOR", "STOU"];
/// Names of users who are anybody: what they give as password is none.
const GUESTS: [&str; 4] = ["anonymous", "ftp", "ftpuser", "guest"];
const HIDDEN: &str = "<hidden>";

/// A command on the way, or the last that was answered.
#[derive(Debug)]
struct Command {
    head: Head,
    word: Box<str>,
    argument: Box<str>,
    code: Option<u16>,
    message: Option<Box<str>>,
    size: Option<u64>,
    channel: Option<DataChannel>,
    /// When a reply came last.
    replied: Option<i64>,
    /// Whether its last reply has come.
    answered: bool,
}

/// A session of FTP.
#[derive(Debug)]
pub(super) struct Session {
    commands: VecDeque<Command>,
    user: Option<Box<str>>,
    password: Option<Box<str>>,
    folder: Box<str>,
    greeted: bool,
}

impl Default for Session {
    fn default() -> Self {
        Session {
            commands: VecDeque::new(),
            user: None,
            password: None,
            folder: ".".into(),
            greeted: false,
        }
    }
}

impl crate::Session for Session {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(MAX_LINE)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        match peer {
            Peer::Client => self.command(unit, context),
            Peer::Server => self.reply(unit, context),
        }
        Want::Line(MAX_LINE)
    }

    fn gap(&mut self, _: Peer, _: &[u8], _: u64, context: &mut Context<'_>) -> Want {
        // Which reply is to which command is not known any more.
        self.write_all(context);
        Want::Line(MAX_LINE)
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        if !rest.is_empty() {
            let _ = self.unit(peer, rest, context);
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.write_all(context);
    }
}

/// The ends of the connection: client, server.
fn ends(head: &Head, context: &Context<'_>) -> [IpAddr; 2] {
    if context.client_is_orig() {
        [head.orig_h, head.resp_h]
    } else {
        [head.resp_h, head.orig_h]
    }
}

impl Session {
    fn command(&mut self, unit: &[u8], context: &mut Context<'_>) {
        self.write_answered(context);
        let (word, argument) = command(unit);
        if word.is_empty() {
            return;
        }
        if self.commands.len() >= MAX_PENDING {
            context.weird("FTP_too_many_pending_commands");
            return;
        }
        let word = text(word).to_ascii_uppercase().into_boxed_str();
        let short = || text(argument.get(..MAX_USER).unwrap_or(argument));
        let head = context.head(context.now());
        let [client, server] = ends(&head, context);
        let mut channel = None;
        let argument = match &*word {
            "USER" => {
                self.user = Some(short());
                text(argument)
            }
            "PASS" => {
                let guest = self.user.as_deref().is_some_and(is_guest);
                self.password = Some(if guest { short() } else { HIDDEN.into() });
                HIDDEN.into()
            }
            "ACCT" => HIDDEN.into(),
            "CLNT" if !argument.is_empty() => {
                // The output side finds out whether that is news.
                context.emit(Software {
                    head,
                    host: client,
                    software_type: "FTP::CLIENT",
                    unparsed_version: short(),
                    ..Software::default()
                });
                text(argument)
            }
            "PORT" | "EPRT" => {
                let argument = text(argument);
                let to = if &*word == "PORT" {
                    channel::six(&argument)
                } else {
                    channel::extended(&argument).map(|(to, port)| (to.unwrap_or(client), port))
                };
                channel = to.map(|(resp_h, resp_p)| DataChannel {
                    passive: false,
                    orig_h: server,
                    resp_h,
                    resp_p,
                });
                argument
            }
            _ => text(argument),
        };
        self.commands.push_back(Command {
            head,
            word,
            argument,
            code: None,
            message: None,
            size: None,
            channel,
            replied: None,
            answered: false,
        });
    }

    fn reply(&mut self, unit: &[u8], context: &mut Context<'_>) {
        let Some(reply) = reply(unit) else {
            return;
        };
        if !self.greeted && matches!(reply.code, 120 | 220) {
            self.greeted = !reply.goes_on && reply.code == 220;
            return;
        }
        self.greeted = true;
        let Some(command) = self.commands.iter_mut().find(|command| !command.answered) else {
            return;
        };
        let message = text(reply.text);
        if !reply.goes_on {
            let [client, server] = ends(&command.head, context);
            match (&*command.word, reply.code) {
                ("RETR", 150) => command.size = announced(&message),
                ("SIZE", 213) => command.size = last_number(&message),
                ("PASV" | "EPSV", 227 | 229) => {
                    let to = if reply.code == 227 {
                        channel::six(&message)
                    } else {
                        channel::extended(&message).map(|(to, port)| (to.unwrap_or(server), port))
                    };
                    command.channel = to.map(|(resp_h, resp_p)| DataChannel {
                        passive: true,
                        orig_h: client,
                        resp_h,
                        resp_p,
                    });
                }
                ("CWD", 250) => self.folder = path::join(&self.folder, &command.argument).into(),
                ("CDUP", 200 | 250) => self.folder = path::join(&self.folder, "..").into(),
                ("PWD" | "XPWD", 257) => {
                    if let Some(folder) = path::quoted(&message) {
                        self.folder = folder.into();
                    }
                }
                ("AUTH", 234) => match registry::by_name("ssl") {
                    Some(ssl) => context.hand_over(ssl),
                    None => context.done(),
                },
                _ => {}
            }
            // 100 to 199: another reply to the same command follows.
            command.answered = reply.code >= 200;
        }
        command.replied = Some(context.now());
        command.code = Some(reply.code);
        command.message = Some(message);
        if self.commands.len() > 1 {
            self.write_answered(context);
        }
    }

    /// Writes the commands that were answered.
    fn write_answered(&mut self, context: &mut Context<'_>) {
        while self
            .commands
            .front()
            .is_some_and(|command| command.answered)
        {
            if let Some(command) = self.commands.pop_front() {
                self.write(command, context);
            }
        }
    }

    fn write_all(&mut self, context: &mut Context<'_>) {
        while let Some(command) = self.commands.pop_front() {
            self.write(command, context);
        }
    }

    fn write(&self, command: Command, context: &mut Context<'_>) {
        let word = &*command.word;
        if !LOGGED.contains(&word) {
            return;
        }
        let arg = if OF_FILES.contains(&word) {
            let [_, server] = ends(&command.head, context);
            Some(url(server, &path::join(&self.folder, &command.argument)))
        } else {
            Some(command.argument).filter(|argument| !argument.is_empty())
        };
        context.emit(Ftp {
            head: command.head,
            user: self.user.clone(),
            password: self.password.clone(),
            command: command.word,
            arg,
            file_size: command.size,
            reply_code: command.code,
            reply_msg: command.message,
            data_channel: command.channel,
            replied: command.replied,
            fuid: None,
            mime_type: None,
        });
    }
}

fn is_guest(user: &str) -> bool {
    GUESTS.iter().any(|guest| guest.eq_ignore_ascii_case(user))
}

fn url(server: IpAddr, path: &str) -> Box<str> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    match server {
        IpAddr::V4(server) => format!("ftp://{server}{slash}{path}"),
        IpAddr::V6(server) => format!("ftp://[{server}]{slash}{path}"),
    }
    .into()
}

/// The size that a server announces in its own words: `for a.txt (77 bytes)`. Other numbers are part of a name, or of a size in other units.
fn announced(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let (before, _) = text.rsplit_once(" byte")?;
    let front = before.trim_end_matches(|c: char| c.is_ascii_digit());
    if front.ends_with(|c: char| c.is_alphanumeric() || ".,".contains(c)) {
        return None;
    }
    before.get(front.len()..)?.parse().ok()
}

/// The last number in a text.
fn last_number(text: &str) -> Option<u64> {
    text.split(|c: char| !c.is_ascii_digit())
        .rfind(|number| !number.is_empty())?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_what_is_said_in_bytes() {
        let opening = "Opening BINARY mode data connection for";
        assert_eq!(announced(&format!("{opening} a.txt (77 bytes).")), Some(77));
        assert_eq!(
            announced(&format!("{opening} 9 bytes.txt (1 Byte)")),
            Some(1)
        );
        assert_eq!(announced("12.3 kbytes to download"), None);
        assert_eq!(announced("12.3 bytes"), None);
        assert_eq!(announced("1,234 bytes"), None);
        assert_eq!(announced("of 99999999999999999999 bytes"), None);
        assert_eq!(announced(&format!("{opening} \"/y2024.txt\"")), None);
        assert_eq!(announced(" bytes"), None);
        assert_eq!(last_number("77"), Some(77));
    }
}
