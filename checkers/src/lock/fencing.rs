//! `lock.fencing`: the tokens of one lock are distinct and rise with real time.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Finding, Judgement, Step, UnknownReason};

use super::drawing::Drawing;
use super::hold::{Hold, Holds};
use crate::argument::Argument as _;
use crate::words::{between, count, moment};

/// The id of the rule.
pub(super) const RULE: &str = "lock.fencing";

/// How a token contradicts an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It was issued before.
    Repeated,
    /// It is smaller, though it was asked for after the other had been granted.
    Falling,
}

/// A grant with a bad token, and the earlier grant that shows it; as positions among the holds.
#[derive(Debug, Clone, Copy)]
struct Violation {
    earlier: usize,
    later: usize,
    fault: Fault,
}

/// Judges the rule where the target promises tokens.
pub(super) fn judge(holds: &Holds<'_>) -> Judgement {
    let tokens = holds.holds.iter().filter(|hold| hold.token.is_some()).count() as u64;
    let without = holds.holds.len() as u64 - tokens;
    let violations = violations(holds);
    let decides = holds.promises.fencing_tokens;
    let first = violations.iter().min_by_key(|violation| holds.holds[violation.later].granted.index);
    let finding = match first {
        _ if !decides => None,
        Some(violation) => Some(Finding { count: violations.len() as u64, ..explain(holds, violation) }),
        None if tokens == 0 && without > 0 => Some(Finding::unknown(
            UnknownReason::NoObservations,
            "The target promises fencing tokens, but none of its grants carried one.",
        )),
        None => None,
    };
    let mut judgement = Judgement::new(RULE, tokens, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("fencing tokens", count(tokens)),
        Figure::new("grants without a fencing token", count(without)),
        Figure::new("fencing tokens out of order", count(violations.len() as u64)),
    ];
    judgement.assumptions = vec!["Grants that overlap in time may come in any order.".to_owned()];
    if !decides {
        let note = "Figure only: the target promises no fencing tokens.";
        judgement.assumptions.push(note.to_owned());
    }
    judgement
}

/// The grants whose tokens contradict an earlier one, by lock.
///
/// One sweep over the invocations and completions of each lock's granted acquires: when one is asked for, the largest token
/// granted so far is what its own must exceed.
fn violations(holds: &Holds<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for group in holds.by_lock() {
        let mut events: Vec<_> = group
            .clone()
            .filter(|&position| holds.holds[position].token.is_some())
            .flat_map(|position| {
                let hold = &holds.holds[position];
                [(holds.index(hold.acquire), position, false), (hold.granted.index, position, true)]
            })
            .collect();
        events.sort_unstable();
        let mut largest: Option<usize> = None;
        let mut when_asked = BTreeMap::new();
        let mut issued = BTreeMap::new();
        for (_, position, granted) in events {
            let token = holds.holds[position].token;
            if !granted {
                when_asked.insert(position, largest);
                continue;
            }
            let violation = |earlier, fault| Violation { earlier, later: position, fault };
            let above = when_asked.remove(&position).flatten().filter(|&other| holds.holds[other].token > token);
            if let Some(&earlier) = issued.get(&token) {
                found.push(violation(earlier, Fault::Repeated));
            } else if let Some(earlier) = above {
                found.push(violation(earlier, Fault::Falling));
            }
            issued.entry(token).or_insert(position);
            if largest.is_none_or(|other| holds.holds[other].token < token) {
                largest = Some(position);
            }
        }
    }
    found
}

fn explain(holds: &Holds<'_>, violation: &Violation) -> Finding {
    let (earlier, later) = (&holds.holds[violation.earlier], &holds.holds[violation.later]);
    let (lock, owner, other) = (later.lock, holds.process(earlier), holds.process(later));
    let tokens = (earlier.token.unwrap_or_default(), later.token.unwrap_or_default());
    let sentence = match violation.fault {
        Fault::Repeated => format!(
            "Fencing token {} of lock {lock} was issued twice: to process {owner}, and {} later to process {other}.",
            tokens.0,
            between(earlier.granted.time, later.granted.time)
        ),
        Fault::Falling => format!(
            "The fencing tokens of lock {lock} fell from {} to {}, over {}.",
            tokens.0,
            tokens.1,
            between(earlier.granted.time, later.granted.time)
        ),
    };
    let detail = match violation.fault {
        Fault::Repeated => "A guarded resource cannot tell the two holders apart.".to_owned(),
        Fault::Falling => format!(
            "Process {other} asked for the lock only after process {owner} had been granted it, so its token had to be larger: \
             a guarded resource would refuse the new holder and let the old one pass."
        ),
    };
    let positions = [earlier.acquire, later.acquire];
    let mut drawing = Drawing::new(holds);
    for hold in [earlier, later] {
        let label = format!("token {}", hold.token.unwrap_or_default());
        drawing.operation(hold.acquire).mark(hold, hold.granted.time, &label, Some(holds.index(hold.acquire)));
    }
    Finding {
        detail,
        steps: steps(holds, earlier, later, violation.fault, tokens),
        figures: vec![Figure::new("earlier token", tokens.0), Figure::new("later token", tokens.1)],
        timeline: Some(drawing.finish(None)),
        ..Finding::invalid(RULE, sentence, holds.proof(positions))
    }
}

fn steps(holds: &Holds<'_>, earlier: &Hold, later: &Hold, fault: Fault, tokens: (u64, u64)) -> Vec<Step> {
    let (lock, other) = (later.lock, holds.process(later));
    let granted = moment(later.granted.time);
    let acquired = format!(
        "process {} acquire lock {lock}{} at {}.",
        holds.process(earlier),
        holds.with_token(earlier),
        moment(earlier.granted.time)
    );
    let mut steps = vec![holds.step("Let", acquired, Some(earlier.acquire))];
    let (then, however) = match fault {
        Fault::Repeated => (
            format!("no other grant of lock {lock} may carry token {}.", tokens.0),
            format!("process {other} was granted it at {granted} with token {} too: a contradiction.", tokens.1),
        ),
        Fault::Falling => {
            let asked = holds.operations[later.acquire].invoked.time;
            let text = format!("process {other} ask for the lock after that, at {}.", moment(asked));
            steps.push(holds.step("And let", text, Some(later.acquire)));
            (
                format!("its token must be larger than {}.", tokens.0),
                format!("it was granted at {granted} with token {}: a contradiction.", tokens.1),
            )
        }
    };
    steps.push(holds.step("Then", then, None));
    steps.push(holds.step("However", however, Some(later.acquire)));
    steps
}
