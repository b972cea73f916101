//! Everything that happens in a run and is no operation: one stream that feeds the terminal, `events.jsonl` and the page.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{FaultAction, FaultOutcome, Gravity, Nanos, NodeId};

/// The JSON Schema of one line of `events.jsonl`, which is one of `dsjepsen test --json` too. A test makes it of [`StampedEvent`] and
/// the types in it, and holds it against the file.
pub const RUN_EVENT_SCHEMA: &str = include_str!("../run-event.schema.json");

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StampedEvent {
    /// Time in ns since the start of the run.
    pub time_ns: Nanos,
    /// What happened.
    #[serde(flatten)]
    pub event: RunEvent,
}

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NodeHealth {
    /// It answers as a node does that is ready.
    Ready,
    /// It runs, and does not answer so.
    Silent,
    /// It does not run.
    Down,
}

impl fmt::Display for NodeHealth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Ready => "ready",
            Self::Silent => "running without an answer",
            Self::Down => "down",
        })
    }
}

impl NodeHealth {
    /// A sentence about all nodes: those that were not ready are named.
    pub fn of_all(after_faults: bool, nodes: &BTreeMap<NodeId, Self>) -> String {
        let when = if after_faults { "after the last fault" } else { "before the first fault" };
        let unwell: Vec<String> = nodes
            .iter()
            .filter(|(_, health)| **health != Self::Ready)
            .map(|(node, health)| format!("{node} was {health}"))
            .collect();
        match (unwell.is_empty(), nodes.len()) {
            (true, 1) => format!("{when} the node was ready"),
            (true, count) => format!("{when} all {count} nodes were ready"),
            (false, _) => format!("{when} {}", unwell.join(", ")),
        }
    }
}

/// What one link carried in some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Moved {
    /// Source: a node, or the client group of a node (`c1`).
    pub from: String,
    /// Destination.
    pub to: NodeId,
    /// Bytes towards the destination.
    pub forward: u64,
    /// Bytes back.
    pub back: u64,
}

/// What can happen in a run beside operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The first line of `events.jsonl`.
    Opened {
        /// Version of the format.
        schema: u32,
        /// The run's name.
        run: String,
    },
    /// A process of a node was started.
    NodeStarted {
        /// The node.
        node: NodeId,
        /// How often it was started before.
        incarnation: u32,
        /// Its process id.
        pid: i32,
        /// The command line.
        command: Vec<String>,
    },
    /// A node answers.
    NodeReady {
        /// The node.
        node: NodeId,
        /// Time from its start, in ms.
        after_ms: u64,
    },
    /// A node's process ended.
    NodeEnded {
        /// The node.
        node: NodeId,
        /// `exit status 1`, `signal 9 (SIGKILL)`.
        status: String,
        /// Whether the harness ended it.
        expected: bool,
    },
    /// What the processes of a node took for the time, where faults can skew its clock: as read back from inside of them. It is
    /// looked at every 100 ms, and told when it has changed, else once a second while they read it. A clock that jumped to and
    /// fro in between is told several times at one time.
    ClockRead {
        /// The node.
        node: NodeId,
        /// How far its wall clock was ahead of the machine's, in ns; negative where it was behind.
        ahead_ns: i64,
    },
    /// How the nodes were while nothing was broken.
    Health {
        /// Whether the last fault had been healed, and the time to recover was over; else it was before the first.
        after_faults: bool,
        /// How each node was.
        nodes: BTreeMap<NodeId, NodeHealth>,
    },
    /// A phase began.
    Phase {
        /// `setup`, `main`, `recovery`, `final` or `check`.
        phase: String,
    },
    /// A fault changed; the history has it too, with its evidence.
    Fault {
        /// Its number in the plan.
        id: u32,
        /// Its name.
        fault: String,
        /// On whom, in words.
        target: String,
        /// Inject or heal.
        action: FaultAction,
        /// What came of it; absent in the request, which is written before anything acts.
        outcome: Option<FaultOutcome>,
        /// What was observed, in words.
        evidence: String,
    },
    /// A request was sent again under its idempotency key.
    Retry {
        /// The process.
        process: u32,
        /// The kind of request.
        request: String,
        /// Which attempt failed, counted from 1.
        attempt: u32,
        /// Why.
        reason: String,
    },
    /// How far the run is.
    Progress {
        /// Operations invoked so far.
        invoked: u64,
        /// ok, fail, info so far.
        outcomes: [u64; 3],
        /// Completions per second since the last progress.
        rate: u64,
    },
    /// The first operation that succeeded.
    FirstOk {
        /// Time since the program's process started, in ms.
        since_process_start_ms: u64,
    },
    /// The controller itself was held up; latencies around it are not the target's.
    Stall {
        /// For how long, in ms.
        for_ms: u64,
    },
    /// What the links carried since the last such event, while the nodes run: told each 500 ms, in runs of more than 20 minutes
    /// less often. Time that no such event covers was not looked at.
    Traffic {
        /// The length of the time that it covers and that ends now, in ns.
        over_ns: Nanos,
        /// The links that carried anything.
        links: Vec<Moved>,
    },
    /// Traffic of one link over the run.
    Link {
        /// Source: a node, or the client group of a node (`c1`).
        from: String,
        /// Destination.
        to: NodeId,
        /// Bytes towards the destination.
        bytes_forward: u64,
        /// Bytes back.
        bytes_back: u64,
        /// Connections made.
        connections: u64,
    },
    /// Something to know that changes nothing.
    Note {
        /// The text.
        text: String,
    },
    /// Something went wrong that may matter.
    Warning {
        /// The text.
        text: String,
    },
    /// The run ended and was judged.
    Finished {
        /// The verdict.
        verdict: Gravity,
        /// Its sentence.
        sentence: String,
        /// Where the page is.
        page: Option<String>,
        /// The command that runs it again.
        command: String,
    },
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use schemars::generate::SchemaSettings;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde_json::json;

    use super::*;

    impl JsonSchema for NodeId {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            "NodeId".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({"type": "string", "pattern": "^n[1-9][0-9]*$"})
        }
    }

    /// `DSJEPSEN_WRITE_SCHEMA=1 cargo test -p dsjepsen-history schema` writes the file anew.
    #[test]
    fn the_schema_is_that_of_the_types() {
        let mut schema =
            SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<StampedEvent>();
        schema.insert("title".to_owned(), json!("An event of a run"));
        let about = "One line of `dsjepsen test --json`, and of events.jsonl in the directory of a run. Later versions may add kinds of \
                     events, and members to those that there are.";
        schema.insert("description".to_owned(), json!(about));
        let made = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("DSJEPSEN_WRITE_SCHEMA").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/run-event.schema.json"), &made).unwrap();
        }
        assert!(
            made == RUN_EVENT_SCHEMA,
            "the types have changed: write the file anew (see above); it should be\n{made}"
        );
    }

    #[test]
    fn health_names_who_was_not_ready() {
        use NodeHealth::{Down, Ready, Silent};
        let told = |after_faults, health: &[NodeHealth]| {
            let nodes = (0..).zip(health).map(|(node, health)| (NodeId::at(node), *health)).collect();
            NodeHealth::of_all(after_faults, &nodes)
        };
        assert_eq!(told(false, &[Ready]), "before the first fault the node was ready");
        assert_eq!(told(false, &[Ready; 3]), "before the first fault all 3 nodes were ready");
        let expected = "after the last fault n1 was down, n3 was running without an answer";
        assert_eq!(told(true, &[Down, Ready, Silent]), expected);
    }
}
