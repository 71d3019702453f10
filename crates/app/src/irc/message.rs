//! A line (RFC 2812 section 2.3.1).

/// The most arguments of a command.
const MAX_ARGUMENTS: usize = 15;

/// A line, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// Whether it says who says it, as what comes from a server does.
    pub(super) from_server: bool,
    pub(super) command: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        let line = crate::text::line(line);
        let from_server = line.starts_with(b":");
        let line = if from_server { word(line).1 } else { line };
        let (command, rest) = word(line);
        Message {
            from_server,
            command,
            rest,
        }
    }

    pub(super) fn arguments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.rest;
        std::iter::from_fn(move || {
            if let Some(last) = rest.strip_prefix(b":") {
                rest = &[];
                return Some(last);
            }
            let (argument, more) = word(rest);
            rest = more;
            Some(argument).filter(|argument| !argument.is_empty())
        })
        .take(MAX_ARGUMENTS)
    }
}

/// The first word, and what stands behind the blanks behind it.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let end = line
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    (word, rest.trim_ascii_start())
}
