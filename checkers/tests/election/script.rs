//! Writes histories of elections by hand: what happened, in order, at which millisecond.

use std::collections::BTreeMap;

use dsjepsen_checkers::{Checker, ElectionCall, ElectionChecker, ElectionReply, ElectionRule, RunView};
use dsjepsen_history::{
    FaultInterval, FaultOutcome, Gravity, History, Judgement, Moment, NodeId, Operation, Outcome, Plan, Process,
    Promises, Reason,
};

use crate::common;

pub(crate) type ElectionOperation = Operation<ElectionCall, ElectionReply>;

pub(crate) const MS: u64 = 1_000_000;

/// A view of a node: `View { term: Some(3), ..leads() }`.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) leader: Option<usize>,
    pub(crate) believes: bool,
    pub(crate) term: Option<u64>,
    pub(crate) incarnation: Option<u64>,
    pub(crate) since: Option<u64>,
    pub(crate) claims: Vec<u64>,
}

/// The view of a node that leads a term, as a Raft node tells it.
pub(crate) fn leads(node: usize, incarnation: u64, term: u64) -> View {
    View {
        leader: Some(node),
        believes: true,
        term: Some(term),
        incarnation: Some(incarnation),
        since: Some(term),
        claims: vec![term],
    }
}

/// The view of a node that follows another.
pub(crate) fn follows(leader: Option<usize>, incarnation: u64, term: u64) -> View {
    View { leader, term: Some(term), incarnation: Some(incarnation), ..View::default() }
}

pub(crate) fn node(number: usize) -> NodeId {
    NodeId::at(number - 1)
}

/// A history in the making, with the plan to judge it by. Nodes are told by their numbers.
pub(crate) struct Script {
    pub(crate) history: History<ElectionCall, ElectionReply>,
    pub(crate) plan: Plan,
    next: u64,
}

impl Script {
    /// Five nodes; `one_leader` is what the target promises.
    pub(crate) fn new(one_leader: bool) -> Self {
        let promises = Promises { one_leader_at_a_time: one_leader, ..Promises::default() };
        let plan = Plan { target: "bully".to_owned(), ..common::plan("election", 5, promises) };
        let history = History {
            workload: "election".to_owned(),
            operations: Vec::new(),
            faults: Vec::new(),
            end: Moment { index: 0, time: 0 },
            notes: Vec::new(),
        };
        Self { history, plan, next: 0 }
    }

    fn moment(&mut self, ms: u64) -> Moment {
        assert!(ms * MS >= self.history.end.time, "time goes backwards");
        let moment = Moment { index: self.next, time: ms * MS };
        self.next += 1;
        self.history.end = moment;
        moment
    }

    pub(crate) fn invoke(&mut self, ms: u64, call: ElectionCall, of: usize) -> usize {
        let invoked = self.moment(ms);
        let number = self.history.operations.len();
        self.history.operations.push(Operation {
            process: Process(u32::try_from(number).unwrap()),
            node: Some(node(of)),
            call,
            invoked,
            outcome: Outcome::Info(Reason::unfinished()),
            completed: None,
        });
        number
    }

    pub(crate) fn ask(&mut self, ms: u64, of: usize) -> usize {
        self.invoke(ms, ElectionCall::Poll { node: node(of) }, of)
    }

    pub(crate) fn complete(&mut self, ms: u64, operation: usize, outcome: Outcome<ElectionReply>) {
        let completed = self.moment(ms);
        let operation = &mut self.history.operations[operation];
        assert!(operation.completed.is_none(), "completed twice");
        operation.completed = Some(completed);
        operation.outcome = outcome;
    }

    pub(crate) fn answer(&mut self, ms: u64, operation: usize, view: View) {
        let View { leader, believes, term, incarnation, since, claims } = view;
        let leader = leader.map(node);
        let reply = ElectionReply::Poll { leader, believes_leader: believes, term, incarnation, since, claims };
        self.complete(ms, operation, Outcome::Ok(reply));
    }

    /// A poll that is answered, with nothing between.
    pub(crate) fn polled(&mut self, ms: (u64, u64), of: usize, view: View) -> usize {
        let operation = self.ask(ms.0, of);
        self.answer(ms.1, operation, view);
        operation
    }

    /// A poll that is not answered.
    pub(crate) fn unanswered(&mut self, ms: (u64, u64), of: usize) {
        let operation = self.ask(ms.0, of);
        self.complete(ms.1, operation, Outcome::Fail(Reason::new("timeout")));
    }

    pub(crate) fn wrote(&mut self, ms: (u64, u64), of: usize, term: u64) -> usize {
        let operation = self.invoke(ms.0, ElectionCall::Write, of);
        self.complete(ms.1, operation, Outcome::Ok(ElectionReply::Write { term }));
        operation
    }

    /// A fault that is put in force now.
    pub(crate) fn fault(&mut self, ms: u64) {
        let (requested, installed) = (self.moment(ms), self.moment(ms));
        self.history.faults.push(FaultInterval {
            id: 1,
            fault: "partition".to_owned(),
            target: String::new(),
            nodes: Vec::new(),
            requested,
            installed: Some(installed),
            heal_requested: None,
            healed: None,
            outcome: Some(FaultOutcome::Installed),
            confirmed: true,
            evidence: BTreeMap::new(),
            heal_evidence: BTreeMap::new(),
        });
    }

    /// The last fault is healed now.
    pub(crate) fn heal(&mut self, ms: u64) {
        let healed = self.moment(ms);
        self.history.faults.last_mut().unwrap().healed = Some(healed);
    }

    pub(crate) fn judge(&self, rule: ElectionRule) -> Judgement {
        judge(&self.history, &self.plan, rule)
    }

    /// The number of violations that a rule finds; its judgement must agree.
    #[track_caller]
    pub(crate) fn violations(&self, rule: ElectionRule) -> u64 {
        let judgement = self.judge(rule);
        let invalid = judgement.verdict == Gravity::Invalid;
        if invalid { judgement.findings[0].count } else { 0 }
    }
}

pub(crate) fn judge(history: &History<ElectionCall, ElectionReply>, plan: &Plan, rule: ElectionRule) -> Judgement {
    ElectionChecker::new(rule).check(&RunView { history, plan, interrupted: false })
}

/// The figure of this name.
#[track_caller]
pub(crate) fn figure(judgement: &Judgement, name: &str) -> String {
    let figure = judgement.figures.iter().find(|figure| figure.name == name);
    figure.unwrap_or_else(|| panic!("no figure `{name}` in {:#?}", judgement.figures)).value.clone()
}
