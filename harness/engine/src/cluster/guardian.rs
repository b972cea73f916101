//! The guardian: a small process that outlives a controller which is killed, and ends what it leaves behind.
//!
//! It reads a pipe from the controller: `group PID` and `ended PID` as process groups come and go, `release` at an orderly
//! end. When the pipe ends without `release`, it kills the groups and everything that carries the run's marker.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::marker::kill_marked;

/// The controller's side.
#[derive(Debug)]
pub(crate) struct Guardian {
    process: Child,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Guardian {
    /// Starts `EXECUTABLE guardian RUN`, out of reach of the terminal's signals.
    pub(crate) fn start(executable: &Path, run: &str) -> io::Result<Self> {
        let mut process = Command::new(executable)
            .arg("guardian")
            .arg(run)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = Mutex::new(process.stdin.take());
        Ok(Self { process, pipe })
    }

    /// A process group began.
    pub(crate) fn group(&self, pid: i32) {
        self.tell(&format!("group {pid}\n"));
    }

    /// A process group ended.
    pub(crate) fn ended(&self, pid: i32) {
        self.tell(&format!("ended {pid}\n"));
    }

    /// A guardian that is gone can't be told; the marker and PDEATHSIG still hold.
    fn tell(&self, line: &str) {
        if let Some(pipe) = self.pipe.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.tell("release\n");
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = self.process.wait();
    }
}

/// The guardian's own program: reads `input` to its end, then cleans up unless it was released.
pub fn guard(run: &str, input: impl BufRead) {
    let mut groups = BTreeSet::new();
    for line in input.lines() {
        let Ok(line) = line else { break };
        match line.split_once(' ') {
            Some(("group", pid)) => {
                groups.extend(pid.parse::<i32>());
            }
            Some(("ended", pid)) => {
                if let Ok(pid) = pid.parse::<i32>() {
                    groups.remove(&pid);
                }
            }
            _ if line == "release" => return,
            _ => {}
        }
    }
    for pid in groups {
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    kill_marked(run, Duration::from_secs(10));
}
