//! Whether nodes' clocks can be skewed here: it is tried on a small program.

use std::io;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use thiserror::Error;

use super::node::{NodeClock, Witnessed};
use super::process::{Patch, TakeOver, TakeOverError, is_refusal};
use super::skew::Skew;
use crate::target::{NODE_PATH, Unavailable};

/// How far the small program's clock is set back.
const BACK: Duration = Duration::from_secs(100_000);

/// The pause between two looks at a program whose clock is taken over.
const POLL: Duration = Duration::from_micros(50);

/// What is tried.
const TRIAL: &str = "`date +%s`, with its clock set back,";

/// Why a program cannot have a clock of its own.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoClock {
    /// The kernel does not let processes be traced or their memory be written, or the processor is of another kind.
    #[error("{0}")]
    Refused(String),
    /// Nothing refuses, and it still does not work.
    #[error("{0}")]
    Broken(String),
}

/// Whether nodes' clocks can be skewed on this machine; tried once in the life of the program.
///
/// # Errors
/// [`Unavailable`], with what the kernel refuses.
pub fn clocks_available() -> Result<(), Unavailable> {
    try_clocks().map_err(|why| Unavailable { what: "a clock of its own for a node".to_owned(), why: why.to_string() })
}

/// As above, for those to whom it matters whether this machine refuses it or something is broken.
///
/// # Errors
/// [`NoClock`].
pub fn try_clocks() -> Result<(), NoClock> {
    static FOUND: OnceLock<Result<(), NoClock>> = OnceLock::new();
    let probe = || {
        // A thread of its own: the kernel ties a traced process to the thread that forked it.
        let tried = std::thread::spawn(try_it).join();
        tried.unwrap_or_else(|_| Err(NoClock::Broken("the trial broke off".to_owned())))
    };
    FOUND.get_or_init(probe).clone()
}

/// `date`, of coreutils or busybox, with its clock set back.
fn try_it() -> Result<(), NoClock> {
    let by_ns = i64::try_from(BACK.as_nanos()).map_err(|error| NoClock::Broken(error.to_string()))?;
    let mut command = Command::new("date");
    command.arg("+%s").env_clear().env("PATH", NODE_PATH);
    let (output, witnessed) = run_skewed(command, Skew::Offset { by_ns: -by_ns })?;
    let shown = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
    let shown = shown.map_err(|_| NoClock::Broken(format!("{TRIAL} shows no number ({})", output.status)))?;
    let wanted = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(BACK).as_secs();
    if shown.abs_diff(wanted) > 60 || !witnessed.confirmed {
        return Err(NoClock::Broken(format!("{TRIAL} shows the true time; does it ask the vDSO?")));
    }
    Ok(())
}

/// Runs a program to its end with a skewed clock, and says what it printed and what it saw of the skew; for trials and
/// measurements. The thread must live as long as the program.
///
/// # Errors
/// Why it cannot be started, or its clock cannot be skewed.
pub fn run_skewed(mut command: Command, skew: Skew) -> Result<(Output, Witnessed), NoClock> {
    let broken = |error: io::Error| NoClock::Broken(error.to_string());
    let clock = NodeClock::new();
    let clock = Arc::new(clock.map_err(|error| NoClock::Broken(format!("a page to share with it: {error}")))?);
    let id = clock.begin(skew);
    let patch = Patch { clock: Arc::clone(&clock), execs: 0 };
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    patch.prepare(&mut command);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| {
        let why = format!("`{program}` cannot be started and traced: {error}");
        if is_refusal(&error) { NoClock::Refused(why) } else { NoClock::Broken(why) }
    })?;
    let pid = i32::try_from(child.id()).map_err(|error| NoClock::Broken(error.to_string()));
    let taken = pid.and_then(|pid| {
        let mut take_over = TakeOver::begin(pid, patch);
        while !take_over.step()? {
            std::thread::sleep(POLL);
        }
        Ok(())
    });
    if let Err(error) = taken {
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    let output = child.wait_with_output().map_err(broken)?;
    Ok((output, clock.end(id).unwrap_or_default()))
}

impl From<TakeOverError> for NoClock {
    fn from(error: TakeOverError) -> Self {
        if error.is_refusal() { Self::Refused(error.to_string()) } else { Self::Broken(error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use nix::libc;

    use super::*;

    #[test]
    fn a_machine_that_refuses_is_told_from_something_broken() {
        let of_kernel = |number: i32| TakeOverError::Refused {
            what: "open the memory of a traced process",
            source: io::Error::from_raw_os_error(number),
        };
        for number in [libc::EPERM, libc::EACCES, libc::ENOSYS] {
            assert!(matches!(NoClock::from(of_kernel(number)), NoClock::Refused(_)), "{number}");
        }
        for number in [libc::ESRCH, libc::EFAULT, libc::EIO, libc::ENOENT] {
            assert!(matches!(NoClock::from(of_kernel(number)), NoClock::Broken(_)), "{number}");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn what_goes_wrong_in_our_own_code_is_no_refusal() {
        let in_process = TakeOverError::InProcess {
            what: "map the clock's page in the process",
            source: io::Error::from_raw_os_error(libc::EACCES),
        };
        for error in [in_process, TakeOverError::PageLost, TakeOverError::Late { wrappers: 0 }] {
            assert!(matches!(NoClock::from(error), NoClock::Broken(_)));
        }
        let no_program = run_skewed(Command::new("/no/such/program"), "+60s".parse().unwrap());
        assert!(matches!(no_program, Err(NoClock::Broken(_))), "{no_program:?}");
    }
}
