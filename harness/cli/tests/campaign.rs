//! Campaigns of the real binary: what is recorded is what the runs say, whatever ends the controller; nothing is run twice, nothing is left
//! running, and nothing that was not run looks like a pass.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::Duration;

use common::{DSJEPSEN, Running, Trials, eventually, nothing_left_soon, read_json, run_trials, text};
use dsjepsen_engine::{Purpose, stream};
use dsjepsen_history::{
    CAMPAIGN_EVENT_SCHEMA, CAMPAIGN_SCHEMA, Campaign, CampaignDirectory, Cell, CellState, Gravity, HarnessReason,
    JournalEntry, RunDirectory,
};
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;
use serde_json::Value;

const XMLLINT: &str = "xmllint";

const TRIALS: Trials = &[
    ("a_controller_that_is_killed_again_and_again_loses_and_repeats_nothing", &[], killed),
    ("runs_end_with_their_controller", &[], orphans),
    ("a_run_that_was_judged_before_its_controller_was_killed_is_not_repeated", &[], judged_before),
    ("one_controller_at_a_time", &[], held),
    ("a_run_that_is_not_done_in_time_is_ended_and_says_nothing_of_the_target", &[], deadline),
    ("a_run_that_hangs_is_killed_and_cleared_away", &[], hangs),
    ("what_there_is_no_time_for_is_not_run_and_no_pass_and_can_be_resumed", &[XMLLINT], out_of_time),
    ("ctrl_c_ends_runs_in_good_order_and_the_rest_can_be_resumed", &[], interrupted),
    ("json_lines_and_campaign_json_keep_to_their_schemas", &[], schemas),
    ("ci_systems_read_failures_by_signature_and_what_cannot_be_run_as_skipped", &[XMLLINT], ci),
    ("a_planted_flaw_must_be_found", &[], planted),
    ("a_dry_run_runs_nothing", &[], dry_run),
];

/// A second of a lock on one node, and of a counter.
const SHORT: &str = "--nodes 1 --time-limit 1 --recovery-time 0 --op-timeout-ms 500 --rate 100";

fn main() -> ExitCode {
    run_trials(TRIALS)
}

/// A store with one campaign in it.
struct Night {
    folder: tempfile::TempDir,
}

impl Night {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(DSJEPSEN);
        command.arg("campaign").args(arguments).current_dir(self.folder.path());
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY").env_remove("GITHUB_SHA");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap()
    }

    /// The campaign's directory, once there is one.
    fn found(&self) -> Option<CampaignDirectory> {
        let latest = fs::canonicalize(self.path("store").join("latest-campaign")).ok()?;
        CampaignDirectory::open(&latest).ok()
    }

    fn directory(&self) -> CampaignDirectory {
        self.found().unwrap()
    }

    fn campaign(&self) -> Campaign {
        self.directory().read().unwrap()
    }

    fn resume(&self, arguments: &[&str]) -> Command {
        let directory = self.directory();
        let mut all = vec!["--resume", directory.path().to_str().unwrap()];
        all.extend(arguments);
        self.command(&all)
    }

    /// Processes whose command line names this store: the controller and its runs. (What runs start has their marker.)
    fn processes(&self) -> Vec<i32> {
        let folder = self.folder.path().to_str().unwrap();
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        all.filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(folder)
        })
        .collect()
    }

    /// Every run that was ever begun, by the number of its cell, in order.
    fn begun(&self) -> BTreeMap<u32, Vec<String>> {
        let mut begun: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for entry in self.directory().journal().unwrap() {
            if let JournalEntry::Begun { id, run } = entry {
                begun.entry(id).or_default().push(run);
            }
        }
        begun
    }

    fn assert_nothing_left(&self) {
        eventually("runs of the campaign are left", || self.processes().is_empty());
        for run in self.begun().values().flatten() {
            nothing_left_soon(run);
        }
    }

    /// Holds everything that a campaign says of its runs against what their directories say.
    fn assert_agrees(&self) {
        let (directory, campaign) = (self.directory(), self.campaign());
        assert_eq!(without_times(directory.replay().unwrap()), without_times(campaign.clone()));
        let mut ends: BTreeMap<u32, usize> = BTreeMap::new();
        for entry in directory.journal().unwrap() {
            if let JournalEntry::Ended { id, .. } = entry {
                *ends.entry(id).or_default() += 1;
            }
        }
        let begun = self.begun();
        for cell in &campaign.cells {
            let Some(result) = cell.result() else { continue };
            assert_eq!(ends.get(&cell.id), Some(&1), "{}", cell.title());
            assert_eq!(begun[&cell.id].len(), cell.attempts as usize);
            assert_eq!(begun[&cell.id].last(), Some(&result.run));
            let run = RunDirectory::open(&directory.runs().join(&result.run)).unwrap();
            let (plan, verdict) = (run.read_plan().unwrap(), run.read_verdict().unwrap());
            assert_eq!((&plan.workload, &plan.target, plan.seed), (&cell.workload, &cell.target, cell.seed));
            assert_eq!(result.verdict, Some(verdict.verdict), "{}", cell.title());
            assert_eq!(result.sentence, verdict.sentence);
            assert_eq!(result.operations.total, verdict.operations.total);
            assert!(run.page_file().exists() && result.page);
        }
        // A run that ended is nobody's twice.
        let runs: BTreeSet<_> = campaign.cells.iter().filter_map(Cell::result).map(|result| &result.run).collect();
        assert_eq!(runs.len(), campaign.cells.iter().filter(|cell| cell.result().is_some()).count());
        assert!(directory.page_file().exists());
    }
}

