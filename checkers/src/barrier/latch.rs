//! Latches: closed until they were counted down, open for ever after.

use dsjepsen_history::{Finding, Index, Judgement};

use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, counting, impossible, malformed, proven};
use crate::words::counted;

const CHECKER: &str = "latch";
const EARLY: &str = "latch.released-early";
const LATE: &str = "latch.not-released";
const CLOSED_AGAIN: &str = "latch.closed-again";

/// Somebody counted a latch down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountDown {
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion; none where there was none.
    pub completed: Option<Index>,
    /// How it ended.
    pub outcome: Outcome,
    /// By how much.
    pub amount: u32,
}

/// Somebody waited at a latch, or looked at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatchWait {
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion; none where there was none.
    pub completed: Option<Index>,
    /// How it ended.
    pub outcome: Outcome,
    /// What an ok answer says: whether the latch was open.
    pub open: bool,
}

/// Judges a latch that opens when it was counted down by `count`: `latch.released-early`, `latch.not-released` and
/// `latch.closed-again`. O(n log n), and exact: the latch opened at one instant, after every lower and before every upper bound.
pub fn check_latch(count_downs: &[CountDown], waits: &[LatchWait], count: u64) -> Judgement {
    let spans = count_downs.iter().map(|down| (down.invoked, down.completed, down.outcome));
    let waited = waits.iter().map(|wait| (wait.invoked, wait.completed, wait.outcome));
    if let Some(problem) = impossible(spans.chain(waited)) {
        return malformed(CHECKER, problem);
    }
    let mut broken = Broken::default();
    let possible = Reached::of(count_downs, count, |down| Some(down.invoked).filter(|_| down.outcome != Outcome::Fail));
    let certain = Reached::of(count_downs, count, |down| down.completed.filter(|_| down.outcome == Outcome::Ok));
    let answered = || waits.iter().filter(|wait| wait.outcome == Outcome::Ok);
    let first_open = answered().filter(|wait| wait.open).min_by_key(|wait| wait.completed);
    let (mut opened, mut closed) = (0, 0);
    for wait in answered() {
        *(if wait.open { &mut opened } else { &mut closed }) += 1;
        let Some(completed) = wait.completed else { continue };
        if wait.open && possible.at.is_none_or(|at| completed < at) {
            broken.note(EARLY, completed, || tell_early(wait, &possible, count_downs, count));
        }
        if !wait.open && certain.at.is_some_and(|at| at < wait.invoked) {
            broken.note(LATE, completed, || tell_late(wait, &certain, count));
        }
        let seen_open = first_open.filter(|open| !wait.open && open.completed < Some(wait.invoked));
        if let Some(open) = seen_open {
            broken.note(CLOSED_AGAIN, completed, || tell_closed_again(open, wait));
        }
    }
    let figures = vec![
        counting("count-downs", count_downs.len() as u64),
        counting("waits let through", opened),
        counting("waits told that the latch is closed", closed),
    ];
    let nothing = (opened + closed == 0).then(|| "Nobody learned whether the latch was open.".to_owned());
    broken.judgement(CHECKER, (count_downs.len() + waits.len()) as u64, nothing, figures)
}

/// When count-downs added up to the count, each counted at a moment of its own.
struct Reached<'a> {
    /// The moment; 0 where nothing was to be counted.
    at: Option<Index>,
    /// The count-downs that had been counted by then, each with its moment, in order.
    by: Vec<(Index, &'a CountDown)>,
}

impl<'a> Reached<'a> {
    fn of(count_downs: &'a [CountDown], count: u64, counted: impl Fn(&CountDown) -> Option<Index>) -> Self {
        let mut by: Vec<(Index, &CountDown)> = Vec::with_capacity(count_downs.len());
        by.extend(count_downs.iter().filter_map(|down| Some((counted(down)?, down))));
        by.sort_by_key(|&(moment, _)| moment);
        if count == 0 {
            by.clear();
            return Self { at: Some(0), by };
        }
        let mut sum = 0_u64;
        let last = by.iter().position(|(_, down)| {
            sum = sum.saturating_add(u64::from(down.amount));
            sum >= count
        });
        let Some(last) = last else { return Self { at: None, by } };
        by.truncate(last + 1);
        Self { at: Some(by[last].0), by }
    }
}

fn tell_early(wait: &LatchWait, possible: &Reached<'_>, count_downs: &[CountDown], count: u64) -> Finding {
    let completed = wait.completed.unwrap_or_default();
    let before = count_downs.iter().filter(|down| down.invoked < completed && down.outcome != Outcome::Fail);
    let sum: u64 = before.map(|down| u64::from(down.amount)).sum();
    let sentence = format!("A wait was let through when the latch of {count} was counted down by at most {sum}.");
    let detail = format!("It was let through at index {completed}.");
    let mut steps = vec![step("Let", format!("the latch be closed until it is counted down by {count}."), None)];
    if let Some(at) = possible.at {
        let text = format!("the count-down without which it cannot have been open begins at index {at}.");
        steps.push(step("And let", text, Some(at)));
    }
    let then = format!("at index {completed} it was still closed: it can have been counted down by {sum}.");
    steps.push(step("Then", then, None));
    steps.push(step("However", format!("a wait was let through at index {completed}."), Some(wait.invoked)));
    proven(EARLY, sentence, detail, steps)
}

fn tell_late(wait: &LatchWait, certain: &Reached<'_>, count: u64) -> Finding {
    let at = certain.at.unwrap_or_default();
    let sentence = format!(
        "The latch was said to be closed after {} had surely opened it.",
        counted(certain.by.len() as u64, "count-down")
    );
    let detail = format!("It was open from index {at} at the latest, and was asked for at index {}.", wait.invoked);
    let lead = |number| if number == 0 { "Let" } else { "And let" };
    let counted_down = "a count-down be acknowledged.".to_owned();
    let mut steps: Vec<_> = certain
        .by
        .iter()
        .enumerate()
        .map(|(number, (_, down))| step(lead(number), counted_down.clone(), Some(down.invoked)))
        .collect();
    steps.push(step("Then", format!("the latch was counted down by {count} at index {at}, and stays open."), None));
    let text = format!("who asked at index {} was told that it is closed.", wait.invoked);
    steps.push(step("However", text, Some(wait.invoked)));
    proven(LATE, sentence, detail, steps)
}

fn tell_closed_again(open: &LatchWait, closed: &LatchWait) -> Finding {
    let at = open.completed.unwrap_or_default();
    let sentence = "The latch was said to be closed after somebody had been let through.".to_owned();
    let detail =
        format!("It was open at index {at}, and a wait that began at index {} found it closed.", closed.invoked);
    let steps = vec![
        step("Let", format!("a wait be let through at index {at}."), Some(open.invoked)),
        step("Then", "the latch stays open.".to_owned(), None),
        step(
            "However",
            format!("who asked at index {} was told that it is closed.", closed.invoked),
            Some(closed.invoked),
        ),
    ];
    proven(CLOSED_AGAIN, sentence, detail, steps)
}
