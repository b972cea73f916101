//! Whether the additions of a counter that only grows can be laid along the line of its values.
//!
//! A read that showed 7 stands at 7, an addition that was told 7 leads from 6 to 7: their places are known. Every other
//! addition must find a place in the gaps, which must all be filled. For additions of 1 this decides linearizability: an addition
//! that comes wholly before another has no later window, so two that were laid crosswise can be exchanged. For larger amounts
//! additions may be split here, so what is found is a contradiction all the same, but not every contradiction is found.
//!
//! After the exact assignment for counters of the design notes: windows, then earliest deadline first. O(n log n). Live runs
//! ([`crate::counter`]) and histories of other tools ([`crate::models::counter`], [`crate::models::fetch_add`]) are decided by it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dsjepsen_history::Index;

/// Something whose place in the line of values is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// The value right before it; of a read, the value that it showed.
    pub(crate) before: i128,
    /// The value right after it.
    pub(crate) after: i128,
    pub(crate) invoked: Index,
    pub(crate) returned: Index,
}

/// An addition whose place is not known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unknown {
    /// What it adds.
    pub(crate) delta: u64,
    pub(crate) invoked: Index,
    /// When it surely had taken place; never, where it is in doubt.
    pub(crate) returned: Option<Index>,
}

/// Why there is no such line. Positions are among the known; `from` is the start of the counter where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contradiction {
    /// Two lead over the same values, or one stands where another leads over.
    Overlap {
        /// The lower.
        first: usize,
        /// The other.
        second: usize,
    },
    /// The value rose by less, from the end of one to the start of another, than was surely added between.
    TooLittle {
        /// The earlier.
        from: Option<usize>,
        /// The later.
        to: usize,
    },
    /// The value rose by more, from the start of one to the end of another, than can have been added between.
    TooMuch {
        /// The lower.
        from: Option<usize>,
        /// The higher.
        to: usize,
    },
}

/// No position.
const NONE: u32 = u32::MAX;

/// All known at one value, or one that leads from a value to the next. The first group is the start of the counter.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// One of them; none of the start.
    member: u32,
    /// Of this group and all below: the last to be invoked.
    last_invoked: u32,
    /// Of this group and all above: the first to return.
    first_returned: u32,
}

/// The known in the order of their places.
struct Places<'a> {
    known: &'a [Known],
    groups: Vec<Group>,
    /// By position.
    group_of: Vec<u32>,
}

/// An addition with its window: it lies in a gap from `low` to `high`, where gap g lies right above group g.
#[derive(Debug, Clone, Copy)]
struct Windowed {
    low: u32,
    high: u32,
    /// Its position among those whose places are not known.
    addition: u32,
}

/// A part of an addition that was laid into a gap.
struct Laid {
    gap: u32,
    low: u32,
    high: u32,
}

/// Looks for a contradiction.
pub(crate) fn contradiction(known: &[Known], unknown: &[Unknown]) -> Option<Contradiction> {
    let places = match Places::of(known) {
        Ok(places) => places,
        Err(found) => return Some(found),
    };
    let backwards = known.iter().enumerate().find_map(|(position, point)| {
        let to = places.last_invoked(places.group_of[position] as usize - 1)?;
        (point.returned < known[to].invoked).then_some(Contradiction::TooLittle { from: Some(position), to })
    });
    backwards.or_else(|| {
        let windows = if unknown.is_empty() { Vec::new() } else { windows(&places, unknown) };
        fill(&places, unknown, windows)
    })
}

/// The two known about the lowest gap that rises by such an amount, in a line without contradictions; no first one where it is the
/// start.
pub(crate) fn first_gap(known: &[Known], is_wanted: impl Fn(i128) -> bool) -> Option<(Option<usize>, usize)> {
    let places = Places::of(known).ok()?;
    let upper = (1..places.groups.len()).find(|&upper| is_wanted(places.before(upper) - places.after(upper - 1)))?;
    let member = |group: usize| Some(places.groups[group].member).filter(|&member| member != NONE);
    Some((member(upper - 1).map(|member| member as usize), member(upper)? as usize))
}

