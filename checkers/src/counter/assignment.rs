//! Whether the additions of a counter that only grows can be laid along the line of its values.
//!
//! A read that showed 7 stands at 7, an addition that was told 7 leads from 6 to 7: their places are known. Every other
//! addition must find a place in the gaps, which must all be filled. For additions of 1 this decides linearizability: an addition
//! that comes wholly before another has no later window, so two that were laid crosswise can be exchanged. For larger amounts
//! additions may be split here, so what is found is a contradiction all the same, but not every contradiction is found.
//!
//! After the exact assignment for counters of the design notes: windows, then earliest deadline first. O(n log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dsjepsen_history::Index;

/// Something whose place in the line of values is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The value right before it; of a read, the value that it showed.
    pub(super) before: i128,
    /// The value right after it.
    pub(super) after: i128,
    pub(super) invoked: Index,
    pub(super) returned: Index,
}

/// An addition whose place is not known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unknown {
    /// What it adds; never negative.
    pub(super) delta: i128,
    pub(super) invoked: Index,
    /// When it surely had taken place; never, where it is in doubt.
    pub(super) returned: Option<Index>,
}

/// Why there is no such line. Positions are among the known; `from` is the start of the counter where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contradiction {
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

/// All known at one value, or one that leads from a value to the next. The first group is the start of the counter.
#[derive(Debug, Clone, Copy)]
struct Group {
    before: i128,
    after: i128,
    /// Of this group and all below: the last to be invoked.
    last_invoked: Option<(Index, usize)>,
    /// Of this group and all above: the first to return.
    first_returned: Option<(Index, usize)>,
}

/// An addition with its window: it lies in a gap from `low` to `high`, where gap g lies right above group g.
#[derive(Debug, Clone, Copy)]
struct Windowed {
    low: usize,
    high: usize,
    delta: i128,
}

/// A part of an addition that was laid into a gap.
struct Laid {
    gap: usize,
    low: usize,
    high: usize,
}

/// Looks for a contradiction.
pub(super) fn contradiction(known: &[Known], unknown: &[Unknown]) -> Option<Contradiction> {
    let (groups, group_of) = match group(known) {
        Ok(grouped) => grouped,
        Err(found) => return Some(found),
    };
    let backwards = known.iter().enumerate().find_map(|(position, point)| {
        let (invoked, to) = groups[group_of[position] - 1].last_invoked?;
        (point.returned < invoked).then_some(Contradiction::TooLittle { from: Some(position), to })
    });
    backwards.or_else(|| {
        let windows = windows(known, &group_of, unknown, groups.len() - 1);
        fill(&groups, windows)
    })
}

/// Sorts the known into groups by their places.
fn group(known: &[Known]) -> Result<(Vec<Group>, Vec<usize>), Contradiction> {
    let mut order: Vec<usize> = (0..known.len()).collect();
    order.sort_by_key(|&position| (known[position].before, known[position].after, known[position].invoked));
    let start = Group { before: 0, after: 0, last_invoked: None, first_returned: None };
    let (mut groups, mut group_of) = (vec![start], vec![0; known.len()]);
    let mut below: Option<usize> = None;
    for position in order {
        let point = known[position];
        let last = &groups[groups.len() - 1];
        if point.before < last.after {
            return Err(match below {
                Some(first) => Contradiction::Overlap { first, second: position },
                None => Contradiction::TooLittle { from: None, to: position },
            });
        }
        let stands = point.before == point.after;
        if below.is_none() || !stands || (last.before, last.after) != (point.before, point.after) {
            groups.push(Group { before: point.before, after: point.after, ..start });
        }
        let own = groups.len() - 1;
        group_of[position] = own;
        groups[own].last_invoked = groups[own].last_invoked.max(Some((point.invoked, position)));
        groups[own].first_returned = first_of(groups[own].first_returned, Some((point.returned, position)));
        below = Some(position);
    }
    for upper in 1..groups.len() {
        groups[upper].last_invoked = groups[upper].last_invoked.max(groups[upper - 1].last_invoked);
    }
    for upper in (1..groups.len()).rev() {
        groups[upper - 1].first_returned = first_of(groups[upper - 1].first_returned, groups[upper].first_returned);
    }
    Ok((groups, group_of))
}

