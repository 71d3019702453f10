//! Answers as files: a table for people, CSV, JSON lines, Parquet.

mod table;

use std::io::{self, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::json::cell;
use table::TableWriter;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Columns side by side, for people.
    Table,
    /// Comma-separated values with a line of names (RFC 4180).
    Csv,
    /// A JSON object a line.
    Json,
    /// Parquet.
    Parquet,
}

/// Writes an answer, batch by batch.
pub struct AnswerWriter<W: Write + Send>(Form<W>);

enum Form<W: Write + Send> {
    Table(TableWriter<W>),
    Csv(csv::Writer<W>),
    Json(W, Vec<String>),
    Parquet(ArrowWriter<W>),
}

impl<W: Write + Send> AnswerWriter<W> {
    /// Begins an answer with these columns.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn new(format: Format, schema: &SchemaRef, sink: W) -> io::Result<Self> {
        let names = schema.fields().iter().map(|field| field.name().as_str());
        Ok(AnswerWriter(match format {
            Format::Table => Form::Table(TableWriter::new(schema, sink)),
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::Any(b'\n'))
                    .from_writer(sink);
                writer.write_record(names)?;
                Form::Csv(writer)
            }
            Format::Json => {
                let names = names.map(|name| serde_json::to_string(name).unwrap_or_default());
                Form::Json(sink, names.collect())
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_created_by(concat!("portreeve ", env!("CARGO_PKG_VERSION")).to_owned())
                    .build();
                let schema = SchemaRef::clone(schema);
                let writer = ArrowWriter::try_new(sink, schema, Some(properties));
                Form::Parquet(writer.map_err(io::Error::other)?)
            }
        }))
    }

    /// Writes rows.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let rows = 0..batch.num_rows();
        match &mut self.0 {
            Form::Table(writer) => writer.write(batch),
            Form::Csv(writer) => {
                for row in rows {
                    let columns = batch.columns().iter();
                    writer.write_record(columns.map(|column| plain(&cell(column, row), ',')))?;
                }
                Ok(())
            }
            Form::Json(sink, names) => {
                for row in rows {
                    for (at, (name, column)) in names.iter().zip(batch.columns()).enumerate() {
                        let before = if at == 0 { '{' } else { ',' };
                        write!(sink, "{before}{name}:{}", cell(column, row))?;
                    }
                    sink.write_all(if names.is_empty() { b"{}\n" } else { b"}\n" })?;
                }
                Ok(())
            }
            Form::Parquet(writer) => writer.write(batch).map_err(io::Error::other),
        }
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Form::Table(writer) => writer.finish(),
            Form::Csv(mut writer) => writer.flush(),
            Form::Json(mut sink, _) => sink.flush(),
            Form::Parquet(writer) => {
                let mut sink = writer.into_inner().map_err(io::Error::other)?;
                sink.flush()
            }
        }
    }
}

/// A value as text; lists with a letter between their items.
fn plain(value: &Value, between: char) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| plain(item, between)).collect();
            items.join(&between.to_string())
        }
        other => other.to_string(),
    }
}
