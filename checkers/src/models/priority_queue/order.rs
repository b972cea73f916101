//! Whether the values of a priority queue have an order, in near-linear time; by the idea of Lee and Mathur, "Efficient
//! Decrease-and-Conquer Linearizability Monitoring" (OOPSLA 2025), section on priority queues: a value can be polled or peeked at
//! each moment at which no larger one is surely there.
//!
//! The values are taken from the largest to the smallest. Who sees one can have done so only at a moment that no larger one covers.
//! That may narrow the times of its insert and its poll, and so it may surely be there for longer than its own operations tell; but
//! all that is added is covered by the larger ones already. If there is a moment for each, all values can be there just as long as
//! they surely are, and the history has an order.

use std::hash::Hash;
use std::ops::Range;

use crate::models::containers::{
    Call, Certainty, ContainerEntry, Discipline, Due, Lives, Look, PeeksByLife, Reply, Times, dues, shrink,
};

/// The largest first.
pub(super) struct Largest;

impl<V: Copy + Ord + Hash> Discipline<V> for Largest {
    fn place(held: &[V], value: &V) -> usize {
        held.partition_point(|other| other < value)
    }

    fn next(held: &[V], _: Option<&Reply<V>>) -> Option<usize> {
        held.len().checked_sub(1)
    }

    fn stuck(entries: &[ContainerEntry<V>], lives: &Lives) -> Option<Vec<usize>> {
        let order = falling(entries, lives);
        let stuck = Placement::new(lives).run(&order)?;
        Some(suspects(&order, &stuck))
    }

    fn proof(entries: &[ContainerEntry<V>], lives: &Lives) -> Vec<usize> {
        let order = falling(entries, lives);
        let Some(stuck) = Placement::new(lives).run(&order) else { return Vec::new() };
        let nothing = if let Stuck::Nothing(place) = stuck { Some(place) } else { None };
        let mut suspects = suspects(&order, &stuck);
        suspects.sort_unstable_by_key(|life| lives.lives[*life].begun);
        let has_none = |some: &[ContainerEntry<V>]| {
            Lives::of(some).is_ok_and(|lives| Placement::new(&lives).run(&falling(some, &lives)).is_some())
        };
        shrink(entries, lives, &suspects, nothing, has_none)
    }

    /// What is larger than a value and was there before somebody began to look for that must have gone before it is found.
    fn dues(entries: &[ContainerEntry<V>], lives: &Lives, certainty: Certainty) -> Vec<Due> {
        let value = |life: u32| match entries[lives.lives[life as usize].put as usize].call {
            Call::Put(value) => Some(value),
            _ => None,
        };
        // Nothing is less than any value.
        let looks = Look::all(lives, certainty, value, None);
        let left = (0..).zip(&lives.lives).filter(|(_, life)| life.take().is_none());
        dues(looks, left.map(|(number, life)| (value(number), certainty.of(life.there, life.begun), number)).collect())
    }
}

/// The lives among which something has no moment.
fn suspects<V>(order: &[(V, u32)], stuck: &Stuck) -> Vec<usize> {
    let some = if let Stuck::Value(at) = stuck { &order[..=*at] } else { order };
    some.iter().map(|(_, life)| *life as usize).collect()
}

/// The values with their lives, from the largest to the smallest.
fn falling<V: Copy + Ord>(entries: &[ContainerEntry<V>], lives: &Lives) -> Vec<(V, u32)> {
    let value = |put: u32| if let Call::Put(value) = entries[put as usize].call { Some(value) } else { None };
    let mut order: Vec<(V, u32)> = Vec::with_capacity(lives.lives.len());
    order.extend((0..).zip(&lives.lives).filter_map(|(number, life)| Some((value(life.put)?, number))));
    order.sort_unstable_by(|one, other| other.cmp(one));
    order
}

/// What has no moment.
enum Stuck {
    /// An operation on the value at this place of the order.
    Value(usize),
    /// The call at this place that found nothing.
    Nothing(usize),
}

/// Moments of a history, and which of them are covered by a value that is surely there.
///
/// They are those at which somebody may see something first, and those at which a value may leave: from any of the former on, the
/// first moment that is not covered is one of these.
struct Free {
    /// By moment: itself if it is free; else a later one, such that all between are covered.
    next: Vec<u32>,
}

impl Free {
    fn new(moments: usize) -> Self {
        Self { next: (0..moments as u32).collect() }
    }

    /// The first free moment from this one on. The last moment of all is always free.
    fn from(&mut self, mut moment: u32) -> u32 {
        while self.next[moment as usize] != moment {
            let next = self.next[moment as usize];
            self.next[moment as usize] = self.next[next as usize];
            moment = next;
        }
        moment
    }

    /// Covers moments.
    fn cover(&mut self, moments: Range<u32>) {
        if moments.is_empty() {
            return;
        }
        let mut moment = self.from(moments.start);
        while moment < moments.end {
            self.next[moment as usize] = moment + 1;
            moment = self.from(moment + 1);
        }
    }
}

/// The moments of a life: the first after it was surely there, that at which it may have left, and the end of those at which it may.
#[derive(Clone, Copy)]
struct Moments {
    there: u32,
    leaving: u32,
    gone: u32,
}

struct Placement<'a> {
    lives: &'a Lives,
    times: Times,
    free: Free,
    /// By life.
    moments: Vec<Moments>,
    /// By peek: its moments.
    peeks: Vec<Range<u32>>,
    peeks_by_life: PeeksByLife,
}

impl<'a> Placement<'a> {
    fn new(lives: &'a Lives) -> Self {
        let times = Times::new(|| {
            let peeks = lives.peeks.iter().map(|peek| peek.from);
            let nothings = lives.nothings.iter().map(|nothing| nothing.from);
            lives.lives.iter().map(|life| life.leaving).chain(peeks).chain(nothings)
        });
        let moments = lives.lives.iter().map(|life| Moments {
            there: times.until(life.there),
            leaving: times.number(life.leaving),
            // What nobody took may have stayed for ever.
            gone: times.until(life.gone),
        });
        Self {
            lives,
            free: Free::new(times.count()),
            moments: moments.collect(),
            peeks: lives.peeks.iter().map(|peek| times.number(peek.from)..times.until(peek.to)).collect(),
            peeks_by_life: lives.peeks_by_life(),
            times,
        }
    }

    fn run<V>(mut self, order: &[(V, u32)]) -> Option<Stuck> {
        // All at once: they lie anywhere, and what each one covers must be known before the next is looked at.
        let moments: Vec<Moments> = order.iter().map(|(_, life)| self.moments[*life as usize]).collect();
        for (at, ((_, life), moments)) in order.iter().zip(&moments).enumerate() {
            if !self.is_seen_at_free_moments(*life as usize, moments) {
                return Some(Stuck::Value(at));
            }
            self.free.cover(moments.there..moments.leaving);
        }
        let stuck = self.lives.nothings.iter().find(|nothing| {
            self.free.from(self.times.number(nothing.from)) >= self.times.until(nothing.to)
        });
        stuck.map(|nothing| Stuck::Nothing(nothing.place as usize))
    }

    /// Whether each who took or saw a value has a moment that no larger one covers.
    fn is_seen_at_free_moments(&mut self, life: usize, moments: &Moments) -> bool {
        let free = &mut self.free;
        let peeks = &self.peeks[self.peeks_by_life.of(life)];
        free.from(moments.leaving) < moments.gone && peeks.iter().all(|peek| free.from(peek.start) < peek.end)
    }
}
