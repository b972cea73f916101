//! The work itself, with the registers of x86-64.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::{Patch, TakeOverError, WRAPPERS_TIME};
use crate::clocks::page::PAGE_BYTES;
use crate::clocks::raw::SharedWords;
use crate::clocks::raw::stub::{STUB, STUB_BYTES, word};
use crate::clocks::vdso::{TimeFunction, Vdso, VdsoError};

/// The entry of a process's auxiliary vector that tells where its vDSO is.
const AT_SYSINFO_EHDR: u64 = 33;
/// The pause between two looks at a process that carries out one system call for us.
const POLL: Duration = Duration::from_micros(50);
/// How long that may take: it is waited for in the thread that serves all processes.
const CALL_TIME: Duration = Duration::from_secs(1);
/// The length of the instruction `syscall`.
const SYSCALL_BYTES: u64 = 2;

/// The taking over of a process's clock, in steps of which none waits for the process.
#[derive(Debug)]
pub(crate) struct TakeOver {
    held: Held,
    patch: Patch,
    /// The programs that it must still become, each by `exec`.
    left: usize,
    deadline: Instant,
}

impl TakeOver {
    /// Of a process that was just started.
    pub(crate) fn begin(pid: i32, patch: Patch) -> Self {
        let held = Held { pid: Pid::from_raw(pid), meanwhile: Vec::new() };
        Self { held, left: patch.execs, patch, deadline: Instant::now() + WRAPPERS_TIME }
    }

    /// Goes as far as it can without waiting; says whether that was the whole way.
    pub(crate) fn step(&mut self) -> Result<bool, TakeOverError> {
        loop {
            match self.held.look()? {
                Look::Runs if Instant::now() < self.deadline => return Ok(false),
                Look::Runs => return Err(TakeOverError::Late { wrappers: self.patch.execs }),
                Look::Ended => return Ok(true),
                // The kernel tells of a new program, of which no instruction has run yet, by SIGTRAP.
                Look::Stopped(Signal::SIGTRAP) if self.left == 0 => break,
                Look::Stopped(Signal::SIGTRAP) => {
                    self.left -= 1;
                    self.held.go_on(None)?;
                }
                // Other signals are its own affair.
                Look::Stopped(other) => self.held.go_on(Some(other))?,
            }
        }
        // One that could not be changed is not let go: it is killed by whoever started it.
        self.held.change(self.patch.clock.page().shared())?;
        self.held.let_go().map(|()| true)
    }
}

/// A process that is traced.
#[derive(Debug)]
struct Held {
    pid: Pid,
    /// Signals that came while it was worked on; it gets them when it is let go.
    meanwhile: Vec<Signal>,
}

/// What a traced process does.
enum Look {
    Runs,
    Stopped(Signal),
    /// It has ended. That is left to be seen by whoever reaps it.
    Ended,
}

fn refused<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> TakeOverError {
    move |source| TakeOverError::Refused { what, source: source.into() }
}

impl Held {
    fn look(&self) -> Result<Look, TakeOverError> {
        // Only a stop is taken note of for good: the end of a process that is killed in this very moment stays to be reaped.
        let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        for flags in [WaitPidFlag::WSTOPPED, ended] {
            match waitid(Id::Pid(self.pid), flags | WaitPidFlag::WNOHANG) {
                Ok(WaitStatus::Stopped(_, signal) | WaitStatus::PtraceEvent(_, signal, _)) => {
                    return Ok(Look::Stopped(signal));
                }
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return Ok(Look::Ended),
                Ok(_) | Err(Errno::EINTR) => {}
                // One that has ended is none that could stop.
                Err(Errno::ECHILD) if flags == WaitPidFlag::WSTOPPED => {}
                Err(error) => return Err(refused("wait for the process")(error)),
            }
        }
        Ok(Look::Runs)
    }

