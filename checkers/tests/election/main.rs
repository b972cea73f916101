//! The rules of elections: by example, against slow oracles, on simulated clusters, and as they explain themselves.
#![expect(clippy::unwrap_used, reason = "everything here is a test")]

#[path = "../common/mod.rs"]
mod common;
mod explanation;
mod liveness;
mod oracle;
mod properties;
mod random;
mod rules;
mod script;
mod simulation;
mod witness;
