//! The bounds that keep file reading finite on hostile input.

/// The most bytes of a frame that a file source lends; of a longer one (USB dumps, say) the rest is skipped.
/// It is libpcap's largest snapshot length for network links.
pub const MAX_FRAME: usize = 256 * 1024;
/// Captured length above which a record of a network link is taken for damage, as libpcap does.
pub const MAX_CAPTURED: u32 = 256 * 1024;
/// The same for links whose captures hold larger records (USB, D-Bus, EBHSCR), as libpcap does.
pub const MAX_CAPTURED_BUS: u32 = 128 * 1024 * 1024;
/// The largest pcapng block that is looked at whole, its options included; of a longer one only the frame.
pub const MAX_BLOCK: usize = MAX_FRAME + 64 * 1024;
/// Options looked at in one pcapng block.
pub const MAX_OPTIONS: usize = 64;
/// Interfaces of one pcapng section; a block that describes one more is damage.
pub const MAX_SECTION_INTERFACES: usize = 65_536;
/// Interfaces told apart over all files of a source; further ones share the last number.
pub const MAX_INTERFACES: usize = 4096;
/// Bytes kept of an interface's name or description.
pub const MAX_NAME: usize = 256;
/// Size of the chunks that compressed files and pipes are read into.
pub const CHUNK: usize = 1024 * 1024;
/// The most that is read in one go.
pub const READ: usize = 128 * 1024;
/// Files open at the same time when captures overlap in time; above it, a file waits for another to end.
pub const MAX_OPEN: usize = 64;
/// Different chunks of memory that one burst refers to.
pub const MAX_BURST_REGIONS: usize = 8;

const _: () = assert!(MAX_BLOCK * 2 < CHUNK);