    /// Until it stops; which signal stopped it, or `None` if it ended.
    fn until_stopped(&self) -> Result<Option<Signal>, TakeOverError> {
        let deadline = Instant::now() + CALL_TIME;
        loop {
            match self.look()? {
                Look::Stopped(signal) => return Ok(Some(signal)),
                Look::Ended => return Ok(None),
                Look::Runs if Instant::now() < deadline => sleep(POLL),
                Look::Runs => return Err(refused("have a traced process carry out a system call")(Errno::ETIMEDOUT)),
            }
        }
    }

    fn go_on(&self, signal: Option<Signal>) -> Result<(), TakeOverError> {
        ptrace::cont(self.pid, signal).map_err(refused("let a traced process go on"))
    }

    fn let_go(&mut self) -> Result<(), TakeOverError> {
        ptrace::detach(self.pid, None).map_err(refused("let a traced process go"))?;
        for signal in self.meanwhile.drain(..) {
            let _ = kill(self.pid, signal);
        }
        Ok(())
    }

    fn change(&mut self, page: &SharedWords) -> Result<(), TakeOverError> {
        let (base, length) = self.find_vdso()?;
        let memory = File::options().read(true).write(true).open(format!("/proc/{}/mem", self.pid));
        let memory = memory.map_err(refused("open the memory of a traced process"))?;
        let read = refused("read the vDSO of a traced process");
        let write = |bytes: &[u8], at: u64| {
            memory.write_all_at(bytes, at).map_err(refused("write beside the vDSO of a traced process"))
        };
        let mut image = vec![0; length];
        memory.read_exact_at(&mut image, base).map_err(read)?;
        let vdso = Vdso::find(&image, STUB_BYTES)?;
        let stub_at = base + vdso.free_at as u64;

        let original = |function| vdso.original(function).map_or(0, |value| base + value);
        let mut stub = Stub(STUB);
        stub.fill(word::KERNEL_CLOCK_GETTIME, original(TimeFunction::ClockGettime));
        stub.fill(word::KERNEL_GETTIMEOFDAY, original(TimeFunction::Gettimeofday));
        write(&stub.0, stub_at)?;
        let mapped = self.map(page, stub_at + stub.read(word::SYSCALL))?;
        stub.fill(word::SETTINGS, mapped);
        stub.fill(word::READINGS, mapped + PAGE_BYTES as u64);
        write(&stub.0, stub_at)?;

        // Last: from here on the names lead to the stub.
        for symbol in &vdso.symbols {
            let entry = match symbol.function {
                TimeFunction::ClockGettime => word::CLOCK_GETTIME,
                TimeFunction::Gettimeofday => word::GETTIMEOFDAY,
                TimeFunction::Time => word::TIME,
            };
            let value = vdso.free_at as u64 + stub.read(entry);
            write(&value.to_le_bytes(), base + symbol.value_at as u64)?;
        }
        Ok(())
    }

