//! Nodes whose clocks differ from the machine's: each process has code of the kernel, the vDSO, in its memory, which
//! programs of all languages ask for the time. When a node is started, a few hundred bytes are put beside that code and asked
//! instead; they ask the kernel's code, and add what a [page](page) shared with the controller says. So the skew is changed while the
//! node runs, by plain stores, and the node's own readings come back by the same way. Nothing stays attached.
//!
//! The wall clock (CLOCK_REALTIME, its coarse sister and CLOCK_TAI) is what is mostly skewed. A wait until a wall-clock time, which the
//! kernel ends by its own clock, ends early or late by the skew, as it does on a machine whose clock jumps back. A program that
//! asks the kernel by a raw system call is not skewed; it is seen to read nothing.
//!
//! CLOCK_MONOTONIC is left true but where that is asked for by name, and then only its rate is changed: hardware gets that wrong, and
//! never makes the clock jump. For programs hand deadlines on it to the kernel, which ends their waits by the true one, so that they sleep
//! long or short by as much as it is off. CLOCK_MONOTONIC_RAW goes wrong with it: it is the hardware's own rate, and a program that takes it
//! for a more faithful CLOCK_MONOTONIC would else be spared. So does CLOCK_BOOTTIME, or the machine would seem to have slept for as long as
//! the others gained. None of them ever goes back, neither when a rate begins nor when it ends: what they gained or lost stays, also for
//! the node's next process, as on a machine that runs on. Clocks of processor time (CLOCK_PROCESS_CPUTIME_ID and others) stay true.

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
pub(crate) use process::{Patch, TakeOver};
pub use skew::Skew;
