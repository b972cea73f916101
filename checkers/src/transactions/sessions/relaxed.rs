//! Looks for an order that keeps real time but for few transactions.
//!
//! A level that does not ask for real time is mostly held by stores that nearly keep it: a stale read here, a late session there.
//! Without any time there is nothing to go by in a large history, so those few that contradict it are set free, and all others
//! stay where they were. An order that is found so is one of the level; where none is found, nothing is known.

use super::base::{Base, Older, Respect, Untimed};
use super::circle::Inferred;
use super::schedule::{Limits, Schedule, Searched};
use super::zones::{Says, order_by_time};
use crate::interrupt::Interrupt;
use crate::transactions::registers::versions::Versions;

/// How often transactions are set free.
const ROUNDS: usize = 24;

/// How many edges may be looked at for circles, in all rounds together: some seconds' worth.
const EDGES_MAX: usize = 30_000_000;

/// What is asked of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// What is known of the order of writes.
    pub(super) known: &'a [Older],
    /// What must be kept, other than real time.
    pub(super) respect: Respect,
    /// Whether of snapshot isolation.
    pub(super) snapshots: bool,
}

/// Whether there surely is an order, and how many states were searched.
pub(super) fn find_order(
    versions: &Versions<'_>,
    asked: Asked<'_>,
    limits: Limits,
    interrupt: &Interrupt,
) -> (bool, usize) {
    let transactions = versions.history.len();
    let mut untimed = Untimed { members: vec![false; transactions], leave_sessions: asked.respect == Respect::Nothing };
    let mut looked_at = 0;
    for _ in 0..ROUNDS {
        let base = Base::in_time_but(versions, &untimed);
        let mut inferred = Inferred::sessions_and_reads(&base);
        inferred.take_known(asked.known);
        order_by_time(&base, &mut inferred, if asked.snapshots { Says::Writers } else { Says::All });
        let culprits = inferred.culprits();
        if culprits.is_empty() && !interrupt.is_raised() {
            let search = Schedule::new(&base, &inferred, asked.snapshots).search(limits, interrupt);
            return (search.searched == Searched::Found, search.states);
        }
        looked_at += inferred.edges().count();
        let fresh: Vec<u32> = culprits.into_iter().filter(|&number| !untimed.members[number as usize]).collect();
        let is_fixed = fresh.is_empty() || asked.respect == Respect::RealTime;
        if is_fixed || looked_at > EDGES_MAX || interrupt.is_raised() {
            break;
        }
        for number in fresh {
            untimed.members[number as usize] = true;
        }
    }
    (false, 0)
}
