//! The pages' files, as they are embedded.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::answer::Failure;

/// One file.
struct File {
    /// Its path, without a slash before it.
    name: &'static str,
    /// Its content type.
    kind: &'static str,
    /// Its entity tag, in quotes: a hash of its content.
    tag: &'static str,
    bytes: &'static [u8],
    /// The same, compressed, where that is worth it.
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Files in this folder have a hash of their content in their name: what was fetched once is good for ever.
const HASHED: &str = "assets/";
/// What every path is that only the page itself knows.
const INDEX: &str = "index.html";

fn find(name: &str) -> Option<&'static File> {
    FILES
        .binary_search_by(|file| file.name.cmp(name))
        .ok()
        .and_then(|at| FILES.get(at))
}

/// The file of that path; the page itself for a path that is none of a file.
fn of_path(path: &str) -> Option<&'static File> {
    let name = path.trim_start_matches('/');
    let last = name.rsplit('/').next().unwrap_or_default();
    match find(name) {
        Some(file) => Some(file),
        // Where something like a file is meant, a page would only confuse.
        None if last.contains('.') || name.starts_with(HASHED) => None,
        None => find(INDEX),
    }
}

/// Answers with a file.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "files are only read",
        )
        .into_response();
    }
    match of_path(uri.path()) {
        Some(file) => answer(file, &headers),
        None => Failure::missing("path", format!("there is no {}", uri.path())).into_response(),
    }
}

fn answer(file: &'static File, asked: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, file.kind);
    set(header::ETAG, file.tag);
    set(header::VARY, "accept-encoding");
    set(
        header::CACHE_CONTROL,
        if file.name.starts_with(HASHED) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        },
    );
    let text = |name| asked.get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|tags| tags.contains(file.tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let takes_gzip = text(header::ACCEPT_ENCODING).is_some_and(|list| {
        list.split(',')
            .any(|way| matches!(way.trim(), "gzip" | "*") || way.trim().starts_with("gzip;q=0."))
    });
    match file.gzip.filter(|_| takes_gzip) {
        Some(gzip) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            (headers, gzip).into_response()
        }
        None => (headers, file.bytes).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_can_be_found_by_halves() {
        assert!(FILES.is_sorted_by(|a, b| a.name < b.name));
        assert!(find(INDEX).is_some());
    }

    #[test]
    fn paths_of_the_page_are_the_page_and_missing_files_are_missing() {
        for path in ["/", "/flows", "/hosts/192"] {
            assert_eq!(of_path(path).map(|file| file.name), Some(INDEX), "{path}");
        }
        for path in ["/favicon.nothing", "/assets/gone", "/../Cargo.toml"] {
            assert!(of_path(path).is_none(), "{path}");
        }
    }

    #[test]
    fn an_entity_tag_saves_the_body() {
        let index = find(INDEX).expect("always there");
        let mut asked = HeaderMap::new();
        assert_eq!(answer(index, &asked).status(), StatusCode::OK);
        asked.insert(header::IF_NONE_MATCH, HeaderValue::from_static(index.tag));
        assert_eq!(answer(index, &asked).status(), StatusCode::NOT_MODIFIED);
    }
}
