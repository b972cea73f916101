//! Generators decide what is called next, by whom and when. They are pure: they read the [`Context`], never a clock, and
//! they may react to what came of earlier calls. Combinators wrap one generator in another.

mod combinators;
mod each_worker;

use dsjepsen_history::{Nanos, Outcome};

pub use combinators::{ByPhase, Calls, Limit, Mix, Stagger, UntilOk};
pub use each_worker::EachWorker;

/// The phases of a run in which clients act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Faults come and go.
    Main,
    /// Everything was healed; clients run on.
    Recovery,
    /// Clients finish: release what they hold, read what is left.
    Final,
}

impl Phase {
    /// Its name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Recovery => "recovery",
            Self::Final => "final",
        }
    }
}

/// What a generator may know.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time, in ns since the start of the run.
    pub now: Nanos,
    /// The phase.
    pub phase: Phase,
    /// By worker: whether it is free to take a call.
    pub free: &'a [bool],
}

/// What a generator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<C> {
    /// This call now, by a free worker.
    Invoke {
        /// The worker.
        worker: usize,
        /// The call.
        call: C,
        /// When it was meant to be made, in ns; at most now.
        scheduled: Nanos,
    },
    /// Nothing before this time or the next completion.
    WaitUntil(Nanos),
    /// Nothing before the next completion or the next phase.
    Pending,
    /// Nothing more in this phase.
    Done,
}

/// What came of a call.
#[derive(Debug)]
pub struct Completion<'a, C, R> {
    /// The worker that made it.
    pub worker: usize,
    /// The call.
    pub call: &'a C,
    /// Its outcome.
    pub outcome: &'a Outcome<R>,
}

/// Decides what is called next.
pub trait Generator<C, R> {
    /// The next step. Asked again after each `Invoke`, each completion, each change of phase, and when a wait is over.
    fn next(&mut self, context: &Context<'_>) -> Step<C>;

    /// Learns what came of a call, before it is asked again.
    fn observe(&mut self, _context: &Context<'_>, _completion: &Completion<'_, C, R>) {}
}

impl<C, R, G: Generator<C, R> + ?Sized> Generator<C, R> for Box<G> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        (**self).next(context)
    }

    fn observe(&mut self, context: &Context<'_>, completion: &Completion<'_, C, R>) {
        (**self).observe(context, completion);
    }
}
