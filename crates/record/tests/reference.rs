//! The page docs/reference-records.md follows from the schema.

use std::fmt::Write;
use std::path::PathBuf;

use portreeve_record::field::{Info, Ipfix, Origin};
use portreeve_record::schema::logs;

const INTRODUCTION: &str = "\
# Records

<!-- Generated from crates/record. To change it, change the schema, then run
     PORTREEVE_WRITE_DOCS=1 cargo test -p portreeve-record --test reference -->

What Portreeve writes, log by log and field by field. Names and order are Zeek's; fields marked *added* are
Portreeve's own and stand behind Zeek's.

Times are seconds since 1970 UTC with six decimals, intervals are seconds, byte counts are bytes on the wire. In
Zeek JSON a field without a value is left out, in Zeek TSV it is `-`. In EVE a field stands at the path given here.
*Orig* is the side that began, *resp* the other.

Fields marked *TCP* are facts that only TCP has: unset for other protocols. Fields marked *counter* are Portreeve's own counts
of things that mostly do not happen: in the JSON dialects (Zeek JSON and EVE) they are left out where they are 0. **A counter that
is not there is 0.** In Zeek TSV every column is written: `0`, or `-` where the protocol cannot have it. Zeek's own fields
are written as Zeek writes them, 0 included.

Differences to Zeek, on purpose:

- `proto` names common transports that Zeek writes as `unknown_transport` (`sctp`, `gre`, `esp` …). `ip_proto` is the number in both.
- SCTP and UDP-Lite have their ports; Zeek writes 0.
- `source` in `weird` is the interface or file; Zeek writes an analyzer's name there.
- What is below a microsecond is cut off, not rounded; formats with nanoseconds keep it.

IPFIX elements are IANA's by number; *reverse* ones are the same element for the direction from responder to
originator (enterprise 29305, RFC 5103); *own* ones stand under the enterprise number of the configuration (32473,
for documentation, until one is registered).
";

fn ipfix(element: Ipfix) -> String {
    match element {
        Ipfix::Iana(id) => id.to_string(),
        Ipfix::Reverse(id) => format!("reverse {id}"),
        Ipfix::ByFamily(v4, v6) => format!("{v4} / {v6}"),
        Ipfix::Own(id) => format!("own {id}"),
        other => format!("{other:?}"),
    }
}

fn row(page: &mut String, field: &Info) {
    let marks: Vec<&str> = [
        (field.origin == Origin::Added, "added"),
        (field.tcp, "TCP"),
        (field.counter, "counter"),
    ]
    .into_iter()
    .filter_map(|(is, mark)| is.then_some(mark))
    .collect();
    let added = match marks.join(", ") {
        marks if marks.is_empty() => marks,
        marks => format!("*{marks}.* "),
    };
    let optional = if field.optional { " or unset" } else { "" };
    writeln!(
        page,
        "| `{}` | {}{optional} | {added}{} | `{}` | {} | {} | {} |",
        field.name,
        field.kind.zeek(),
        field.doc,
        field.eve,
        field.storage.arrow(),
        field.clickhouse(),
        ipfix(field.ipfix),
    )
    .unwrap();
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for log in logs() {
        write!(page, "\n## {}\n\n{}\n", log.path, log.doc).unwrap();
        if log.path == "conn_update" {
            page.push_str(
                "\nIts fields are those of `conn`; its EVE events are of the type `flow_update`.\n",
            );
            continue;
        }
        page.push_str("\n| field | type | what it says | EVE | Arrow | ClickHouse | IPFIX |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        for field in &log.fields {
            row(&mut page, field);
        }
    }
    page
}

#[test]
fn the_page_in_docs_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference-records.md");
    if std::env::var_os("PORTREEVE_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page(),
        "docs/reference-records.md is not what the schema says; write it anew with\n  PORTREEVE_WRITE_DOCS=1 cargo test -p portreeve-record --test reference"
    );
}

#[test]
fn no_cell_breaks_the_table() {
    for log in logs() {
        for field in log.fields {
            assert!(!field.doc.contains(['|', '\n']), "{}", field.name);
        }
    }
}
