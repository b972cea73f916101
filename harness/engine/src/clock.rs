//! The one clock of a run: the controller's CLOCK_MONOTONIC, in ns since the start. Plots, leases and deadlines read it.

use std::time::{Duration, Instant};

use dsjepsen_history::Nanos;

/// The clock of a run. Cheap to copy; all copies agree.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    start: Instant,
}

impl RunClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start, in ns.
    pub fn now(&self) -> Nanos {
        nanos(self.start.elapsed())
    }

    /// The instant at which this clock shows `time`.
    pub fn instant(&self, time: Nanos) -> Instant {
        self.start + Duration::from_nanos(time)
    }
}

/// A duration in ns; saturates after 584 years.
pub fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
