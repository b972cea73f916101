//! One run of a campaign: a process of its own, which ends by itself, or is ended.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use dsjepsen_history::{CampaignDirectory, Cell};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::executable;

/// How long a run that was asked to end may take to do so in good order: it judges what it has recorded.
const END_TIME: Duration = Duration::from_secs(30);

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Child {
    /// The place of its cell in the plan.
    pub(super) place: usize,
    /// The run's name.
    pub(super) run: String,
    /// Wall-clock time of its beginning, RFC 3339.
    pub(super) started: String,
    pub(super) began: Instant,
    process: std::process::Child,
    deadline: Instant,
    asked: Option<(Why, Instant)>,
    killed: bool,
}

/// Why a run was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It was not done in its time.
    Deadline,
    /// The campaign was interrupted.
    Interrupted,
}

/// How a run's process ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// Its exit code, unless a signal ended it.
    pub(super) code: Option<i32>,
    /// In words.
    pub(super) status: String,
    /// Whether it was asked to.
    pub(super) asked: Option<Why>,
    pub(super) took: Duration,
}

impl Child {
    /// Starts `dsjepsen test …` for a cell. It ends with this thread.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(super) fn start(
        (place, cell): (usize, &Cell),
        run: &str,
        directory: &CampaignDirectory,
        folder: &Path,
        time: Duration,
    ) -> io::Result<Self> {
        let output = directory.output_file(run);
        if let Some(folder) = output.parent() {
            fs::create_dir_all(folder)?;
        }
        let output = File::create(output)?;
        // All runs of a night are one binary's, whatever takes its place meanwhile.
        let mut command = Command::new(executable::OWN);
        command
            .arg0("dsjepsen")
            .args(&cell.command[1..])
            .arg("--store")
            .arg(directory.runs())
            .args(["--run", run, "--parent", &std::process::id().to_string(), "--quiet"])
            .current_dir(folder)
            // What CI systems read is told by the campaign.
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // A terminal's Ctrl-C is for the campaign, which then asks its runs.
            .process_group(0);
        let (started, began) = (jiff::Timestamp::now().to_string(), Instant::now());
        let process = command.spawn()?;
        let run = run.to_owned();
        Ok(Self { place, run, started, began, process, deadline: began + time, asked: None, killed: false })
    }

    /// Looks after it: asks it to end when its time is over, and kills it where it does not. Tells once when it has ended.
    pub(super) fn look(&mut self) -> io::Result<Option<Ended>> {
        if let Some(status) = self.process.try_wait()? {
            let asked = self.asked.map(|(why, _)| why);
            return Ok(Some(Ended { code: status.code(), status: words(status), asked, took: self.began.elapsed() }));
        }
        if self.asked.is_none() && Instant::now() >= self.deadline {
            self.ask(Why::Deadline);
        }
        if self.asked.is_some_and(|(_, at)| at.elapsed() >= END_TIME) {
            self.kill();
        }
        Ok(None)
    }

    /// Asks it to end in good order.
    pub(super) fn ask(&mut self, why: Why) {
        if self.asked.is_none() {
            self.asked = Some((why, Instant::now()));
            self.signal(Signal::SIGTERM);
        }
    }

    /// Ends it at once; its guardian ends what it started.
    pub(super) fn kill(&mut self) {
        if !self.killed {
            self.killed = true;
            self.signal(Signal::SIGKILL);
        }
    }

    /// It has not been waited for, so the number is still its own.
    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal().map(Signal::try_from)) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(Ok(signal))) => signal.to_string(),
        (None, _) => status.to_string(),
    }
}
