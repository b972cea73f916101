//! Whether the values of a queue have an order, in near-linear time.
//!
//! Values leave in the order in which they came. So `a` comes before `b` where its enqueue had ended when that of `b` began; and
//! where somebody had taken or seen it when somebody began to take or see `b`: only the first value is seen. A value that is never
//! taken leaves after all others. The history has an order exactly if these relations have no cycle, and each call that found
//! nothing has a moment at which nothing is surely there. Without peeks that is the theorem of Bouajjani, Emmi, Enea and Hamza
//! (ICALP 2015). With peeks a cycle may need three values.
//!
//! The relations are never written down. What comes next must have been begun to be enqueued when the first of the others had
//! ended to be, and the same with being seen; so three values are enough to find all that hinders any other.

use crate::models::containers::{Certainty, ContainerEntry, Discipline, Due, Life, Look, Lives, NEVER, Reply, Time, dues, uncovered};

/// First in, first out.
pub(super) struct Fifo;

impl<V> Discipline<V> for Fifo {
    fn place(held: &[V], _: &V) -> usize {
        held.len()
    }

    fn next(held: &[V], _: Option<&Reply<V>>) -> Option<usize> {
        (!held.is_empty()).then_some(0)
    }

    fn stuck(_: &[ContainerEntry<V>], lives: &Lives) -> Option<Vec<usize>> {
        contradiction(lives).map(|_| (0..lives.lives.len()).collect())
    }

    fn proof(_: &[ContainerEntry<V>], lives: &Lives) -> Vec<usize> {
        contradiction(lives).unwrap_or_default()
    }

    /// What was there before a value was begun to be enqueued, or was seen before that was begun to be taken, must have left before that
    /// was seen.
    fn dues(_: &[ContainerEntry<V>], lives: &Lives, certainty: Certainty) -> Vec<Due> {
        let seen = || (0..).zip(&lives.lives).filter(|(_, life)| life.seen < NEVER);
        let look = |number, life: &Life, from| Look { key: 0, from, to: life.seen, of: Some(number), place: life.put };
        let later_put = seen().map(|(number, life)| look(number, life, certainty.of(life.begun, life.there)));
        let later_put = later_put.chain(Look::nothings(lives, certainty, 0)).collect();
        let later_taken = seen().filter(|(_, life)| life.take().is_some());
        let later_taken = later_taken.map(|(number, life)| look(number, life, life.leaving)).collect();
        let left = || (0..).zip(&lives.lives).filter(|(_, life)| life.take().is_none());
        let there = left().map(|(number, life)| (1, certainty.of(life.there, life.begun), number)).collect();
        let mut all = dues(later_put, there);
        all.extend(dues(later_taken, left().map(|(number, life)| (1, life.seen, number)).collect()));
        all.sort_unstable_by_key(|due| (due.life, due.by));
        all.dedup_by_key(|due| due.life);
        all
    }
}

fn contradiction(lives: &Lives) -> Option<Vec<usize>> {
    cycle(lives).or_else(|| uncovered(lives))
}

/// Values by one of their times, earliest first, from which those that left are skipped.
struct Line {
    order: Vec<(Time, u32)>,
    next: usize,
    /// All between this and `next` have left.
    second: usize,
}

impl Line {
    fn new(lives: &[Life], time: impl Fn(&Life) -> Time) -> Self {
        let mut order: Vec<_> = (0_u32..).zip(lives).map(|(number, life)| (time(life), number)).collect();
        order.sort_unstable();
        Self { order, next: 0, second: 1 }
    }

    /// The first that has not left, and the next of them.
    fn first_two(&mut self, left: &[bool]) -> [Option<(Time, u32)>; 2] {
        let has_left = |at: usize| self.order.get(at).is_some_and(|(_, number)| left[*number as usize]);
        while has_left(self.next) {
            self.next += 1;
        }
        self.second = self.second.max(self.next + 1);
        while has_left(self.second) {
            self.second += 1;
        }
        [self.order.get(self.next).copied(), self.order.get(self.second).copied()]
    }

    /// Advances over all that come no later than `limit`.
    fn until(&mut self, limit: Time) -> impl Iterator<Item = u32> {
        let from = self.next;
        while self.order.get(self.next).is_some_and(|(time, _)| *time <= limit) {
            self.next += 1;
        }
        self.order[from..self.next].iter().map(|(_, number)| *number)
    }
}

/// Lets one value after the other leave that nothing hinders; where that ends too early, the values that hinder each other.
fn cycle(all: &Lives) -> Option<Vec<usize>> {
    let lives = &all.lives;
    // Who has not ended to be enqueued, or been seen, hinders who begins later.
    let mut ends = [Line::new(lives, |life| life.there), Line::new(lives, |life| life.seen)];
    let mut begins = [Line::new(lives, |life| life.begun), Line::new(lives, |life| life.leaving)];
    let mut left = vec![false; lives.len()];
    let mut hindered = vec![2_u8; lives.len()];
    let mut ready: Vec<u32> = Vec::new();
    for _ in 0..lives.len() {
        let first_ends = [ends[0].first_two(&left), ends[1].first_two(&left)];
        for (begins, ends) in begins.iter_mut().zip(&first_ends) {
            for number in begins.until(ends[0].map_or(NEVER, |(time, _)| time)) {
                hindered[number as usize] -= 1;
                if hindered[number as usize] == 0 {
                    ready.push(number);
                }
            }
        }
        while ready.last().is_some_and(|number| left[*number as usize]) {
            ready.pop();
        }
        let next = ready.pop().or_else(|| {
            // What was seen first does not hinder itself.
            let first = first_ends[1][0].map(|(_, number)| number)?;
            hinderer(lives, &first_ends, first).is_none().then_some(first)
        });
        match next {
            Some(next) => left[next as usize] = true,
            None => return Some(circle(all, &first_ends, left.iter().position(|left| !left)?)),
        }
    }
    None
}

/// Somebody who must leave before `number`.
fn hinderer(lives: &[Life], first_ends: &[[Option<(Time, u32)>; 2]; 2], number: u32) -> Option<u32> {
    let life = &lives[number as usize];
    let hinders = |ends: &[Option<(Time, u32)>; 2], begin: Time| {
        let other = ends.iter().flatten().find(|(_, other)| *other != number);
        other.filter(|(end, _)| *end < begin).map(|(_, other)| *other)
    };
    hinders(&first_ends[0], life.begun).or_else(|| hinders(&first_ends[1], life.leaving))
}

/// The operations of the values that hinder each other in a circle, which is met from any that is hindered.
fn circle(lives: &Lives, first_ends: &[[Option<(Time, u32)>; 2]; 2], from: usize) -> Vec<usize> {
    let mut path = vec![from as u32];
    loop {
        let last = path[path.len() - 1];
        let Some(next) = hinderer(&lives.lives, first_ends, last) else { break };
        if let Some(start) = path.iter().position(|number| *number == next) {
            path.drain(..start);
            break;
        }
        path.push(next);
    }
    path.iter().flat_map(|number| lives.places(*number)).collect()
}
