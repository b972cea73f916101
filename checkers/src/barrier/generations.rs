//! Generations that are told: each trips once, in their order, when all its parties have entered.

use dsjepsen_history::{Finding, Index, Step};

use super::{BarrierOptions, BarrierOutcome, BarrierPass, LEFT_EARLY, Parties};
use crate::argument::step;
use crate::broken::{Broken, proven};
use crate::real_time::{Keyed, falls};
use crate::words::counted;

const ORDER: &str = "barrier.generation-order";
const TOO_MANY: &str = "barrier.too-many";
const MIXED: &str = "barrier.mixed";

/// How many arrivals an argument names.
const NAMED: usize = 12;

/// A generation that somebody was let through.
struct Passed<'a> {
    number: u64,
    parties: u32,
    /// Who may have entered, in the order of the participants and of their arrivals.
    entered: &'a [&'a BarrierPass],
    /// Who left first.
    first: &'a BarrierPass,
    /// By when it must have tripped: it, or a later generation, was left then.
    by: Index,
    /// Who left then.
    proof: &'a BarrierPass,
}

/// Judges all rules; says how many generations were passed.
pub(super) fn judge(passes: &[BarrierPass], options: &BarrierOptions, broken: &mut Broken) -> u64 {
    let mut entered: Vec<&BarrierPass> =
        passes.iter().filter(|pass| pass.generation.is_some() && pass.outcome != BarrierOutcome::Fail).collect();
    entered.sort_unstable_by_key(|pass| (pass.generation, pass.participant, pass.arrived));
    let mut generations = Vec::new();
    for group in entered.chunk_by(|one, other| one.generation == other.generation) {
        let number = group[0].generation.unwrap_or_default();
        let parties = match &options.parties {
            Parties::Fixed(parties) => *parties,
            Parties::Each(each) => each.get(&number).copied().unwrap_or_default(),
        };
        too_many(group, number, parties, broken);
        if !options.may_mix {
            mixed(group, number, broken);
        }
        let through = group.iter().filter(|pass| pass.outcome == BarrierOutcome::Passed);
        if let Some(first) = through.min_by_key(|pass| pass.left) {
            let by = first.left.unwrap_or(Index::MAX);
            generations.push(Passed { number, parties, entered: group, first, by, proof: first });
        }
    }
    let mut latest: Option<(Index, &BarrierPass)> = None;
    for generation in generations.iter_mut().rev() {
        match latest {
            Some((by, proof)) if by < generation.by => (generation.by, generation.proof) = (by, proof),
            _ => latest = Some((generation.by, generation.proof)),
        }
    }
    let untold = |pass: &&BarrierPass| {
        let may_fill =
            pass.outcome == BarrierOutcome::Info || pass.outcome == BarrierOutcome::Broken && options.may_mix;
        pass.generation.is_none() && may_fill
    };
    let mut spare: Vec<Index> = passes.iter().filter(untold).map(|pass| pass.arrived).collect();
    spare.sort_unstable();
    left_early(&mut generations, &spare, broken);
    let passed = generations.len() as u64;
    drop(generations);
    entered.retain(|pass| matches!(pass.outcome, BarrierOutcome::Passed | BarrierOutcome::Arrived));
    in_order(&entered, broken);
    passed
}

