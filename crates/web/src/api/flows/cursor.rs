//! Where a search goes on.

use std::fmt;

use crate::answer::Failure;

/// Where a search goes on. A text without spaces, which only this understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// Behind this row: its time in nanoseconds, and its `uid`, which tells rows of one moment apart.
    Row(i64, String),
    /// At this moment, nanoseconds: everything before (going back: behind) was searched.
    Moment(i64),
    /// Behind so many rows.
    Offset(usize),
}

impl Cursor {
    /// Behind so many rows.
    pub fn of_offset(rows: usize) -> Cursor {
        Cursor::Offset(rows)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn parse(text: &str) -> Result<Cursor, Failure> {
        let wrong = || Failure::bad("cursor", "that is no cursor of this search");
        let (kind, rest) = text.split_at_checked(1).ok_or_else(wrong)?;
        let cursor = match kind {
            "r" => {
                let (ts, uid) = rest.split_once('.').ok_or_else(wrong)?;
                let is_uid =
                    uid.len() <= 40 && uid.bytes().all(|byte| byte.is_ascii_alphanumeric());
                let uid = Some(uid).filter(|_| is_uid).ok_or_else(wrong)?;
                Cursor::Row(ts.parse().map_err(|_| wrong())?, uid.to_owned())
            }
            "t" => Cursor::Moment(rest.parse().map_err(|_| wrong())?),
            "o" => Cursor::Offset(rest.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        Ok(cursor)
    }

    /// How many rows it is behind, if that is how it counts.
    pub fn offset(&self) -> usize {
        match self {
            Cursor::Offset(rows) => *rows,
            Cursor::Row(..) | Cursor::Moment(_) => 0,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cursor::Row(ts, uid) => write!(f, "r{ts}.{uid}"),
            Cursor::Moment(ts) => write!(f, "t{ts}"),
            Cursor::Offset(rows) => write!(f, "o{rows}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for cursor in [
            Cursor::Row(-5, "Cabc".into()),
            Cursor::Moment(1_700_000_000_000_000_000),
            Cursor::Offset(300),
        ] {
            assert_eq!(Cursor::parse(&cursor.to_string()).expect("ours"), cursor);
        }
        for text in ["", "x", "r", "r1", "r1.a'b", "t", "o-1", "é"] {
            assert!(Cursor::parse(text).is_err(), "{text}");
        }
    }
}
