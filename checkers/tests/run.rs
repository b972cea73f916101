//! The checks of any workload: whether a run showed anything, what it counted, and how judgements become a verdict.

mod common;

use dsjepsen_checkers::{Checker, LockCall, RunView, Stats, Vacuity, judge};
use dsjepsen_history::{
    Call, FaultInterval, FaultOutcome, Finding, Gravity, History, Judgement, Moment, NodeId, Operation, OptionValue,
    Options, Outcome, Plan, PlannedFault, Process, Promises, Reason, UnknownReason, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
enum Ask {
    Read,
    Write,
    Renew,
    GiveUp,
    Local,
}

impl Call for Ask {
    fn kind(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Renew => "renew",
            Self::GiveUp => "give-up",
            Self::Local => "local",
        }
    }

    fn is_background(&self) -> bool {
        matches!(self, Self::Renew | Self::GiveUp)
    }

    fn is_answered_by_target(&self) -> bool {
        *self != Self::Local
    }

    fn may_never_succeed(&self) -> bool {
        *self == Self::GiveUp
    }
}

const VACUITY: Vacuity = Vacuity { required: &["read", "write"] };

struct Run {
    history: History<Ask, ()>,
    plan: Plan,
    interrupted: bool,
}

impl Run {
    /// A run with this many faults of these names planned.
    fn new(faults: &[&str]) -> Self {
        let plan = Plan {
            nemesis: faults.join(","),
            options: Options([("keys".to_owned(), OptionValue::Number(1))].into()),
            faults: (1..)
                .zip(faults)
                .map(|(id, fault)| PlannedFault {
                    id,
                    fault: (*fault).to_owned(),
                    start_ns: 0,
                    heal_ns: 0,
                    target: String::new(),
                    params: Value::Null,
                })
                .collect(),
            ..common::plan("sample", 3, Promises::default())
        };
        let history = History {
            workload: "sample".to_owned(),
            operations: Vec::new(),
            faults: Vec::new(),
            end: Moment { index: 0, time: 0 },
            notes: Vec::new(),
        };
        Self { history, plan, interrupted: false }
    }

    fn moment(&mut self) -> Moment {
        let index = self.history.end.index + 1;
        self.history.end = Moment { index, time: index * 1_000_000 };
        self.history.end
    }

    fn does(mut self, call: Ask, outcome: Outcome<()>) -> Self {
        let (invoked, completed) = (self.moment(), self.moment());
        self.history.operations.push(Operation {
            process: Process(0),
            node: None,
            call,
            invoked,
            outcome,
            completed: Some(completed),
        });
        self
    }

    fn ok(self, call: Ask) -> Self {
        self.does(call, Outcome::Ok(()))
    }

    fn works(self) -> Self {
        self.ok(Ask::Read).ok(Ask::Write)
    }

    fn suffers(self, fault: &str) -> Self {
        self.fault(fault, Some(FaultOutcome::Installed), true, true)
    }

    fn fault(mut self, fault: &str, outcome: Option<FaultOutcome>, confirmed: bool, heals: bool) -> Self {
        let requested = self.moment();
        let installed = outcome.map(|_| self.moment());
        let heal_requested = heals.then(|| self.moment());
        let healed = heals.then(|| self.moment());
        self.history.faults.push(FaultInterval {
            id: self.history.faults.len() as u32 + 1,
            fault: fault.to_owned(),
            target: "n2".to_owned(),
            nodes: vec![NodeId::at(1)],
            requested,
            installed,
            heal_requested,
            healed,
            outcome,
            confirmed,
            heal_evidence: Default::default(),
            evidence: [("n2".to_owned(), "state T".to_owned())].into(),
        });
        self
    }

    fn check(&self, checker: &dyn Checker<Ask, ()>) -> Judgement {
        checker.check(&self.view())
    }

    fn view(&self) -> RunView<'_, Ask, ()> {
        RunView { history: &self.history, plan: &self.plan, interrupted: self.interrupted }
    }

    /// The reasons for which the run is unknown.
    #[track_caller]
    fn reasons(&self) -> Vec<UnknownReason> {
        let judgement = self.check(&VACUITY);
        let empty = judgement.findings.is_empty();
        assert_eq!(judgement.verdict, if empty { Gravity::Valid } else { Gravity::Unknown });
        judgement.findings.iter().filter_map(|finding| finding.reason).collect()
    }

    #[track_caller]
    fn sentence(&self) -> String {
        let judgement = self.check(&VACUITY);
        assert_eq!(judgement.findings.len(), 1, "{judgement:#?}");
        judgement.findings[0].sentence.clone()
    }
}

#[test]
fn an_empty_run_is_unknown() {
    assert_eq!(Run::new(&[]).reasons(), [UnknownReason::NoObservations]);
}

