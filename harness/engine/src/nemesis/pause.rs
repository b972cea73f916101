//! `pause`: nodes stopped by SIGSTOP, or clients whose futures are not polled.
//!
//! A stopped process is not a partitioned one: the kernel keeps what is sent to it and delivers it when it goes on.

use std::borrow::Cow;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::selector::{Chosen, Selector};
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::cluster::ProcessState;
use crate::random::Random;

/// The fault `pause`.
pub(super) const FAULT: Pause = Pause;

pub(super) struct Pause;

/// Who is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Paused {
    /// Every worker that holds something when the fault starts.
    Holder,
    /// Every worker.
    Clients,
    /// These nodes.
    #[serde(untagged)]
    Chosen(Chosen),
}

#[async_trait]
impl Fault for Pause {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn about(&self) -> &'static str {
        "stops nodes (SIGSTOP), or clients, and lets them go on later as if nothing had happened"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, minority (default), majority, all, leader, nodes as in `n1 n3`; holder: every client that holds a lock; clients: all of them"
            .into()
    }

    fn band(&self) -> Band {
        Band {
            name: "pause".to_owned(),
            label: "paused".to_owned(),
            light: "#6c6189".to_owned(),
            dark: "#a79cc7".to_owned(),
            pattern: Pattern::Hatch,
        }
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        let (paused, target) = match argument {
            Some("holder") => (Paused::Holder, "holder".to_owned()),
            Some("clients") => (Paused::Clients, "clients".to_owned()),
            other => {
                let selector: Selector = other
                    .unwrap_or("minority")
                    .parse()
                    .map_err(|error: String| format!("{error}; or `holder` or `clients` for the clients' side"))?;
                let chosen = selector.choose(nodes, random)?;
                let target = chosen.to_string();
                (Paused::Chosen(chosen), target)
            }
        };
        Ok(Aim { target, params: json!(paused) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        match paused(params) {
            Ok(Paused::Chosen(chosen)) => chosen.check(nodes),
            Ok(Paused::Holder | Paused::Clients) => Ok(()),
            Err(error) => Err(format!(
                r#"{error}; a pause takes "holder", "clients", "leader", or nodes as in {{"nodes": ["n1"]}}"#
            )),
        }
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let workers = |wanted: &dyn Fn(usize) -> bool| -> Vec<Undo> {
            (0..scene.gates.len()).filter(|worker| wanted(*worker)).map(|worker| Undo::OpenGate { worker }).collect()
        };
        let aimed = match paused(&planned.params).ok()? {
            Paused::Holder => workers(&|worker| scene.gates[worker].is_holding()),
            Paused::Clients => workers(&|_| true),
            Paused::Chosen(chosen) => {
                scene.nodes(&chosen).await?.into_iter().map(|node| Undo::Resume { node }).collect()
            }
        };
        (!aimed.is_empty()).then_some(aimed)
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let mut observed = Observed { confirmed: true, ..Observed::default() };
        for undo in aimed.iter() {
            match undo {
                Undo::Resume { node } => {
                    let state = scene.cluster.pause(*node).await;
                    observed.confirmed &= state == Some(ProcessState::Stopped);
                    let seen = match state {
                        Some(ProcessState::Stopped) => "stopped (state T)",
                        Some(ProcessState::Running) => "still running after SIGSTOP",
                        None => "not running",
                    };
                    observed.evidence.insert(node.to_string(), seen.to_owned());
                }
                Undo::OpenGate { worker } => {
                    scene.gates[*worker].close();
                    // That it had work to do meanwhile is seen at the heal.
                    observed.confirmed = false;
                    observed.evidence.insert(format!("worker {worker}"), "not polled".to_owned());
                }
                _ => {}
            }
        }
        observed
    }
}

fn paused(params: &Value) -> Result<Paused, serde_json::Error> {
    match params.as_str() {
        Some("holder") => Ok(Paused::Holder),
        Some("clients") => Ok(Paused::Clients),
        _ => Chosen::deserialize(params).map(Paused::Chosen),
    }
}

impl Scene {
    /// The nodes of a choice as of now; `None` where nobody leads.
    pub(super) async fn nodes(&self, chosen: &Chosen) -> Option<Vec<NodeId>> {
        match chosen {
            Chosen::Nodes(nodes) => Some(nodes.clone()),
            Chosen::Leader => self.cluster.leader().await.map(|leader| vec![leader]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn arguments_round_trip_through_the_plan() {
        let nodes: Vec<_> = (0..5).map(NodeId::at).collect();
        let mut random = stream(1, Purpose::Schedule, 0);
        let mut resolve = |argument| FAULT.resolve(argument, &nodes, &mut random);
        let minority = resolve(None).unwrap();
        assert!(matches!(paused(&minority.params), Ok(Paused::Chosen(Chosen::Nodes(nodes))) if nodes.len() == 2));
        for (argument, expected) in
            [("holder", Paused::Holder), ("clients", Paused::Clients), ("leader", Paused::Chosen(Chosen::Leader))]
        {
            assert_eq!(paused(&resolve(Some(argument)).unwrap().params).unwrap(), expected);
        }
        assert!(resolve(Some("everybody")).is_err());
        let typo = FAULT.check(&json!({"node": ["n1"]}), &nodes).unwrap_err();
        assert!(typo.contains("`node`"), "{typo}");
    }
}
