//! Every dialect writes every field of every record, and independent readers read the values back.

mod common;

use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_record::app::software::{Software, Version};
use portreeve_record::field::Origin;
use portreeve_record::schema::logs;
use portreeve_record::value::Items;
use portreeve_record::{App, Record, RecordContext, Value};
use serde_json::Value as Json;

use common::{context, full, records};

fn line(dialect: Dialect, time: TimeFormat, record: &Record, context: &RecordContext) -> String {
    let mut out = Vec::new();
    Formatter::new(dialect, time, true).record(&mut out, record, context);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    text.strip_suffix('\n').unwrap().to_owned()
}

/// A number of seconds as text, without floating point.
fn seconds(nanoseconds: i64) -> String {
    format!(
        "{}.{:06}",
        nanoseconds / 1_000_000_000,
        nanoseconds % 1_000_000_000 / 1000
    )
}

/// What a value must read as in TSV, by the rules of Zeek's log format.
fn tsv_text(value: &Value<'_>) -> String {
    match value {
        Value::Unset => "-".into(),
        Value::Time(ns) | Value::Interval(ns) => seconds(*ns),
        Value::Addr(address) => address.to_string(),
        Value::Port(port) => port.to_string(),
        Value::Count(count) => count.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Double(double) => format!("{double:?}"),
        Value::Bool(bool) => if *bool { "T" } else { "F" }.into(),
        Value::Str(text) | Value::Word(text) => text.to_string(),
        Value::Letters(letters) => String::from_utf8(letters.to_vec()).unwrap(),
        Value::Uid(uid) => uid.to_string(),
        Value::Text(text) => text.as_str().into(),
        Value::Set(Items::Uids(uids)) => uids.iter().map(ToString::to_string).collect(),
        Value::Set(Items::Texts(texts)) => texts.join(","),
        Value::Set(Items::Intervals(list)) => list
            .iter()
            .map(|ns| seconds(*ns))
            .collect::<Vec<_>>()
            .join(","),
        other => panic!("no rule for {other:?}"),
    }
}

fn json_is(json: &Json, value: &Value<'_>) -> bool {
    match value {
        Value::Bool(bool) => json.as_bool() == Some(*bool),
        Value::Count(count) => json.as_u64() == Some(*count),
        Value::Int(int) => json.as_i64() == Some(*int),
        Value::Port(port) => json.as_u64() == Some((*port).into()),
        Value::Double(double) => json.as_f64() == Some(*double),
        Value::Time(ns) | Value::Interval(ns) => json.as_f64() == seconds(*ns).parse().ok(),
        Value::Set(Items::Texts(texts)) => {
            let texts = texts.iter().map(|text| Some(&**text));
            json.as_array()
                .is_some_and(|found| found.iter().map(Json::as_str).eq(texts))
        }
        Value::Set(Items::Intervals(list)) => json.as_array().is_some_and(|found| {
            let times = list.iter().map(|ns| seconds(*ns).parse::<f64>().ok());
            found.iter().map(Json::as_f64).eq(times)
        }),
        Value::Set(_) => json[0].as_str() == Some(&tsv_text(value)),
        _ => json.as_str() == Some(&tsv_text(value)),
    }
}

#[test]
fn zeek_json_has_every_field_under_its_name() {
    let context = context();
    for record in records() {
        let text = line(Dialect::ZeekJson, TimeFormat::Epoch, &record, &context);
        let json: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(json["_path"], record.path());
        let mut set = 1;
        record.each_field(&context, |info, value| {
            if value.is_unset() {
                assert!(json.get(info.name).is_none(), "{}", info.name);
                assert!(info.optional, "{} is unset", info.name);
            } else if info.counter && value == Value::Count(0) {
                assert!(json.get(info.name).is_none(), "{}", info.name);
                assert_eq!(info.origin, Origin::Added, "{}", info.name);
            } else {
                set += 1;
                assert!(json_is(&json[info.name], &value), "{} in {text}", info.name);
            }
        });
        assert_eq!(json.as_object().unwrap().len(), set, "no member twice");
    }
}

#[test]
fn zeek_tsv_columns_agree_with_their_header() {
    let context = context();
    for record in records() {
        let mut out = Vec::new();
        let mut formatter = Formatter::new(Dialect::ZeekTsv, TimeFormat::Epoch, true);
        formatter.header(&mut out, record.path(), UNIX_EPOCH);
        formatter.record(&mut out, &record, &context);
        formatter.footer(&mut out, UNIX_EPOCH);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "#separator \\x09");
        assert_eq!(lines[4], format!("#path\t{}", record.path()));
        assert_eq!(lines[5], "#open\t1970-01-01-00-00-00");
        assert_eq!(lines[9], "#close\t1970-01-01-00-00-00");
        let columns: Vec<&str> = lines[8].split('\t').collect();
        let names: Vec<&str> = lines[6].split('\t').skip(1).collect();
        let types: Vec<&str> = lines[7].split('\t').skip(1).collect();
        assert_eq!((names.len(), types.len()), (columns.len(), columns.len()));
        let mut i = 0;
        record.each_field(&context, |info, value| {
            assert_eq!((names[i], types[i]), (info.name, info.kind.zeek()));
            let back = columns[i].replace("\\x09", "\t");
            assert_eq!(back, tsv_text(&value), "{}", info.name);
            i += 1;
        });
        assert_eq!(i, columns.len());
    }
}

