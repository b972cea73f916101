//! Nodes whose wall clock differs from the machine's: each process has code of the kernel, the vDSO, in its memory, which
//! programs of all languages ask for the time. When a node is started, a few hundred bytes are put beside that code and asked
//! instead; they ask the kernel's code, and add what a [page](page) shared with the controller says. So the skew is changed while the
//! node runs, by plain stores, and the node's own readings come back by the same way. Nothing stays attached.
//!
//! Only the wall clock (CLOCK_REALTIME, its coarse sister and CLOCK_TAI) is skewed. CLOCK_MONOTONIC stays true: programs hand deadlines
//! on it to the kernel, and would sleep for as long as it is off. For the same reason a wait until a wall-clock time, which the
//! kernel ends by its own clock, ends early or late by the skew, as it does on a machine whose clock jumps back. A program that
//! asks the kernel by a raw system call is not skewed; it is seen to read nothing.

mod kind;
mod node;
mod page;
mod probe;
mod process;
#[allow(unsafe_code, reason = "memory shared with other processes, and code for them: the arguments stand there")]
mod raw;
mod skew;
mod vdso;

pub(crate) use node::{LastRead, NodeClock};
pub use node::{SkewId, Witnessed};
pub use probe::{NoClock, clocks_available, run_skewed, try_clocks};
pub(crate) use process::{Patch, take_over};
pub use skew::Skew;
