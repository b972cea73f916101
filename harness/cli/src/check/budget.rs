//! The time that a judgement may take. Checkers have no clock; this thread has one, and raises their flag.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use clap::ArgMatches;
use dsjepsen_checkers::Interrupt;

/// A limit that runs from its start until it is dropped.
pub(super) struct Budget {
    /// Raised when the time is over.
    pub(super) interrupt: Interrupt,
    /// Its end tells the thread that nobody waits any more.
    _running: Option<Sender<()>>,
}

impl Budget {
    /// Starts with what `--budget-s` allows; without it there is no limit.
    pub(super) fn start(arguments: &ArgMatches) -> Self {
        match arguments.get_one::<u64>("budget-s") {
            Some(&seconds) => Self::of(Duration::from_secs(seconds)),
            None => Self { interrupt: Interrupt::default(), _running: None },
        }
    }

    fn of(limit: Duration) -> Self {
        let interrupt = Interrupt::after(limit);
        let (running, ended) = channel();
        let flag = interrupt.clone();
        thread::spawn(move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                flag.raise();
            }
        });
        Self { interrupt, _running: Some(running) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_raised_when_the_time_is_over_and_not_after_the_end() {
        let budget = Budget::of(Duration::from_millis(1));
        while !budget.interrupt.is_raised() {
            thread::yield_now();
        }
        let ended = Budget::of(Duration::from_secs(3600));
        let interrupt = ended.interrupt.clone();
        drop(ended);
        assert!(!interrupt.is_raised());
    }
}
