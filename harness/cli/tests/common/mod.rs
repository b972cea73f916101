//! What the tests of the binary share: running it, and looking for what it may have left behind.
#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what is tried again is told")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The binary under test.
pub(crate) const DSJEPSEN: &str = env!("CARGO_BIN_EXE_dsjepsen");

/// How long anything is waited for: a bound that is met on a broken program alone, however busy the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A store of its own, and the runs in it.
pub(crate) struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// `dsjepsen test` with this store and these arguments.
    pub(crate) fn test(&self, arguments: &str) -> Command {
        let mut command = Command::new(DSJEPSEN);
        command.arg("test").args(arguments.split_whitespace()).arg("--store").arg(self.path());
        // Where the tests run is no matter of what they test.
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
        command.stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.test(arguments).output().unwrap()
    }

    /// Runs it until it has shown something.
    pub(crate) fn decide(&self, arguments: &str) -> Output {
        decided(&mut self.test(arguments))
    }

    /// Leaves the runs where they are, for whoever wants to look at them.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep().join("store")
    }

    /// The newest run.
    pub(crate) fn latest(&self) -> PathBuf {
        std::fs::canonicalize(self.path().join("latest")).unwrap()
    }

    /// The name of the newest run: the value of its marker.
    pub(crate) fn latest_name(&self) -> String {
        self.latest().file_name().unwrap().to_str().unwrap().to_owned()
    }
}

/// Runs it, and twice more where the verdict is that nothing was shown: so it is, and should be, of a run on a machine that
/// stood still in the wrong moment.
pub(crate) fn decided(command: &mut Command) -> Output {
    for _ in 0..2 {
        let output = command.output().unwrap();
        if output.status.code() != Some(2) {
            return output;
        }
        eprintln!("once more, for nothing was shown: {}", text(&output));
    }
    command.output().unwrap()
}

/// A child that is killed when the test ends, also when it fails.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// One whose words go nowhere: a pipe that nobody reads would hold it up.
    pub(crate) fn quietly(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self::start(command)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }

    /// The exit code, or `None` if a signal ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        // Whole runs and campaigns are waited for.
        let deadline = Instant::now() + 4 * PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something holds; fails with `what` if it never does.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The same among futures.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// No process of this run is left.
pub(crate) fn assert_nothing_left(run: &str) {
    let left = dsjepsen_engine::find_marked(run);
    assert!(left.is_empty(), "processes of the run are left: {left:?}");
}

/// Of a run whose controller could not see to it, no process is left before long.
pub(crate) fn nothing_left_soon(run: &str) {
    eventually("that nothing of the run is left", || dsjepsen_engine::find_marked(run).is_empty());
}

/// `dsjepsen check RUN`: its exit code and its verdict.
pub(crate) fn check(run: &Path) -> (i32, Value, String) {
    let output = Command::new(DSJEPSEN).arg("check").arg(run).arg("--json").output().unwrap();
    let verdict = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), verdict, String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Tests by their names, and the programs that each needs.
pub(crate) type Trials = &'static [(&'static str, &'static [&'static str], fn() -> Result<(), Failed>)];

/// How many trials go on at once: they mostly wait.
const AT_ONCE: usize = 3;

/// What the test binary is asked for.
pub(crate) fn arguments() -> Arguments {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    arguments
}

/// Runs tests; those whose programs are missing are skipped by name.
pub(crate) fn run_trials(trials: Trials) -> ExitCode {
    run_trials_with(trials, is_installed)
}

/// The same, where something else says which programs there are.
pub(crate) fn run_trials_with(trials: Trials, is_installed: fn(&str) -> bool) -> ExitCode {
    let trials = trials.iter().map(|(name, needed, test)| {
        let missing = needed.iter().find(|program| !is_installed(program));
        let name = match missing {
            Some(program) => format!("{name} (skipped: {program} is not installed)"),
            None => (*name).to_owned(),
        };
        Trial::test(name, test).with_ignored_flag(missing.is_some())
    });
    libtest_mimic::run(&arguments(), trials.collect()).exit_code()
}

pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}
