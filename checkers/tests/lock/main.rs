//! The rules of locks: by example, against slow oracles, and as they explain themselves.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "everything here is a test")]

#[path = "../common/mod.rs"]
mod common;
mod explanation;
mod oracle;
mod properties;
mod random;
mod rules;
mod script;
mod simulation;
mod speed;
mod tokens;
mod witness;
