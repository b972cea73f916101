//! Faults of processes on real ones: nodes that are killed all at once, over and over, or as they boot; limited in what they may
//! open; started anew elsewhere or with another option. As whoever runs the test and, where that is root, as an ordinary
//! user, too.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod shell;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{
    DSJEPSEN, Running, Store, assert_nothing_left, check, decided, eventually, nothing_left_soon, read_json, text,
    until,
};
use dsjepsen_engine::nemesis::{Nemesis, Scene, parse_nemesis, plan_faults};
use dsjepsen_engine::{Cluster, Events, FaultRecorder, Limit, Resource, RunClock};
use dsjepsen_history::{FaultAction, FaultDetail, FaultOutcome, FaultStage, Moment, NodeId, RunDirectory, RunEvent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::{Value, json};
use shell::{Bench, Shell};

/// Keeps what the nemesis records.
#[derive(Default)]
struct Kept(Mutex<Vec<FaultDetail>>);

impl FaultRecorder for Kept {
    fn record_fault(&self, stage: FaultStage) -> Moment {
        self.0.lock().unwrap().push(stage.value);
        Moment { index: 0, time: 0 }
    }
}

impl Kept {
    /// What came of one step of a fault.
    fn of(&self, id: u32, action: FaultAction) -> FaultDetail {
        let kept = self.0.lock().unwrap();
        let mut found = kept.iter().filter(|detail| detail.id == id && detail.action == action);
        found.find(|detail| detail.outcome.is_some()).unwrap_or_else(|| panic!("fault {id}: no {action:?}")).clone()
    }

    fn injected(&self, id: u32) -> FaultDetail {
        self.of(id, FaultAction::Inject)
    }

    fn healed(&self, id: u32) -> FaultDetail {
        self.of(id, FaultAction::Heal)
    }
}

/// Carries out a schedule, beside something else.
async fn carry_out<T>(
    bench: &Bench,
    cluster: &Cluster,
    schedule: &str,
    seconds: u64,
    beside: impl Future<Output = T>,
) -> (Arc<Kept>, T) {
    let asked = parse_nemesis(schedule).unwrap();
    let (limit, second) = (Duration::from_secs(seconds), Duration::from_secs(1));
    let planned = plan_faults(&asked, &cluster.nodes(), 1, limit, second).unwrap();
    let kept = Arc::new(Kept::default());
    let scene = Scene { cluster: cluster.clone(), gates: Vec::new() };
    let events = Events::new(RunClock::start(), Vec::new());
    let directory = RunDirectory::open(&bench.file("..")).unwrap();
    let mut nemesis = Nemesis::new(scene, planned, kept.clone(), events, &directory).unwrap();
    let ((), beside) = tokio::join!(nemesis.follow_schedule(), beside);
    (kept, beside)
}

fn n1() -> NodeId {
    NodeId::at(0)
}

/// The process of the node's newest start.
fn pid(bench: &Bench, node: NodeId) -> i32 {
    *bench.pids(node).last().unwrap()
}

/// A word of `/proc/PID/limits`; nothing where the process has ended.
fn open_files(pid: i32) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[tokio::test(flavor = "current_thread")]
async fn all_nodes_are_stopped_or_killed_at_once_and_all_come_back() {
    static TARGET: Shell = Shell::running("echo node is ready; exec sleep 600");
    let bench = Bench::new("all-at-once");
    let cluster = bench.start(&TARGET, 3).await.unwrap();
    let schedule = "pause(all) at 100ms for 200ms; kill(all) at 500ms for 200ms";
    let (kept, ()) = carry_out(&bench, &cluster, schedule, 1, async {}).await;
    for node in ["n1", "n2", "n3"] {
        assert_eq!(kept.injected(1).evidence[node], "stopped (state T)");
        assert_eq!(kept.healed(1).evidence[node], "resumed");
        assert_eq!(kept.injected(2).evidence[node], "reaped, signal: 9 (SIGKILL)");
        assert!(kept.healed(2).evidence[node].starts_with("ready "), "{:?}", kept.healed(2));
    }
    assert!(kept.injected(1).confirmed && kept.injected(2).confirmed);
    let seen: Vec<RunEvent> = bench.seen.lock().unwrap().clone();
    let lives = seen.iter().filter_map(|event| match event {
        RunEvent::NodeStarted { .. } => Some('+'),
        RunEvent::NodeEnded { .. } => Some('-'),
        _ => None,
    });
    assert_eq!(lives.collect::<String>(), "+++---+++", "for a while none ran");
    assert!(cluster.nodes().iter().all(|node| cluster.is_running(*node)));
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_kill_that_comes_over_and_over_finds_its_node_up_each_time() {
    static TARGET: Shell = Shell::running("echo >> starts; echo node is ready; exec sleep 600");
    let bench = Bench::new("loop");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let (kept, ()) = carry_out(&bench, &cluster, "kill(one) for 100ms every 250ms", 1, async {}).await;
    for id in 1..=4 {
        let (injected, healed) = (kept.injected(id), kept.healed(id));
        assert!(injected.confirmed && injected.evidence["n1"].starts_with("reaped"), "{injected:?}");
        assert!(healed.evidence["n1"].starts_with("ready "), "{healed:?}");
    }
    assert_eq!(bench.read("n1/data/starts").lines().count(), 5);
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_is_killed_at_random_moments_of_its_boot_and_comes_back_for_good() {
    static TARGET: Shell = Shell::running(
        "echo >> starts; for step in 1 2 3 4; do sleep 0.05; echo >> steps; done; echo node is ready; exec sleep 600",
    );
    let bench = Bench::new("boot");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    // A node that is not let come up counts as down for others, although a process of it mostly runs.
    let schedule = "kill(one, boot) at 100ms for 3s; pause(n1) at 1s for 100ms; restart(n1) at 1200ms for 100ms; \
                    kill(n1) at 1400ms for 100ms";
    let (kept, ()) = carry_out(&bench, &cluster, schedule, 5, async {}).await;
    let (injected, healed) = (kept.injected(1), kept.healed(1));
    assert!(!injected.confirmed, "a kill alone is none at boot: {injected:?}");
    assert!(injected.evidence["n1"].starts_with("reaped, signal: 9 (SIGKILL); from now on in the first "));
    let said = &healed.evidence["n1"];
    let numbers: Vec<u32> = said.split(|letter: char| !letter.is_ascii_digit()).flat_map(str::parse).collect();
    let [kills, before, _ready_after] = numbers[..] else { panic!("{said}") };
    assert!(healed.confirmed && before > 0 && before <= kills, "{said}");
    assert_eq!(healed.outcome, Some(FaultOutcome::Installed));
    // One start for the run, one for each kill, and one at the heal where it was down just then.
    let starts = u32::try_from(bench.read("n1/data/starts").lines().count()).unwrap();
    assert!((kills..=kills + 2).contains(&starts), "{starts} starts, {said}");
    let steps: u32 = bench.read("n1/data/steps").lines().count().try_into().unwrap();
    assert!(steps < 4 * starts, "no boot was cut short: {steps} steps of {starts} starts");
    for id in 2..=4 {
        let skipped = kept.injected(id);
        assert_eq!(skipped.outcome, Some(FaultOutcome::Skipped), "{skipped:?}");
        assert_eq!(skipped.evidence["n1"], "was down already");
    }
    assert!(cluster.is_running(n1()) && !cluster.is_killed_at_boot(n1()));
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_does_not_survive_its_boots_is_told() {
    static TARGET: Shell =
        Shell::running("[ -e started ] && exit 4; touch started; sleep 0.2; echo node is ready; exec sleep 600");
    let bench = Bench::new("boot-crash");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let (kept, ()) = carry_out(&bench, &cluster, "kill(one, boot) at 0s for 1500ms", 2, async {}).await;
    let healed = kept.healed(1);
    assert!(healed.evidence["n1"].contains("ended by itself"), "{healed:?}");
    assert!(healed.evidence["n1"].contains("not restarted: n1 ended before it was ready"), "{healed:?}");
    assert_eq!(healed.outcome, Some(FaultOutcome::Failed));
    cluster.stop().await;
    bench.nothing_left();
}

/// Ten files are open in the node, whose children go on to open one more, and say whether they could. `sleep` is to work in any
/// case.
static OPENS_FILES: Shell = Shell::running(
    "exec 3<config 4<config 5<config 6<config 7<config 8<config 9<config; echo node is ready; \
     while :; do if (: > copy); then echo opened; else echo refused; fi; (exec 3<&- 4<&- 5<&- 6<&- 7<&-; sleep 0.02); done",
);

/// How many lines of the node's log end in this.
fn said(bench: &Bench, words: &str) -> usize {
    bench.read("n1/log").lines().filter(|line| line.ends_with(words)).count()
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_and_its_children_can_open_no_more_than_their_limit_until_it_is_lifted() {
    let bench = Bench::new("limit");
    let cluster = bench.start(&OPENS_FILES, 1).await.unwrap();
    let own = open_files(pid(&bench, n1())).unwrap();
    until("a file that is opened", || said(&bench, "opened") > 0).await;
    let meanwhile = async {
        until("a file that is refused", || said(&bench, "Too many open files") > 0).await;
        open_files(pid(&bench, n1()))
    };
    let schedule = "limit(n1, files 10) at 100ms for 4s";
    let (kept, limited) = carry_out(&bench, &cluster, schedule, 5, meanwhile).await;
    assert_eq!(limited, Some(10));
    assert_eq!(open_files(pid(&bench, n1())), Some(own), "the limit that was there is back");
    let healed = kept.healed(1);
    assert!(healed.confirmed && healed.outcome == Some(FaultOutcome::Installed), "{healed:?}");
    assert!(healed.evidence["n1"].starts_with("may have 10 files, was seen with "), "{healed:?}");
    assert!(healed.evidence["n1"].ends_with(&format!("; then again {own} files")), "{healed:?}");
    let opened = said(&bench, "opened");
    until("a file that is opened again", || said(&bench, "opened") > opened + 1).await;
    let journal = std::fs::read_to_string(bench.file("../journal.jsonl")).unwrap();
    let noted: Value = serde_json::from_str(journal.lines().nth(1).unwrap()).unwrap();
    assert_eq!(noted["undo"], json!([{"undo": "lift", "node": "n1", "resource": "files", "most": 10}]));
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_limit_outlasts_a_kill_and_of_two_the_lower_holds() {
    let bench = Bench::new("limits");
    let cluster = bench.start(&OPENS_FILES, 1).await.unwrap();
    let own = open_files(pid(&bench, n1())).unwrap();
    let is = |wanted| open_files(pid(&bench, n1())) == Some(wanted);
    let meanwhile = async {
        let first = pid(&bench, n1());
        until("the first limit", || is(12)).await;
        until("the second limit", || is(9)).await;
        until("another process", || pid(&bench, n1()) != first).await;
        until("the second limit after a kill", || is(9)).await;
        until("the first limit again", || is(12)).await;
    };
    let schedule =
        "limit(n1, files 12) at 100ms for 6900ms; limit(n1, files 9) at 1500ms for 3500ms; kill(n1) at 3s for 100ms";
    let (kept, ()) = carry_out(&bench, &cluster, schedule, 8, meanwhile).await;
    assert!(is(own) && kept.healed(1).outcome == Some(FaultOutcome::Installed), "{:?}", kept.healed(1));
    assert_eq!(kept.healed(2).outcome, Some(FaultOutcome::Installed), "{:?}", kept.healed(2));
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_limit_that_nobody_meets_confirms_nothing() {
    static TARGET: Shell = Shell::running("echo node is ready; exec sleep 600");
    let bench = Bench::new("limit-unmet");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let (node, process) = (n1(), pid(&bench, n1()));
    let own = open_files(process).unwrap();
    let numbers = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let open: Vec<u64> = numbers.map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect();
    let free: Vec<u64> = (0..).filter(|number| !open.contains(number)).take(3).collect();
    let limit = |resource, most, above_use| Limit { resource, most, above_use };
    for (limit, confirmed, says) in [
        (limit(Resource::Files, 64, false), false, "may have 64 files, was seen with ".to_owned()),
        (limit(Resource::Files, own + 1, false), false, "may not have more than ".to_owned()),
        (limit(Resource::Files, 1, true), false, format!("may have {} files", free[1])),
        (limit(Resource::Files, 0, true), true, format!("may have {} files", free[0])),
        (limit(Resource::Memory, 1 << 30, true), false, "may have 1024.".to_owned()),
        (limit(Resource::Memory, 0, true), true, "may have 0.".to_owned()),
    ] {
        let id = cluster.limit(node, limit);
        let seen = cluster.limited(node, id, limit.resource);
        assert_eq!(seen.confirmed, confirmed, "{limit}: {seen:?}");
        let seen = cluster.lift(node, id, limit.resource);
        assert!(seen.lifted && seen.confirmed == confirmed && seen.seen.starts_with(&says), "{limit}: {seen:?}");
        assert_eq!(open_files(process), Some(own), "{limit}");
    }
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_ends_by_itself_under_a_limit_has_met_it() {
    static TARGET: Shell = Shell::running("echo node is ready; while sleep 0.05; do :; done; exit 7");
    let bench = Bench::new("limit-ends");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let (kept, ()) = carry_out(&bench, &cluster, "limit(n1, memory 4kB) at 100ms for 1s", 2, async {
        until("its end", || !cluster.is_running(n1())).await;
    })
    .await;
    let healed = kept.healed(1);
    assert!(
        healed.confirmed && healed.evidence["n1"].contains("ended by itself 1 times; then not running"),
        "{healed:?}"
    );
    cluster.stop().await;
    bench.nothing_left();
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_is_started_with_another_option_and_then_as_it_was() {
    static TARGET: Shell = Shell::running(
        "echo \"${0#/bin/sh}\" >> starts; [ \"$0\" = broken ] && exit 3; echo node is ready; while :; do sleep 0.05; done",
    );
    let bench = Bench::new("with");
    let cluster = bench.start(&TARGET, 1).await.unwrap();
    let schedule = "restart(n1, with slow) at 100ms for 500ms; restart(n1) at 1s for 100ms; pause(n1) at 1500ms for 800ms; \
                    restart(n1, with broken) at 1700ms for 300ms";
    let (kept, ()) = carry_out(&bench, &cluster, schedule, 3, async {}).await;
    let (injected, healed) = (kept.injected(1), kept.healed(1));
    assert!(injected.confirmed && injected.evidence["n1"].ends_with(", arguments `slow`"), "{injected:?}");
    assert_eq!(healed.outcome, Some(FaultOutcome::Installed));
    assert!(healed.evidence["n1"].ends_with(", no argument `slow`"), "{healed:?}");
    let plain = kept.injected(2);
    assert!(plain.confirmed && plain.evidence["n1"].contains(" became "), "{plain:?}");
    assert_eq!(kept.healed(2).evidence["n1"], "left as it is");
    // It does not come up so; the heal starts it as it was, and the pause of the process before is over.
    let broken = kept.injected(4);
    assert!(!broken.confirmed && broken.evidence["n1"].contains("not started again: n1 ended before"), "{broken:?}");
    assert!(kept.healed(4).evidence["n1"].starts_with("was down, ready "), "{:?}", kept.healed(4));
    assert_eq!(kept.healed(3).evidence["n1"], "fault 4 had ended this by ending the process");
    assert!(cluster.is_running(n1()));
    // The first start, the two of each fault with another option, and the one of the plain restart.
    assert_eq!(bench.read("n1/data/starts"), "\nslow\n\n\nbroken\n\n");
    cluster.stop().await;
    bench.nothing_left();
}

/// The fault events of a run, and what they say of one node.
fn evidence(run: &Path, fault: &str, action: &str, node: &str) -> (bool, String) {
    let history = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
    let events = history.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = events.filter(|event| event["f"] == fault && event["value"]["action"] == action);
    let event = found.find(|event| event["value"]["outcome"] == "installed");
    let detail = event.unwrap_or_else(|| panic!("{fault} has no {action}"))["value"].clone();
    (detail["confirmed"] == true, detail["evidence"][node].as_str().unwrap().to_owned())
}

/// The kills at boot last for longer than the boot of a member that led, and waits until another is elected.
const SCHEDULE: &str = "kill(n1, boot) at 1500ms for 4s; restart(n2, elsewhere) at 6s for 1500ms; limit(n3, files 8) at 8s for 2s; \
                        restart(n1, with small-snapshots) at 10500ms for 1s";

/// Every fault of processes on one target, and all of it seen.
fn whole_run(target: &str, store: &Store, mut test: Command) {
    test.args(["--workload", "lock", "--target", target, "--nodes", "3", "--time-limit", "13", "--seed", "1"]);
    test.args(["--recovery-time", "2", "--nemesis", SCHEDULE, "--store"]).arg(store.path());
    let output = decided(test.stdin(Stdio::null()));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = store.latest();
    let verdict = read_json(&run.join("verdict.json"));
    assert_eq!(verdict["verdict"], "valid");
    let (confirmed, seen) = evidence(&run, "kill", "heal", "n1");
    assert!(confirmed && seen.contains(" of them before it was ready; "), "{seen}");
    let (confirmed, there) = evidence(&run, "restart", "inject", "n2");
    let (_, back) = evidence(&run, "restart", "heal", "n2");
    // As in `answers at 127.R.2.100 and no longer at 127.R.2.2`.
    let addresses = |seen: &str| -> Vec<String> {
        seen.split(' ')
            .filter(|word| word.starts_with("127."))
            .map(|word| word.trim_end_matches(',').to_owned())
            .collect()
    };
    let (there, back) = (addresses(&there), addresses(&back));
    assert!(confirmed && there.len() == 2 && there[0] == back[1] && there[1] == back[0], "{there:?} {back:?}");
    assert!(there[0].ends_with(".2.100") && there[1].ends_with(".2.2"), "{there:?}");
    let (confirmed, seen) = evidence(&run, "limit", "heal", "n3");
    assert!(confirmed && seen.starts_with("may have 8 files") && seen.contains("; then again "), "{seen}");
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
    for undo in ["boot", "restore", "lift"] {
        assert!(journal.contains(&format!(r#""undo":"{undo}""#)), "{undo}: {journal}");
    }
    assert_eq!(journal.matches(r#""healed":true"#).count(), 4, "{journal}");
    let (code, again, _) = check(&run);
    assert_eq!((code, again), (0, verdict));
    assert_nothing_left(&store.latest_name());
}

fn dsjepsen() -> Command {
    let mut test = Command::new(DSJEPSEN);
    test.arg("test");
    test
}

#[test]
fn a_sound_lock_survives_every_fault_of_processes() {
    whole_run("raft", &Store::new(), dsjepsen());
}

#[test]
fn etcd_survives_every_fault_of_processes() {
    if Command::new("etcd").arg("--version").output().is_err() {
        eprintln!("skipped: etcd is not installed");
        return;
    }
    whole_run("etcd", &Store::new(), dsjepsen());
}

#[test]
fn it_is_the_same_for_an_ordinary_user() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: all other tests were run as an ordinary user");
        return;
    }
    let etcd = Command::new("etcd").arg("--version").output().is_ok().then_some("etcd");
    for target in ["raft"].into_iter().chain(etcd) {
        let store = Store::new();
        std::fs::create_dir(store.path()).unwrap();
        for folder in [store.path().parent().unwrap(), &store.path()] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        let mut test = Command::new("setpriv");
        test.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", DSJEPSEN, "test"]);
        whole_run(target, &store, test);
    }
}

#[test]
fn nothing_is_left_of_nodes_that_boot_or_moved_when_the_controller_is_killed() {
    for schedule in ["kill(all, boot) at 500ms", "restart(all, elsewhere) at 500ms; limit(all, files 8) at 500ms"] {
        let store = Store::new();
        let mut test = store.test("--workload lock --target raft --nodes 3 --time-limit 30 --seed 1");
        let mut run = Running::quietly({
            test.args(["--nemesis", schedule]);
            test
        });
        let journal = || std::fs::read_to_string(store.path().join("latest/events.jsonl")).unwrap_or_default();
        eventually("nodes that were started again", || journal().matches("node-started").count() >= 6);
        run.signal(Signal::SIGKILL);
        assert_eq!(run.wait(), None);
        nothing_left_soon(&store.latest_name());
    }
}

/// A process that nothing ties to the test, known by its command line; ended with the test.
struct Daemon(String);

impl Daemon {
    fn pids(&self) -> Vec<Pid> {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let own = |pid: &i32| {
            std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == self.0.replace(' ', "\0").as_bytes())
        };
        pids.filter(own).map(Pid::from_raw).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for pid in self.pids() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

#[test]
fn not_even_a_daemon_without_group_and_environment_survives() {
    let namespace = Command::new("unshare").args(["--pid", "--fork", "true"]).status();
    if !namespace.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no PID namespace is to be had here");
        return;
    }
    for end in [Signal::SIGTERM, Signal::SIGKILL] {
        let store = Store::new();
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target.toml");
        // A length of sleep that is no other test's.
        let length = format!("7{}", std::process::id());
        let node = format!("(setsid env -i sleep {length} &); echo ready; exec sleep 1000");
        let text = format!(
            "name = \"daemoniser\"\nports = [7300]\n[node]\ncommand = [\"sh\", \"-c\", \"{node}\"]\n\
             ready = {{ log = \"ready\" }}\n[clients]\ncontract = [\"counter\"]\n"
        );
        std::fs::write(&target, text).unwrap();
        let line = format!("--target {} --workload counter --nodes 1 --time-limit 60 --seed 1", target.display());
        let mut run = Running::quietly(store.test(&line));
        let daemon = Daemon(format!("sleep {length} "));
        eventually("the daemon", || daemon.pids().len() == 1);
        run.signal(end);
        run.wait();
        eventually("the daemon is left", || daemon.pids().is_empty());
    }
}
