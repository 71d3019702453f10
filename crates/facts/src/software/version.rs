//! What a program says of itself, taken apart: its name and version, by the rules of Zeek's software framework, oddities included, so that both say the same.

use std::sync::{Arc, LazyLock};

use portreeve_record::app::software::Version;
use regex_lite::Regex;

use super::browser;

/// A program's name and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) name: Arc<str>,
    pub(crate) version: Version,
}

/// A pattern of ours.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("our patterns are sound")
}

struct Patterns {
    pixel: Regex,
    /// A version, with what divides it from the name.
    version: Regex,
    /// What divides a name from its version.
    divider: Regex,
    /// The same at the end of a name.
    divider_at_end: Regex,
    /// What may stand before the numbers of a version.
    before_numbers: Regex,
    /// A remark in brackets.
    remark: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    pixel: pattern(r"A/[0-9.]*/Google/Pixel"),
    version: pattern(r"([/\-_]|( [(v]+))?[0-9\-._, ]{2,}"),
    divider: pattern(r"[/\-_]|( [(v]+)"),
    divider_at_end: pattern(r"([/\-_]|( [(v]+))$"),
    before_numbers: pattern(r"\(?[/\-._v(]"),
    remark: pattern(r"^[ \t]*\([a-zA-Z0-9\-._ \t]*\)"),
});

/// Takes apart what a program says of itself.
pub(crate) fn parse(said: &str) -> Description {
    if browser::is_one(said) {
        return browser::parse(said);
    }
    if PATTERNS.pixel.is_match(said) {
        return pixel(said);
    }
    let (name, version) = plain(&decoded(said));
    // Zeek's one alternative name.
    let name = if name == "Flash Player" {
        "Flash"
    } else {
        &name
    };
    Description {
        name: name.into(),
        version,
    }
}

/// The version of a piece that has one: `Chrome/10.0.648.205`.
pub(super) fn version_of(piece: &str) -> Version {
    parse(piece).version
}

fn pixel(said: &str) -> Description {
    let number = said.split('/').nth(1).unwrap_or_default();
    Description {
        name: "Android (Google Pixel)".into(),
        version: if number.contains('.') {
            plain(number).1
        } else {
            Version {
                major: Some(first_number(number)),
                ..Version::default()
            }
        },
    }
}

fn plain(said: &str) -> (String, Version) {
    let patterns = &*PATTERNS;
    let found = patterns.version.find(said);
    let before = found.map_or(said, |found| said.get(..found.start()).unwrap_or_default());
    let mut name = before.to_owned();
    if patterns.divider_at_end.is_match(&name) {
        // The first one, as Zeek, wherever it is.
        name = patterns.divider.replace(&name, "").trim().to_owned();
    }
    if name.starts_with('(') {
        name = name.replacen('(', "", 1);
    }
    let name = name.trim().to_owned();
    let Some(found) = found else {
        return (name, Version::default());
    };
    let behind = said.get(found.end()..).unwrap_or_default();
    (name, numbers(found.as_str(), behind))
}

/// `numbers` is the version with what divides it from the name, `behind` what follows.
fn numbers(numbers: &str, behind: &str) -> Version {
    let patterns = &*PATTERNS;
    let mut text = numbers.trim().to_owned();
    if text.starts_with(['/', '-', '.', '_', 'v', '(']) {
        text = patterns
            .before_numbers
            .replace(numbers, "")
            .trim()
            .to_owned();
    }
    let mut parts = text
        .splitn(4, ['-', '.', '_', ',', '[', '(', '{', ' '])
        .map(|part| Some(part).filter(|part| !part.is_empty()).map(first_number));
    Version {
        major: parts.next().flatten(),
        minor: parts.next().flatten(),
        minor2: parts.next().flatten(),
        minor3: parts.next().flatten(),
        addl: addition(behind).map(Into::into),
    }
}

/// What stands behind the numbers, as far as it tells something.
fn addition(behind: &str) -> Option<&str> {
    if behind.is_empty() || behind == ")" {
        return None;
    }
    if PATTERNS.remark.is_match(behind) {
        return behind.split(['(', ')']).nth(1);
    }
    let dividers = ['-', '.', '_', ',', ';', '[', ']', '(', ')', '{', '}', ' '];
    let mut pieces = behind.splitn(4, dividers).take(3);
    let piece = pieces.find(|piece| !piece.is_empty());
    Some(piece.unwrap_or(behind).trim())
}

/// The first number in a text; 0 if there is none, as in Zeek.
fn first_number(text: &str) -> u64 {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let digits = digits.get(..end).unwrap_or_default();
    if digits.is_empty() {
        0
    } else {
        // More than a number can be is the greatest there is.
        digits.parse().unwrap_or(u64::MAX)
    }
}

