//! A process that was just started is held before its first instruction, before anything in it can have looked up the time,
//! and its vDSO is changed. Then it is let go, and nothing stays attached.
//!
//! All of this is for the thread that forked the process: the kernel takes a tracer's requests from no other.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nix::libc;
use thiserror::Error;

use super::node::NodeClock;
use super::raw::hand_over;

/// How a process's clock is taken over.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    /// The clock of its node.
    pub(crate) clock: Arc<NodeClock>,
    /// How often the process turns into another program before it is the one that is meant: wrappers that end in `exec`. Every
    /// program gets a vDSO of its own.
    pub(crate) execs: usize,
}

impl Patch {
    /// Prepares a process, which is not started yet, for [`TakeOver`].
    pub(crate) fn prepare(&self, command: &mut Command) {
        hand_over(command, self.clock.page().shared());
    }
}

/// How long wrappers may take.
const WRAPPERS_TIME: Duration = Duration::from_secs(10);

/// Why a process keeps the machine's clock.
#[derive(Debug, Error)]
pub(crate) enum TakeOverError {
    /// The kernel refused something.
    #[error("cannot {what}: {source}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
    /// A system call failed that the process was made to carry out.
    #[error("cannot {what}: {source}")]
    #[cfg(target_arch = "x86_64")]
    InProcess {
        /// What was asked of it.
        what: &'static str,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// Its vDSO is not as it must be.
    #[error(transparent)]
    #[cfg(target_arch = "x86_64")]
    Vdso(#[from] super::vdso::VdsoError),
    /// A wrapper has closed what it does not know.
    #[error("a program before it closed the files that it does not know, the clock's page among them")]
    #[cfg(target_arch = "x86_64")]
    PageLost,
    /// It was not held in time.
    #[error("behind {wrappers} wrappers, it did not become the node's program within {} s", WRAPPERS_TIME.as_secs())]
    #[cfg(target_arch = "x86_64")]
    Late {
        /// How many programs were to become the next.
        wrappers: usize,
    },
    /// This machine's processors are of a kind that the code is not written for.
    #[error(
        "the code that is put beside the kernel's is written for x86-64 only, and this is {}",
        std::env::consts::ARCH
    )]
    #[cfg(not(target_arch = "x86_64"))]
    Architecture,
}

impl TakeOverError {
    /// Whether it is this machine that does not allow it: to trace a process, to look at it and write its memory, or by its
    /// kind. Anything else should not be.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { source, .. } => is_refusal(source),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Architecture => true,
            #[cfg(target_arch = "x86_64")]
            Self::InProcess { .. } | Self::Vdso(_) | Self::PageLost | Self::Late { .. } => false,
        }
    }
}

/// Whether the kernel's answer is that something is not permitted, or not there at all.
pub(super) fn is_refusal(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS))
}

/// Takes over the clock of a process that was [prepared](Patch::prepare) for it, once it has become the program that is meant,
/// and lets it go. A process that ends before is left to be reaped, and is no error.
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::TakeOver;

/// As above, where there is no code for it.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Debug)]
pub(crate) struct TakeOver;

#[cfg(not(target_arch = "x86_64"))]
impl TakeOver {
    pub(crate) fn begin(_pid: i32, _patch: Patch) -> Self {
        Self
    }

    pub(crate) fn step(&mut self) -> Result<bool, TakeOverError> {
        Err(TakeOverError::Architecture)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64;
