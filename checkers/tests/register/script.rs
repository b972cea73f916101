//! Writes histories of registers by hand: what happened, in order, at which millisecond.

use dsjepsen_checkers::{Checker, RegisterCall, RegisterChecker, RegisterReply, RunView};
use dsjepsen_history::{History, Judgement, Moment, NodeId, Operation, Outcome, Plan, Process, Promises, Reason};

use crate::common;

pub(crate) type RegisterOperation = Operation<RegisterCall, RegisterReply>;

pub(crate) const MS: u64 = 1_000_000;

/// A history in the making, with the plan to judge it by.
pub(crate) struct Script {
    pub(crate) history: History<RegisterCall, RegisterReply>,
    pub(crate) plan: Plan,
    next: u64,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self {
            history: History {
                workload: "register".to_owned(),
                operations: Vec::new(),
                faults: Vec::new(),
                end: Moment { index: 0, time: 0 },
                notes: Vec::new(),
            },
            plan: common::plan("register", 3, Promises { linearizable_reads: true, ..Promises::default() }),
            next: 0,
        }
    }

    /// The same plan with other operations.
    pub(crate) fn with(&self, operations: Vec<RegisterOperation>) -> Self {
        let history = History { operations, ..self.history.clone() };
        Self { history, plan: self.plan.clone(), next: self.next }
    }

    fn moment(&mut self, time: u64) -> Moment {
        assert!(time >= self.history.end.time, "time goes backwards");
        let moment = Moment { index: self.next, time };
        self.next += 1;
        self.history.end = moment;
        moment
    }

    /// The next event: an invocation. Gives the operation's position.
    pub(crate) fn invoke(&mut self, ms: u64, process: u32, call: RegisterCall) -> usize {
        let invoked = self.moment(ms * MS);
        self.history.operations.push(Operation {
            process: Process(process),
            node: Some(NodeId::at(process as usize % 3)),
            call,
            invoked,
            outcome: Outcome::Info(Reason::unfinished()),
            completed: None,
        });
        self.history.operations.len() - 1
    }

    /// The next event: a completion.
    pub(crate) fn complete(&mut self, ms: u64, operation: usize, outcome: Outcome<RegisterReply>) {
        let completed = self.moment(ms * MS);
        let operation = &mut self.history.operations[operation];
        assert!(operation.completed.is_none(), "completed twice");
        operation.completed = Some(completed);
        operation.outcome = outcome;
    }

    pub(crate) fn ok(&mut self, ms: u64, operation: usize, reply: RegisterReply) {
        self.complete(ms, operation, Outcome::Ok(reply));
    }

    pub(crate) fn info(&mut self, ms: u64, operation: usize) {
        self.complete(ms, operation, Outcome::Info(Reason::new("timeout: no reply")));
    }

    pub(crate) fn fail(&mut self, ms: u64, operation: usize) {
        self.complete(ms, operation, Outcome::Fail(Reason::new("no-leader: nobody leads")));
    }

    /// A write to key 7 that is acknowledged, with nothing between.
    pub(crate) fn wrote(&mut self, ms: (u64, u64), process: u32, value: u64) -> usize {
        let operation = self.invoke(ms.0, process, write(7, value));
        self.ok(ms.1, operation, RegisterReply::Write);
        operation
    }

    /// A read of key 7.
    pub(crate) fn read(&mut self, ms: (u64, u64), process: u32, value: Option<u64>) -> usize {
        let operation = self.invoke(ms.0, process, RegisterCall::Read { key: 7 });
        self.ok(ms.1, operation, RegisterReply::Read { value });
        operation
    }

    /// A cas of key 7.
    pub(crate) fn cas(&mut self, ms: (u64, u64), process: u32, values: (u64, u64), swapped: bool) -> usize {
        let operation = self.invoke(ms.0, process, cas(7, values.0, values.1));
        self.ok(ms.1, operation, RegisterReply::Cas { swapped });
        operation
    }

    pub(crate) fn judge(&self) -> Judgement {
        self.judge_by(RegisterChecker::new())
    }

    pub(crate) fn judge_by(&self, checker: RegisterChecker) -> Judgement {
        checker.check(&RunView { history: &self.history, plan: &self.plan, interrupted: false })
    }
}

pub(crate) fn write(key: u64, value: u64) -> RegisterCall {
    RegisterCall::Write { key, value }
}

pub(crate) fn cas(key: u64, from: u64, to: u64) -> RegisterCall {
    RegisterCall::Cas { key, from, to }
}

/// The figure of this name.
#[track_caller]
pub(crate) fn figure(judgement: &Judgement, name: &str) -> String {
    let figure = judgement.figures.iter().find(|figure| figure.name == name);
    figure.unwrap_or_else(|| panic!("no figure `{name}` in {judgement:#?}")).value.clone()
}
