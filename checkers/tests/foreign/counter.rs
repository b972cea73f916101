//! Counters held against all orders of a few operations, and each contradiction that is shown held against the history by plain code.

use dsjepsen_checkers::foreign::ForeignRequest;
use dsjepsen_history::foreign::Format;
use dsjepsen_history::{Finding, Gravity};
use proptest::collection::vec;
use proptest::prelude::*;

use super::judge;

/// An operation: what it adds, or what it showed, and when it began and ended.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    is_read: bool,
    amount: i64,
    began: usize,
    /// Never, where there was no answer.
    ended: Option<usize>,
}

impl Drawn {
    fn ended_before(&self, other: &Self) -> bool {
        self.ended.is_some_and(|ended| ended < other.began)
    }
}

fn drawn(signs: i64) -> impl Strategy<Value = Vec<Drawn>> {
    vec((any::<bool>(), 0..4_i64, any::<bool>(), 0..12_usize, 0..5_usize, 0..6_u8), 1..7).prop_map(move |drawn| {
        let mut points: Vec<(usize, usize, usize)> = Vec::new();
        for (place, &(.., start, length, _)) in drawn.iter().enumerate() {
            points.extend([(start, place, 0), (start + length + 1, place, 1)]);
        }
        points.sort_unstable();
        let at = |place, end| points.iter().position(|&(_, one, which)| (one, which) == (place, end)).unwrap();
        let operation = |(place, &(is_read, amount, is_down, _, _, lost)): (usize, &(bool, i64, bool, _, _, u8))| {
            let amount = if is_read {
                amount + i64::from(lost) - 2
            } else if is_down {
                amount * signs
            } else {
                amount
            };
            Drawn { is_read, amount, began: at(place, 0), ended: (lost > 0 || is_read).then(|| at(place, 1)) }
        };
        drawn.iter().enumerate().map(operation).collect()
    })
}

/// The events, each at its place; what is not answered leaves a gap of a nemesis.
fn text(drawn: &[Drawn]) -> String {
    let mut events = vec![":nemesis info pause".to_owned(); 2 * drawn.len()];
    for (process, one) in drawn.iter().enumerate() {
        let (f, asked) = if one.is_read { ("read", "nil".to_owned()) } else { ("add", one.amount.to_string()) };
        events[one.began] = format!("{process} invoke {f} {asked}");
        if let Some(ended) = one.ended {
            events[ended] = format!("{process} ok {f} {}", one.amount);
        }
    }
    events.join(";")
}

/// What the counter holds, and what it held when a read saw it.
type State = (i64, Option<i64>);

/// All states to which `step` leads, over the orders of these operations that keep to real time. What was never answered may
/// be left out; `step` refuses what cannot follow.
fn outcomes(left: &[Drawn], state: State, step: &dyn Fn(&Drawn, State) -> Option<State>) -> Vec<State> {
    let mut found = Vec::new();
    if left.iter().all(|one| one.ended.is_none()) {
        found.push(state);
    }
    for (place, one) in left.iter().enumerate() {
        if left.iter().any(|other| other.ended_before(one)) {
            continue;
        }
        if let Some(next) = step(one, state) {
            let rest: Vec<Drawn> =
                left.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, one)| *one).collect();
            found.extend(outcomes(&rest, next, step));
        }
    }
    found
}

fn has_order(drawn: &[Drawn]) -> bool {
    let step = |one: &Drawn, (value, _): State| match one.is_read {
        true => (one.amount == value).then_some((value, None)),
        false => Some((value + one.amount, None)),
    };
    !outcomes(drawn, (0, None), &step).is_empty()
}

/// What the counter had come to at the read `to`, reckoned from `from`, or from the beginning, by these additions alone.
fn reckoned(additions: &[Drawn], from: Option<Drawn>, to: Drawn) -> Vec<i64> {
    let all = [additions, &from.into_iter().collect::<Vec<_>>(), &[to]].concat();
    let is = |one: &Drawn, other: Drawn| one.began == other.began;
    let step = |one: &Drawn, (value, seen): State| match from {
        Some(from) if is(one, from) => Some((from.amount, seen)),
        _ if is(one, to) => Some((value, Some(value))),
        _ => Some((value + one.amount, seen)),
    };
    outcomes(&all, (0, None), &step).into_iter().filter_map(|(_, seen)| seen).collect()
}

