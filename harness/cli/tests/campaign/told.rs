//! What those are told who read: JSON lines, JUnit files, summaries; and that nothing that was not run looks like a pass.

use std::fs;
use std::process::Stdio;

use dsjepsen_history::{CAMPAIGN_EVENT_SCHEMA, CAMPAIGN_SCHEMA, Gravity};
use libtest_mimic::Failed;
use serde_json::Value;

use crate::SHORT;
use crate::common::{Running, eventually, read_json, text};
use crate::night::{Night, code, junit, worst};

pub(crate) fn out_of_time() -> Result<(), Failed> {
    let night = Night::new();
    let file = night.path("junit.xml");
    let short = "--nodes 1 --time-limit 5 --recovery-time 0";
    // A run is taken to need ten seconds beside its own: so when one has ended no other begins. A busy machine may begin none.
    let output = night.run(&format!("--target raft --seeds 3 --jobs 1 --for 19s {short} --junit {}", file.display()));
    let campaign = night.campaign();
    let tally = campaign.tally();
    assert!(tally.not_run >= 2 && tally.ended() + tally.not_run == 3, "{tally:?}\n{}", text(&output));
    assert_eq!(code(&output), worst(&campaign));
    assert_ne!(code(&output), 0, "what was not run is no pass");
    assert!(
        text(&output).contains("not run  lock on raft under none, seed 3: it would not")
            && text(&output).lines().any(|line| line.starts_with("the rest: ") && line.ends_with(" --for 25s")),
        "it names a time that suffices: {}",
        text(&output)
    );
    let counts = junit(&file, &["//testcase", "//error[@type='not-run']"]);
    assert_eq!(counts, [3, usize::try_from(tally.not_run).unwrap()]);
    // What is said once is no part of the campaign.
    let output = night.resume(&["--for", "1s", "--quiet"]).output().unwrap();
    assert_eq!((code(&output), night.campaign().tally().ended()), (worst(&campaign), tally.ended()));
    assert_eq!(night.directory().replay().unwrap().for_ms, Some(19_000));
    let output = night.resume(&["--for", "1h", "--junit", file.to_str().unwrap()]).output().unwrap();
    let campaign = night.campaign();
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    assert!(campaign.is_complete());
    assert!(campaign.cells.iter().all(|cell| cell.attempts == 1), "nothing is repeated");
    assert_eq!(junit(&file, &["//testcase", "//error[@type='not-run']"]), [3, 0]);
    night.assert_agrees();
    Ok(())
}
pub(crate) fn junit_in_vain() -> Result<(), Failed> {
    let night = Night::new();
    // It cannot be written: there is no campaign.
    let output = night.run(&format!("--target raft --seeds 1 {SHORT} --junit no/such/folder.xml"));
    assert_eq!(code(&output), 254, "{}", text(&output));
    assert!(!night.path("store").exists());
    // It cannot be written any more: what is kept says the same as the exit code.
    let folder = night.path("folder");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("junit.xml");
    let line = format!("--target raft --seeds 1 --jobs 1 {SHORT} --json --junit {}", file.display());
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(fs::File::create(night.path("output")).unwrap()).stderr(Stdio::null());
    let mut running = Running::start(command);
    eventually("the file being there", || file.exists());
    fs::rename(&folder, night.path("aside")).unwrap();
    assert_eq!(running.wait(), Some(255));
    let campaign = night.campaign();
    assert_eq!((campaign.exit_code, campaign.is_complete()), (Some(255), true));
    let events = fs::read_to_string(night.path("output")).unwrap();
    assert!(events.lines().last().unwrap().contains(r#""exit_code":255"#), "{events}");
    Ok(())
}

pub(crate) fn schemas() -> Result<(), Failed> {
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
pub(crate) const BROKEN: &str = "--workload lock --target ttl-lock --nemesis pause(n2,n3,n4) --nemesis-interval 1 --lease-ttl-ms 500 --locks 2 \
                      --time-limit 13 --recovery-time 1";

pub(crate) fn ci() -> Result<(), Failed> {
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

pub(crate) fn planted() -> Result<(), Failed> {
    let night = Night::new();
    let output = night.run(&format!("{BROKEN} --seeds 5..5 --expect invalid"));
    assert_eq!(code(&output), 0, "{}", text(&output));
    let campaign = night.campaign();
    assert_eq!((campaign.tally().as_expected, campaign.failures().len()), (1, 0));
    // And one that is not there is missed: once a run was not disturbed by whatever else this machine does.
    for _ in 0..20 {
        let night = Night::new();
        let output = night.run(&format!("--workload lock --target raft --seeds 1 --expect invalid {SHORT}"));
        let campaign = night.campaign();
        let verdict = campaign.cells[0].result().unwrap().verdict;
        assert_ne!(code(&output), 0, "{}", text(&output));
        if verdict == Some(Gravity::Valid) {
            assert_eq!((code(&output), campaign.failures()[0].rule), (1, "expectation"), "{}", text(&output));
            return Ok(());
        }
    }
    panic!("no run of a sound system was valid");
}

pub(crate) fn required() -> Result<(), Failed> {
    let night = Night::new();
    let (file, summary) = (night.path("junit.xml"), night.path("summary.md"));
    let line = format!("--target raft,bully --seeds 1 {SHORT} --require-all --junit {}", file.display());
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_ACTIONS", "true");
    let output = command.output().unwrap();
    let campaign = night.campaign();
    assert_eq!((campaign.missing(), campaign.tally().ended()), (1, 1));
    assert_eq!(code(&output), [2, worst(&campaign)].into_iter().max().unwrap(), "{}", text(&output));
    let told = text(&output);
    assert!(told.contains("1 combination cannot be run here, which is no pass"), "{told}");
    assert!(told.contains("1 combination unavailable here, of 1 runs: none of these is a pass"), "{told}");
    assert!(!fs::read_to_string(&summary).unwrap().contains("### VALID"));
    assert_eq!(junit(&file, &["//error[@type='unavailable']", "//skipped"]), [1, 0]);
    // It is resumed as it was planned.
    assert_ne!(code(&night.resume(&[]).output().unwrap()), 0);
    Ok(())
}

pub(crate) fn dry_run() -> Result<(), Failed> {
    let night = Night::new();
    let output = night.run("--workload lock,counter --target raft,bully --seeds 31..32 --dry-run");
    assert_eq!(code(&output), 0);
    let told = text(&output);
    assert!(told.contains("dsjepsen test --workload counter --target raft --nemesis none --seed 32"), "{told}");
    assert!(told.contains("4 runs") && told.contains("lock on bully under none: "), "{told}");
    assert!(!night.path("store").exists());
    Ok(())
}
