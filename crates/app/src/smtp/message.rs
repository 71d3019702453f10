//! The head of a message: headers, unfolded (RFC 5322 section 2.2).

use portreeve_record::app::smtp::Smtp;

use super::address;
use crate::text::{line, text};

/// The most bytes of a header that are kept.
const MAX_HEADER: usize = 8192;
/// The most headers that are looked at.
const MAX_HEADERS: u16 = 1000;
/// The most people of a list.
const MAX_PEOPLE: usize = 256;
/// The most addresses of a path.
const MAX_PATH: usize = 64;

/// The head of a message as its lines come.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The header at hand, unfolded, as far as its lines have come.
    header: Vec<u8>,
    /// A line that has not ended yet.
    open: Vec<u8>,
    headers: u16,
}

impl Head {
    /// Takes a piece of a line, mostly all of it. Says whether the head ends with it.
    pub(super) fn piece(&mut self, piece: &[u8], record: &mut Smtp) -> bool {
        let whole = piece.ends_with(b"\n");
        if !whole || !self.open.is_empty() {
            let room = MAX_HEADER.saturating_sub(self.open.len());
            // The end of the line must be seen however long it is.
            self.open
                .extend_from_slice(piece.get(..room).unwrap_or(piece));
            if !whole {
                return false;
            }
            let open = std::mem::take(&mut self.open);
            return self.line(line(&open), record);
        }
        self.line(line(piece), record)
    }

    fn line(&mut self, line: &[u8], record: &mut Smtp) -> bool {
        if let Some(b' ' | b'\t') = line.first() {
            let more = line.trim_ascii();
            if self.header.len() + more.len() < MAX_HEADER {
                self.header.push(b' ');
                self.header.extend_from_slice(more);
            }
            return false;
        }
        self.end(record);
        if line.is_empty() {
            return true;
        }
        self.headers += 1;
        self.header.extend_from_slice(line);
        self.headers >= MAX_HEADERS
    }

    /// The header at hand is over.
    pub(super) fn end(&mut self, record: &mut Smtp) {
        let header = std::mem::take(&mut self.header);
        if let Some(colon) = header.iter().position(|&byte| byte == b':') {
            let (name, value) = header.split_at_checked(colon).unwrap_or_default();
            let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
            note(name.trim_ascii_end(), value, record);
        }
    }
}

fn note(name: &[u8], value: &[u8], record: &mut Smtp) {
    let mut upper = [0; 16];
    let Some(upper) = upper.get_mut(..name.len()) else {
        return;
    };
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    let said = || Some(text(value));
    match &*upper {
        b"MESSAGE-ID" => record.msg_id = said(),
        b"IN-REPLY-TO" => record.in_reply_to = said(),
        b"SUBJECT" => record.subject = said(),
        b"FROM" => record.from = said(),
        b"REPLY-TO" => record.reply_to = said(),
        b"DATE" => record.date = said(),
        b"X-MAILER" | b"USER-AGENT" | b"X-USER-AGENT" => record.user_agent = said(),
        b"TO" => add(&mut record.to, address::listed(value)),
        b"CC" => add(&mut record.cc, address::listed(value)),
        b"X-ORIGINATING-IP" => record.x_originating_ip = address::first_machine(value),
        b"RECEIVED" => {
            record.second_received = record.first_received.take();
            record.first_received = said();
            if let Some(from) = address::received_from(value)
                && record.path.last() != Some(&from)
                && record.path.len() < MAX_PATH
            {
                record.path.push(from);
            }
        }
        _ => {}
    }
}

/// Adds to a set what is not in it yet.
pub(super) fn add(set: &mut Vec<Box<str>>, people: impl Iterator<Item = Box<str>>) {
    for one in people {
        if set.len() < MAX_PEOPLE && !set.contains(&one) {
            set.push(one);
        }
    }
}
