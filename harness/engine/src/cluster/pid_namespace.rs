//! A PID namespace for all that a run starts, where the kernel grants one (to root, mostly): when its first process ends, the kernel
//! ends every other in it. So nothing survives, not even a daemon that has left its group and thrown away its environment, whom
//! neither the guardian nor the marker can find.
//!
//! Only the children of the spawner's thread are in it. Seen from the controller they keep ids of the controller's own namespace, so
//! that signals, tracing, limits and the owners of sockets need not know of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::getpid;

/// What the first process says once nothing can happen to it any more.
const READY: &[u8; 5] = b"ready";
/// How long its beginning may take, in ms.
const BEGIN_TIME: u16 = 5_000;
/// How long its end may take: one who hangs in the kernel is not waited for.
const END_TIME: Duration = Duration::from_secs(2);

/// The namespace, as long as this lives.
#[derive(Debug)]
pub(crate) struct PidNamespace {
    /// Its first process; at the other end of its standard input it sees that the controller lives.
    first: Child,
}

impl PidNamespace {
    /// Puts all processes that this thread starts from now on into a namespace of their own. The thread can start no thread
    /// after this.
    ///
    /// # Errors
    /// Where the kernel grants none; then all is as it was.
    pub(crate) fn enter(executable: &Path) -> io::Result<Self> {
        let before = File::open("/proc/thread-self/ns/pid")?;
        unshare(CloneFlags::CLONE_NEWPID)?;
        let mut command = Command::new(executable);
        command.arg("first-process").env_clear().process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let entered = command.spawn().map(|first| Self { first }).and_then(Self::begun);
        // The next process would be the first of the namespace, or none could be started in it any more.
        entered
            .or_else(|error| setns(before.as_fd(), CloneFlags::CLONE_NEWPID).map_err(io::Error::from).and(Err(error)))
    }

    /// Waits until the first process says that it is there. A program that does not know what to do would end at once, and all
    /// others with it.
    fn begun(mut self) -> io::Result<Self> {
        let nothing = || io::Error::other("the first process of the namespace does not begin");
        let mut said = self.first.stdout.take().ok_or_else(nothing)?;
        let mut waits = [PollFd::new(said.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waits, PollTimeout::from(BEGIN_TIME))? == 0 {
            return Err(nothing());
        }
        let mut word = [0; READY.len()];
        said.read_exact(&mut word)?;
        if word == *READY { Ok(self) } else { Err(nothing()) }
    }
}

impl Drop for PidNamespace {
    fn drop(&mut self) {
        let _ = self.first.kill();
        let deadline = Instant::now() + END_TIME;
        while matches!(self.first.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The program of a namespace's first process: buries who has lost its parent, until it is killed.
///
/// # Errors
/// Where it is not the first process of a namespace: elsewhere it would wait for nobody, for ever.
pub fn be_first_process() -> io::Result<()> {
    if getpid().as_raw() != 1 {
        return Err(io::Error::other("only the first process of a PID namespace runs this"));
    }
    let deaths = SigSet::from(Signal::SIGCHLD);
    deaths.thread_block()?;
    set_pdeathsig(Signal::SIGKILL)?;
    // The controller may have died before the line above took effect.
    let input = io::stdin();
    let mut controller = [PollFd::new(input.as_fd(), PollFlags::empty())];
    if poll(&mut controller, PollTimeout::ZERO)? > 0 {
        return Ok(());
    }
    io::stdout().write_all(READY)?;
    io::stdout().flush()?;
    loop {
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive) {}
        deaths.wait()?;
    }
}
