//! What came of one side and is not yet a unit: cutting a stream into the units that a session wants.

use memchr::memchr;

use crate::budget::Budget;
use crate::protocol::Want;

/// The most bytes of a unit.
pub const MAX_UNIT: usize = 64 << 10;

/// The most bytes that memory is taken for because a unit is said to have them.
const MAX_RESERVED: usize = 8 << 10;

/// How a unit ends up where the session looks at it.
pub(crate) enum Next {
    /// So many bytes of what is held.
    Held(usize),
    /// So many bytes of the input.
    Input(usize),
    /// More has to come: the input is held.
    Wait,
    /// A part of the input is not to be looked at, and that is not all.
    Passing,
    /// All that was not to be looked at has gone by.
    Passed,
    /// Nothing is wanted.
    Nothing,
    /// There was no room.
    NoRoom,
}

/// Takes a line, or a field, off the front of `input`, if that is wanted and there is a whole one.
pub(crate) fn line<'a>(input: &mut &'a [u8], want: Want) -> Option<&'a [u8]> {
    let window = |most: usize| input.get(..most.clamp(1, MAX_UNIT)).unwrap_or(input);
    let end = match want {
        Want::Line(most) => memchr(b'\n', window(most))? + 1,
        Want::Field(most) => field_end(window(most), 0).ok()?,
        _ => return None,
    };
    let (line, rest) = input.split_at_checked(end)?;
    *input = rest;
    Some(line)
}

/// Where the field at the front of `bytes` ends, whose lines are searched from `from` on. If that is not known yet, from where on to search again: before the last
/// byte, where only what begins the next line is missing.
fn field_end(bytes: &[u8], mut from: usize) -> Result<usize, usize> {
    while let Some(at) = memchr(b'\n', bytes.get(from..).unwrap_or_default()) {
        let end = from + at + 1;
        match bytes.get(end) {
            _ if matches!(bytes.get(..end), Some(b"\n" | b"\r\n")) => return Ok(end),
            Some(next) if !goes_on(*next) => return Ok(end),
            Some(_) => from = end,
            None => return Err(end - 1),
        }
    }
    Err(bytes.len())
}

/// Whether a line that begins so goes on with the field before it.
fn goes_on(first: u8) -> bool {
    matches!(first, b' ' | b'\t')
}

/// What came of one side and is not yet a unit.
pub(crate) struct Inbox {
    pub(crate) want: Want,
    /// Bytes that wait for others, if any do.
    held: Option<Box<Held>>,
    pub(crate) skipped: u64,
    pub(crate) closed: bool,
    /// While the protocol is looked for: bytes were missed, what comes now is no beginning.
    pub(crate) lost: bool,
}

/// Bytes that wait for others.
#[derive(Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// What of them was used already.
    used: usize,
    /// What of the rest was searched for the end of a line.
    searched: usize,
    /// When the first of the rest came, as far as is known: what is left of several packets is taken for the last one's.
    since: i64,
    /// When the last of it came.
    latest: i64,
}

impl Held {
    /// The first `len` bytes that were not used.
    pub(crate) fn unit(&self, len: usize) -> &[u8] {
        self.bytes
            .get(self.used..self.used + len)
            .unwrap_or_default()
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Inbox {
            want: Want::Nothing,
            held: None,
            skipped: 0,
            closed: false,
            lost: false,
        }
    }
}

impl Inbox {
    pub(crate) fn rest(&self) -> &[u8] {
        self.held
            .as_ref()
            .and_then(|held| held.bytes.get(held.used..))
            .unwrap_or_default()
    }

    /// Whether anything waits.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// When the first byte came that waits; `now` if none does.
    pub(crate) fn since(&self, now: i64) -> i64 {
        self.held.as_ref().map_or(now, |held| held.since)
    }

    /// Holds bytes that came `now`. Whether there was room.
    pub(crate) fn push(&mut self, bytes: &[u8], now: i64, budget: &Budget) -> bool {
        self.push_part(bytes, 0, now, budget)
    }

    /// The same for what is to be a unit of `whole` bytes, if that is known: memory is taken once for it.
    fn push_part(&mut self, bytes: &[u8], whole: usize, now: i64, budget: &Budget) -> bool {
        if bytes.is_empty() {
            return true;
        }
        if !budget.take(bytes.len()) {
            return false;
        }
        let held = self.held.get_or_insert_default();
        // A peer may say that a unit is longer than it is.
        let whole = held.used + whole.min(MAX_RESERVED);
        let missing = whole.saturating_sub(held.bytes.len());
        if missing > bytes.len() {
            held.bytes.reserve_exact(missing);
        }
        if held.bytes.is_empty() {
            held.since = now;
        }
        held.latest = now;
        held.bytes.extend_from_slice(bytes);
        true
    }

    /// What waits, lent out while a session looks at it: to be put back.
    pub(crate) fn lend(&mut self) -> Box<Held> {
        self.held.take().unwrap_or_default()
    }

    /// Puts back what was lent, of which `len` bytes were used.
    pub(crate) fn put_back(&mut self, held: Box<Held>, len: usize, budget: &Budget) {
        self.held = Some(held);
        self.consume(len, budget);
    }

    /// What waits, taken out.
    pub(crate) fn take(&mut self, budget: &Budget) -> Vec<u8> {
        let Some(mut held) = self.held.take() else {
            return Vec::new();
        };
        budget.give(held.bytes.len());
        held.bytes.drain(..held.used.min(held.bytes.len()));
        held.bytes
    }

