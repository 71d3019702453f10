//! Alerts to somebody else's server: a POST of JSON for each.
//!
//! A thread of its own sends one after the other and tries again, after longer and longer pauses, while the server is away. The queue is bounded: the
//! oldest goes first. Who puts something in never waits.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::Uri;
use ureq::http::header::{HeaderName, HeaderValue};
use ureq::tls::{RootCerts, TlsConfig};

/// Messages that wait, at most.
const QUEUE: usize = 256;
/// One attempt, from the name's look-up to the answer.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Who is away for longer misses what is older than that.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Why a target cannot be one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// Not a URL of HTTP or HTTPS with a host. It may hold a secret, and is not shown.
    Url,
    /// The header of this number, the first being 1, is not `Name: value`. It may hold a secret, and is not shown.
    Header(usize),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetError::Url => {
                f.write_str("this is not where alerts can go; write it like https://host/path")
            }
            TargetError::Header(number) => write!(
                f,
                "header {number} is none; write it like Authorization: Bearer TOKEN"
            ),
        }
    }
}

impl std::error::Error for TargetError {}

/// Where alerts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Target {
    /// A URL, and headers as `Name: value`.
    ///
    /// # Errors
    /// One of them is none.
    pub fn new(url: &str, headers: &[String]) -> Result<Target, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::Url)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_http || uri.host().is_none_or(str::is_empty) {
            return Err(TargetError::Url);
        }
        let header = |text: &String| {
            let (name, value) = text.split_once(':')?;
            let name = name.trim().parse::<HeaderName>().ok()?;
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            // Not shown by what prints headers.
            value.set_sensitive(true);
            Some((name, value))
        };
        let headers = headers.iter().zip(1..);
        let headers = headers.map(|(text, number)| header(text).ok_or(TargetError::Header(number)));
        Ok(Target {
            url: uri,
            headers: headers.collect::<Result<_, _>>()?,
        })
    }
}

/// How it went so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Messages that were taken.
    pub sent: u64,
    /// Messages given up: refused, too old, or one too many.
    pub lost: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    lost: AtomicU64,
    failures: AtomicU64,
    last_error: Mutex<Option<String>>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<(Instant, String)>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    counters: Counters,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends messages. Dropped, it leaves what waits behind.
pub struct Webhook {
    shared: Arc<Shared>,
}

impl Webhook {
    /// Starts its thread.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn start(target: Target) -> io::Result<Webhook> {
        let shared = Arc::new(Shared::default());
        Builder::new().name("webhook".into()).spawn({
            let shared = Arc::clone(&shared);
            move || run(&shared, &target)
        })?;
        Ok(Webhook { shared })
    }

    /// Puts a message (JSON) into the queue.
    pub fn send(&self, message: String) {
        let mut queue = lock(&self.shared.queue);
        if queue.messages.len() >= QUEUE {
            queue.messages.pop_front();
            self.shared.counters.lost.fetch_add(1, Relaxed);
        }
        queue.messages.push_back((Instant::now(), message));
        self.shared.changed.notify_one();
    }

    /// How it went so far.
    #[must_use]
    pub fn sent(&self) -> Sent {
        let counters = &self.shared.counters;
        Sent {
            sent: counters.sent.load(Relaxed),
            lost: counters.lost.load(Relaxed),
            failures: counters.failures.load(Relaxed),
            last_error: lock(&counters.last_error).clone(),
        }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.changed.notify_one();
    }
}

/// What became of an attempt.
enum Attempt {
    Taken,
    /// The server will not take this one, now or later.
    Refused(String),
    Failed(String),
}

