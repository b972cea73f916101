//! The consensus library's view of the replicated state: applies the log, keeps snapshots, and remembers when this node
//! applied each lease's last change, which is where the lease's time starts.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, EmptyNode, EntryPayload, LogId, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta, StorageError,
    StorageIOError, StoredMembership,
};

use super::database::{Change, Database, DiskError, Fact};
use super::state::{LeaseId, Position, Reply, State};
use super::types::{Entry, Types};

type Result<T> = std::result::Result<T, StorageError<u64>>;
type Membership = StoredMembership<u64, EmptyNode>;
type Meta = SnapshotMeta<u64, EmptyNode>;

/// The state machine of a node; clones share the state.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    database: Database,
    /// How many replies are remembered; 0 is the flaw `no-dedupe`.
    remembered: usize,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    applied: Option<LogId<u64>>,
    membership: Membership,
    /// The version of each lease and when this node came to know it.
    clocks: BTreeMap<LeaseId, (u64, Instant)>,
}

impl Inner {
    fn apply(&mut self, entry: Entry, remembered: usize) -> Reply {
        self.applied = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Blank => Reply::Nothing,
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                Reply::Nothing
            }
            EntryPayload::Normal(proposal) => {
                let (request, command) = (proposal.request.as_deref(), &proposal.command);
                let at = Position { term: entry.log_id.leader_id.term, index: entry.log_id.index };
                let reply = self.state.apply(at, request, command, remembered);
                let started = if let Reply::Started(lease) = reply { Some(lease) } else { None };
                if let Some(lease) = command.lease().or(started) {
                    self.wind(lease);
                }
                reply
            }
        }
    }

    /// Starts the clock of a lease afresh if its version is new.
    fn wind(&mut self, lease: LeaseId) {
        match self.state.version(lease) {
            None => {
                self.clocks.remove(&lease);
            }
            Some(version) => {
                let clock = self.clocks.entry(lease).or_insert_with(|| (version, Instant::now()));
                if clock.0 != version {
                    *clock = (version, Instant::now());
                }
            }
        }
    }

    fn wind_all(&mut self) {
        let now = Instant::now();
        self.clocks = self.state.leases().map(|(lease, _, version)| (lease, (version, now))).collect();
    }
}

impl Machine {
    /// The state machine as of the snapshot in this database.
    ///
    /// # Errors
    /// Where the snapshot cannot be read.
    pub(crate) fn open(database: Database, remembered: usize) -> std::result::Result<Self, DiskError> {
        let mut inner = Inner::default();
        if let Some((meta, bytes)) = stored_snapshot(&database)? {
            inner.state = serde_json::from_slice(&bytes)?;
            inner.applied = meta.last_log_id;
            inner.membership = meta.last_membership;
            inner.wind_all();
        }
        Ok(Self { database, remembered, inner: Arc::new(Mutex::new(inner)) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the state, as far as this node has applied the log.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.inner().state)
    }

    /// The leases, with their versions, whose time has run out by `now`; none runs from earlier than `floor`.
    pub(crate) fn run_out(&self, floor: Instant, now: Instant) -> Vec<(LeaseId, u64)> {
        let inner = self.inner();
        let leases = inner.state.leases();
        let run_out = leases.filter(|(lease, ttl_ms, version)| match inner.clocks.get(lease) {
            Some((known, start)) if known == version => {
                now.saturating_duration_since((*start).max(floor)) >= Duration::from_millis(*ttl_ms)
            }
            _ => false,
        });
        run_out.map(|(lease, _, version)| (lease, version)).collect()
    }
}

fn stored_snapshot(
    database: &Database,
) -> std::result::Result<Option<(Meta, Vec<u8>)>, DiskError> {
    let meta = database.fact(Fact::SnapshotMeta)?;
    let bytes = database.fact_bytes(Fact::Snapshot)?;
    Ok(meta.zip(bytes))
}

async fn store_snapshot(
    database: &Database,
    meta: &Meta,
    bytes: Vec<u8>,
) -> std::result::Result<(), DiskError> {
    let changes = vec![Change::set(Fact::SnapshotMeta, meta)?, Change::Set(Fact::Snapshot, bytes)];
    database.write_durably(changes).await
}

fn write_snapshot(error: &DiskError) -> StorageError<u64> {
    StorageIOError::write_snapshot(None, AnyError::new(error)).into()
}

fn read_snapshot(error: &DiskError) -> StorageError<u64> {
    StorageIOError::read_snapshot(None, AnyError::new(error)).into()
}

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>> {
        let (state, applied, membership) = {
            let inner = self.inner();
            (inner.state.clone(), inner.applied, inner.membership.clone())
        };
        let index = applied.map_or(0, |applied| applied.index);
        let meta = SnapshotMeta {
            last_log_id: applied,
            last_membership: membership,
            snapshot_id: format!("{}-{index}", self.database.incarnation()),
        };
        let build = async {
            let bytes = serde_json::to_vec(&state)?;
            store_snapshot(&self.database, &meta, bytes.clone()).await?;
            Ok(bytes)
        };
        let bytes = build.await.map_err(|error| write_snapshot(&error))?;
        Ok(Snapshot { meta, snapshot: Box::new(Cursor::new(bytes)) })
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId<u64>>, Membership)> {
        let inner = self.inner();
        Ok((inner.applied, inner.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Reply>>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut inner = self.inner();
        Ok(entries.into_iter().map(|entry| inner.apply(entry, self.remembered)).collect())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &Meta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<()> {
        let install = async {
            let bytes = snapshot.into_inner();
            let state: State = serde_json::from_slice(&bytes)?;
            store_snapshot(&self.database, meta, bytes).await?;
            tracing::info!("took a snapshot up to entry {} from the leader", meta.last_log_id.map_or(0, |id| id.index));
            let mut inner = self.inner();
            inner.state = state;
            inner.applied = meta.last_log_id;
            inner.membership = meta.last_membership.clone();
            inner.wind_all();
            Ok(())
        };
        install.await.map_err(|error| write_snapshot(&error))
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>> {
        let stored = stored_snapshot(&self.database).map_err(|error| read_snapshot(&error))?;
        Ok(stored.map(|(meta, bytes)| Snapshot { meta, snapshot: Box::new(Cursor::new(bytes)) }))
    }
}
