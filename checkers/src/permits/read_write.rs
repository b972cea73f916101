//! Read-write locks: a writer is alone.

use std::collections::BTreeMap;

use dsjepsen_history::{Judgement, Process};

use super::holds::{conflict, judgement, moments, not_held};
use super::{PermitCall, PermitOperation};
use crate::Outcome;
use crate::broken::{Broken, impossible, malformed};

const CHECKER: &str = "read-write-lock";

/// How a read-write lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Beside other readers.
    Read,
    /// Alone.
    Write,
}

/// The ids of the rules of a lock.
pub(super) struct Rules {
    pub(super) exclusion: &'static str,
    pub(super) not_held: &'static str,
}

/// Judges `read-write-lock.exclusion` (no writer beside another holder) and `read-write-lock.not-held` (no release is acknowledged to who
/// holds nothing of the kind). O(n log n), and exact. What one process holds itself never conflicts: it may lock again, and go from
/// the one access to the other.
pub fn check_read_write_lock(operations: &[PermitOperation<Access>]) -> Judgement {
    if let Some(problem) = impossible(operations.iter().map(|one| (one.invoked, one.completed, one.outcome))) {
        return malformed(CHECKER, problem);
    }
    let mut broken = Broken::default();
    let rules = Rules { exclusion: "read-write-lock.exclusion", not_held: "read-write-lock.not-held" };
    judge(operations, |&access| access, &rules, &mut broken);
    judgement(broken, CHECKER, operations)
}

/// The holders of one access with what they surely hold, oldest first.
type Holders<'a, A> = BTreeMap<Process, Vec<&'a PermitOperation<A>>>;

/// Judges both rules. What is held is kept by process, so a grant meets another holder at once or never.
pub(super) fn judge<A>(
    operations: &[PermitOperation<A>],
    access: impl Fn(&A) -> Access + Copy,
    rules: &Rules,
    broken: &mut Broken,
) {
    let (mut readers, mut writers): (Holders<'_, A>, Holders<'_, A>) = (BTreeMap::new(), BTreeMap::new());
    for (at, operation) in moments(operations) {
        let (process, wanted) = (operation.process, access(&operation.amount));
        if operation.call == PermitCall::Acquire && operation.outcome == Outcome::Ok {
            let another = |holders: &Holders<'_, A>| {
                holders.iter().map(|(&holder, holds)| (holder, holds[0].invoked)).find(|&(holder, _)| holder != process)
            };
            let writer = another(&writers).map(|(holder, _)| writers[&holder][0]);
            let reader = another(&readers).filter(|_| wanted == Access::Write).map(|(holder, _)| readers[&holder][0]);
            if let Some(holder) = writer.or(reader) {
                broken.note(rules.exclusion, at, || {
                    let sentence = format!(
                        "Process {process} was granted the lock{} while process {} held it{}.",
                        words(wanted, access, operations),
                        holder.process,
                        words(access(&holder.amount), access, operations)
                    );
                    let then = format!("nobody who conflicts with process {} is granted it before.", holder.process);
                    conflict(rules.exclusion, sentence, then, &[holder], operation)
                });
            }
        }
        let holders = if wanted == Access::Read { &mut readers } else { &mut writers };
        if operation.call == PermitCall::Acquire {
            holders.entry(process).or_default().push(operation);
        } else if let Some(holds) = holders.get_mut(&process) {
            holds.pop();
            if holds.is_empty() {
                holders.remove(&process);
            }
        }
    }
    not_held(operations, |amount| access(amount), rules.not_held, broken);
}

/// ` to write`, where anybody reads at all.
fn words<A>(wanted: Access, access: impl Fn(&A) -> Access, operations: &[PermitOperation<A>]) -> &'static str {
    match wanted {
        _ if operations.iter().all(|operation| access(&operation.amount) == Access::Write) => "",
        Access::Read => " to read",
        Access::Write => " to write",
    }
}
