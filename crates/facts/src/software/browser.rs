//! What browsers say of themselves: each also claims to be others, so that the order of the questions decides. It is that of Zeek's software framework.

use std::sync::LazyLock;

use portreeve_record::app::software::Version;
use regex_lite::Regex;

use super::version::{Description, pattern, version_of};

struct Patterns {
    browser: Regex,
    opera_at_end: Regex,
    msie: Regex,
    edge: Regex,
    safari: Regex,
    version: Regex,
    mobile: Regex,
    firefox: Regex,
    chrome: Regex,
    chrome_safari: Regex,
    opera_mini: Regex,
    opera_mini_or_mobi: Regex,
    air: Regex,
    webkit: Regex,
    java: Regex,
    java_version: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    browser: pattern(r"^(Mozilla|Opera)/[0-9]+\."),
    opera_at_end: pattern(r"Opera [0-9.]*$"),
    msie: pattern(r"MSIE [0-9]{1,2}\.*[0-9]*b?[0-9]*"),
    edge: pattern(r"Edge/[0-9.]*"),
    safari: pattern(r"Version/.*Safari/"),
    version: pattern(r"Version/[0-9.]*"),
    mobile: pattern(r" Mobile/?.* Safari"),
    firefox: pattern(r"(Firefox|Netscape|Thunderbird)/[0-9.]*"),
    chrome: pattern(r"Chrome/[0-9.]*"),
    chrome_safari: pattern(r"Chrome/.*Safari/"),
    opera_mini: pattern(r"Opera Mini/[0-9.]*"),
    opera_mini_or_mobi: pattern(r"Opera M(ini|obi)"),
    air: pattern(r"AdobeAIR/[0-9.]*"),
    webkit: pattern(r"AppleWebKit/[0-9.]*"),
    java: pattern(r" Java/[0-9]\."),
    java_version: pattern(r"Java/[0-9._]*"),
});

/// Whether it begins as browsers do.
pub(super) fn is_one(said: &str) -> bool {
    PATTERNS.browser.is_match(said)
}

/// The version in the first piece that fits.
fn found(piece: &Regex, said: &str) -> Version {
    piece
        .find(said)
        .map_or_else(Version::default, |piece| version_of(piece.as_str()))
}

fn named(name: &str, version: Version) -> Description {
    Description {
        name: name.into(),
        version,
    }
}

/// Which browser, and its version.
pub(super) fn parse(said: &str) -> Description {
    let p = &*PATTERNS;
    if p.opera_at_end.is_match(said) {
        named("Opera", found(&p.opera_at_end, said))
    } else if said.contains(" MSIE ") || said.contains("Trident/") {
        named("MSIE", msie(said))
    } else if said.contains("Edge/") {
        named("Edge", found(&p.edge, said))
    } else if p.safari.is_match(said) {
        let mut version = found(&p.version, said);
        if p.mobile.is_match(said) {
            version.addl = Some("Mobile".into());
        }
        named("Safari", version)
    } else if let Some(piece) = p.firefox.find(said) {
        super::version::parse(piece.as_str())
    } else if p.chrome_safari.is_match(said) {
        named("Chrome", found(&p.chrome, said))
    } else if said.starts_with("Opera/") {
        opera(said)
    } else if said.contains("Flash%20Player") {
        let version = said.split(['/', ' ']).nth(1).map(version_of);
        named("Flash", version.unwrap_or_default())
    } else if p.air.is_match(said) {
        named("AdobeAIR", found(&p.air, said))
    } else if p.webkit.is_match(said) {
        named("Unspecified WebKit", found(&p.webkit, said))
    } else if p.java.is_match(said) {
        named("Java", found(&p.java_version, said))
    } else {
        named("<unknown browser>", Version::default())
    }
}

/// The engine tells the true version: in its compatibility view the browser claims to be an older one.
fn msie(said: &str) -> Version {
    for (engine, major) in [
        ("Trident/4.0", 8),
        ("Trident/5.0", 9),
        ("Trident/6.0", 10),
        ("Trident/7.0", 11),
    ] {
        if said.contains(engine) {
            return Version {
                major: Some(major),
                minor: Some(0),
                ..Version::default()
            };
        }
    }
    found(&PATTERNS.msie, said)
}

