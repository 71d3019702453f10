//! The harness of the whole-program tests: it runs the `portreeve` binary as a user does and reads what it writes.
//!
//! # What is tested against what
//!
//! * [`corpus`]: some 2,000 public captures with the answers of other tools, in the folder that `PORTREEVE_CORPUS` names.
//!   They are not part of the project. Without them the tests say so, loudly, and do what they can with
//! * [`pcap`]: small captures that the harness writes itself, packet by packet, with expectations worked out by hand.
//! * [`truth`] and [`score`]: the corpus's per-tool answers (tshark, Suricata, argus, tcptrace, nDPI) and the agreement with them.
//! * [`zeek`]: Zeek's own expected connection logs, compared field by field.
//!
//! `cargo run -p portreeve-tests --release --bin agree` runs all of the corpus and prints the tables that are in
//! `docs/agreement.md`; `cargo test` runs a fixed sample of it, and every capture for damage only.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod binary;
pub mod conn;
pub mod corpus;
pub mod hugepages;
pub mod items;
pub mod kerberos;
pub mod ledger;
pub mod ndpi;
pub mod packets;
pub mod parallel;
pub mod patience;
pub mod pcap;
pub mod percent;
pub mod python;
pub mod score;
pub mod suricata;
pub mod truth;
pub mod tshark;
pub mod zeek;
pub mod zeek_logs;
