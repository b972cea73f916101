//! The storage of `raft` against the consensus library's own test suite, and over restarts.

use std::time::{Duration, Instant};

use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::testing::{StoreBuilder, Suite, blank_ent, log_id};
use openraft::{EntryPayload, RaftLogReader, RaftSnapshotBuilder, StorageError, Vote};
use tempfile::TempDir;

use super::database::Database;
use super::log_store::{LogStore, VoteKeeping};
use super::machine::Machine;
use super::state::{Command, LeaseId, REMEMBERED_REPLIES, Reply};
use super::types::{Entry, Proposal, Types};

struct Builder;

impl StoreBuilder<Types, LogStore, Machine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<u64>> {
        let directory = tempfile::tempdir().unwrap();
        let (log, machine) = open(&directory, VoteKeeping::Durable);
        Ok((directory, log, machine))
    }
}

fn open(directory: &TempDir, vote: VoteKeeping) -> (LogStore, Machine) {
    let database = Database::open(directory.path()).unwrap();
    (LogStore::new(database.clone(), vote), Machine::open(database, REMEMBERED_REPLIES).unwrap())
}

fn entry(index: u64, request: Option<&str>, command: Command) -> Entry {
    let proposal = Proposal::new(request.map(str::to_owned), command);
    Entry { log_id: log_id(1, 1, index), payload: EntryPayload::Normal(proposal) }
}

#[test]
fn the_storage_passes_the_suite_of_openraft() {
    Suite::test_all(Builder).unwrap();
}

#[tokio::test]
async fn log_vote_and_committed_outlive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let vote = Vote::new_committed(3, 1);
    {
        let (mut log, _) = open(&directory, VoteKeeping::Durable);
        log.blocking_append([blank_ent::<Types>(1, 1, 1), entry(2, Some("r"), Command::StartLease { ttl_ms: 7 })])
            .await
            .unwrap();
        log.save_committed(Some(log_id(1, 1, 2))).await.unwrap();
        log.save_vote(&vote).await.unwrap();
    }
    let (mut log, _) = open(&directory, VoteKeeping::Durable);
    assert_eq!(log.read_vote().await.unwrap(), Some(vote));
    assert_eq!(log.read_committed().await.unwrap(), Some(log_id(1, 1, 2)));
    assert_eq!(log.get_log_state().await.unwrap().last_log_id, Some(log_id(1, 1, 2)));
    let entries = log.try_get_log_entries(..).await.unwrap();
    let EntryPayload::Normal(proposal) = &entries[1].payload else { panic!("{entries:?}") };
    assert_eq!(proposal.request.as_deref(), Some("r"));
    assert_eq!(proposal.command, Command::StartLease { ttl_ms: 7 });
}

#[tokio::test]
async fn a_node_that_led_starts_as_a_follower_and_keeps_its_vote() {
    let directory = tempfile::tempdir().unwrap();
    for (stored, kept) in [
        (Vote::new_committed(3, 1), Vote::new(3, 1)),
        (Vote::new_committed(3, 2), Vote::new_committed(3, 2)),
        (Vote::new(3, 1), Vote::new(3, 1)),
    ] {
        let (mut log, _) = open(&directory, VoteKeeping::Durable);
        log.save_vote(&stored).await.unwrap();
        log.step_down(1).await.unwrap();
        assert_eq!(log.read_vote().await.unwrap(), Some(kept));
    }
}

#[tokio::test]
async fn the_flaw_volatile_vote_forgets_the_vote_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let keeping = VoteKeeping::Volatile(None);
    {
        let (mut log, _) = open(&directory, keeping);
        log.blocking_append([blank_ent::<Types>(1, 1, 1)]).await.unwrap();
        log.save_vote(&Vote::new(3, 1)).await.unwrap();
        assert_eq!(log.read_vote().await.unwrap(), Some(Vote::new(3, 1)), "while it runs it knows its vote");
    }
    let (mut log, _) = open(&directory, keeping);
    assert_eq!(log.read_vote().await.unwrap(), None);
    assert_eq!(log.get_log_state().await.unwrap().last_log_id, Some(log_id(1, 1, 1)));
}

#[tokio::test]
async fn a_proposal_knows_that_it_reached_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&directory, VoteKeeping::Durable);
    let proposal = Proposal::new(None, Command::Renew { lease: LeaseId(1) });
    let appended = proposal.appended.clone();
    assert!(!appended.get());
    log.blocking_append([Entry { log_id: log_id(1, 1, 1), payload: EntryPayload::Normal(proposal) }]).await.unwrap();
    assert!(appended.get());
}

#[tokio::test]
async fn the_state_outlives_a_restart_by_its_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let acquire = Command::Acquire { lock: 4, lease: LeaseId(1) };
    {
        let (_, mut machine) = open(&directory, VoteKeeping::Durable);
        let entries = [entry(1, None, Command::StartLease { ttl_ms: 60_000 }), entry(2, Some("r"), acquire.clone())];
        assert_eq!(machine.apply(entries).await.unwrap(), [Reply::Started(LeaseId(1)), Reply::Granted(2)]);
        machine.build_snapshot().await.unwrap();
    }
    let (_, mut machine) = open(&directory, VoteKeeping::Durable);
    assert_eq!(machine.applied_state().await.unwrap().0, Some(log_id(1, 1, 2)));
    assert_eq!(machine.read(|state| state.holder(4)).map(|hold| hold.token), Some(2));
    let again = machine.apply([entry(3, Some("r"), acquire)]).await.unwrap();
    assert_eq!(again, [Reply::Granted(2)], "the reply was forgotten");
}

#[tokio::test]
async fn a_lease_runs_from_its_last_renewal_and_never_from_before_the_election() {
    const TTL: Duration = Duration::from_secs(60);
    let directory = tempfile::tempdir().unwrap();
    let (_, mut machine) = open(&directory, VoteKeeping::Durable);
    let before = Instant::now();
    machine.apply([entry(1, None, Command::StartLease { ttl_ms: 60_000 })]).await.unwrap();
    let started = Instant::now();
    assert_eq!(machine.run_out(before, before + TTL - Duration::from_millis(1)), []);
    assert_eq!(machine.run_out(before, started + TTL), [(LeaseId(1), 0)]);
    assert_eq!(machine.run_out(started + TTL, started + TTL), [], "a new leader takes it for old");

    std::thread::sleep(Duration::from_millis(20));
    machine.apply([entry(2, None, Command::Renew { lease: LeaseId(1) })]).await.unwrap();
    assert_eq!(machine.run_out(before, started + TTL), [], "the renewal did not count");
    assert_eq!(machine.run_out(before, Instant::now() + TTL), [(LeaseId(1), 1)]);

    // A restart replays the log; the lease starts afresh then.
    let snapshot = machine.build_snapshot().await.unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let installed = Instant::now();
    machine.install_snapshot(&snapshot.meta, snapshot.snapshot).await.unwrap();
    assert_eq!(machine.run_out(before, installed + TTL - Duration::from_millis(1)), []);
}
