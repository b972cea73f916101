//! The consensus library's view of the log and the vote on disk.

use std::fmt::Debug;
use std::ops::RangeBounds;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, EntryPayload, LogId, LogState, RaftLogReader, StorageError, StorageIOError, Vote};

use super::database::{Change, Database, DiskError, Fact};
use super::types::{Entry, Types};

type Result<T> = std::result::Result<T, StorageError<u64>>;

/// Where the vote is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VoteKeeping {
    /// On disk before it is given.
    Durable,
    /// The flaw `volatile-vote`: in memory only, so that a restarted node may vote again in the same term.
    Volatile(Option<Vote<u64>>),
}

/// The log and the vote of a node.
#[derive(Debug, Clone)]
pub(crate) struct LogStore {
    database: Database,
    vote: VoteKeeping,
}

impl LogStore {
    /// The log in this database.
    pub(crate) fn new(database: Database, vote: VoteKeeping) -> Self {
        Self { database, vote }
    }

    /// Makes a node that led when it was stopped start as a follower, as Raft has it: keeps the vote for itself, but no
    /// longer as one that a majority has granted.
    ///
    /// Openraft would go on leading in the same term, and take the first entry of that term for all that a linearizable
    /// read must wait for, if nothing on disk says that more was committed. Entries that were acknowledged before the stop
    /// would be missing from its answers until a majority confirms them again. A new election has no such gap.
    ///
    /// # Errors
    /// Where the vote cannot be read or written.
    pub(crate) async fn step_down(&mut self, node: u64) -> Result<()> {
        match self.read_vote().await? {
            Some(vote) if vote.is_committed() && vote.leader_id().voted_for() == Some(node) => {
                self.save_vote(&Vote::new(vote.leader_id().get_term(), node)).await
            }
            _ => Ok(()),
        }
    }
}

fn write_logs(error: &DiskError) -> StorageError<u64> {
    StorageIOError::write_logs(AnyError::new(error)).into()
}

fn read_logs(error: &DiskError) -> StorageError<u64> {
    StorageIOError::read_logs(AnyError::new(error)).into()
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>> {
        self.database.entries(range).map_err(|error| read_logs(&error))
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>> {
        let read = || -> std::result::Result<_, DiskError> {
            let purged: Option<LogId<u64>> = self.database.fact(Fact::Purged)?;
            let last: Option<Entry> = self.database.last_entry()?;
            Ok(LogState { last_purged_log_id: purged, last_log_id: last.map(|entry| entry.log_id).or(purged) })
        };
        read().map_err(|error| read_logs(&error))
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<()> {
        if let VoteKeeping::Volatile(kept) = &mut self.vote {
            *kept = Some(*vote);
            return Ok(());
        }
        let save = async { self.database.write_durably(vec![Change::set(Fact::Vote, vote)?]).await };
        save.await.map_err(|error: DiskError| StorageIOError::write_vote(AnyError::new(&error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>> {
        if let VoteKeeping::Volatile(kept) = self.vote {
            return Ok(kept);
        }
        self.database.fact(Fact::Vote).map_err(|error| StorageIOError::read_vote(AnyError::new(&error)).into())
    }

    async fn save_committed(&mut self, committed: Option<LogId<u64>>) -> Result<()> {
        // Without a sync of its own: it is no promise, only spares a restarted node to wait for the leader's word.
        let save = || self.database.write_lazily(vec![Change::set(Fact::Committed, &committed)?]);
        save().map_err(|error| write_logs(&error))
    }

    async fn read_committed(&mut self) -> Result<Option<LogId<u64>>> {
        let committed = self.database.fact::<Option<LogId<u64>>>(Fact::Committed);
        committed.map(Option::flatten).map_err(|error| read_logs(&error))
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<()>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let changes: std::result::Result<Vec<_>, DiskError> = entries
            .into_iter()
            .map(|entry| {
                if let EntryPayload::Normal(proposal) = &entry.payload {
                    proposal.appended.set();
                }
                Ok(Change::Append(entry.log_id.index, serde_json::to_vec(&entry)?))
            })
            .collect();
        let written = match changes {
            Ok(changes) => self.database.write_durably(changes).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                callback.log_io_completed(Ok(()));
                Ok(())
            }
            Err(error) => {
                callback.log_io_completed(Err(std::io::Error::other(error.to_string())));
                Err(write_logs(&error))
            }
        }
    }

    async fn truncate(&mut self, log_id: LogId<u64>) -> Result<()> {
        let changes = vec![Change::RemoveFrom(log_id.index)];
        self.database.write_durably(changes).await.map_err(|error| write_logs(&error))
    }

    async fn purge(&mut self, log_id: LogId<u64>) -> Result<()> {
        let purge = async {
            let changes = vec![Change::set(Fact::Purged, &log_id)?, Change::RemoveThrough(log_id.index)];
            self.database.write_durably(changes).await
        };
        purge.await.map_err(|error: DiskError| write_logs(&error))
    }
}
