//! The judges of typed observations: by example, against slow oracles, and by the proofs in what they find.
#![expect(clippy::unwrap_used, reason = "everything here is a test")]

mod agreement;
mod barrier;
mod draw;
mod failure_detector;
mod fuzz;
mod latch;
mod linear;
mod logical_clocks;
mod message_log;
mod permits;
mod publish;
mod unique_ids;
mod witness;
