//! What is asked of the judges of anomalies, and what they answer.

use dsjepsen_history::{Figure, Finding, Gravity, Judgement, UnknownReason};

use super::anomaly::{Anomalies, Anomaly};
use super::drawing::draw;
use super::explain::{Explain, explain_cycle};
use super::graph::Graph;
use super::history::{HistoryProblem, TransactionHistory};
use super::level::{Level, Levels, forbidden_by};
use super::search::{Wanted, find_cycles, needs_orders};
use super::text::in_words;
use crate::interrupt::Interrupt;
use crate::words::{count, counted};

/// What a history is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The levels that should hold.
    pub levels: Vec<Level>,
    /// Anomalies that should not be there, beside those that the levels forbid.
    pub anomalies: Vec<Anomaly>,
    /// Whether a read of a value that nobody wrote is an anomaly. Without it such a value is taken for an unknown initial state,
    /// as Elle does.
    pub garbage_reads: bool,
    /// Some transactions do not tell what they did: a value that nobody is known to have written may be theirs, and no level can be
    /// said to hold.
    pub hidden_writes: bool,
    /// Only anomalies are looked for, as Elle does: a level is not ruled out where none shows that it forbids, and of registers any
    /// values that nobody wrote count as initial states.
    pub anomalies_only: bool,
    /// How many edges may be followed in one search for G-single; a search that can be given up.
    pub search_budget: u64,
    /// How many states a search for an order of transactions may visit. One takes about 50 bytes.
    pub states_max: usize,
    /// Raised when there is no more time for searches.
    pub interrupt: Interrupt,
}

impl Default for Options {
    /// Strict serializability.
    fn default() -> Self {
        Self {
            levels: vec![Level::StrictSerializable],
            anomalies: Vec::new(),
            garbage_reads: true,
            hidden_writes: false,
            anomalies_only: false,
            search_budget: 20_000_000,
            states_max: 1_000_000,
            interrupt: Interrupt::default(),
        }
    }
}

impl Options {
    /// Holds a history against one level.
    pub fn level(level: Level) -> Self {
        Self { levels: vec![level], ..Self::default() }
    }

    /// All that must not be there.
    pub(super) fn forbidden(&self) -> Anomalies {
        let mut anomalies = forbidden_by(&self.levels).union(self.explicit());
        // Without `garbage_reads` one such value is an unknown initial state, but no two of them are.
        if !self.levels.is_empty() || !self.anomalies.is_empty() {
            anomalies.insert(Anomaly::GarbageRead);
        }
        anomalies
    }

    /// Whether anomalies alone are asked about, and none of them bears on it.
    fn is_beyond_anomalies(&self) -> bool {
        let of_levels = forbidden_by(&self.levels).union(self.explicit());
        of_levels == Anomalies::default() && (self.levels.is_empty() || self.anomalies_only)
    }

    fn explicit(&self) -> Anomalies {
        self.anomalies.iter().copied().collect::<Anomalies>().implying()
    }

    /// Whether session order, and whether real time, matters to what is asked.
    pub(super) fn orders(&self) -> (bool, bool) {
        needs_orders(self.forbidden())
    }
}

/// Why one transaction must come before another. The values name the evidence, so that it can be looked up in the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The second wrote `after` on top of the first's `before`.
    Overwrote {
        /// The key.
        key: u32,
        /// What the first wrote.
        before: u32,
        /// What the second wrote.
        after: u32,
    },
    /// The second read what the first wrote.
    Read {
        /// The key.
        key: u32,
        /// The value; of a list, its last element.
        value: u32,
    },
    /// The first read the version that the second overwrote.
    Missed {
        /// The key.
        key: u32,
        /// What the first read; none for the initial state.
        read: Option<u32>,
        /// What the second wrote.
        written: u32,
    },
    /// The first came before the second in their session.
    Session,
    /// The first had completed before the second was invoked.
    RealTime,
    /// A third transaction read the second's write, although the first's write of the same key was visible to it.
    Visible {
        /// The key.
        key: u32,
        /// What the first wrote.
        before: u32,
        /// What the second wrote.
        after: u32,
        /// Who read it.
        reader: u32,
    },
}

