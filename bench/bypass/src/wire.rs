//! A wire within the process: a port of `net_ring` that holds as many frames as a NIC's queue does, or more. The ring that the driver makes by itself has 1024 places,
//! which is a quarter of what a 10 GbE NIC offers and of what the program asks one for.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

use portreeve_capture::dpdk::{self, Device, DpdkConfig};

use crate::{Outcome, fail};

/// One thread puts in, one takes out (`RING_F_SP_ENQ`, `RING_F_SC_DEQ`).
const ONE_TO_ONE: c_uint = 0b11;

type CreateRing = unsafe extern "C" fn(*const c_char, c_uint, c_int, c_uint) -> *mut c_void;
type PortFromRing = unsafe extern "C" fn(*mut c_void) -> c_int;

/// Starts EAL, which loads the drivers: it comes with the first port that is opened; this one goes again.
///
/// # Errors
/// EAL does not start.
pub fn prepare(config: &DpdkConfig) -> Outcome<()> {
    let none = Device::parse("net_null0").map_err(|error| error.to_string())?;
    match dpdk::open(config, &[none], 1) {
        Ok(_) => Ok(()),
        Err(error) => fail(error.to_string()),
    }
}

/// Makes a port that holds `places` frames (a power of two); its name. What is sent on it comes back on its receive side. Not before [`prepare`].
///
/// # Errors
/// The driver is not installed, or there is no memory.
pub fn make(name: &str, places: u16) -> Outcome<String> {
    let ring_name = CString::new(name).unwrap_or_default();
    // SAFETY: the names are theirs in rte_ring.h and rte_eth_ring.h, with these arguments in every release since 22.11; the driver stays loaded. A ring is a power of
    // two long, and lends all but one of its places.
    let port = unsafe {
        let create: CreateRing =
            std::mem::transmute(function(c"librte_ring.so", c"rte_ring_create")?);
        let attach: PortFromRing =
            std::mem::transmute(function(c"librte_net_ring.so", c"rte_eth_from_ring")?);
        let ring = create(ring_name.as_ptr(), places.into(), -1, ONE_TO_ONE);
        if ring.is_null() {
            return fail(format!("no memory for the ring {name}"));
        }
        attach(ring)
    };
    if port < 0 {
        return fail(format!("net_ring does not take the ring {name}"));
    }
    Ok(format!("net_ring_{name}"))
}

/// A function of a library that is loaded already, or is now; never null.
fn function(library: &CStr, name: &CStr) -> Outcome<*mut c_void> {
    // SAFETY: both strings are there for the calls.
    let found = unsafe {
        let handle = libc::dlopen(library.as_ptr(), libc::RTLD_NOW);
        if handle.is_null() {
            std::ptr::null_mut()
        } else {
            libc::dlsym(handle, name.as_ptr())
        }
    };
    if found.is_null() {
        return fail(format!("{library:?} has no {name:?}"));
    }
    Ok(found)
}
