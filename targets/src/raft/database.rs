//! What a node of `raft` keeps on disk: one redb file with the log, the vote, how far the log is committed and purged, and
//! the latest snapshot. Nothing else on the machine is needed to start a node again.

use std::fs::File;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;

use redb::{Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");

/// The file in the data directory.
const FILE: &str = "raft.redb";

/// Why the disk could not be read or written.
#[derive(Debug, Error)]
pub(crate) enum DiskError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] Box<redb::Error>),
    /// A stored value cannot be read, or one cannot be stored.
    #[error("stored value: {0}")]
    Value(#[from] serde_json::Error),
    /// The data directory failed.
    #[error("data directory: {0}")]
    Directory(#[from] std::io::Error),
    /// The thread that was writing broke down.
    #[error("writer: {0}")]
    Writer(#[from] tokio::task::JoinError),
}

/// Redb has an error type for every step.
fn redb<T, E: Into<redb::Error>>(result: Result<T, E>) -> Result<T, DiskError> {
    result.map_err(|error| DiskError::Database(Box::new(error.into())))
}

/// A single value, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// For whom the node voted.
    Vote,
    /// How far the log was known to be committed.
    Committed,
    /// How far the log was cut off at its start.
    Purged,
    /// How often the node was started.
    Incarnation,
    /// What the snapshot contains.
    SnapshotMeta,
    /// The snapshot.
    Snapshot,
}

impl Fact {
    fn key(self) -> &'static str {
        match self {
            Self::Vote => "vote",
            Self::Committed => "committed",
            Self::Purged => "purged",
            Self::Incarnation => "incarnation",
            Self::SnapshotMeta => "snapshot-meta",
            Self::Snapshot => "snapshot",
        }
    }
}

/// One change of the database.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Puts an entry into the log.
    Append(u64, Vec<u8>),
    /// Removes the entries from this index on.
    RemoveFrom(u64),
    /// Removes the entries up to and including this index.
    RemoveThrough(u64),
    /// Sets a fact.
    Set(Fact, Vec<u8>),
}

impl Change {
    /// Sets a fact, as JSON.
    pub(crate) fn set(fact: Fact, value: &impl Serialize) -> Result<Self, DiskError> {
        Ok(Self::Set(fact, serde_json::to_vec(value)?))
    }

    fn make(self, transaction: &WriteTransaction) -> Result<(), DiskError> {
        match self {
            Self::Append(index, entry) => {
                redb(redb(transaction.open_table(LOG))?.insert(index, entry.as_slice()))?;
            }
            Self::RemoveFrom(index) => redb(redb(transaction.open_table(LOG))?.retain_in(index.., |_, _| false))?,
            Self::RemoveThrough(index) => redb(redb(transaction.open_table(LOG))?.retain_in(..=index, |_, _| false))?,
            Self::Set(fact, value) => {
                redb(redb(transaction.open_table(FACTS))?.insert(fact.key(), value.as_slice()))?;
            }
        }
        Ok(())
    }
}

/// The database of a node; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    file: Arc<redb::Database>,
    incarnation: u64,
}

impl Database {
    /// Opens or creates the database in a data directory, and counts the start.
    ///
    /// # Errors
    /// Where the file cannot be opened, is no database, or is in use by another process.
    pub(crate) fn open(directory: &Path) -> Result<Self, DiskError> {
        let file = redb(redb::Database::create(directory.join(FILE)))?;
        let mut database = Self { file: Arc::new(file), incarnation: 0 };
        let transaction = redb(database.file.begin_write())?;
        redb(transaction.open_table(LOG))?;
        redb(transaction.open_table(FACTS))?;
        redb(transaction.commit())?;
        // The file itself must survive, not only what is in it.
        File::open(directory)?.sync_all()?;
        database.incarnation = database.fact::<u64>(Fact::Incarnation)?.unwrap_or(0) + 1;
        database.write(vec![Change::set(Fact::Incarnation, &database.incarnation)?], Durability::Immediate)?;
        Ok(database)
    }

    /// How often the node was started, this time included.
    pub(crate) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Reads a fact that is stored as JSON.
    pub(crate) fn fact<T: DeserializeOwned>(&self, fact: Fact) -> Result<Option<T>, DiskError> {
        let bytes = self.fact_bytes(fact)?;
        Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    /// Reads a fact as it is stored.
    pub(crate) fn fact_bytes(&self, fact: Fact) -> Result<Option<Vec<u8>>, DiskError> {
        let transaction = redb(self.file.begin_read())?;
        let value = redb(redb(transaction.open_table(FACTS))?.get(fact.key()))?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    /// Reads entries of the log.
    pub(crate) fn entries<T: DeserializeOwned>(&self, range: impl RangeBounds<u64>) -> Result<Vec<T>, DiskError> {
        let transaction = redb(self.file.begin_read())?;
        let table = redb(transaction.open_table(LOG))?;
        let mut entries = Vec::new();
        for row in redb(table.range(range))? {
            let (_, entry) = redb(row)?;
            entries.push(serde_json::from_slice(entry.value())?);
        }
        Ok(entries)
    }

    /// Reads the last entry of the log.
    pub(crate) fn last_entry<T: DeserializeOwned>(&self) -> Result<Option<T>, DiskError> {
        let transaction = redb(self.file.begin_read())?;
        let table = redb(transaction.open_table(LOG))?;
        let last = redb(table.last())?;
        Ok(last.map(|(_, entry)| serde_json::from_slice(entry.value())).transpose()?)
    }

    /// Makes the changes, all or none; they are on disk when this returns.
    pub(crate) async fn write_durably(&self, changes: Vec<Change>) -> Result<(), DiskError> {
        let database = self.clone();
        tokio::task::spawn_blocking(move || database.write(changes, Durability::Immediate)).await?
    }

    /// Makes the changes, all or none; they reach the disk with the next durable ones.
    pub(crate) fn write_lazily(&self, changes: Vec<Change>) -> Result<(), DiskError> {
        self.write(changes, Durability::None)
    }

    fn write(&self, changes: Vec<Change>, durability: Durability) -> Result<(), DiskError> {
        let mut transaction = redb(self.file.begin_write())?;
        redb(transaction.set_durability(durability))?;
        for change in changes {
            change.make(&transaction)?;
        }
        redb(transaction.commit())
    }
}
