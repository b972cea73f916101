//! Client programs of other people: started beside the nodes by the same spawner, under the same marker and guardian, each
//! with pipes to the controller. What is said over the pipes is no business of this module.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dsjepsen_history::Process;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::log::copy_log;
use super::spawner::{ProcessSpec, Spawned};
use super::{Inner, NODE_PATH};

/// How a client program is started. The environment of the controller is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// The port of its node that it speaks to, which the first line tells it.
    pub port: u16,
}

/// What can go wrong with client programs, counted for the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It cannot be started, or never says that it is ready.
    NotReady,
    /// It ended by itself.
    Ended,
    /// It did not answer in time.
    Silent,
    /// It wrote what is no answer.
    Nonsense,
}

/// How often each trouble was met.
#[derive(Debug, Default)]
pub(super) struct Troubles([AtomicU64; 4]);

/// The way to start client programs in a cluster, as long as there is one; cheap to clone. By default there is none.
#[derive(Clone, Default)]
pub struct Programs {
    cluster: Weak<Inner>,
}

impl fmt::Debug for Programs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Programs").finish_non_exhaustive()
    }
}

impl Programs {
    pub(super) fn of(cluster: Weak<Inner>) -> Self {
        Self { cluster }
    }

    /// Starts a program for a process, in a process group of its own; its standard error goes to the process's log.
    pub(crate) async fn start(&self, process: Process, command: &ClientCommand) -> io::Result<Program> {
        let inner = self.cluster.upgrade().ok_or_else(|| io::Error::other("the cluster has ended"))?;
        let directory = inner.plan.directory.clients();
        std::fs::create_dir_all(&directory)?;
        let directory = directory.canonicalize()?;
        let (input, to_program) = io::pipe()?;
        let (from_program, output) = io::pipe()?;
        let (said, errors) = io::pipe()?;
        keep_log(&inner, process, said)?;
        let mut environment = command.environment.clone();
        environment.entry("PATH".to_owned()).or_insert_with(|| NODE_PATH.to_owned());
        environment.entry("HOME".to_owned()).or_insert_with(|| directory.display().to_string());
        let spec = ProcessSpec {
            program: command.program.clone(),
            arguments: command.arguments.clone(),
            environment,
            directory,
            run: inner.plan.run.clone(),
            input: Some(input),
            output,
            errors: Some(errors),
            clock: None,
        };
        let spawned = inner.spawner.spawn(spec).await?;
        inner.guardian.group(spawned.pid);
        self.watch_end(spawned.clone());
        // From here on the drop of this value kills the process.
        let lease = Lease { programs: self.clone(), spawned };
        Ok(Program {
            input: pipe::Sender::from_owned_fd(OwnedFd::from(to_program))?,
            output: pipe::Receiver::from_owned_fd(OwnedFd::from(from_program))?,
            lease,
        })
    }

    /// Tells of a trouble when it is met for the first, the tenth, the hundredth time in the run, and so on: it may come with
    /// every operation.
    pub(crate) fn tell(&self, trouble: Trouble, text: &str) {
        let Some(inner) = self.cluster.upgrade() else { return };
        let times = inner.troubles.0[trouble as usize].fetch_add(1, Ordering::Relaxed) + 1;
        if times == 1 {
            inner.plan.events.warn(text);
        } else if is_power_of_ten(times) {
            inner.plan.events.warn(format!("{text} (the like was seen {times} times)"));
        }
    }

    fn watch_end(&self, spawned: Spawned) {
        let weak = self.cluster.clone();
        let mut ended = spawned.ended;
        tokio::spawn(async move {
            // The sender goes with the spawner, and that with all processes.
            let _ = ended.wait_for(Option::is_some).await;
            if let Some(inner) = weak.upgrade() {
                inner.guardian.ended(spawned.pid);
            }
        });
    }
}

fn is_power_of_ten(number: u64) -> bool {
    number > 0 && 10_u64.pow(number.ilog10()) == number
}

fn keep_log(inner: &Inner, process: Process, said: PipeReader) -> io::Result<()> {
    let path = inner.plan.directory.client_log(process);
    let (clock, events) = (inner.plan.clock, inner.plan.events.clone());
    std::thread::Builder::new().name(format!("log-p{process}")).spawn(move || {
        if let Err(error) = copy_log(said, &path, clock, None) {
            events.warn(format!("the log of client program p{process} lacks its end: {error}"));
        }
    })?;
    Ok(())
}

/// A client program that was started; killed with its whole process group when this is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its standard input.
    pub(crate) input: pipe::Sender,
    /// Its standard output.
    pub(crate) output: pipe::Receiver,
    lease: Lease,
}

impl Program {
    /// How it ended, if it does so soon: a program that has closed its output mostly ends right after.
    pub(crate) async fn status(&self) -> Option<ExitStatus> {
        const SOON: Duration = Duration::from_millis(100);
        let mut ended: watch::Receiver<_> = self.lease.spawned.ended.clone();
        let status = tokio::time::timeout(SOON, ended.wait_for(Option::is_some)).await;
        status.ok()?.ok().and_then(|status| *status)
    }
}

#[derive(Debug)]
struct Lease {
    programs: Programs,
    spawned: Spawned,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(inner) = self.programs.cluster.upgrade() {
            inner.spawner.kill(self.spawned.pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_ever_more_seldom() {
        let told: Vec<u64> = (0..2000).filter(|times| is_power_of_ten(*times)).collect();
        assert_eq!(told, [1, 10, 100, 1000]);
    }

    #[tokio::test]
    async fn without_a_cluster_nothing_is_started() {
        let command =
            ClientCommand { program: "/bin/true".into(), arguments: Vec::new(), environment: BTreeMap::new(), port: 1 };
        let error = Programs::default().start(Process(1), &command).await.unwrap_err();
        assert!(error.to_string().contains("the cluster has ended"));
    }
}
