//! The spawner: one OS thread that forks, signals and reaps every process of a run.
//!
//! It must be one thread that lives as long as the run: PDEATHSIG fires when the spawning *thread* ends, two reapers would
//! steal each other's statuses, and a signal sent by the reaper can never hit a process id that was given to somebody else.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpid, getppid};
use tokio::sync::{oneshot, watch};

use super::marker::MARKER;
use super::pid_namespace::PidNamespace;
use crate::clocks::{Patch, TakeOver};

/// A process to be started.
#[derive(Debug)]
pub(crate) struct ProcessSpec {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) directory: PathBuf,
    /// The run, for the environment marker.
    pub(crate) run: String,
    /// Standard input; nothing where there is none.
    pub(crate) input: Option<io::PipeReader>,
    /// Receives standard output.
    pub(crate) output: io::PipeWriter,
    /// Receives standard error; goes where the output goes where there is none.
    pub(crate) errors: Option<io::PipeWriter>,
    /// A clock of its own, where it gets one.
    pub(crate) clock: Option<Patch>,
}

/// A process that was started.
#[derive(Debug, Clone)]
pub(crate) struct Spawned {
    pub(crate) pid: i32,
    /// How it ended, once it did and was reaped.
    pub(crate) ended: watch::Receiver<Option<ExitStatus>>,
}

/// The pause between two looks at a process whose clock is taken over.
const TAKE_OVER_POLL: u8 = 1;

/// Whom a process that was started is told to.
type Reply = oneshot::Sender<io::Result<Spawned>>;

enum Order {
    Spawn(Box<ProcessSpec>, Reply),
    Signal(i32, Signal, oneshot::Sender<bool>),
    Close,
}

