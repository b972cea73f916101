//! Whether nodes' clocks can be skewed here: it is tried on a small program.

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::node::{NodeClock, Witnessed};
use super::process::{Patch, TakeOver};
use super::skew::Skew;
use crate::target::{NODE_PATH, Unavailable};

/// How far the small program's clock is set back.
const BACK: Duration = Duration::from_secs(100_000);

/// The pause between two looks at a program whose clock is taken over.
const POLL: Duration = Duration::from_micros(50);

/// What is tried.
const TRIAL: &str = "`date +%s`, with its clock set back,";

/// Whether nodes' clocks can be skewed on this machine; tried once in the life of the program.
///
/// # Errors
/// [`Unavailable`], with what the kernel refuses.
pub fn clocks_available() -> Result<(), Unavailable> {
    static FOUND: OnceLock<Result<(), Unavailable>> = OnceLock::new();
    let probe = || {
        // A thread of its own: the kernel ties a traced process to the thread that forked it.
        let tried = std::thread::spawn(try_it).join().unwrap_or_else(|_| Err("the trial broke off".to_owned()));
        tried.map_err(|why| Unavailable { what: "a clock of its own for a node".to_owned(), why })
    };
    FOUND.get_or_init(probe).clone()
}

/// `date`, of coreutils or busybox, with its clock set back.
fn try_it() -> Result<(), String> {
    let by_ns = i64::try_from(BACK.as_nanos()).map_err(|error| error.to_string())?;
    let mut command = Command::new("date");
    command.arg("+%s").env_clear().env("PATH", NODE_PATH);
    let (output, witnessed) = run_skewed(command, Skew::Offset { by_ns: -by_ns })?;
    let shown = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
    let shown = shown.map_err(|_| format!("{TRIAL} shows no number ({})", output.status))?;
    let wanted = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(BACK).as_secs();
    if shown.abs_diff(wanted) > 60 || !witnessed.confirmed {
        return Err(format!("{TRIAL} shows the true time; does it ask the vDSO?"));
    }
    Ok(())
}

/// Runs a program to its end with a skewed clock, and says what it printed and what it saw of the skew; for trials and
/// measurements. The thread must live as long as the program.
///
/// # Errors
/// Why it cannot be started, or its clock cannot be skewed.
pub fn run_skewed(mut command: Command, skew: Skew) -> Result<(Output, Witnessed), String> {
    let clock = Arc::new(NodeClock::new().map_err(|error| format!("a page to share with it: {error}"))?);
    let id = clock.begin(skew);
    let patch = Patch { clock: Arc::clone(&clock), execs: 0 };
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    patch.prepare(&mut command);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| format!("`{program}` cannot be started and traced: {error}"))?;
    let taken = i32::try_from(child.id()).map_err(|error| error.to_string()).and_then(|pid| {
        let mut take_over = TakeOver::begin(pid, patch);
        while !take_over.step().map_err(|error| error.to_string())? {
            std::thread::sleep(POLL);
        }
        Ok(())
    });
    if let Err(error) = taken {
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    let output = child.wait_with_output().map_err(|error| format!("`{program}`: {error}"))?;
    Ok((output, clock.end(id).unwrap_or_default()))
}