#[test]
fn every_required_kind_must_succeed() {
    assert_eq!(Run::new(&[]).works().reasons(), []);
    let run = Run::new(&[])
        .ok(Ask::Read)
        .does(Ask::Write, Outcome::Fail(Reason::new("refused")))
        .does(Ask::Write, Outcome::Info(Reason::new("timeout")));
    assert_eq!(run.reasons(), [UnknownReason::KindNeverSucceeded]);
    assert_eq!(run.sentence(), "No `write` succeeded: 2 sent, 1 failed, 1 indeterminate.");
    assert_eq!(Run::new(&[]).ok(Ask::Renew).reasons(), [UnknownReason::KindNeverSucceeded; 2]);
}

#[test]
fn every_fault_asked_for_must_be_seen_once() {
    let run = Run::new(&["pause", "kill", "pause"]).works().suffers("pause").suffers("kill");
    assert_eq!(run.works().reasons(), [], "one of each name is enough");

    let run = Run::new(&["pause", "kill"]).works().suffers("pause").works();
    assert_eq!(run.reasons(), [UnknownReason::FaultNotConfirmed]);
    assert_eq!(
        run.sentence(),
        "The fault `kill` was asked for, but was never seen to take effect: it was never injected."
    );

    let run = Run::new(&["pause"])
        .works()
        .fault("pause", Some(FaultOutcome::Installed), false, true)
        .fault("pause", Some(FaultOutcome::Skipped), false, true)
        .works();
    assert_eq!(
        run.sentence(),
        "The fault `pause` was asked for, but was never seen to take effect: of 2 injections, 1 was done, but not \
         confirmed and 1 was skipped; what was seen: n2: state T."
    );
    let run = Run::new(&["pause"]).works().fault("pause", Some(FaultOutcome::Failed), true, true).works();
    assert_eq!(run.reasons(), [UnknownReason::FaultNotConfirmed], "confirmed, but it failed");

    let skipped = |mut run: Run| {
        run = run.fault("pause", Some(FaultOutcome::Skipped), false, false);
        let why = "there was nothing to act on: `leader` was not found";
        run.history.faults.last_mut().unwrap().evidence = [("nemesis".to_owned(), why.to_owned())].into();
        run.works()
    };
    let run = skipped(Run::new(&["pause"]).works());
    assert_eq!(
        run.sentence(),
        "The fault `pause` was asked for, but was never seen to take effect: the only injection was skipped (there was \
         nothing to act on: `leader` was not found)."
    );
    assert_eq!(
        skipped(run).sentence(),
        "The fault `pause` was asked for, but was never seen to take effect: all 2 injections were skipped (there was \
         nothing to act on: `leader` was not found)."
    );
}

#[test]
fn operations_must_succeed_before_and_after_the_faults() {
    let run = Run::new(&["pause"]).suffers("pause").works();
    assert_eq!(run.reasons(), [UnknownReason::NoObservations]);
    assert!(run.sentence().starts_with("No operation had succeeded when the first fault (`pause`)"));

    let run = Run::new(&["pause"]).works().suffers("pause").does(Ask::Read, Outcome::Info(Reason::new("timeout")));
    assert_eq!(run.reasons(), [UnknownReason::NoObservations]);
    assert_eq!(
        run.sentence(),
        "No operation begun after the last fault (`pause`) was healed, at 0.008 s, succeeded: nothing shows that the system \
         recovered."
    );
    // Renewals run beside the operations, and do not count.
    let run = Run::new(&["pause"]).works().suffers("pause").ok(Ask::Renew);
    assert_eq!(run.reasons(), [UnknownReason::NoObservations]);
    // Between two faults is not after the last.
    let run = Run::new(&["pause"]).works().suffers("pause").works().suffers("pause");
    assert_eq!(run.reasons(), [UnknownReason::NoObservations]);
}

#[test]
fn an_operation_in_flight_at_a_fault_shows_nothing() {
    let mut run = Run::new(&["pause"]).works().suffers("pause").works();
    assert_eq!(run.reasons(), []);
    let first = run.history.faults[0].requested;
    for operation in &mut run.history.operations {
        operation.invoked = first;
    }
    assert!(run.reasons().contains(&UnknownReason::NoObservations), "begun before the last heal");
    let mut run = Run::new(&["pause"]).works().suffers("pause").works();
    let healed = run.history.faults[0].healed;
    for operation in &mut run.history.operations[..2] {
        operation.completed = healed;
    }
    assert!(run.reasons().contains(&UnknownReason::NoObservations), "completed after the first request");
}

#[test]
fn a_run_cut_short_is_told_as_such() {
    let mut run = Run::new(&[]).works();
    run.interrupted = true;
    assert_eq!(run.reasons(), [UnknownReason::Interrupted]);
    for outcome in [Some(FaultOutcome::Installed), None] {
        let run = Run::new(&["pause"]).works().suffers("pause").works().fault("pause", outcome, false, false);
        assert_eq!(run.reasons(), [UnknownReason::Interrupted], "{outcome:?}");
        assert!(run.sentence().contains("the fault `pause` (number 2) was in force"), "{}", run.sentence());
    }
    // What never came into force needs no heal.
    let run = Run::new(&["pause"]).works().suffers("pause").works();
    assert_eq!(run.fault("pause", Some(FaultOutcome::Skipped), false, false).reasons(), []);
}

