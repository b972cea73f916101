//! Overlaps of holds of one lock, found in one sweep.

use dsjepsen_history::Nanos;

use super::hold::{Hold, Holds, Interval, Point};

/// What a sweep found.
#[derive(Debug, Default)]
pub(super) struct Overlaps {
    /// How many grants came while another hold of the lock lasted.
    pub(super) count: u64,
    /// The earliest of these grants, after the hold that it met; as positions among the holds.
    pub(super) first: Option<(usize, usize)>,
    /// The longest where one of the two was granted only after the lease behind it may have ended, with its length in ns.
    pub(super) longest_late: Option<(usize, usize, Nanos)>,
    /// The longest time that such a grant shared with another hold, in ns.
    pub(super) longest: Nanos,
}

/// When two intervals both last, if the second begins within the first; in ns, not beyond the end of the run.
pub(super) fn shared(first: Interval, second: Interval, end_of_run: Nanos) -> (Nanos, Nanos) {
    let from = second.start.time;
    let to = first.end.time.min(second.end.time).min(end_of_run).max(from);
    (from, to)
}

/// Sweeps the holds of every lock in the order of their grants, each lasting as long as `lasting` says.
///
/// Intervals begin in the order of the sweep, so a grant meets an earlier hold iff it meets the one that ends last. The
/// earliest such grant meets exactly one: had it met two, the later of these would have met the other before.
pub(super) fn overlaps(holds: &Holds<'_>, lasting: impl Fn(&Hold) -> Interval) -> Overlaps {
    let mut found = Overlaps::default();
    let mut latest: Option<(u32, Point, usize)> = None;
    for (position, hold) in holds.holds.iter().enumerate() {
        let interval = lasting(hold);
        if interval.is_empty() {
            continue;
        }
        let earlier = latest.filter(|&(lock, ..)| lock == hold.lock);
        if let Some((_, end, other)) = earlier.filter(|&(_, end, _)| end > interval.start) {
            let before = Interval { start: interval.start, end };
            let (from, to) = shared(before, interval, holds.end);
            found.count += 1;
            found.longest = found.longest.max(to - from);
            if found.first.is_none_or(|(_, first)| hold.granted.index < holds.holds[first].granted.index) {
                found.first = Some((other, position));
            }
            let late = hold.granted_too_late() || holds.holds[other].granted_too_late();
            if late && found.longest_late.is_none_or(|(.., longest)| to - from > longest) {
                found.longest_late = Some((other, position, to - from));
            }
        }
        if earlier.is_none_or(|(_, end, _)| interval.end > end) {
            latest = Some((hold.lock, interval.end, position));
        }
    }
    found
}
