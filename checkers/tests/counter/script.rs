//! Writes histories of counters by hand: what happened, in order. Every event takes a millisecond.

use dsjepsen_checkers::{Checker, CounterCall, CounterChecker, CounterReply, CounterRule, RunView};
use dsjepsen_history::{
    Call, Gravity, History, Judgement, Moment, NodeId, Operation, Outcome, Plan, Process, Promises, Reason,
};

/// Linearizable reads and idempotency keys.
pub(crate) const STRONG: Promises = Promises {
    leases: false,
    fencing_tokens: false,
    enforcing_guard: false,
    idempotency_keys: true,
    linearizable_reads: true,
    one_leader_at_a_time: false,
};

use crate::common;

/// Nothing promised.
pub(crate) const WEAK: Promises = Promises { idempotency_keys: false, linearizable_reads: false, ..STRONG };

/// A history in the making, with the plan to judge it by.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) history: History<CounterCall, CounterReply>,
    pub(crate) plan: Plan,
    pub(crate) interrupted: bool,
    next: u64,
}

impl Script {
    pub(crate) fn new(promises: Promises) -> Self {
        Self {
            history: History {
                workload: "counter".to_owned(),
                operations: Vec::new(),
                faults: Vec::new(),
                end: Moment { index: 0, time: 0 },
                notes: Vec::new(),
            },
            plan: common::plan("counter", 2, promises),
            interrupted: false,
            next: 0,
        }
    }

    fn moment(&mut self) -> Moment {
        let moment = Moment { index: self.next, time: self.next * 1_000_000 };
        self.next += 1;
        self.history.end = moment;
        moment
    }

    /// The next event: an invocation. Gives the operation's position.
    pub(crate) fn invoke(&mut self, process: u32, call: CounterCall) -> usize {
        let invoked = self.moment();
        self.history.operations.push(Operation {
            process: Process(process),
            node: call.node().or(Some(NodeId::at(process as usize % 2))),
            call,
            invoked,
            outcome: Outcome::Info(Reason::unfinished()),
            completed: None,
        });
        self.history.operations.len() - 1
    }

    /// The next event: a completion.
    pub(crate) fn complete(&mut self, operation: usize, outcome: Outcome<CounterReply>) {
        let completed = self.moment();
        let operation = &mut self.history.operations[operation];
        assert!(operation.completed.is_none(), "completed twice");
        operation.completed = Some(completed);
        operation.outcome = outcome;
    }

    pub(crate) fn ask(&mut self, process: u32) -> usize {
        self.invoke(process, CounterCall::Read { node: None, round: None })
    }

    pub(crate) fn add(&mut self, process: u32, id: u64, delta: i64) -> usize {
        self.invoke(process, CounterCall::Add { id, delta })
    }

    pub(crate) fn shows(&mut self, operation: usize, value: i64) {
        self.complete(operation, Outcome::Ok(CounterReply::Read { value }));
    }

    pub(crate) fn told(&mut self, operation: usize, value: Option<i64>) {
        self.complete(operation, Outcome::Ok(CounterReply::Add { value }));
    }

    pub(crate) fn info(&mut self, operation: usize) {
        self.complete(operation, Outcome::Info(Reason::new("timeout: no reply")));
    }

    pub(crate) fn fail(&mut self, operation: usize) {
        self.complete(operation, Outcome::Fail(Reason::new("no-leader")));
    }

    /// A read with nothing between.
    pub(crate) fn read(&mut self, process: u32, value: i64) -> usize {
        let operation = self.ask(process);
        self.shows(operation, value);
        operation
    }

    /// An addition that is ok, with nothing between.
    pub(crate) fn added(&mut self, process: u32, id: u64, delta: i64, value: Option<i64>) -> usize {
        let operation = self.add(process, id, delta);
        self.told(operation, value);
        operation
    }

    /// An addition that stays in doubt.
    pub(crate) fn doubtful(&mut self, process: u32, id: u64, delta: i64) -> usize {
        let operation = self.add(process, id, delta);
        self.info(operation);
        operation
    }

    /// A final round: what each node shows; `None` where it does not answer.
    pub(crate) fn round(&mut self, round: u32, values: &[Option<i64>]) {
        for (position, value) in values.iter().enumerate() {
            let call = CounterCall::Read { node: Some(NodeId::at(position)), round: Some(round) };
            let operation = self.invoke(7, call);
            match value {
                Some(value) => self.shows(operation, *value),
                None => self.fail(operation),
            }
        }
    }

    /// Two final rounds in which both nodes show this.
    pub(crate) fn rests_at(&mut self, value: i64) {
        for round in 1..=2 {
            self.round(round, &[Some(value); 2]);
        }
    }

    pub(crate) fn judge(&self, rule: CounterRule) -> Judgement {
        let run = RunView { history: &self.history, plan: &self.plan, interrupted: self.interrupted };
        CounterChecker::new(rule).check(&run)
    }

    pub(crate) fn breaks(&self, rule: CounterRule) -> bool {
        self.judge(rule).verdict == Gravity::Invalid
    }

    /// The rules that are broken.
    pub(crate) fn broken(&self) -> Vec<CounterRule> {
        CounterRule::ALL.into_iter().filter(|rule| self.breaks(*rule)).collect()
    }
}

/// The figure of this name.
#[track_caller]
pub(crate) fn figure(judgement: &Judgement, name: &str) -> String {
    let figure = judgement.figures.iter().find(|figure| figure.name == name);
    figure.unwrap_or_else(|| panic!("no figure `{name}`")).value.clone()
}
