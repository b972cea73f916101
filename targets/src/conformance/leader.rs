//! The steps of views and of writes that a leader acknowledges.

use dsjepsen_engine::api::{LeaderWrites, Serve, View, Views};
use dsjepsen_history::NodeId;
use serde_json::Value;

use super::{Broken, CheckResult, Examination, Shown, look, soon};

const VIEW: &str = "view";
const LEADER_WRITE: &str = "leader-write";

impl Examination<'_> {
    pub(super) async fn leader(&mut self) {
        if let Some(serve) = self.abilities.views.clone() {
            let examined = self.views(&serve).await;
            self.conclude(VIEW, examined);
        }
        if let Some(serve) = self.abilities.leader_writes.clone() {
            let examined = self.leader_writes(&serve).await;
            self.conclude(LEADER_WRITE, examined);
        }
    }

    async fn views(&mut self, serve: &Serve<dyn Views>) -> Result<(), Broken> {
        let nodes = self.cluster.nodes();
        let mut leader: Option<(NodeId, View)> = None;
        for node in nodes.clone() {
            self.names_itself(node).await;
            let views = self.connect(VIEW, serve, node)?;
            let fits = |view: &View| {
                view.leader.is_some_and(|named| nodes.contains(&named))
                    && (!view.believes_leader || view.leader == Some(node))
            };
            let came = look(false, async || views.view(soon()).await, fits).await;
            let step = format!("ask {node} who leads");
            let expected = "a node of the cluster; itself if it believes that it leads";
            let view = self.expect(VIEW, &step, expected, came, fits)?;
            if view.believes_leader {
                leader = Some((node, view));
            }
        }
        let Some((node, before)) = leader else {
            self.push(
                VIEW,
                "look for the leader",
                "a node that believes that it leads",
                CheckResult::Failed("none".to_owned()),
            );
            return Err(Broken);
        };
        if before.since.is_none() {
            self.skip(VIEW, &format!("ask {node} again since when it leads"), "it does not tell `since`");
            return Ok(());
        }
        let views = self.connect(VIEW, serve, node)?;
        let came = views.view(soon()).await;
        let same_time = |view: &View| (view.term, view.incarnation) == (before.term, before.incarnation);
        // A leader that lost its place meanwhile has shown nothing wrong.
        let fits = |view: &View| !view.believes_leader || !same_time(view) || view.since == before.since;
        let expected = format!("since {}, as before, while it leads", before.since.shown());
        self.expect(VIEW, &format!("ask {node} again since when it leads"), expected, came, fits).map(drop)
    }

    /// The name in a node's own view is seen over HTTP alone: to whoever asks through a client it is known.
    async fn names_itself(&mut self, node: NodeId) {
        let Some(port) = self.contract_port else { return };
        let view = self.cluster.control().get_json(node, port, "/view").await;
        let named = view.as_ref().and_then(|view| view.get("node")).and_then(Value::as_str);
        let result = match named {
            Some(name) if name == node.to_string() => CheckResult::Passed(name.to_owned()),
            other => CheckResult::Failed(other.unwrap_or("no name").to_owned()),
        };
        self.push(VIEW, &format!("ask {node} for its name"), node, result);
    }

    async fn leader_writes(&mut self, serve: &Serve<dyn LeaderWrites>) -> Result<(), Broken> {
        let (first, last) = self.ends();
        let one = self.connect(LEADER_WRITE, serve, first)?;
        let came = one.write(soon()).await;
        let before = self.expect(LEADER_WRITE, "have the leader acknowledge a write", "a term", came, |_| true)?;
        let other = self.connect(LEADER_WRITE, serve, last)?;
        let came = other.write(soon()).await;
        let expected = format!("term {before} or a later one");
        self.expect(LEADER_WRITE, &format!("another, at {last}"), expected, came, |term| *term >= before).map(drop)
    }
}
