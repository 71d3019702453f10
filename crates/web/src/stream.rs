//! The live stream: one text a second, made once, sent to every page that is open (server-sent events).
//!
//! A page that is slow misses views, and nothing is kept for it: a view is the whole state, and what lies between is in `GET seconds?since=`.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use portreeve_live::{Live, Second, View};
use tokio::sync::{OwnedSemaphorePermit, watch};

/// How often the thread that waits for views looks whether the server ends.
const LOOK: Duration = Duration::from_millis(500);
/// A stream that has nothing to say says so, for those in between who end what is silent.
const SILENCE: Duration = Duration::from_secs(15);
/// A comment: it says nothing.
const SILENT: &[u8] = b":\n\n";
/// What a new page gets of the past, in milliseconds.
const PAST: i64 = 600_000;
/// How long a browser waits until it connects again, in milliseconds.
const RETRY: u32 = 1000;

/// The latest view, as the text of an event.
pub(crate) struct Feed {
    live: Option<Live>,
    latest: watch::Receiver<Bytes>,
}

impl Feed {
    /// Starts the thread that makes them.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn start(live: Option<Live>, ending: watch::Receiver<bool>) -> io::Result<Feed> {
        let (sender, latest) = watch::channel(Bytes::new());
        if let Some(live) = live.clone() {
            std::thread::Builder::new()
                .name("web-live".to_owned())
                .spawn(move || make(&live, &sender, &ending))?;
        }
        Ok(Feed { live, latest })
    }

    /// What goes on; `None`: there is no run.
    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// The stream of one page: the past first, or since the event that it had last, then a view each second. `None`: there is no run.
    pub fn follow(
        &self,
        asked: &HeaderMap,
        place: OwnedSemaphorePermit,
        ending: watch::Receiver<bool>,
    ) -> Option<Response> {
        let live = self.live.as_ref()?;
        let last = asked
            .get("last-event-id")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<i64>().ok());
        let now = live.now().second.ts;
        let since = match last {
            Some(last) if last <= now => (last + 1).max(now - PAST),
            _ => now - PAST,
        };
        let mut latest = self.latest.clone();
        latest.mark_unchanged();
        // What there is already comes at once.
        let first = [past(&live.seconds(since)), view(&live.now())];
        let views = views(latest, ending, place);
        let events = stream::iter(first.map(Ok::<_, Infallible>)).chain(views);
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-store"),
            // Proxies that would collect it are asked not to.
            (
                axum::http::HeaderName::from_static("x-accel-buffering"),
                "no",
            ),
        ];
        Some((headers, Body::from_stream(events)).into_response())
    }
}

/// Makes the text of each view, as long as somebody follows.
fn make(live: &Live, sender: &watch::Sender<Bytes>, ending: &watch::Receiver<bool>) {
    let mut version = 0;
    while !*ending.borrow() && !sender.is_closed() {
        let now = live.wait(version, LOOK);
        // One receiver is the feed's own.
        if now != version && sender.receiver_count() > 1 {
            sender.send_replace(view(&live.now()));
        }
        version = now;
    }
}

fn view(view: &View) -> Bytes {
    match serde_json::to_string(view) {
        Ok(json) => event("view", Some(view.second.ts), &json),
        Err(_) => Bytes::from_static(SILENT),
    }
}

fn views(
    latest: watch::Receiver<Bytes>,
    ending: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let state = (latest, ending, place);
    stream::unfold(state, |(mut latest, mut ending, place)| async move {
        let changed = tokio::select! {
            changed = tokio::time::timeout(SILENCE, latest.changed()) => changed,
            _ = ending.wait_for(|ends| *ends) => return None,
        };
        let text = match changed {
            Err(_) => Bytes::from_static(SILENT),
            Ok(Err(_)) => return None,
            Ok(Ok(())) => latest.borrow_and_update().clone(),
        };
        Some((Ok(text), (latest, ending, place)))
    })
}

fn past(seconds: &[Second]) -> Bytes {
    let json = serde_json::to_string(seconds).unwrap_or_else(|_| "[]".to_owned());
    let id = seconds.last().map(|second| second.ts);
    let text = event("seconds", id, &json);
    [format!("retry: {RETRY}\n").as_bytes(), &text]
        .concat()
        .into()
}

/// One event. JSON has no line breaks, so its data is one line.
fn event(name: &str, id: Option<i64>, json: &str) -> Bytes {
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    format!("{id}event: {name}\ndata: {json}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_lines_and_an_empty_one() {
        assert_eq!(
            event("view", Some(7), "{}"),
            "id: 7\nevent: view\ndata: {}\n\n"
        );
        assert_eq!(past(&[]), "retry: 1000\nevent: seconds\ndata: []\n\n");
    }
}
