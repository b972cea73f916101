//! What the faults of links have in common: between whom, in which direction, and how they are put in force and seen.
//!
//! A fault of links is a word for it and a reading of its value; the network does the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::flap::{Flapping, Rhythm};
use super::selector::{Chosen, Selector, where_and_value};
use super::{Aim, Fault, Observed, Scene, Undo, describe};
use crate::network::{Effect, LinkRule, Network, RuleId};
use crate::random::Random;

/// A kind of fault of links.
pub(super) struct LinkFault {
    /// Its name.
    pub(super) name: &'static str,
    /// One line about it.
    pub(super) about: &'static str,
    /// Where it acts and how, and what is taken where nothing is said.
    pub(super) arguments: &'static str,
    /// How its time is told in a legend.
    pub(super) label: &'static str,
    /// Its colours, light and dark.
    pub(super) colours: [&'static str; 2],
    /// Its pattern.
    pub(super) pattern: Pattern,
    /// Where it acts where nothing is said.
    pub(super) between: &'static str,
    /// Its value where nothing is said; none where it has no value.
    pub(super) value: &'static str,
    /// Reads its value.
    pub(super) effect: fn(&str) -> Option<Effect>,
    /// Reads of its value how it comes and goes; none where it stays.
    pub(super) rhythm: fn(&str) -> Option<Rhythm>,
    /// The forms of its value, for an error.
    pub(super) forms: &'static str,
}

/// Between whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Between {
    /// Whose data.
    from: Chosen,
    /// On their way to whom; to everybody else, and back, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Chosen>,
}

/// What a fault of links puts in force.
#[derive(Debug, Clone, Default)]
pub struct LinkRules {
    rules: Vec<LinkRule>,
    rhythm: Option<Rhythm>,
    installed: Option<Installed>,
}

#[derive(Debug, Clone)]
enum Installed {
    Always(RuleId),
    Flapping(Arc<Flapping>),
}

impl PartialEq for LinkRules {
    /// Whether they ask for the same.
    fn eq(&self, other: &Self) -> bool {
        (&self.rules, self.rhythm) == (&other.rules, other.rhythm)
    }
}

impl LinkRules {
    fn install(&mut self, network: &Network) {
        self.installed = Some(match self.rhythm {
            None => Installed::Always(network.install(&self.rules)),
            Some(rhythm) => Installed::Flapping(Arc::new(Flapping::start(network.clone(), self.rules.clone(), rhythm))),
        });
    }

    /// Takes them out of force; what they met, in words, and whether that was anything. Doing it twice does no harm.
    pub(super) fn remove(&self, network: &Network) -> (String, bool) {
        match &self.installed {
            None => ("no rule was in force".to_owned(), false),
            Some(Installed::Always(rule)) => describe(&network.remove(*rule)),
            Some(Installed::Flapping(flapping)) => {
                let (evidence, times) = flapping.stop();
                let (words, met_traffic) = describe(&evidence);
                (format!("down {times} times, {words}"), met_traffic)
            }
        }
    }
}

/// A fault of links as far as the seed decides it. The value stands as it was written, so that a plan can be edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Params {
    #[serde(flatten)]
    between: Between,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    value: String,
}

impl LinkFault {
    /// Between whom, and the value.
    fn read<'a>(&'a self, argument: &'a str) -> Result<(&'a str, &'a str), String> {
        let read = where_and_value(argument, |word| (self.effect)(word).is_some());
        let (between, value) = read.map_err(|last| self.is_no_value(last))?;
        Ok((between.unwrap_or(self.between), value.unwrap_or(self.value)))
    }

    fn is_no_value(&self, word: &str) -> String {
        format!("`{word}` is no value of {}: use {}", self.name, self.forms)
    }

    /// The rules of this fault between these nodes.
    fn rules(&self, params: &Params, pairs: &[(NodeId, NodeId)]) -> Option<Vec<LinkRule>> {
        let effect = (self.effect)(&params.value)?;
        Some(pairs.iter().map(|&(from, to)| LinkRule { from, to, effect }).collect())
    }
}

