//! Whether a container can have been found empty: there must be a moment at which no value is surely there.

use dsjepsen_history::Index;

use super::lives::{Life, Lives, Nothing};

/// A call that found nothing though at each of its moments some value was surely there: its place, and those of the operations on
/// values that cover all of it (Bouajjani, Emmi, Enea and Hamza, ICALP 2015, for the queue).
pub(crate) fn uncovered<V>(lives: &Lives<V>) -> Option<Vec<usize>> {
    if lives.nothings.is_empty() {
        return None;
    }
    let mut sure: Vec<&Life<V>> = lives.lives.iter().filter(|life| life.is_ever_sure()).collect();
    sure.sort_unstable_by_key(|life| life.there);
    // What is surely there without a break: open intervals, so that those that only touch leave a moment between them.
    let mut covered: Vec<(Index, Index)> = Vec::new();
    for life in &sure {
        match covered.last_mut() {
            Some((_, end)) if life.there < *end => *end = life.leaving.max(*end),
            _ => covered.push((life.there, life.leaving)),
        }
    }
    let broken = lives.nothings.iter().find(|nothing| {
        let before = covered.partition_point(|(start, _)| *start < nothing.from);
        before.checked_sub(1).is_some_and(|last| nothing.to < covered[last].1)
    })?;
    Some(chain(&sure, broken))
}

/// The fewest lives that cover a call, with the call itself.
fn chain<V>(sure: &[&Life<V>], nothing: &Nothing) -> Vec<usize> {
    let mut places = vec![nothing.place];
    let mut reached = nothing.from;
    let mut next: Option<&Life<V>> = None;
    let mut lives = sure.iter().peekable();
    while reached <= nothing.to {
        while let Some(life) = lives.next_if(|life| life.there < reached) {
            if next.is_none_or(|next| next.leaving < life.leaving) {
                next = Some(life);
            }
        }
        let Some(life) = next.filter(|life| life.leaving > reached) else { break };
        places.extend(life.places());
        reached = life.leaving;
    }
    places
}
