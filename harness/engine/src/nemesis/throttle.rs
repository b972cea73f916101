//! `throttle`: nodes that run at a fraction of their speed, as on a crowded machine: they are stopped and go on many times a
//! second. It looks like a slow node to the others, never like a dead one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::selector::{Chosen, Selector, where_and_value};
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::cluster::Throttling;
use crate::random::Random;

/// The fault `throttle`.
pub(super) const FAULT: Throttle = Throttle;

/// What a node may run without anything being said.
const PERCENT: u8 = 20;

pub(super) struct Throttle;

/// Who is throttled, and how much it may run, in hundredths of the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    whose: Chosen,
    percent: u8,
}

/// A node's share of the time, and what keeps it to that once it is in force.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Share {
    percent: u8,
    #[serde(skip)]
    throttling: Option<Arc<Throttling>>,
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.percent == other.percent
    }
}

fn percent(word: &str) -> Option<u8> {
    word.strip_suffix('%')?.parse().ok().filter(|percent| is_share(*percent))
}

/// Less cannot be told from a pause, and more is nothing.
fn is_share(percent: u8) -> bool {
    (5..=95).contains(&percent)
}

#[async_trait]
impl Fault for Throttle {
    fn name(&self) -> &'static str {
        "throttle"
    }

    fn about(&self) -> &'static str {
        "lets nodes run for a fraction of the time only: they are stopped and go on 50 times a second"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, minority (default), majority, all, leader, or nodes as in `n1 n3`; then, behind a comma, how much they run, as in `30%` \
         (default: 20%)"
            .into()
    }

    fn band(&self) -> Band {
        Band {
            name: "throttle".to_owned(),
            label: "throttled".to_owned(),
            light: "#8a4f7d".to_owned(),
            dark: "#d39cc6".to_owned(),
            pattern: Pattern::Grid,
        }
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        let share = |word: &str| {
            percent(word).ok_or_else(|| format!("`{word}` is no share of the time: use one from 5% to 95%"))
        };
        let (whose, share) = where_and_value(argument.unwrap_or_default(), share)?;
        let whose = whose.unwrap_or("minority").parse::<Selector>()?.choose(nodes, random)?;
        let percent = share.unwrap_or(PERCENT);
        Ok(Aim { target: format!("{whose}, {percent}%"), params: json!(Params { whose, percent }) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let Params { whose, percent } = Params::deserialize(params).map_err(|error| {
            format!(r#"{error}; a throttle takes whose ("leader" or {{"nodes": ["n1"]}}) and a percent, as in the plan of a run"#)
        })?;
        whose.check(nodes)?;
        is_share(percent)
            .then_some(())
            .ok_or_else(|| format!("{percent} % is no share of the time: use one from 5 to 95"))
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let Params { whose, percent } = serde_json::from_value(planned.params.clone()).ok()?;
        let nodes = scene.nodes(&whose).await?;
        let share = Share { percent, throttling: None };
        Some(nodes.into_iter().map(|node| Undo::Unthrottle { node, share: share.clone() }).collect())
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let mut evidence = BTreeMap::new();
        for undo in aimed {
            if let Undo::Unthrottle { node, share } = undo {
                share.throttling = Some(Arc::new(scene.cluster.throttle(*node, share.percent)));
                let down = scene.down(*node);
                evidence.insert(node.to_string(), format!("is to run {} % of the time{down}", share.percent));
            }
        }
        // That it was stopped again and again is seen at the heal.
        Observed { confirmed: false, evidence }
    }
}

impl Scene {
    /// What is added to the evidence of a node that is down; a fault that holds for it then acts once it runs again.
    pub(super) fn down(&self, node: NodeId) -> &'static str {
        if self.cluster.is_running(node) { "" } else { ", is down" }
    }

    /// Lets a throttled node run all the time again; what was seen of it, and whether it was ever stopped.
    pub(super) async fn unthrottle(&self, node: NodeId, share: &Share) -> (String, bool) {
        let Some(throttling) = &share.throttling else { return ("was not throttled".to_owned(), false) };
        let (times, used) = self.cluster.unthrottle(throttling).await;
        let used = used.map(|used| format!(", used {:.0} % of a processor", used * 100.0)).unwrap_or_default();
        (format!("was seen stopped {times} times{used}{}", self.down(node)), times > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn shares_are_read_and_checked() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let resolve = |argument| FAULT.resolve(Some(argument), &nodes, &mut stream(1, Purpose::Schedule, 0));
        assert_eq!(resolve("n1 n2, 30%").unwrap().target, "n1 n2, 30%");
        assert_eq!(resolve("leader").unwrap().target, "leader, 20%");
        assert!(resolve("50%").unwrap().target.ends_with(", 50%"));
        for bad in ["n1, 3%", "n1, 100%", "n9", "n1, 30"] {
            assert!(resolve(bad).is_err(), "{bad}");
        }
        let check = |percent: u8| FAULT.check(&json!({"whose": {"nodes": ["n1"]}, "percent": percent}), &nodes);
        assert!(check(30).is_ok() && check(100).is_err() && check(0).is_err());
        let typo = FAULT.check(&json!({"whose": "leader", "percent": 30, "percentage": 40}), &nodes).unwrap_err();
        assert!(typo.contains("`percentage`"), "{typo}");
    }
}