fn run(shared: &Shared, target: &Target) {
    let agent = agent();
    let mut pause = FIRST_PAUSE;
    while let Some((queued, message)) = next(shared) {
        let counters = &shared.counters;
        let attempt = post(&agent, target, &message);
        match attempt {
            Attempt::Taken => {
                pause = FIRST_PAUSE;
                counters.sent.fetch_add(1, Relaxed);
                continue;
            }
            Attempt::Refused(error) => {
                counters.failures.fetch_add(1, Relaxed);
                counters.lost.fetch_add(1, Relaxed);
                *lock(&counters.last_error) = Some(error);
                continue;
            }
            Attempt::Failed(error) => {
                counters.failures.fetch_add(1, Relaxed);
                *lock(&counters.last_error) = Some(error);
            }
        }
        let mut queue = lock(&shared.queue);
        if queued.elapsed() >= PATIENCE || queue.messages.len() >= QUEUE {
            counters.lost.fetch_add(1, Relaxed);
        } else {
            queue.messages.push_front((queued, message));
        }
        // Only the end cuts a pause short.
        let (queue, _) = shared
            .changed
            .wait_timeout_while(queue, pause, |queue| !queue.closed)
            .unwrap_or_else(PoisonError::into_inner);
        drop(queue);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The next message; waits for one. `None`: the end.
fn next(shared: &Shared) -> Option<(Instant, String)> {
    let queue = lock(&shared.queue);
    let mut queue = shared
        .changed
        .wait_while(queue, |queue| queue.messages.is_empty() && !queue.closed)
        .unwrap_or_else(PoisonError::into_inner);
    if queue.closed {
        return None;
    }
    queue.messages.pop_front()
}

fn agent() -> Agent {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        // Whom the system trusts.
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Agent::config_builder()
        .timeout_global(Some(ATTEMPT))
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("portreeve/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .into()
}

fn post(agent: &Agent, target: &Target, message: &str) -> Attempt {
    let mut request = agent
        .post(&target.url)
        .header("content-type", "application/json");
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    let host = target.url.host().unwrap_or_default();
    match request.send(message) {
        Ok(answer) if answer.status().is_success() => Attempt::Taken,
        Ok(answer) => {
            let status = answer.status();
            let error = format!("{host}: answered {status}");
            // 408 and 429: try again later; other errors of ours stay what they are.
            if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) {
                Attempt::Refused(error)
            } else {
                Attempt::Failed(error)
            }
        }
        Err(error) => Attempt::Failed(format!("{host}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Takes one request and answers it with this status: its head, and its body.
    fn serve(listener: &TcpListener, status: &str) -> (String, String) {
        let (stream, _) = listener.accept().expect("a client");
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&lower);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        reader
            .into_inner()
            .write_all(answer.as_bytes())
            .expect("an answer");
        (head, String::from_utf8(body).expect("text"))
    }

    fn wait_for(webhook: &Webhook, is_there: impl Fn(&Sent) -> bool) -> Sent {
        for _ in 0..2000 {
            let sent = webhook.sent();
            if is_there(&sent) {
                return sent;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{:?}", webhook.sent());
    }

    #[test]
    fn what_fails_is_tried_again_and_what_is_refused_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!(
            "http://{}/hook",
            listener.local_addr().expect("its address")
        );
        let headers = ["Authorization: Bearer secret".to_owned()];
        let target = Target::new(&url, &headers).expect("a target");
        assert!(!format!("{target:?}").contains("secret"), "{target:?}");
        let webhook = Webhook::start(target).expect("a thread");
        webhook.send(r#"{"n":1}"#.into());
        let (head, body) = serve(&listener, "503 Service Unavailable");
        assert!(head.starts_with("post /hook http/1.1"), "{head}");
        assert!(head.contains("authorization: bearer secret"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(body, r#"{"n":1}"#);
        let sent = wait_for(&webhook, |sent| sent.failures == 1);
        assert!(sent.last_error.is_some_and(|error| error.contains("503")));
        // The same once more.
        assert_eq!(serve(&listener, "204 No Content").1, r#"{"n":1}"#);
        wait_for(&webhook, |sent| sent.sent == 1);
        webhook.send(r#"{"n":2}"#.into());
        webhook.send(r#"{"n":3}"#.into());
        assert_eq!(serve(&listener, "400 Bad Request").1, r#"{"n":2}"#);
        assert_eq!(serve(&listener, "200 OK").1, r#"{"n":3}"#);
        let sent = wait_for(&webhook, |sent| sent.sent == 2);
        assert_eq!((sent.lost, sent.failures), (1, 2));
    }

    #[test]
    fn nobody_waits_for_a_server_that_is_away() {
        // A port that nobody listens on any more.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("its address"));
        drop(listener);
        let webhook = Webhook::start(Target::new(&url, &[]).expect("a target")).expect("a thread");
        for n in 0..QUEUE + 10 {
            webhook.send(n.to_string());
        }
        let sent = wait_for(&webhook, |sent| sent.failures > 0);
        assert_eq!(sent.sent, 0);
        // The oldest gave way; one may have been in the thread's hands.
        assert!((9..=11).contains(&sent.lost), "{sent:?}");
    }

    #[test]
    fn targets_are_urls_with_a_host() {
        for right in [
            "http://a/",
            "https://a.example:8443/x?y=1",
            "http://[::1]:80",
        ] {
            assert!(Target::new(right, &[]).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "a.example/secret",
            "ftp://a/secret",
            "https://",
            "http://a b/",
        ] {
            let error = Target::new(wrong, &[]).expect_err(wrong);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for wrong in ["no colon", "a b: c", "x: line\nbreak"] {
            let headers = ["X-Right: yes".to_owned(), wrong.into()];
            let refused = Target::new("http://a/", &headers);
            assert_eq!(refused, Err(TargetError::Header(2)), "{wrong}");
        }
    }
}
