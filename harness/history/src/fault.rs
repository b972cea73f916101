//! Faults as the history tells them: requested, installed with evidence, healed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Moment, Nanos, NodeId};

/// What is done with a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FaultAction {
    /// It is put in force.
    Inject,
    /// It is undone.
    Heal,
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FaultOutcome {
    /// The action was carried out.
    Installed,
    /// There was nothing to act on (no leader was known, say).
    Skipped,
    /// The action was tried and failed.
    Failed,
}

/// One event of process `nemesis`: a request where `outcome` is absent, else its completion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultStage {
    /// The fault's name, such as `partition`.
    pub f: String,
    /// The rest of the event.
    pub value: FaultDetail,
}

/// The `value` of a [`FaultStage`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultDetail {
    /// The fault's number in the plan.
    pub id: u32,
    /// Inject or heal.
    pub action: FaultAction,
    /// In words: `n1 n2 | n3 n4 n5`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// The nodes concerned, as far as they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeId>,
    /// What came of it; absent in a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<FaultOutcome>,
    /// Whether the fault was seen to take effect, not merely asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// What was observed, by node (or by `clients`, `links`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, String>,
    /// Machine-readable parameters of the fault as it was resolved.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub params: Value,
}

/// One fault from its request to its heal, gathered from the events.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultInterval {
    /// The fault's number in the plan.
    pub id: u32,
    /// The fault's name.
    pub fault: String,
    /// In words, on whom.
    pub target: String,
    /// The nodes concerned.
    pub nodes: Vec<NodeId>,
    /// When it was asked for.
    pub requested: Moment,
    /// When its injection ended, in whatever way `outcome` says.
    pub installed: Option<Moment>,
    /// When its heal was asked for.
    pub heal_requested: Option<Moment>,
    /// When it was healed; absent if that failed, or the run ended before.
    pub healed: Option<Moment>,
    /// What came of the injection.
    pub outcome: Option<FaultOutcome>,
    /// Whether it was seen to take effect.
    pub confirmed: bool,
    /// What was observed at the injection.
    pub evidence: BTreeMap<String, String>,
    /// What was observed at the heal.
    pub heal_evidence: BTreeMap<String, String>,
}

impl FaultInterval {
    /// The interval of time in which the fault may have had effect, in ns; `end` is the end of the run.
    pub fn span(&self, end: Nanos) -> (Nanos, Nanos) {
        (self.requested.time, self.healed.map_or(end, |healed| healed.time))
    }

    /// Whether the fault may have had effect: it was asked for, and was neither skipped nor failed.
    pub fn may_have_acted(&self) -> bool {
        !matches!(self.outcome, Some(FaultOutcome::Skipped | FaultOutcome::Failed))
    }

    /// Whether the fault was ever put in force.
    pub fn took_place(&self) -> bool {
        self.outcome == Some(FaultOutcome::Installed)
    }
}

/// Gathers fault events into intervals.
#[derive(Debug, Default)]
pub(crate) struct FaultGatherer {
    faults: Vec<FaultInterval>,
}

impl FaultGatherer {
    /// Takes the next event of the nemesis.
    pub(crate) fn take(&mut self, at: Moment, stage: FaultStage) {
        let FaultStage { f: fault, value: detail } = stage;
        let position = self.faults.iter().position(|interval| interval.id == detail.id).unwrap_or_else(|| {
            self.faults.push(FaultInterval {
                id: detail.id,
                fault,
                target: String::new(),
                nodes: Vec::new(),
                requested: at,
                installed: None,
                heal_requested: None,
                healed: None,
                outcome: None,
                confirmed: false,
                evidence: BTreeMap::new(),
                heal_evidence: BTreeMap::new(),
            });
            self.faults.len() - 1
        });
        let interval = &mut self.faults[position];
        if !detail.target.is_empty() {
            interval.target = detail.target;
        }
        if !detail.nodes.is_empty() {
            interval.nodes = detail.nodes;
        }
        interval.confirmed |= detail.confirmed;
        match detail.action {
            FaultAction::Inject => interval.evidence.extend(detail.evidence),
            FaultAction::Heal => interval.heal_evidence.extend(detail.evidence),
        }
        match (detail.action, detail.outcome) {
            (FaultAction::Inject, None) => interval.requested = at,
            (FaultAction::Inject, Some(outcome)) => {
                interval.outcome = Some(outcome);
                interval.installed = Some(at);
            }
            (FaultAction::Heal, None) => interval.heal_requested = Some(at),
            // A heal that failed leaves the fault in force, as far as anybody knows.
            (FaultAction::Heal, Some(FaultOutcome::Failed)) => {}
            (FaultAction::Heal, Some(_)) => interval.healed = Some(at),
        }
    }

    /// The intervals so far.
    pub(crate) fn finish(self) -> Vec<FaultInterval> {
        self.faults
    }
}

impl FaultInterval {
    /// Gathers the events of a run's nemesis into intervals, in the order of their requests.
    pub fn gather(events: impl IntoIterator<Item = (Moment, FaultStage)>) -> Vec<Self> {
        let mut gatherer = FaultGatherer::default();
        for (at, stage) in events {
            gatherer.take(at, stage);
        }
        gatherer.finish()
    }
}

/// How a fault's interval is drawn behind every plot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// The fault's name.
    pub name: String,
    /// Its legend.
    pub label: String,
    /// Colour on light ground, `#rrggbb`.
    pub light: String,
    /// Colour on dark ground, `#rrggbb`.
    pub dark: String,
    /// Its pattern, so that no fault is told by colour alone.
    pub pattern: Pattern,
}

/// The patterns of fault bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Diagonal lines.
    Hatch,
    /// A zigzag line.
    Zigzag,
    /// Small crosses.
    Crosses,
    /// Horizontal dashes.
    Dashes,
    /// A grid.
    Grid,
}
