//! Countries and autonomous systems, out of databases that the tests make.

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use common::{Item, country, database, system};
use portreeve_facts::{Config, Database, DatabaseError, Databases, Knowledge, Live, Networks, Now};
use portreeve_record::facts::End;
use portreeve_record::{Conn, Fate, Joiner, Record, RecordContext};
use tempfile::TempDir;

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn open(folder: &TempDir, name: &str, bytes: &[u8]) -> Arc<Database> {
    Arc::new(Database::open(&file(folder, name, bytes)).unwrap())
}

/// What a conn record from `orig` to `resp` gets.
fn told(knowledge: &mut Knowledge, orig: &str, resp: &str) -> (End, End) {
    let mut context = RecordContext::default();
    let conn = Conn {
        orig_h: orig.parse().unwrap(),
        resp_h: resp.parse().unwrap(),
        ..Conn::default()
    };
    let mut made = Vec::new();
    let record = Record::Conn(conn);
    assert_eq!(knowledge.join(&record, &mut made), Fate::Write);
    knowledge.describe(&record, &mut context);
    let facts = context.facts().cloned().unwrap_or_default();
    (facts.orig, facts.resp)
}

fn end(country: Option<&str>, asn: Option<u32>, organisation: Option<&str>) -> End {
    End {
        name: None,
        country: country.map(Arc::from),
        asn,
        organisation: organisation.map(Arc::from),
    }
}

fn knowledge(country: Option<Arc<Database>>, asn: Option<Arc<Database>>) -> (Knowledge, Arc<Live>) {
    let live = Arc::new(Live::new(Now {
        config: None,
        networks: Networks::default(),
        databases: Databases { country, asn },
    }));
    (Knowledge::new(&Config::default(), Arc::clone(&live)), live)
}

#[test]
fn ends_get_their_places() {
    let folder = TempDir::new().unwrap();
    let countries = database(
        "Test-Country",
        &[
            ("192.0.2.0", 24, country("NL")),
            ("2001:db8::", 32, country("JP")),
            ("198.51.100.0", 24, country("not a code")),
        ],
    );
    let systems = database(
        "Test-ASN",
        &[
            ("192.0.2.0", 25, system(64496, "Example Ä Networks")),
            ("2001:db8:1::", 48, system(4_200_000_000, "")),
        ],
    );
    let (mut knowledge, _) = knowledge(
        Some(open(&folder, "country.mmdb", &countries)),
        Some(open(&folder, "asn.mmdb", &systems)),
    );
    for _ in 0..2 {
        assert_eq!(
            told(&mut knowledge, "192.0.2.1", "192.0.2.129"),
            (
                end(Some("NL"), Some(64496), Some("Example Ä Networks")),
                end(Some("NL"), None, None)
            )
        );
        assert_eq!(
            told(&mut knowledge, "2001:db8:1::1", "198.51.100.1"),
            (
                end(Some("JP"), Some(4_200_000_000), None),
                end(None, None, None)
            )
        );
        // What was known of the record before is forgotten.
        assert_eq!(
            told(&mut knowledge, "10.0.0.1", "::1"),
            (End::default(), End::default())
        );
    }
}

#[test]
fn the_flat_form_of_others_is_read_too() {
    let folder = TempDir::new().unwrap();
    let flat = database(
        "Test-Lite",
        &[(
            "192.0.2.0",
            24,
            Item::Map(vec![
                ("country_code", Item::Text("DE")),
                ("country", Item::Text("Germany")),
                ("asn", Item::Text("AS64497")),
                ("as_name", Item::Text("Example")),
            ]),
        )],
    );
    let one = open(&folder, "lite.mmdb", &flat);
    let (mut knowledge, _) = knowledge(Some(Arc::clone(&one)), Some(one));
    assert_eq!(
        told(&mut knowledge, "192.0.2.1", "10.0.0.1").0,
        end(Some("DE"), Some(64497), Some("Example"))
    );
}

#[test]
fn damaged_files_are_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let whole = database("Test-Country", &[("192.0.2.0", 24, country("NL"))]);
    let missing = Database::open(&folder.path().join("none.mmdb")).unwrap_err();
    assert!(matches!(missing, DatabaseError::Read(..)), "{missing}");
    // Cut off wherever: without its metadata, which stand at the end, it is none. What is cut out of its middle moves all that stands behind.
    for cut in (0..whole.len() - 1).step_by(7) {
        let path = file(&folder, "cut.mmdb", &whole[..cut]);
        let error = Database::open(&path).unwrap_err();
        assert!(
            matches!(error, DatabaseError::Damaged(..)),
            "{cut}: {error}"
        );
        assert!(error.to_string().contains("cut.mmdb"), "{error}");
    }
    let mut shorter = whole.clone();
    shorter.drain(100..400);
    let path = file(&folder, "shorter.mmdb", &shorter);
    assert!(Database::open(&path).is_err());
    // Bytes that are others: refused, or read to some end.
    for at in 0..whole.len() {
        let mut other = whole.clone();
        other[at] ^= 0xff;
        let path = file(&folder, "other.mmdb", &other);
        if let Ok(database) = Database::open(&path) {
            let (mut knowledge, _) = knowledge(Some(Arc::new(database)), None);
            told(&mut knowledge, "192.0.2.1", "2001:db8::1");
        }
    }
}

#[test]
fn a_file_is_read_again_when_it_is_another() {
    let folder = TempDir::new().unwrap();
    let of = |code| database("Test-Country", &[("192.0.2.0", 24, country(code))]);
    let path = file(&folder, "country.mmdb", &of("NL"));
    let first = Database::reopen(None, &path).unwrap();
    let (mut knowledge, live) = knowledge(Some(Arc::clone(&first)), None);
    let code = |knowledge: &mut Knowledge| told(knowledge, "192.0.2.1", "10.0.0.1").0.country;
    assert_eq!(code(&mut knowledge).as_deref(), Some("NL"));
    let same = Database::reopen(Some(&first), &path).unwrap();
    assert!(Arc::ptr_eq(&first, &same));
    // As such files are replaced: by one that was made beside it.
    let beside = file(&folder, "beside.mmdb", &of("BE"));
    std::fs::rename(beside, &path).unwrap();
    let second = Database::reopen(Some(&first), &path).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    live.change(Now {
        config: None,
        networks: Networks::default(),
        databases: Databases {
            country: Some(second),
            asn: None,
        },
    });
    assert_eq!(code(&mut knowledge).as_deref(), Some("BE"));
    live.change(Now::default());
    assert_eq!(code(&mut knowledge), None);
}
