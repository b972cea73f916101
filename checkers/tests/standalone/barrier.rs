//! Barriers.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_checkers::barrier::{BarrierOptions, BarrierOutcome, BarrierPass, Parties, check_barrier};
use dsjepsen_history::{Gravity, Index, Judgement, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::Draw;
use crate::fuzz;
use crate::witness::{broken, validate};

fn of(parties: u32) -> BarrierOptions {
    BarrierOptions { parties: Parties::Fixed(parties), may_mix: false }
}

fn pass(participant: u32, generation: impl Into<Option<u64>>, arrived: Index, left: Index) -> BarrierPass {
    let outcome = BarrierOutcome::Passed;
    BarrierPass { participant, generation: generation.into(), arrived, left: Some(left), outcome }
}

#[track_caller]
fn only(judgement: &Judgement, rule: &str, operations: &[Index]) {
    assert_eq!(judgement.findings.len(), 1, "{judgement:#?}");
    assert_eq!((&*judgement.findings[0].rule, &*judgement.findings[0].operations), (rule, operations));
}

#[test]
fn nobody_leaves_before_all_have_arrived() {
    for generation in [Some(0), None] {
        let early = [pass(0, generation, 1, 3), pass(1, generation, 2, 5), pass(2, generation, 4, 6)];
        let judgement = check_barrier(&early, &of(3));
        assert_eq!(judgement.findings[0].rule, "barrier.left-early");
        let together = [pass(0, generation, 1, 4), pass(1, generation, 2, 5), pass(2, generation, 3, 6)];
        assert_eq!(check_barrier(&together, &of(3)).verdict, Gravity::Valid);
    }
    let early = [pass(0, 0, 1, 3), pass(1, 0, 2, 5)];
    let judgement = check_barrier(&early, &of(3));
    only(&judgement, "barrier.left-early", &[1, 2]);
    let told = "Process 0 left generation 0 of the barrier when at most 2 of 3 parties had entered it.";
    assert_eq!(judgement.findings[0].sentence, told);
}

#[test]
fn an_arrival_without_an_answer_may_be_the_one_that_lacked() {
    let lost = BarrierPass { outcome: BarrierOutcome::Info, left: None, ..pass(1, None, 2, 9) };
    for generation in [Some(7), None] {
        assert_eq!(check_barrier(&[pass(0, generation, 1, 3), lost], &of(2)).verdict, Gravity::Valid);
        let late = BarrierPass { arrived: 4, ..lost };
        assert_eq!(check_barrier(&[pass(0, generation, 1, 3), late], &of(2)).verdict, Gravity::Invalid);
        let failed = BarrierPass { outcome: BarrierOutcome::Fail, left: Some(9), ..lost };
        assert_eq!(check_barrier(&[pass(0, generation, 1, 3), failed], &of(2)).verdict, Gravity::Invalid);
    }
    // It is one arrival, and cannot serve two generations.
    let twice = [pass(0, 0, 1, 3), pass(0, 1, 4, 5), BarrierPass { outcome: BarrierOutcome::Info, ..lost }];
    assert_eq!(check_barrier(&twice, &of(2)).verdict, Gravity::Invalid);
}

#[test]
fn generations_do_not_mix() {
    let order = [pass(0, 1, 1, 3), pass(1, 1, 2, 4), pass(0, 0, 5, 7), pass(1, 0, 6, 8)];
    let judgement = check_barrier(&order, &of(2));
    assert_eq!(broken(&judgement), BTreeSet::from(["barrier.generation-order", "barrier.left-early"]));
    let many = [pass(0, 0, 1, 5), pass(1, 0, 2, 6), pass(2, 0, 3, 7)];
    only(&check_barrier(&many, &of(2)), "barrier.too-many", &[1, 2, 3]);
    let mut mixed = [pass(0, 0, 1, 5), pass(1, 0, 2, 6)];
    mixed[1].outcome = BarrierOutcome::Broken;
    only(&check_barrier(&mixed, &of(2)), "barrier.mixed", &[1, 2]);
    let may = BarrierOptions { may_mix: true, ..of(2) };
    assert_eq!(check_barrier(&mixed, &may).verdict, Gravity::Valid);
}

#[test]
fn a_phaser_has_its_own_parties_in_each_phase() {
    let parties = Parties::Each(BTreeMap::from([(0, 2), (1, 1)]));
    let options = BarrierOptions { parties, may_mix: false };
    let arrives = BarrierPass { outcome: BarrierOutcome::Arrived, ..pass(1, 0, 2, 3) };
    let passes = [pass(0, 0, 1, 4), arrives, pass(0, 1, 5, 6)];
    assert_eq!(check_barrier(&passes, &options).verdict, Gravity::Valid);
    assert_eq!(check_barrier(&passes, &of(2)).verdict, Gravity::Invalid, "phase 1 of two");
    let alien = check_barrier(&[pass(0, 9, 1, 4)], &options);
    assert_eq!(alien.findings[0].reason, Some(UnknownReason::CheckerError));
}

#[test]
fn what_shows_nothing_is_unknown() {
    assert_eq!(check_barrier(&[], &of(2)).findings[0].reason, Some(UnknownReason::NoObservations));
    let half = check_barrier(&[pass(0, 0, 1, 4), pass(1, None, 2, 5)], &of(2));
    assert_eq!(half.findings[0].reason, Some(UnknownReason::CheckerError));
}

/// Tries all moments at which generations that are told may have tripped, one after the other, and all that may fill them.
fn trips(passes: &[BarrierPass], parties: usize, spare: &[Index], from: Index, generations: &[u64]) -> bool {
    let Some((&generation, rest)) = generations.split_first() else { return true };
    let here = |pass: &&BarrierPass| pass.generation == Some(generation) && pass.outcome != BarrierOutcome::Fail;
    let entered: Vec<&BarrierPass> = passes.iter().filter(here).collect();
    let is = |pass: &&&BarrierPass, outcome| pass.outcome == outcome;
    let passed: Vec<_> = entered.iter().filter(|pass| is(pass, BarrierOutcome::Passed)).collect();
    let arrived = entered.iter().filter(|pass| is(pass, BarrierOutcome::Arrived));
    let definite: Vec<_> = passed.iter().copied().chain(arrived).collect();
    if definite.len() > parties {
        return false;
    }
    // It may as well trip right after an arrival, or right after the generation before.
    let moments = passes.iter().map(|pass| pass.arrived).filter(|&at| at > from).chain([from]);
    moments.into_iter().any(|at| {
        // It trips between this index and the next.
        if definite.iter().any(|pass| pass.arrived > at) || passed.iter().any(|pass| pass.left <= Some(at)) {
            return false;
        }
        let present: BTreeSet<u32> =
            entered.iter().filter(|pass| pass.arrived <= at).map(|pass| pass.participant).collect();
        let missing = if passed.is_empty() { 0 } else { parties.saturating_sub(present.len()) };
        subsets(spare, missing)
            .into_iter()
            .any(|(used, left)| used.iter().all(|&arrived| arrived <= at) && trips(passes, parties, &left, at, rest))
    })
}

/// All ways to take so many of some.
fn subsets(of: &[Index], size: usize) -> Vec<(Vec<Index>, Vec<Index>)> {
    let all = (0..1_u32 << of.len()).filter(|mask| mask.count_ones() as usize == size);
    all.map(|mask| {
        let (used, left): (Vec<_>, Vec<_>) = of.iter().enumerate().partition(|(place, _)| mask >> place & 1 == 1);
        let plain = |some: Vec<(usize, &Index)>| some.into_iter().map(|(_, &at)| at).collect::<Vec<_>>();
        (plain(used), plain(left))
    })
    .collect()
}

/// Tries all ways to make generations of those let through, where none are told.
fn groups(mandatory: &[BarrierPass], spare: &[Index], parties: usize) -> bool {
    let Some((first, rest)) = mandatory.split_first() else { return true };
    (0..1_u32 << rest.len()).any(|mask| {
        let of = |bit: u32| (0..rest.len()).filter(|place| mask >> place & 1 == bit).map(|place| rest[place]).collect();
        let (mut together, others): (Vec<BarrierPass>, Vec<BarrierPass>) = (of(1), of(0));
        together.push(*first);
        let Some(missing) = parties.checked_sub(together.len()) else { return false };
        let until = together.iter().map(|pass| pass.left.unwrap()).min().unwrap();
        subsets(spare, missing).into_iter().any(|(used, left)| {
            let mut arrived = together.iter().map(|pass| pass.arrived).chain(used.iter().copied());
            arrived.all(|at| at < until) && groups(&others, &left, parties)
        })
    })
}

fn agree(passes: &[BarrierPass], told: bool, options: &BarrierOptions) {
    let judgement = check_barrier(passes, options);
    if judgement.findings.first().is_some_and(|finding| finding.reason == Some(UnknownReason::CheckerError)) {
        return;
    }
    let Parties::Fixed(parties) = options.parties else { unreachable!("the tests fix it") };
    let fills = |pass: &&BarrierPass| {
        let broken = pass.outcome == BarrierOutcome::Broken && options.may_mix;
        pass.generation.is_none() && (pass.outcome == BarrierOutcome::Info || broken)
    };
    let spare: Vec<Index> = passes.iter().filter(fills).map(|pass| pass.arrived).collect();
    let of = |outcome| passes.iter().filter(move |pass| pass.outcome == outcome);
    let possible = if told {
        let definite = of(BarrierOutcome::Passed).chain(of(BarrierOutcome::Arrived));
        let generations: BTreeSet<u64> = definite.filter_map(|pass| pass.generation).collect();
        trips(passes, parties as usize, &spare, 0, &generations.into_iter().collect::<Vec<_>>())
    } else {
        groups(&of(BarrierOutcome::Passed).copied().collect::<Vec<_>>(), &spare, parties as usize)
    };
    let mut found = broken(&judgement);
    let through = |pass: &BarrierPass| {
        let together = |other: &BarrierPass| other.generation.is_some() && other.generation == pass.generation;
        of(BarrierOutcome::Passed).any(together)
    };
    let mixed = !options.may_mix && of(BarrierOutcome::Broken).any(through);
    assert_eq!(found.remove("barrier.mixed"), mixed, "{passes:#?}");
    assert_eq!(found.is_empty(), possible, "{passes:#?} {judgement:#?}");
    validate(&judgement, |named| {
        check_barrier(&passes.iter().filter(|one| named(one.arrived)).copied().collect::<Vec<_>>(), options)
    });
}

/// A cyclic barrier, which lets a generation through when all have entered it.
fn history(bytes: &[u8], told: bool) -> (Vec<BarrierPass>, BarrierOptions) {
    let mut draw = Draw::new(bytes);
    let parties = 1 + draw.below(3) as u32;
    let mut passes: Vec<BarrierPass> = Vec::new();
    let mut entered: Vec<Option<u64>> = Vec::new();
    let mut busy: [Option<usize>; 4] = [None; 4];
    let mut names = [0, 1, 2, 3];
    let mut arrived: [Option<u64>; 4] = [None; 4];
    let (mut count, mut ghosts) = (0_u64, Vec::new());
    for step in 1..50 {
        let now = step * 8;
        if !ghosts.is_empty() && draw.one_in(4) {
            entered[ghosts.swap_remove(0)] = Some(count / u64::from(parties));
            count += 1;
            continue;
        }
        let worker = draw.below(4) as usize;
        let Some(place) = busy[worker] else {
            // Who arrived without waiting comes back once all others have.
            if passes.len() < 8 && arrived[worker] < Some(count / u64::from(parties)) {
                busy[worker] = Some(passes.len());
                let outcome = BarrierOutcome::Info;
                passes.push(BarrierPass {
                    participant: names[worker],
                    generation: None,
                    arrived: now,
                    left: None,
                    outcome,
                });
                entered.push(None);
            }
            continue;
        };
        let tripped = count / u64::from(parties);
        let luck = draw.below(12);
        let outcome = match entered[place] {
            _ if luck == 0 => {
                passes[place].left = Some(now).filter(|_| draw.one_in(2));
                ghosts.extend(Some(place).filter(|&place| entered[place].is_none()));
                names[worker] += 4;
                BarrierOutcome::Info
            }
            None if luck == 1 => BarrierOutcome::Fail,
            None => {
                entered[place] = Some(tripped);
                count += 1;
                continue;
            }
            Some(generation) if told && luck == 2 => {
                arrived[worker] = Some(generation);
                BarrierOutcome::Arrived
            }
            Some(generation) if generation < tripped => BarrierOutcome::Passed,
            Some(_) => continue,
        };
        if outcome != BarrierOutcome::Info {
            passes[place].left = Some(now);
        }
        passes[place].outcome = outcome;
        busy[worker] = None;
    }
    for (pass, entered) in passes.iter_mut().zip(entered) {
        let answered = matches!(pass.outcome, BarrierOutcome::Passed | BarrierOutcome::Arrived);
        pass.generation = entered.filter(|_| told && (answered || draw.one_in(3)));
    }
    (passes, BarrierOptions { parties: Parties::Fixed(parties), may_mix: draw.one_in(2) })
}

fn spoil(passes: &mut [BarrierPass], told: bool, bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    for change in 1..=1 + draw.below(3) {
        let Some(pass) = passes.get_mut(draw.below(8) as usize) else { continue };
        match draw.below(4) {
            0 => pass.arrived = (pass.arrived / 8).saturating_sub(draw.below(6)) * 8 + change,
            1 => {
                pass.arrived =
                    pass.left.map_or(u64::MAX, |left| left - 1).min(pass.arrived + 8 * draw.below(6) + change)
            }
            2 if told => pass.generation = Some(draw.below(3)),
            2 => {}
            _ if pass.left.is_some() => {
                use BarrierOutcome::{Arrived, Broken, Fail, Info, Passed};
                pass.outcome = [Passed, Passed, Info, Fail, Broken, Arrived][draw.below(6) as usize];
                let answered = matches!(pass.outcome, Passed | Broken | Arrived);
                pass.generation = pass.generation.or(Some(draw.below(2)).filter(|_| told && answered));
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_histories_are_judged_as_the_oracle_judges_them(
        told: bool,
        bytes in vec(any::<u8>(), 0..110),
        changes in vec(any::<u8>(), 10),
    ) {
        let (mut passes, options) = history(&bytes, told);
        spoil(&mut passes, told, &changes);
        agree(&passes, told, &options);
    }

    #[test]
    fn a_cyclic_barrier_is_never_invalid(told: bool, bytes in vec(any::<u8>(), 0..110)) {
        let (passes, options) = history(&bytes, told);
        agree(&passes, told, &options);
        prop_assert!(broken(&check_barrier(&passes, &options)).is_empty());
    }
}