/// A step of a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency {
    /// The transaction that comes before.
    pub from: u32,
    /// The one that comes after.
    pub to: u32,
    /// Why.
    pub because: Because,
}

/// An anomaly that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct AnomalyCase {
    /// Which.
    pub anomaly: Anomaly,
    /// How often; of circles, in how many separate parts of the history.
    pub count: u64,
    /// The transactions of the example.
    pub transactions: Vec<u32>,
    /// The circle, whose last step leads to the first; empty for anomalies that are none.
    pub cycle: Vec<Dependency>,
    /// The example in words.
    pub finding: Finding,
}

/// The figure that names the anomalies that were found.
const ANOMALIES: &str = "anomalies";
/// The figure that names the weakest levels that are ruled out.
const RULED_OUT: &str = "levels ruled out";
/// What stands between two names of a figure.
const BETWEEN: &str = ", ";

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(BETWEEN)
}

/// The anomalies that a verdict's judgements name, and the weakest levels that they rule out: what
/// [`TransactionVerdict::judgement`] put there. Both are empty where no judge of anomalies has judged.
pub fn named_anomalies(judgements: &[Judgement]) -> (Vec<Anomaly>, Vec<Level>) {
    let named = |name: &'static str| {
        let figures = judgements.iter().flat_map(|judgement| &judgement.figures);
        figures.filter(move |figure| figure.name == name).flat_map(|figure| figure.value.split(BETWEEN))
    };
    let anomalies = named(ANOMALIES).filter_map(|name| name.parse().ok());
    (anomalies.collect(), named(RULED_OUT).filter_map(|name| name.parse().ok()).collect())
}

/// What is known of the levels that were asked for, where no anomaly breaks one.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Settled {
    /// Some are not decided; or only anomalies were looked for, or they said enough.
    #[default]
    Open,
    /// All of them hold.
    Holds,
    /// This level is broken, although no anomaly that it forbids was found.
    Broken(Level, Box<Finding>),
}

/// What a judge of anomalies says.
#[derive(Debug, Clone, PartialEq)]
pub struct TransactionVerdict {
    /// Valid where nothing forbidden was found, and the search was complete.
    pub verdict: Gravity,
    /// What was found and matters, worst first; also what makes the verdict unknown.
    pub anomalies: Vec<AnomalyCase>,
    /// The weakest levels that are ruled out.
    pub not: Vec<Level>,
    /// The stronger levels that are ruled out thereby.
    pub also_not: Vec<Level>,
    /// What is known beside the anomalies.
    pub settled: Settled,
    /// Why levels are not decided.
    pub undecided: Vec<Finding>,
    /// Why the history could not be judged at all.
    pub problem: Option<HistoryProblem>,
    /// What was counted.
    pub figures: Vec<Figure>,
    /// How many transactions were judged.
    pub judged: u64,
    /// All that was found, whether it matters or not.
    found: Anomalies,
    /// Whether some transaction did not read what it had written itself.
    misses_own_write: bool,
}

/// Anomalies after which it cannot be told who read from whom.
const UNSOUND: [Anomaly; 9] = [
    Anomaly::GarbageRead,
    Anomaly::DuplicateElements,
    Anomaly::CyclicVersions,
    Anomaly::Internal,
    Anomaly::FutureRead,
    Anomaly::DirtyUpdate,
    Anomaly::IncompatibleOrder,
    Anomaly::G1a,
    Anomaly::G1b,
];

impl TransactionVerdict {
    /// Whether an anomaly is among those found.
    pub fn has(&self, anomaly: Anomaly) -> bool {
        self.anomalies.iter().any(|case| case.anomaly == anomaly)
    }

