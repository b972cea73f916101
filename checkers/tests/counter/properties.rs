//! The rules against brute force, on histories of a sound counter, spoilt and not.

use dsjepsen_checkers::{CounterCall, CounterReply, CounterRule};
use dsjepsen_history::{Finding, Gravity, Operation, Outcome, Promises};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::{Shown, is_linearizable, surely_between};
use crate::script::{STRONG, Script, WEAK, figure};
use crate::simulation::{World, spoil};

type CounterOperation = Operation<CounterCall, CounterReply>;

/// Increments of 1 with results, and linearizable reads: small enough for brute force.
const SMALL: World = World { promises: STRONG, decrements: false, largest: 1, tells: true, limit: 8 };

/// As many cases as asked for, or as `PROPTEST_CASES` says if these are more.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(cases), failure_persistence: None, ..default }
}

const READS: Shown = Shown { reads: true, results: false };
const RESULTS: Shown = Shown { reads: false, results: true };
const BOTH: Shown = Shown { reads: true, results: true };

/// With increments of 1 the rules together decide linearizability, and each by itself what it speaks of.
fn agree(script: &Script) -> bool {
    let operations = &script.history.operations;
    let [bounds, order, results] =
        [CounterRule::Bounds, CounterRule::Order, CounterRule::Return].map(|rule| script.breaks(rule));
    let told_again =
        figure(&script.judge(CounterRule::Return), "additions answered differently when sent again") != "0";
    let reads_fit = is_linearizable(script, READS);
    assert_eq!(bounds || order && !reads_fit, !reads_fit, "reads of {operations:#?}");
    assert_eq!(results, !is_linearizable(script, RESULTS) || told_again, "results of {operations:#?}");
    if !told_again {
        assert_eq!(bounds || order || results, !is_linearizable(script, BOTH), "all of {operations:#?}");
    }
    for rule in [CounterRule::Bounds, CounterRule::Order, CounterRule::Return] {
        proves(script, rule);
    }
    bounds || order || results
}

/// The finding is told consistently, and the operations that it names break the rule, or one of its kin, by themselves where
/// they are all it takes.
fn proves(script: &Script, rule: CounterRule) {
    let judgement = script.judge(rule);
    let Some(finding) = judgement.findings.first() else { return };
    assert_eq!(finding.gravity, Gravity::Invalid);
    let known: Vec<_> = script.history.operations.iter().map(|operation| operation.invoked.index).collect();
    assert!(finding.operations.iter().all(|index| known.contains(index)) && finding.operations.is_sorted());
    let told = finding.steps.iter().filter_map(|step| step.operation);
    let timeline = finding.timeline.as_ref().unwrap();
    let spans = timeline.lanes.iter().flat_map(|lane| &lane.spans);
    for index in told.chain(spans.clone().filter_map(|span| span.operation)) {
        assert!(finding.operations.contains(&index), "operation {index} is told, but not named: {finding:#?}");
    }
    assert!(spans.clone().count() > 0 && spans.clone().all(|span| span.from_ns <= span.to_ns));
    assert!(finding.sentence.ends_with('.') && finding.count > 0);
    adds_up(script, finding);
    // Where something is missing, what was surely added is named: these operations alone cannot be told as one line.
    let missing = finding.figures.iter().any(|figure| figure.name == "surely added meanwhile");
    if missing || finding.sentence.starts_with("Two additions") {
        let mut alone = script.clone();
        alone.history.operations.retain(|operation| finding.operations.contains(&operation.invoked.index));
        assert!(!is_linearizable(&alone, BOTH), "no proof: {finding:#?}\n{:#?}", script.history.operations);
    }
}

/// The figures contradict one another, and what is named as surely between the two operations is.
fn adds_up(script: &Script, finding: &Finding) {
    let number = |name: &str| {
        let figure = finding.figures.iter().find(|figure| figure.name == name)?;
        Some(figure.value.replace(',', "").parse::<i64>().unwrap())
    };
    let Some(rise) = number("rise of the counter") else { return };
    if let Some(most) = number("possibly added meanwhile") {
        assert!(rise > most, "{finding:#?}\n{:#?}", script.history.operations);
    }
    let Some(sure) = number("surely added meanwhile") else { return };
    assert!(rise < sure, "{finding:#?}\n{:#?}", script.history.operations);
    let find = |index| script.history.operations.iter().find(|operation| operation.invoked.index == index).unwrap();
    let to = find(finding.steps.last().unwrap().operation.unwrap());
    let from = finding.steps[0].operation.map(find);
    let shown = |operation: &CounterOperation| match (&operation.call, &operation.outcome) {
        (CounterCall::Add { delta, .. }, Outcome::Ok(CounterReply::Add { value: Some(value) })) => {
            (value - delta, *value)
        }
        (_, Outcome::Ok(CounterReply::Read { value })) => (*value, *value),
        other => panic!("{other:?}"),
    };
    let values = (from.map_or(0, |from| shown(from).1), shown(to).0);
    let end = from.map(|from| from.completed.unwrap().index);
    assert!(sure <= surely_between(script, end, to.invoked.index, values), "{finding:#?}");
    let ends = |index: u64| index == to.invoked.index || from.is_some_and(|from| from.invoked.index == index);
    for addition in finding.operations.iter().filter(|index| !ends(**index)).map(|&index| find(index)) {
        let after = from.is_none_or(|from| from.completed.unwrap().index < addition.invoked.index);
        assert!(after && addition.completed.unwrap().index < to.invoked.index, "{addition:?} in {finding:#?}");
    }
}

