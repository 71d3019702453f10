//! What a user can decide about DPDK.

/// How the Environment Abstraction Layer is started and what each port gets. Sizes that are `None` are chosen by Portreeve.
#[derive(Clone, Debug)]
pub struct DpdkConfig {
    /// Receive descriptors of each queue. `None`: as many as the port has, at most [`DEFAULT_DESCRIPTORS`]. Virtual devices whose own arguments say how long their ring is
    /// have that many, whatever this is.
    pub descriptors: Option<u16>,
    /// Packet buffers of each queue. `None`: what the descriptors, the bursts and the loans take.
    pub buffers: Option<u32>,
    /// Buffers of each queue that may be out on loan to other threads at a time.
    pub loans: u32,
    /// Descriptors of each send queue, as many as the port has at most. Portreeve sends nothing, but some drivers want such a queue; a
    /// benchmark's generator does send.
    pub send_descriptors: u16,
    /// The largest frame payload (MTU) that ports are set to take in, in bytes. `None`: jumbo frames where the driver can spread a frame
    /// over several buffers, else what the port has.
    pub mtu: Option<u16>,
    /// MiB of memory that EAL takes at start. `None`: it takes huge pages as they are needed.
    pub memory: Option<u32>,
    /// Whether to do without huge pages if there are none: virtual devices only, and slower.
    pub may_do_without_huge_pages: bool,
    /// Processors that EAL's own threads may run on. Empty: those of the calling thread.
    pub cpus: Vec<usize>,
    /// Receive frames that are not addressed to the port.
    pub promiscuous: bool,
    /// Have the NIC verify transport checksums, where it can.
    pub checksums: bool,
    /// Ask for receive interrupts, so that a worker can sleep.
    pub interrupts: bool,
    /// Take a port from the kernel even if the host's own traffic goes through it.
    pub take_over: bool,
    /// Further arguments for EAL, as they are.
    pub extra: Vec<String>,
}

/// The most descriptors that a queue gets unless told otherwise: 275 microseconds of 64-byte packets at 10 Gbit/s.
pub const DEFAULT_DESCRIPTORS: u16 = 4096;

impl Default for DpdkConfig {
    fn default() -> Self {
        DpdkConfig {
            descriptors: None,
            buffers: None,
            loans: 0,
            send_descriptors: 256,
            mtu: None,
            memory: None,
            may_do_without_huge_pages: true,
            cpus: Vec::new(),
            promiscuous: true,
            checksums: false,
            interrupts: true,
            take_over: false,
            extra: Vec::new(),
        }
    }
}
