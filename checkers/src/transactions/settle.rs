//! Settles whether levels hold where no anomaly says that they do not: what decides each is told by [`decision`].

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Finding, Gravity, UnknownReason};

use super::anomaly::Anomaly;
use super::decision::{Decision, Model, Says, Test, decision};
use super::guarantees::broken_guarantee;
use super::history::TransactionHistory;
use super::level::Level;
use super::registers::versions::Versions;
use super::sessions::{self, Decided, Older, decide};
use super::verdict::{Options, Settled, TransactionVerdict};
use crate::words::{count, counted};

/// A history as one of registers, and what is known beforehand of the order of its versions. A list is a register that holds its last
/// element.
pub(super) struct View<'a> {
    pub(super) versions: &'a Versions<'a>,
    /// Of transactions.
    pub(super) writers: Vec<Older>,
    /// Of versions: the first of each pair is older.
    pub(super) pairs: Vec<(u32, u32)>,
}

/// What is known of a history.
pub(super) struct Evidence<'a> {
    pub(super) history: &'a TransactionHistory,
    pub(super) model: Model,
    pub(super) options: &'a Options,
    /// Whether the order of versions was inferred from what the user takes for granted.
    pub(super) is_assumed: bool,
    /// Whether the order of all versions of a key is known.
    pub(super) orders_known: &'a dyn Fn() -> bool,
    /// Looks for anomalies alone.
    pub(super) anomalies: &'a dyn Fn(&Options) -> TransactionVerdict,
    /// Looks for an order of snapshot isolation without a search; it may miss one.
    pub(super) finds_order: &'a dyn Fn(&Options) -> bool,
    pub(super) view: &'a dyn Fn() -> View<'a>,
}

impl Evidence<'_> {
    /// What is asked, of one level.
    fn at(&self, level: Level) -> Options {
        Options { levels: vec![level], anomalies: Vec::new(), ..self.options.clone() }
    }
}

/// What was found of a level.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Holds,
    Broken(Box<Finding>),
    Open,
}

/// Adds what is found of the levels that were asked for. `verdict` is that of the anomalies.
pub(super) fn settle<'a>(evidence: &'a Evidence<'a>, verdict: TransactionVerdict) -> TransactionVerdict {
    let options = evidence.options;
    if verdict.verdict == Gravity::Invalid || options.anomalies_only || options.levels.is_empty() {
        return verdict;
    }
    if options.hidden_writes {
        let sentence = "Some transactions do not tell what they did, so no level can be said to hold.";
        let finding = Finding::unknown(UnknownReason::NoObservations, sentence);
        return verdict.with_settled(Settled::Open, vec![finding]);
    }
    let mut settler = Settler { evidence, view: None, known: BTreeMap::new(), states: 0, gave_up: false };
    if let [level] = options.levels.as_slice()
        && options.anomalies.is_empty()
    {
        let answer = settler.by_tests(*level, &verdict);
        settler.known.insert(*level, answer);
    }
    let (mut settled, mut undecided) = (Settled::Holds, Vec::new());
    for &level in &options.levels {
        match settler.settle(level) {
            Answer::Holds => {}
            Answer::Broken(finding) => {
                settled = Settled::Broken(level, finding);
                break;
            }
            Answer::Open => undecided.push(settler.undecided(level)),
        }
    }
    if !undecided.is_empty() && settled == Settled::Holds {
        settled = Settled::Open;
    }
    let states = settler.states;
    let mut verdict = verdict.with_settled(settled, undecided);
    if states > 0 {
        verdict.figures.push(Figure::new("states searched", count(states as u64)));
    }
    verdict
}

struct Settler<'a> {
    evidence: &'a Evidence<'a>,
    view: Option<View<'a>>,
    /// What its own tests said of each level.
    known: BTreeMap<Level, Answer>,
    states: usize,
    gave_up: bool,
}

