//! `limit`: nodes whose processes may open fewer files, or have less memory. Only the soft limit is lowered, so that it can be
//! raised again by whoever owns the process. Other processes that a node starts meanwhile, or is started as, have it too.
//!
//! It is confirmed where every process is read back to have it and one of them was seen to be able to have no more; or where
//! the node ended by itself meanwhile.

use std::borrow::Cow;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use serde::Serialize;
use serde_json::{Value, json};

use super::selector::{Chosen, Selector, where_and_what, whose_and};
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::cluster::{Limit, Resource};
use crate::random::Random;
use crate::units::read_bytes;

/// The fault `limit`.
pub(super) const FAULT: Limiter = Limiter;

/// What can be asked for, in words.
const FORMS: &str =
    "`files 64`, `memory 64MiB`, or with a `+` so much above what is used at the start: `files +4`, `memory +16MiB`";

/// What holds where nothing is said: the next file, or connection, is one too many.
const NO_MORE_FILES: Limit = Limit { resource: Resource::Files, most: 0, above_use: true };

pub(super) struct Limiter;

/// Who is limited, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Params {
    whose: Chosen,
    #[serde(flatten)]
    limit: Limit,
}

#[async_trait]
impl Fault for Limiter {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn about(&self) -> &'static str {
        "lets the processes of nodes open fewer files, or have less memory of their own (soft limits NOFILE and DATA)"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, minority (default), majority, all, leader, or nodes as in `n1 n3`; then, behind a comma, the limit: `files 64`, \
         `memory 64MiB`, or with a `+` so much above what is used at the start: `files +4`, `memory +16MiB` (default: `files +0`)"
            .into()
    }

    fn band(&self) -> Band {
        Band {
            name: "limit".to_owned(),
            label: "limited".to_owned(),
            light: "#7a6a1f".to_owned(),
            dark: "#cdbb6a".to_owned(),
            pattern: Pattern::Zigzag,
        }
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        let (whose, limit) = where_and_what(argument.unwrap_or_default(), read_limit, FORMS)?;
        let limit = limit.unwrap_or(NO_MORE_FILES);
        let whose = whose.unwrap_or(Selector::Minority).choose(nodes, random)?;
        Ok(Aim { target: format!("{whose}, {limit}"), params: json!(Params { whose, limit }) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let (whose, limit): (_, Limit) = whose_and(params).map_err(|error| {
            format!(
                r#"{error}; a limit takes whose ("leader" or {{"nodes": ["n1"]}}), resource ("files" or "memory") and most, as in the plan of a run"#
            )
        })?;
        whose.check(nodes)?;
        is_limit(&limit).then_some(()).ok_or_else(|| format!("{limit} is no limit: use {FORMS}"))
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let (whose, limit) = whose_and(&planned.params).ok()?;
        let nodes = scene.nodes(&whose).await?;
        Some(nodes.into_iter().map(|node| Undo::Lift { node, limit, id: None }).collect())
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let mut observed = Observed { confirmed: true, ..Observed::default() };
        for undo in aimed {
            if let Undo::Lift { node, limit, id } = undo {
                let begun = scene.cluster.limit(*node, *limit);
                *id = Some(begun);
                let seen = scene.cluster.limited(*node, begun, limit.resource);
                // What comes later is seen at the heal.
                observed.confirmed &= seen.confirmed;
                observed.evidence.insert(node.to_string(), seen.seen);
            }
        }
        observed
    }
}

/// Reads `files 64`, `memory +16MiB`.
fn read_limit(words: &str) -> Option<Limit> {
    let (resource, amount) = words.split_once(char::is_whitespace)?;
    let amount = amount.trim();
    let (amount, above_use) = amount.strip_prefix('+').map_or((amount, false), |amount| (amount, true));
    let (resource, most) = match resource {
        "files" => (Resource::Files, amount.parse().ok()?),
        "memory" => (Resource::Memory, read_binary_bytes(amount).or_else(|| read_bytes(amount))?),
        _ => return None,
    };
    Some(Limit { resource, most, above_use }).filter(is_limit)
}

/// `16MiB`: the units being powers of two.
fn read_binary_bytes(word: &str) -> Option<u64> {
    let (number, shift) = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
        .iter()
        .find_map(|(unit, shift)| Some((word.strip_suffix(unit)?, shift)))?;
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Without any file or memory nothing runs that could be seen; and what is more than any machine has is no limit.
fn is_limit(limit: &Limit) -> bool {
    let most = match limit.resource {
        Resource::Files => 1 << 30,
        Resource::Memory => 1 << 50,
    };
    (u64::from(!limit.above_use)..=most).contains(&limit.most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    fn resolve(argument: &str) -> Result<Aim, String> {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let aim = FAULT.resolve(Some(argument), &nodes, &mut stream(1, Purpose::Schedule, 0))?;
        FAULT.check(&aim.params, &nodes).map(|()| aim)
    }

    #[test]
    fn limits_are_read_and_planned() {
        let files = resolve("n1, files 64").unwrap();
        assert_eq!(files.target, "n1, files 64");
        assert_eq!(files.params, json!({"whose": {"nodes": ["n1"]}, "resource": "files", "most": 64}));
        let memory = resolve("leader, memory +16MiB").unwrap();
        assert_eq!(memory.target, "leader, memory +16MiB");
        assert_eq!(
            memory.params,
            json!({"whose": "leader", "resource": "memory", "most": 16 << 20, "above_use": true})
        );
        assert_eq!(resolve("n1 n2, memory 64MB").unwrap().target, "n1 n2, memory 64000000B");
        assert_eq!(resolve("n1 n2, memory 2GiB").unwrap().target, "n1 n2, memory 2048MiB");
        assert_eq!(resolve("files +0"), resolve(""));
        assert_eq!(resolve("n1").unwrap().target, "n1, files +0");
    }

    #[test]
    fn what_is_no_limit_is_refused_with_the_words_for_one() {
        for bad in
            ["n1, files", "n1, files 0", "n1, files many", "n1, files -4", "memory 16", "n1, disk 4GiB", "n9, files 4"]
        {
            let error = resolve(bad).unwrap_err();
            assert!(error.contains("`files 64`") || error.contains("no node n9"), "{bad}: {error}");
        }
        let nodes = [NodeId::at(0)];
        let check = |limit: Value| FAULT.check(&limit, &nodes);
        assert!(check(json!({"whose": {"nodes": ["n1"]}, "resource": "files", "most": 0})).is_err());
        assert!(check(json!({"whose": {"nodes": ["n1"]}, "resource": "disk", "most": 1})).is_err());
    }
}