#[test]
fn eve_has_every_field_at_its_path() {
    let context = context();
    for record in records() {
        let text = line(Dialect::Eve, TimeFormat::Epoch, &record, &context);
        let json: Json = serde_json::from_str(&text).unwrap();
        record.each_field(&context, |info, value| {
            let at = info
                .eve
                .split('.')
                .fold(&json, |object, name| &object[name]);
            let found = match (info.eve, &value) {
                (_, Value::Unset) => info.eve == "vlan" || at.is_null(),
                ("flow.start" | "timestamp", _) => at.as_str().is_some_and(|t| t.len() == 31),
                ("proto", _) => at == "TCP" || at == "000",
                ("vlan", Value::Int(n)) => at.as_array().unwrap().contains(&(*n).into()),
                (_, Value::Count(0)) if info.counter => at.is_null(),
                (_, Value::Port(_)) if json["proto"] == "000" => at.is_null(),
                _ => json_is(at, &value),
            };
            assert!(
                found,
                "{} = {value:?} is not at {} in {text}",
                info.name, info.eve
            );
        });
    }
}

/// A reader keeps the last of two members with the same name: what belongs into one object has to be in one.
#[test]
fn eves_objects_inside_have_all_their_members() {
    let version = Version {
        major: Some(2),
        minor: Some(4),
        minor3: Some(0),
        addl: Some("beta".into()),
        ..Version::default()
    };
    let record = Record::App(App::from(Software {
        name: Some("Apache".into()),
        version,
        unparsed_version: "Apache/2.4..0beta".into(),
        ..Software::default()
    }));
    let text = line(Dialect::Eve, TimeFormat::Epoch, &record, &context());
    let json: Json = serde_json::from_str(&text).unwrap();
    let software = &json["software"];
    assert_eq!(
        software["version"],
        serde_json::json!({"major": 2, "minor": 4, "minor3": 0, "addl": "beta"})
    );
    assert_eq!(software["name"], "Apache");
    assert_eq!(software["unparsed_version"], "Apache/2.4..0beta");
}

#[test]
fn no_two_fields_share_a_name_or_element_and_eve_paths_only_on_purpose() {
    for log in logs() {
        let mut names = HashMap::new();
        let mut elements = HashMap::new();
        let mut paths = HashMap::new();
        for field in &log.fields {
            assert!(names.insert(field.name, ()).is_none(), "{}", field.name);
            assert!(
                elements.insert(field.ipfix, ()).is_none(),
                "{}: {:?}",
                field.name,
                field.ipfix
            );
            assert!(
                paths.insert(field.eve, ()).is_none() || field.name == "inner_vlan",
                "{}",
                field.eve
            );
            assert!(
                field.doc.ends_with(['.', ')']),
                "{}: {}",
                field.name,
                field.doc
            );
        }
    }
}

#[test]
fn time_formats() {
    let record = Record::Conn(full());
    let at = |time| {
        let text = line(Dialect::ZeekJson, time, &record, &context());
        text.split("\"ts\":")
            .nth(1)
            .unwrap()
            .split(",\"uid\"")
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(at(TimeFormat::Epoch), "1300475167.096535");
    assert_eq!(at(TimeFormat::EpochNs), "1300475167.096535123");
    assert_eq!(at(TimeFormat::Iso8601), "\"2011-03-18T19:06:07.096535Z\"");
    assert_eq!(
        at(TimeFormat::Iso8601Ns),
        "\"2011-03-18T19:06:07.096535123Z\""
    );
}

#[test]
fn eve_flow_reads_as_suricata_wrote_it() {
    let text = line(
        Dialect::Eve,
        TimeFormat::Epoch,
        &Record::Conn(full()),
        &context(),
    );
    let json: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(json["event_type"], "flow");
    assert_eq!(json["timestamp"], "2011-03-18T19:06:09.596535+0000");
    assert_eq!(json["vlan"], serde_json::json!([11, 12]));
    assert_eq!(json["flow"]["start"], "2011-03-18T19:06:07.096535+0000");
    assert_eq!(json["flow"]["age"], 2);
    assert_eq!(json["flow"]["state"], "closed");
    assert_eq!(json["flow"]["reason"], "timeout");
    assert_eq!(json["flow"]["alerted"], false);
    assert_eq!(json["tcp"]["tcp_flags"], "13");
    assert_eq!(json["tcp"]["syn"], true);
    assert_eq!(json["tcp"]["rst"], Json::Null);
    assert_eq!(json["tcp"]["state"], "closed");
}
