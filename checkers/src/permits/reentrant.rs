//! Reentrant locks: held by one process at a time, as often as it likes.

use dsjepsen_history::Judgement;

use super::PermitOperation;
use super::holds::judgement;
use super::read_write::{Access, Rules, judge};
use crate::broken::{Broken, impossible, malformed};

const CHECKER: &str = "reentrant-lock";

/// Judges `reentrant-lock.exclusion` (no grant while another surely holds the lock, which it does until it has released as often as it
/// acquired) and `reentrant-lock.not-held` (no release is acknowledged to who does not hold it). O(n log n), and exact.
pub fn check_reentrant_lock(operations: &[PermitOperation<()>]) -> Judgement {
    if let Some(problem) = impossible(operations.iter().map(|one| (one.invoked, one.completed, one.outcome))) {
        return malformed(CHECKER, problem);
    }
    let mut broken = Broken::default();
    let rules = Rules { exclusion: "reentrant-lock.exclusion", not_held: "reentrant-lock.not-held" };
    judge(operations, |()| Access::Write, &rules, &mut broken);
    judgement(broken, CHECKER, operations)
}