/// `A` or `A > B`, decided by the seed.
fn choose(text: &str, nodes: &[NodeId], random: &mut Random) -> Result<Between, String> {
    let Some((from, to)) = text.split_once('>') else {
        return Ok(Between { from: text.trim().parse::<Selector>()?.choose(nodes, random)?, to: None });
    };
    let (from, to): (Selector, Selector) = (from.trim().parse()?, to.trim().parse()?);
    let from = from.choose(nodes, random)?;
    // Nobody's data are on their way to himself: who is chosen is chosen among the others.
    let mut others = nodes.to_vec();
    if let Chosen::Nodes(from) = &from
        && from.len() < nodes.len()
        && matches!(to, Selector::One | Selector::All)
    {
        others.retain(|node| !from.contains(node));
        others.shuffle(random);
    }
    let to = if matches!(to, Selector::One | Selector::All) {
        to.choose(&others, random)?
    } else {
        to.choose(nodes, random)?
    };
    Ok(Between { from, to: Some(to) })
}

/// The directed pairs that are meant.
fn pairs(from: &[NodeId], to: Option<&[NodeId]>, nodes: &[NodeId]) -> Vec<(NodeId, NodeId)> {
    let all = nodes.iter().flat_map(|one| nodes.iter().map(|other| (*one, *other))).filter(|(one, other)| one != other);
    let is_meant = |&(one, other): &(NodeId, NodeId)| match to {
        Some(to) => from.contains(&one) && to.contains(&other),
        None => from.contains(&one) || from.contains(&other),
    };
    all.filter(is_meant).collect()
}

