//! Names of interfaces and procedures: `names.txt`, a line each: UUID, name, then the procedures' names in the order of their numbers, `-` where one has none.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table.
static NAMES: &str = include_str!("names.txt");
/// The same, by UUID.
static INTERFACES: LazyLock<HashMap<u128, Known, ahash::RandomState>> =
    LazyLock::new(|| lines().collect());
/// What is called so often that it is not worth a record: Zeek's list.
const IGNORED: &[(&str, &[&str])] = &[
    (
        "winreg",
        &[
            "BaseRegCloseKey",
            "BaseRegGetVersion",
            "BaseRegOpenKey",
            "BaseRegQueryValue",
            "BaseRegDeleteKeyEx",
            "OpenLocalMachine",
            "BaseRegEnumKey",
            "OpenClassesRoot",
        ],
    ),
    ("spoolss", &["RpcSplOpenPrinter", "RpcClosePrinter"]),
    ("wkssvc", &["NetrWkstaGetInfo"]),
];
/// Pipes that mostly one interface is called through.
const PIPES: &[&str] = &["winreg", "spoolss", "srvsvc"];

/// An interface of the table.
#[derive(Debug)]
pub(super) struct Known {
    name: &'static str,
    operations: Box<[&'static str]>,
}

/// An interface.
#[derive(Clone, Copy, Debug)]
pub(super) enum Interface {
    /// One of the table.
    Known(&'static Known),
    /// Its UUID.
    Unknown(u128),
}

fn lines() -> impl Iterator<Item = (u128, Known)> {
    NAMES.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let uuid = words.next()?.replace('-', "");
        let uuid = u128::from_str_radix(&uuid, 16).ok()?;
        let name = words.next()?;
        let operations = words.collect();
        Some((uuid, Known { name, operations }))
    })
}

fn written(uuid: u128) -> String {
    let hex = format!("{uuid:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// Makes the table, which otherwise the first packet that asks for a name would wait for.
pub(crate) fn make_ready() {
    LazyLock::force(&INTERFACES);
}

/// The interface of that UUID.
pub(super) fn interface(uuid: u128) -> Interface {
    let known = INTERFACES.get(&uuid);
    known.map_or(Interface::Unknown(uuid), Interface::Known)
}

/// The interface that is mostly called through a pipe of that name.
pub(super) fn of_pipe(pipe: &str) -> Option<Interface> {
    let bare = pipe.rsplit('\\').next()?;
    let name = PIPES.iter().find(|name| bare.eq_ignore_ascii_case(name))?;
    let known = INTERFACES.values().find(|known| known.name == *name)?;
    Some(Interface::Known(known))
}

impl Interface {
    /// Its name; blanks are `~` in the table.
    pub(super) fn name(self) -> Box<str> {
        match self {
            Interface::Known(known) => known.name.replace('~', " ").into(),
            Interface::Unknown(uuid) => format!("unknown-{}", written(uuid)).into(),
        }
    }

    fn known(self, number: u16) -> Option<&'static str> {
        let Interface::Known(known) = self else {
            return None;
        };
        let name = *known.operations.get(usize::from(number))?;
        (!matches!(name, "" | "-")).then_some(name)
    }

    /// A procedure's name.
    pub(super) fn operation(self, number: u16) -> Box<str> {
        match self.known(number) {
            Some(name) => name.into(),
            None => format!("unknown-{number}").into(),
        }
    }

    /// Whether a call is not worth a record.
    pub(super) fn is_ignored(self, number: u16) -> bool {
        let Interface::Known(Known { name, .. }) = self else {
            return false;
        };
        let (Some(operation), Some((_, ignored))) = (
            self.known(number),
            IGNORED.iter().find(|(known, _)| known == name),
        ) else {
            return false;
        };
        ignored.contains(&operation)
    }
}
