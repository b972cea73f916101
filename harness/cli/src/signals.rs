//! With whom, and by which signals, this process ends.

use std::future::poll_fn;
use std::task::Poll;

use clap::ArgMatches;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Failure, harness};

/// Has this process killed when the one named by `--parent` ends, in whatever way; its guardian then ends what it started.
///
/// # Errors
/// Where that process is not its parent any more.
pub(crate) fn end_with_parent(arguments: &ArgMatches) -> Result<(), Failure> {
    let Some(parent) = arguments.get_one::<u64>("parent") else { return Ok(()) };
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(harness)?;
    // The parent may have ended before.
    match u64::try_from(nix::unistd::getppid().as_raw()) {
        Ok(found) if found == *parent => Ok(()),
        _ => Err(harness(format!("process {parent}, with which this one should end, is not its parent any more"))),
    }
}

/// The signals that end a run or a campaign in good order; a second one ends it at once.
pub(crate) struct Signals {
    all: Vec<Signal>,
}

impl Signals {
    /// From now on they end nothing by themselves.
    ///
    /// # Errors
    /// Where the system does not let them be watched.
    pub(crate) fn watch() -> Result<Self, Failure> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // Who has it ignored (nohup) means this to go on when the terminal is closed; whoever watched it would undo that.
        if !ignores(&status, SignalKind::hangup()) {
            kinds.push(SignalKind::hangup());
        }
        let all: std::io::Result<_> = kinds.into_iter().map(signal).collect();
        Ok(Self { all: all.map_err(|error| harness(format!("cannot watch for signals: {error}")))? })
    }

    /// The next of them.
    pub(crate) async fn next(&mut self) {
        poll_fn(|context| match self.all.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

/// Whether a process with this `/proc/PID/status` ignores a signal.
fn ignores(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_a_bit_for_each_signal() {
        let status = "Name:\tdsjepsen\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000004002\n";
        let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::pipe(), SignalKind::terminate()];
        assert_eq!(kinds.map(|kind| ignores(status, kind)), [true, false, true, false]);
        assert!(!ignores("", SignalKind::hangup()), "what is not known is watched");
    }
}
