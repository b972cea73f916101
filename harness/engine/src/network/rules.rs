//! Faults of links: what can be asked for, what is in force, and what it met.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dsjepsen_history::NodeId;

use super::pipe::Step;
use super::shape::{Distribution, Shape};

/// In how many parts a second's bytes pass where the rate is limited.
const QUANTA_A_SECOND: u64 = 200;

/// How late a timer may be.
const LATENESS: Duration = Duration::from_millis(20);

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
        by: Distribution,
    },
    /// Segments are lost with this probability. No byte of a stream is lost by that: it waits until its sender would have
    /// sent it again, and so does all that comes after it.
    Loss {
        /// Of a million.
        per_million: u32,
    },
    /// All connections of the flow together carry no more than this.
    Rate {
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// Data leave each connection in small pieces, with a pause after each.
    Slice {
        /// The most bytes of a piece.
        bytes: usize,
        /// How long the pause is.
        gap: Duration,
    },
    /// The end of the stream (FIN) is passed on after what had arrived when the rule came into force, or after so many bytes
    /// from then on; on new connections likewise. What comes behind that is left where it is. The other direction goes on.
    /// When the rule ends, such a connection is closed with RST.
    HalfClose {
        /// How many; none for at once.
        after: u64,
    },
    /// A connection is closed with RST once so many bytes have passed on it since the rule came into force.
    ResetAfter {
        /// How many.
        bytes: u64,
    },
}

impl Effect {
    /// Whether nothing passes at all.
    pub(super) fn cuts(self) -> bool {
        matches!(self, Self::Blackhole | Self::Reset)
    }
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

#[cfg(test)]
impl RuleId {
    pub(super) fn for_tests(number: u64) -> Self {
        Self(number)
    }
}

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
    /// Connections of which one direction was ended.
    pub connections_half_closed: u64,
    /// Bytes that had to wait by a rule of delay or loss.
    pub bytes_delayed: u64,
    /// The pieces that they came in, of those that have left.
    pub pieces_delayed: u64,
    /// How long these waited, in all, as it was measured when they left.
    pub waited: Duration,
    /// How often data could not leave at once by a rule of rate or slices, and by no other that lets them go later.
    pub times_limited: u64,
}

impl RuleEvidence {
    /// Whether any traffic met the rules.
    pub fn met_traffic(&self) -> bool {
        // Pieces pass a link that loses some of them also where none was lost.
        Self { pieces_delayed: 0, waited: Duration::ZERO, ..*self } != Self::default()
    }
}

impl AddAssign for RuleEvidence {
    fn add_assign(&mut self, other: Self) {
        self.connections_held += other.connections_held;
        self.bytes_held += other.bytes_held;
        self.connections_refused_or_pending += other.connections_refused_or_pending;
        self.connections_reset += other.connections_reset;
        self.connections_half_closed += other.connections_half_closed;
        self.bytes_delayed += other.bytes_delayed;
        self.pieces_delayed += other.pieces_delayed;
        self.waited += other.waited;
        self.times_limited += other.times_limited;
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
    /// When the next byte may pass on a flow of limited rate.
    free_at: BTreeMap<Flow, Instant>,
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

    pub(super) fn shape(&self, flow: Option<Flow>) -> Shape {
        Shape::of(self.effects(flow))
    }

    /// The rules that end the streams of a flow, and after how many bytes.
    pub(super) fn half_closes(&self, flow: Option<Flow>) -> impl Iterator<Item = (RuleId, u64)> {
        self.effects(flow).iter().filter_map(|(rule, effect)| match effect {
            Effect::HalfClose { after } => Some((*rule, *after)),
            _ => None,
        })
    }

    /// How many bytes may pass on a flow now at this rate, and if none may, from when on.
    pub(super) fn allowance(&self, flow: Option<Flow>, rate: u64, now: Instant) -> (usize, Option<Instant>) {
        match flow.and_then(|flow| self.free_at.get(&flow)) {
            Some(free_at) if *free_at > now => (0, Some(*free_at)),
            _ => (usize::try_from(rate / QUANTA_A_SECOND).unwrap_or(usize::MAX).max(1), None),
        }
    }

    /// So many bytes have passed on a flow at this rate. What it was late it may make up for, as far as a timer is late.
    pub(super) fn charge(&mut self, flow: Option<Flow>, rate: u64, bytes: usize, now: Instant) {
        let Some(flow) = flow else { return };
        let took = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let from = self.free_at.get(&flow).map_or(now, |free_at| (*free_at).max(now - LATENESS.min(took)));
        self.free_at.insert(flow, from + took);
    }

    /// Puts down what rules did to data in one step, and what that counts for the steps to come.
    pub(super) fn note(&mut self, flow: Option<Flow>, shape: &Shape, step: &Step, now: Instant) {
        if let Some(rate) = shape.rate {
            self.charge(flow, rate, step.written, now);
        }
        for (rule, bytes) in &step.delayed {
            self.evidence_mut(*rule).bytes_delayed += bytes;
        }
        let (pieces, waited) = step.left;
        for rule in self.acting(&[flow], |effect| matches!(effect, Effect::Delay { .. } | Effect::Loss { .. })) {
            let evidence = self.evidence_mut(rule);
            evidence.pieces_delayed += pieces;
            evidence.waited += waited;
        }
        if let Some(limit) = step.limited_by {
            for rule in self.acting(&[flow], |effect| shape.is_limited_by(limit, effect)) {
                self.evidence_mut(rule).times_limited += 1;
            }
        }
        if step.broke {
            for rule in self.acting(&[flow], |effect| matches!(effect, Effect::ResetAfter { .. })) {
                self.evidence_mut(rule).connections_reset += 1;
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_carries_what_its_rate_says_whoever_asks_and_however_late() {
        let flow = Flow::between(NodeId::at(0), NodeId::at(1));
        for rate in [1_000, 32_000, 5_000_000] {
            let mut rules = RuleTable::default();
            let start = Instant::now();
            let (mut now, mut passed) = (start, 0);
            let end = start + Duration::from_secs(20);
            while now < end {
                match rules.allowance(flow, rate, now) {
                    (_, Some(until)) => {
                        assert!(until > now);
                        // A timer is late by a millisecond or so.
                        now = until + Duration::from_micros(1_100);
                    }
                    (bytes, None) => {
                        rules.charge(flow, rate, bytes, now);
                        passed += bytes as u64;
                    }
                }
            }
            let asked = 20 * rate;
            assert!(passed.abs_diff(asked) * 50 <= asked, "{passed} bytes passed of {asked}");
        }
    }
}
