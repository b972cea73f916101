//! `kill`: nodes ended by SIGKILL, and started again with the same line. SIGKILL loses nothing that the kernel has in its page
//! cache: a missing fsync stays hidden from it.

use std::borrow::Cow;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use serde::Deserialize;
use serde_json::{Value, json};

use super::selector::{Chosen, Selector};
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::random::Random;

/// The fault `kill`.
pub(super) const FAULT: Kill = Kill;

pub(super) struct Kill;

#[async_trait]
impl Fault for Kill {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn about(&self) -> &'static str {
        "kills nodes (SIGKILL) and starts them again later with the same command line and data"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, minority (default), majority, all, leader, or nodes as in `n1 n3`".into()
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
        let chosen = argument.unwrap_or("minority").parse::<Selector>()?.choose(nodes, random)?;
        Ok(Aim { target: chosen.to_string(), params: json!(chosen) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let chosen = Chosen::deserialize(params)
            .map_err(|error| format!(r#"{error}; a kill takes "leader", or nodes as in {{"nodes": ["n1"]}}"#))?;
        chosen.check(nodes)
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let chosen: Chosen = serde_json::from_value(planned.params.clone()).ok()?;
        let nodes = scene.nodes(&chosen).await?;
        Some(nodes.into_iter().map(|node| Undo::Restart { node }).collect())
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let nodes: Vec<NodeId> = aimed.iter().flat_map(Undo::nodes).collect();
        let ends = futures_util::future::join_all(nodes.iter().map(|node| scene.cluster.kill(*node))).await;
        let confirmed = ends.iter().all(Option::is_some);
        let evidence = nodes
            .iter()
            .zip(ends)
            .map(|(node, end)| (node.to_string(), end.map_or("did not run".to_owned(), |end| format!("reaped, {end}"))))
            .collect();
        Observed { confirmed, evidence }
    }
}
