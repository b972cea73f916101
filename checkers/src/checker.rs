//! What every judge of a history is, and what it is given to judge.

use dsjepsen_history::{History, Judgement, Plan};

/// A recorded run as a checker sees it.
#[derive(Debug)]
pub struct RunView<'a, C, R> {
    /// What happened.
    pub history: &'a History<C, R>,
    /// What was meant to happen: the options, the schedule of faults, and what the target promises.
    pub plan: &'a Plan,
    /// Whether the run was cut short.
    pub interrupted: bool,
}

/// A judge of histories: equal runs get equal judgements.
pub trait Checker<C, R>: Send + Sync {
    /// The name under which its result is shown; for a checker of one rule, the id of the rule.
    fn name(&self) -> &'static str;

    /// Judges a run.
    fn check(&self, run: &RunView<'_, C, R>) -> Judgement;
}
