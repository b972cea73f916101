//! Whether the values of a stack have an order, in near-linear time: after Lee and Mathur, "Efficient Decrease-and-Conquer
//! Linearizability Monitoring" (OOPSLA 2025), section on stacks.
//!
//! A value of which each operation has a moment at which no *other* value is surely there can lie at the bottom then, whatever the
//! others do: the history has an order exactly if it has one without that value. So such values go, one after the other; where
//! some are left of which none can go, there is no order.
//!
//! Pushes and pops do not overlap the time at which their own value is surely there: they ask for a moment at which nothing is.
//! Only a peek can have a moment at which nothing but its own value is there.

use std::hash::Hash;
use std::ops::Range;

use super::tree::{Counts, Free, Spans};
use crate::models::containers::{
    Certainty, ContainerEntry, Discipline, Due, Life, Lives, Look, PeeksByLife, Reply, Time, Times, dues, shrink, uncovered,
};

/// Last in, first out.
pub(super) struct Lifo;

impl<V: Copy + Eq + Hash> Discipline<V> for Lifo {
    fn place(held: &[V], _: &V) -> usize {
        held.len()
    }

    fn next(held: &[V], _: Option<&Reply<V>>) -> Option<usize> {
        held.len().checked_sub(1)
    }

    fn stuck(_: &[ContainerEntry<V>], lives: &Lives) -> Option<Vec<usize>> {
        if uncovered(lives).is_some() {
            return Some((0..lives.lives.len()).collect());
        }
        Some(Removal::new(lives).run()).filter(|stuck| !stuck.is_empty())
    }

    fn proof(entries: &[ContainerEntry<V>], lives: &Lives) -> Vec<usize> {
        uncovered(lives).unwrap_or_else(|| {
            let stuck = Removal::new(lives).run();
            let has_none = |some: &[ContainerEntry<V>]| {
                Lives::of(some).is_ok_and(|lives| !Removal::new(&lives).run().is_empty())
            };
            shrink(entries, lives, &stuck, None, has_none)
        })
    }

    /// What was begun to be pushed when a value was there already must have gone before that is seen or popped later.
    fn dues(_: &[ContainerEntry<V>], lives: &Lives, certainty: Certainty) -> Vec<Due> {
        let pushed = |life: u32| {
            let life = &lives.lives[life as usize];
            Some(certainty.of(life.there, life.begun))
        };
        // One that found nothing lies below all.
        let looks = Look::all(lives, certainty, pushed, None);
        let left = (0..).zip(&lives.lives).filter(|(_, life)| life.take().is_none());
        let value = |(number, life): (u32, &Life)| {
            let [first, last] = [life.begun, life.there];
            (Some(certainty.of(first, last)), certainty.of(last, first), number)
        };
        dues(looks, left.map(value).collect())
    }
}

/// Moments, numbered: times between which nothing begins or ends to be surely there are one.
struct Moments {
    times: Times,
    /// By number of a time: its moment.
    moments: Vec<u32>,
}

impl Moments {
    fn new(lives: &Lives) -> Self {
        let times = lives.times();
        let mut moments = vec![0; times.count() + 1];
        for life in lives.lives.iter().filter(|life| life.is_ever_sure()) {
            moments[times.number(life.there) as usize + 1] = 1;
            moments[times.number(life.leaving) as usize] = 1;
        }
        moments.truncate(times.count());
        let mut moment = 0;
        for begins in &mut moments {
            moment += *begins;
            *begins = moment;
        }
        Self { times, moments }
    }

    fn of(&self, time: Time) -> u32 {
        self.moments[self.times.number(time) as usize]
    }

    fn count(&self) -> usize {
        self.moments.last().map_or(0, |last| *last as usize + 1)
    }
}

/// What is still to be removed.
struct Removal {
    /// By life: the moments at which it is surely there.
    sure: Vec<Range<u32>>,
    /// By life: how many of its operations have no moment yet.
    waiting: Vec<u32>,
    counts: Counts,
    /// All operations by their first moment.
    operations: Spans,
    /// By operation: its life; or the number of a peek, after those of all lives.
    owners: Vec<u32>,
    /// The peeks, by life and first moment.
    peeks: Spans,
    /// By life: which peeks are at it.
    peeks_at: PeeksByLife,
    /// By peek: its life, and whether it has no moment yet.
    peek_waits: Vec<(u32, bool)>,
}

impl Removal {
    fn new(lives: &Lives) -> Self {
        let moments = Moments::new(lives);
        let mut peeks: Vec<(u32, u32, u32)> =
            lives.peeks.iter().map(|peek| (peek.life, moments.of(peek.from), moments.of(peek.to))).collect();
        peeks.sort_unstable();
        let peeks_at = lives.peeks_by_life();
        let (mut sure, mut waiting) = (Vec::with_capacity(lives.lives.len()), Vec::with_capacity(lives.lives.len()));
        let mut operations: Vec<(u32, u32, u32)> = Vec::with_capacity(2 * lives.lives.len() + peeks.len());
        for (number, life) in (0_u32..).zip(&lives.lives) {
            let (there, leaving) = (moments.of(life.there), moments.of(life.leaving));
            sure.push(there + 1..leaving.max(there + 1));
            operations.push((moments.of(life.begun), there, number));
            operations.extend(life.take().map(|_| (leaving, moments.of(life.gone), number)));
            let length = peeks_at.of(number as usize).len();
            waiting.push(1 + u32::from(life.take().is_some()) + length as u32);
        }
        let first_peek = lives.lives.len() as u32;
        operations.extend((first_peek..).zip(&peeks).map(|(number, (_, from, to))| (*from, *to, number)));
        operations.sort_unstable();
        Self {
            counts: Counts::new(moments.count(), &sure, !peeks.is_empty()),
            owners: operations.iter().map(|(.., owner)| *owner).collect(),
            operations: Spans::new(operations.iter().map(|(from, to, _)| (*from, *to))),
            peeks: Spans::new(peeks.iter().map(|(_, from, to)| (*from, *to))),
            peek_waits: peeks.iter().map(|(life, ..)| (*life, true)).collect(),
            sure,
            waiting,
            peeks_at,
        }
    }

    /// The lives that cannot be removed.
    fn run(mut self) -> Vec<usize> {
        let mut found = Vec::new();
        while let Some((moment, free)) = self.counts.next_free() {
            match free {
                Free::ForAll => {
                    self.operations.take(0..self.owners.len(), moment, &mut found);
                    for operation in found.drain(..) {
                        let owner = self.owners[operation as usize];
                        match owner.checked_sub(self.waiting.len() as u32) {
                            Some(peek) => self.place_peek(peek),
                            None => self.place(owner),
                        }
                    }
                }
                Free::For(life) => {
                    self.peeks.take(self.peeks_at.of(life as usize), moment, &mut found);
                    for peek in found.drain(..) {
                        self.place_peek(peek);
                    }
                }
            }
        }
        (0..self.waiting.len()).filter(|life| self.waiting[*life] > 0).collect()
    }

    fn place_peek(&mut self, peek: u32) {
        let (life, waits) = &mut self.peek_waits[peek as usize];
        let life = *life;
        if std::mem::take(waits) {
            self.place(life);
        }
    }

    /// One more operation of this life has a moment. After the last it is removed.
    fn place(&mut self, life: u32) {
        let waiting = &mut self.waiting[life as usize];
        *waiting -= 1;
        if *waiting == 0 {
            self.counts.remove(self.sure[life as usize].clone(), life);
        }
    }
}