/// A test that fails leaves no run behind either; what runs start ends with them.
impl Drop for Night {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// What two readings of one state may differ in.
fn without_times(mut campaign: Campaign) -> Campaign {
    (campaign.worked_ms, campaign.exit_code) = (0, None);
    campaign.updated.clear();
    for cell in &mut campaign.cells {
        if matches!(cell.state, CellState::NotRun { .. }) {
            cell.state = CellState::Waiting;
        }
    }
    campaign
}

/// The exit code that the runs come to.
fn worst(campaign: &Campaign) -> i32 {
    let codes: BTreeSet<u8> =
        campaign.cells.iter().map(|cell| cell.result().map_or(2, |result| result.exit_code)).collect();
    [1, 255, 2, 0].into_iter().find(|code| codes.contains(code)).map_or(0, i32::from)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}", text(output)))
}

fn killed() -> Result<(), Failed> {
    let night = Night::new();
    let line = format!("--workload lock --target ttl-lock,raft --seeds 5 --jobs 3 --quiet {SHORT} --locks 3");
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut random = stream(std::process::id().into(), Purpose::Schedule, 0);
    let mut command = night.command(&words);
    for _ in 0..5 {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running::start(command);
        eventually("a campaign", || night.found().is_some());
        std::thread::sleep(Duration::from_millis(random.random_range(0..4000)));
        running.signal(Signal::SIGKILL);
        drop(running);
        // Nobody cleans up but those whom the runs have for it.
        night.assert_nothing_left();
        command = night.resume(&["--jobs", "3", "--quiet"]);
    }
    let output = command.output().unwrap();
    let campaign = night.campaign();
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    assert_eq!(campaign.exit_code.map(i32::from), output.status.code());
    assert!(campaign.is_complete() && campaign.cells.len() == 10);
    night.assert_agrees();
    night.assert_nothing_left();
    // It has ended: to resume it runs nothing.
    let before = night.begun();
    let output = night.resume(&["--quiet"]).output().unwrap();
    assert_eq!((code(&output), night.begun()), (worst(&campaign), before));
    Ok(())
}

fn orphans() -> Result<(), Failed> {
    let night = Night::new();
    // Long enough that none of them ends by itself meanwhile.
    let line = "--target raft --nodes 3 --time-limit 600 --seeds 2 --jobs 2 --quiet";
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running::start(command);
    eventually("the nodes of two runs", || {
        let all_up = |runs: BTreeMap<u32, Vec<String>>| {
            runs.len() == 2 && runs.values().all(|runs| dsjepsen_engine::find_marked(&runs[0]).len() >= 3)
        };
        night.found().is_some() && all_up(night.begun())
    });
    running.signal(Signal::SIGKILL);
    drop(running);
    night.assert_nothing_left();
    assert_eq!(night.directory().replay().unwrap().tally().open, 2);
    Ok(())
}

