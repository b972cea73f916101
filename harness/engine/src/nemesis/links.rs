//! What the faults of links have in common: between whom, in which direction, and how they are put in force and seen.
//!
//! A fault of links is a word for it and a reading of its value; the network does the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
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
    /// Reads its value; none where it is no value, or would do nothing.
    pub(super) effect: fn(&str) -> Option<Effect>,
    /// Reads of its value how it comes and goes; none where it stays.
    pub(super) rhythm: fn(&str) -> Option<Rhythm>,
    /// What its value is and its forms, with `takes` before them; empty where it has no value.
    pub(super) forms: &'static str,
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
#[serde(deny_unknown_fields)]
struct Params {
    /// Whose data.
    from: Chosen,
    /// On their way to whom; to everybody else, and back, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Chosen>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    value: String,
}

impl LinkFault {
    /// Between whom, and the value.
    fn read<'a>(&'a self, argument: &'a str) -> Result<(&'a str, String), String> {
        let value = |word: &str| match (self.effect)(word) {
            Some(_) => Ok(word.to_owned()),
            None => Err(self.is_no_value(word)),
        };
        let (between, value) = where_and_value(argument, value)?;
        Ok((between.unwrap_or(self.between), value.unwrap_or_else(|| self.value.to_owned())))
    }

    fn is_no_value(&self, word: &str) -> String {
        let forms = if self.forms.is_empty() { "no value" } else { self.forms };
        format!("`{word}` is no value of {}, which takes {forms}", self.name)
    }

    /// The rules of this fault between these nodes.
    fn rules(&self, params: &Params, pairs: &[(NodeId, NodeId)]) -> Option<Vec<LinkRule>> {
        let effect = (self.effect)(&params.value)?;
        Some(pairs.iter().map(|&(from, to)| LinkRule { from, to, effect }).collect())
    }
}

/// `A` or `A > B`, decided by the seed.
fn choose(text: &str, nodes: &[NodeId], random: &mut Random) -> Result<(Chosen, Option<Chosen>), String> {
    let Some((from, to)) = text.split_once('>') else {
        return Ok((text.trim().parse::<Selector>()?.choose(nodes, random)?, None));
    };
    let (from, to): (Selector, Selector) = (from.trim().parse()?, to.trim().parse()?);
    // Nobody's data are on their way to himself: who is chosen is chosen among the others.
    let named: &[NodeId] = if let Selector::Named(named) = &to { named } else { &[] };
    let from = from.choose_but(named, nodes, random)?;
    let chosen: &[NodeId] = if let Chosen::Nodes(chosen) = &from { chosen } else { &[] };
    let to = Some(to.choose_but(chosen, nodes, random)?);
    is_link(&from, to.as_ref(), nodes)?;
    Ok((from, to))
}