    /// The verdict as that of a checker.
    pub fn judgement(self, checker: &str) -> Judgement {
        let anomalies = names(self.anomalies.iter().map(|case| case.anomaly.name()));
        let named = [(ANOMALIES, anomalies), (RULED_OUT, names(self.not.iter().map(|level| level.name())))];
        let named: Vec<Figure> = named
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(name, names)| Figure::new(name, names))
            .collect();
        let mut findings: Vec<_> = self.anomalies.into_iter().map(|case| case.finding).collect();
        if let Settled::Broken(_, finding) = self.settled {
            findings.insert(0, *finding);
        }
        findings.extend(self.undecided);
        if let Some(problem) = self.problem {
            findings.push(Finding::unknown(
                UnknownReason::CheckerError,
                format!("The history cannot be judged: {problem}."),
            ));
        }
        let mut judgement = Judgement::new(checker, self.judged, findings);
        judgement.verdict = self.verdict;
        judgement.figures = self.figures;
        judgement.figures.extend(named);
        judgement
    }

    /// Whether every read is of something that was there, and agrees with its own transaction.
    pub(super) fn reads_are_sound(&self) -> bool {
        !self.found.meets(Anomalies::from_iter(UNSOUND))
    }

    /// Whether what was read shows one order of versions, and each transaction its own writes: else the absence of circles says
    /// nothing, also where a level does not forbid that.
    pub(super) fn versions_are_sound(&self) -> bool {
        !self.found.has(Anomaly::IncompatibleOrder) && !self.misses_own_write
    }

    /// Takes in what is known beside the anomalies.
    pub(super) fn with_settled(mut self, settled: Settled, undecided: Vec<Finding>) -> Self {
        match &settled {
            Settled::Open => {
                // A search that was given up is told as such already.
                if !self.has(Anomaly::CycleSearchTimeout) {
                    self.undecided = undecided;
                }
                self.verdict = self.verdict.max(Gravity::Unknown);
            }
            // That the levels hold answers what the search for circles left open.
            Settled::Holds => {
                self.anomalies.retain(|case| case.anomaly != Anomaly::CycleSearchTimeout);
                self.verdict = gravity(&self.anomalies);
            }
            Settled::Broken(level, _) => {
                (self.not, self.also_not) = Levels::without(*level).weakest();
                self.verdict = Gravity::Invalid;
            }
        }
        self.settled = settled;
        self
    }

    pub(super) fn impossible(history: &TransactionHistory, problem: HistoryProblem) -> Self {
        Self {
            verdict: Gravity::Unknown,
            anomalies: Vec::new(),
            not: Vec::new(),
            also_not: Vec::new(),
            settled: Settled::Open,
            undecided: Vec::new(),
            problem: Some(problem),
            figures: Vec::new(),
            judged: history.len() as u64,
            found: Anomalies::default(),
            misses_own_write: false,
        }
    }
}

/// The gravest of what was found.
fn gravity(anomalies: &[AnomalyCase]) -> Gravity {
    anomalies.iter().map(|case| case.finding.gravity).max().unwrap_or(Gravity::Valid)
}

/// Anomalies in the making: the first of each kind is told, the others are counted.
#[derive(Debug)]
pub(super) struct Cases<'a> {
    history: &'a TransactionHistory,
    cases: Vec<AnomalyCase>,
    misses_own_write: bool,
}

impl<'a> Cases<'a> {
    pub(super) fn new(history: &'a TransactionHistory) -> Self {
        Self { history, cases: Vec::new(), misses_own_write: false }
    }

    /// Adds an anomaly that shows in some transactions. `tell` is asked for the first of its kind only, and gives the sentence and
    /// the contradiction that the transactions lead to.
    pub(super) fn add(&mut self, anomaly: Anomaly, transactions: &[u32], tell: impl FnOnce() -> (String, String)) {
        if let Some(case) = self.cases.iter_mut().find(|case| case.anomaly == anomaly) {
            case.count += 1;
            case.finding.count += 1;
            return;
        }
        let history = self.history;
        let (sentence, contradiction) = tell();
        let mut steps = in_words(history, transactions);
        steps.push(super::text::step("However", contradiction, None));
        let mut finding = Finding::invalid(anomaly.rule(), sentence, super::text::proof(history, transactions));
        finding.detail = format!("This is {}: {}.", anomaly.name(), anomaly.about());
        finding.steps = steps;
        finding.timeline = draw(history, transactions);
        self.push(AnomalyCase { anomaly, count: 1, transactions: transactions.to_vec(), cycle: Vec::new(), finding });
    }

