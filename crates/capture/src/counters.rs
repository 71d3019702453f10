//! The capture side of the ledger.

/// What a source counted since it was opened: frames. `None` is unknown, which is not zero.
///
/// The books: `wire = nic_missed + nic_errors + kernel_drops + in_flight + filtered + delivered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCounters {
    /// Frames that the interface saw (or that the file has), as told by something other than our own count.
    pub wire: Option<u64>,
    /// Dropped by the NIC for want of descriptors or buffers.
    pub nic_missed: Option<u64>,
    /// Received with errors by the NIC (CRC, length …) and not delivered.
    pub nic_errors: Option<u64>,
    /// Dropped by the kernel because our ring was full (AF_PACKET `tp_drops`).
    pub kernel_drops: Option<u64>,
    /// Rejected by the capture filter before delivery.
    pub filtered: Option<u64>,
    /// In the ring, not yet lent to us.
    pub in_flight: Option<u64>,
    /// Lent to us in bursts.
    pub delivered: u64,
    /// Bytes on the wire of the frames delivered.
    pub delivered_bytes: u64,
}