    /// Something else is wanted: what waits was not searched for its end.
    pub(crate) fn search_anew(&mut self) {
        if let Some(held) = &mut self.held {
            held.searched = 0;
        }
    }

    /// Marks `len` bytes as used.
    fn consume(&mut self, len: usize, budget: &Budget) {
        let Some(held) = &mut self.held else { return };
        held.used += len;
        held.searched = 0;
        if len > 0 {
            held.since = held.latest;
        }
        if held.used >= held.bytes.len() {
            self.clear(budget);
        }
    }

    pub(crate) fn clear(&mut self, budget: &Budget) {
        if let Some(held) = self.held.take() {
            budget.give(held.bytes.len());
        }
    }

    /// What is next of the stream, whose new bytes are `input` and came `now`; what cannot be a unit yet is held.
    pub(crate) fn next(&mut self, input: &mut &[u8], now: i64, budget: &Budget) -> Next {
        let held = self.rest().len();
        match self.want {
            Want::Nothing => {
                self.clear(budget);
                Next::Nothing
            }
            Want::Skip(0) => Next::Passed,
            Want::Skip(left) => {
                let of_held = left.min(held as u64) as usize;
                self.consume(of_held, budget);
                let of_input = (left - of_held as u64).min(input.len() as u64) as usize;
                *input = input.get(of_input..).unwrap_or_default();
                let gone = (of_held + of_input) as u64;
                self.skipped += gone;
                // The rest of a stream has no end but its own.
                if left != u64::MAX {
                    self.want = Want::Skip(left - gone);
                }
                if left == gone {
                    Next::Passed
                } else {
                    Next::Passing
                }
            }
            Want::Field(most) => self.field(most, input, now, budget),
            Want::Any if held > 0 => Next::Held(held),
            Want::Any if input.is_empty() => Next::Wait,
            Want::Any => Next::Input(input.len().min(MAX_UNIT)),
            Want::Bytes(len) => {
                let len = len.min(MAX_UNIT);
                if held == 0 && input.len() >= len {
                    return Next::Input(len);
                }
                self.hold(len, input, now, budget)
            }
            Want::Line(most) => {
                let most = most.clamp(1, MAX_UNIT);
                if held == 0 {
                    let window = input.get(..most).unwrap_or(input);
                    return match memchr(b'\n', window) {
                        Some(at) => Next::Input(at + 1),
                        None if window.len() == most => Next::Input(most),
                        None => self.hold_all(input, now, budget),
                    };
                }
                // Byte for byte would be slow, and what is behind the line's end belongs to the next unit.
                let searched = self.held.as_ref().map_or(0, |held| held.searched);
                let unsearched = self.rest().get(searched..).unwrap_or_default();
                let found = memchr(b'\n', unsearched);
                if let Some(at) = found {
                    let len = (searched + at + 1).min(most);
                    return Next::Held(len);
                }
                if let Some(waiting) = &mut self.held {
                    waiting.searched = held;
                }
                if held >= most {
                    return Next::Held(most);
                }
                let window = input.get(..most - held).unwrap_or(input);
                let end = memchr(b'\n', window);
                let len = held + end.map_or(window.len(), |at| at + 1);
                if end.is_none() && len < most {
                    return self.hold_all(input, now, budget);
                }
                self.hold(len, input, now, budget)
            }
        }
    }

    /// A field whose front may be held.
    fn field(&mut self, most: usize, input: &mut &[u8], now: i64, budget: &Budget) -> Next {
        let most = most.clamp(1, MAX_UNIT);
        if self.held.is_none() {
            let window = input.get(..most).unwrap_or(input);
            return match field_end(window, 0) {
                Ok(end) => Next::Input(end),
                Err(_) if window.len() == most => Next::Input(most),
                Err(_) => self.hold_all(input, now, budget),
            };
        }
        loop {
            let window = self.rest();
            let window = window.get(..most).unwrap_or(window);
            let held = window.len();
            let searched = self.held.as_ref().map_or(0, |held| held.searched);
            let searched = match field_end(window, searched) {
                Ok(end) => return Next::Held(end),
                Err(searched) => searched,
            };
            // Its last line is whole, and what is behind it is another's.
            let ends = searched < held && input.first().is_some_and(|next| !goes_on(*next));
            if ends || held == most {
                return Next::Held(held);
            }
            if let Some(waiting) = &mut self.held {
                waiting.searched = searched;
            }
            if input.is_empty() {
                return Next::Wait;
            }
            let window = input.get(..most - held).unwrap_or(input);
            let len = memchr(b'\n', window).map_or(window.len(), |at| at + 1);
            let (taken, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
            if !self.push(taken, now, budget) {
                return Next::NoRoom;
            }
            *input = rest;
        }
    }

    /// Moves all of `input` behind what is held: there is no unit yet.
    fn hold_all(&mut self, input: &mut &[u8], now: i64, budget: &Budget) -> Next {
        if !self.push(std::mem::take(input), now, budget) {
            return Next::NoRoom;
        }
        Next::Wait
    }

    /// Moves so much of `input` behind what is held that `len` bytes are held: a unit, if there is enough.
    fn hold(&mut self, len: usize, input: &mut &[u8], now: i64, budget: &Budget) -> Next {
        let held = self.rest().len();
        let missing = len.saturating_sub(held).min(input.len());
        let (taken, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
        if !self.push_part(taken, len, now, budget) {
            return Next::NoRoom;
        }
        *input = rest;
        if held + missing >= len {
            Next::Held(len)
        } else {
            Next::Wait
        }
    }
}
