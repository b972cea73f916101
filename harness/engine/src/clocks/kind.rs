//! The clocks of a node that can be wrong, each with a setting of its own.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A clock, by what the kernel counts it from. Its number is the one that the patched process knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// CLOCK_REALTIME, its coarse sister and CLOCK_TAI.
    Wall,
    /// CLOCK_MONOTONIC and its coarse sister.
    Monotonic,
    /// CLOCK_MONOTONIC_RAW: the hardware as it is. It is the first to be wrong where hardware is.
    Raw,
    /// CLOCK_BOOTTIME: CLOCK_MONOTONIC and the time for which the machine slept, which nothing here makes longer or shorter.
    Boot,
}

impl Kind {
    /// All, in the order of their numbers.
    pub(super) const ALL: [Self; 4] = [Self::Wall, Self::Monotonic, Self::Raw, Self::Boot];

    /// Those that never go back, and whose rate is changed together. They differ in where they are counted from, so each has a
    /// setting of its own.
    pub(super) const NEVER_BACK: [Self; 3] = [Self::Monotonic, Self::Raw, Self::Boot];

    /// What it shows in this process, whose own clocks are never skewed; in ns.
    pub(super) fn now_ns(self) -> i64 {
        let clock = match self {
            Self::Wall => ClockId::CLOCK_REALTIME,
            Self::Monotonic => ClockId::CLOCK_MONOTONIC,
            Self::Raw => ClockId::CLOCK_MONOTONIC_RAW,
            Self::Boot => ClockId::CLOCK_BOOTTIME,
        };
        // The kernel knows all four, and none is before its beginning.
        let since = clock_gettime(clock).map_or(Duration::ZERO, Duration::from);
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }
}
