//! Member names as JSON has them, made when compiling.

use std::fmt;

/// A member's name as it stands in a JSON object behind another member: `,"orig_bytes":`.
///
/// Made by the compiler from the schema, so that writing it is a copy of constant bytes. The comma of an object's
/// first member is overwritten by the brace.
#[derive(Clone, Copy)]
pub struct Key {
    bytes: [u8; Key::CAPACITY],
    len: usize,
}

impl Key {
    const CAPACITY: usize = 40;

    /// The key of a member called `name`, which must need no escaping.
    ///
    /// # Panics
    /// If it is too long. The schema is constant: that is an error when compiling.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        Self::from_bytes(name.as_bytes(), 0)
    }

    /// The key of the last part of a path with dots.
    ///
    /// # Panics
    /// As [`Key::new`].
    #[must_use]
    pub const fn of_last_part(path: &str) -> Self {
        let path = path.as_bytes();
        let mut from = path.len();
        while from > 0 && path[from - 1] != b'.' {
            from -= 1;
        }
        Self::from_bytes(path, from)
    }

    const fn from_bytes(name: &[u8], from: usize) -> Self {
        let mut bytes = [0; Key::CAPACITY];
        bytes[0] = b',';
        bytes[1] = b'"';
        let mut len = 2;
        let mut i = from;
        while i < name.len() {
            assert!(name[i] > b' ' && name[i] < 0x7f && name[i] != b'"' && name[i] != b'\\');
            bytes[len] = name[i];
            len += 1;
            i += 1;
        }
        bytes[len] = b'"';
        bytes[len + 1] = b':';
        bytes[len + 2] = b'"';
        Key {
            bytes,
            len: len + 2,
        }
    }

    /// `,"name":`
    #[inline(always)]
    #[must_use]
    pub fn bare(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// `,"name":"`, for a value that is a string.
    #[inline(always)]
    #[must_use]
    pub fn quoted(&self) -> &[u8] {
        &self.bytes[..=self.len]
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.bare()))
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn as_json_has_them() {
        assert_eq!(Key::new("id.orig_h").bare(), b",\"id.orig_h\":");
        assert_eq!(
            Key::of_last_part("stats.loss.gaps").quoted(),
            b",\"gaps\":\""
        );
        assert_eq!(Key::of_last_part("src_ip").bare(), b",\"src_ip\":");
    }
}