impl<'a> Places<'a> {
    /// Sorts the known into groups by their places.
    fn of(known: &'a [Known]) -> Result<Self, Contradiction> {
        let mut order: Vec<u32> = (0..known.len() as u32).collect();
        order.sort_by_key(|&position| {
            let point = &known[position as usize];
            (point.before, point.after, point.invoked)
        });
        let start = Group { member: NONE, last_invoked: NONE, first_returned: NONE };
        let mut places = Self { known, groups: vec![start], group_of: vec![0; known.len()] };
        for position in order {
            let point = known[position as usize];
            let below = places.groups.len() - 1;
            let (before, after) = (places.before(below), places.after(below));
            if point.before < after {
                let second = position as usize;
                return Err(match places.groups[below].member {
                    NONE => Contradiction::TooLittle { from: None, to: second },
                    first => Contradiction::Overlap { first: first as usize, second },
                });
            }
            let stands = point.before == point.after;
            if below == 0 || !stands || (before, after) != (point.before, point.after) {
                places.groups.push(Group { member: position, ..start });
            }
            let own = places.groups.len() - 1;
            places.group_of[position as usize] = own as u32;
            places.groups[own].last_invoked = places.later(places.groups[own].last_invoked, position);
            places.groups[own].first_returned = places.earlier(places.groups[own].first_returned, position);
        }
        for upper in 1..places.groups.len() {
            places.groups[upper].last_invoked =
                places.later(places.groups[upper].last_invoked, places.groups[upper - 1].last_invoked);
        }
        for upper in (1..places.groups.len()).rev() {
            places.groups[upper - 1].first_returned =
                places.earlier(places.groups[upper - 1].first_returned, places.groups[upper].first_returned);
        }
        Ok(places)
    }

    /// The value right before a group.
    fn before(&self, group: usize) -> i128 {
        self.known.get(self.groups[group].member as usize).map_or(0, |point| point.before)
    }

    /// The value right after it.
    fn after(&self, group: usize) -> i128 {
        self.known.get(self.groups[group].member as usize).map_or(0, |point| point.after)
    }

    /// The known by one of their times: that, and the group of each.
    fn by(&self, time: impl Fn(&Known) -> Index) -> Vec<(Index, u32)> {
        let mut times: Vec<_> =
            self.known.iter().zip(&self.group_of).map(|(point, &group)| (time(point), group)).collect();
        times.sort_unstable();
        times
    }

    fn last_invoked(&self, group: usize) -> Option<usize> {
        Some(self.groups[group].last_invoked).filter(|&position| position != NONE).map(|position| position as usize)
    }

    fn first_returned(&self, group: usize) -> Option<usize> {
        Some(self.groups[group].first_returned).filter(|&position| position != NONE).map(|position| position as usize)
    }

    /// The one of two that was invoked later.
    fn later(&self, one: u32, other: u32) -> u32 {
        let key = |position: u32| self.known.get(position as usize).map(|point| (point.invoked, position));
        if key(one) >= key(other) { one } else { other }
    }

    /// The one of two that returned earlier.
    fn earlier(&self, one: u32, other: u32) -> u32 {
        let key = |position: u32| {
            let point = self.known.get(position as usize);
            (point.is_none(), point.map(|point| point.returned), position)
        };
        if key(one) <= key(other) { one } else { other }
    }
}

/// The window of every addition: above each known that had returned before it, below each that was invoked after it.
fn windows(places: &Places<'_>, unknown: &[Unknown]) -> Vec<Windowed> {
    // What adds nothing finds a place anywhere.
    let adds = unknown.iter().enumerate().filter(|(_, addition)| addition.delta > 0);
    let window = |(addition, _): (usize, &Unknown)| Windowed { low: 0, high: u32::MAX, addition: addition as u32 };
    let mut windows: Vec<Windowed> = adds.map(window).collect();
    set_low_ends(places, unknown, &mut windows);
    set_high_ends(places, unknown, &mut windows);
    windows
}

