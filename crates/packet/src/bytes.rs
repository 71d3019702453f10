//! Reading integers out of captured bytes without a way to panic.

/// The `N` bytes at `at`, if they were captured.
#[inline(always)]
pub(crate) fn array<const N: usize>(data: &[u8], at: usize) -> Option<&[u8; N]> {
    data.get(at..)?.first_chunk()
}

/// The big-endian 16-bit integer at `at`.
#[inline(always)]
pub(crate) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    array(data, at).map(|b| u16::from_be_bytes(*b))
}

/// The big-endian 32-bit integer at `at`.
#[inline(always)]
pub(crate) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    array(data, at).map(|b| u32::from_be_bytes(*b))
}

/// The big-endian 16-bit integer in `bytes[0..2]`.
#[inline(always)]
pub(crate) fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}
