//! Writes histories of locks by hand: what happened, in order, at which millisecond.

use dsjepsen_checkers::{Checker, LockCall, LockChecker, LockReply, LockRule, RunView};
use dsjepsen_history::{
    Gravity, History, Judgement, Moment, NodeId, Operation, OptionValue, Options, Outcome, Plan, Process, Promises,
    Reason,
};

pub(crate) type LockOperation = Operation<LockCall, LockReply>;

pub(crate) const MS: u64 = 1_000_000;

/// Everything promised: all rules but that of beliefs decide.
pub(crate) const FENCED: Promises = Promises {
    leases: true,
    fencing_tokens: true,
    enforcing_guard: true,
    idempotency_keys: true,
    linearizable_reads: false,
    one_leader_at_a_time: false,
};

use crate::common;

/// Leases only.
pub(crate) const LEASES: Promises = Promises { fencing_tokens: false, enforcing_guard: false, ..FENCED };

pub(crate) fn plan(promises: Promises, ttl_ms: u64, holder: &str) -> Plan {
    let options = [
        ("lease-ttl-ms".to_owned(), OptionValue::Number(ttl_ms)),
        ("holder".to_owned(), OptionValue::Word(holder.to_owned())),
    ];
    let options = Options(options.into());
    Plan { target: "ttl-lock:naive".to_owned(), options, ..common::plan("lock", 3, promises) }
}

/// A history in the making, with the plan to judge it by.
pub(crate) struct Script {
    pub(crate) history: History<LockCall, LockReply>,
    pub(crate) plan: Plan,
    next: u64,
}

impl Script {
    /// Leases of 2 s and naive clients.
    pub(crate) fn new(promises: Promises) -> Self {
        Self::with(plan(promises, 2000, "naive"))
    }

    pub(crate) fn careful(promises: Promises) -> Self {
        Self::with(plan(promises, 2000, "careful"))
    }

    pub(crate) fn with(plan: Plan) -> Self {
        Self {
            history: History {
                workload: "lock".to_owned(),
                operations: Vec::new(),
                faults: Vec::new(),
                end: Moment { index: 0, time: 0 },
                notes: Vec::new(),
            },
            plan,
            next: 0,
        }
    }

    fn moment(&mut self, time: u64) -> Moment {
        assert!(time >= self.history.end.time, "time goes backwards");
        let moment = Moment { index: self.next, time };
        self.next += 1;
        self.history.end = moment;
        moment
    }

    /// The next event, at this nanosecond: an invocation. Gives the operation's position.
    pub(crate) fn invoke_ns(&mut self, time: u64, process: u32, call: LockCall) -> usize {
        let invoked = self.moment(time);
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

    /// The next event, at this nanosecond: a completion.
    pub(crate) fn complete_ns(&mut self, time: u64, operation: usize, outcome: Outcome<LockReply>) {
        let completed = self.moment(time);
        let operation = &mut self.history.operations[operation];
        assert!(operation.completed.is_none(), "completed twice");
        operation.completed = Some(completed);
        operation.outcome = outcome;
    }

    pub(crate) fn invoke(&mut self, ms: u64, process: u32, call: LockCall) -> usize {
        self.invoke_ns(ms * MS, process, call)
    }

    pub(crate) fn ok(&mut self, ms: u64, operation: usize) {
        let reply = match self.history.operations[operation].call {
            LockCall::Renew { .. } => LockReply::Renew,
            LockCall::Release { .. } => LockReply::Release,
            LockCall::GiveUp { .. } => LockReply::GiveUp,
            _ => panic!("this reply has a content"),
        };
        self.complete_ns(ms * MS, operation, Outcome::Ok(reply));
    }

    pub(crate) fn grant(&mut self, ms: u64, operation: usize, token: Option<u64>, leased_ms: u64) {
        let leased_ns = leased_ms * MS;
        self.complete_ns(ms * MS, operation, Outcome::Ok(LockReply::Acquire { token, leased_ns }));
    }

    pub(crate) fn fail(&mut self, ms: u64, operation: usize, reason: &str) {
        self.complete_ns(ms * MS, operation, Outcome::Fail(Reason::new(reason)));
    }

    pub(crate) fn info(&mut self, ms: u64, operation: usize) {
        self.complete_ns(ms * MS, operation, Outcome::Info(Reason::new("timeout: no reply")));
    }

    /// An acquire that is granted, with nothing between; its lease starts when it is asked for.
    pub(crate) fn acquired(&mut self, ms: (u64, u64), process: u32, lock: u32, hold: u64, token: Option<u64>) -> usize {
        let operation = self.invoke(ms.0, process, LockCall::Acquire { lock, hold });
        self.grant(ms.1, operation, token, ms.0);
        operation
    }

    pub(crate) fn renewed(&mut self, ms: (u64, u64), process: u32, lock: u32, hold: u64) -> usize {
        let operation = self.invoke(ms.0, process, LockCall::Renew { lock, hold });
        self.ok(ms.1, operation);
        operation
    }

    pub(crate) fn not_renewed(&mut self, ms: (u64, u64), process: u32, lock: u32, hold: u64) -> usize {
        let operation = self.invoke(ms.0, process, LockCall::Renew { lock, hold });
        self.fail(ms.1, operation, "not-held");
        operation
    }

    pub(crate) fn released(&mut self, ms: (u64, u64), process: u32, lock: u32, hold: u64) -> usize {
        let operation = self.invoke(ms.0, process, LockCall::Release { lock, hold });
        self.ok(ms.1, operation);
        operation
    }

    /// A write that is answered.
    pub(crate) fn wrote(
        &mut self,
        ms: (u64, u64),
        owner: (u32, u32, u64),
        token: Option<u64>,
        arrival: (u64, bool),
    ) -> usize {
        let (process, lock, hold) = owner;
        let operation = self.invoke(ms.0, process, LockCall::Write { lock, hold, token });
        let (position, accepted) = arrival;
        self.complete_ns(ms.1 * MS, operation, Outcome::Ok(LockReply::Write { position, accepted }));
        operation
    }

    pub(crate) fn judge(&self, rule: LockRule) -> Judgement {
        judge(&self.history, &self.plan, rule)
    }

    /// The number of violations that a rule finds; its judgement must agree.
    #[track_caller]
    pub(crate) fn violations(&self, rule: LockRule) -> u64 {
        let judgement = self.judge(rule);
        let count = judgement.findings.first().map_or(0, |finding| finding.count);
        assert_eq!(judgement.verdict == Gravity::Invalid, count > 0, "{judgement:#?}");
        count
    }
}

pub(crate) fn judge(history: &History<LockCall, LockReply>, plan: &Plan, rule: LockRule) -> Judgement {
    let run = RunView { history, plan, interrupted: false };
    LockChecker::new(rule).check(&run)
}

/// The figure of this name.
#[track_caller]
pub(crate) fn figure(judgement: &Judgement, name: &str) -> String {
    let figure = judgement.figures.iter().find(|figure| figure.name == name);
    figure.unwrap_or_else(|| panic!("no figure `{name}`")).value.clone()
}
