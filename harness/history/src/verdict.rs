//! Verdicts and their proof. An explanation is data first (which operations, which rule, drawn how), then words.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Crowd, Index, Nanos};

/// The three verdicts, in the order of their gravity: merging takes the gravest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Nothing contradicts the rules.
    #[default]
    Valid,
    /// It cannot be decided, and a reason says why.
    Unknown,
    /// A rule is broken, and operations prove it.
    Invalid,
}

impl fmt::Display for Gravity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Valid => "valid",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        })
    }
}

/// The closed list of reasons for which a verdict is `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnknownReason {
    /// Nothing was observed that a checker could judge.
    NoObservations,
    /// A kind of operation that the workload needs never succeeded.
    KindNeverSucceeded,
    /// The final reads are missing.
    NoFinalRead,
    /// A checker ran out of time.
    Deadline,
    /// A checker ran out of memory.
    Memory,
    /// A checker failed.
    CheckerError,
    /// A fault that was asked for was never seen to take effect.
    FaultNotConfirmed,
    /// Too few operations.
    BelowMinRate,
    /// The run was cut short.
    Interrupted,
    /// The cluster never came up, or the harness failed.
    SetupFailed,
    /// A history says two things of an operation, and is invalid by the one alone.
    TwoReadings,
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::NoObservations => "no-observations",
            Self::KindNeverSucceeded => "kind-never-succeeded",
            Self::NoFinalRead => "no-final-read",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::CheckerError => "checker-error",
            Self::FaultNotConfirmed => "fault-not-confirmed",
            Self::BelowMinRate => "below-min-rate",
            Self::Interrupted => "interrupted",
            Self::SetupFailed => "setup-failed",
            Self::TwoReadings => "two-readings",
        })
    }
}

/// What decides a verdict: a broken rule with its proof, or the reason for which nothing can be said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name of the rule: `lock.exclusion`; for an `unknown`, the name of its reason.
    pub rule: Cow<'static, str>,
    /// [`Gravity::Invalid`] or [`Gravity::Unknown`].
    pub gravity: Gravity,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<UnknownReason>,
    /// One plain sentence with the object and the figure, for the headline.
    pub sentence: String,
    /// A second sentence of context; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// How many violations of this rule were found; this finding shows one of them, the plainest.
    pub count: u64,
    /// The operations that prove it, by the index of their invocation, in order.
    pub operations: Vec<Index>,
    /// The argument, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Where the proof is a circle of transactions: its edges, each leading to the next, and the last to the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycle: Vec<Edge>,
    /// Figures beside the argument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// The counterexample, to be drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
}

impl Finding {
    /// A finding that makes the verdict unknown.
    pub fn unknown(reason: UnknownReason, sentence: impl Into<String>) -> Self {
        Self {
            rule: Cow::Owned(reason.to_string()),
            gravity: Gravity::Unknown,
            reason: Some(reason),
            sentence: sentence.into(),
            detail: String::new(),
            count: 1,
            operations: Vec::new(),
            steps: Vec::new(),
            cycle: Vec::new(),
            figures: Vec::new(),
            timeline: None,
        }
    }

    /// A finding that makes the verdict invalid, yet without its argument.
    pub fn invalid(rule: &'static str, sentence: impl Into<String>, operations: Vec<Index>) -> Self {
        Self {
            rule: Cow::Borrowed(rule),
            gravity: Gravity::Invalid,
            reason: None,
            sentence: sentence.into(),
            detail: String::new(),
            count: 1,
            operations,
            steps: Vec::new(),
            cycle: Vec::new(),
            figures: Vec::new(),
            timeline: None,
        }
    }
}

/// One step of an argument: `Let` … `And let` … `Then` … `However` ….
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The word that leads it in.
    pub lead: Cow<'static, str>,
    /// The step in words.
    pub text: String,
    /// The operation that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Index>,
}