/// Holds a contradiction between a read and the beginning, or another read, against the history.
fn follows(finding: &Finding, drawn: &[Drawn]) {
    let named: Vec<Drawn> =
        drawn.iter().copied().filter(|one| finding.operations.contains(&(one.began as u64))).collect();
    let reads: Vec<Drawn> = named.iter().copied().filter(|one| one.is_read).collect();
    let additions: Vec<Drawn> = named.iter().copied().filter(|one| !one.is_read).collect();
    let last = finding.steps.last().unwrap();
    assert_eq!(last.lead, "However");
    let to = *reads.iter().find(|one| Some(one.began as u64) == last.operation).unwrap();
    let from = reads.iter().copied().find(|one| one.began != to.began);
    assert_eq!(reads.len(), 1 + usize::from(from.is_some()), "{finding:?}");
    let is_floor = finding.steps.iter().any(|step| step.text.contains("must show at least"));
    let sign = if is_floor { 1 } else { -1 };
    // Orders in which the second read comes first are none where no addition leads back.
    if let Some(from) = from.filter(|from| !from.ended_before(&to)) {
        let rise = (to.amount - from.amount).signum();
        assert!(rise != 0 && drawn.iter().all(|one| one.is_read || rise * one.amount >= 0), "{finding:?}");
    }
    let follow =
        |additions: &[Drawn]| reckoned(additions, from, to).iter().all(|value| sign * value > sign * to.amount);
    if from.is_none_or(|from| from.ended_before(&to)) {
        assert!(follow(&additions), "{finding:?}");
        for (place, one) in additions.iter().enumerate().filter(|(_, one)| sign * one.amount > 0) {
            let mut fewer = additions.clone();
            fewer.remove(place);
            assert!(!follow(&fewer), "{one:?} is not needed: {finding:?}");
        }
    }
    // Whatever else may lie between leads away from what was shown.
    for other in drawn.iter().filter(|one| !one.is_read && sign * one.amount < 0) {
        let is_named = additions.iter().any(|one| one.began == other.began);
        let lies_outside = to.ended_before(other) || from.is_some_and(|from| other.ended_before(&from));
        assert!(is_named || lies_outside, "{other:?} may count: {finding:?}");
    }
}

fn agrees(drawn: &[Drawn]) {
    let verdict = judge("counter", Format::EdnLines, &text(drawn), &ForeignRequest::default()).unwrap();
    let has_read = drawn.iter().any(|one| one.is_read);
    let expected = match (has_order(drawn), has_read) {
        (false, _) => Gravity::Invalid,
        (true, false) => Gravity::Unknown,
        (true, true) => Gravity::Valid,
    };
    assert_eq!(verdict.verdict, expected, "{drawn:?}");
    for finding in verdict.findings.iter().filter(|finding| finding.gravity == Gravity::Invalid) {
        let text = |lead: &str| finding.steps.iter().any(|step| step.lead == lead);
        assert!(text("Let") && text("Then") && text("However"), "{finding:?}");
        let says = |words: &str| finding.steps.iter().any(|step| step.text.contains(words));
        if says("must show at") {
            follows(finding, drawn);
        } else if says("a multiple of") {
            let odd = |divisor: i64| drawn.iter().all(|one| one.is_read || one.amount % divisor == 0);
            let read = drawn.iter().find(|one| finding.operations == [one.began as u64]).unwrap();
            assert!((2..=3).any(|divisor| odd(divisor) && read.amount % divisor != 0), "{finding:?}");
        } else {
            // What is shown has no order by itself, be all it was answered known.
            let shown = drawn.iter().copied().filter(|one| finding.operations.contains(&(one.began as u64)));
            assert!(!has_order(&shown.collect::<Vec<_>>()), "{finding:?}");
        }
    }
    let broken = |name: &str| {
        let figures = &verdict.checkers[0].figures;
        figures.iter().find(|figure| figure.name == name).unwrap().value.parse::<u64>().unwrap()
    };
    let told = broken("counters with reads out of bounds") + broken("other counters without an order");
    assert_eq!(told, u64::from(expected == Gravity::Invalid), "{drawn:?}");
    assert_eq!(broken("reads out of bounds") > 0, broken("counters with reads out of bounds") > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counters_that_only_grow(drawn in drawn(1)) {
        agrees(&drawn);
    }

    #[test]
    fn counters_that_grow_and_shrink(drawn in drawn(-1)) {
        agrees(&drawn);
    }
}
