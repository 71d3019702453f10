//! Conversations that are played.

use portreeve_record::app::http::Http;
use portreeve_record::{App, Record};

use super::HTTP;
use crate::protocol::Transport;
use crate::testing::{From, Outcome, Play, play_cut};

fn records(outcome: &Outcome) -> Vec<&Http> {
    outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Record::App(App::Http(http)) => Some(&**http),
            _ => None,
        })
        .collect()
}

/// Method, target, status, and the sizes of both contents.
fn brief(outcome: &Outcome) -> Vec<(String, String, u16, u64, u64)> {
    let owned = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    records(outcome)
        .into_iter()
        .map(|http| {
            (
                owned(&http.method),
                owned(&http.uri),
                http.status_code.unwrap_or(0),
                http.request_body_len,
                http.response_body_len,
            )
        })
        .collect()
}

fn row(
    method: &str,
    uri: &str,
    status: u16,
    request: u64,
    response: u64,
) -> (String, String, u16, u64, u64) {
    (method.into(), uri.into(), status, request, response)
}

#[test]
fn a_request_and_its_response() {
    let outcome = play_cut(
        80,
        &[
            (
                From::Orig,
                b"POST /a%20b?c=%2F HTTP/1.1\r\nHost: example.org:8080\r\nUser-Agent: test\r\nReferer: http://x/\r\n\
                  Origin: http://o\r\nVia: one\r\nVia: two\r\nCookie: secret\r\nContent-Type: application/json\r\n\
                  Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nContent-Length: 9\r\n\r\n{\"a\": 17}",
            ),
            (
                From::Resp,
                b"HTTP/1.1 302 Found there\r\nContent-Type: Text/HTML; charset=x\r\nLocation: /c\r\nServer: S/1.2\r\nX-Powered-By: P\r\n\
                  Content-Disposition: attachment; filename=\"f.html\"\r\nContent-Length: 20\r\n\r\n<html><body></html>\n",
            ),
        ],
    );
    assert_eq!(outcome.service, Some("http"));
    assert_eq!(outcome.records.len(), 1);
    let http = records(&outcome)[0];
    let expected = Http {
        head: http.head,
        trans_depth: 1,
        method: Some("POST".into()),
        host: Some("example.org:8080".into()),
        uri: Some("/a%20b?c=%2F".into()),
        uri_decoded: Some("/a b?c=/".into()),
        referrer: Some("http://x/".into()),
        version: Some("1.1"),
        user_agent: Some("test".into()),
        origin: Some("http://o".into()),
        request_body_len: 9,
        response_body_len: 20,
        status_code: Some(302),
        status_msg: Some("Found there".into()),
        username: Some("Aladdin".into()),
        has_password: true,
        proxied: vec!["VIA -> one".into(), "VIA -> two".into()],
        orig: portreeve_record::app::http::HttpContent {
            filenames: vec![],
            mime_types: vec!["text/json".into()],
        },
        resp: portreeve_record::app::http::HttpContent {
            filenames: vec!["f.html".into()],
            mime_types: vec!["text/html".into()],
        },
        content_type: Some("text/html".into()),
        location: Some("/c".into()),
        server: Some("S/1.2".into()),
        powered_by: Some("P".into()),
        ..Http::default()
    };
    assert_eq!(*http, expected);
    let told = format!("{outcome:?}");
    assert!(!told.contains("secret") && !told.contains("sesame"));
}

#[test]
fn requests_in_a_row_get_their_own_responses() {
    let outcome = play_cut(
        80,
        &[
            (
                From::Orig,
                b"\r\nGET /1 HTTP/1.1\n\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\nGET /4 HTTP/1.1\r\n\r\n",
            ),
            (
                From::Resp,
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;x=y\r\nabcde\r\n0C\r\n0123456789ab\r\n0\r\nTrailer: x\r\n\r\n\
                  HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHTTP/1.1 304 Not Modified\nContent-Length: 1000\n\n\
                  HTTP/1.0 200\r\n\r\nuntil the end, which is here",
            ),
        ],
    );
    assert_eq!(
        brief(&outcome),
        [
            row("GET", "/1", 200, 0, 17),
            row("HEAD", "/2", 200, 0, 0),
            row("GET", "/3", 304, 0, 0),
            row("GET", "/4", 200, 0, 28),
        ]
    );
    let depths: Vec<u64> = records(&outcome).iter().map(|h| h.trans_depth).collect();
    assert_eq!(depths, [1, 2, 3, 4]);
    assert_eq!(records(&outcome)[3].status_msg.as_deref(), Some("<empty>"));
}

