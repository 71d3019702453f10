//! A small network laboratory for tests: namespaces with veth pairs on which nothing but the test's own packets is heard,
//! builders for packets, and a sender that sends exactly as many as it is told.
//!
//! ```no_run
//! use portreeve_netlab::{Lab, Packet};
//! let lab = Lab::new();
//! let captured = lab.run(|| {
//!     // open a source on Lab::RX here, then:
//!     portreeve_netlab::Sender::open(Lab::TX).send(&[Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 1, 2).build(60)], 1000)
//! });
//! assert_eq!(captured, 1000);
//! ```
//!
//! A namespace lives as long as something holds it: nothing is left behind, even by a test that was killed.
//!
//! All of it panics when the system refuses, since a test that cannot be set up has failed.

mod namespace;
mod packet;
mod privilege;
mod sender;

pub use namespace::{Lab, Namespace};
pub use packet::Packet;
pub use privilege::may_run_privileged;
pub use sender::Sender;
