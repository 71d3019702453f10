//! The processor's counter: the cheapest clock there is.

/// Cycles since some moment, at a rate that does not change while the host runs. `None`: this processor has no counter that we know how to read.
///
/// Counters of several processors may differ where a host has several sockets: two readings are to be made by one thread that stays where it is.
#[inline(always)]
#[must_use]
pub fn cycles() -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction.
    return Some(unsafe { std::arch::x86_64::_rdtsc() });
    #[cfg(not(target_arch = "x86_64"))]
    None
}