fn opera(said: &str) -> Description {
    let p = &*PATTERNS;
    let version = || {
        if p.version.is_match(said) {
            found(&p.version, said)
        } else {
            found(&p.opera_mini, said)
        }
    };
    match p.opera_mini_or_mobi.find(said) {
        Some(small) if said.get(small.end()..).is_some_and(|b| b.starts_with('/')) => {
            named(small.as_str(), version())
        }
        _ => named("Opera", found(&p.version, said)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::version::parse;

    /// What Zeek's framework makes of these, by its own test of it.
    #[test]
    fn as_zeek_reads_them() {
        for (said, name, version, addl) in [
            (
                "Mozilla/5.0 (iPhone; U; CPU iPhone OS 4_3_2 like Mac OS X; en-us) AppleWebKit/533.17.9 (KHTML, like Gecko) Version/5.0.2 Mobile/8H7 Safari/6533.18.5",
                "Safari",
                &[5, 0, 2][..],
                Some("Mobile"),
            ),
            (
                "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_6_7; en-US) AppleWebKit/534.16 (KHTML, like Gecko) Chrome/10.0.648.205 Safari/534.16",
                "Chrome",
                &[10, 0, 648, 205],
                None,
            ),
            (
                "Opera/9.80 (Windows NT 6.1; U; sv) Presto/2.7.62 Version/11.01",
                "Opera",
                &[11, 1],
                None,
            ),
            (
                "Mozilla/5.0 (Windows; U; Windows NT 5.1; de; rv:1.9.2.11) Gecko/20101013 Lightning/1.0b2 Thunderbird/3.1.5",
                "Thunderbird",
                &[3, 1, 5],
                None,
            ),
            (
                "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_6_6; en-us) AppleWebKit/533.20.25 (KHTML, like Gecko) Version/5.0.4 Safari/533.20.27",
                "Safari",
                &[5, 0, 4],
                None,
            ),
            (
                "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25 Version/10.54",
                "Opera Mini",
                &[10, 54],
                None,
            ),
            (
                "Opera/9.80 (J2ME/MIDP; Opera Mini/5.0.18741/18.794; U; en) Presto/2.4.15",
                "Opera Mini",
                &[5, 0, 18741],
                None,
            ),
            (
                "Opera/9.80 (Windows NT 5.1; Opera Mobi/49; U; en) Presto/2.4.18 Version/10.00",
                "Opera Mobi",
                &[10, 0],
                None,
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 8.0; Android 2.2.2; Linux; Opera Mobi/ADR-1103311355; en) Opera 11.00",
                "Opera",
                &[11, 0],
                None,
            ),
            (
                "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.7.2) Gecko/20040804 Netscape/7.2 (ax)",
                "Netscape",
                &[7, 2],
                None,
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0; GTB5; SLCC1; .NET CLR 2.0.50727)",
                "MSIE",
                &[7, 0],
                None,
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 7.0b; Windows NT 5.1; Media Center PC 3.0)",
                "MSIE",
                &[7, 0],
                Some("b"),
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2)",
                "MSIE",
                &[8, 0],
                None,
            ),
            (
                "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko",
                "MSIE",
                &[11, 0],
                None,
            ),
            (
                "Mozilla/5.0 (Macintosh; U; PPC Mac OS X; en) AppleWebKit/420+ (KHTML, like Gecko) AdobeAIR/1.0",
                "AdobeAIR",
                &[1, 0],
                None,
            ),
            (
                "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063",
                "Edge",
                &[15, 15063],
                None,
            ),
        ] {
            let read = parse(said);
            let v = &read.version;
            let numbers: Vec<u64> = [v.major, v.minor, v.minor2, v.minor3]
                .into_iter()
                .flatten()
                .collect();
            assert_eq!(
                (&*read.name, &numbers[..], v.addl.as_deref()),
                (name, version, addl),
                "{said}"
            );
        }
    }
}
