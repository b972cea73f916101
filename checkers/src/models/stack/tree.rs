//! Trees over the moments of a history: how many values are there at each, and which operations can have been then.

use std::ops::Range;

/// More than any count.
const DONE: i32 = i32::MAX / 2;

/// For whom a moment is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Free {
    /// Nothing is surely there.
    ForAll,
    /// Only this life is.
    For(u32),
}

/// How many lives are surely there at each moment, and if it is one, which. A life is removed in logarithmic time, and so is the next
/// moment found that became free.
pub(super) struct Counts {
    leaves: usize,
    /// By node: the least count below it, less what is due to the nodes above it. A moment that waits until one life is left counts
    /// one less.
    least: Vec<i32>,
    /// By node: what was added to all below it.
    added: Vec<i32>,
    /// By node: the numbers of lives that are there at all moments below it, combined by exclusive or.
    lives: Vec<u32>,
    /// By moment: whether it waits until one life is left.
    waits_for_one: Vec<bool>,
}

impl Counts {
    /// So many moments, and the lives that are there at some of them. `tells_last` says whether a moment is also told when one life
    /// is left.
    pub(super) fn new(moments: usize, sure: &[Range<u32>], tells_last: bool) -> Self {
        let leaves = moments.next_power_of_two();
        let mut least = vec![DONE; 2 * leaves];
        let mut lives = vec![0; 2 * leaves];
        let mut change = vec![(0_i32, 0_u32); moments + 1];
        for (number, sure) in (0_u32..).zip(sure).filter(|(_, sure)| !sure.is_empty()) {
            for (at, by) in [(sure.start, 1), (sure.end, -1)] {
                change[at as usize].0 += by;
                change[at as usize].1 ^= number;
            }
        }
        let (mut count, mut there) = (-i32::from(tells_last), 0);
        for (moment, (by, who)) in change[..moments].iter().enumerate() {
            count += by;
            there ^= who;
            (least[leaves + moment], lives[leaves + moment]) = (count, there);
        }
        for node in (1..leaves).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Self { leaves, least, added: vec![0; leaves], lives, waits_for_one: vec![tells_last; moments] }
    }

    /// Removes a life from where it was.
    pub(super) fn remove(&mut self, sure: Range<u32>, number: u32) {
        if sure.is_empty() {
            return;
        }
        let (first, last) = (sure.start as usize + self.leaves, sure.end as usize - 1 + self.leaves);
        let (mut from, mut to) = (first, last + 1);
        while from < to {
            if from % 2 == 1 {
                self.add(from, -1, number);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                self.add(to, -1, number);
            }
            from /= 2;
            to /= 2;
        }
        self.refresh(first);
        self.refresh(last);
    }

    fn add(&mut self, node: usize, count: i32, number: u32) {
        self.least[node] += count;
        self.lives[node] ^= number;
        if node < self.leaves {
            self.added[node] += count;
        }
    }

    /// Brings the nodes above one up to date.
    fn refresh(&mut self, mut node: usize) {
        while node > 1 {
            node /= 2;
            self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) + self.added[node];
        }
    }

    /// A moment that has become free, and for whom; each is told once for all, and before that perhaps once for one.
    pub(super) fn next_free(&mut self) -> Option<(u32, Free)> {
        if self.least[1] > 0 {
            return None;
        }
        let (mut node, mut above, mut there) = (1, 0, self.lives[1]);
        while node < self.leaves {
            above += self.added[node];
            node *= 2;
            if self.least[node] + above > 0 {
                node += 1;
            }
            there ^= self.lives[node];
        }
        let moment = node - self.leaves;
        let is_one = std::mem::take(&mut self.waits_for_one[moment]) && self.least[node] + above == 0;
        self.least[node] += if is_one { 1 } else { DONE };
        self.refresh(node);
        Some((moment as u32, if is_one { Free::For(there) } else { Free::ForAll }))
    }
}

/// Spans of moments, numbered in the order of their starts, from which all that contain a moment are taken in logarithmic time each.
pub(super) struct Spans {
    from: Vec<u32>,
    leaves: usize,
    /// By node: the latest moment of those below it that were not taken, plus one.
    latest: Vec<u32>,
}

impl Spans {
    /// Spans by their first and last moments.
    pub(super) fn new(spans: impl ExactSizeIterator<Item = (u32, u32)>) -> Self {
        let leaves = spans.len().next_power_of_two();
        let mut latest = vec![0; 2 * leaves];
        let mut from = Vec::with_capacity(spans.len());
        for (first, last) in spans {
            latest[leaves + from.len()] = last + 1;
            from.push(first);
        }
        for node in (1..leaves).rev() {
            latest[node] = latest[2 * node].max(latest[2 * node + 1]);
        }
        Self { from, leaves, latest }
    }

    /// Takes those of `among` that contain a moment. Their starts must be in order.
    pub(super) fn take(&mut self, among: Range<usize>, moment: u32, taken: &mut Vec<u32>) {
        let begun = self.from[among.clone()].partition_point(|from| *from <= moment);
        self.take_below(1, 0..self.leaves, &(among.start..among.start + begun), moment, taken);
    }

    fn take_below(&mut self, node: usize, below: Range<usize>, among: &Range<usize>, moment: u32, taken: &mut Vec<u32>) {
        if self.latest[node] <= moment || below.end <= among.start || among.end <= below.start {
            return;
        }
        if node >= self.leaves {
            self.latest[node] = 0;
            taken.push(below.start as u32);
            return;
        }
        let middle = usize::midpoint(below.start, below.end);
        self.take_below(2 * node, below.start..middle, among, moment, taken);
        self.take_below(2 * node + 1, middle..below.end, among, moment, taken);
        self.latest[node] = self.latest[2 * node].max(self.latest[2 * node + 1]);
    }
}
