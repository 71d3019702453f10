//! Commands and replies, paired.

use std::collections::VecDeque;

use portreeve_record::app::redis::Redis;

use super::command::{self, MAX_WORDS, parts};
use super::number;
use super::reply::{Line, Reply};
use crate::text::{MAX_TEXT, line, text};
use crate::{Context, Peer, Want};

/// The longest line that is looked at; of a longer one its beginning is.
const MAX_LINE: usize = 4096;
/// Commands that wait for their replies; when there are more, who answers what is not known.
const MAX_PENDING: usize = 1024;
/// The most that a text may claim to have (`proto-max-bulk-len` of a server).
const MAX_CLAIM: i64 = 512 << 20;
const LINE: Want = Want::Line(MAX_LINE);
/// What a text ends with.
const END: u64 = 2;

/// What comes next of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Line,
    /// The rest of a line that was too long.
    RestOfLine,
    /// A text of so many bytes; so many more are not looked at.
    Text { len: usize, behind: u64 },
}

/// Replies that a client does not want (`CLIENT REPLY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Replies {
    #[default]
    On,
    Off,
    /// Not to the next command.
    SkipNext,
}

struct Pending {
    record: Redis,
    /// Whether there is a reply to it.
    expects: bool,
}

#[derive(Default)]
struct State {
    expects: [Expects; 2],
    /// Words of the command that are still to come.
    words_left: u64,
    words: Vec<Box<[u8]>>,
    pending: VecDeque<Pending>,
    replies: Replies,
    reply: Reply,
    /// The client has subscribed: replies may be what is published.
    subscribed: bool,
}

/// A connection.
#[derive(Default)]
pub(super) struct Session {
    state: Box<State>,
}

impl crate::Session for Session {
    fn start(&mut self, _: Peer) -> Want {
        LINE
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let state = &mut *self.state;
        let expects = std::mem::take(&mut state.expects[peer.index()]);
        let want = match expects {
            Expects::Line => {
                if !unit.ends_with(b"\n") && unit.len() >= MAX_LINE {
                    state.expects[peer.index()] = Expects::RestOfLine;
                }
                match peer {
                    Peer::Client => state.line_of_client(unit, context),
                    Peer::Server => state.line_of_server(unit, context),
                }
            }
            Expects::RestOfLine => {
                if !unit.ends_with(b"\n") {
                    state.expects[peer.index()] = Expects::RestOfLine;
                }
                Some(LINE)
            }
            Expects::Text { len, behind } => {
                let content = unit.get(..len).unwrap_or(unit);
                match peer {
                    Peer::Client => state.word(content, context),
                    Peer::Server => {
                        let line = state.reply.content(content);
                        state.went(line, context);
                    }
                }
                Some(if behind > 0 { Want::Skip(behind) } else { LINE })
            }
        };
        want.unwrap_or_else(|| {
            context.weird("redis_malformed");
            context.done();
            Want::Nothing
        })
    }

    fn skipped(&mut self, _: Peer, _: &mut Context<'_>) -> Want {
        LINE
    }

    fn gap(&mut self, _: Peer, _: &[u8], _: u64, context: &mut Context<'_>) -> Want {
        // Which reply is to which command is not known any more.
        context.done();
        Want::Nothing
    }

    fn end(&mut self, context: &mut Context<'_>) {
        for pending in self.state.pending.drain(..) {
            context.emit(pending.record);
        }
    }
}

/// What is wanted of a text of `len` bytes and its end, of which `most` are looked at.
fn want_text(len: u64, most: usize) -> (Expects, Want) {
    let looked_at = len.min(most as u64) as usize;
    let whole = len + END;
    // The end goes with the content, so that an empty text is a unit too.
    let unit = if looked_at as u64 == len {
        whole
    } else {
        looked_at as u64
    };
    let expects = Expects::Text {
        len: looked_at,
        behind: whole - unit,
    };
    (expects, Want::Bytes(unit as usize))
}

impl State {
    fn line_of_client(&mut self, unit: &[u8], context: &mut Context<'_>) -> Option<Want> {
        let line = line(unit);
        if self.words_left > 0 {
            let len = number(line.strip_prefix(b"$")?)?;
            let len = u64::try_from(len).ok().filter(|_| len <= MAX_CLAIM)?;
            let most = if self.words.len() < MAX_WORDS {
                MAX_TEXT
            } else {
                0
            };
            let (expects, want) = want_text(len, most);
            self.expects[0] = expects;
            if let Want::Bytes(0) = want {
                // None of it is looked at.
                self.expects[0] = Expects::Line;
                self.word(&[], context);
                return Some(Want::Skip(len + END));
            }
            return Some(want);
        }
        if let Some(count) = line.strip_prefix(b"*") {
            self.words_left = u64::try_from(number(count)?.max(0)).ok()?;
            self.words.clear();
            return Some(LINE);
        }
        let words = command::words(line);
        if !words.is_empty() {
            self.command(&words, context);
        }
        Some(LINE)
    }

