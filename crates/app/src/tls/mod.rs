//! TLS and DTLS: who talks to whom over an encrypted connection, and what can be known of it from outside.

pub mod hello;
