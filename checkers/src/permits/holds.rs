//! When something is surely taken, and when it may first be given back, in the order in which that happens.

use dsjepsen_history::{Finding, Index, Judgement};

use super::{PermitCall, PermitOperation};
use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, counting, proven};
use crate::words::counted;

/// The moments that matter, by index: that of the completion of an acquire, that of the invocation of a release.
pub(super) fn moments<A>(operations: &[PermitOperation<A>]) -> Vec<(Index, &PermitOperation<A>)> {
    let moment = |operation: &PermitOperation<A>| match (operation.call, operation.outcome) {
        (PermitCall::Acquire, Outcome::Ok) => operation.completed,
        (PermitCall::Release, Outcome::Ok | Outcome::Info) => Some(operation.invoked),
        _ => None,
    };
    let mut moments: Vec<_> = operations.iter().filter_map(|operation| Some((moment(operation)?, operation))).collect();
    moments.sort_unstable_by_key(|&(at, _)| at);
    moments
}

/// Tells of every release that was acknowledged though its process held nothing that it can have given back: at that moment it had
/// released as much as it may ever have acquired.
pub(super) fn not_held<A, K: Ord + Copy>(
    operations: &[PermitOperation<A>],
    what: impl Fn(&A) -> K,
    rule: &'static str,
    broken: &mut Broken,
) {
    let mut order: Vec<&PermitOperation<A>> =
        operations.iter().filter(|operation| operation.outcome != Outcome::Fail).collect();
    let owner = |operation: &PermitOperation<A>| (operation.process, what(&operation.amount));
    order.sort_unstable_by_key(|operation| (owner(operation), operation.invoked));
    for group in order.chunk_by(|one, other| owner(one) == owner(other)) {
        let (mut acquired, mut released) = (0_u64, 0_u64);
        for operation in group {
            match (operation.call, operation.outcome) {
                (PermitCall::Acquire, _) => acquired += 1,
                (PermitCall::Release, Outcome::Ok) if acquired == released => {
                    broken.note(rule, operation.completed.unwrap_or_default(), || tell(rule, operation, acquired));
                }
                (PermitCall::Release, Outcome::Ok) => released += 1,
                (PermitCall::Release, _) => {}
            }
        }
    }
}

fn tell<A>(rule: &'static str, release: &PermitOperation<A>, before: u64) -> Finding {
    let process = release.process;
    let sentence = format!("A release by process {process} was acknowledged, though it held nothing to give back.");
    let detail = match before {
        0 => "It had acquired nothing.".to_owned(),
        _ => format!("It had given back all that it may have acquired, {} in all.", counted(before, "hold")),
    };
    let steps = vec![
        step("Let", format!("process {process} hold nothing. {detail}"), None),
        step("Then", "a release by it is refused.".to_owned(), None),
        step(
            "However",
            format!("its release, begun at index {}, was acknowledged.", release.invoked),
            Some(release.invoked),
        ),
    ];
    proven(rule, sentence, detail, steps)
}

/// Closes a judgement of permits.
pub(super) fn judgement<A>(broken: Broken, checker: &'static str, operations: &[PermitOperation<A>]) -> Judgement {
    let (mut granted, mut open, mut acknowledged, mut unanswered) = (0, 0, 0, 0);
    for operation in operations {
        match (operation.call, operation.outcome) {
            (PermitCall::Acquire, Outcome::Ok) => granted += 1,
            (PermitCall::Acquire, Outcome::Info) => open += 1,
            (PermitCall::Release, Outcome::Ok) => acknowledged += 1,
            (PermitCall::Release, Outcome::Info) => unanswered += 1,
            (_, Outcome::Fail) => {}
        }
    }
    let figures = vec![
        counting("acquires granted", granted),
        counting("acquires without an answer", open),
        counting("releases acknowledged", acknowledged),
        counting("releases without an answer", unanswered),
    ];
    let nothing = (granted == 0).then(|| "Nothing was ever acquired, so nothing was judged.".to_owned());
    broken.judgement(checker, operations.len() as u64, nothing, figures)
}

/// A conflict of one grant with holds that surely lasted.
pub(super) fn conflict<A>(
    rule: &'static str,
    sentence: String,
    then: String,
    holders: &[&PermitOperation<A>],
    grant: &PermitOperation<A>,
) -> Finding {
    let lead = |number| if number == 0 { "Let" } else { "And let" };
    let mut steps: Vec<_> = holders
        .iter()
        .enumerate()
        .map(|(number, hold)| {
            let at = hold.completed.unwrap_or_default();
            let text =
                format!("process {} be granted its acquire at index {at}, and not release it yet.", hold.process);
            step(lead(number), text, Some(hold.invoked))
        })
        .collect();
    let at = grant.completed.unwrap_or_default();
    steps.push(step("Then", then, None));
    let granted = format!("process {} was granted its acquire at index {at}.", grant.process);
    steps.push(step("However", granted, Some(grant.invoked)));
    proven(rule, sentence, format!("The last grant came at index {at}."), steps)
}
