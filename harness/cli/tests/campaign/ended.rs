//! Whatever ends a controller or a run: nothing is lost, nothing is run twice, and nothing is left running.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use dsjepsen_engine::nemesis::Journal;
use dsjepsen_engine::{Purpose, stream};
use dsjepsen_history::{CampaignDirectory, HarnessReason};
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;

use crate::SHORT;
use crate::common::{Running, eventually, text};
use crate::night::{Night, code, worst};

pub(crate) fn killed() -> Result<(), Failed> {
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
        // Where the power fails, a file that was renamed may be empty.
        fs::write(night.directory().campaign_file(), "").unwrap();
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

pub(crate) fn orphans() -> Result<(), Failed> {
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

/// As if the controller had been killed between the end of this run and the note of it.
fn forget_the_end(night: &Night, id: u32) {
    let directory = night.directory();
    let journal = fs::read_to_string(directory.journal_file()).unwrap();
    let end = format!(r#""entry":"ended","id":{id},"#);
    let kept: Vec<&str> = journal.lines().filter(|line| !line.contains(&end)).collect();
    assert_eq!(kept.len() + 1, journal.lines().count());
    fs::write(directory.journal_file(), kept.join("\n") + "\n").unwrap();
}

pub(crate) fn judged_before() -> Result<(), Failed> {
    let night = Night::new();
    let output = night.run(&format!("--target ttl-lock --seeds 2 --jobs 2 {SHORT}"));
    let campaign = night.campaign();
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    let last = campaign.cells[1].result().unwrap();
    let run = night.directory().runs().join(&last.run);
    forget_the_end(&night, 2);
    fs::remove_file(run.join("index.html")).unwrap();
    // Who is interrupted while it is judged again leaves it as it was: nobody reads this history to its end.
    let (history, aside) = (run.join("history.jsonl"), run.join("aside"));
    fs::rename(&history, &aside).unwrap();
    nix::unistd::mkfifo(&history, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut command = night.resume(&[]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(command);
    eventually("the run being judged again", || {
        let lines = night.processes().into_iter().filter_map(|pid| fs::read(format!("/proc/{pid}/cmdline")).ok());
        lines.into_iter().any(|line| line.starts_with(b"dsjepsen\0check\0"))
    });
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait(), Some(130));
    assert_eq!(night.directory().replay().unwrap().tally().open, 1);
    night.assert_nothing_left();
    fs::rename(&aside, &history).unwrap();
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

pub(crate) fn judged_in_vain() -> Result<(), Failed> {
    let night = Night::new();
    night.run(&format!("--target raft --seeds 1 {SHORT}"));
    let before = night.campaign();
    let result = before.cells[0].result().unwrap();
    forget_the_end(&night, 1);
    // Its page cannot be drawn: whoever tries ends otherwise than the verdict says.
    let run = night.directory().runs().join(&result.run);
    fs::remove_file(run.join("index.html")).unwrap();
    fs::create_dir(run.join("index.html")).unwrap();
    let output = night.resume(&[]).output().unwrap();
    let campaign = night.campaign();
    let again = campaign.cells[0].result().unwrap();
    assert_eq!((again.verdict, night.begun()[&1].len()), (result.verdict, 1));
    assert_eq!((code(&output), again.exit_code), (255, 255), "{}", text(&output));
    let error = again.harness_error.as_ref().unwrap();
    assert_eq!(error.reason, HarnessReason::Contradiction);
    assert!(error.text.contains(" when it was judged again"), "{}", error.text);
    // And where it can be drawn, what was expected of the run is expected of its record.
    let night = Night::new();
    night.run(&format!("--target raft --seeds 1 {SHORT} --expect unknown"));
    let before = night.campaign();
    forget_the_end(&night, 1);
    let output = night.resume(&[]).output().unwrap();
    let (one, other) = (&before.cells[0], &night.campaign().cells[0]);
    assert_eq!(one.result().unwrap().exit_code, other.result().unwrap().exit_code, "{}", text(&output));
    assert_eq!(one.result().unwrap().harness_error, other.result().unwrap().harness_error);
    Ok(())
}

pub(crate) fn held() -> Result<(), Failed> {
    let night = Night::new();
    let line = "--target raft --nodes 1 --time-limit 30 --recovery-time 0 --seeds 1";
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

pub(crate) fn deadline() -> Result<(), Failed> {
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

/// Whether no thread of a process runs.
fn stands_still(pid: i32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let states = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    states.into_iter().all(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')))
}

pub(crate) fn hangs() -> Result<(), Failed> {
    let night = Night::new();
    let line = "--target raft --nemesis pause(one) --time-limit 8 --recovery-time 0 --grace 15 --quiet";
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(command);
    eventually("a run", || night.found().is_some() && !night.begun().is_empty());
    let journal = night.directory().runs().join(&night.begun()[&1][0]).join("journal.jsonl");
    let in_force = || !Journal::unhealed(&journal).unwrap_or_default().is_empty();
    let is_run =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("--parent"));
    eventually("a run that stands still with a fault in force", || {
        let found = if in_force() { night.processes().into_iter().find(is_run) } else { None };
        let Some(run) = found.map(Pid::from_raw) else { return false };
        kill(run, Signal::SIGSTOP).unwrap();
        eventually("that it stands still", || stands_still(run.as_raw()));
        let stays = in_force();
        if !stays {
            kill(run, Signal::SIGCONT).unwrap();
        }
        stays
    });
    assert_eq!(running.wait(), Some(255));
    let campaign = night.campaign();
    let result = campaign.cells[0].result().unwrap();
    assert_eq!(result.harness_error.as_ref().unwrap().reason, HarnessReason::Deadline, "{result:?}");
    assert_eq!(result.verdict, None);
    night.assert_nothing_left();
    assert_eq!(Journal::unhealed(&journal).unwrap(), [], "as `dsjepsen heal` leaves it");
    Ok(())
}
pub(crate) fn interrupted() -> Result<(), Failed> {
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
