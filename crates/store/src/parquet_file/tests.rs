use arrow::array::{
    BooleanArray, DictionaryArray, Float64Array, Int64Array, ListArray, StringArray,
    TimestampNanosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::compute::{concat_batches, take_record_batch};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::*;
use crate::schema::adapt;

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % most
    }

    fn some(&mut self, share: u64, most: u64) -> Option<u64> {
        (self.below(100) < share).then(|| self.below(most))
    }
}

/// Columns of every kind that a table has, and of every way in which values repeat.
fn batch(rows: usize) -> RecordBatch {
    let mut random = Random(rows as u64);
    let mut numbers =
        |share, most| -> Vec<Option<u64>> { (0..rows).map(|_| random.some(share, most)).collect() };
    let u64s = |values: Vec<Option<u64>>| Arc::new(UInt64Array::from(values)) as ArrayRef;
    let u32s = |values: Vec<Option<u64>>| {
        let values = values
            .into_iter()
            .map(|value| value.map(|value| value as u32));
        Arc::new(values.collect::<UInt32Array>()) as ArrayRef
    };
    let names = |values: Vec<Option<u64>>| {
        let texts: Vec<Option<String>> = values
            .into_iter()
            .map(|value| value.map(|value| format!("{value:x}")))
            .collect();
        let texts = texts.iter().map(Option::as_deref);
        Arc::new(texts.collect::<DictionaryArray<Int32Type>>()) as ArrayRef
    };
    let hashes = numbers(100, 1 << 30);
    let hashes = hashes
        .iter()
        .map(|value| value.map(|value| format!("{value:018x}")));
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "ts",
            Arc::new(
                TimestampNanosecondArray::from_iter_values(
                    numbers(100, 1 << 40)
                        .into_iter()
                        .flatten()
                        .map(|ts| ts as i64),
                )
                .with_timezone("UTC"),
            ),
        ),
        ("uid", Arc::new(hashes.collect::<StringArray>())),
        ("community_id", Arc::new(StringArray::new_null(rows))),
        ("zero", u64s(vec![Some(0); rows])),
        ("none", u64s(vec![None; rows])),
        ("few", u64s(numbers(100, 20))),
        ("rare", u32s(numbers(1, 5))),
        ("half", u32s(numbers(50, 70_000))),
        ("port", {
            let ports = numbers(90, 65_536).into_iter();
            let ports = ports.map(|value| value.map(|value| value as u16));
            Arc::new(ports.collect::<UInt16Array>())
        }),
        (
            "proto",
            Arc::new(UInt8Array::from_iter_values(
                (0..rows).map(|row| (row % 3) as u8),
            )),
        ),
        ("large", u64s(numbers(100, 1 << 31))),
        (
            "repeated",
            u64s(
                numbers(70, 100)
                    .into_iter()
                    .map(|v| v.map(|v| v << 40 | 1 << 63))
                    .collect(),
            ),
        ),
        ("signed", {
            let values = numbers(60, 1 << 20).into_iter();
            let values = values.map(|value| value.map(|value| value as i64 - (1 << 19)));
            Arc::new(values.collect::<Int64Array>())
        }),
        ("minus", Arc::new(Int64Array::from(vec![-1; rows]))),
        (
            "real",
            Arc::new(Float64Array::from_iter(
                numbers(50, 9)
                    .into_iter()
                    .map(|v| v.map(|v| v as f64 / 4.0)),
            )),
        ),
        (
            "yes",
            Arc::new(
                numbers(80, 2)
                    .into_iter()
                    .map(|v| v.map(|v| v == 1))
                    .collect::<BooleanArray>(),
            ),
        ),
        ("name", names(numbers(60, 12))),
        ("address", names(numbers(100, 90_000))),
        ("sensor", names(vec![Some(7); rows])),
        ("gone", names(vec![None; rows])),
        ("text", {
            let texts = numbers(50, 5000).into_iter();
            let texts = texts.map(|value| value.map(|value| "x".repeat(value as usize % 70)));
            Arc::new(texts.collect::<StringArray>())
        }),
        ("list", {
            let lists = numbers(40, 4).into_iter();
            let lists =
                lists.map(|value| value.map(|value| vec![Some(value as i64); value as usize]));
            Arc::new(ListArray::from_iter_primitive::<
                arrow::datatypes::Int64Type,
                _,
                _,
            >(lists))
        }),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("portreeve-parquet-{}-{name}", std::process::id()))
}

