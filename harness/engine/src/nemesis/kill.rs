//! `kill`: nodes ended by SIGKILL, and started again with the same line; or, with `boot`, killed again and again as they boot.
//! SIGKILL loses nothing that the kernel has in its page cache: a missing fsync stays hidden from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use std::borrow::Cow;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::selector::{Chosen, Selector, where_and_what};
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::cluster::BootKills;
use crate::random::{Purpose, Random, stream};

/// The fault `kill`.
pub(super) const FAULT: Kill = Kill;

pub(super) struct Kill;

/// Who is killed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Params {
    /// At each boot; the number decides at which moments.
    Boot { whose: Chosen, boot: u32 },
    /// Once.
    Once(Chosen),
}

impl Params {
    fn whose(&self) -> &Chosen {
        match self {
            Self::Boot { whose, .. } | Self::Once(whose) => whose,
        }
    }
}

/// What decides at which moments of its boots a node is killed, and what does that once it is in force.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BootDraw {
    boot: u32,
    #[serde(skip)]
    kills: Option<Arc<BootKills>>,
}

impl PartialEq for BootDraw {
    fn eq(&self, other: &Self) -> bool {
        self.boot == other.boot
    }
}

#[async_trait]
impl Fault for Kill {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn about(&self) -> &'static str {
        "kills nodes (SIGKILL) and starts them again later with the same command line and data; or kills them at each boot"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, minority (default), majority, all, leader, or nodes as in `n1 n3`; then, behind a comma, `boot`: started again at once \
         and killed at a random moment of the boot, over and over"
            .into()
    }

    fn band(&self) -> Band {
        Band {
            name: "kill".to_owned(),
            label: "killed".to_owned(),
            light: "#3b3f47".to_owned(),
            dark: "#c8ccd4".to_owned(),
            pattern: Pattern::Crosses,
        }
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        let is_boot = |word: &str| (word == "boot").then_some(());
        let (whose, at_boot) = where_and_what(argument.unwrap_or_default(), is_boot, "`boot`")?;
        let whose = whose.unwrap_or(Selector::Minority).choose(nodes, random)?;
        if at_boot.is_none() {
            return Ok(Aim { target: whose.to_string(), params: json!(whose) });
        }
        Ok(Aim { target: format!("{whose}, boot"), params: json!(Params::Boot { whose, boot: random.random() }) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let params = Params::deserialize(params).map_err(|_| {
            r#"a kill takes "leader", or nodes as in {"nodes": ["n1"]}; at boot {"whose": …, "boot": a number}"#
                .to_owned()
        })?;
        params.whose().check(nodes)
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let params: Params = serde_json::from_value(planned.params.clone()).ok()?;
        let nodes = scene.nodes(params.whose()).await?;
        let undo = |node| match params {
            Params::Once(_) => Undo::Restart { node },
            Params::Boot { boot, .. } => Undo::Boot { node, draw: BootDraw { boot, kills: None } },
        };
        Some(nodes.into_iter().map(undo).collect())
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let nodes: Vec<NodeId> = aimed.iter().flat_map(Undo::nodes).collect();
        let ends = futures_util::future::join_all(nodes.iter().map(|node| scene.cluster.kill(*node))).await;
        let mut confirmed = ends.iter().all(Option::is_some);
        let ends = ends.into_iter().map(|end| end.map_or("did not run".to_owned(), |end| format!("reaped, {end}")));
        let mut evidence: BTreeMap<String, String> = nodes.iter().map(ToString::to_string).zip(ends).collect();
        for undo in aimed {
            if let Undo::Boot { node, draw } = undo {
                let random = stream(draw.boot.into(), Purpose::Boots, usize::from(node.number()));
                let kills = Arc::new(scene.cluster.kill_at_boot(*node, random));
                if let Some(seen) = evidence.get_mut(&node.to_string()) {
                    *seen += &format!("; from now on in the first {} ms of each boot", kills.latest.as_millis());
                }
                draw.kills = Some(kills);
                // That it was killed before it was ready is seen at the heal.
                confirmed = false;
            }
        }
        Observed { confirmed, evidence }
    }
}

impl Scene {
    /// Lets a node boot that was killed at each boot; what was seen of that, and whether a kill came before it was ready.
    pub(super) async fn let_boot(&self, draw: &BootDraw) -> (String, bool) {
        let Some(kills) = &draw.kills else { return ("was not killed at its boot".to_owned(), false) };
        let boots = self.cluster.let_boot(kills).await;
        let (before, after) = (boots.before_ready, boots.after_ready);
        let mut seen = format!("killed {} times as it booted, {before} of them before it was ready", before + after);
        for (times, what) in [(boots.own_ends, "ended by itself"), (boots.not_started, "could not be started")] {
            if times > 0 {
                seen += &format!(", {what} {times} times");
            }
        }
        (seen, before > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_at_boot_is_drawn_and_a_plain_one_is_planned_as_ever() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let resolve = |argument, seed| FAULT.resolve(Some(argument), &nodes, &mut stream(seed, Purpose::Schedule, 0));
        let plain = resolve("n2", 1).unwrap();
        assert_eq!((plain.target.as_str(), plain.params), ("n2", json!({"nodes": ["n2"]})));
        let boot = resolve("n1, n3, boot", 1).unwrap();
        assert_eq!(boot.target, "n1 n3, boot");
        assert_eq!(boot.params["whose"], json!({"nodes": ["n1", "n3"]}));
        assert_ne!(boot.params["boot"], resolve("n1, n3, boot", 2).unwrap().params["boot"]);
        assert_eq!(resolve("boot", 1).unwrap().target.split(',').count(), 2);
        assert_eq!(resolve("leader, boot", 1).unwrap().target, "leader, boot");
        for aim in [resolve("all", 1).unwrap(), resolve("leader, boot", 1).unwrap(), boot] {
            FAULT.check(&aim.params, &nodes).unwrap();
        }
        assert!(FAULT.check(&json!({"whose": {"nodes": ["n9"]}, "boot": 1}), &nodes).is_err());
        for (bad, says) in [("one, boots", "`boots` means nothing"), ("boots", "or `boot`"), ("n9, boot", "no node n9")]
        {
            let error = resolve(bad, 1).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }
}
