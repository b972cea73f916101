//! Numbers for the times of a history, in their order.

use super::{NEVER, Time};

/// How many indices there may be for each time, if the number of a time is looked up in a table of all of them.
const MOST_SPARSE: u64 = 2;

/// The times at which something happens in a history; [`NEVER`] is the last.
pub(crate) struct Times {
    /// In order; empty where there is a table.
    times: Vec<Time>,
    /// By index: how many of the times are earlier.
    table: Vec<u32>,
    count: u32,
}

impl Times {
    /// Numbers these times, which are gone through twice.
    pub(crate) fn new<I: Iterator<Item = Time>>(times: impl Fn() -> I) -> Self {
        // What was answered at an unknown time was so before [`NEVER`], and after all others.
        let (mut count, mut last) = (0_u64, 0);
        times().for_each(|time| {
            count += 1;
            last = if time < NEVER - 1 { time.max(last) } else { last };
        });
        if u64::from(last) > MOST_SPARSE * count {
            let mut times: Vec<Time> = times().chain([NEVER - 1, NEVER]).collect();
            times.sort_unstable();
            times.dedup();
            return Self { count: times.len() as u32, times, table: Vec::new() };
        }
        let mut table = vec![0; last as usize + 2];
        times().filter(|time| *time <= last).for_each(|time| table[time as usize + 1] = 1);
        let mut before = 0;
        for count in &mut table {
            before += *count;
            *count = before;
        }
        Self { times: Vec::new(), table, count: before + 2 }
    }

    /// The number of a time: how many are earlier.
    pub(crate) fn number(&self, time: Time) -> u32 {
        if self.table.is_empty() {
            self.times.partition_point(|other| *other < time) as u32
        } else if time >= NEVER - 1 {
            self.count - 1 - (NEVER - time)
        } else {
            self.table.get(time as usize).copied().unwrap_or(self.count - 2)
        }
    }

    /// How many are no later than this one.
    pub(crate) fn until(&self, time: Time) -> u32 {
        if time == NEVER { self.count } else { self.number(time + 1) }
    }

    /// How many times there are.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }
}
