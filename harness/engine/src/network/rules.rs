//! Faults of links: what can be asked for, what is in force, and what it met.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dsjepsen_history::NodeId;

/// What happens to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// They wait. New connections are accepted, but their node is dialled only once both directions pass.
    Blackhole,
    /// Connections between the two sites are closed with RST, whoever dialled, new ones as soon as they are accepted.
    Reset,
    /// Every byte, and the end of the stream, waits this long after it was read, in order. Delay also bounds the rate:
    /// at most [`BUFFER_BYTES`](super::BUFFER_BYTES) of a connection are under way.
    Delay {
        /// How long.
        by: Duration,
    },
}

/// A fault of the data that flow from one site to another, a site being a node with its client group. It holds for
/// requests on the connections that `from` dialled, and for replies on those that `to` dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRule {
    /// Where the data come from.
    pub from: NodeId,
    /// Where they go.
    pub to: NodeId,
    /// What happens to them.
    pub effect: Effect,
}

impl LinkRule {
    /// The same fault in both directions.
    pub fn both_ways(one: NodeId, other: NodeId, effect: Effect) -> [Self; 2] {
        [Self { from: one, to: other, effect }, Self { from: other, to: one, effect }]
    }
}

/// The name of what one call of [`Network::install`](super::Network::install) put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(u64);

// One count for the whole process, so that no network takes the rules of another for its own.
static NEXT_RULE: AtomicU64 = AtomicU64::new(0);

/// What rules met in their life. All zero if no traffic met them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleEvidence {
    /// Connections to a node of which at least one byte was waiting in a cut direction when the rules were removed, or
    /// when the connection ended before.
    pub connections_held: u64,
    /// The bytes that waited then, in the kernel and in the link's own buffer, also of connections that never got as far
    /// as to a node.
    pub bytes_held: u64,
    /// New connections that were left pending or were refused.
    pub connections_refused_or_pending: u64,
    /// Existing connections that were reset.
    pub connections_reset: u64,
    /// Bytes that were read while the rules delayed them.
    pub bytes_delayed: u64,
}

impl RuleEvidence {
    /// Whether any traffic met the rules.
    pub fn met_traffic(&self) -> bool {
        *self != Self::default()
    }
}

/// A direction between two different sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    from: NodeId,
    to: NodeId,
}

impl Flow {
    /// The flow between two sites; none within one, where no rule applies.
    pub(super) fn between(from: NodeId, to: NodeId) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }

    pub(super) fn reversed(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// All rules of a network, by the flow they act on.
#[derive(Debug, Default)]
pub(super) struct RuleTable {
    in_force: BTreeMap<Flow, Vec<(RuleId, Effect)>>,
    evidence: BTreeMap<RuleId, RuleEvidence>,
}

impl RuleTable {
    pub(super) fn add(&mut self, rules: &[LinkRule]) -> RuleId {
        let id = RuleId(NEXT_RULE.fetch_add(1, Ordering::Relaxed));
        self.evidence.insert(id, RuleEvidence::default());
        for rule in rules {
            if let Some(flow) = Flow::between(rule.from, rule.to) {
                self.in_force.entry(flow).or_default().push((id, rule.effect));
            }
        }
        id
    }

    /// Takes the rules out of force; the flows that they acted on.
    pub(super) fn take(&mut self, id: RuleId) -> BTreeSet<Flow> {
        let mut touched = BTreeSet::new();
        self.in_force.retain(|flow, effects| {
            let before = effects.len();
            effects.retain(|(owner, _)| *owner != id);
            if effects.len() < before {
                touched.insert(*flow);
            }
            !effects.is_empty()
        });
        touched
    }

    fn effects(&self, flow: Option<Flow>) -> &[(RuleId, Effect)] {
        flow.and_then(|flow| self.in_force.get(&flow)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_held(&self, flow: Option<Flow>) -> bool {
        self.effects(flow).iter().any(|(_, effect)| *effect == Effect::Blackhole)
    }

    /// Whether connections between the two sites of the flow are reset.
    pub(super) fn is_reset(&self, flow: Option<Flow>) -> bool {
        let resets = |flow| self.effects(flow).iter().any(|(_, effect)| *effect == Effect::Reset);
        resets(flow) || resets(flow.map(Flow::reversed))
    }

    pub(super) fn delay(&self, flow: Option<Flow>) -> Duration {
        self.effects(flow)
            .iter()
            .map(|(_, effect)| match effect {
                Effect::Delay { by } => *by,
                Effect::Blackhole | Effect::Reset => Duration::ZERO,
            })
            .fold(Duration::ZERO, Duration::saturating_add)
    }

    /// The rules that act on one of `flows` with an effect of this kind, each once.
    pub(super) fn acting(&self, flows: &[Option<Flow>], kind: impl Fn(Effect) -> bool) -> BTreeSet<RuleId> {
        flows
            .iter()
            .flat_map(|flow| self.effects(*flow))
            .filter(|(_, effect)| kind(*effect))
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn evidence(&self, id: RuleId) -> RuleEvidence {
        self.evidence.get(&id).copied().unwrap_or_default()
    }

    pub(super) fn evidence_mut(&mut self, id: RuleId) -> &mut RuleEvidence {
        self.evidence.entry(id).or_default()
    }
}
