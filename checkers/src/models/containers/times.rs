//! Numbers for the times of a history, in their order.

use dsjepsen_history::Index;

use super::NEVER;

/// How many indices there may be for each time, if the number of a time is looked up in a table of all of them.
const MOST_SPARSE: u64 = 2;

/// The times at which something happens in a history; [`NEVER`] is the last.
pub(crate) struct Times {
    /// In order; empty where there is a table.
    times: Vec<Index>,
    /// By index: how many of the times are earlier.
    table: Vec<u32>,
    count: u32,
}

impl Times {
    /// Numbers these times.
    pub(crate) fn new(mut times: Vec<Index>) -> Self {
        // What was answered at an unknown time was so before [`NEVER`], and after all others.
        let last = times.iter().copied().filter(|time| *time < NEVER - 1).max().unwrap_or(0);
        if last > MOST_SPARSE * times.len() as u64 {
            times.extend([NEVER - 1, NEVER]);
            times.sort_unstable();
            times.dedup();
            return Self { count: times.len() as u32, times, table: Vec::new() };
        }
        let mut table = vec![0; last as usize + 2];
        for time in times.into_iter().filter(|time| *time <= last) {
            table[time as usize + 1] = 1;
        }
        let mut before = 0;
        for count in &mut table {
            before += *count;
            *count = before;
        }
        Self { times: Vec::new(), table, count: before + 2 }
    }

    /// The number of a time, which must be one of those given.
    pub(crate) fn number(&self, time: Index) -> u32 {
        if self.table.is_empty() {
            self.times.partition_point(|other| *other < time) as u32
        } else if time >= NEVER - 1 {
            self.count - 1 - (NEVER - time) as u32
        } else {
            self.table[time as usize]
        }
    }

    /// How many times there are.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }
}
