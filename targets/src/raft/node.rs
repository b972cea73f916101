//! The node program of `raft`: a service that is replicated by openraft.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use dsjepsen_history::NodeId;
use futures_util::future::join_all;
use openraft::{EmptyNode, ServerState, SnapshotPolicy};
use reqwest::Client;
use serde::{Deserialize, Serialize};

use super::database::Database;
use super::expiry::expire_leases;
use super::log_store::{LogStore, VoteKeeping};
use super::machine::Machine;
use super::peers::{self, Peers};
use super::service::RaftService;
use super::state::REMEMBERED_REPLIES;
use super::types::{Flaw, Raft};
use crate::contract;
use crate::node_program::{bind, run_node, serve_until_terminated};

/// A leader sends to each peer at least this often, and gives a message up after as long.
const HEARTBEAT_MS: u64 = 100;

/// A follower that has heard nothing for the upper bound plus a time of its own between the bounds stands for election.
const ELECTION_MS: std::ops::Range<u64> = 250..500;

/// How many entries before the snapshot are kept, at most, for peers that lag behind; one that lags further gets the
/// snapshot.
const ENTRIES_KEPT: u64 = 1000;

/// How long the first node waits for a majority to answer before it founds the cluster all the same.
const FOUNDING_LIMIT: Duration = Duration::from_secs(3);

/// The configuration of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The node.
    pub(crate) node: NodeId,
    /// Where it listens, to clients and peers.
    pub(crate) listen: SocketAddr,
    /// Where it finds every other node.
    pub(crate) peers: BTreeMap<NodeId, SocketAddr>,
    /// Where it keeps what must survive.
    pub(crate) data: PathBuf,
    /// What is to be wrong with it.
    #[serde(default)]
    pub(crate) flaws: Vec<Flaw>,
    /// A snapshot is taken, and the log cut, after so many entries.
    #[serde(default = "Config::default_snapshot_every")]
    pub(crate) snapshot_every: u64,
}

impl Config {
    /// The usual distance of snapshots, in entries.
    pub(crate) fn default_snapshot_every() -> u64 {
        5000
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaws.contains(&flaw)
    }
}

/// Runs a node.
pub(crate) fn run(config: &str) -> anyhow::Result<()> {
    run_node(config, run_with)
}

async fn run_with(config: Config) -> anyhow::Result<()> {
    // First, so that two nodes that are given one address find out before they touch a disk.
    let listener = bind(config.listen).await?;
    let Opened { raft, machine, service, http } = open(&config).await?;
    let router = contract::router(Arc::new(service)).merge(peers::router(raft.clone()));
    tokio::spawn(expire_leases(raft.clone(), machine));
    tokio::select! {
        served = serve_until_terminated(listener, router) => served,
        broken = watch(raft.clone()) => Err(broken),
        founded = found(&config, &raft, &http) => founded,
    }
}

/// A node that knows its past, and so may be asked.
struct Opened {
    raft: Raft,
    machine: Machine,
    service: RaftService,
    http: Client,
}

async fn open(config: &Config) -> anyhow::Result<Opened> {
    let database = Database::open(&config.data).with_context(|| format!("cannot open {}", config.data.display()))?;
    tracing::info!("{} starts, incarnation {}, flaws: {:?}", config.node, database.incarnation(), config.flaws);

    let remembered = if config.has(Flaw::NoDedupe) { 0 } else { REMEMBERED_REPLIES };
    let machine = Machine::open(database.clone(), remembered).context("cannot read the snapshot")?;
    let vote = if config.has(Flaw::VolatileVote) { VoteKeeping::Volatile(None) } else { VoteKeeping::Durable };
    let mut log = LogStore::new(database.clone(), vote);
    log.step_down(id(config.node)).await.context("cannot read or write the vote")?;
    let http = contract::node_client().build().context("cannot make an HTTP client")?;
    let addresses = config.peers.iter().map(|(node, address)| (id(*node), *address)).collect();
    let raft = Raft::new(
        id(config.node),
        Arc::new(consensus_config(config)?),
        Peers::new(http.clone(), &addresses),
        log,
        machine.clone(),
    )
    .await
    .context("cannot start the consensus library")?;
    // Until its loop answers, the library's metrics show a node without a past: term 0, whatever it voted in before.
    raft.is_initialized().await.context("the consensus library does not start")?;
    let service = RaftService::new(config, addresses, raft.clone(), machine.clone(), database.incarnation())?;
    Ok(Opened { raft, machine, service, http })
}

/// The id of a node in the consensus library: the number in its name.
pub(crate) fn id(node: NodeId) -> u64 {
    u64::from(node.number())
}

