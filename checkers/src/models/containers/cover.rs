//! Whether a container can have been found empty: there must be a moment at which no value is surely there.

use super::lives::{Life, Lives, Nothing, Time};

/// A call that found nothing though at each of its moments some value was surely there: its place, and those of the operations on
/// values that cover all of it (Bouajjani, Emmi, Enea and Hamza, ICALP 2015, for the queue).
pub(crate) fn uncovered(lives: &Lives) -> Option<Vec<usize>> {
    if lives.nothings.is_empty() {
        return None;
    }
    let near = near(lives);
    // What is surely there without a break: open intervals, so that those that only touch leave a moment between them.
    let mut covered: Vec<(Time, Time)> = Vec::new();
    for sure in &near {
        match covered.last_mut() {
            Some((_, end)) if sure.from < *end => *end = sure.to.max(*end),
            _ => covered.push((sure.from, sure.to)),
        }
    }
    let broken = lives.nothings.iter().find(|nothing| {
        let before = covered.partition_point(|(start, _)| *start < nothing.from);
        before.checked_sub(1).is_some_and(|last| nothing.to < covered[last].1)
    })?;
    Some(chain(lives, &near, broken))
}

/// The time at which a value is surely there.
struct Sure {
    from: Time,
    to: Time,
    /// Whose life it is.
    life: u32,
}

/// The times that touch a call that found nothing, by their beginnings: all that can cover one, and mostly few of all.
fn near(lives: &Lives) -> Vec<Sure> {
    let mut nothings: Vec<(Time, Time)> = lives.nothings.iter().map(|nothing| (nothing.to, nothing.from)).collect();
    nothings.sort_unstable();
    // With each, when the first began of those that ended no earlier.
    let mut first = Time::MAX;
    for (_, from) in nothings.iter_mut().rev() {
        first = first.min(*from);
        *from = first;
    }
    let touches = |life: &Life| {
        let later = nothings.partition_point(|(to, _)| *to < life.there);
        nothings.get(later).is_some_and(|(_, from)| *from <= life.leaving)
    };
    let sure = (0..).zip(&lives.lives).filter(|(_, life)| life.is_ever_sure() && touches(life));
    let mut near: Vec<Sure> =
        sure.map(|(number, life)| Sure { from: life.there, to: life.leaving, life: number }).collect();
    near.sort_unstable_by_key(|sure| (sure.from, sure.life));
    near
}

/// The fewest lives that cover a call, with the call itself.
fn chain(lives: &Lives, near: &[Sure], nothing: &Nothing) -> Vec<usize> {
    let mut places = vec![nothing.place as usize];
    let mut reached = nothing.from;
    let mut next: Option<&Sure> = None;
    let mut near = near.iter().peekable();
    while reached <= nothing.to {
        while let Some(sure) = near.next_if(|sure| sure.from < reached) {
            if next.is_none_or(|next| next.to < sure.to) {
                next = Some(sure);
            }
        }
        let Some(sure) = next.filter(|sure| sure.to > reached) else { break };
        places.extend(lives.places(sure.life));
        reached = sure.to;
    }
    places
}