/// Each generation had enough arrivals when it was left. Arrivals whose generation is not known fill any one: they are given to
/// the generation that must have tripped first, which is the best that can be done for all.
fn left_early(generations: &mut [Passed<'_>], spare: &[Index], broken: &mut Broken) {
    generations.sort_by_key(|generation| generation.by);
    let mut used = 0;
    for generation in generations {
        let parties = generation.parties as usize;
        let present = generation
            .entered
            .chunk_by(|one, other| one.participant == other.participant)
            .filter(|same| same[0].arrived < generation.by)
            .count();
        let missing = parties.saturating_sub(present);
        let available = spare.partition_point(|&arrived| arrived < generation.by) - used;
        if missing <= available {
            used += missing;
        } else {
            broken.note(LEFT_EARLY, generation.by, || tell_left_early(generation, present + available));
        }
    }
}

fn tell_left_early(generation: &Passed<'_>, present: usize) -> Finding {
    let Passed { number, parties, entered, first, by, proof } = *generation;
    let sentence = format!(
        "Process {} left generation {number} of the barrier when at most {present} of {} had entered it.",
        first.participant,
        counted(u64::from(parties), "party").replace("partys", "parties")
    );
    let mut steps = Vec::new();
    let distinct = entered.chunk_by(|one, other| one.participant == other.participant).map(|same| same[0]);
    let lead = |steps: &[Step]| if steps.is_empty() { "Let" } else { "And let" };
    for pass in distinct.clone().filter(|pass| pass.arrived < by).take(NAMED) {
        let text = format!("process {} arrive at generation {number}, at index {}.", pass.participant, pass.arrived);
        steps.push(step(lead(&steps), text, Some(pass.arrived)));
    }
    let then = format!("nobody leaves generation {number} before {parties} have arrived.");
    steps.push(step("Then", then, None));
    if let Some(late) = distinct.filter(|pass| pass.arrived >= by).min_by_key(|pass| pass.arrived) {
        let text = format!("process {} arrived only at index {}.", late.participant, late.arrived);
        steps.push(step("However", text, Some(late.arrived)));
    }
    let left = first.left.unwrap_or(Index::MAX);
    let text = format!("process {} left it at index {left}.", first.participant);
    steps.push(step("However", text, Some(first.arrived)));
    let detail = if std::ptr::eq(first, proof) {
        format!("It left at index {by}; a barrier trips when all have entered.")
    } else {
        let later = proof.generation.unwrap_or_default();
        let text =
            format!("process {} left generation {later}, which comes after it, at index {by}.", proof.participant);
        steps.push(step("However", text, Some(proof.arrived)));
        format!("The later generation {later} was left at index {by}, so generation {number} had tripped by then.")
    };
    proven(LEFT_EARLY, sentence, detail, steps)
}

/// Whoever arrives after a generation was left enters a later one.
fn in_order(definite: &[&BarrierPass], broken: &mut Broken) {
    let keyed = |position: usize| {
        let pass = definite[position];
        let completed = pass.left.filter(|_| pass.outcome == BarrierOutcome::Passed);
        Keyed { invoked: pass.arrived, completed, key: pass.generation }
    };
    falls(
        definite.len(),
        keyed,
        |left, entered| left >= entered,
        |earlier, later| {
            let (before, after) = (definite[earlier], definite[later]);
            broken.note(ORDER, after.left.unwrap_or(after.arrived), || tell_order(before, after));
        },
    );
}

fn tell_order(before: &BarrierPass, after: &BarrierPass) -> Finding {
    let (high, low) = (before.generation.unwrap_or_default(), after.generation.unwrap_or_default());
    let left = before.left.unwrap_or_default();
    let sentence = format!(
        "Process {} entered generation {low} of the barrier after process {} had left generation {high}.",
        after.participant, before.participant
    );
    let detail = format!("It arrived at index {}, and the other had left at index {left}.", after.arrived);
    let steps = vec![
        step(
            "Let",
            format!("process {} leave generation {high} at index {left}.", before.participant),
            Some(before.arrived),
        ),
        step("Then", format!("who arrives after that enters a generation above {high}."), None),
        step(
            "However",
            format!("process {} arrived at index {} and entered generation {low}.", after.participant, after.arrived),
            Some(after.arrived),
        ),
    ];
    proven(ORDER, sentence, detail, steps)
}

/// No more are let through a generation than it has parties.
fn too_many(group: &[&BarrierPass], number: u64, parties: u32, broken: &mut Broken) {
    let definite =
        || group.iter().filter(|pass| matches!(pass.outcome, BarrierOutcome::Passed | BarrierOutcome::Arrived));
    let present = definite().count();
    if present <= parties as usize {
        return;
    }
    let last = definite().filter_map(|pass| pass.left).max().unwrap_or_default();
    broken.note(TOO_MANY, last, || {
        let sentence = format!("Generation {number} of the barrier, of {parties}, was entered {present} times.");
        let mut passes: Vec<_> = definite().collect();
        passes.sort_unstable_by_key(|pass| pass.arrived);
        let enters = |pass: &&&BarrierPass| {
            let text = format!("process {} entered generation {number}, at index {}.", pass.participant, pass.arrived);
            step("However", text, Some(pass.arrived))
        };
        let mut steps = vec![step("Let", format!("generation {number} trip when {parties} have entered."), None)];
        steps.push(step("Then", "whoever comes after that enters the next generation.".to_owned(), None));
        steps.extend(passes.iter().take(parties as usize + 1).map(enters));
        proven(TOO_MANY, sentence, "Generations do not mix.".to_owned(), steps)
    });
}

/// Either all of a generation are let through, or it broke for all.
fn mixed(group: &[&BarrierPass], number: u64, broken: &mut Broken) {
    let one = |outcome| group.iter().filter(|pass| pass.outcome == outcome).min_by_key(|pass| pass.left);
    let (Some(through), Some(told)) = (one(BarrierOutcome::Passed), one(BarrierOutcome::Broken)) else { return };
    broken.note(MIXED, through.left.max(told.left).unwrap_or_default(), || {
        let sentence = format!(
            "Process {} was let through generation {number} of the barrier, and process {} was told that it broke.",
            through.participant, told.participant
        );
        let steps = vec![
            step(
                "Let",
                format!("process {} be let through generation {number}.", through.participant),
                Some(through.arrived),
            ),
            step("Then", "the generation tripped, and all of it are let through.".to_owned(), None),
            step("However", format!("process {} was told that it broke.", told.participant), Some(told.arrived)),
        ];
        proven(MIXED, sentence, "A generation breaks for all of its parties or for none.".to_owned(), steps)
    });
}
