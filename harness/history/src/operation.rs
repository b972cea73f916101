//! Operations: what a client asked for, what came of it, and when, on the one clock and in the one order of a run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Nanoseconds of the controller's monotonic clock since the start of the run.
pub type Nanos = u64;

/// The position of an event in the history: the order by which everything is judged.
pub type Index = u64;

/// A position in the history together with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Position in the one order of the run. Order is judged by this, never by the time.
    pub index: Index,
    /// Time in ns since the start of the run; never decreases with the index.
    pub time: Nanos,
}

/// A logical client: it has one operation in flight, and is never heard of again after an indeterminate one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Process(pub u32);

impl fmt::Display for Process {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A node of the cluster: `n1`, `n2`, … in text and on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u16);

impl NodeId {
    /// The node with this position, counted from 0: `NodeId::at(0)` is `n1`.
    pub fn at(position: usize) -> Self {
        Self(u16::try_from(position + 1).unwrap_or(u16::MAX))
    }

    /// The position of the node, counted from 0.
    pub fn position(self) -> usize {
        usize::from(self.0) - 1
    }

    /// The number in the node's name, counted from 1.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("n{}", self.0))
    }
}

impl FromStr for NodeId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('n')
            .and_then(|digits| digits.parse::<u16>().ok())
            .filter(|number| *number > 0)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no node: nodes are named n1, n2, …"))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why an operation failed or stayed indeterminate: `kind` or `kind: detail`, where the kind is a short stable word such as
/// `timeout`, `refused` or `not-held`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(Arc<str>);

impl Reason {
    /// A reason from its text.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// The reason of an operation whose completion was never recorded.
    pub fn unfinished() -> Self {
        Self::new("unfinished: no completion was recorded")
    }

    /// The stable word before the colon.
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or(&self.0)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// What is known of an operation after its completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<R> {
    /// It happened, with this result.
    Ok(R),
    /// It definitely never happened and never will.
    Fail(Reason),
    /// It may take effect at any time after its invocation, or never.
    Info(Reason),
}

impl<R> Outcome<R> {
    /// The result of an operation that happened.
    pub fn ok(&self) -> Option<&R> {
        match self {
            Self::Ok(result) => Some(result),
            Self::Fail(_) | Self::Info(_) => None,
        }
    }

    /// Whether the operation is indeterminate.
    pub fn is_info(&self) -> bool {
        matches!(self, Self::Info(_))
    }

    /// Whether the operation definitely never happened.
    pub fn is_fail(&self) -> bool {
        matches!(self, Self::Fail(_))
    }
}

/// A workload's calls, as one adjacently tagged enum: `#[serde(tag = "f", content = "value")]`. So the tag is the event's
/// `f` on disk, and the content its `value`.
pub trait Call: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of the call's kind; equal to its serde tag.
    fn kind(&self) -> &'static str;

    /// Whether the call runs beside its process's operations (a lease renewal): exempt from the rule of one operation in
    /// flight, and its indeterminate outcome does not retire the process. At most one of each kind is in flight per process.
    fn is_background(&self) -> bool {
        false
    }

    /// The node that it is sent to where that need not be the home of its process (a poll of every node's view).
    fn node(&self) -> Option<NodeId> {
        None
    }

    /// Whether its success shows that the target works. Not so where the harness itself answers (a write to the guarded
    /// resource).
    fn is_answered_by_target(&self) -> bool {
        true
    }

    /// Whether it may well fail every time in a run that goes well (giving up what was never taken).
    fn may_never_succeed(&self) -> bool {
        false
    }
}

/// A workload's results, as one enum tagged like its [`Call`]s.
pub trait Reply: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static> Reply for T {}

/// One operation, from its invocation to its completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<C, R> {
    /// The process that invoked it.
    pub process: Process,
    /// The node that it was sent to.
    pub node: Option<NodeId>,
    /// What was asked for.
    pub call: C,
    /// When the invocation entered the history, before anything was sent. Its index names the operation everywhere.
    pub invoked: Moment,
    /// What came of it; [`Reason::unfinished`] where nothing was recorded.
    pub outcome: Outcome<R>,
    /// When the completion entered the history, after the reply was read.
    pub completed: Option<Moment>,
}

impl<C, R> Operation<C, R> {
    /// The time at which the operation surely was over: its completion for `ok` and `fail`, never for `info`.
    pub fn returned(&self) -> Option<Moment> {
        if self.outcome.is_info() { None } else { self.completed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names_round_trip_and_reject_others() {
        let node = NodeId::at(4);
        assert_eq!(node.to_string(), "n5");
        assert_eq!("n5".parse::<NodeId>().unwrap(), node);
        assert_eq!(node.position(), 4);
        for bad in ["", "n", "n0", "5", "m1", "n-1", "n99999999"] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad} was taken for a node");
        }
    }

    #[test]
    fn a_reason_has_a_stable_kind() {
        assert_eq!(Reason::new("timeout: no reply within 1000 ms").kind(), "timeout");
        assert_eq!(Reason::new("not-held").kind(), "not-held");
    }

    #[test]
    fn an_operation_is_small() {
        assert!(size_of::<Operation<(), ()>>() <= 80, "{} bytes", size_of::<Operation<(), ()>>());
    }
}