/// That one transaction must come before another, and what shows it: what is needed to look it up in the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The transaction that comes before, by the index of its invocation.
    pub from: Index,
    /// The one that comes after.
    pub to: Index,
    /// Why, in general.
    pub kind: EdgeKind,
    /// The key that both touched, as the history writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the first wrote or read of the key; none for a read of its initial state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What the second wrote or read of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Who read what the second wrote, of [`EdgeKind::Visible`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<Index>,
}

/// Why one transaction must come before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// The second wrote on top of what the first wrote.
    Overwrote,
    /// The second read what the first wrote.
    Read,
    /// The first read a version that the second overwrote.
    Missed,
    /// The first came before the second in their session.
    Session,
    /// The first had completed before the second was invoked.
    RealTime,
    /// A third read the second's write, although the first's was visible to it.
    Visible,
}

/// A named figure with its unit, as text ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What it counts or measures.
    pub name: Cow<'static, str>,
    /// The figure with its unit: `642 ms`, `33`.
    pub value: String,
}

impl Figure {
    /// A figure.
    pub fn new(name: &'static str, value: impl ToString) -> Self {
        Self { name: Cow::Borrowed(name), value: value.to_string() }
    }
}

/// A small time chart: lanes of spans and marks. Checkers describe it as data, reports draw it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// Start of the shown time, in ns.
    pub from_ns: Nanos,
    /// End of the shown time, in ns.
    pub to_ns: Nanos,
    /// The lanes, top first.
    pub lanes: Vec<Lane>,
    /// The interval in which the rule is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict_ns: Option<(Nanos, Nanos)>,
}

/// One lane of a [`Timeline`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lane {
    /// Whose lane: `process 3 on n1`.
    pub label: String,
    /// Intervals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
    /// Points in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Intervals that are too many and too short to be told apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crowds: Vec<Crowd>,
}

/// An interval in a [`Lane`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its start, in ns.
    pub from_ns: Nanos,
    /// Its end, in ns.
    pub to_ns: Nanos,
    /// How it is drawn.
    pub style: SpanStyle,
    /// Its label; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The operation that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Index>,
}

/// How a [`Span`] is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpanStyle {
    /// An operation that is ok.
    Ok,
    /// An operation that failed.
    Fail,
    /// An operation that is indeterminate.
    Info,
    /// Something surely held (a definite hold, a leadership).
    Definite,
    /// Something promised or possible (a lease, a possible hold).
    Possible,
    /// What a client believed.
    Belief,
}

/// A point in a [`Lane`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When, in ns.
    pub at_ns: Nanos,
    /// Its label.
    pub label: String,
    /// The operation that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Index>,
}

/// What one checker found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Judgement {
    /// The checker's name.
    pub checker: String,
    /// Its verdict; the gravest of its findings.
    pub verdict: Gravity,
    /// What decides the verdict; empty where it is valid.
    pub findings: Vec<Finding>,
    /// Once the findings have been merged into a [`Verdict`]: their rules, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Cow<'static, str>>,
    /// What it counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What it takes for granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<String>,
    /// How many operations it judged.
    pub judged: u64,
}

impl Judgement {
    /// A judgement whose verdict follows from its findings.
    pub fn new(checker: impl Into<String>, judged: u64, findings: Vec<Finding>) -> Self {
        let verdict = findings.iter().map(|finding| finding.gravity).max().unwrap_or_default();
        let checker = checker.into();
        Self { checker, verdict, findings, judged, ..Self::default() }
    }
}