/// Bytes written as `%e6` or `\xe6` decoded, where they make characters that can be shown.
fn decoded(said: &str) -> String {
    if !said.contains('%') && !said.contains("\\x") {
        return said.to_owned();
    }
    let text = said.replace("\\x", "%");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        let hex = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => bytes.push(first),
        }
    }
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.retain(|c| !c.is_control());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: &str) -> (String, String) {
        let Description { name, version } = parse(said);
        let mut text = String::new();
        for number in [version.major, version.minor, version.minor2, version.minor3] {
            match number {
                Some(number) => text.push_str(&format!("{number}.")),
                None => text.push_str("-."),
            }
        }
        let text = text.trim_end_matches('.').to_owned();
        (
            name.as_ref().to_owned(),
            match version.addl {
                Some(addl) => format!("{text} {addl}"),
                None => text,
            },
        )
    }

    /// What Zeek's framework makes of these, by its own test of it.
    #[test]
    fn as_zeek_reads_them() {
        for (said, name, version) in [
            ("OpenSSH_4.4", "OpenSSH", "4.4.-.-"),
            ("Apache/1.3.19 (Unix)", "Apache", "1.3.19.- Unix"),
            (
                "Apache/2.0.63 (Unix) mod_auth_kerb/5.3 mod_ssl/2.0.63 OpenSSL/0.9.7a",
                "Apache",
                "2.0.63.- Unix",
            ),
            ("ProFTPD 1.2.5rc1 Server (Debian)", "ProFTPD", "1.2.5.- rc1"),
            ("wu-2.4.2-academ[BETA-18-VR14](1)", "wu", "2.4.2.- academ"),
            ("wu-2.6.2(1)", "wu", "2.6.2.- 1"),
            ("Java1.2.2-JDeveloper", "Java", "1.2.2.- JDeveloper"),
            ("Java/1.6.0_13", "Java", "1.6.0.13"),
            ("Java1.3.1_04", "Java", "1.3.1.4"),
            ("Python-urllib/3.1", "Python-urllib", "3.1.-.-"),
            ("libwww-perl/5.820", "libwww-perl", "5.820.-.-"),
            (
                "Wget/1.9+cvs-stable (Red Hat modified)",
                "Wget",
                "1.9.-.- +cvs",
            ),
            (
                "Wget/1.11.4 (Red Hat modified)",
                "Wget",
                "1.11.4.- Red Hat modified",
            ),
            (
                "curl/7.15.1 (i486-pc-linux-gnu) libcurl/7.15.1 OpenSSL/0.9.8a",
                "curl",
                "7.15.1.- i486-pc-linux-gnu",
            ),
            ("Apache", "Apache", "-.-.-.-"),
            (
                "Zope/(Zope 2.7.8-final, python 2.3.5, darwin) ZServer/1.1",
                "Zope/(Zope",
                "2.7.8.- final",
            ),
            (
                "The Bat! (v2.00.9) Personal",
                "The Bat!",
                "2.0.9.- Personal",
            ),
            (
                "The Bat! (3.0.1 RC3) Professional",
                "The Bat!",
                "3.0.1.- RC3",
            ),
            ("Flash/10,2,153,1", "Flash", "10.2.153.1"),
            (
                "Flash%20Player/26.0.0.137 CFNetwork/811.5.4 Darwin/16.6.0 (x86_64)",
                "Flash",
                "26.0.0.137 CFNetwork/811",
            ),
            (
                "mt2/1.2.3.967 Oct 13 2010-13:40:24 ord-pixel-x2 pid 0x35a3 13731",
                "mt2",
                "1.2.3.967 Oct",
            ),
            ("CacheFlyServe v26b", "CacheFlyServe", "26.-.-.- b"),
            (
                "Apple iPhone v4.3.1 Weather v1.0.0.8G4",
                "Apple iPhone",
                "4.3.1.- Weather",
            ),
            (
                "iTunes/9.0 (Macintosh; Intel Mac OS X 10.5.8) AppleWebKit/531.9",
                "iTunes",
                "9.0.-.- Macintosh",
            ),
            ("Total Commander", "Total Commander", "-.-.-.-"),
            ("(vsFTPd 2.0.5)", "vsFTPd", "2.0.5.-"),
            ("Apple Mail (2.1084)", "Apple Mail", "2.1084.-.-"),
            (
                "\\xe6\\xbc\\xab\\xe7\\x94\\xbb 2.6.2 rv:1.2 (iPhone; iOS 10.3.2; en_US)",
                "漫画",
                "2.6.2.- rv:1",
            ),
            (
                "QQ%E9%82%AE%E7%AE%B1/5.3.2.8 CFNetwork/811.5.4 Darwin/16.6.0",
                "QQ邮箱",
                "5.3.2.8 CFNetwork/811",
            ),
            (
                "A/8.1.0/Google/Pixel#2/walleye/unknown/QCX3/l1/-/2/-/google/3606/3607/-",
                "Android (Google Pixel)",
                "8.1.0.-",
            ),
            (
                "A/9/Google/Pixel#2/walleye/unknown/QCX3/l1/-/2/-/google/724998/724992/-",
                "Android (Google Pixel)",
                "9.-.-.-",
            ),
        ] {
            assert_eq!(read(said), (name.to_owned(), version.to_owned()), "{said}");
        }
    }

    #[test]
    fn odd_texts_are_read_to_some_end() {
        for said in [
            "",
            "/",
            "-.-",
            "99999999999999999999999.1",
            "%",
            "%zz\\x",
            "ä/1.2é",
            "(((",
            "a/1.2 ()",
            "Mozilla/5.",
            "Opera/9.",
        ] {
            read(said);
        }
        assert_eq!(
            read("x 99999999999999999999999.1").1,
            format!("{}.1.-.-", u64::MAX)
        );
    }
}
