//! Conversations that are played.

use portreeve_record::app::files::Files;
use portreeve_record::app::http::Http;
use portreeve_record::{App, Record};

use super::HTTP;
use crate::Hashes;
use crate::protocol::Transport;
use crate::testing::{From, Outcome, Play, START, STEP, play_cut, play_cut_hashing};

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

fn files(outcome: &Outcome) -> Vec<&Files> {
    let files = outcome.records.iter().filter_map(|record| match record {
        Record::App(App::Files(files)) => Some(&**files),
        _ => None,
    });
    files.collect()
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
    assert_eq!(outcome.records.len(), 3);
    let http = records(&outcome)[0];
    let [asked, answered] = files(&outcome)[..] else {
        panic!("{outcome:#?}");
    };
    assert!(asked.is_orig && !answered.is_orig && asked.fuid != answered.fuid);
    assert_eq!((asked.seen_bytes, asked.total_bytes), (9, Some(9)));
    assert_eq!((answered.seen_bytes, answered.missing_bytes), (20, 0));
    assert_eq!(answered.filename.as_deref(), Some("f.html"));
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
            fuids: vec![asked.fuid],
            filenames: vec![],
            mime_types: vec!["text/json".into()],
        },
        resp: portreeve_record::app::http::HttpContent {
            fuids: vec![answered.fuid],
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

const ALL: Hashes = Hashes {
    md5: true,
    sha1: true,
    sha256: true,
};

/// `hello world` in three chunks, then 20,000 letters, then content up to the end.
fn downloads() -> Vec<(From, Vec<u8>)> {
    let mut long = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n".to_vec();
    long.extend([b'a'; 20_000]);
    vec![
        (From::Orig, b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n".to_vec()),
        (From::Resp, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n5\r\nlo wo\r\n3\r\nrld\r\n0\r\n\r\n".to_vec()),
        (From::Resp, long),
        (From::Resp, b"HTTP/1.1 200 OK\r\n\r\nGIF89a to the end".to_vec()),
    ]
}

fn borrowed(script: &[(From, Vec<u8>)]) -> Vec<(From, &[u8])> {
    script
        .iter()
        .map(|(from, bytes)| (*from, &bytes[..]))
        .collect()
}

#[test]
fn content_is_a_file() {
    let script = downloads();
    let plain = play_cut(80, &borrowed(&script));
    let hashed = play_cut_hashing(80, ALL, &borrowed(&script));
    let sizes = |outcome: &Outcome| -> Vec<_> {
        files(outcome)
            .iter()
            .map(|f| (f.fuid, f.seen_bytes, f.total_bytes, f.mime_type))
            .collect()
    };
    assert_eq!(sizes(&plain), sizes(&hashed));
    assert_eq!(brief(&plain), brief(&hashed));
    let [hello, long, last] = files(&hashed)[..] else {
        panic!("{hashed:#?}");
    };
    assert_eq!((hello.seen_bytes, hello.total_bytes), (11, None));
    assert_eq!(hello.mime_type, Some("text/plain"));
    // Of `printf 'hello world'` and 20,000 times `a`, by md5sum, sha1sum and sha256sum.
    assert_eq!(
        hello.md5.as_deref(),
        Some("5eb63bbbe01eeed093cb22bb8f5acdc3")
    );
    assert_eq!(
        hello.sha1.as_deref(),
        Some("2aae6c35c94fcfb415dbe95f408b9ce91ee846ed")
    );
    assert_eq!(
        hello.sha256.as_deref(),
        Some("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")
    );
    assert_eq!(
        long.md5.as_deref(),
        Some("9bb57f821953f3c232116e38badc8e96")
    );
    assert_eq!(hello.analyzers, ["MD5", "SHA1", "SHA256"]);
    assert_eq!((last.seen_bytes, last.mime_type), (17, Some("image/gif")));
    assert!(last.md5.is_some());
    let told = files(&plain)[0];
    assert!(told.analyzers.is_empty() && told.md5.is_none() && told.sha256.is_none());
    for (http, file) in records(&plain).iter().zip(files(&plain)) {
        assert_eq!(http.resp.fuids, [file.fuid]);
    }
}

#[test]
fn a_hash_is_of_all_bytes_or_there_is_none() {
    for hashes in [Hashes::default(), ALL] {
        for gap in [100, 700, 1900] {
            let mut play = Play::new(Transport::Tcp, 50_000, 80).hashing(hashes);
            play.orig(b"GET / HTTP/1.1\r\n\r\n")
                .resp(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
                .resp(&vec![b'x'; gap])
                .resp_gap(50)
                .resp(&vec![b'x'; 1950 - gap])
                .orig(b"GET /2 HTTP/1.1\r\n\r\n")
                .resp(b"HTTP/1.1 204 No\r\n\r\n");
            let outcome = play.finish();
            let [file] = files(&outcome)[..] else {
                panic!("{outcome:#?}");
            };
            assert_eq!((file.seen_bytes, file.missing_bytes), (1950, 50), "{gap}");
            assert!(file.md5.is_none() && file.analyzers.is_empty());
            assert_eq!(file.mime_type, Some("text/plain"));
            let rows = [row("GET", "/", 200, 0, 2000), row("GET", "/2", 204, 0, 0)];
            assert_eq!(brief(&outcome), rows);
        }
    }
    // A connection that ends before the file does.
    let mut play = Play::new(Transport::Tcp, 50_000, 80).hashing(ALL);
    play.orig(b"GET / HTTP/1.1\r\n\r\n")
        .resp(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\nxyz");
    let outcome = play.finish();
    let file = files(&outcome)[0];
    assert_eq!((file.seen_bytes, file.total_bytes), (3, Some(2000)));
    assert!(file.sha256.is_none());
}

#[test]
fn parts_of_a_file_have_its_identifier() {
    let part = |first: u64, port: u16| {
        let mut play = Play::new(Transport::Tcp, port, 80).hashing(ALL);
        let head = format!(
            "HTTP/1.1 206 Part\r\nContent-Range: bytes {first}-{}/300\r\nContent-Length: 100\r\n\r\n",
            first + 99
        );
        play.orig(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
            .resp(head.as_bytes())
            .resp(&[b'x'; 100]);
        let outcome = play.finish();
        files(&outcome)[0].clone()
    };
    let (one, two) = (part(0, 1), part(100, 2));
    assert_eq!(one.fuid, two.fuid);
    assert_eq!((one.seen_bytes, one.total_bytes), (100, Some(300)));
    assert!(one.md5.is_none() && one.timedout);
    assert_eq!((one.mime_type, two.mime_type), (Some("text/plain"), None));
}

#[test]
fn parts_of_a_form_are_files() {
    let script: &[(From, &[u8])] = &[
        (
            From::Orig,
            b"POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=xx\r\nContent-Length: 177\r\n\r\n\
            --xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--xx\r\n\
            Content-Disposition: form-data; name=\"b\"; filename=\"f.gif\"\r\nContent-Type: image/gif\r\n\r\nGIF89a\r\n--xx--\r\nbehind\r\n",
        ),
        (From::Resp, b"HTTP/1.1 204 OK\r\n\r\n"),
    ];
    let outcome = play_cut(80, script);
    let [text, image] = files(&outcome)[..] else {
        panic!("{outcome:#?}");
    };
    assert_eq!((text.seen_bytes, text.filename.as_deref()), (8, None));
    assert_eq!(
        (image.seen_bytes, image.filename.as_deref()),
        (6, Some("f.gif"))
    );
    assert_eq!(image.mime_type, Some("image/gif"));
    let http = records(&outcome)[0];
    assert_eq!(http.orig.fuids, [text.fuid, image.fuid]);
    assert_eq!(http.orig.filenames, [Box::from("f.gif")]);
    assert_eq!(http.request_body_len, 177);
}

#[test]
fn of_a_large_multipart_the_front_is_taken_apart() {
    for hashes in [Hashes::default(), ALL] {
        let mut play = Play::new(Transport::Tcp, 50_000, 80).hashing(hashes);
        let front = b"--xx\r\n\r\none\r\n--xx\r\n\r\n";
        let (long, end) = (vec![b'y'; 200_000], b"\r\n--xx--\r\n");
        let len = front.len() + long.len() + end.len();
        let head = format!(
            "POST / HTTP/1.1\r\nContent-Type: multipart/mixed; boundary=xx\r\nContent-Length: {len}\r\n\r\n"
        );
        play.orig(head.as_bytes()).orig(front);
        for piece in long.chunks(1000) {
            play.orig(piece);
        }
        play.orig(end);
        let outcome = play.finish();
        let [one, two] = files(&outcome)[..] else {
            panic!("{outcome:#?}");
        };
        assert_eq!(one.seen_bytes, 3);
        if hashes.any() {
            assert_eq!(two.seen_bytes, 200_000);
            assert!(two.md5.is_some());
        } else {
            // With the boundary behind it, which nobody looked at.
            assert_eq!(two.seen_bytes, 200_000 + end.len() as u64);
        }
        assert_eq!(records(&outcome)[0].request_body_len, len as u64);
    }
}

#[test]
fn a_file_is_as_old_as_its_first_byte() {
    let head = |len: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n".to_owned();
    let unsaid = "HTTP/1.1 200 OK\r\n\r\n".to_owned();
    for (head, sizes) in [
        // All of it is a unit; only its front is; it ends in the middle of a unit.
        (head(40), vec![20, 20]),
        (head(2000), vec![400, 1400, 200]),
        (head(2000), vec![10, 10, 10]),
        (chunked, vec![32, 32]),
        (unsaid, vec![200, 500, 1]),
    ] {
        for md5 in [false, true] {
            let hashes = Hashes {
                md5,
                ..Hashes::default()
            };
            let mut play = Play::new(Transport::Tcp, 50_000, 80).hashing(hashes);
            play.orig(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
                .resp(head.as_bytes());
            play.step(1_000_000_000);
            for size in &sizes {
                play.resp(&vec![b'x'; *size]);
            }
            let outcome = play.finish();
            let [file] = files(&outcome)[..] else {
                panic!("{outcome:#?}");
            };
            let first = START + STEP + 1_000_000_000;
            let lasts = (sizes.len() as i64 - 1) * 1_000_000_000;
            assert_eq!((file.head.ts, file.duration), (first, lasts), "{sizes:?}");
        }
    }
}

#[test]
fn folded_fields_are_read_whole() {
    let body = "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello world\r\n--XX--\r\n";
    let request = format!(
        "POST /up HTTP/1.1\r\nHost:\r\n\t example.org\r\nContent-Type: multipart/form-data\r\n ;boundary\r\n =XX\r\n\
         Content-Length:\r\n {}\r\nVia: 1.1 a,\r\n 1.1 b\r\nAuthorization: Basic\r\n QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n{body}",
        body.len()
    );
    let response = "HTTP/1.1 200 OK\nContent-Type: text/html;\n charset=utf-8\nContent-Disposition: attachment;\n \n\tfilename*0=\"long \";\n filename*1=\"name\"\n\
         Transfer-Encoding: gzip,\n chunked\n\n5\nhello\n0\n\n";
    let outcome = play_cut(
        80,
        &[
            (From::Orig, request.as_bytes()),
            (From::Resp, response.as_bytes()),
            (From::Orig, b"GET /next HTTP/1.1\r\n\r\n"),
            (From::Resp, b"HTTP/1.1 404 Not Found\r\n\r\n"),
        ],
    );
    assert_eq!(
        brief(&outcome),
        [
            row("POST", "/up", 200, body.len() as u64, 5),
            row("GET", "/next", 404, 0, 0),
        ]
    );
    let first = records(&outcome)[0];
    assert_eq!(first.host.as_deref(), Some("example.org"));
    assert_eq!(first.username.as_deref(), Some("Aladdin"));
    assert_eq!(first.proxied, ["VIA -> 1.1 a, 1.1 b".into()]);
    assert_eq!(first.content_type.as_deref(), Some("text/html"));
    assert_eq!(first.orig.filenames, ["a.txt".into()]);
    assert_eq!(first.resp.filenames, ["long name".into()]);
}

#[test]
fn a_field_that_waits_for_the_next_line_is_not_lost() {
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n";
    // The connection ends behind it, or bytes are missing.
    for missing in [0, 100] {
        let mut play = Play::new(Transport::Tcp, 50_000, 80);
        play.orig(request).orig_gap(missing);
        let outcome = play.finish();
        assert_eq!(records(&outcome)[0].host.as_deref(), Some("h"), "{missing}");
    }
}

#[test]
fn a_field_that_never_ends_is_cut() {
    let mut endless = b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: a\r\n".to_vec();
    for _ in 0..3000 {
        endless.extend_from_slice(b" Host: folded\r\n");
    }
    endless.extend_from_slice(b"User-Agent: u\r\n\r\n");
    let outcome = play_cut(80, &[(From::Orig, &endless)]);
    let [http] = records(&outcome)[..] else {
        panic!("{outcome:#?}");
    };
    assert_eq!(http.host.as_deref(), Some("h"));
}