/// The name of the node with this id.
pub(crate) fn name(id: u64) -> String {
    format!("n{id}")
}

fn consensus_config(config: &Config) -> anyhow::Result<openraft::Config> {
    let kept = ENTRIES_KEPT.min(config.snapshot_every);
    let config = openraft::Config {
        cluster_name: "dsjepsen".to_owned(),
        heartbeat_interval: HEARTBEAT_MS,
        election_timeout_min: ELECTION_MS.start,
        election_timeout_max: ELECTION_MS.end,
        install_snapshot_timeout: 2000,
        snapshot_max_chunk_size: 256 << 10,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.snapshot_every),
        max_in_snapshot_log_to_keep: kept,
        replication_lag_threshold: config.snapshot_every + kept,
        ..openraft::Config::default()
    };
    config.validate().context("bad consensus configuration")
}

/// The first node founds the cluster, once: when it has no log. Never returns but on an error.
async fn found(config: &Config, raft: &Raft, http: &Client) -> anyhow::Result<()> {
    if config.node == NodeId::at(0) && !raft.is_initialized().await? {
        let started = Instant::now();
        await_majority(config, http).await;
        let members = config.peers.keys().chain([&config.node]).map(|node| (id(*node), EmptyNode {}));
        raft.initialize(members.collect::<BTreeMap<_, _>>()).await.context("cannot found the cluster")?;
        tracing::info!("{} has founded the cluster, {} ms after its start", config.node, started.elapsed().as_millis());
    }
    std::future::pending().await
}

/// Waits until a majority is up: an election that nobody answers costs a whole timeout.
async fn await_majority(config: &Config, http: &Client) {
    let up = std::sync::atomic::AtomicUsize::new(1);
    let majority = config.peers.len().div_ceil(2) + 1;
    let reached = tokio::sync::Notify::new();
    let ask = async |address: &SocketAddr| {
        let url = format!("http://{address}/health");
        let answers = async || http.get(&url).timeout(Duration::from_millis(50)).send().await.is_ok();
        while !answers().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if up.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 >= majority {
            reached.notify_one();
        }
    };
    let ask_all = async {
        tokio::select! {
            _ = join_all(config.peers.values().map(ask)) => {}
            () = reached.notified() => {}
        }
    };
    if tokio::time::timeout(FOUNDING_LIMIT, ask_all).await.is_err() {
        tracing::warn!("no majority is up yet; founding the cluster all the same");
    }
}

/// Logs every change of role, term and leader; returns when the consensus library has broken down.
async fn watch(raft: Raft) -> anyhow::Error {
    let mut metrics = raft.metrics();
    let mut last: Option<(ServerState, u64, Option<u64>)> = None;
    loop {
        let (seen, broken) = {
            let now = metrics.borrow_and_update();
            ((now.state, now.current_term, now.current_leader), now.running_state.clone().err())
        };
        if let Some(error) = broken {
            tracing::error!("the consensus library has stopped: {error}");
            return anyhow::anyhow!("the consensus library has stopped: {error}");
        }
        if last != Some(seen) {
            let (state, term, leader) = seen;
            let leader = leader.map_or_else(|| "nobody".to_owned(), name);
            tracing::info!("{state:?} in term {term}; {leader} leads");
            last = Some(seen);
        }
        if metrics.changed().await.is_err() {
            return anyhow::anyhow!("the consensus library is gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use openraft::Vote;
    use openraft::storage::RaftLogStorage;

    use super::*;
    use crate::contract::{Call, ContractNode, Nothing, Origin};

    /// With one thread the consensus library's loop does not run while the node is asked: a node that is opened before that
    /// loop has begun shows here every time that it has no past.
    #[tokio::test(flavor = "current_thread")]
    async fn a_restarted_node_never_shows_a_smaller_term_than_that_of_its_vote() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = LogStore::new(Database::open(directory.path()).unwrap(), VoteKeeping::Durable);
        log.save_vote(&Vote::new(7, 2)).await.unwrap();
        drop(log);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let config = Config {
            node: NodeId::at(0),
            listen: nowhere,
            peers: [(NodeId::at(1), nowhere), (NodeId::at(2), nowhere)].into(),
            data: directory.path().to_owned(),
            flaws: Vec::new(),
            snapshot_every: Config::default_snapshot_every(),
        };
        let opened = open(&config).await.unwrap();
        let view = opened.service.serve(Call::View(Nothing {}), Origin::Client).await.unwrap();
        assert_eq!((&view["term"], &view["incarnation"]), (&7.into(), &2.into()));
    }
}