/// Whether there is a link between them, as far as it is known who they are.
fn is_link(from: &Chosen, to: Option<&Chosen>, nodes: &[NodeId]) -> Result<(), String> {
    match (from, to) {
        (Chosen::Nodes(from), Some(Chosen::Nodes(to))) if pairs(from, Some(to), nodes).is_empty() => {
            Err("no link leads from a node to itself: name another behind `>`".to_owned())
        }
        _ => Ok(()),
    }
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

    fn arguments(&self) -> Cow<'static, str> {
        let (words, between) = (Selector::WORDS, self.between);
        let whom = format!(
            "`A > B` for the data of A on their way to B, `A` for all to and from A, each {words} (default: {between})"
        );
        let default = if self.value.is_empty() { "nothing" } else { self.value };
        match self.forms {
            "" => whom.into(),
            forms => format!("{whom}; then, behind a comma, {forms} (default: {default})").into(),
        }
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
        let (from, to) = choose(between, nodes, random)?;
        let name = |chosen: &Chosen| match chosen {
            Chosen::Nodes(all) if all.len() == nodes.len() => "all".to_owned(),
            some => some.to_string(),
        };
        let whom = match &to {
            Some(to) => format!("{} > {}", name(&from), name(to)),
            None => name(&from),
        };
        let target = if value.is_empty() { whom } else { format!("{whom}, {value}") };
        Ok(Aim { target, params: json!(Params { from, to, value }) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let Params { from, to, value } = Params::deserialize(params).map_err(|error| {
            format!(
                r#"{error}; {} takes whose data are meant ("leader", or nodes), on their way to whom, and a value, as in {{"from": {{"nodes": ["n1"]}}, "to": "leader"}}"#,
                self.name
            )
        })?;
        from.check(nodes)?;
        to.as_ref().map_or(Ok(()), |to| to.check(nodes))?;
        is_link(&from, to.as_ref(), nodes)?;
        match (self.effect)(&value) {
            Some(_) => Ok(()),
            None => Err(self.is_no_value(&value)),
        }
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let params: Params = serde_json::from_value(planned.params.clone()).ok()?;
        let from = scene.nodes(&params.from).await?;
        let to = match &params.to {
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
    use crate::nemesis::{delay, drop, find_fault, flap, loss, parse_nemesis, plan_faults, rate, reset, slice};
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
        assert_eq!((params.from, params.to), (Chosen::Nodes(vec![n(0)]), Some(Chosen::Nodes(vec![n(1)]))));
        let by = Distribution::Uniform { from: Duration::from_millis(20), to: Duration::from_millis(80) };
        assert_eq!((delay::FAULT.effect)(&params.value), Some(Effect::Delay { by }));
        assert_eq!(resolved(&delay::FAULT, "5ms").unwrap().from, Chosen::Nodes(nodes()));
        assert_eq!(resolved(&delay::FAULT, "leader").unwrap().from, Chosen::Leader);
        assert_eq!(resolved(&reset::FAULT, "").unwrap().value, "");
        assert_eq!(resolved(&drop::FAULT, "n1, n3").unwrap().from, Chosen::Nodes(vec![n(0), n(2)]));
        for (fault, bad) in
            [(&delay::FAULT, "n1, 5"), (&rate::FAULT, "n1, 5ms"), (&delay::FAULT, "n9"), (&drop::FAULT, "some")]
        {
            assert!(resolved(fault, bad).is_err(), "{} {bad}", fault.name);
        }
    }

    #[test]
    fn every_choice_of_both_sides_has_a_link() {
        for count in 2..6 {
            let nodes: Vec<_> = (0..count).map(NodeId::at).collect();
            for words in ["one", "minority", "majority", "all", "n1", "n2", "n1 n2"] {
                for others in ["one", "minority", "majority", "all", "n1", "n2", "n1 n2"] {
                    for seed in 0..20 {
                        let text = format!("{words} > {others}");
                        let chosen = choose(&text, &nodes, &mut stream(seed, Purpose::Schedule, 0));
                        let same = words == others && ["n1", "n2"].contains(&words);
                        assert_eq!(chosen.is_err(), same, "{text} of {count}: {chosen:?}");
                        let Ok((Chosen::Nodes(from), Some(Chosen::Nodes(to)))) = chosen else { continue };
                        assert!(!pairs(&from, Some(&to), &nodes).is_empty(), "{text} of {count}");
                    }
                }
            }
        }
        let error = parse_nemesis("pause; drop(n1 > n1) at 1s").unwrap();
        let second = Duration::from_secs(1);
        let error = plan_faults(&error, &nodes(), 1, 9 * second, second).unwrap_err();
        assert_eq!(error.column(), Some(13), "{error}");
        assert!(error.to_string().contains("no link leads from a node to itself"), "{error}");
    }

    #[test]
    fn what_would_do_nothing_is_refused_with_what_is_wanted() {
        for (fault, value, wanted) in [
            (&loss::FAULT, "0.00004%", "from 0.0001%"),
            (&loss::FAULT, "0%", "from 0.0001%"),
            (&delay::FAULT, "0ms", "at least 100us"),
            (&delay::FAULT, "99us", "at least 100us"),
            (&delay::FAULT, "0ms..0ms", "at least 100us"),
            (&delay::FAULT, "0ms +- 0ms", "at least 100us"),
            (&delay::FAULT, "exp 0ms", "at least 100us"),
            (&slice::FAULT, "16B every 0ms", "both above 0"),
            (&slice::FAULT, "0B every 1ms", "both above 0"),
            (&rate::FAULT, "0B/s", "above 0"),
            (&reset::FAULT, "after 0B", "above 0"),
            (&flap::FAULT, "0ms every 1s", "shorter"),
        ] {
            for argument in [value.to_owned(), format!("n1 > n2, {value}")] {
                let error = resolved(fault, &argument).unwrap_err();
                assert!(error.contains(wanted) && error.contains(value), "{} {argument}: {error}", fault.name);
            }
            let edited = fault.check(&json!({"from": "leader", "value": value}), &nodes());
            assert!(edited.is_err_and(|error| error.contains(wanted)), "{} {value}", fault.name);
        }
        for (fault, value) in [(&loss::FAULT, "0.0001%"), (&delay::FAULT, "0ms..1ms"), (&delay::FAULT, "0ms +- 5ms")] {
            assert!(resolved(fault, value).is_ok(), "{} {value}", fault.name);
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
            json!({"from": {"nodes": ["n1"]}, "to": {"nodes": ["n1"]}, "value": "5ms"}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
        let typo = check(json!({"from": "leader", "too": {"nodes": ["n1"]}, "value": "5ms"})).unwrap_err();
        assert!(typo.contains("`too`"), "{typo}");
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