#[test]
fn what_the_harness_answers_itself_shows_no_recovery() {
    let alive = Run::new(&["pause"]).works().suffers("pause");
    assert_eq!(
        alive.ok(Ask::Local).reasons(),
        [UnknownReason::NoObservations],
        "a local answer passed for a sign of life"
    );
    let never_alive = Run::new(&["pause"]).ok(Ask::Local).suffers("pause").works();
    assert_eq!(never_alive.reasons(), [UnknownReason::NoObservations]);
    // The writes to the guarded resource are of this kind, and nothing else that a lock client calls.
    let (lock, hold) = (1, 1);
    assert!(!LockCall::Write { lock, hold, token: None }.is_answered_by_target());
    assert!(LockCall::Acquire { lock, hold }.is_answered_by_target());
    assert!(LockCall::Release { lock, hold }.is_answered_by_target());
}

#[test]
fn a_run_that_was_cut_short_lacks_nothing_else() {
    let mut run = Run::new(&["pause"]);
    assert!(run.reasons().contains(&UnknownReason::NoObservations));
    run.interrupted = true;
    assert_eq!(run.reasons(), [UnknownReason::Interrupted]);
}

#[test]
fn stats_count_every_kind_and_warn_of_those_not_required() {
    let stats = Stats { required: &["read"] };
    let run = Run::new(&[])
        .does(Ask::Read, Outcome::Fail(Reason::new("refused")))
        .does(Ask::Renew, Outcome::Info(Reason::new("timeout")))
        .does(Ask::GiveUp, Outcome::Fail(Reason::new("not-held")))
        .ok(Ask::Write);
    let judgement = run.check(&stats);
    assert_eq!(judgement.judged, 4);
    let sentences: Vec<_> = judgement.findings.iter().map(|finding| finding.sentence.as_str()).collect();
    assert_eq!(sentences, ["No `renew` succeeded: 1 sent, 0 failed, 1 indeterminate."], "not of `give-up`");
    let figures: Vec<_> = judgement.figures.iter().map(|figure| (&*figure.name, figure.value.as_str())).collect();
    assert_eq!(
        figures,
        [
            ("give-up", "0 ok, 1 failed, 0 indeterminate"),
            ("read", "0 ok, 1 failed, 0 indeterminate"),
            ("renew", "0 ok, 0 failed, 1 indeterminate"),
            ("write", "1 ok, 0 failed, 0 indeterminate"),
        ]
    );
    assert_eq!(Run::new(&[]).works().check(&stats).verdict, Gravity::Valid, "never sent is no fault");
}

struct Panics;

impl Checker<Ask, ()> for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }

    fn check(&self, _: &RunView<'_, Ask, ()>) -> Judgement {
        panic!("index {} is out of bounds", 7)
    }
}

struct Condemns;

impl Checker<Ask, ()> for Condemns {
    fn name(&self) -> &'static str {
        "condemns"
    }

    fn check(&self, run: &RunView<'_, Ask, ()>) -> Judgement {
        let operation = run.history.operations[0].invoked.index;
        Judgement::new("condemns", 1, vec![Finding::invalid("sample.rule", "It is broken.", vec![operation])])
    }
}

fn verdict(run: &Run, checkers: Vec<Box<dyn Checker<Ask, ()>>>) -> Verdict {
    judge(&checkers, &run.view(), "All is well.".to_owned())
}

#[test]
fn a_panicking_checker_is_unknown_and_hides_nothing() {
    let run = Run::new(&[]).works();
    let found = verdict(&run, vec![Box::new(VACUITY), Box::new(Panics)]);
    assert_eq!(found.verdict, Gravity::Unknown);
    assert_eq!(found.findings[0].reason, Some(UnknownReason::CheckerError));
    assert_eq!(found.sentence, "The checker panics failed: index 7 is out of bounds.");
    assert_eq!(found.checkers.len(), 2);
    let found = verdict(&run, vec![Box::new(Panics), Box::new(Condemns)]);
    assert_eq!((found.verdict, found.sentence.as_str()), (Gravity::Invalid, "It is broken."));
    assert_eq!(found.findings.len(), 2);
}

#[test]
fn a_sound_run_is_valid_and_counted() {
    let mut run = Run::new(&[]).works();
    let found = verdict(&run, vec![Box::new(VACUITY), Box::new(Stats { required: &[] })]);
    assert_eq!((found.verdict, found.sentence.as_str()), (Gravity::Valid, "All is well."));
    assert_eq!((found.operations.total, found.operations.by_kind["read"].ok), (2, 1));
    assert!(!found.interrupted);
    run.interrupted = true;
    assert!(verdict(&run, vec![Box::new(VACUITY)]).interrupted);
}

#[test]
fn no_checker_is_no_verdict() {
    let found = verdict(&Run::new(&[]).works(), Vec::new());
    assert_eq!(found.verdict, Gravity::Unknown);
    assert_eq!(found.sentence, "No checker judged this run.");
}