    /// Where the vDSO begins, and how long it is.
    fn find_vdso(&self) -> Result<(u64, usize), TakeOverError> {
        let vector = std::fs::read(format!("/proc/{}/auxv", self.pid)).map_err(refused("read the auxiliary vector"))?;
        let words =
            vector.chunks_exact(8).map(|word| word.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)));
        let words: Vec<u64> = words.collect();
        let base = words.chunks_exact(2).find(|pair| pair[0] == AT_SYSINFO_EHDR).map(|pair| pair[1]);
        let base = base.ok_or(VdsoError::Unreadable("the process has none"))?;
        let maps =
            std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).map_err(refused("read the memory map"))?;
        let place = maps.lines().find_map(|line| {
            let (from, to) = line.split_whitespace().next()?.split_once('-')?;
            let from = u64::from_str_radix(from, 16).ok()?;
            Some((from, u64::from_str_radix(to, 16).ok()?)).filter(|_| from == base && line.contains(" r-xp "))
        });
        let (from, to) = place.ok_or(VdsoError::Unreadable("it is not mapped as code"))?;
        Ok((base, (to - from) as usize))
    }

    /// Has the process map the page, and close what it was given; tells where it is mapped.
    fn map(&mut self, page: &SharedWords, syscall_at: u64) -> Result<u64, TakeOverError> {
        let descriptor = self.given(page)?;
        let before = ptrace::getregs(self.pid).map_err(refused("read the registers of a traced process"))?;
        let mut call = |what, number, arguments| self.call(before, syscall_at, what, number, arguments);
        let (reads, writes) = (libc::PROT_READ as u64, libc::PROT_WRITE as u64);
        let (bytes, shared) = (page.bytes() as u64, libc::MAP_SHARED as u64);
        let map = [0, bytes, reads | writes, shared, descriptor, 0];
        let mapped = call("map the clock's page in the process", libc::SYS_mmap, map)?;
        let protect = [mapped, PAGE_BYTES as u64, reads, 0, 0, 0];
        call("protect the clock's page in the process", libc::SYS_mprotect, protect)?;
        call("close the clock's page in the process", libc::SYS_close, [descriptor, 0, 0, 0, 0, 0])?;
        ptrace::setregs(self.pid, before).map_err(refused("restore the registers of a traced process"))?;
        Ok(mapped)
    }

    /// The page's descriptor in the process: the same number as here, and still the same file.
    fn given(&self, page: &SharedWords) -> Result<u64, TakeOverError> {
        let number = page.descriptor();
        let look = |process: &str| std::fs::metadata(format!("/proc/{process}/fd/{number}"));
        let ours = look("self").map_err(refused("look at the clock's page"))?;
        match look(&self.pid.to_string()) {
            Ok(theirs) if (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()) => {
                Ok(u64::from(number.cast_unsigned()))
            }
            Ok(_) => Err(TakeOverError::PageLost),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(TakeOverError::PageLost),
            Err(error) => Err(refused("look at the files of a traced process")(error)),
        }
    }

    /// Makes the process carry out one system call.
    fn call(
        &mut self,
        before: libc::user_regs_struct,
        syscall_at: u64,
        what: &'static str,
        number: libc::c_long,
        [rdi, rsi, rdx, r10, r8, r9]: [u64; 6],
    ) -> Result<u64, TakeOverError> {
        let rax = number.cast_unsigned();
        // Without a number the kernel does not take it for a system call that is to be begun again.
        let registers =
            libc::user_regs_struct { rip: syscall_at, rax, orig_rax: u64::MAX, rdi, rsi, rdx, r10, r8, r9, ..before };
        ptrace::setregs(self.pid, registers).map_err(refused(what))?;
        loop {
            ptrace::step(self.pid, None).map_err(refused(what))?;
            match self.until_stopped()? {
                None => return Err(refused(what)(Errno::ESRCH)),
                Some(Signal::SIGTRAP) => {}
                Some(other) => self.meanwhile.push(other),
            }
            let after = ptrace::getregs(self.pid).map_err(refused(what))?;
            if after.rip != syscall_at {
                // Anything but the instruction behind it would be a fault in the stub.
                let came = if after.rip == syscall_at + SYSCALL_BYTES { Ok(after.rax) } else { Err(Errno::EFAULT) };
                return came.and_then(result).map_err(|error| TakeOverError::InProcess { what, source: error.into() });
            }
        }
    }
}

/// What a system call returned: numbers from -4095 on are errors.
fn result(rax: u64) -> Result<u64, Errno> {
    match rax.cast_signed() {
        error @ -4095..0 => Err(Errno::from_raw(-(error as i32))),
        _ => Ok(rax),
    }
}

/// The stub's bytes, as they are filled in for one process.
struct Stub([u8; STUB_BYTES]);

impl Stub {
    fn fill(&mut self, place: usize, value: u64) {
        self.0[place..place + 8].copy_from_slice(&value.to_le_bytes());
    }

    fn read(&self, place: usize) -> u64 {
        self.0[place..place + 8].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}
