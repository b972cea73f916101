//! `restart`: nodes that are ended in the way that their target prefers, and started again with their data: the same, or
//! elsewhere, at an address that they did not have before, or with another option of their target. A heal starts them again
//! as they were.
//!
//! Where a node listens is behind its links, which peers and clients go by: they are not told that it moved.

use std::borrow::Cow;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::selector::{Chosen, Selector, where_and_what, whose_and};
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::cluster::FormId;
use crate::random::Random;
use crate::target::Target;

/// The fault `restart`.
pub(super) const FAULT: Restart = Restart;

/// What can be asked for, in words.
const FORMS: &str = "`elsewhere`, or `with` and an option of the target";

pub(super) struct Restart;

/// Who is started anew, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Params {
    whose: Chosen,
    #[serde(flatten)]
    how: How,
}

/// What is different then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct How {
    /// The address.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    elsewhere: bool,
    /// The option of the target that it is started with in addition.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
}

/// How a node was started anew, and the form that it was given for that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changed {
    #[serde(flatten)]
    how: How,
    #[serde(skip)]
    pub(super) id: Option<FormId>,
}

#[async_trait]
impl Fault for Restart {
    fn name(&self) -> &'static str {
        "restart"
    }

    fn about(&self) -> &'static str {
        "ends nodes and starts them again with their data, also at another address or with another option of their target"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, minority (default), majority, all, leader, or nodes as in `n1 n3`; then, behind a comma, `elsewhere` (at another address) \
         or `with NAME` (with this option of the target in addition), until the heal"
            .into()
    }

    fn band(&self) -> Band {
        Band {
            name: "restart".to_owned(),
            label: "restarted".to_owned(),
            light: "#4a6b3a".to_owned(),
            dark: "#9dc58a".to_owned(),
            pattern: Pattern::Dashes,
        }
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        let (whose, how) = where_and_what(argument.unwrap_or_default(), read_how, FORMS)?;
        let (whose, how) = (whose.unwrap_or(Selector::Minority).choose(nodes, random)?, how.unwrap_or_default());
        let words = match &how {
            How { elsewhere: true, .. } => ", elsewhere".to_owned(),
            How { with: Some(option), .. } => format!(", with {option}"),
            How { .. } => String::new(),
        };
        Ok(Aim { target: format!("{whose}{words}"), params: json!(Params { whose, how }) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let (whose, _): (_, How) = whose_and(params).map_err(|error| {
            format!(
                r#"{error}; a restart takes whose ("leader" or {{"nodes": ["n1"]}}), and perhaps "elsewhere": true or "with": an option of the target"#
            )
        })?;
        whose.check(nodes)
    }

    fn check_target(&self, params: &Value, target: &dyn Target) -> Result<(), String> {
        let Ok((_, How { with: Some(option), .. })) = whose_and(params) else { return Ok(()) };
        let known: Vec<&str> = target.variants().iter().map(|variant| variant.name).collect();
        if known.contains(&option.as_str()) {
            return Ok(());
        }
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        Err(format!("target `{}` has no option `{option}` to be started with: {known}", target.name()))
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let (whose, how): (_, How) = whose_and(&planned.params).ok()?;
        let nodes = scene.nodes(&whose).await?;
        let undo = |node| Undo::Restore { node, form: Changed { how: how.clone(), id: None }, stays_down: false };
        Some(nodes.into_iter().map(undo).collect())
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        // First of all: whoever is interrupted from here on still takes the forms away.
        for undo in aimed.iter_mut() {
            if let Undo::Restore { node, form, .. } = undo
                && form.how != How::default()
            {
                form.id = scene.cluster.give_form(*node, form.how.elsewhere, form.how.with.as_deref());
            }
        }
        let nodes: Vec<NodeId> = aimed.iter().flat_map(Undo::nodes).collect();
        let seen = futures_util::future::join_all(nodes.iter().map(|node| scene.cluster.start_anew(*node))).await;
        Observed {
            confirmed: seen.iter().all(|(_, confirmed)| *confirmed),
            evidence: nodes.iter().map(ToString::to_string).zip(seen.into_iter().map(|(seen, _)| seen)).collect(),
        }
    }
}

/// Reads `elsewhere`, `with NAME`.
fn read_how(words: &str) -> Option<How> {
    if words == "elsewhere" {
        return Some(How { elsewhere: true, with: None });
    }
    let option = words.strip_prefix("with")?.strip_prefix(char::is_whitespace)?.trim();
    (!option.is_empty() && !option.contains(char::is_whitespace))
        .then(|| How { elsewhere: false, with: Some(option.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn how_a_node_is_started_anew_is_read_and_planned() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let resolve = |argument| FAULT.resolve(Some(argument), &nodes, &mut stream(1, Purpose::Schedule, 0));
        let plain = resolve("n1, n3").unwrap();
        assert_eq!((plain.target.as_str(), plain.params), ("n1 n3", json!({"whose": {"nodes": ["n1", "n3"]}})));
        let moved = resolve("leader, elsewhere").unwrap();
        assert_eq!(
            (moved.target.as_str(), &moved.params),
            ("leader, elsewhere", &json!({"whose": "leader", "elsewhere": true}))
        );
        let other = resolve("n2,  with  slow").unwrap();
        assert_eq!((other.target.as_str(), &other.params["with"]), ("n2, with slow", &json!("slow")));
        assert!(resolve("elsewhere").unwrap().target.ends_with(", elsewhere"));
        for aim in [moved, other] {
            FAULT.check(&aim.params, &nodes).unwrap();
        }
        for bad in ["one, elswhere", "one, with", "one, with a b", "somewhere", "one, slow"] {
            let error = resolve(bad).unwrap_err();
            assert!(error.contains("`elsewhere`, or `with`"), "{bad}: {error}");
        }
    }
}
