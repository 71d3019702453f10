//! Where in the server's tree of files the client is.

/// The longest path that is kept.
const MAX_PATH: usize = 4096;

/// `file` as seen from `folder`, without what goes up again and slashes that say nothing. A first `.` stays, as in Zeek.
pub(super) fn join(folder: &str, file: &str) -> String {
    let whole = if file.starts_with('/') {
        file.to_owned()
    } else {
        format!("{folder}/{file}")
    };
    let whole = whole.get(..MAX_PATH).unwrap_or(&whole);
    let mut parts: Vec<&str> = Vec::new();
    for (at, part) in whole.split('/').enumerate() {
        match part {
            "" => {}
            "." if at > 0 => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if whole.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// The path in a server's reply to `PWD`: what stands in quotes (RFC 959 appendix II).
pub(super) fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('"')?;
    let (path, _) = rest.split_once('"')?;
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined() {
        assert_eq!(join(".", "robots.txt"), "./robots.txt");
        assert_eq!(join("/pub/a", "../b//c/./d/"), "/pub/b/c/d");
        assert_eq!(join("/pub", "/etc"), "/etc");
        assert_eq!(join("/", "../x"), "/../x");
        assert_eq!(join(".", ".."), "");
        assert_eq!(quoted("\"/a b\" is cwd"), Some("/a b"));
    }
}
