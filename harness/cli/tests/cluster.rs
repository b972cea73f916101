//! Clusters of small shell programs: what a node that misbehaves does to a run, and that nothing of a cluster survives it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod shell;

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use common::{DSJEPSEN, eventually, until};
use dsjepsen_engine::nemesis::minimum_time_limit;
use dsjepsen_engine::{ProcessState, find_marked};
use dsjepsen_history::{FaultAction, FaultOutcome, NodeHealth, NodeId, RunEvent};
use shell::{Bench, Shell};

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_ends_at_once_shows_how_and_what_it_said_last() {
    static TARGET: Shell = Shell::running("echo reading the config; echo no such option >&2; exit 3");
    let bench = Bench::new("ends-at-once");
    let error = bench.start(&TARGET, 1).await.err().unwrap().to_string();
    for part in ["n1 ended before it was ready", "exit status: 3", "reading the config", "no such option"] {
        assert!(error.contains(part), "{error}");
    }
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_never_becomes_ready_is_given_up() {
    static TARGET: Shell = Shell::running("echo still thinking; exec sleep 600");
    let bench = Bench::new("never-ready");
    let error = bench.start_with(&TARGET, 2, false, Duration::from_secs(2)).await.err().unwrap().to_string();
    assert!(error.contains("not ready within 2 s") && error.contains("still thinking"), "{error}");
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_ends_by_itself_is_an_event_and_no_abort() {
    static TARGET: Shell = Shell::running("echo node is ready; sleep 0.3; exec /no/such/program");
    let bench = Bench::new("ends-by-itself");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let ended = || {
        let seen = bench.seen.lock().unwrap();
        seen.iter()
            .any(|event| matches!(event, RunEvent::NodeEnded { expected: false, status, .. } if status.contains("127")))
    };
    until("the death is told", ended).await;
    assert!(!cluster.is_running(NodeId::at(0)));
    cluster.restart(NodeId::at(0)).await.expect("it starts again with the same line");
}

#[tokio::test(flavor = "current_thread")]
async fn grandchildren_that_hide_in_another_group_end_with_the_cluster() {
    static TARGET: Shell = Shell::running("setsid sleep 600 & (setsid sleep 601 &) ; echo node is ready; wait");
    let bench = Bench::new("grandchildren");
    let cluster = bench.start(&TARGET, 2).await.unwrap();
    eventually("the grandchildren", || find_marked(&bench.run).len() == 6);
    drop(cluster);
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_gets_its_own_environment_and_the_same_line_again() {
    static TARGET: Shell =
        Shell::running("env > env-$$; cat config >> starts; echo >> starts; echo node is ready; exec sleep 600");
    let bench = Bench::new("restart");
    let node = NodeId::at(0);
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    assert_eq!(cluster.pause(node).await, Some(ProcessState::Stopped));
    assert_eq!(cluster.resume(node).await, Some(ProcessState::Running));
    assert_eq!(cluster.pause(node).await, Some(ProcessState::Stopped));
    let end = cluster.kill(node).await.expect("a stopped node can be killed");
    assert!(end.contains("signal: 9"), "{end}");
    assert_eq!((cluster.kill(node).await, cluster.pause(node).await), (None, None));
    assert_eq!(cluster.health(node).await, NodeHealth::Down);
    cluster.restart(node).await.unwrap();
    assert_eq!(cluster.health(node).await, NodeHealth::Ready);
    assert_eq!(bench.read("n1/data/starts"), "a file\na file\n");
    let environments = std::fs::read_dir(bench.file("n1/data")).unwrap().flatten().map(|entry| entry.path());
    for path in environments.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("env-")) {
        check_environment(&path, &bench.run);
    }
    cluster.stop().await;
    bench.nothing_left();
}

/// How long the node's newest process has run on a processor, in ticks of the kernel.
fn processor_ticks(bench: &Bench) -> u64 {
    let process = *bench.pids(NodeId::at(0)).last().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(11).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_throttled_node_runs_a_part_of_the_time_and_stays_stopped_while_it_is_paused() {
    static TARGET: Shell = Shell::running("echo node is ready; while :; do :; done");
    let bench = Bench::new("throttle");
    let node = NodeId::at(0);
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let throttling = cluster.throttle(node, 20);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (times, share) = cluster.unthrottle(&throttling).await;
    // It would have a processor for itself.
    assert!(times > 0 && share.is_some_and(|share| share < 0.5), "{times} times, {share:?}");
    let throttling = cluster.throttle(node, 90);
    assert_eq!(cluster.pause(node).await, Some(ProcessState::Stopped));
    let before = processor_ticks(&bench);
    assert!(before > 0, "it did not run before");
    tokio::time::sleep(Duration::from_millis(200)).await;
    cluster.unthrottle(&throttling).await;
    assert_eq!(processor_ticks(&bench), before, "it ran while it was paused");
    assert_eq!(cluster.resume(node).await, Some(ProcessState::Running));
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn of_a_throttled_node_that_was_started_again_no_share_is_told() {
    static TARGET: Shell = Shell::running("echo node is ready; while :; do :; done");
    let bench = Bench::new("throttled-anew");
    let node = NodeId::at(0);
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let throttling = cluster.throttle(node, 90);
    cluster.kill(node).await.unwrap();
    cluster.restart(node).await.unwrap();
    // More than the old one had in its moment.
    until("the new process runs", || processor_ticks(&bench) >= 50).await;
    let (times, share) = cluster.unthrottle(&throttling).await;
    assert!(times > 0 && share.is_none(), "{times} times, {share:?}");
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_is_down_is_throttled_once_it_runs_again() {
    static TARGET: Shell = Shell::running("echo node is ready; while :; do :; done");
    let bench = Bench::new("throttled-down");
    let cluster = bench.start(&TARGET, 2).await.unwrap();
    let text =
        "kill(n1) at 100ms for 600ms; throttle(n1 n2, 30%) at 300ms for 1500ms; throttle(n1, 40%) at 400ms for 100ms";
    let told = bench.follow(&cluster, text, Duration::from_secs(2)).await;
    let of = |id: u32, action: FaultAction| {
        told.iter().find(|detail| detail.id == id && detail.action == action && detail.outcome.is_some()).unwrap()
    };
    let begun = &of(2, FaultAction::Inject).evidence;
    assert_eq!((&*begun["n1"], &*begun["n2"]), ("is to run 30 % of the time, is down", "is to run 30 % of the time"));
    let healed = of(2, FaultAction::Heal);
    assert!(healed.confirmed && !healed.evidence["n1"].contains(" 0 times"), "{told:#?}");
    let never = of(3, FaultAction::Heal);
    assert!(!never.confirmed && never.evidence["n1"] == "was seen stopped 0 times, is down", "{never:?}");
    cluster.stop().await;
    bench.nothing_left();
}

fn check_environment(path: &Path, run: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    for name in &names {
        assert!(
            ["GIVEN", "DSJEPSEN_RUN", "PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_"].contains(name),
            "{name} leaked in"
        );
    }
    assert!(text.contains(&format!("DSJEPSEN_RUN={run}\n")) && text.contains("GIVEN=by the target\n"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_restarted_node_that_is_not_ready_in_time_is_healed_all_the_same() {
    // Such as a member that nobody answers because it is cut off.
    static TARGET: Shell = Shell::running("[ -e started ] || echo node is ready; touch started; exec sleep 600");
    let bench = Bench::new("not-let-in");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let limit = minimum_time_limit(1, Duration::from_secs(1));
    let last = bench.follow(&cluster, "kill(all)", limit).await.pop().unwrap();
    assert_eq!((last.action, last.outcome), (FaultAction::Heal, Some(FaultOutcome::Installed)));
    assert_eq!(last.evidence["n1"], "runs again, but was not ready within 10 s");
    assert!(cluster.is_running(NodeId::at(0)));
}

#[tokio::test(flavor = "current_thread")]
async fn faults_that_overlap_end_with_the_last_that_holds_a_node_and_a_kill_ends_a_pause() {
    static TARGET: Shell = Shell::running("echo node is ready; exec sleep 600");
    let bench = Bench::new("overlap");
    let cluster = bench.start(&TARGET, 2).await.unwrap();
    let text = "pause(n1, n2) at 200ms for 1500ms; pause(n1) at 400ms for 500ms; kill(n2) at 600ms for 400ms; \
                pause(n1, n2) at 800ms for 150ms; kill(n2) at 850ms";
    let kept = bench.follow(&cluster, text, Duration::from_secs(2)).await;
    let of = |id: u32, action: FaultAction| -> (FaultOutcome, Vec<String>) {
        let detail = kept.iter().find(|detail| detail.id == id && detail.action == action && detail.outcome.is_some());
        let detail = detail.unwrap_or_else(|| panic!("fault {id} has no {action:?}"));
        let evidence = detail.evidence.iter().map(|(whose, seen)| format!("{whose} {seen}"));
        (detail.outcome.unwrap(), evidence.collect())
    };
    let (heal, inject) = (FaultAction::Heal, FaultAction::Inject);
    let said = |words: &[&str]| (FaultOutcome::Installed, words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(of(4, inject), said(&["n1 stopped (state T)", "n2 was down already"]));
    let (outcome, evidence) = of(5, inject);
    assert_eq!(outcome, FaultOutcome::Skipped);
    assert_eq!(evidence, ["n2 was down already", "nemesis there was nothing to act on"]);
    assert_eq!(of(2, heal), said(&["n1 left as it is for fault 1"]));
    assert_eq!(of(4, heal), said(&["n1 left as it is for fault 1"]));
    assert_eq!(of(1, heal), said(&["n1 resumed", "n2 fault 3 had ended this by ending the process"]));
    assert!(of(3, heal).1[0].starts_with("n2 ready "));
    assert!(cluster.is_running(NodeId::at(0)) && cluster.is_running(NodeId::at(1)));
}

#[tokio::test(flavor = "current_thread")]
async fn a_fault_that_finds_no_leader_looks_again_as_long_as_it_was_to_last() {
    const IDLE: &str = "echo node is ready; exec sleep 600";
    static LATE: Shell = Shell::running(IDLE);
    static NEVER: Shell = Shell::running(IDLE);
    LATE.leaderless.store(4, Relaxed);
    // One that has waited is asked for once more when it acts: what came before is no part of it.
    for (target, requests, outcome, evidence) in [
        (&LATE, 2, FaultOutcome::Installed, ("n1", "stopped (state T)")),
        (&NEVER, 1, FaultOutcome::Skipped, ("nemesis", "there was nothing to act on: `leader` was not found")),
    ] {
        let bench = Bench::new("leaderless");
        let cluster = bench.start(target, 1).await.unwrap();
        let kept = bench.follow(&cluster, "pause(leader) at 100ms for 1s", Duration::from_secs(2)).await;
        let injections: Vec<_> = kept.iter().filter(|detail| detail.action == FaultAction::Inject).collect();
        let [asked @ .., done] = injections.as_slice() else { panic!("{injections:?}") };
        assert!(asked.len() == requests && asked.iter().all(|detail| detail.outcome.is_none()), "{injections:?}");
        assert_eq!(done.outcome, Some(outcome));
        assert_eq!(done.evidence[evidence.0], evidence.1);
        let healed = kept.iter().any(|detail| detail.action == FaultAction::Heal && detail.outcome.is_some());
        assert_eq!(healed, outcome == FaultOutcome::Installed);
        cluster.stop().await;
    }
}

/// A process of this run that no group and no parent ties to it.
fn stray(run: &str) -> common::Running {
    let mut command = std::process::Command::new("setsid");
    command.args(["sleep", "600"]).env(dsjepsen_engine::MARKER, run);
    let stray = common::Running::quietly(command);
    eventually("the stray process", || !find_marked(run).is_empty());
    stray
}

/// Runs the guardian with what a controller has told it before its pipe ended.
fn guardian(run: &str, told: &str) {
    use std::io::Write;
    let mut command = std::process::Command::new(DSJEPSEN);
    command.args(["guardian", run]).stdin(std::process::Stdio::piped());
    let mut guardian = common::Running::quietly(command);
    guardian.0.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
    assert_eq!(guardian.wait(), Some(0));
}

#[test]
fn the_guardian_ends_what_a_killed_controller_leaves_and_only_that() {
    let (ours, others) = (format!("guarded-{}", std::process::id()), format!("other-{}", std::process::id()));
    let (mut left, _neighbour) = (stray(&ours), stray(&others));
    guardian(&ours, "group 999999999\nrelease\n");
    assert_eq!(find_marked(&ours).len(), 1, "a released guardian touches nothing");
    guardian(&ours, "group 999999999\nended 999999999\n");
    assert_eq!(left.wait(), None, "it was ended by a signal");
    assert!(find_marked(&ours).is_empty());
    assert_eq!(find_marked(&others).len(), 1, "another run's process was ended too");
}
