//! The rules of counters: by example, against slow oracles, and as they explain themselves.
#![expect(clippy::unwrap_used, reason = "everything here is a test")]

#[path = "../common/mod.rs"]
mod common;
mod explanation;
mod last;
mod oracle;
mod properties;
mod rules;
mod scale;
mod script;
mod simulation;
