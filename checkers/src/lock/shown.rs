//! The holds of a run as they are shown: the same intervals by which the rules of locks judge.

use dsjepsen_history::{Index, Nanos, NodeId, Process};

use super::belief::belief;
use super::exclusion::definite;
use super::hold::{Hold, Holds, Interval};
use super::{LockCall, LockReply};
use crate::RunView;

/// An acquire that was ok, and how long it lasted. Times are in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockHold {
    /// The lock.
    pub lock: u32,
    /// Who holds it.
    pub process: Process,
    /// Through which node.
    pub node: Option<NodeId>,
    /// The acquire.
    pub acquire: Index,
    /// When the client had the grant in hands.
    pub granted: Nanos,
    /// Its fencing token.
    pub token: Option<u64>,
    /// While it surely lasted, by which `lock.exclusion` judges; absent where the lease may have ended before the grant was known.
    pub definite: Option<(Nanos, Nanos)>,
    /// While the client believed in it, by which `lock.belief` judges.
    pub believed: Option<(Nanos, Nanos)>,
    /// Where its release was asked for and never answered: from then on until its last lease, in its full length, is over.
    pub unanswered_release: Option<(Nanos, Nanos)>,
}

/// The holds of a run, by lock and then in the order of their grants, for a run with this
/// [clock rate error](super::LockChecker::with_clock_rate_error).
///
/// # Errors
/// A sentence, where two grants bear one number, so that nobody can tell what was done under which.
pub fn lock_holds(run: &RunView<'_, LockCall, LockReply>, clock_rate_error_ppm: u64) -> Result<Vec<LockHold>, String> {
    let holds = Holds::of(run, clock_rate_error_ppm).map_err(|problem| problem.to_string())?;
    Ok(holds.holds.iter().map(|hold| shown(&holds, hold)).collect())
}

fn shown(holds: &Holds<'_>, hold: &Hold) -> LockHold {
    let times = |interval: Interval| {
        let to = interval.end.time.min(holds.end);
        (!interval.is_empty() && to >= interval.start.time).then_some((interval.start.time, to))
    };
    let asked = hold.release().map(|release| &holds.operations[release]);
    let unanswered = asked.filter(|release| release.outcome.is_info()).map(|release| release.invoked.time);
    let over = hold.lease.base.saturating_add(holds.ttl).min(holds.end);
    LockHold {
        lock: hold.lock,
        process: holds.process(hold),
        node: holds.node(hold),
        acquire: holds.operations[hold.acquire].invoked.index,
        granted: hold.granted.time,
        token: hold.token,
        definite: times(definite(holds, hold)),
        believed: times(belief(holds, hold)),
        unanswered_release: unanswered.map(|from| (from, over)).filter(|(from, to)| from < to),
    }
}
