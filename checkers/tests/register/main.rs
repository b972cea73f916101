//! Registers: by example, against a brute-force oracle, and as they explain themselves.
#![expect(clippy::unwrap_used, reason = "everything here is a test")]

#[path = "../common/mod.rs"]
mod common;
mod examples;
mod explanation;
mod oracle;
mod properties;
mod random;
mod script;
mod simulation;
mod witness;