/// The way to the spawner's thread.
#[derive(Debug)]
pub(crate) struct Spawner {
    orders: mpsc::Sender<Order>,
    bell: std::sync::Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Spawner {
    /// Starts the thread. What it starts is in a PID namespace, where there is one to be had; `executable` is its first process.
    pub(crate) fn start(executable: Option<&Path>) -> io::Result<Self> {
        let bell = std::sync::Arc::new(EventFd::from_value_and_flags(0, nix::sys::eventfd::EfdFlags::EFD_CLOEXEC)?);
        let (orders, inbox) = mpsc::channel();
        let of_thread = std::sync::Arc::clone(&bell);
        let executable = executable.map(Path::to_owned);
        let thread = std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let namespace = executable.and_then(|executable| PidNamespace::enter(&executable).ok());
            Reaper::new(inbox, of_thread, namespace).serve();
        })?;
        Ok(Self { orders, bell, thread: Some(thread) })
    }

    /// Starts a process in a process group of its own.
    pub(crate) async fn spawn(&self, spec: ProcessSpec) -> io::Result<Spawned> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Spawn(Box::new(spec), reply));
        answer.await.map_err(|_| io::Error::other("the spawner has ended"))?
    }

    /// Kills a process's whole group, without waiting for it.
    pub(crate) fn kill(&self, pid: i32) {
        let (reply, _) = oneshot::channel();
        self.order(Order::Signal(pid, Signal::SIGKILL, reply));
    }

    /// Signals a process's whole group; `false` if the process has ended.
    pub(crate) async fn signal(&self, pid: i32, signal: Signal) -> bool {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Signal(pid, signal, reply));
        answer.await.unwrap_or(false)
    }

    fn order(&self, order: Order) {
        // Both fail only once the thread has ended; then the caller's answer says so.
        let _ = self.orders.send(order);
        let _ = self.bell.write(1);
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.order(Order::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Running {
    child: Child,
    exit: OwnedFd,
    ended: watch::Sender<Option<ExitStatus>>,
}

/// A process whose clock is being taken over. Nobody knows of it yet, and it is not waited for: a process that is traced is
/// told of at every stop.
struct Begun {
    child: Child,
    pid: i32,
    take_over: TakeOver,
    reply: Reply,
}

struct Reaper {
    inbox: mpsc::Receiver<Order>,
    bell: std::sync::Arc<EventFd>,
    children: BTreeMap<i32, Running>,
    begun: Vec<Begun>,
    /// Ends after all who are waited for here: its first process cannot end before them.
    namespace: Option<PidNamespace>,
}

impl Reaper {
    fn new(inbox: mpsc::Receiver<Order>, bell: std::sync::Arc<EventFd>, namespace: Option<PidNamespace>) -> Self {
        Self { inbox, bell, children: BTreeMap::new(), begun: Vec::new(), namespace }
    }

    fn serve(mut self) {
        loop {
            self.sleep(if self.begun.is_empty() { PollTimeout::NONE } else { PollTimeout::from(TAKE_OVER_POLL) });
            self.reap();
            self.take_over();
            loop {
                match self.inbox.try_recv() {
                    Ok(Order::Spawn(spec, reply)) => self.spawn(*spec, reply),
                    Ok(Order::Signal(pid, signal, reply)) => {
                        let _ = reply.send(self.signal(pid, signal));
                    }
                    Ok(Order::Close) | Err(mpsc::TryRecvError::Disconnected) => return self.close(),
                    Err(mpsc::TryRecvError::Empty) => break,
                }
            }
        }
    }

    /// Until an order comes, a child ends, or the time is over.
    fn sleep(&self, timeout: PollTimeout) {
        let mut waits = vec![PollFd::new(self.bell.as_fd(), PollFlags::POLLIN)];
        waits.extend(self.children.values().map(|running| PollFd::new(running.exit.as_fd(), PollFlags::POLLIN)));
        let rung = poll(&mut waits, timeout).is_ok() && waits[0].any().unwrap_or(false);
        if rung {
            let _ = self.bell.read();
        }
    }

    fn reap(&mut self) {
        self.children.retain(|_, running| match running.child.try_wait() {
            Ok(Some(status)) => {
                running.ended.send_replace(Some(status));
                false
            }
            Ok(None) => true,
            // Somebody else reaped it; its status is lost, its end is not.
            Err(_) => {
                running.ended.send_replace(Some(ExitStatus::from_raw(0)));
                false
            }
        });
    }

    /// Starts a process, and answers once it is known to all: at once, or when its clock is taken over.
    fn spawn(&mut self, mut spec: ProcessSpec, reply: Reply) {
        let patch = spec.clock.take();
        match (start(spec, patch.as_ref(), self.namespace.is_some()), patch) {
            (Ok((child, pid)), Some(patch)) => {
                self.begun.push(Begun { child, pid, take_over: TakeOver::begin(pid, patch), reply });
                self.take_over();
            }
            (started, _) => {
                let _ = reply.send(started.and_then(|(child, pid)| self.adopt(child, pid)));
            }
        }
    }

    /// Goes on with every process whose clock is being taken over, as far as that goes without waiting.
    fn take_over(&mut self) {
        for mut begun in std::mem::take(&mut self.begun) {
            let done = begun.take_over.step().map_err(|error| io::Error::other(format!("its clock: {error}")));
            let Begun { mut child, pid, reply, .. } = match done {
                Ok(false) => {
                    self.begun.push(begun);
                    continue;
                }
                Ok(true) | Err(_) => begun,
            };
            let told = match done {
                Ok(_) => self.adopt(child, pid),
                Err(error) => {
                    end(&mut child);
                    Err(error)
                }
            };
            let _ = reply.send(told);
        }
    }

    /// From now on the process is waited for.
    fn adopt(&mut self, mut child: Child, pid: i32) -> io::Result<Spawned> {
        let exit = open_pidfd(pid).inspect_err(|_| end(&mut child))?;
        let (ended, watch) = watch::channel(None);
        self.children.insert(pid, Running { child, exit, ended });
        Ok(Spawned { pid, ended: watch })
    }

    fn signal(&mut self, pid: i32, signal: Signal) -> bool {
        self.children.contains_key(&pid) && killpg(Pid::from_raw(pid), signal).is_ok()
    }

    /// Kills every group and reaps, with an end even if a process hangs in the kernel.
    fn close(mut self) {
        self.begun.iter_mut().for_each(|begun| end(&mut begun.child));
        for pid in self.children.keys() {
            let _ = killpg(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.children.is_empty() && Instant::now() < deadline {
            self.sleep(PollTimeout::from(50_u8));
            self.reap();
        }
    }
}

/// Starts a process; one with a clock is held at its first instruction.
fn start(spec: ProcessSpec, clock: Option<&Patch>, in_namespace: bool) -> io::Result<(Child, i32)> {
    // From within a namespace nobody outside is seen.
    let controller = if in_namespace { Pid::from_raw(0) } else { getpid() };
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.arguments)
        .env_clear()
        .envs(&spec.environment)
        .env(MARKER, &spec.run)
        .current_dir(&spec.directory)
        .stdin(spec.input.map_or_else(Stdio::null, Stdio::from))
        .stderr(match spec.errors {
            Some(errors) => errors,
            None => spec.output.try_clone()?,
        })
        .stdout(spec.output)
        .process_group(0);
    // SAFETY: between fork and exec only async-signal-safe calls are made: prctl and getppid. Nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            set_pdeathsig(Signal::SIGKILL)?;
            // The controller may have died before the line above took effect; a namespace has ended with it.
            if getppid() == controller { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
        });
    }
    if let Some(patch) = clock {
        patch.prepare(&mut command);
    }
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    Ok((child, pid))
}

/// Kills a process that came to nothing, with what it may have started.
fn end(child: &mut Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// A descriptor that becomes readable when the process ends.
fn open_pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and returns a new descriptor or -1; nothing is shared with it.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the descriptor was just returned to us, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::clocks::{NodeClock, clocks_available};

    const LIMIT: Duration = Duration::from_secs(5);

    /// A line of `sh` in this folder, with a clock that is taken over behind so many programs.
    fn spec(line: &str, folder: &std::path::Path, wrappers: Option<usize>) -> io::Result<ProcessSpec> {
        let clock =
            wrappers.map(|execs| io::Result::Ok(Patch { clock: NodeClock::new()?.into(), execs })).transpose()?;
        Ok(ProcessSpec {
            program: "/bin/sh".into(),
            arguments: ["-c", line].map(str::to_owned).into(),
            environment: BTreeMap::from([("PATH".to_owned(), crate::target::NODE_PATH.to_owned())]),
            directory: folder.to_owned(),
            run: "spawner-test".to_owned(),
            input: None,
            output: io::pipe()?.1,
            errors: None,
            clock,
        })
    }

    async fn in_time<T>(what: &str, does: impl Future<Output = T>) -> T {
        tokio::time::timeout(LIMIT, does).await.unwrap_or_else(|_| panic!("{what} took longer than {LIMIT:?}"))
    }

    #[tokio::test]
    async fn others_are_served_while_a_wrapper_takes_its_time() {
        if let Err(error) = clocks_available() {
            eprintln!("skipped: {error}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let spawner = Spawner::start(None).unwrap();
        let wait = "while [ ! -e go ]; do sleep 0.01; done; exec sleep 600";
        let late = spawner.spawn(spec(wait, folder.path(), Some(1)).unwrap());
        let other = async {
            let spawn = spawner.spawn(spec("exec sleep 600", folder.path(), None).unwrap());
            let mut other = in_time("the start of another", spawn).await.unwrap();
            assert!(in_time("a signal", spawner.signal(other.pid, Signal::SIGKILL)).await);
            let ended = in_time("the reaping", other.ended.wait_for(Option::is_some)).await.unwrap().unwrap();
            assert_eq!(ended.signal(), Some(9));
            std::fs::write(folder.path().join("go"), "").unwrap();
        };
        let (late, ()) = tokio::join!(async { in_time("the wrapper", late).await.unwrap() }, other);
        assert!(in_time("its signal", spawner.signal(late.pid, Signal::SIGTERM)).await);
        let mut ended = late.ended;
        let ended = in_time("its end", ended.wait_for(Option::is_some)).await.unwrap().unwrap();
        assert_eq!(ended.signal(), Some(15));
    }

    #[tokio::test]
    async fn how_a_process_ended_is_told_although_it_was_traced() {
        if let Err(error) = clocks_available() {
            eprintln!("skipped: {error}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let spawner = Spawner::start(None).unwrap();
        for (line, signal, code) in [("kill -9 $$", Some(9), None), ("exit 7", None, Some(7))] {
            let mut spawned = in_time(line, spawner.spawn(spec(line, folder.path(), Some(1)).unwrap())).await.unwrap();
            let ended = in_time(line, spawned.ended.wait_for(Option::is_some)).await.unwrap().unwrap();
            assert_eq!((ended.signal(), ended.code()), (signal, code), "{line}");
        }
    }
}
