//! Whether nodes' clocks can be skewed here: it is tried on a small program.

use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::node::NodeClock;
use super::process::{Patch, take_over};
use super::skew::Skew;
use crate::target::{NODE_PATH, Unavailable};

/// How far the small program's clock is set back.
const BACK: Duration = Duration::from_secs(100_000);

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
    let clock = NodeClock::new().map_err(|error| format!("cannot make a page to share with it: {error}"))?;
    let by_ns = i64::try_from(BACK.as_nanos()).map_err(|error| error.to_string())?;
    let skew = clock.begin(Skew::Offset { by_ns: -by_ns });
    let patch = Patch { clock: Arc::new(clock), execs: 0 };
    let mut command = Command::new("date");
    command.arg("+%s").env_clear().env("PATH", NODE_PATH).stdin(Stdio::null()).stdout(Stdio::piped());
    patch.prepare(&mut command);
    let mut child = command.spawn().map_err(|error| format!("`date` cannot be started and traced: {error}"))?;
    if let Err(error) = i32::try_from(child.id())
        .map_err(|error| error.to_string())
        .and_then(|pid| take_over(pid, &patch).map_err(|error| error.to_string()))
    {
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    let output = child.wait_with_output().map_err(|error| format!("`date`: {error}"))?;
    let shown = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
    let shown = shown.map_err(|_| format!("`date +%s` shows no number ({})", output.status))?;
    let wanted = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(BACK).as_secs();
    let seen = patch.clock.witnessed(skew).is_some_and(|seen| seen.confirmed);
    if shown.abs_diff(wanted) > 60 || !seen {
        return Err("`date`, with its clock set back, shows the true time; does it ask the vDSO?".to_owned());
    }
    Ok(())
}