fn judged_before() -> Result<(), Failed> {
    let night = Night::new();
    let output = night.run(&format!("--target ttl-lock --seeds 2 --jobs 2 {SHORT}"));
    let campaign = night.campaign();
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    // As if it had been killed between the end of a run and the note of it, the page not yet drawn.
    let directory = night.directory();
    let last = campaign.cells[1].result().unwrap();
    fs::remove_file(directory.runs().join(&last.run).join("index.html")).unwrap();
    let journal = fs::read_to_string(directory.journal_file()).unwrap();
    let kept: Vec<&str> = journal.lines().filter(|line| !line.contains(r#""entry":"ended","id":2"#)).collect();
    assert_eq!(kept.len() + 1, journal.lines().count());
    fs::write(directory.journal_file(), kept.join("\n") + "\n").unwrap();
    let output = night.resume(&[]).output().unwrap();
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    let again = night.campaign();
    let (one, other) = (again.cells[1].result().unwrap(), last);
    assert_eq!((&one.run, one.verdict, one.exit_code), (&other.run, other.verdict, other.exit_code));
    assert_eq!(night.begun()[&2].len(), 1);
    assert!(again.worked_ms >= campaign.worked_ms && campaign.worked_ms >= 1_000, "what was done before counts");
    night.assert_agrees();
    Ok(())
}

fn held() -> Result<(), Failed> {
    let night = Night::new();
    let line = "--target ttl-lock --nodes 1 --time-limit 30 --recovery-time 0 --seeds 1";
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(command);
    eventually("a run", || night.found().is_some() && !night.begun().is_empty());
    let second = night.resume(&[]).output().unwrap();
    assert_eq!(code(&second), 254);
    assert!(text(&second).contains("still at work"), "{}", text(&second));
    assert_eq!(night.begun().len(), 1);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait(), Some(130));
    night.assert_nothing_left();
    Ok(())
}

fn deadline() -> Result<(), Failed> {
    let night = Night::new();
    let output = night.run("--target raft --nemesis pause(one) --time-limit 4 --recovery-time 0 --grace 0 --seeds 1");
    assert_eq!(code(&output), 255, "{}", text(&output));
    let campaign = night.campaign();
    let result = campaign.cells[0].result().unwrap();
    assert_eq!(result.harness_error.as_ref().unwrap().reason, HarnessReason::Deadline, "{result:?}");
    assert!((4_000..40_000).contains(&result.took_ms), "{}", result.took_ms);
    let tally = campaign.tally();
    assert_eq!((tally.harness, tally.valid), (1, 0));
    night.assert_nothing_left();
    Ok(())
}

fn hangs() -> Result<(), Failed> {
    let night = Night::new();
    let line = "--target raft --nemesis pause(one) --time-limit 8 --recovery-time 0 --grace 3 --quiet";
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(command);
    let journal = |night: &Night| {
        let run = night.begun().remove(&1).map(|runs| runs[0].clone())?;
        fs::read_to_string(night.directory().runs().join(run).join("journal.jsonl")).ok()
    };
    eventually("a fault in force", || night.found().is_some() && journal(&night).is_some_and(|text| !text.is_empty()));
    let own = i32::try_from(running.0.id()).unwrap();
    let children: Vec<i32> = night.processes().into_iter().filter(|pid| *pid != own).collect();
    let is_run =
        |pid: &&i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("--parent"));
    let run = *children.iter().find(is_run).unwrap();
    kill(Pid::from_raw(run), Signal::SIGSTOP).unwrap();
    assert_eq!(running.wait(), Some(255));
    let campaign = night.campaign();
    let result = campaign.cells[0].result().unwrap();
    assert_eq!(result.harness_error.as_ref().unwrap().reason, HarnessReason::Deadline, "{result:?}");
    assert_eq!(result.verdict, None);
    night.assert_nothing_left();
    let run = night.directory().runs().join(&result.run);
    let open = dsjepsen_engine::nemesis::Journal::unhealed(&run.join("journal.jsonl")).unwrap();
    assert_eq!(open, [], "as `dsjepsen heal` leaves it");
    Ok(())
}

