//! Messages that were made up; real ones are in tests/files.rs.
