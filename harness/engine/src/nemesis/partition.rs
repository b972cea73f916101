//! `partition`: data stops flowing between sites (a node with its clients), on existing connections at once. Nothing is
//! refused or reset: it hangs, as it does when a cable is pulled, and flows on at the heal.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use futures_util::future::join_all;
use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::selector::all_exist;
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::network::{Effect, LinkRule, LinkTraffic, Source};
use crate::random::Random;

/// The fault `partition`.
pub(super) const FAULT: Partition = Partition;

pub(super) struct Partition;

/// Which directed pairs of nodes are cut. Jepsen calls such a map a grudge: whom a node no longer hears.
type Grudge = BTreeSet<(NodeId, NodeId)>;

/// The shapes, each with its name.
const SHAPES: [(&str, Shape); 6] = [
    ("one", Shape::One),
    ("halves", Shape::Halves),
    ("majorities-ring", Shape::MajoritiesRing),
    ("bridge", Shape::Bridge),
    ("one-way", Shape::OneWay),
    ("leader", Shape::Leader),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Halves,
    MajoritiesRing,
    Bridge,
    OneWay,
    Leader,
}

/// A partition as far as the seed decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Cut {
    /// These directed pairs.
    Pairs(Grudge),
    /// Whoever leads when the fault starts, from everybody else.
    Leader,
}

#[async_trait]
impl Fault for Partition {
    fn name(&self) -> &'static str {
        "partition"
    }

    fn about(&self) -> &'static str {
        "cuts nodes, each with its clients, off from one another: data hangs on open and new connections until the heal"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, halves, majorities-ring, bridge, one-way, leader; without: one of these each time, by the seed".into()
    }

    fn band(&self) -> Band {
        Band {
            name: "partition".to_owned(),
            label: "partitioned".to_owned(),
            light: "#7d6a3f".to_owned(),
            dark: "#c3ad78".to_owned(),
            pattern: Pattern::Zigzag,
        }
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        if nodes.len() < 2 {
            return Err("a partition needs at least two nodes".to_owned());
        }
        let shape = match argument {
            None => SHAPES[random.random_range(0..SHAPES.len())].1,
            Some(name) => {
                SHAPES.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape).ok_or_else(|| {
                    let names: Vec<_> = SHAPES.iter().map(|(name, _)| *name).collect();
                    format!("`{name}` is no shape of a partition: use {}", names.join(", "))
                })?
            }
        };
        let mut shuffled = nodes.to_vec();
        shuffled.shuffle(random);
        let (cut, words) = match shape {
            Shape::One => sides("one", &shuffled[..1], &shuffled[1..]),
            Shape::Halves => {
                let (minority, majority) = shuffled.split_at(nodes.len() / 2);
                sides("halves", minority, majority)
            }
            Shape::Bridge => bridge(&shuffled),
            Shape::MajoritiesRing => majorities_ring(&shuffled),
            Shape::OneWay => {
                let (deaf, heard) = shuffled.split_at(nodes.len() / 2);
                let pairs = pairs(heard, deaf);
                (Cut::Pairs(pairs), format!("one-way: {} no longer hear {}", names(deaf), names(heard)))
            }
            Shape::Leader => (Cut::Leader, "leader".to_owned()),
        };
        Ok(Aim { target: words, params: json!(cut) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        match Cut::deserialize(params) {
            Ok(Cut::Leader) => Ok(()),
            Ok(Cut::Pairs(pairs)) if pairs.iter().all(|(from, to)| from == to) => Err("no link is cut".to_owned()),
            Ok(Cut::Pairs(pairs)) => all_exist(pairs.iter().flat_map(|(from, to)| [from, to]), nodes),
            Err(error) => Err(format!(
                r#"{error}; a partition takes "leader", or directed links as in {{"pairs": [["n1", "n2"]]}}"#
            )),
        }
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let grudge = match serde_json::from_value(planned.params.clone()).ok()? {
            Cut::Pairs(pairs) => pairs,
            Cut::Leader => {
                let leader = scene.cluster.leader().await?;
                let others: Vec<_> = scene.cluster.nodes().into_iter().filter(|node| *node != leader).collect();
                both_ways(&[leader], &others)
            }
        };
        Some(vec![Undo::Reconnect { cut: grudge.into_iter().collect(), rule: None, probed: false }])
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let mut observed = Observed::default();
        for undo in aimed {
            if let Undo::Reconnect { cut, rule, probed } = undo {
                let blackhole = |&(from, to)| LinkRule { from, to, effect: Effect::Blackhole };
                let rules: Vec<LinkRule> = cut.iter().map(blackhole).collect();
                *rule = Some(scene.cluster.network().install(&rules));
                (observed, *probed) = probe(scene, cut).await;
            }
        }
        observed
    }
}

/// Asks every node that was cut off, over the cut links, and says whether there was anybody to ask. Where a target gives
/// nothing to ask, only traffic that hangs at the cut until the heal can show that it took effect. Silence on links that no
/// node has ever used shows nothing: then the nodes go past them.
async fn probe(scene: &Scene, cut: &[(NodeId, NodeId)]) -> (Observed, bool) {
    let of_nodes = |traffic: &LinkTraffic| matches!(traffic.link.from, Source::Node(_)) && traffic.bytes_forward > 0;
    let used = scene.cluster.network().traffic().iter().any(of_nodes);
    let probes = join_all(cut.iter().map(|(from, to)| scene.cluster.passes(*from, *to))).await;
    let silent = probes.iter().filter(|passes| **passes == Some(false)).count();
    let answered = probes.iter().filter(|passes| **passes == Some(true)).count();
    let unused = if used { "" } else { ", but no node has used a link so far" };
    let words = match (silent, answered) {
        (0, 0) => format!("{} directed links cut{unused}", cut.len()),
        _ => format!("{} directed links cut, {silent} probes unanswered, {answered} answered{unused}", cut.len()),
    };
    let confirmed = used && silent > 0 && answered == 0;
    (Observed { confirmed, evidence: BTreeMap::from([("links".to_owned(), words)]) }, silent + answered > 0)
}

