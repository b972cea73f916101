//! Schemas, the journal, and what a campaign comes to.

use std::fs::{self, File};
use std::io::Write;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::json;

use super::*;
use crate::SCHEMA;

fn cell(id: u32, seed: u64) -> Cell {
    Cell {
        id,
        workload: "lock".to_owned(),
        target: "raft".to_owned(),
        nemesis: "pause".to_owned(),
        seed,
        expect: Gravity::Valid,
        own_time_ms: 1_000,
        options: String::new(),
        command: vec!["dsjepsen".to_owned(), "test".to_owned()],
        attempts: 0,
        state: CellState::Waiting,
    }
}

fn result(exit_code: u8, rules: &[&str]) -> Box<CellResult> {
    let findings = rules.iter().map(|rule| CellFinding {
        rule: (*rule).to_owned(),
        gravity: if exit_code == 1 { Gravity::Invalid } else { Gravity::Unknown },
        reason: None,
        sentence: format!("{rule} is broken."),
        count: 1,
    });
    Box::new(CellResult {
        run: "a-run".to_owned(),
        page: true,
        started: String::new(),
        took_ms: 1_500,
        exit_code,
        verdict: Some([Gravity::Valid, Gravity::Invalid][usize::from(exit_code == 1)]),
        sentence: "All is well.".to_owned(),
        findings: findings.collect(),
        harness_error: None,
        operations: CellOperations::default(),
        health: CellHealth::default(),
        target_version: String::new(),
    })
}

fn campaign(cells: Vec<Cell>) -> Campaign {
    Campaign {
        schema: SCHEMA,
        name: "campaign-one".to_owned(),
        series: String::new(),
        started: "2026-11-21T02:00:00Z".to_owned(),
        updated: String::new(),
        command: Vec::new(),
        folder: String::new(),
        jobs: 4,
        for_ms: None,
        grace_ms: 0,
        worked_ms: 0,
        worked_before_ms: 0,
        host: CampaignHost::default(),
        require_all: false,
        unavailable: Vec::new(),
        cells,
        exit_code: None,
    }
}

fn hold_schema<T: JsonSchema>(title: &str, about: &str, file: &str, written: &str) {
    let mut schema: Schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), json!(title));
    schema.insert("description".to_owned(), json!(about));
    let made = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("DSJEPSEN_WRITE_SCHEMA").is_some() {
        fs::write(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")), &made).unwrap();
    }
    assert!(made == written, "the types have changed: write {file} anew (see run_event.rs); it should be\n{made}");
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let about = "The file campaign.json in the directory of a campaign: its plan, and what has come of each run so far. Later versions may \
                 add members.";
    hold_schema::<Campaign>("A campaign", about, "campaign.schema.json", CAMPAIGN_SCHEMA);
    let about = "One line of `dsjepsen campaign --json`. Later versions may add kinds of events, and members to those that there are.";
    hold_schema::<CampaignEvent>("An event of a campaign", about, "campaign-event.schema.json", CAMPAIGN_EVENT_SCHEMA);
}