    fn word(&mut self, word: &[u8], context: &mut Context<'_>) {
        if self.words.len() < MAX_WORDS {
            self.words.push(word.into());
        }
        self.words_left = self.words_left.saturating_sub(1);
        if self.words_left == 0 {
            let words = std::mem::take(&mut self.words);
            self.command(&words, context);
        }
    }

    fn command<W: AsRef<[u8]>>(&mut self, words: &[W], context: &mut Context<'_>) {
        let parts = parts(words);
        let word = |at: usize| words.get(at).map(|word| word.as_ref().to_ascii_lowercase());
        let (name, first, second) = (word(0).unwrap_or_default(), word(1), word(2));
        let mut expects = match self.replies {
            Replies::On => true,
            Replies::Off => false,
            Replies::SkipNext => {
                self.replies = Replies::On;
                false
            }
        };
        match name.as_slice() {
            b"client" if first.as_deref() == Some(b"reply") => match second.as_deref() {
                Some(b"on") => {
                    self.replies = Replies::On;
                    expects = true;
                }
                Some(b"off") => {
                    self.replies = Replies::Off;
                    expects = false;
                }
                Some(b"skip") if self.replies == Replies::On => {
                    self.replies = Replies::SkipNext;
                    expects = false;
                }
                _ => {}
            },
            // What answers these is told like what is published.
            b"subscribe" | b"psubscribe" | b"ssubscribe" => {
                self.subscribed = true;
                expects = false;
            }
            b"unsubscribe" | b"punsubscribe" | b"sunsubscribe" => expects = false,
            _ => {}
        }
        if self.pending.len() >= MAX_PENDING {
            context.weird("Redis_excessive_pipelining");
            context.done();
            return;
        }
        self.pending.push_back(Pending {
            record: Redis {
                head: context.head(context.now()),
                name: Some(parts.name),
                key: parts.key,
                value: parts.value,
                ..Redis::default()
            },
            expects,
        });
    }

    fn line_of_server(&mut self, unit: &[u8], context: &mut Context<'_>) -> Option<Want> {
        match self.reply.line(line(unit)) {
            Line::Malformed => None,
            Line::Text(len) if len > MAX_CLAIM as u64 => None,
            Line::Text(len) => {
                let room = MAX_TEXT.saturating_sub(self.reply.text().len());
                let (expects, want) = want_text(len, room);
                self.expects[1] = expects;
                if let Want::Bytes(0) = want {
                    self.expects[1] = Expects::Line;
                    let line = self.reply.content(&[]);
                    self.went(line, context);
                    return Some(Want::Skip(len + END));
                }
                Some(want)
            }
            line => {
                self.went(line, context);
                Some(LINE)
            }
        }
    }

    /// A value has come: with the last of a reply, that is whole.
    fn went(&mut self, line: Line, context: &mut Context<'_>) {
        if line != Line::Whole {
            return;
        }
        let reply = std::mem::take(&mut self.reply);
        if reply.push || self.subscribed && is_published(reply.text()) {
            return;
        }
        while let Some(pending) = self.pending.pop_front() {
            if !pending.expects {
                context.emit(pending.record);
                continue;
            }
            let record = Redis {
                success: Some(!reply.error),
                reply: Some(text(reply.text())),
                ..pending.record
            };
            context.emit(record);
            return;
        }
        // To a command that was not seen.
        context.emit(Redis {
            head: context.head(context.now()),
            success: Some(!reply.error),
            reply: Some(text(reply.text())),
            ..Redis::default()
        });
    }
}

/// Whether an array is what subscribers are told.
fn is_published(text: &[u8]) -> bool {
    let kinds: [&[u8]; 9] = [
        b"[message, ",
        b"[pmessage, ",
        b"[smessage, ",
        b"[subscribe, ",
        b"[unsubscribe, ",
        b"[psubscribe, ",
        b"[punsubscribe, ",
        b"[ssubscribe, ",
        b"[sunsubscribe, ",
    ];
    kinds.iter().any(|kind| text.starts_with(kind))
}
