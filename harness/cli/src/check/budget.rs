//! The time that a judgement may take. Checkers have no clock; a thread here has one, and raises their flag.
//!
//! What looks at the flag ends with what it has: searches, the explanation of a violation, and the reading of the history, whose
//! source ends then ([`Heeding`]). Near-linear work looks only before it begins. So after some grace nobody is waited for any more.

use std::io::{self, ErrorKind, Read};
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::ArgMatches;
use dsjepsen_checkers::Interrupt;

/// How long after its time a judgement may still tell what it has found.
const GRACE: Duration = Duration::from_secs(2);

/// How much of a source is read between two looks at the flag.
const READ_AT_ONCE: usize = 1 << 16;

/// The stack of a thread that judges: that of a program's first thread.
const STACK: usize = 8 << 20;

/// A limit that runs from its start until it is dropped.
pub(super) struct Budget {
    /// Raised when the time is over.
    pub(super) interrupt: Interrupt,
    /// When nobody is waited for any more.
    end: Option<Instant>,
    /// Its end tells the thread that nobody waits any more.
    _running: Option<Sender<()>>,
}

impl Budget {
    /// Starts with what `--budget-s` allows; without it there is no limit.
    pub(super) fn start(arguments: &ArgMatches) -> Self {
        match arguments.get_one::<u64>("budget-s") {
            Some(&seconds) => Self::of(Duration::from_secs(seconds), GRACE),
            None => Self { interrupt: Interrupt::default(), end: None, _running: None },
        }
    }

    fn of(limit: Duration, grace: Duration) -> Self {
        let interrupt = Interrupt::after(limit);
        let end = Some(Instant::now() + limit + grace);
        let (running, ended) = channel();
        let flag = interrupt.clone();
        thread::spawn(move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                flag.raise();
            }
        });
        Self { interrupt, end, _running: Some(running) }
    }

    /// Does this, and gives back what came of it; `None` where that takes longer than there is time, and some grace. Then it
    /// is left to itself: it ends with the program.
    pub(super) fn bound<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Option<T>> {
        let Some(end) = self.end else { return Ok(Some(work())) };
        let (done, came) = channel();
        let worker = thread::Builder::new().stack_size(STACK).spawn(move || {
            // Nobody may wait for it any more.
            let _ = done.send(work());
        })?;
        match came.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(result) => Ok(Some(result)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => match worker.join() {
                Ok(()) => Ok(None),
                Err(panic) => resume_unwind(panic),
            },
        }
    }
}

/// A source that ends with an error when the time is over.
pub(super) struct Heeding<R> {
    pub(super) source: R,
    pub(super) interrupt: Interrupt,
}

impl<R: Read> Read for Heeding<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.interrupt.is_raised() {
            return Err(io::Error::new(ErrorKind::TimedOut, "the time budget was used up"));
        }
        let at_once = into.len().min(READ_AT_ONCE);
        self.source.read(&mut into[..at_once])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn the_flag_is_raised_when_the_time_is_over_and_not_after_the_end() {
        let budget = Budget::of(Duration::from_millis(1), LONG);
        while !budget.interrupt.is_raised() {
            thread::yield_now();
        }
        let ended = Budget::of(LONG, LONG);
        let interrupt = ended.interrupt.clone();
        drop(ended);
        assert!(!interrupt.is_raised());
    }

    #[test]
    fn work_that_does_not_end_is_not_waited_for_and_a_panic_is_passed_on() {
        let budget = Budget::of(Duration::ZERO, Duration::ZERO);
        let (for_ever, never) = channel::<()>();
        assert!(budget.bound(move || never.recv()).unwrap().is_none());
        drop(for_ever);
        let budget = Budget::of(LONG, LONG);
        assert_eq!(budget.bound(|| 7).unwrap(), Some(7));
        assert!(std::panic::catch_unwind(|| Budget::of(LONG, LONG).bound(|| panic!("on purpose"))).is_err());
        assert_eq!(Budget { interrupt: Interrupt::default(), end: None, _running: None }.bound(|| 7).unwrap(), Some(7));
    }

    #[test]
    fn a_source_ends_with_an_error_when_the_time_is_over() {
        let interrupt = Interrupt::default();
        let mut source = Heeding { source: io::repeat(7), interrupt: interrupt.clone() };
        let mut bytes = vec![0; 1 << 20];
        assert_eq!(source.read(&mut bytes).unwrap(), READ_AT_ONCE);
        interrupt.raise();
        assert_eq!(source.read(&mut bytes).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