#[test]
fn what_is_written_is_read_again() {
    let mut all = campaign(vec![cell(1, 31), cell(2, 32), cell(3, 33), cell(4, 34)]);
    all.cells[1].state = CellState::Running { run: "a-run".to_owned() };
    all.cells[2].state = CellState::Done(result(1, &["lock.exclusion"]));
    all.cells[3].state = CellState::NotRun { reason: "no time".to_owned() };
    let text = serde_json::to_string(&all).unwrap();
    assert!(text.contains(r#""state":"done","run":"a-run""#), "{text}");
    assert_eq!(serde_json::from_str::<Campaign>(&text).unwrap(), all);
}

#[test]
fn the_journal_is_the_truth_and_a_torn_line_is_none() {
    let store = tempfile::tempdir().unwrap();
    let directory =
        CampaignDirectory::create(store.path(), &campaign(vec![cell(1, 31), cell(2, 32), cell(3, 33)])).unwrap();
    assert!(CampaignDirectory::create(store.path(), &campaign(Vec::new())).is_err(), "no campaign overwrites another");
    let begun = |id, run: &str| JournalEntry::Begun { id, run: run.to_owned() };
    let ended = |id| JournalEntry::Ended { id, result: result(0, &[]) };
    for entry in [begun(1, "a"), begun(2, "b"), ended(1), JournalEntry::Worked { ms: 5 }, begun(2, "c")] {
        directory.append(&entry).unwrap();
    }
    let mut file = File::options().append(true).open(directory.journal_file()).unwrap();
    // Torn inside a letter of two bytes.
    let line = "{\"entry\":\"ended\",\"id\":2,\"sentence\":\"caf\u{e9}";
    file.write_all(&line.as_bytes()[..line.len() - 1]).unwrap();
    assert!(String::from_utf8(fs::read(directory.journal_file()).unwrap()).is_err());
    let read = directory.replay().unwrap();
    assert_eq!((read.cells[0].attempts, read.cells[1].attempts, read.cells[2].attempts), (1, 2, 0));
    assert!(read.cells[0].result().is_some());
    assert_eq!(read.cells[1].state, CellState::Running { run: "c".to_owned() });
    assert_eq!((read.cells[2].state.clone(), read.worked_ms), (CellState::Waiting, 5));
    directory.append(&JournalEntry::BrokenOff { id: 2 }).unwrap();
    let read = directory.replay().unwrap();
    assert_eq!((read.cells[1].state.clone(), read.cells[1].attempts), (CellState::Waiting, 2));
    assert_eq!(read.open_cells().map(|cell| cell.id).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_campaign_is_resumed_by_its_journal_alone() {
    let store = tempfile::tempdir().unwrap();
    let planned = campaign(vec![cell(1, 31), cell(2, 32)]);
    let directory = CampaignDirectory::create(store.path(), &planned).unwrap();
    // As a file is that was renamed and not yet written when the power failed.
    File::create(directory.campaign_file()).unwrap();
    assert!(directory.read().is_err());
    assert_eq!(CampaignDirectory::open(directory.path()).unwrap().replay().unwrap(), planned);
    fs::remove_file(directory.campaign_file()).unwrap();
    assert_eq!(CampaignDirectory::open(directory.path()).unwrap().replay().unwrap(), planned);
    let newer = Campaign { schema: SCHEMA + 1, ..planned };
    let plan = serde_json::to_string(&JournalEntry::Planned { campaign: Box::new(newer) }).unwrap();
    fs::write(directory.journal_file(), plan + "\n").unwrap();
    assert!(directory.replay().unwrap_err().to_string().contains("newer dsjepsen"));
}

#[test]
fn runs_are_one_combination_where_they_differ_in_their_seeds_alone() {
    let mut all = campaign((1..=5).map(|id| cell(id, u64::from(id))).collect());
    all.cells[1].target = "etcd".to_owned();
    for place in [2, 4] {
        all.cells[place].options = "--rate 50".to_owned();
    }
    let found = all.combinations();
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["lock on raft under pause", "lock on etcd under pause", "lock on raft under pause, --rate 50"]);
    let runs = found.iter().map(|one| one.cells.iter().map(|cell| cell.id).collect::<Vec<_>>());
    assert_eq!(runs.collect::<Vec<_>>(), [vec![1, 4], vec![2], vec![3, 5]]);
    assert_eq!(all.cells[2].title(), "lock on raft under pause, --rate 50, seed 3");
}

#[test]
fn nothing_ends_twice() {
    let store = tempfile::tempdir().unwrap();
    let directory = CampaignDirectory::create(store.path(), &campaign(vec![cell(1, 31)])).unwrap();
    for _ in 0..2 {
        directory.append(&JournalEntry::Ended { id: 1, result: result(0, &[]) }).unwrap();
    }
    assert!(directory.replay().unwrap_err().to_string().contains("cell 1 had ended before"));
    let text = fs::read_to_string(directory.journal_file()).unwrap();
    let plan = text.lines().next().unwrap();
    for (more, says) in
        [(r#"{"entry":"broken-off","id":7}"#, "no cell 7"), ("nonsense", "line 2"), (plan, "planned once")]
    {
        fs::write(directory.journal_file(), format!("{plan}\n{more}\n")).unwrap();
        assert!(directory.replay().unwrap_err().to_string().contains(says), "{says}");
    }
    fs::write(directory.journal_file(), "{\"entry\":\"worked\",\"ms\":7}\n").unwrap();
    assert!(directory.replay().unwrap_err().to_string().contains("no plan"));
}

#[test]
fn one_controller_at_a_time() {
    let store = tempfile::tempdir().unwrap();
    let directory = CampaignDirectory::create(store.path(), &campaign(Vec::new())).unwrap();
    let hold = directory.hold().unwrap();
    let other = CampaignDirectory::open(directory.path()).unwrap();
    assert!(other.hold().unwrap_err().to_string().contains("still at work"));
    drop(hold);
    assert!(other.hold().is_ok());
}

#[test]
fn failures_of_one_signature_are_one() {
    let mut all = campaign((1..=7).map(|id| cell(id, u64::from(id))).collect());
    let done = |exit, rules: &[&str]| CellState::Done(result(exit, rules));
    all.cells[0].state = done(0, &[]);
    all.cells[1].state = done(1, &["lock.fencing", "lock.exclusion", "lock.exclusion"]);
    all.cells[2].state = done(1, &["lock.exclusion"]);
    all.cells[3].state = done(2, &["no-observations"]);
    all.cells[4].expect = Gravity::Invalid;
    all.cells[4].state = done(0, &["lock.exclusion"]);
    all.cells[5].expect = Gravity::Invalid;
    all.cells[5].state = done(1, &[]);
    all.cells[6].state = done(255, &[]);
    let kinds: Vec<CellKind> = all.cells.iter().map(Cell::kind).collect();
    use CellKind::{Expected, Harness, Invalid, Unknown, Valid};
    assert_eq!(kinds, [Valid, Invalid, Invalid, Unknown, Expected, Invalid, Harness]);
    let groups: Vec<_> =
        all.failures().into_iter().map(|group| (group.rule, group.cells.len(), group.first().id, group.of)).collect();
    assert_eq!(groups, [("lock.fencing", 1, 2, 7), ("lock.exclusion", 2, 2, 7), ("expectation", 1, 6, 7)]);
    assert_eq!(all.failures()[1].sentence(), "lock.exclusion is broken.");
    assert_eq!(all.failures()[2].sentence(), "All is well.");
    let expected = Tally { valid: 1, as_expected: 1, invalid: 3, unknown: 1, harness: 1, not_run: 0, open: 0 };
    assert_eq!((all.tally(), all.tally().ended(), all.is_complete()), (expected, 7, true));
}
