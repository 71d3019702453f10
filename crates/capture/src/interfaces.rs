//! The host's network interfaces, as [`portreeve_interfaces`] reads them, with this crate's errors.

pub use portreeve_interfaces::{
    Address, Interface, NicCounters, Offloads, best, counters, exists, list,
};

pub(crate) use portreeve_interfaces::Netlink;

use crate::error::CaptureError;

/// The interface with this name.
///
/// # Errors
/// [`CaptureError::NoSuchInterface`], with the names that there are; or the kernel refused the request.
pub fn find(name: &str) -> Result<Interface, CaptureError> {
    let interfaces = list().map_err(|error| CaptureError::System {
        what: "list the network interfaces".into(),
        error,
    })?;
    let mut available = Vec::with_capacity(interfaces.len());
    for interface in interfaces {
        if interface.name == name {
            return Ok(interface);
        }
        available.push(interface.name);
    }
    Err(CaptureError::NoSuchInterface {
        name: name.into(),
        available,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        match find("no-such-if0") {
            Err(CaptureError::NoSuchInterface { name, available }) => {
                assert_eq!(name, "no-such-if0");
                assert!(available.iter().any(|name| name == "lo"));
            }
            other => panic!("{other:?}"),
        }
    }
}