fn names(nodes: &[NodeId]) -> String {
    let mut sorted = nodes.to_vec();
    sorted.sort_unstable();
    sorted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn pairs(from: &[NodeId], to: &[NodeId]) -> Grudge {
    from.iter().flat_map(|from| to.iter().map(|to| (*from, *to))).collect()
}

fn both_ways(a: &[NodeId], b: &[NodeId]) -> Grudge {
    &pairs(a, b) | &pairs(b, a)
}

fn sides(shape: &str, a: &[NodeId], b: &[NodeId]) -> (Cut, String) {
    (Cut::Pairs(both_ways(a, b)), format!("{shape}: {} | {}", names(a), names(b)))
}

/// Two halves, and between them one node that both still hear.
fn bridge(shuffled: &[NodeId]) -> (Cut, String) {
    if shuffled.len() < 3 {
        return sides("halves", &shuffled[..1], &shuffled[1..]);
    }
    let (bridge, rest) = (shuffled[0], &shuffled[1..]);
    let (a, b) = rest.split_at(rest.len() / 2);
    (Cut::Pairs(both_ways(a, b)), format!("bridge: {} | {}, both hear {bridge}", names(a), names(b)))
}

/// Every node hears a majority, but no two the same one: on a ring each hears its nearest neighbours alone.
fn majorities_ring(shuffled: &[NodeId]) -> (Cut, String) {
    let count = shuffled.len();
    if count < 4 {
        // With three nodes a majority is two: cutting one link leaves everybody one.
        return bridge(shuffled);
    }
    // 2 × reach neighbours and the node itself are a majority.
    let majority = count / 2 + 1;
    let reach = majority / 2;
    let mut grudge = Grudge::new();
    for (a, from) in shuffled.iter().enumerate() {
        for (b, to) in shuffled.iter().enumerate() {
            let apart = a.abs_diff(b).min(count - a.abs_diff(b));
            if apart > reach {
                grudge.insert((*from, *to));
            }
        }
    }
    let ring: Vec<_> = shuffled.iter().map(ToString::to_string).collect();
    (Cut::Pairs(grudge), format!("majorities-ring: {}", ring.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    fn cut(shape: &str, count: usize, seed: u64) -> Grudge {
        let nodes: Vec<_> = (0..count).map(NodeId::at).collect();
        let aim = FAULT.resolve(Some(shape), &nodes, &mut stream(seed, Purpose::Schedule, 0)).unwrap();
        match serde_json::from_value(aim.params).unwrap() {
            Cut::Pairs(pairs) => pairs,
            Cut::Leader => panic!("the leader is not known yet"),
        }
    }

    fn heard_by(node: NodeId, count: usize, grudge: &Grudge) -> BTreeSet<NodeId> {
        (0..count).map(NodeId::at).filter(|other| !grudge.contains(&(*other, node))).collect()
    }

    #[test]
    fn in_a_ring_everybody_hears_a_majority_and_no_two_the_same() {
        for count in 3..10 {
            for seed in 0..20 {
                let grudge = cut("majorities-ring", count, seed);
                assert!(!grudge.is_empty(), "{count} nodes: nothing is cut");
                let views: BTreeSet<_> = (0..count).map(|at| heard_by(NodeId::at(at), count, &grudge)).collect();
                assert!(views.iter().all(|view| view.len() > count / 2), "{count} nodes: {views:?}");
                if count >= 5 && count % 2 == 1 {
                    assert_eq!(views.len(), count, "{count} nodes: {views:?}");
                }
            }
        }
    }

    #[test]
    fn shapes_cut_what_they_say() {
        for seed in 0..20 {
            let halves = cut("halves", 5, seed);
            assert_eq!(halves.len(), 2 * 2 * 3);
            assert_eq!(cut("one", 5, seed).len(), 2 * 4);
            let one_way = cut("one-way", 5, seed);
            assert_eq!(one_way.len(), 2 * 3);
            assert!(one_way.iter().all(|(from, to)| !one_way.contains(&(*to, *from))));
            let bridge = cut("bridge", 5, seed);
            assert_eq!(bridge.len(), 2 * 2 * 2);
            let free: Vec<_> = (0..5).map(NodeId::at).filter(|node| heard_by(*node, 5, &bridge).len() == 5).collect();
            assert_eq!(free.len(), 1, "one node hears everybody");
        }
    }

    #[test]
    fn unknown_shapes_and_lonely_nodes_are_refused() {
        let mut random = stream(1, Purpose::Schedule, 0);
        let nodes: Vec<_> = (0..5).map(NodeId::at).collect();
        assert!(FAULT.resolve(Some("thirds"), &nodes, &mut random).unwrap_err().contains("majorities-ring"));
        assert!(FAULT.resolve(None, &nodes[..1], &mut random).is_err());
    }
}
