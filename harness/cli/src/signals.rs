//! With whom, and by which signals, this process ends.

use clap::ArgMatches;

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