/// A JUnit file that keeps to the schema: how many elements there are of each path.
fn junit(path: &Path, counted: &[&str]) -> Vec<usize> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/junit.xsd");
    let output = Command::new(XMLLINT).args(["--noout", "--schema"]).arg(schema).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let count = |of: &&str| {
        let output = Command::new(XMLLINT).args(["--xpath", &format!("count({of})")]).arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    counted.iter().map(count).collect()
}

fn out_of_time() -> Result<(), Failed> {
    let night = Night::new();
    let file = night.path("junit.xml");
    let short = "--nodes 1 --time-limit 1 --recovery-time 0";
    // A run is taken to need ten seconds beside its own: so one begins, and when it has ended no other.
    let output = night.run(&format!("--target raft --seeds 3 --jobs 1 --for 12s {short} --junit {}", file.display()));
    let campaign = night.campaign();
    let tally = campaign.tally();
    assert!(tally.ended() >= 1 && tally.not_run >= 1, "{tally:?}\n{}", text(&output));
    assert_eq!(code(&output), worst(&campaign));
    assert_ne!(code(&output), 0, "what was not run is no pass");
    assert!(
        text(&output).contains("not run  lock on raft under none, seed 3: it would not")
            && text(&output).contains("--resume"),
        "{}",
        text(&output)
    );
    let counts = junit(&file, &["//testcase", "//error[@type='not-run']"]);
    assert_eq!(counts, [3, usize::try_from(tally.not_run).unwrap()]);
    let output = night.resume(&["--for", "1h", "--junit", file.to_str().unwrap()]).output().unwrap();
    let campaign = night.campaign();
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    assert!(campaign.is_complete());
    assert!(campaign.cells.iter().all(|cell| cell.attempts == 1), "nothing is repeated");
    assert_eq!(junit(&file, &["//testcase", "//error[@type='not-run']"]), [3, 0]);
    night.assert_agrees();
    Ok(())
}

fn interrupted() -> Result<(), Failed> {
    let night = Night::new();
    let line = "--target raft --nodes 3 --time-limit 4 --recovery-time 0 --seeds 3 --jobs 2";
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(command);
    eventually("two runs", || night.found().is_some() && night.begun().len() == 2);
    running.signal(Signal::SIGINT);
    assert_eq!(running.wait(), Some(130));
    night.assert_nothing_left();
    let campaign = night.campaign();
    assert_eq!((campaign.exit_code, campaign.tally().open > 0), (Some(130), true));
    // The same again says that there is something to go on with; here of another length, so that it is cheap to try.
    let offer = night.run(&format!("--target ttl-lock --seeds 1 {SHORT}"));
    assert!(text(&offer).contains("--resume"), "{}", text(&offer));
    let mut resume = night.command(&["--resume"]);
    resume.arg(night.path("store").join(&campaign.name));
    let output = resume.output().unwrap();
    let directory = CampaignDirectory::open(&night.path("store").join(&campaign.name)).unwrap();
    let campaign = directory.read().unwrap();
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    assert!(campaign.is_complete());
    assert!(campaign.cells.iter().any(|cell| cell.attempts == 2), "what was cut short is run again");
    Ok(())
}