fn set_low_ends(places: &Places<'_>, unknown: &[Unknown], windows: &mut [Windowed]) {
    let mut returns = places.by(|point| point.returned);
    let mut highest = 0;
    for (_, group) in &mut returns {
        highest = highest.max(*group);
        *group = highest;
    }
    for window in windows {
        let invoked = unknown[window.addition as usize].invoked;
        let before = returns.partition_point(|&(returned, _)| returned < invoked);
        window.low = if before == 0 { 0 } else { returns[before - 1].1 };
    }
}

fn set_high_ends(places: &Places<'_>, unknown: &[Unknown], windows: &mut [Windowed]) {
    let top = places.groups.len() as u32 - 1;
    // What never surely took place needs no upper end.
    let any_sure = unknown.iter().any(|addition| addition.returned.is_some());
    let mut invocations = if any_sure { places.by(|point| point.invoked) } else { Vec::new() };
    let mut lowest = top + 1;
    for (_, group) in invocations.iter_mut().rev() {
        lowest = lowest.min(*group);
        *group = lowest;
    }
    for window in windows {
        window.high = unknown[window.addition as usize].returned.map_or(top, |returned| {
            let not_after = invocations.partition_point(|&(invoked, _)| invoked <= returned);
            // Groups of the known are counted from 1.
            invocations.get(not_after).map_or(top, |&(_, group)| group - 1)
        });
    }
}

/// Fills gap after gap, each with what must lie lowest.
fn fill(places: &Places<'_>, unknown: &[Unknown], mut windows: Vec<Windowed>) -> Option<Contradiction> {
    if let Some(none) = windows.iter().find(|window| window.low > window.high) {
        return too_little(places, none.low as usize, none.high as usize);
    }
    windows.sort_unstable_by_key(|window| Reverse(window.low));
    let mut laid: Vec<Laid> = Vec::new();
    let mut open: BinaryHeap<Reverse<(u32, u32, u64)>> = BinaryHeap::new();
    for gap in 0..places.groups.len() as u32 - 1 {
        while let Some(window) = windows.pop_if(|window| window.low <= gap) {
            open.push(Reverse((window.high, window.low, unknown[window.addition as usize].delta)));
        }
        let mut missing = places.before(gap as usize + 1) - places.after(gap as usize);
        while missing > 0 {
            let Some(Reverse((high, low, delta))) = open.pop() else {
                return too_much(places, &laid, gap as usize);
            };
            laid.push(Laid { gap, low, high });
            let part = u64::try_from(missing).map_or(delta, |missing| delta.min(missing));
            if delta > part {
                open.push(Reverse((high, low, delta - part)));
            }
            missing -= i128::from(part);
        }
        if let Some(Reverse((high, low, _))) = open.peek()
            && *high <= gap
        {
            let parts = laid.iter().rev();
            let lowest =
                parts.fold(*low, |lowest, part| if part.gap >= lowest { lowest.min(part.low) } else { lowest });
            return too_little(places, lowest as usize, gap as usize);
        }
    }
    None
}

/// More must lie in the gaps from `low` to `high` than they have room for. The two known that say so most sharply are the first
/// to return above the one end, and the last to be invoked below the other.
fn too_little(places: &Places<'_>, low: usize, high: usize) -> Option<Contradiction> {
    let from = if low == 0 { None } else { places.first_returned(low) };
    Some(Contradiction::TooLittle { from, to: places.last_invoked(high + 1)? })
}

/// Nothing is left for this gap. What could lie in it and lies in a lower one leads down to the lowest gap that shares the want.
fn too_much(places: &Places<'_>, laid: &[Laid], gap: usize) -> Option<Contradiction> {
    let parts = laid.iter().rev();
    let lowest = parts.fold(
        gap,
        |lowest, part| {
            if part.high as usize >= lowest { lowest.min(part.gap as usize) } else { lowest }
        },
    );
    Some(Contradiction::TooMuch { from: places.last_invoked(lowest), to: places.first_returned(gap + 1)? })
}
