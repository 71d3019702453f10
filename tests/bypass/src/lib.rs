//! Kernel bypass, shown in a virtual machine: emulated NICs that the test binds to UIO and VFIO inside a guest, real huge pages, real receive interrupts.
//!
//! `make test-bypass` runs it (the binary of this crate), and `make test` does. It needs no hardware help, no kernel module and no huge page of the machine it
//! runs on; root only for the network namespace that the NIC with several queues hangs in.
//!
//! * [`parts`]: Debian's kernel and busybox, downloaded and unpacked, not installed.
//! * [`initramfs`], [`cpio`]: the guest's file system, made anew from the `portreeve` under test.
//! * [`machine`], [`nic`]: QEMU, and a line to the guest's first process (`init.sh`), which runs what the test tells it.
//! * [`traffic`]: numbered packets, sent into a NIC's socket without loss, and what the records must say of them.
//! * [`run`]: a run of `portreeve` in the guest.
//! * [`steps`]: what is shown.
#![forbid(unsafe_code)]

pub mod cpio;
pub mod fault;
pub mod initramfs;
pub mod machine;
pub mod nic;
pub mod parts;
pub mod run;
pub mod steps;
pub mod traffic;
