//! A run that cannot be started is no run that ended; and a night is one binary's, whatever takes its place meanwhile.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

use crate::SHORT;
use crate::common::{DSJEPSEN, Running, eventually, text};
use crate::night::{Night, code, worst};

/// Runs enough that some are left when the test has done what it does.
const ONE_BY_ONE: &str = "--target raft --seeds 3 --jobs 1 --quiet";

pub(crate) fn not_started() -> Result<(), Failed> {
    let night = Night::new();
    let (folder, moved) = (night.path("folder"), night.path("moved"));
    fs::create_dir(&folder).unwrap();
    let store = night.path("store");
    let mut command = night.command(&format!("{ONE_BY_ONE} {SHORT}").split_whitespace().collect::<Vec<_>>());
    let (junit_file, summary, output) = (night.path("junit.xml"), night.path("summary.md"), night.path("output"));
    command.arg("--store").arg(&store).arg("--junit").arg(&junit_file).current_dir(&folder);
    command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_ACTIONS", "true");
    command.stdout(fs::File::create(&output).unwrap()).stderr(Stdio::null());
    let mut running = Running::start(command);
    eventually("a run", || night.found().is_some() && !night.begun().is_empty());
    // Runs begin in the folder in which the campaign was asked for.
    fs::rename(&folder, &moved).unwrap();
    assert_eq!(running.wait(), Some(255));
    let left = night.directory().replay().unwrap();
    assert!(left.tally().open > 0 && left.tally().harness == 0, "{:?}", left.tally());
    night.assert_nothing_left();
    // Everybody is told.
    assert_eq!(night.campaign().exit_code, Some(255));
    let page = fs::read_to_string(night.directory().page_file()).unwrap();
    assert!(page.contains("It was broken off") && !page.contains("It goes on"));
    let told = fs::read_to_string(&summary).unwrap();
    assert!(told.contains("### HARNESS ERROR: campaign") && told.contains("could not be started"), "{told}");
    let said = fs::read_to_string(&output).unwrap();
    assert!(said.contains("::error title=dsjepsen::") && said.contains("::warning title=dsjepsen%3A undecided::"));
    assert!(said.contains("the rest: dsjepsen campaign --resume"), "{said}");
    assert!(fs::read_to_string(&junit_file).unwrap().contains("interrupted before this run had ended"));
    fs::rename(&moved, &folder).unwrap();
    let output = night.resume(&["--quiet"]).output().unwrap();
    let campaign = night.campaign();
    assert!(campaign.is_complete(), "{}", text(&output));
    assert_eq!(code(&output), worst(&campaign), "{}", text(&output));
    night.assert_agrees();
    Ok(())
}

pub(crate) fn replaced() -> Result<(), Failed> {
    let night = Night::new();
    let binary = night.path("dsjepsen");
    fs::hard_link(DSJEPSEN, &binary).or_else(|_| fs::copy(DSJEPSEN, &binary).map(|_| ())).unwrap();
    let given = night.command(&format!("{ONE_BY_ONE} {SHORT}").split_whitespace().collect::<Vec<_>>());
    let mut command = Command::new(&binary);
    command.args(given.get_args()).current_dir(given.get_current_dir().unwrap());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(command);
    eventually("a run", || night.found().is_some() && !night.begun().is_empty());
    // As whoever installs puts one in the place of another.
    let other = night.path("other");
    fs::write(&other, "#!/bin/sh\nexit 7\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&other, &binary).unwrap();
    let ended = running.wait();
    let campaign = night.campaign();
    assert_eq!(ended, Some(worst(&campaign)));
    assert!(campaign.is_complete());
    for result in campaign.cells.iter().filter_map(dsjepsen_history::Cell::result) {
        assert_eq!(result.harness_error, None);
    }
    night.assert_agrees();
    night.assert_nothing_left();
    Ok(())
}
