//! Columns side by side, for people.

use std::io::{self, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use unicode_width::UnicodeWidthStr;

use super::plain;
use crate::json::{cell, kind};

/// Rows that decide how wide the columns are; what comes later has to fit, or sticks out.
const FIRST: usize = 1000;
/// A value longer than this is cut, in letters.
const LONGEST: usize = 120;

pub(super) struct TableWriter<W: Write> {
    sink: W,
    names: Vec<String>,
    /// Whether a column's values stand on the right: numbers.
    right: Vec<bool>,
    widths: Vec<usize>,
    /// The first rows, until the widths are known.
    first: Vec<Vec<String>>,
    begun: bool,
}

impl<W: Write> TableWriter<W> {
    pub fn new(schema: &SchemaRef, sink: W) -> Self {
        let fields = schema.fields().iter();
        let names: Vec<String> = fields.clone().map(|field| shown(field.name())).collect();
        TableWriter {
            sink,
            widths: names.iter().map(|name| name.width()).collect(),
            names,
            right: fields
                .map(|field| matches!(kind(field.data_type()), "count" | "int" | "double"))
                .collect(),
            first: Vec::new(),
            begun: false,
        }
    }

    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let columns = batch.columns().iter();
            let values: Vec<String> = columns
                .map(|column| shown(&plain(&cell(column, row), ',')))
                .collect();
            if self.begun {
                line(&mut self.sink, &values, &self.widths, &self.right)?;
                continue;
            }
            for (width, value) in self.widths.iter_mut().zip(&values) {
                *width = (*width).max(value.width());
            }
            self.first.push(values);
            if self.first.len() == FIRST {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        line(&mut self.sink, &self.names, &self.widths, &self.right)?;
        let rules: Vec<String> = self.widths.iter().map(|width| "─".repeat(*width)).collect();
        line(&mut self.sink, &rules, &self.widths, &self.right)?;
        for values in self.first.drain(..) {
            line(&mut self.sink, &values, &self.widths, &self.right)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.begin()?;
        self.sink.flush()
    }
}

fn line(
    sink: &mut impl Write,
    values: &[String],
    widths: &[usize],
    right: &[bool],
) -> io::Result<()> {
    let mut text = String::new();
    for ((value, width), right) in values.iter().zip(widths).zip(right) {
        if !text.is_empty() {
            text.push_str("  ");
        }
        let fill = " ".repeat(width.saturating_sub(value.width()));
        if *right {
            text.push_str(&fill);
            text.push_str(value);
        } else {
            text.push_str(value);
            text.push_str(&fill);
        }
    }
    writeln!(sink, "{}", text.trim_end())
}

/// What came off the wire may hold what a terminal obeys: it is shown, not sent.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, letter) in text.chars().enumerate() {
        if at == LONGEST {
            out.push('…');
            break;
        }
        if letter.is_control()
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{StringArray, UInt64Array};

    use super::*;

    #[test]
    fn columns_line_up_and_control_letters_are_shown() {
        let batch = RecordBatch::try_from_iter([
            (
                "host",
                Arc::new(StringArray::from(vec![
                    Some("a\u{1b}[2J"),
                    Some("中文"),
                    None,
                ])) as _,
            ),
            ("n", Arc::new(UInt64Array::from(vec![1, 200, 3])) as _),
        ])
        .unwrap();
        let mut out = Vec::new();
        let mut writer = TableWriter::new(&batch.schema(), &mut out);
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "host          n\n──────────  ───\na\\u{1b}[2J    1\n中文        200\n              3\n"
        );
    }
}
