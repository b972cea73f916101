//! Histories for tests, operation by operation. Times are in ms.

use dsjepsen_checkers::RunView;
use dsjepsen_history::{
    Call, History, Lanes, Moment, NodeId, Operation, OptionValue, Outcome, Plan, Process, Reason, Reply,
};

use crate::workload::Workload;

const MS: u64 = 1_000_000;

/// What a client saw.
pub(crate) enum Saw<R> {
    /// An answer, so many ms after the start of the run.
    Ok(u64, R),
    /// A failure.
    Fail(u64, &'static str),
    /// No answer, until it was given up.
    Info(u64),
}

/// A history in the making, of operations in the order of their starts.
pub(crate) struct Script<C, R> {
    operations: Vec<Operation<C, R>>,
    /// The plan, to be changed at will.
    pub(crate) plan: Plan,
}

impl<C: Call, R: Reply> Script<C, R> {
    pub(crate) fn new(nodes: u16, concurrency: u32) -> Self {
        let mut plan = Plan::of_nodes("one", "raft", nodes);
        plan.settings.concurrency = concurrency;
        plan.options.0.insert("lease-ttl-ms".to_owned(), OptionValue::Number(2_000));
        Self { operations: Vec::new(), plan }
    }

    /// Adds an operation; its index is what it is named by.
    pub(crate) fn add(&mut self, process: u32, invoked: u64, call: C, saw: Saw<R>) -> u64 {
        let index = 2 * self.operations.len() as u64 + 1_000 * invoked;
        let (at, outcome) = match saw {
            Saw::Ok(at, reply) => (at, Outcome::Ok(reply)),
            Saw::Fail(at, reason) => (at, Outcome::Fail(Reason::new(reason))),
            Saw::Info(at) => (at, Outcome::Info(Reason::new("timeout: no reply"))),
        };
        let node = call.node().or(Some(NodeId::at(process as usize % usize::from(self.plan.settings.nodes))));
        self.operations.push(Operation {
            process: Process(process),
            node,
            call,
            invoked: Moment { index, time: invoked * MS },
            outcome,
            completed: Some(Moment { index: 1_000 * at + index % 1_000 + 1, time: at * MS }),
        });
        index
    }

    /// The lanes that a workload makes of it, in a run that ends at so many ms.
    pub(crate) fn lanes<W: Workload<Call = C, Reply = R>>(&self, workload: &W, end: u64) -> Lanes {
        let history = History {
            workload: W::NAME.to_owned(),
            operations: self.operations.clone(),
            faults: Vec::new(),
            end: Moment { index: u64::MAX, time: end * MS },
            notes: Vec::new(),
        };
        workload.lanes(&RunView { history: &history, plan: &self.plan, interrupted: false })
    }
}
