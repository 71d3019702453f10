//! The interfaces that the files of one source name.

use std::collections::HashMap;

use portreeve_packet::LinkType;

use super::limits::MAX_INTERFACES;

/// An interface that frames of a capture file came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileInterface {
    /// Its name (pcapng `if_name`), or empty.
    pub name: String,
    /// Its description (pcapng `if_description`), or empty.
    pub description: String,
    /// Its link type.
    pub link: LinkType,
    /// For an interface without a name: its number within its section.
    pub number: u32,
}

/// All interfaces of a source, numbered from 0 in the order in which they were found; the same one in
/// several sections or files has one number.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    list: Vec<FileInterface>,
    numbers: HashMap<FileInterface, u16>,
}

impl Interfaces {
    /// The number of an interface.
    pub(crate) fn number(&mut self, mut interface: FileInterface) -> u16 {
        if !interface.name.is_empty() {
            interface.number = 0;
        }
        if let Some(number) = self.numbers.get(&interface) {
            return *number;
        }
        let next = self.list.len().min(MAX_INTERFACES - 1) as u16;
        if self.list.len() < MAX_INTERFACES {
            self.list.push(interface.clone());
            self.numbers.insert(interface, next);
        }
        next
    }

    pub(crate) fn list(&self) -> &[FileInterface] {
        &self.list
    }
}
