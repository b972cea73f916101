//! The decision from lives alone: possible where each value of a container is put in at most once.
//!
//! Takes without an answer need not have happened: an order without them is an order. And what is contradictory among the values
//! that others took is contradictory whatever they took. Between the two, some value must have been taken by one of them. Each such
//! value has a time by which that must have been ([`Due`]); if there are more values due than takes that had begun, there is no order.
//! Else they are dealt out, the earliest to what is due first, and where that leaves an order there is one. Where it does not, those
//! that are left are dealt out to what may be in the way, as long as it helps; where it does not, nothing is decided here.

use std::hash::Hash;

use super::{Certainty, ContainerEntry, Due, Lives, Reply, Time};
use crate::linearizable::Decision;

/// How often takes are dealt out to more values.
const MOST_DEALS: usize = 16;

/// In which order a container gives its values back.
pub(crate) trait Discipline<V> {
    /// Where a value is put among those held. Equal contents are held in one way.
    fn place(held: &[V], value: &V) -> usize;

    /// Which value's turn it is to be taken or seen: `reply` may say, if any may be. `None` where none is held, or not what was found.
    fn next(held: &[V], reply: Option<&Reply<V>>) -> Option<usize>;

    /// The lives among which there is no order, if there is none: all that may have to do with that.
    fn stuck(entries: &[ContainerEntry<V>], lives: &Lives) -> Option<Vec<usize>>;

    /// The places of operations that have no order, of lives that have none.
    fn proof(entries: &[ContainerEntry<V>], lives: &Lives) -> Vec<usize>;

    /// The values that are in the way of others though nobody who was answered took them. Which are missed, or told to be due too
    /// late, costs a decision, and is never wrong.
    fn dues(entries: &[ContainerEntry<V>], lives: &Lives, certainty: Certainty) -> Vec<Due>;
}

/// Decides a history of a container where each value is put in at most once.
pub(crate) fn decide<V: Copy + Eq + Hash, D: Discipline<V>>(entries: &[ContainerEntry<V>]) -> Option<Decision> {
    let lives = match Lives::of(entries) {
        Ok(lives) => lives,
        Err(failure) => return failure,
    };
    if D::stuck(entries, &lives).is_none() {
        return Some(Decision::Exists);
    }
    if lives.open_takes.is_empty() {
        return Some(impossible(D::proof(entries, &lives)));
    }
    let taken = lives.taken();
    if D::stuck(entries, &taken).is_some() {
        return Some(impossible(D::proof(entries, &taken)));
    }
    deal_out::<V, D>(entries, lives)
}

/// Lets takes without an answer take what must be taken, the earliest what is due first: if any way suffices for that, this does.
fn deal_out<V, D: Discipline<V>>(entries: &[ContainerEntry<V>], mut lives: Lives) -> Option<Decision> {
    lives.open_takes.sort_unstable();
    let sure = in_time(D::dues(entries, &lives, Certainty::Sure));
    for (number, due) in sure.iter().enumerate() {
        let begun = lives.open_takes.partition_point(|(invoked, _)| *invoked <= due.by);
        if begun <= number {
            let values = sure[..=number].iter().flat_map(|due| lives.places(due.life).chain(due.reason(&lives)));
            let takes = lives.open_takes[..begun].iter().map(|(_, place)| *place as usize);
            return Some(impossible(values.chain(takes).collect()));
        }
    }
    let mut possible = in_time(D::dues(entries, &lives, Certainty::Possible));
    let mut schedule = Schedule::of(&lives);
    let mut dealt: Vec<Due> = sure.into_iter().filter(|due| schedule.admit(*due)).collect();
    for _ in 0..MOST_DEALS {
        let Some(stuck) = D::stuck(entries, &lives.with_takes(&dealt)) else { return Some(Decision::Exists) };
        let mut is_stuck = vec![false; lives.lives.len()];
        stuck.into_iter().for_each(|life| is_stuck[life] = true);
        dealt.iter().for_each(|due| is_stuck[due.life as usize] = false);
        let before = dealt.len();
        dealt.extend(possible.extract_if(.., |due| is_stuck[due.life as usize]).filter(|due| schedule.admit(*due)));
        if dealt.len() == before {
            break;
        }
        dealt = in_time(dealt);
    }
    None
}

fn in_time(mut dues: Vec<Due>) -> Vec<Due> {
    dues.sort_unstable_by_key(|due| (due.by, due.life));
    dues
}

/// Which takes are still to be had by when: each value is promised the last that is in time, so that as many as possible get one.
struct Schedule {
    begun: Vec<Time>,
    /// By number of a take, plus one: itself if it is to be had; else an earlier one, such that none between is.
    free: Vec<usize>,
}

impl Schedule {
    fn of(lives: &Lives) -> Self {
        let begun: Vec<Time> = lives.open_takes.iter().map(|(invoked, _)| *invoked).collect();
        Self { free: (0..=begun.len()).collect(), begun }
    }

    /// Whether there is a take for this value beside those promised.
    fn admit(&mut self, due: Due) -> bool {
        let mut take = self.begun.partition_point(|begun| *begun <= due.by);
        while self.free[take] != take {
            self.free[take] = self.free[self.free[take]];
            take = self.free[take];
        }
        if take > 0 {
            self.free[take] = take - 1;
        }
        take > 0
    }
}

fn impossible(mut places: Vec<usize>) -> Decision {
    places.sort_unstable();
    places.dedup();
    Decision::Impossible(places)
}
