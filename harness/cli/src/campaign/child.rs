//! A process of a campaign, which makes one run, or judges one again that was recorded. It ends by itself, or is ended.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use dsjepsen_history::{CampaignDirectory, Cell};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::collect::Recorded;
use crate::executable;

/// How long a run that was asked to end may take to do so in good order: it judges what it has recorded.
const END_TIME: Duration = Duration::from_secs(30);
/// How long a process may take to die that was killed.
const DEATH_TIME: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long a record may be judged and drawn at least.
const CHECK_TIME: Duration = Duration::from_secs(120);

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Child {
    /// The place of its cell in the plan.
    pub(super) place: usize,
    /// The run's name.
    pub(super) run: String,
    /// Wall-clock time of its beginning, RFC 3339.
    pub(super) started: String,
    /// What was recorded of it before, where this process only judges that again.
    pub(super) recorded: Option<Recorded>,
    began: Instant,
    process: Box<dyn Process>,
    deadline: Instant,
    asked: Option<(Why, Instant)>,
    killed: Option<Instant>,
}

/// What is asked of a process.
trait Process: fmt::Debug {
    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>>;
    fn signal(&self, signal: Signal);
}

impl Process for std::process::Child {
    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.try_wait()
    }

    /// It has not been waited for, so the number is still its own.
    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.id()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

/// Which cell a process is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    /// Its place in the plan.
    pub(super) place: usize,
    pub(super) cell: &'a Cell,
    /// The run's name.
    pub(super) run: &'a str,
    pub(super) directory: &'a CampaignDirectory,
    /// After so long it is asked to end.
    pub(super) time: Duration,
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
    pub(super) fn test(task: Task<'_>, folder: &Path) -> io::Result<Self> {
        let mut command = own_command();
        command.args(&task.cell.command[1..]).arg("--store").arg(task.directory.runs()).args(["--run", task.run]);
        command.current_dir(folder);
        Self::start(task, command, None)
    }

    /// Starts `dsjepsen check …` for a run that had been judged; it draws its page again. It ends with this thread.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(super) fn check(task: Task<'_>, recorded: Recorded) -> io::Result<Self> {
        let run = task.directory.runs().join(task.run);
        let mut command = own_command();
        command.arg("check").arg(&run).arg("--html").arg(run.join("index.html"));
        Self::start(Task { time: task.time.max(CHECK_TIME), ..task }, command, Some(recorded))
    }

    fn start(task: Task<'_>, mut command: Command, recorded: Option<Recorded>) -> io::Result<Self> {
        let output = task.directory.output_file(task.run);
        if let Some(folder) = output.parent() {
            fs::create_dir_all(folder)?;
        }
        let output = File::options().create(true).append(true).open(output)?;
        command
            .args(["--parent", &std::process::id().to_string(), "--quiet"])
            // What CI systems read is told by the campaign.
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // A terminal's Ctrl-C is for the campaign, which then asks its runs.
            .process_group(0);
        let now = jiff::Timestamp::now().to_string();
        let began = Instant::now();
        Ok(Self {
            place: task.place,
            run: task.run.to_owned(),
            started: recorded.as_ref().map_or(now, |recorded| recorded.started.clone()),
            recorded,
            began,
            process: Box::new(command.spawn()?),
            deadline: began + task.time,
            asked: None,
            killed: None,
        })
    }

    /// Looks after it: asks it to end when its time is over, kills it where it does not, and gives it up where that is in vain (a disk
    /// that does not answer keeps a process from dying). Tells once when it has ended.
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
        if self.killed.is_some_and(|at| at.elapsed() >= DEATH_TIME) {
            let asked = self.asked.map(|(why, _)| why);
            let status = format!("no end within {} s of SIGKILL", DEATH_TIME.as_secs());
            return Ok(Some(Ended { code: None, status, asked, took: self.began.elapsed() }));
        }
        Ok(None)
    }

    /// Asks it to end in good order.
    pub(super) fn ask(&mut self, why: Why) {
        if self.asked.is_none() {
            self.asked = Some((why, Instant::now()));
            self.process.signal(Signal::SIGTERM);
        }
    }

    /// Ends it at once; its guardian ends what it started.
    pub(super) fn kill(&mut self) {
        if self.killed.is_none() {
            self.killed = Some(Instant::now());
            self.process.signal(Signal::SIGKILL);
        }
    }
}

/// Kills processes, and waits until they have ended, but no longer than `limit`.
pub(super) fn end_all(children: &mut Vec<Child>, limit: Duration) {
    children.iter_mut().for_each(Child::kill);
    let deadline = Instant::now() + limit;
    loop {
        children.retain_mut(|child| matches!(child.look(), Ok(None)));
        if children.is_empty() || Instant::now() >= deadline {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// This very binary: all runs of a night are its own, whatever takes its place meanwhile.
fn own_command() -> Command {
    let mut command = Command::new(executable::OWN);
    command.arg0("dsjepsen");
    command
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal().map(Signal::try_from)) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(Ok(signal))) => signal.to_string(),
        (None, _) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// A process that waits for what never comes.
    #[derive(Debug, Default)]
    struct Undying(Rc<RefCell<Vec<Signal>>>);

    impl Process for Undying {
        fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
            Ok(None)
        }

        fn signal(&self, signal: Signal) {
            self.0.borrow_mut().push(signal);
        }
    }

    fn undying() -> (Child, Rc<RefCell<Vec<Signal>>>) {
        let process = Undying::default();
        let signals = Rc::clone(&process.0);
        let (began, process) = (Instant::now(), Box::new(process));
        let (run, started) = ("a-run".to_owned(), String::new());
        let (recorded, asked, killed) = (None, None, None);
        (Child { place: 0, run, started, recorded, began, process, deadline: began, asked, killed }, signals)
    }

    #[test]
    fn a_process_that_cannot_die_is_given_up_as_one_that_was_not_done_in_time() {
        let (mut child, signals) = undying();
        assert!(child.look().unwrap().is_none());
        let past = Instant::now() - END_TIME;
        child.asked = child.asked.map(|(why, _)| (why, past));
        assert!(child.look().unwrap().is_none());
        assert_eq!(*signals.borrow(), [Signal::SIGTERM, Signal::SIGKILL]);
        child.killed = child.killed.map(|_| Instant::now() - DEATH_TIME);
        let ended = child.look().unwrap().unwrap();
        assert_eq!((ended.code, ended.asked), (None, Some(Why::Deadline)));
        assert!(ended.status.contains("SIGKILL"), "{}", ended.status);
    }

    #[test]
    fn nobody_waits_for_ever_for_those_that_are_ended_together() {
        let (one, of_one) = undying();
        let (two, of_two) = undying();
        let mut children = vec![one, two];
        end_all(&mut children, Duration::from_millis(1));
        assert_eq!(children.len(), 2);
        assert_eq!([of_one.borrow()[0], of_two.borrow()[0]], [Signal::SIGKILL; 2]);
    }
}
