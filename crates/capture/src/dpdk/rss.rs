//! Spreading over queues so that both directions of a conversation meet in one.

use portreeve_dpdk_sys as sys;

/// The key that makes the Toeplitz hash symmetric when it is repeated: every 16 bits of the input meet the same bits of it, so that
/// exchanging the addresses and the ports changes nothing (Woo and Park, "Scalable TCP session monitoring with symmetric receive-side scaling").
const REPEATED: [u8; 2] = [0x6d, 0x5a];
/// What most NICs take, in bytes, should a driver not say.
const USUAL_KEY: usize = 40;

/// The key for a NIC that takes keys of so many bytes.
pub(super) fn key(size: usize) -> Vec<u8> {
    let size = if size == 0 { USUAL_KEY } else { size };
    REPEATED.iter().copied().cycle().take(size).collect()
}

/// Sets the table from hash to queue: entry i to queue i modulo the queues. `false` if the driver lets nobody set it.
pub(super) fn spread(port: u16, info: &sys::pr_port_info, queues: u16) -> bool {
    // SAFETY: the port is started.
    unsafe { sys::pr_spread(port, info.reta_size, queues) == 0 }
}