fn first_of(one: Option<(Index, usize)>, other: Option<(Index, usize)>) -> Option<(Index, usize)> {
    one.into_iter().chain(other).min()
}

/// The window of every addition: above each known that had returned before it, below each that was invoked after it.
fn windows(known: &[Known], group_of: &[usize], unknown: &[Unknown], top: usize) -> Vec<Windowed> {
    let mut returns: Vec<(Index, usize)> =
        known.iter().zip(group_of).map(|(point, &group)| (point.returned, group)).collect();
    returns.sort_unstable();
    let mut highest = 0;
    for (_, group) in &mut returns {
        highest = highest.max(*group);
        *group = highest;
    }
    let mut invocations: Vec<(Index, usize)> =
        known.iter().zip(group_of).map(|(point, &group)| (point.invoked, group)).collect();
    invocations.sort_unstable();
    let mut lowest = top + 1;
    for (_, group) in invocations.iter_mut().rev() {
        lowest = lowest.min(*group);
        *group = lowest;
    }
    let window = |addition: &Unknown| {
        let before = returns.partition_point(|&(returned, _)| returned < addition.invoked);
        let high = addition.returned.map_or(top, |returned| {
            let not_after = invocations.partition_point(|&(invoked, _)| invoked <= returned);
            // Groups of the known are counted from 1.
            invocations.get(not_after).map_or(top, |&(_, group)| group - 1)
        });
        Windowed { low: if before == 0 { 0 } else { returns[before - 1].1 }, high, delta: addition.delta }
    };
    // What adds nothing finds a place anywhere.
    unknown.iter().filter(|addition| addition.delta > 0).map(window).collect()
}

/// Fills gap after gap, each with what must lie lowest.
fn fill(groups: &[Group], mut windows: Vec<Windowed>) -> Option<Contradiction> {
    if let Some(none) = windows.iter().find(|window| window.low > window.high) {
        return too_little(groups, none.low, none.high);
    }
    windows.sort_unstable_by_key(|window| Reverse(window.low));
    let mut laid: Vec<Laid> = Vec::new();
    let mut open: BinaryHeap<Reverse<(usize, usize, i128)>> = BinaryHeap::new();
    for gap in 0..groups.len() - 1 {
        while let Some(window) = windows.pop_if(|window| window.low <= gap) {
            open.push(Reverse((window.high, window.low, window.delta)));
        }
        let mut missing = groups[gap + 1].before - groups[gap].after;
        while missing > 0 {
            let Some(Reverse((high, low, delta))) = open.pop() else {
                return too_much(groups, &laid, gap);
            };
            laid.push(Laid { gap, low, high });
            if delta > missing {
                open.push(Reverse((high, low, delta - missing)));
            }
            missing -= delta.min(missing);
        }
        if let Some(Reverse((high, low, _))) = open.peek()
            && *high <= gap
        {
            let parts = laid.iter().rev();
            let lowest =
                parts.fold(*low, |lowest, part| if part.gap >= lowest { lowest.min(part.low) } else { lowest });
            return too_little(groups, lowest, gap);
        }
    }
    None
}

/// More must lie in the gaps from `low` to `high` than they have room for. The two known that say so most sharply are the first
/// to return above the one end, and the last to be invoked below the other.
fn too_little(groups: &[Group], low: usize, high: usize) -> Option<Contradiction> {
    let from = if low == 0 { None } else { groups[low].first_returned };
    let (_, to) = groups[high + 1].last_invoked?;
    Some(Contradiction::TooLittle { from: from.map(|(_, from)| from), to })
}

/// Nothing is left for this gap. What could lie in it and lies in a lower one leads down to the lowest gap that shares the want.
fn too_much(groups: &[Group], laid: &[Laid], gap: usize) -> Option<Contradiction> {
    let parts = laid.iter().rev();
    let lowest = parts.fold(gap, |lowest, part| if part.high >= lowest { lowest.min(part.gap) } else { lowest });
    let from = groups[lowest].last_invoked;
    let (_, to) = groups[gap + 1].first_returned?;
    Some(Contradiction::TooMuch { from: from.map(|(_, from)| from), to })
}
