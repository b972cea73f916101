//! Semaphores: never more taken than there is.

use std::collections::BTreeMap;

use dsjepsen_history::{Finding, Index, Judgement, Process};

use super::holds::{judgement, moments};
use super::{PermitCall, PermitOperation};
use crate::argument::step;
use crate::broken::{Broken, impossible, malformed, proven};
use crate::words::count;

const CHECKER: &str = "semaphore";
const RULE: &str = "semaphore.overcommitted";

/// Judges `semaphore.overcommitted`: never is more surely taken than there are permits. One sweep, O(n log n), and exact for a semaphore
/// of which anybody may give permits back; that a process gives back only what it has is not judged.
pub fn check_semaphore(operations: &[PermitOperation<u32>], permits: u64) -> Judgement {
    let spans = operations.iter().map(|operation| (operation.invoked, operation.completed, operation.outcome));
    if let Some(problem) = impossible(spans) {
        return malformed(CHECKER, problem);
    }
    let mut broken = Broken::default();
    let moments = moments(operations);
    let mut taken = 0_i128;
    for &(at, operation) in &moments {
        taken += signed(operation);
        if operation.call == PermitCall::Acquire && taken > i128::from(permits) {
            broken.note(RULE, at, || tell(&moments, at, permits));
        }
    }
    judgement(broken, CHECKER, operations)
}

fn signed(operation: &PermitOperation<u32>) -> i128 {
    let amount = i128::from(operation.amount);
    if operation.call == PermitCall::Acquire { amount } else { -amount }
}

/// The proof is what those processes did that held something then, each since it last held nothing.
fn tell(moments: &[(Index, &PermitOperation<u32>)], at: Index, permits: u64) -> Finding {
    let mut held: BTreeMap<Process, (i128, Vec<&PermitOperation<u32>>)> = BTreeMap::new();
    for &(_, operation) in moments.iter().take_while(|&&(moment, _)| moment <= at) {
        let (balance, since) = held.entry(operation.process).or_default();
        *balance += signed(operation);
        since.push(operation);
        if *balance <= 0 {
            *balance = 0;
            since.clear();
        }
    }
    held.retain(|_, (balance, _)| *balance > 0);
    let taken: i128 = held.values().map(|(balance, _)| balance).sum();
    let sentence = format!(
        "{} permits of a semaphore of {} were taken at once.",
        count(u64::try_from(taken).unwrap_or(u64::MAX)),
        count(permits)
    );
    let mut operations: Vec<_> = held.values().flat_map(|(_, operations)| operations).copied().collect();
    operations.sort_unstable_by_key(|operation| operation.invoked);
    let grant = operations.iter().rposition(|operation| operation.completed == Some(at)).unwrap_or_default();
    let last = operations.remove(grant);
    let mut steps = Vec::new();
    for operation in operations {
        let lead = if steps.is_empty() { "Let" } else { "And let" };
        let what = if operation.call == PermitCall::Acquire { "be granted" } else { "begin to release" };
        let text = format!("process {} {what} {} at most by then.", operation.process, operation.amount);
        steps.push(step(lead, text, Some(operation.invoked)));
    }
    steps.push(step("Then", format!("no grant may bring what is taken above {permits}."), None));
    let text = format!("process {} was granted {} at index {at}: {taken} are taken.", last.process, last.amount);
    steps.push(step("However", text, Some(last.invoked)));
    proven(RULE, sentence, format!("The last grant came at index {at}."), steps)
}