/// The verdict on a run: all judgements merged, with the sentence to be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Version of the format.
    pub schema: u32,
    /// The gravest of all.
    pub verdict: Gravity,
    /// One plain sentence.
    pub sentence: String,
    /// The findings of all checkers, gravest first.
    pub findings: Vec<Finding>,
    /// Counts of operations.
    pub operations: crate::OperationCounts,
    /// Every checker's own result; findings are not repeated here.
    pub checkers: Vec<Judgement>,
    /// What failed in the harness itself or in the set-up; then the verdict says nothing in favour of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness_error: Option<String>,
    /// Whether the run was cut short.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl Verdict {
    /// Merges judgements: invalid before unknown before valid. `valid_sentence` is shown where nothing was found.
    pub fn merge(
        judgements: Vec<Judgement>,
        operations: crate::OperationCounts,
        valid_sentence: impl Into<String>,
    ) -> Self {
        let verdict = judgements.iter().map(|judgement| judgement.verdict).max().unwrap_or(Gravity::Unknown);
        let mut findings = Vec::new();
        let mut checkers = Vec::new();
        for mut judgement in judgements {
            judgement.found = judgement.findings.iter().map(|finding| finding.rule.clone()).collect();
            findings.append(&mut judgement.findings);
            checkers.push(judgement);
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.gravity));
        let sentence = findings.first().map_or_else(|| valid_sentence.into(), |finding| finding.sentence.clone());
        Self {
            schema: crate::SCHEMA,
            verdict,
            sentence,
            findings,
            operations,
            checkers,
            harness_error: None,
            interrupted: false,
        }
    }

    /// The findings of each checker, in the order of [`Verdict::checkers`], and those of none: of the set-up, or of the file.
    pub fn findings_by_checker(&self) -> (Vec<Vec<&Finding>>, Vec<&Finding>) {
        let mut due: Vec<Vec<&str>> =
            self.checkers.iter().map(|checker| checker.found.iter().map(AsRef::as_ref).collect()).collect();
        let mut found = vec![Vec::new(); due.len()];
        let mut of_none = Vec::new();
        for finding in &self.findings {
            // Merging keeps the order of the checkers among findings of one rule.
            let place = due
                .iter()
                .enumerate()
                .find_map(|(checker, rules)| Some((checker, rules.iter().position(|rule| *rule == finding.rule)?)));
            match place {
                Some((checker, rule)) => {
                    due[checker].remove(rule);
                    found[checker].push(finding);
                }
                None => of_none.push(finding),
            }
        }
        (found, of_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_judgement_wins_and_leads() {
        let judgements = vec![
            Judgement::new("a", 3, vec![]),
            Judgement::new("b", 3, vec![Finding::unknown(UnknownReason::Interrupted, "cut short")]),
            Judgement::new("c", 3, vec![Finding::invalid("lock.exclusion", "two held it", vec![1, 2])]),
        ];
        let verdict = Verdict::merge(judgements, Default::default(), "fine");
        assert_eq!(verdict.verdict, Gravity::Invalid);
        assert_eq!(verdict.sentence, "two held it");
        assert_eq!(verdict.findings.len(), 2);
    }

    #[test]
    fn merged_findings_still_belong_to_their_checkers() {
        let unknown = |sentence: &str| Finding::unknown(UnknownReason::KindNeverSucceeded, sentence);
        let judgements = vec![
            Judgement::new("a", 3, vec![unknown("of a"), unknown("of a too")]),
            Judgement::new("b", 3, vec![]),
            Judgement::new("c", 3, vec![unknown("of c"), Finding::invalid("lock.exclusion", "worst", vec![1])]),
        ];
        let mut verdict = Verdict::merge(judgements, Default::default(), "fine");
        verdict.findings.push(unknown("of the file"));
        verdict.findings.insert(0, Finding::unknown(UnknownReason::SetupFailed, "of the set-up"));
        let (found, of_none) = verdict.findings_by_checker();
        let sentences = |findings: &[&Finding]| -> Vec<String> {
            findings.iter().map(|finding| finding.sentence.clone()).collect()
        };
        assert_eq!(
            found.iter().map(|of| sentences(of)).collect::<Vec<_>>(),
            [vec!["of a", "of a too"], vec![], vec!["worst", "of c"]]
        );
        assert_eq!(sentences(&of_none), ["of the set-up", "of the file"]);
    }

    #[test]
    fn no_judgement_at_all_is_unknown() {
        assert_eq!(Verdict::merge(vec![], Default::default(), "fine").verdict, Gravity::Unknown);
    }

    #[test]
    fn reasons_are_written_as_they_are_shown() {
        for reason in [UnknownReason::NoFinalRead, UnknownReason::FaultNotConfirmed, UnknownReason::BelowMinRate] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.to_string());
        }
    }
}