#[async_trait]
impl Fault for LinkFault {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn arguments(&self) -> &'static str {
        self.arguments
    }

    fn band(&self) -> Band {
        Band {
            name: self.name.to_owned(),
            label: self.label.to_owned(),
            light: self.colours[0].to_owned(),
            dark: self.colours[1].to_owned(),
            pattern: self.pattern,
        }
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        if nodes.len() < 2 {
            return Err(format!("{} acts between nodes, and there is one", self.name));
        }
        let (between, value) = self.read(argument.unwrap_or_default())?;
        let between = choose(between, nodes, random)?;
        let name = |chosen: &Chosen| match chosen {
            Chosen::Nodes(all) if all.len() == nodes.len() => "all".to_owned(),
            some => some.to_string(),
        };
        let whom = match &between.to {
            Some(to) => format!("{} > {}", name(&between.from), name(to)),
            None => name(&between.from),
        };
        let target = if value.is_empty() { whom } else { format!("{whom}, {value}") };
        Ok(Aim { target, params: json!(Params { between, value: value.to_owned() }) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let Params { between, value } = Params::deserialize(params).map_err(|_| {
            format!(
                r#"{} takes whose data are meant ("leader", or nodes), on their way to whom, and a value, as in {{"from": {{"nodes": ["n1"]}}, "to": "leader"}}"#,
                self.name
            )
        })?;
        between.from.check(nodes)?;
        between.to.as_ref().map_or(Ok(()), |to| to.check(nodes))?;
        match (self.effect)(&value) {
            Some(_) => Ok(()),
            None => Err(self.is_no_value(&value)),
        }
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let params: Params = serde_json::from_value(planned.params.clone()).ok()?;
        let from = scene.nodes(&params.between.from).await?;
        let to = match &params.between.to {
            Some(to) => Some(scene.nodes(to).await?),
            None => None,
        };
        let links = pairs(&from, to.as_deref(), &scene.cluster.nodes());
        let rules = self.rules(&params, &links)?;
        let rhythm = (self.rhythm)(&params.value);
        (!rules.is_empty()).then(|| vec![Undo::Clear { links, rules: LinkRules { rules, rhythm, installed: None } }])
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let mut words = String::new();
        for undo in aimed {
            if let Undo::Clear { links, rules } = undo {
                rules.install(scene.cluster.network());
                words = format!("in force on {} directed links", links.len());
            }
        }
        // What it does to traffic is seen at the heal.
        Observed { confirmed: false, evidence: BTreeMap::from([("links".to_owned(), words)]) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::nemesis::{delay, drop, find_fault, rate, reset};
    use crate::network::Distribution;
    use crate::random::{Purpose, stream};

    fn nodes() -> Vec<NodeId> {
        (0..3).map(NodeId::at).collect()
    }

    fn resolved(fault: &LinkFault, argument: &str) -> Result<Params, String> {
        let argument = (!argument.is_empty()).then_some(argument);
        let aim = fault.resolve(argument, &nodes(), &mut stream(1, Purpose::Schedule, 0))?;
        Ok(serde_json::from_value(aim.params).unwrap())
    }

    #[test]
    fn where_and_how_may_be_said_or_left_to_the_fault() {
        let n = NodeId::at;
        let params = resolved(&delay::FAULT, "n1 > n2, 20ms..80ms").unwrap();
        assert_eq!(params.between, Between { from: Chosen::Nodes(vec![n(0)]), to: Some(Chosen::Nodes(vec![n(1)])) });
        let by = Distribution::Uniform { from: Duration::from_millis(20), to: Duration::from_millis(80) };
        assert_eq!((delay::FAULT.effect)(&params.value), Some(Effect::Delay { by }));
        assert_eq!(resolved(&delay::FAULT, "5ms").unwrap().between.from, Chosen::Nodes(nodes()));
        assert_eq!(resolved(&delay::FAULT, "leader").unwrap().between.from, Chosen::Leader);
        assert_eq!(resolved(&reset::FAULT, "").unwrap().value, "");
        assert_eq!(resolved(&drop::FAULT, "n1, n3").unwrap().between.from, Chosen::Nodes(vec![n(0), n(2)]));
        for (fault, bad) in
            [(&delay::FAULT, "n1, 5"), (&rate::FAULT, "n1, 5ms"), (&delay::FAULT, "n9"), (&drop::FAULT, "some")]
        {
            assert!(resolved(fault, bad).is_err(), "{} {bad}", fault.name);
        }
        for _ in 0..50 {
            let Between { from, to } = resolved(&drop::FAULT, "one > one").unwrap().between;
            assert_ne!(Some(from), to);
        }
    }

    #[test]
    fn a_plan_that_was_edited_is_checked() {
        let check = |params: Value| delay::FAULT.check(&params, &nodes());
        assert_eq!(check(json!({"from": {"nodes": ["n1"]}, "to": "leader", "value": "5ms"})), Ok(()));
        for bad in [
            json!({"from": {"nodes": ["n9"]}, "value": "5ms"}),
            json!({"from": {"nodes": ["n1"]}, "to": {"nodes": []}, "value": "5ms"}),
            json!({"from": {"nodes": ["n1"]}, "value": "5"}),
            json!({"value": "5ms"}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_direction_is_meant_alone_only_where_it_is_named() {
        let n = NodeId::at;
        assert_eq!(pairs(&[n(0)], Some(&[n(1)]), &nodes()), [(n(0), n(1))]);
        assert_eq!(pairs(&[n(0)], None, &nodes()), [(n(0), n(1)), (n(0), n(2)), (n(1), n(0)), (n(2), n(0))]);
        assert_eq!(pairs(&nodes(), None, &nodes()).len(), 6);
    }

    #[test]
    fn each_fault_of_links_has_a_value_of_its_own_forms() {
        for name in ["delay", "drop", "flap", "half-close", "loss", "rate", "reset", "slice"] {
            let fault = find_fault(name).unwrap();
            assert!(fault.resolve(None, &nodes(), &mut stream(1, Purpose::Schedule, 0)).is_ok(), "{name}");
        }
    }
}