    /// Notes that a transaction did not read what it had written itself.
    pub(super) fn misses_own_write(&mut self) {
        self.misses_own_write = true;
    }

    fn push(&mut self, case: AnomalyCase) {
        self.cases.push(case);
    }

    fn inconclusive(&mut self, anomaly: Anomaly, finding: Finding) {
        self.push(AnomalyCase { anomaly, count: 1, transactions: Vec::new(), cycle: Vec::new(), finding });
    }

    fn kinds(&self) -> Anomalies {
        self.cases.iter().map(|case| case.anomaly).collect()
    }

    /// What was found before the time was over; of circles nothing is known.
    pub(super) fn conclude_early(mut self, options: &Options) -> TransactionVerdict {
        let finding = options.interrupt.finding("Circles of dependencies were not looked for");
        self.inconclusive(Anomaly::CycleSearchTimeout, finding);
        self.verdict(0, options.forbidden())
    }

    /// Searches the graph for circles, and says what all that was found comes to.
    pub(super) fn conclude(mut self, graph: &Graph, explain: &dyn Explain, options: &Options) -> TransactionVerdict {
        let history = self.history;
        let forbidden = options.forbidden();
        let wanted = Wanted {
            anomalies: forbidden,
            explicit: options.explicit(),
            found: self.kinds(),
            budget: options.search_budget,
            interrupt: &options.interrupt,
        };
        let (cycles, gave_up) = find_cycles(graph, &wanted);
        for found in cycles {
            self.push(explain_cycle(history, explain, &found));
        }
        let nothing = |sentence: String| Finding::unknown(UnknownReason::NoObservations, sentence);
        if graph.is_empty() {
            let sentence = "Nothing that was read or written says which transaction came first.".to_owned();
            self.inconclusive(Anomaly::EmptyTransactionGraph, nothing(sentence));
        } else if options.is_beyond_anomalies() {
            let sentence = "Of what was asked for, nothing can be told from this kind of history.".to_owned();
            self.inconclusive(Anomaly::CycleSearchTimeout, nothing(sentence));
        }
        if let Some(anomaly) = gave_up.first() {
            let undecided = format!("The search for {} was given up", anomaly.about());
            let finding = if options.interrupt.is_raised() {
                options.interrupt.finding(&undecided)
            } else {
                let sentence = format!("{undecided} after {}.", counted(options.search_budget, "edge"));
                Finding::unknown(UnknownReason::Deadline, sentence)
            };
            self.inconclusive(Anomaly::CycleSearchTimeout, finding);
        }
        self.verdict(graph.edge_count(), forbidden)
    }

    fn verdict(self, dependencies: usize, forbidden: Anomalies) -> TransactionVerdict {
        let (found, misses_own_write) = (self.kinds(), self.misses_own_write);
        let mut anomalies = self.cases;
        anomalies.retain(|case| forbidden.has(case.anomaly) || case.anomaly.is_inconclusive());
        anomalies.sort_by_key(|case| case.anomaly);
        let (not, also_not) = Levels::ruled_out(anomalies.iter().map(|case| case.anomaly).collect()).weakest();
        let verdict = gravity(&anomalies);
        TransactionVerdict {
            verdict,
            anomalies,
            not,
            also_not,
            settled: Settled::Open,
            undecided: Vec::new(),
            problem: None,
            figures: vec![
                Figure::new("transactions", count(self.history.len() as u64)),
                Figure::new("dependencies", count(dependencies as u64)),
            ],
            judged: self.history.len() as u64,
            found,
            misses_own_write,
        }
    }
}
