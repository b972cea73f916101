//! Linearizability as its definition says it: every choice of what took effect, every order, replayed. Nothing is shared with
//! the checker, nothing is remembered, no key is judged by itself.

use std::collections::BTreeMap;

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_history::{Index, Outcome};

use crate::script::RegisterOperation;

/// Whether some order explains what all these operations were answered.
pub(crate) fn is_linearizable(operations: &[RegisterOperation]) -> bool {
    let happened: Vec<_> = operations.iter().filter(|operation| !operation.outcome.is_fail()).collect();
    orders(&happened, &mut Vec::new(), &BTreeMap::new())
}

fn orders(operations: &[&RegisterOperation], order: &mut Vec<usize>, registers: &BTreeMap<u64, u64>) -> bool {
    let open = |place: &usize| !order.contains(place);
    if (0..operations.len()).filter(open).all(|place| operations[place].outcome.is_info()) {
        return true;
    }
    let rest: Vec<usize> = (0..operations.len()).filter(open).collect();
    rest.iter().any(|&next| {
        let too_early = rest.iter().any(|&other| ended(operations[other]) < operations[next].invoked.index);
        let Some(registers) = replay(operations[next], registers).filter(|_| !too_early) else { return false };
        order.push(next);
        let found = orders(operations, order, &registers);
        order.pop();
        found
    })
}

fn ended(operation: &RegisterOperation) -> Index {
    operation.returned().map_or(Index::MAX, |at| at.index)
}

/// The registers after an operation, if it could be answered as it was.
fn replay(operation: &RegisterOperation, registers: &BTreeMap<u64, u64>) -> Option<BTreeMap<u64, u64>> {
    let now = registers.get(&operation.call.key()).copied();
    let mut after = registers.clone();
    let answer = match operation.call {
        RegisterCall::Read { .. } => RegisterReply::Read { value: now },
        RegisterCall::Write { key, value } => {
            after.insert(key, value);
            RegisterReply::Write
        }
        RegisterCall::Cas { key, from, to } => {
            let swapped = now == Some(from);
            if swapped {
                after.insert(key, to);
            }
            RegisterReply::Cas { swapped }
        }
    };
    operation.outcome.ok().is_none_or(|told| *told == answer).then_some(after)
}

/// What was known when event `at` had happened.
pub(crate) fn until(operations: &[RegisterOperation], at: Index) -> Vec<RegisterOperation> {
    let mut known: Vec<_> = operations.iter().filter(|operation| operation.invoked.index <= at).cloned().collect();
    for operation in &mut known {
        if operation.completed.is_some_and(|completed| completed.index > at) && !operation.outcome.is_fail() {
            operation.outcome = Outcome::Info(dsjepsen_history::Reason::unfinished());
            operation.completed = None;
        }
    }
    known
}

/// The first completion after which no order is left.
pub(crate) fn first_contradiction(operations: &[RegisterOperation]) -> Option<Index> {
    let mut completions: Vec<Index> =
        operations.iter().filter_map(|operation| Some(operation.returned()?.index)).collect();
    completions.sort_unstable();
    completions.into_iter().find(|&at| !is_linearizable(&until(operations, at)))
}