proptest! {
    #![proptest_config(config(25_000))]

    // Four histories a case: a hundred thousand small ones for each property.
    #[test]
    fn spoilt_histories_are_judged_as_brute_force_judges_them(cases in vec((vec(any::<u8>(), 0..48), vec(any::<u8>(), 0..3)), 4)) {
        for (bytes, changes) in cases {
            let mut script = SMALL.run(&bytes);
            for change in changes {
                spoil(&mut script, change);
            }
            agree(&script);
        }
    }

    #[test]
    fn what_is_found_with_larger_amounts_is_no_false_alarm(cases in vec((vec(any::<u8>(), 0..48), vec(any::<u8>(), 0..3)), 4)) {
        for (bytes, changes) in cases {
            let mut script = World { largest: 3, ..SMALL }.run(&bytes);
            for change in changes {
                spoil(&mut script, change);
            }
            if script.breaks(CounterRule::Bounds) || script.breaks(CounterRule::Order) {
                prop_assert!(!is_linearizable(&script, BOTH), "{:#?}", script.history.operations);
            }
            let again = figure(&script.judge(CounterRule::Return), "additions answered differently when sent again");
            if script.breaks(CounterRule::Return) && again == "0" {
                prop_assert!(!is_linearizable(&script, RESULTS), "{:#?}", script.history.operations);
            }
        }
    }
}

proptest! {
    #![proptest_config(config(10_000))]

    #[test]
    fn a_sound_counter_is_never_called_invalid(bytes in vec(any::<u8>(), 0..400), setting: u8) {
        let promises = Promises { idempotency_keys: setting & 1 == 0, linearizable_reads: setting & 2 == 0, ..WEAK };
        let world = World {
            promises,
            decrements: setting & 4 == 0,
            largest: if setting & 8 == 0 { 1 } else { 5 },
            tells: setting & 16 == 0,
            limit: 60,
        };
        let script = world.run_to_the_end(&bytes);
        for rule in CounterRule::ALL {
            let judgement = script.judge(rule);
            prop_assert_eq!(judgement.verdict, Gravity::Valid, "{:?}: {:#?}", rule, judgement.findings);
        }
    }
}

/// The properties above say little of rules that their histories never break, or always.
#[test]
fn the_spoilt_histories_break_and_keep_the_rules() {
    let mut runner = TestRunner::deterministic();
    let strategy = (vec(any::<u8>(), 24..64), vec(any::<u8>(), 0..3));
    let (mut broken, mut order) = (0, 0);
    for _ in 0..2000 {
        let (bytes, changes) = strategy.new_tree(&mut runner).unwrap().current();
        let mut script = SMALL.run(&bytes);
        for change in changes {
            spoil(&mut script, change);
        }
        broken += u32::from(agree(&script));
        order += u32::from(script.breaks(CounterRule::Order));
    }
    assert!((300..1700).contains(&broken) && order > 20, "{broken} broken, {order} in order");
}

/// The sound counter is put to the test: it is left in doubt, sends again, and reads show the past where they may.
#[test]
fn the_sound_counter_has_doubt_repetition_and_stale_reads() {
    let mut runner = TestRunner::deterministic();
    let world = World { promises: Promises { idempotency_keys: true, ..WEAK }, limit: 60, ..SMALL };
    let (mut resolved, mut stale) = (0, 0);
    for _ in 0..200 {
        let bytes = vec(any::<u8>(), 200..400).new_tree(&mut runner).unwrap().current();
        let judgement = world.run_to_the_end(&bytes).judge(CounterRule::Bounds);
        resolved += u32::from(!figure(&judgement, "additions").contains("(0 of them"));
        stale += u32::from(figure(&judgement, "reads that lack an acknowledged addition") != "0");
    }
    assert!(resolved > 100 && stale > 100, "{resolved}, {stale}");
}