/// What the library reads of a file.
fn content(path: &Path, like: &RecordBatch) -> RecordBatch {
    let batches: Vec<RecordBatch> = read(path, 1 << 20).unwrap().map(Result::unwrap).collect();
    let batch = concat_batches(&batches[0].schema(), &batches).unwrap();
    adapt(&batch, &like.schema()).unwrap()
}

/// Dictionaries may be others: the texts count.
fn assert_same(found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(found.num_rows(), expected.num_rows());
    for (field, (found, expected)) in expected
        .schema()
        .fields()
        .iter()
        .zip(found.columns().iter().zip(expected.columns()))
    {
        let plain = |column: &ArrayRef| match column.data_type() {
            DataType::Dictionary(..) => arrow::compute::cast(column, &DataType::Utf8).unwrap(),
            _ => Arc::clone(column),
        };
        assert!(plain(found) == plain(expected), "{}", field.name());
    }
}

fn write(writer: &mut Writer, batch: &RecordBatch, order: &UInt32Array) {
    let column = |place| Ok::<_, StoreError>(Arc::clone(batch.column(place)));
    writer.write_group(order, column).unwrap();
}

fn as_they_are(rows: usize) -> UInt32Array {
    UInt32Array::from_iter_values(0..rows as u32)
}

#[test]
fn what_is_written_as_a_group_is_read_by_the_library() {
    for rows in [1, 7, 8, 9, 255, 20_000, 20_001, 70_001] {
        let batch = batch(rows);
        let path = path(&format!("group-{rows}"));
        let order = order(std::slice::from_ref(&batch), &path).unwrap();
        let order = UInt32Array::from_iter_values(order.into_iter().map(|(_, row)| row));
        let mut writer = Writer::create(&path, &batch.schema()).unwrap();
        write(&mut writer, &batch, &order);
        writer.finish().unwrap();
        let expected = take_record_batch(&batch, &order).unwrap();
        assert!(times(&expected).unwrap().is_sorted());
        assert_same(&content(&path, &batch), &expected);
        fs::remove_file(path).unwrap();
    }
}

/// What a file has in these columns, or that it cannot be read.
fn columns_of(path: &Path, places: &[usize]) -> Option<RecordBatch> {
    caught(|| {
        let mut batches = read(path, 1 << 20).ok()?.map(Result::ok);
        batches.next()??.project(places).ok()
    })
    .ok()?
}

