//! What can be chosen when AF_XDP sockets are opened.

use portreeve_pages::Preference;

/// Where the XDP program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// In the driver if it can, else in the kernel's generic receive path.
    #[default]
    Auto,
    /// In the driver, before the kernel makes a socket buffer; an error if it cannot.
    Native,
    /// In the kernel's generic receive path: every driver, but each frame becomes a socket buffer first.
    Generic,
}

/// Whether the NIC writes frames straight into our memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroCopy {
    /// If the driver can, else the kernel copies.
    #[default]
    Auto,
    /// An error if the driver cannot.
    On,
    /// The kernel copies.
    Off,
}

/// How the AF_XDP sources of an interface are opened.
#[derive(Clone, Debug)]
pub struct AfXdpConfig {
    /// The interface's name.
    pub interface: String,
    /// Where the program runs.
    pub mode: Mode,
    /// Whether the NIC writes into our memory.
    pub zero_copy: ZeroCopy,
    /// Descriptors of each queue's receive ring: frames that wait for us. Rounded up to a power of two, from 64 to [`MAX_RING`].
    pub ring: u32,
    /// Frames of memory for each queue: those the kernel may fill, those in the ring, those lent to us. Rounded up to a power of two,
    /// at least twice the ring, at most [`MAX_FRAMES`].
    pub frames: u32,
    /// Packets that one poll of ours may make the driver fetch ("preferred busy polling"); 0: interrupts do it.
    pub busy_poll: u16,
    /// Ask the interface for frames that are not addressed to it.
    pub promiscuous: bool,
    /// Take an interface that carries an address or the default route, or belongs to a bridge: its traffic no longer reaches this host.
    pub take_over: bool,
    /// Pages that the frames stand on.
    pub huge_pages: Preference,
    /// The NUMA node of the frames' memory.
    pub node: Option<usize>,
}

/// The most descriptors of a ring.
pub const MAX_RING: u32 = 1 << 16;
/// The most frames of a queue.
pub const MAX_FRAMES: u32 = 1 << 20;
const MIN_RING: u32 = 64;

impl AfXdpConfig {
    /// The defaults for an interface: the fastest it offers, promiscuous, 8192 descriptors and 16384 frames for each queue, no
    /// busy polling.
    #[must_use]
    pub fn new(interface: impl Into<String>) -> Self {
        AfXdpConfig {
            interface: interface.into(),
            mode: Mode::Auto,
            zero_copy: ZeroCopy::Auto,
            ring: 8192,
            frames: 16_384,
            busy_poll: 0,
            promiscuous: true,
            take_over: false,
            huge_pages: Preference::Auto,
            node: None,
        }
    }

    pub(super) fn ring_size(&self) -> u32 {
        self.ring.clamp(MIN_RING, MAX_RING).next_power_of_two()
    }

    pub(super) fn frame_count(&self) -> u32 {
        let least = self.ring_size() * 2;
        self.frames.clamp(least, MAX_FRAMES).next_power_of_two()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two_and_there_are_more_frames_than_descriptors() {
        let mut config = AfXdpConfig::new("x");
        for (ring, frames, expected) in [
            (0, 0, (64, 128)),
            (1000, 3000, (1024, 4096)),
            (8192, 100, (8192, 16_384)),
            (u32::MAX, u32::MAX, (MAX_RING, MAX_FRAMES)),
        ] {
            config.ring = ring;
            config.frames = frames;
            assert_eq!((config.ring_size(), config.frame_count()), expected);
        }
    }
}