impl Settler<'_> {
    /// A level holds where its own tests or a stronger level say so, and is broken where its own tests or a weaker level do.
    fn settle(&mut self, level: Level) -> Answer {
        let own = self.own(level);
        if own != Answer::Open {
            return own;
        }
        let can = |level: &Level, said: Says| {
            let tests = decision(*level, self.evidence.model).tests;
            tests.iter().any(|&(test, says)| test != Test::Anomalies && (says == said || says == Says::Exactly))
        };
        // Their anomalies are forbidden here too.
        let weaker: Vec<Level> = level.all_weaker().filter(|level| can(level, Says::Broken)).collect();
        for level in weaker {
            if let Answer::Broken(finding) = self.own(level) {
                return Answer::Broken(finding);
            }
        }
        let mut broken: Vec<Level> = Vec::new();
        for stronger in level.all_stronger() {
            if self.evidence.options.interrupt.is_raised() {
                break;
            }
            if stronger.all_weaker().any(|weaker| broken.contains(&weaker)) {
                continue;
            }
            match self.own(stronger) {
                Answer::Holds => return Answer::Holds,
                Answer::Broken(_) => broken.push(stronger),
                Answer::Open => {}
            }
        }
        Answer::Open
    }

    /// What its own tests say of a level.
    fn own(&mut self, level: Level) -> Answer {
        if let Some(known) = self.known.get(&level) {
            return known.clone();
        }
        let Decision { tests, .. } = decision(level, self.evidence.model);
        let answer = if tests.is_empty() { Answer::Open } else { self.with_anomalies(level) };
        self.known.insert(level, answer.clone());
        answer
    }

    fn with_anomalies(&mut self, level: Level) -> Answer {
        let mut verdict = (self.evidence.anomalies)(&self.evidence.at(level));
        if verdict.verdict == Gravity::Invalid {
            return Answer::Broken(Box::new(verdict.anomalies.swap_remove(0).finding));
        }
        self.by_tests(level, &verdict)
    }

    /// What the tests of a level say, of which no anomaly was found that it forbids.
    fn by_tests(&mut self, level: Level, verdict: &TransactionVerdict) -> Answer {
        for &(test, says) in decision(level, self.evidence.model).tests {
            match (self.test(level, test, verdict), says) {
                (Answer::Holds, Says::Exactly | Says::Holds) => return Answer::Holds,
                (Answer::Broken(finding), Says::Exactly | Says::Broken) => return Answer::Broken(finding),
                _ => {}
            }
        }
        Answer::Open
    }

    fn test(&mut self, level: Level, test: Test, verdict: &TransactionVerdict) -> Answer {
        let interrupt = &self.evidence.options.interrupt;
        match test {
            Test::Anomalies => by_anomalies(verdict),
            Test::AnomaliesInKnownOrder if (self.evidence.orders_known)() => by_anomalies(verdict),
            Test::AnomaliesInKnownOrder => Answer::Open,
            // Levels differ in whether they forbid that.
            Test::As(_) | Test::SingleStepsAs(_) if !verdict.versions_are_sound() => Answer::Open,
            Test::As(other) => self.like(other),
            Test::SingleStepsAs(other) => {
                let history = self.evidence.history;
                let single = history.numbers().all(|number| history.steps(number).len() <= 1);
                if single { self.like(other) } else { Answer::Open }
            }
            // The others follow reads, which must be of something that was there.
            _ if !verdict.reads_are_sound() || interrupt.is_raised() => Answer::Open,
            Test::Order => self.order(level),
            Test::Guarantees(guarantees) => {
                let view = self.view();
                match broken_guarantee(view.versions, &view.pairs, guarantees) {
                    Some(finding) => Answer::Broken(Box::new(finding)),
                    // Where information flows in a circle no store can have answered in time.
                    None if sessions::flow_in_circles(view.versions) => Answer::Open,
                    None => Answer::Holds,
                }
            }
            Test::Axioms(axioms, respect) => {
                let view = self.view();
                match sessions::decide_axioms(view.versions, &view.writers, axioms, respect, interrupt) {
                    Decided::Holds => Answer::Holds,
                    Decided::Broken(finding) => Answer::Broken(finding),
                    Decided::Open => self.gives_up(),
                }
            }
        }
    }

    fn order(&mut self, level: Level) -> Answer {
        let Options { states_max, interrupt, .. } = self.evidence.options;
        if (self.evidence.finds_order)(&self.evidence.at(level)) {
            return Answer::Holds;
        }
        let view = self.view();
        let Some((decided, states)) = decide(view.versions, &view.writers, level, *states_max, interrupt) else {
            return Answer::Open;
        };
        self.states += states;
        match decided {
            Decided::Holds => Answer::Holds,
            Decided::Broken(finding) => Answer::Broken(finding),
            Decided::Open => self.gives_up(),
        }
    }

    fn like(&mut self, other: Level) -> Answer {
        match self.own(other) {
            // In the order of versions that is assumed there may be circles where reads alone make none.
            Answer::Broken(_) if self.evidence.is_assumed => Answer::Open,
            answer => answer,
        }
    }

    fn gives_up(&mut self) -> Answer {
        self.gave_up = true;
        Answer::Open
    }

    fn view(&mut self) -> &View<'_> {
        self.view.get_or_insert_with(|| (self.evidence.view)())
    }

    /// The unknown of a level that was not decided.
    fn undecided(&self, level: Level) -> Finding {
        let interrupt = &self.evidence.options.interrupt;
        let undecided = format!("Whether {level} holds was not decided");
        if interrupt.is_raised() {
            return interrupt.finding(&undecided);
        }
        if self.gave_up {
            let sentence = format!(
                "{undecided}: the search for an order was given up after {}.",
                counted(self.states as u64, "state")
            );
            return Finding::unknown(UnknownReason::Deadline, sentence);
        }
        let Decision { open, .. } = decision(level, self.evidence.model);
        let detail = "No anomaly that it forbids was found, and no stronger level was found to hold.".to_owned();
        Finding { detail, ..Finding::unknown(UnknownReason::NoObservations, format!("{undecided}: {open}.")) }
    }
}

/// What the absence of anomalies says where it is exact.
fn by_anomalies(verdict: &TransactionVerdict) -> Answer {
    let only_empty = verdict.anomalies.iter().all(|case| case.anomaly == Anomaly::EmptyTransactionGraph);
    if only_empty && verdict.versions_are_sound() { Answer::Holds } else { Answer::Open }
}
