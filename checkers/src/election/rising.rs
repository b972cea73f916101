//! Finds where something that must never fall fell, in one sweep: terms of a node, terms of acknowledged writes.

use dsjepsen_history::Moment;

/// A value that was seen between two moments, with the position of the operation that saw it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    pub(super) asked: Moment,
    pub(super) answered: Moment,
    pub(super) value: u64,
    pub(super) position: usize,
}

/// A sighting of less than what an earlier one, answered before it was asked for, had shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fall {
    pub(super) earlier: Sighting,
    pub(super) later: Sighting,
}

/// The sightings that fell, each with the largest that it had to reach; in the order of their answers.
///
/// Sightings that overlap in time may come in any order. One sweep over all moments: when one is asked for, the largest
/// answered so far is what it must reach (of equals the last, which is the nearest proof). O(n log n).
pub(super) fn falls(sightings: &[Sighting]) -> Vec<Fall> {
    let mut moments: Vec<_> = sightings
        .iter()
        .enumerate()
        .flat_map(|(at, sighting)| [(sighting.asked.index, at, false), (sighting.answered.index, at, true)])
        .collect();
    moments.sort_unstable();
    let mut largest: Option<Sighting> = None;
    let mut when_asked: Vec<Option<Sighting>> = vec![None; sightings.len()];
    let mut found = Vec::new();
    for (_, at, answered) in moments {
        if !answered {
            when_asked[at] = largest;
            continue;
        }
        let later = sightings[at];
        if let Some(earlier) = when_asked[at].filter(|earlier| earlier.value > later.value) {
            found.push(Fall { earlier, later });
        }
        if largest.is_none_or(|largest| later.value >= largest.value) {
            largest = Some(later);
        }
    }
    found
}