fn schemas() -> Result<(), Failed> {
    let night = Night::new();
    let line = format!("--workload lock,election --target ttl-lock --seeds 2 --jobs 2 --json {SHORT}");
    let output = night.run(&line);
    let event = jsonschema::validator_for(&serde_json::from_str(CAMPAIGN_EVENT_SCHEMA).unwrap()).unwrap();
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    for line in &lines {
        assert!(
            event.is_valid(line),
            "{line}: {:?}",
            event.iter_errors(line).map(|e| e.to_string()).collect::<Vec<_>>()
        );
    }
    let kinds: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds.last()), ("planned", Some(&"finished")));
    assert_eq!(kinds.iter().filter(|kind| **kind == "ended").count(), 2);
    assert_eq!(lines[0]["unavailable"][0]["workload"], "election");
    assert_eq!(lines.last().unwrap()["exit_code"], code(&output));
    let file = jsonschema::validator_for(&serde_json::from_str(CAMPAIGN_SCHEMA).unwrap()).unwrap();
    let written = read_json(&night.directory().campaign_file());
    assert!(file.is_valid(&written), "{:?}", file.iter_errors(&written).map(|e| e.to_string()).collect::<Vec<_>>());
    let mut wrong = written;
    wrong["cells"][0]["seed"] = Value::from("one");
    assert!(!file.is_valid(&wrong));
    Ok(())
}

/// Breaks a lock that does not look at owners.
const BROKEN: &str = "--workload lock --target ttl-lock --nemesis pause(n2,n3,n4) --nemesis-interval 1 --lease-ttl-ms 500 --locks 2 \
                      --time-limit 13 --recovery-time 1";

fn ci() -> Result<(), Failed> {
    let night = Night::new();
    let (file, summary) = (night.path("junit.xml"), night.path("summary.md"));
    let line = format!("{BROKEN} --target bully --seeds 5..6 --jobs 2 --junit {}", file.display());
    // Brackets hold commas that end no schedule.
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_ACTIONS", "true").env("GITHUB_SHA", "7c1f0ae");
    let output = command.output().unwrap();
    let campaign = night.campaign();
    let groups = campaign.failures();
    assert!(code(&output) == 1 && !groups.is_empty(), "{}", text(&output));
    assert_eq!(campaign.host.commit.as_deref(), Some("7c1f0ae"));
    assert_eq!(campaign.unavailable.len(), 1);
    let failed = campaign.cells.iter().filter(|cell| cell.result().unwrap().exit_code == 1).count();
    let counts = junit(&file, &["//testsuite", "//testcase", "//failure", "//skipped[@type='unavailable']"]);
    assert_eq!(counts, [2, 3, failed, 1]);
    let told = fs::read_to_string(&summary).unwrap();
    assert!(told.contains("### INVALID") && told.contains("| lock on ttl-lock |"), "{told}");
    assert!(told.contains("n/a") && told.contains("| unavailable |"), "{told}");
    for group in &groups {
        assert!(told.contains(group.rule), "{told}");
        assert!(text(&output).contains(&format!("::error title=dsjepsen%3A {}::", group.rule)), "{}", text(&output));
    }
    assert!(told.contains("dsjepsen test --workload lock --target ttl-lock"), "{told}");
    night.assert_agrees();
    Ok(())
}

fn planted() -> Result<(), Failed> {
    let night = Night::new();
    let output = night.run(&format!("{BROKEN} --seeds 5..5 --expect invalid"));
    assert_eq!(code(&output), 0, "{}", text(&output));
    let campaign = night.campaign();
    assert_eq!((campaign.tally().as_expected, campaign.failures().len()), (1, 0));
    // And one that is not there is missed.
    let night = Night::new();
    let output = night.run(&format!("--workload lock --target ttl-lock --seeds 1 --expect unknown {SHORT}"));
    let campaign = night.campaign();
    let result = campaign.cells[0].result().unwrap();
    if result.verdict == Some(Gravity::Valid) {
        assert_eq!((code(&output), campaign.failures()[0].rule), (1, "expectation"), "{}", text(&output));
    }
    Ok(())
}

fn dry_run() -> Result<(), Failed> {
    let night = Night::new();
    let output = night.run("--workload lock,counter --target raft,bully --seeds 31..32 --dry-run");
    assert_eq!(code(&output), 0);
    let told = text(&output);
    assert!(told.contains("dsjepsen test --workload counter --target raft --nemesis none --seed 32"), "{told}");
    assert!(told.contains("4 runs") && told.contains("lock on bully under none: "), "{told}");
    assert!(!night.path("store").exists());
    Ok(())
}
