//! Whether a stream begins as HTTP does.

use super::line::{MAX_METHOD, RequestLine, StatusLine, is_known, is_token, method};
use crate::protocol::{Peer, Probe, Verdict};

/// The most bytes of empty lines before a request.
const MAX_BLANK: usize = 16;
/// A first line that is this long and has not ended, is a request's if its method is known.
const LONG_LINE: usize = 1024;

pub(super) fn detect(probe: &Probe<'_>) -> Verdict {
    let mut verdicts = [Verdict::No; 2];
    for ((bytes, as_client), verdict) in probe.as_client().into_iter().zip(&mut verdicts) {
        *verdict = match (request(bytes), status(bytes)) {
            (Verdict::Yes(_), _) => return Verdict::Yes(as_client),
            (_, Verdict::Yes(_)) => return Verdict::Yes(as_client.other()),
            (Verdict::No, Verdict::No) => Verdict::No,
            _ => Verdict::More,
        };
    }
    // One side may be in the middle of something, where the beginning was not seen, or send what is nothing: if the other has said nothing yet, the port tells
    // whether it is worth waiting for.
    let waiting = probe.orig.is_empty() || probe.resp.is_empty();
    match verdicts {
        [Verdict::No, Verdict::No] => Verdict::No,
        [Verdict::No, _] | [_, Verdict::No] if waiting && !probe.on(super::PORTS) => Verdict::No,
        _ => Verdict::More,
    }
}

/// Whether bytes begin as a request.
fn request(bytes: &[u8]) -> Verdict {
    let blank = bytes
        .iter()
        .take(MAX_BLANK)
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    let bytes = bytes.get(blank..).unwrap_or_default();
    let Some(&first) = bytes.first() else {
        return Verdict::More;
    };
    if !first.is_ascii_alphabetic() {
        return Verdict::No;
    }
    let Some((name, rest)) = method(bytes) else {
        let unfinished = bytes.len() <= MAX_METHOD && bytes.iter().all(|&byte| is_token(byte));
        return if unfinished {
            Verdict::More
        } else {
            Verdict::No
        };
    };
    let known = is_known(name);
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        return match rest.first() {
            // Of the protocols that took these methods over none begins a target so.
            Some(b'/') if known && name != b"OPTIONS" => Verdict::Yes(Peer::Client),
            _ if known && bytes.len() >= LONG_LINE => Verdict::Yes(Peer::Client),
            _ => Verdict::More,
        };
    };
    let line = crate::text::line(bytes.get(..=end).unwrap_or(bytes));
    match RequestLine::parse(line) {
        Some(line) if line.version.is_some_and(|(major, _)| major != 2) => {
            Verdict::Yes(Peer::Client)
        }
        // HTTP/0.9: nothing but the target.
        Some(line) if line.version.is_none() && known && is_old(line.target) => {
            Verdict::Yes(Peer::Client)
        }
        _ => Verdict::No,
    }
}

/// Whether a target without a version behind it is one of HTTP/0.9: a path, and not another protocol's version behind it.
fn is_old(target: &[u8]) -> bool {
    target.starts_with(b"/") && !target.windows(3).any(|w| w == b"P/1" || w == b"P/2")
}

/// Whether bytes begin as a response.
fn status(bytes: &[u8]) -> Verdict {
    const MARK: &[u8] = b"HTTP/";
    const WHOLE: usize = "HTTP/1.1 200".len();
    let front = bytes.get(..MARK.len()).unwrap_or(bytes);
    if !MARK.starts_with(front) {
        return Verdict::No;
    }
    match bytes.get(..WHOLE) {
        Some(whole) if StatusLine::parse_strict(whole).is_some() => Verdict::Yes(Peer::Server),
        Some(_) => Verdict::No,
        None => Verdict::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Transport;

    fn verdict(orig: &[u8], resp: &[u8]) -> Verdict {
        detect(&Probe {
            transport: Transport::Tcp,
            orig,
            resp,
            orig_p: 40_000,
            resp_p: 4000,
        })
    }

    #[test]
    fn either_side_may_be_first() {
        let (yes, wrong) = (Verdict::Yes(Peer::Client), Verdict::Yes(Peer::Server));
        assert_eq!(verdict(b"GET / HTTP/1.1\r\n", b""), yes);
        assert_eq!(verdict(b"\r\nGET /", b""), yes);
        assert_eq!(verdict(b"", b"HTTP/1.1 200 OK\r\n"), yes);
        assert_eq!(verdict(b"HTTP/1.1 200 OK\r\n", b""), wrong);
        assert_eq!(verdict(b"", b"POST /x HTTP/1.0\r\n"), wrong);
        assert_eq!(verdict(b"STRANGE thing HTTP/1.1\n", b""), yes);
        assert_eq!(verdict(b"GET /old\r\n", b""), yes);
        // A connection that was joined late.
        assert_eq!(verdict(b"\x00\x01\x02", b"HTTP/1.1 200 OK\r\n"), yes);
    }

    #[test]
    fn what_is_others_is_left_to_them() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"OPTIONS rtsp://host/ RTSP/1.0\r\n",
            b"OPTIONS sip:a@b SIP/2.0\r\n",
            b"DESCRIBE /x RTSP/1.0\r\n",
            b"EHLO example.org\r\n",
            b"USER anonymous\r\n",
            b"PRI * HTTP/2.0\r\n",
            b"\x16\x03\x01",
            b"220 ready\r\n",
            b"GET key\r\n",
        ] {
            assert_eq!(verdict(bytes, b""), Verdict::No, "{}", bytes.escape_ascii());
            assert_eq!(verdict(b"", bytes), Verdict::No, "{}", bytes.escape_ascii());
        }
        assert_eq!(verdict(b"GE", b""), Verdict::More);
        assert_eq!(verdict(b"", b"HTT"), Verdict::More);
    }
}