#[test]
fn an_interim_response_is_not_the_last_word() {
    let outcome = play_cut(
        80,
        &[
            (
                From::Orig,
                b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
            ),
            (From::Resp, b"HTTP/1.1 100 Continue\r\n\r\n"),
            (From::Orig, b"abc"),
            (
                From::Resp,
                b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
    );
    assert_eq!(brief(&outcome), [row("PUT", "/", 201, 3, 0)]);
    let http = records(&outcome)[0];
    assert_eq!(
        (http.info_code, http.info_msg.as_deref()),
        (Some(100), Some("Continue"))
    );
}

#[test]
fn what_a_tunnel_carries_is_found_out_anew() {
    let outcome = play_cut(
        3128,
        &[
            (
                From::Orig,
                b"CONNECT inner:80 HTTP/1.1\r\nHost: inner:80\r\n\r\n",
            ),
            (From::Resp, b"HTTP/1.1 200 Established\r\n\r\n"),
            (From::Orig, b"GET /inner HTTP/1.1\r\n\r\n"),
            (From::Resp, b"HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx"),
        ],
    );
    assert_eq!(
        brief(&outcome),
        [
            row("CONNECT", "inner:80", 200, 0, 0),
            row("GET", "/inner", 404, 0, 1)
        ]
    );
    let refused = play_cut(
        3128,
        &[
            (From::Orig, b"CONNECT inner:80 HTTP/1.1\r\n\r\n"),
            (
                From::Resp,
                b"HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nabc",
            ),
            (From::Orig, b"CONNECT inner:81 HTTP/1.1\r\n\r\n"),
        ],
    );
    assert_eq!(
        brief(&refused),
        [
            row("CONNECT", "inner:80", 407, 0, 3),
            row("CONNECT", "inner:81", 0, 0, 0)
        ]
    );
}

#[test]
fn an_upgrade_to_websocket_ends_it() {
    let outcome = play_cut(
        8000,
        &[
            (
                From::Orig,
                b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            ),
            (
                From::Resp,
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n\x81\x05hello",
            ),
            (From::Orig, b"\x81\x05GET / HTTP/1.1\r\n\r\n"),
        ],
    );
    assert_eq!(outcome.service, Some("http,websocket"));
    assert_eq!(brief(&outcome), [row("GET", "/chat", 101, 0, 0)]);
}

#[test]
fn without_a_version_the_response_is_nothing_but_content() {
    let outcome = play_cut(
        80,
        &[
            (From::Orig, b"GET /old\r\n"),
            (From::Resp, b"<html>\n<body>old</body>\n</html>\n"),
        ],
    );
    assert_eq!(brief(&outcome), [row("GET", "/old", 0, 0, 32)]);
    let http = records(&outcome)[0];
    assert_eq!(http.version, Some("0.9"));
}

#[test]
fn one_side_is_enough() {
    let asked = play_cut(
        80,
        &[(
            From::Orig,
            b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHost: h",
        )],
    );
    assert_eq!(
        brief(&asked),
        [row("GET", "/1", 0, 0, 0), row("GET", "/2", 0, 0, 0)]
    );
    assert_eq!(records(&asked)[1].host.as_deref(), Some("h"));
    // The flow was seen the wrong way round, and the requests not at all.
    let answered = play_cut(
        40_000,
        &[(
            From::Orig,
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\ncut",
        )],
    );
    assert_eq!(
        brief(&answered),
        [row("-", "-", 200, 0, 2), row("-", "-", 500, 0, 3)]
    );
}

#[test]
fn missing_bytes_cost_no_more_than_they_must() {
    // Within content they are counted.
    let mut play = Play::of(&HTTP, Transport::Tcp, 50_000, 80);
    play.orig(b"GET /1 HTTP/1.1\r\n\r\n")
        .resp(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        .resp(&[b'x'; 1000])
        .resp_gap(3000)
        .orig(b"GET /2 HTTP/1.1\r\n\r\n")
        .resp(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        brief(&play.finish()),
        [row("GET", "/1", 200, 0, 4000), row("GET", "/2", 404, 0, 0)]
    );
    // A lost response leaves the next to the request it belongs to.
    let mut play = Play::of(&HTTP, Transport::Tcp, 50_000, 80);
    play.orig(b"GET /1 HTTP/1.1\r\n\r\n")
        .resp_gap(300)
        .orig(b"GET /2 HTTP/1.1\r\n\r\n")
        .resp(b"rest of the first\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        brief(&play.finish()),
        [row("GET", "/1", 0, 0, 0), row("GET", "/2", 404, 0, 0)]
    );
}

#[test]
fn long_lines_and_odd_fields_do_no_harm() {
    let long = [b"GET /".as_slice(), &[b'a'; 20_000], b" HTTP/1.1\r\n"].concat();
    let cookie = [b"Cookie: ".as_slice(), &[b'c'; 20_000], b"\r\n"].concat();
    let outcome = play_cut(
        80,
        &[
            (From::Orig, &long),
            (From::Orig, &cookie),
            (From::Orig, b"no colon\r\nHost:\r\n folded\r\n: empty\r\n\r\n"),
            (
                From::Resp,
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nrubbish\r\nHTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
            ),
        ],
    );
    let rows = brief(&outcome);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].1.len(), crate::text::MAX_TEXT);
    assert_eq!(records(&outcome)[0].host.as_deref(), Some("folded"));
    assert_eq!(rows[1], row("-", "-", 200, 0, 3));
}

#[test]
fn what_waits_is_bounded() {
    let mut play = Play::of(&HTTP, Transport::Tcp, 50_000, 80);
    for number in 0..1000 {
        play.orig(format!("GET /{number} HTTP/1.1\r\n\r\n").as_bytes());
    }
    // The responses to those that were given up are nobody's.
    for _ in 0..1000 {
        play.resp(b"HTTP/1.1 204 No\r\n\r\n");
    }
    let outcome = play.finish();
    let rows = brief(&outcome);
    let matched = rows.iter().filter(|r| r.0 == "GET" && r.2 == 204).count();
    assert_eq!((rows.len(), matched), (1900, 100));
}

/// A small generator of numbers that look random (xorshift).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn hostile_input_is_survived() {
    let request: &[u8] = b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    let response: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x\r\nContent-Length: 12\r\n\r\n--x\r\nA: b\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n";
    for cut in 0..request.len().max(response.len()) {
        let mut play = Play::new(Transport::Tcp, 50_000, 80);
        play.orig(request.get(..cut).unwrap_or(request))
            .resp(response.get(..cut).unwrap_or(response));
        play.finish();
    }
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..3000 {
        let mut sides = [request.to_vec(), response.to_vec()];
        for side in &mut sides {
            for _ in 0..random(&mut state) % 5 {
                let at = random(&mut state) as usize % side.len();
                side[at] = random(&mut state) as u8;
            }
        }
        let mut play = Play::of(&HTTP, Transport::Tcp, 50_000, 80);
        let piece = 1 + random(&mut state) as usize % 40;
        for chunk in sides[0].chunks(piece) {
            play.orig(chunk);
        }
        if random(&mut state).is_multiple_of(4) {
            play.resp_gap(random(&mut state) as u32 % 30);
        }
        for chunk in sides[1].chunks(piece) {
            play.resp(chunk);
        }
        let outcome = play.finish();
        assert!(outcome.records.len() <= 40);
    }
}
