//! A small part of a contradictory history that contradicts itself.

use super::{ContainerEntry, Lives};

/// How many operations may be judged again to make a contradiction small.
const MOST_JUDGED: usize = 20_000_000;

/// Leaves out whole values, and single peeks, as long as the rest has no order. That is sound: an order of all is one of the rest.
/// Starts from the values of `lives` at the places in `suspects`, with what found nothing at `nothing`, which must have none.
pub(crate) fn shrink<V: Copy>(
    entries: &[ContainerEntry<V>],
    lives: &Lives<V>,
    suspects: &[usize],
    nothing: Option<usize>,
    has_none: impl Fn(&[ContainerEntry<V>]) -> bool,
) -> Vec<usize> {
    let mut left = MOST_JUDGED;
    let mut has_none = |units: &[&[usize]]| {
        let places: Vec<usize> = units.iter().copied().flatten().copied().chain(nothing).collect();
        left = left.saturating_sub(places.len() + 1);
        let some: Vec<ContainerEntry<V>> = places.into_iter().map(|place| entries[place].clone()).collect();
        left > 0 && has_none(&some)
    };
    let peeks = lives.peeks_by_life();
    let whole = |&life: &usize| {
        let peeks = lives.peeks[peeks[life].clone()].iter().map(|peek| peek.place);
        let own =
            [Some(lives.lives[life].put), lives.lives[life].take].into_iter().flatten().map(|place| place as usize);
        own.chain(peeks).collect::<Vec<usize>>()
    };
    let values: Vec<Vec<usize>> = suspects.iter().map(whole).collect();
    let mut values: Vec<&[usize]> = values.iter().map(Vec::as_slice).collect();
    fewest(&mut values, &mut has_none);
    let is_peek = |place: usize| matches!(entries[place].call, super::Call::Peek);
    let (peeks, kept): (Vec<usize>, Vec<usize>) = values.concat().into_iter().partition(|place| is_peek(*place));
    let mut peeks: Vec<&[usize]> = peeks.chunks(1).collect();
    fewest(&mut peeks, |some| has_none(&[&[kept.as_slice()], some].concat()));
    kept.iter().chain(peeks.concat().iter()).copied().chain(nothing).collect()
}

/// Leaves out ever smaller parts, single units at last, as long as the rest will do (after Zeller's ddmin).
fn fewest(units: &mut Vec<&[usize]>, mut will_do: impl FnMut(&[&[usize]]) -> bool) {
    let mut size = units.len().div_ceil(2);
    while size > 0 {
        let before = units.len();
        let mut end = before;
        while end > 0 {
            let start = end.saturating_sub(size);
            let rest = [&units[..start], &units[end..]].concat();
            if will_do(&rest) {
                *units = rest;
            }
            end = start;
        }
        if units.len() == before || size > 1 {
            size /= 2;
        }
    }
}