/// Chunks that are made here have sums: one bit that is another is seen, but for those of the pages' headers.
#[test]
fn a_flipped_bit_is_an_error_and_not_another_value() {
    let batch = batch(6000);
    let path = path("flipped");
    let mut writer = Writer::create(&path, &batch.schema()).unwrap();
    write(&mut writer, &batch, &as_they_are(6000));
    writer.finish().unwrap();
    let (_, metadata) = metadata(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut random = Random(1);
    for name in [
        "ts", "uid", "few", "half", "port", "repeated", "signed", "address", "text",
    ] {
        let place = batch.schema().index_of(name).unwrap();
        let expected = columns_of(&path, &[place]).unwrap();
        let (from, length) = metadata.row_group(0).column(place).byte_range();
        let mut other = 0;
        for _ in 0..60 {
            let mut bytes = whole.clone();
            bytes[(from + random.below(length)) as usize] ^= 1 << random.below(8);
            fs::write(&path, bytes).unwrap();
            let found = columns_of(&path, &[place]);
            other += u32::from(found.is_some_and(|found| found != expected));
        }
        assert!(other <= 2, "{name}: {other} of 60");
        fs::write(&path, &whole).unwrap();
    }
    fs::remove_file(path).unwrap();
}

/// Numbers of every width, beside the least and the largest there are, as the library reads them.
#[test]
fn differences_of_any_width_are_read_by_the_library() {
    let mut random = Random(7);
    for rows in [1, 2, 33, 34, 129, 130, 20_001] {
        let mut number = |row: usize| match row % 41 {
            0 => i64::MIN,
            1 | 2 => i64::MAX,
            _ => {
                let bits = random.below(1 << 31) << 32 | random.below(1 << 31) << 1;
                (bits as i64) >> random.below(64)
            }
        };
        let numbers: Vec<i64> = (0..rows).map(&mut number).collect();
        let some = |row: usize| (!row.is_multiple_of(3)).then(|| numbers[row]);
        let batch = RecordBatch::try_from_iter_with_nullable([
            (
                "ts",
                Arc::new(TimestampNanosecondArray::from(numbers.clone())) as ArrayRef,
                true,
            ),
            (
                "some",
                Arc::new((0..rows).map(some).collect::<Int64Array>()) as ArrayRef,
                true,
            ),
            // A page without any, then one with some.
            (
                "late",
                Arc::new(
                    (0..rows)
                        .map(|row| some(row).filter(|_| row >= 20_000))
                        .collect::<Int64Array>(),
                ) as ArrayRef,
                true,
            ),
        ])
        .unwrap();
        let path = path(&format!("widths-{rows}"));
        let mut writer = Writer::create(&path, &batch.schema()).unwrap();
        write(&mut writer, &batch, &as_they_are(rows));
        writer.finish().unwrap();
        assert_same(&content(&path, &batch), &batch);
        fs::remove_file(path).unwrap();
    }
}

/// More than a dictionary may hold: lengths and bytes apart, which the library reads, and a flipped bit is seen in.
#[test]
fn texts_that_hardly_repeat_are_read_by_the_library() {
    let mut random = Random(3);
    let texts: Vec<Option<String>> = (0..25_000)
        .map(|row| match row % 5 {
            0 => None,
            1 if row < 20_000 => Some(String::new()),
            _ => Some(format!("{row}é").repeat(random.below(40) as usize)),
        })
        .collect();
    let bytes: usize = texts.iter().flatten().map(String::len).sum();
    assert!(bytes > 1 << 20, "{bytes}");
    let times = TimestampNanosecondArray::from_iter_values(0..25_000);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("ts", Arc::new(times) as ArrayRef, true),
        ("text", Arc::new(StringArray::from(texts)) as ArrayRef, true),
    ])
    .unwrap();
    let path = path("texts");
    let mut writer = Writer::create(&path, &batch.schema()).unwrap();
    write(&mut writer, &batch, &as_they_are(25_000));
    writer.finish().unwrap();
    assert_same(&content(&path, &batch), &batch);
    let (_, metadata) = metadata(&path).unwrap();
    let column = metadata.row_group(0).column(1);
    let encodings: Vec<Encoding> = column.encodings().collect();
    assert!(
        encodings.contains(&Encoding::DELTA_LENGTH_BYTE_ARRAY),
        "{encodings:?}"
    );
    let (from, length) = column.byte_range();
    let whole = fs::read(&path).unwrap();
    for _ in 0..40 {
        let mut bytes = whole.clone();
        bytes[(from + random.below(length)) as usize] ^= 1 << random.below(8);
        fs::write(&path, bytes).unwrap();
        let found = columns_of(&path, &[1]);
        assert!(found.is_none_or(|found| found.column(0) == batch.column(1)));
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn bounds_and_nulls_are_told_as_they_are() {
    let batch = batch(30_000);
    let path = path("bounds");
    let order = as_they_are(30_000);
    let mut writer = Writer::create(&path, &batch.schema()).unwrap();
    write(&mut writer, &batch, &order);
    writer.finish().unwrap();
    let (_, metadata) = metadata(&path).unwrap();
    let group = metadata.row_group(0);
    for (place, field) in batch.schema().fields().iter().enumerate() {
        let column = batch.column(place);
        let told = group.column(place).statistics();
        if field.name() != "list" {
            let nulls = told.and_then(Statistics::null_count_opt);
            assert_eq!(nulls, Some(column.null_count() as u64), "{}", field.name());
        }
        let number = |bound: Option<&[u8]>| {
            let bytes = bound.map(|bound| [bound, &[0; 8]].concat());
            bytes.map(|bytes| u64::from_le_bytes(*bytes.first_chunk().unwrap()))
        };
        let bounds = told.map(|told| (told.min_bytes_opt(), told.max_bytes_opt()));
        if let (DataType::UInt64, Some((min, max))) = (field.data_type(), bounds) {
            let values = column.as_primitive::<arrow::datatypes::UInt64Type>();
            assert_eq!(number(min), arrow::compute::min(values), "{}", field.name());
            assert_eq!(number(max), arrow::compute::max(values), "{}", field.name());
        }
        if let ("name", Some((min, max))) = (field.name().as_str(), bounds) {
            assert_eq!((min, max), (Some(b"0".as_slice()), Some(b"b".as_slice())));
        }
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn a_segment_in_pieces_is_in_order_in_groups_that_fit_the_memory() {
    let pieces = [batch(9000), batch(1), batch(12_000)];
    let schema = pieces[0].schema();
    let whole = concat_batches(&schema, &pieces).unwrap();
    let rows = order(std::slice::from_ref(&whole), Path::new("")).unwrap();
    let rows = UInt32Array::from_iter_values(rows.into_iter().map(|(_, row)| row));
    let expected = take_record_batch(&whole, &rows).unwrap();
    let (largest, count) = largest(&pieces);
    assert_eq!(count, 21_001);
    for (memory, at_once) in [
        (0, LEAST_ROWS),
        (COPIES * largest / 3, count / 3),
        (COPIES * largest * 2, count),
    ] {
        let folder = path(&format!("seal-{memory}"));
        let layout = Layout::new(&folder);
        layout.create().unwrap();
        let sealed = seal(&layout, "conn", 1, &pieces, memory).unwrap();
        let [file] = &sealed[..] else {
            panic!("{} files of one day", sealed.len());
        };
        assert_same(&content(&file.path, &whole), &expected);
        let (_, metadata) = metadata(&file.path).unwrap();
        let groups = metadata.row_groups().iter();
        let most = groups.map(RowGroupMetaData::num_rows).max();
        assert!(
            most.is_some_and(|most| (at_once - 10..=at_once + 10).contains(&(most as usize))),
            "{most:?} rows with {memory} bytes"
        );
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn groups_are_copied_into_another_file() {
    let mut expected = Vec::new();
    let all = path("all");
    let mut writer = Writer::create(&all, &batch(1).schema()).unwrap();
    for rows in [3000, 50_000] {
        let batch = batch(rows);
        let one = path(&format!("one-{rows}"));
        let mut part = Writer::create(&one, &batch.schema()).unwrap();
        write(&mut part, &batch, &as_they_are(rows));
        part.finish().unwrap();
        let (file, metadata) = metadata(&one).unwrap();
        assert!(writer.has_columns_of(&metadata));
        writer.copy(&file, &metadata).unwrap();
        fs::remove_file(one).unwrap();
        expected.push(batch);
    }
    // And rows behind them.
    let last = batch(10);
    write(&mut writer, &last, &as_they_are(10));
    expected.push(last);
    writer.finish().unwrap();
    let (_, metadata) = metadata(&all).unwrap();
    assert_eq!(metadata.num_row_groups(), 3);
    // Where each page of each column is, for readers that skip.
    assert_eq!(metadata.offset_index().map(Vec::len), Some(3));
    let found = content(&all, &expected[0]);
    let expected: Vec<RecordBatch> = expected
        .iter()
        .map(|batch| adapt(batch, &found.schema()).unwrap())
        .collect();
    let expected = concat_batches(&found.schema(), &expected).unwrap();
    assert_same(&found, &expected);
    fs::remove_file(all).unwrap();
}
