//! Generations that nobody tells: any passes that wait at one instant may be one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dsjepsen_history::{Finding, Index};

use super::{BarrierOutcome, BarrierPass, LEFT_EARLY};
use crate::argument::step;
use crate::broken::{Broken, proven};
use crate::words::count;

/// How many waiting arrivals an argument names.
const NAMED: usize = 12;

/// Judges the rule; says how many generations were passed.
///
/// The barrier must trip before the first of those who wait leaves, and trips for that one and those waiting who leave soonest. To
/// let another go instead could not help: whoever is exchanged for it leaves no earlier, and the generation that it joins may trip as
/// late as the first of its own leaves. Arrivals without an answer may wait for ever, so they fill last. So the greedy choice is
/// exact.
pub(super) fn judge(passes: &[BarrierPass], parties: u32, may_mix: bool, broken: &mut Broken) -> u64 {
    let mut events: Vec<(Index, usize, bool)> = Vec::new();
    for (position, pass) in passes.iter().enumerate() {
        match pass.outcome {
            BarrierOutcome::Passed => {
                events.push((pass.arrived, position, false));
                events.extend(pass.left.map(|left| (left, position, true)));
            }
            BarrierOutcome::Info => events.push((pass.arrived, position, false)),
            BarrierOutcome::Broken if may_mix => events.push((pass.arrived, position, false)),
            _ => {}
        }
    }
    events.sort_unstable();
    let deadline = |position: usize| match passes[position].outcome {
        BarrierOutcome::Passed => passes[position].left.unwrap_or(Index::MAX),
        _ => Index::MAX,
    };
    let mut waiting: BinaryHeap<Reverse<(Index, usize)>> = BinaryHeap::new();
    let mut released = vec![false; passes.len()];
    let mut generations = 0;
    for (at, position, leaves) in events {
        if !leaves {
            waiting.push(Reverse((deadline(position), position)));
            continue;
        }
        if released[position] {
            continue;
        }
        if waiting.len() >= parties as usize {
            generations += 1;
            for _ in 0..parties {
                if let Some(Reverse((_, position))) = waiting.pop() {
                    released[position] = true;
                }
            }
            continue;
        }
        broken.note(LEFT_EARLY, at, || {
            let mut present: Vec<_> = waiting.iter().map(|&Reverse((_, position))| &passes[position]).collect();
            present.sort_unstable_by_key(|pass| pass.arrived);
            tell(&passes[position], &present, parties, generations)
        });
        // The one that left is the first of those waiting: nobody waiting leaves before.
        waiting.pop();
    }
    generations
}

fn tell(early: &BarrierPass, present: &[&BarrierPass], parties: u32, generations: u64) -> Finding {
    let left = early.left.unwrap_or_default();
    let waited = present.len();
    let sentence =
        format!("Process {} left the barrier of {parties} when at most {waited} waited there.", early.participant);
    let detail = format!(
        "At index {left}, the {} that had been let through before had used up all other arrivals.",
        match generations {
            1 => "generation".to_owned(),
            _ => format!("{} generations", count(generations)),
        }
    );
    let mut steps = Vec::new();
    for pass in present.iter().filter(|pass| pass.arrived != early.arrived).take(NAMED) {
        let lead = if steps.is_empty() { "Let" } else { "And let" };
        let text = format!("process {} arrive at index {} and wait.", pass.participant, pass.arrived);
        steps.push(step(lead, text, Some(pass.arrived)));
    }
    steps.push(step("Then", format!("the barrier lets nobody through until {parties} wait."), None));
    let text = format!("process {} arrived at index {} and left at index {left}.", early.participant, early.arrived);
    steps.push(step("However", text, Some(early.arrived)));
    proven(LEFT_EARLY, sentence, detail, steps)
}
