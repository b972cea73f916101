//! The engine: starts clusters of real processes, breaks them by a schedule, drives clients against them and records what
//! they saw, in one order and on one clock.
//!
//! Data flows one way: plan → generator → client → history. Control: runner → cluster (processes, network) ← nemesis. The
//! engine knows no workload, no target and no checker; they meet it in the traits [`Client`], [`Target`] and the abilities
//! of [`api`].

#![deny(unsafe_code)]

pub mod api;
pub mod generator;
pub mod nemesis;
pub mod network;
pub mod runner;

mod client;
mod clock;
mod clocks;
mod cluster;
mod events;
mod gate;
mod random;
mod recorder;
mod stop;
pub mod target;
mod units;

pub use client::{Client, Seat};
pub use clock::{RunClock, nanos};
pub use clocks::{NoClock, Skew, SkewId, Witnessed, clocks_available, run_skewed, try_clocks};
pub use cluster::{
    BootKills, ClientCommand, Cluster, ClusterError, ClusterPlan, FormId, Limit, LimitId, Limited, MARKER,
    ProcessState, Programs, Resource, Throttling, Unreached, be_first_process, find_marked, guard, kill_marked,
};
pub use events::{Events, Subscriber};
pub use gate::{Gate, Occupancy};
pub use random::{Purpose, Random, stream};
pub use recorder::{FaultRecorder, Recorder, Recording, Ticket};
pub use stop::{Stop, StopReason};
pub use units::read_time;
