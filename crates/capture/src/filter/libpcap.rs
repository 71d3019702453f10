//! The one door to libpcap: its compiler for filter expressions.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::sync::{Mutex, PoisonError};

use crate::bpf::BpfInstruction;

/// libpcap's `struct bpf_program`.
#[repr(C)]
struct BpfProgram {
    length: c_uint,
    instructions: *mut BpfInstruction,
}

// SAFETY: the declarations are those of libpcap's pcap.h, unchanged since version 1.0.
unsafe extern "C" {
    fn pcap_open_dead(linktype: c_int, snaplen: c_int) -> *mut c_void;
    fn pcap_compile(
        handle: *mut c_void,
        program: *mut BpfProgram,
        expression: *const c_char,
        optimize: c_int,
        netmask: u32,
    ) -> c_int;
    fn pcap_geterr(handle: *mut c_void) -> *const c_char;
    fn pcap_freecode(program: *mut BpfProgram);
    fn pcap_close(handle: *mut c_void);
}

/// `PCAP_NETMASK_UNKNOWN`: `ip broadcast` cannot be compiled then, and says so.
const NETMASK_UNKNOWN: u32 = 0xffff_ffff;

/// libpcap's compiler was not reentrant before version 1.8.
static COMPILER: Mutex<()> = Mutex::new(());

/// Compiles `expression` for frames of data link type `dlt` of which at most `snap_length` bytes are captured.
pub(super) fn compile(
    expression: &CString,
    dlt: u32,
    snap_length: u32,
) -> Result<Vec<BpfInstruction>, String> {
    let _one_at_a_time = COMPILER.lock().unwrap_or_else(PoisonError::into_inner);
    let dlt = c_int::try_from(dlt).unwrap_or(c_int::MAX);
    let snap_length = c_int::try_from(snap_length).unwrap_or(c_int::MAX);
    // SAFETY: takes two numbers; the result is checked.
    let handle = unsafe { pcap_open_dead(dlt, snap_length) };
    if handle.is_null() {
        return Err("libpcap gave no handle".to_owned());
    }
    let mut program = BpfProgram {
        length: 0,
        instructions: std::ptr::null_mut(),
    };
    // SAFETY: handle and program are valid, the expression ends with a zero byte.
    let result = unsafe {
        pcap_compile(
            handle,
            &raw mut program,
            expression.as_ptr(),
            1,
            NETMASK_UNKNOWN,
        )
    };
    let compiled = if result == 0 && !program.instructions.is_null() {
        // SAFETY: libpcap says that there are `length` instructions; it is a `struct bpf_insn` each, whose layout BpfInstruction has.
        let instructions =
            unsafe { std::slice::from_raw_parts(program.instructions, program.length as usize) };
        Ok(instructions.to_vec())
    } else {
        // SAFETY: the handle is valid, and the message is a string that ends with zero and lives as long as it.
        let message = unsafe { CStr::from_ptr(pcap_geterr(handle)) };
        Err(message.to_string_lossy().into_owned())
    };
    // SAFETY: both are valid and not used any more; freeing a program that was not compiled does nothing.
    unsafe {
        pcap_freecode(&raw mut program);
        pcap_close(handle);
    }
    compiled
}
