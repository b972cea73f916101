//! The file as it is written, before anything in it is understood.

use std::collections::BTreeMap;

use dsjepsen_history::Promises;
use serde::Deserialize;
use toml::Spanned;

/// A text with its place.
pub(super) type Text = Spanned<String>;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    pub(super) name: Text,
    #[serde(default)]
    pub(super) about: String,
    pub(super) nodes: Option<Spanned<i64>>,
    pub(super) ports: Spanned<Vec<Spanned<i64>>>,
    pub(super) node: NodeTable,
    #[serde(default)]
    pub(super) promises: Option<Spanned<PromisesTable>>,
    pub(super) clients: Spanned<ClientsTable>,
    #[serde(default)]
    pub(super) variant: BTreeMap<Spanned<String>, VariantTable>,
}

/// How nodes of a variant differ.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VariantTable {
    #[serde(default)]
    pub(super) about: String,
    #[serde(default)]
    pub(super) arguments: Vec<Text>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, Text>,
    #[serde(default)]
    pub(super) files: BTreeMap<Spanned<String>, Text>,
}

/// How a node is started.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NodeTable {
    pub(super) command: Spanned<Vec<Text>>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, Text>,
    #[serde(default)]
    pub(super) files: BTreeMap<Spanned<String>, Text>,
    pub(super) peer: Option<Text>,
    pub(super) peer_separator: Option<String>,
    pub(super) ready: Spanned<ReadyTable>,
    pub(super) stop_signal: Option<Text>,
    pub(super) wrappers: Option<Spanned<i64>>,
}

/// When a node counts as ready.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReadyTable {
    pub(super) url: Option<Text>,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) log: Option<Text>,
}

/// What the system promises.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PromisesTable {
    leases: bool,
    fencing_tokens: bool,
    pub(super) enforcing_guard: bool,
    idempotency_keys: bool,
    linearizable_reads: bool,
    one_leader_at_a_time: bool,
}

impl From<PromisesTable> for Promises {
    fn from(table: PromisesTable) -> Self {
        Self {
            leases: table.leases,
            fencing_tokens: table.fencing_tokens,
            enforcing_guard: table.enforcing_guard,
            idempotency_keys: table.idempotency_keys,
            linearizable_reads: table.linearizable_reads,
            one_leader_at_a_time: table.one_leader_at_a_time,
        }
    }
}

/// How clients speak to a node.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ClientsTable {
    pub(super) contract: Option<Spanned<Vec<Text>>>,
    pub(super) program: Option<Spanned<Vec<Text>>>,
    pub(super) serves: Option<Spanned<Vec<Text>>>,
    pub(super) environment: Option<Spanned<BTreeMap<String, Text>>>,
    pub(super) port: Option<Spanned<i64>>,
}
