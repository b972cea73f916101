//! Clocks of nodes that are unmodified programs in C, Go, Python and Java: what is done to one of them is what that program
//! sees while it runs, and nobody else does. Programs whose language is not installed are skipped by name, and all of them
//! where a clock cannot be skewed.
#![allow(clippy::print_stdout, reason = "what is skipped is told")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod monotonic;
mod programs;
#[path = "../shell/mod.rs"]
mod shell;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{Store, arguments, text, until};
use dsjepsen_engine::target::Addressing;
use dsjepsen_engine::{Cluster, NoClock, Skew, Unreached, try_clocks};
use dsjepsen_history::{FaultDetail, NodeId, RunEvent};
use libtest_mimic::Trial;
use programs::{Language, Teller, Told};
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000_000;
/// A line is written after its clock was read, and arrives after it was written: much later on a machine that is busy.
const LATE_NS: i64 = 2 * SECOND;
/// The run's clock starts a moment before it is looked at.
const EARLY_NS: i64 = SECOND / 50;

fn main() -> ExitCode {
    // That this machine refuses it is a reason to skip; that it should work here and does not is none.
    let tried = try_clocks();
    let refused = if let Err(NoClock::Refused(why)) = &tried { Some(why) } else { None };
    if let Some(why) = refused {
        println!("skipped, all of them: a node cannot have a clock of its own here: {why}");
    }
    let works = tried.clone();
    let mut trials =
        vec![trial("a_small_program_has_a_clock_of_its_own", refused.is_some(), move || assert_eq!(works, Ok(())))];
    for language in Language::ALL {
        let missing = language.missing();
        let name = format!("a_{}_program_sees_its_skew_and_its_neighbour_does_not", language.name());
        let name = missing.as_ref().map_or_else(|| name.clone(), |missing| format!("{name} (skipped: {missing})"));
        let skipped = missing.is_some() || refused.is_some();
        trials.push(trial(&name, skipped, move || run(sees_its_skew(language))));
        let name = format!("a_{}_program_sees_its_monotonic_clock_drift", language.name());
        let name = missing.as_ref().map_or_else(|| name.clone(), |missing| format!("{name} (skipped: {missing})"));
        trials.push(trial(&name, skipped, move || run(monotonic::drifts(language))));
    }
    let no_etcd = Command::new("etcd").arg("--version").output().is_err();
    let name = "etcd_sees_its_skew".to_owned() + if no_etcd { " (skipped: etcd is not installed)" } else { "" };
    trials.push(trial(&name, no_etcd || refused.is_some(), || run(etcd())));
    let no_c = Language::C.missing().is_some() || refused.is_some();
    let no_names = no_c || Addressing::SharedNames.available().is_err();
    trials.extend([
        trial("a_restarted_node_keeps_its_skew", no_c, || run(restarted())),
        trial("a_forked_child_sees_the_skew_of_its_parent", no_c, || run(forked())),
        trial("a_node_behind_wrappers_that_become_it_sees_its_skew", no_names, || run(wrapped())),
        trial("a_script_that_becomes_the_node_is_followed_when_asked", no_c, || run(behind_a_script())),
        trial("only_the_wall_clock_is_skewed_and_that_by_every_way_to_ask_the_vdso", no_c, || run(every_way())),
        trial("a_strobe_is_seen_away_and_back", no_c, || run(strobe())),
        trial("a_server_that_its_supervisor_starts_by_exec_is_not_confirmed", no_c, || run(supervised("serve"))),
        trial("a_bystander_that_holds_a_socket_and_does_not_run_spoils_nothing", no_c, || run(supervised("hold"))),
        trial("a_node_that_is_down_is_skewed_once_it_runs_again", no_c, || run(skewed_while_down())),
        trial("a_helper_without_a_say_spoils_nothing", no_c, || run(supervised("help"))),
        trial("a_program_that_never_reads_its_clock_confirms_nothing", no_c, || run(never_reads())),
        trial("no_monotonic_clock_ever_goes_back", no_c, || run(monotonic::never_goes_back())),
        trial("a_restarted_node_keeps_its_monotonic_drift", no_c, || run(monotonic::after_a_restart())),
        trial("what_is_read_of_a_monotonic_drift_is_recorded", no_c, || run(monotonic::recorded())),
    ]);
    let whole = monotonic::whole_run;
    trials.push(trial("a_run_with_a_monotonic_drift_warns_and_is_judged_by_it", refused.is_some(), whole));
    trials.push(trial("a_run_journals_the_skew_and_tells_what_the_nodes_read", refused.is_some(), whole_run));
    libtest_mimic::run(&arguments(), trials).exit_code()
}

fn trial(name: &str, skipped: bool, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
    .with_ignored_flag(skipped)
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn skew(text: &str) -> Skew {
    text.parse().unwrap()
}

fn n1() -> NodeId {
    NodeId::at(0)
}
fn n2() -> NodeId {
    NodeId::at(1)
}

/// Until the node's processes have seen this, by what they report themselves.
async fn seen(cluster: &Cluster, node: NodeId, wanted: &str, is_wanted: impl Fn(i64) -> bool) {
    let deadline = Instant::now() + common::PATIENCE;
    loop {
        let read = cluster.clock_read(node);
        if read.is_some_and(&is_wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{node}: waited in vain for {wanted}; it reads {read:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How far ahead the node's lines are that arrive from now on, one by one.
async fn lines(teller: &Teller, node: NodeId) -> Vec<Told> {
    // What was on its way arrives with the first of them.
    arrive(teller, node, 1).await;
    arrive(teller, node, 5).await
}

/// At least so many lines of the node, which arrive from now on.
async fn arrive(teller: &Teller, node: NodeId, count: usize) -> Vec<Told> {
    let from = teller.now_ns();
    let deadline = Instant::now() + common::PATIENCE;
    loop {
        let told: Vec<Told> = teller.told(node).into_iter().filter(|told| told.arrived_ns > from).collect();
        if told.len() >= count {
            return told;
        }
        assert!(Instant::now() < deadline, "{node} fell silent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn assert_ahead(told: &[Told], wanted_ns: i64, why: &str) {
    // The earliest line may have been written before the change.
    for line in &told[1..] {
        let off = line.ahead_ns - wanted_ns;
        assert!((-LATE_NS..=EARLY_NS).contains(&off), "{why}: {} ns ahead, not {wanted_ns}", line.ahead_ns);
    }
}

async fn sees_its_skew(language: Language) {
    let teller = Teller::new(language, &[], Addressing::PerLink);
    let cluster = teller.start(2).await;
    assert_nobody_attached(&teller);
    let host = (SystemTime::now(), Instant::now());
    for (text, by_ns) in [("+100s", 100 * SECOND), ("-7s", -7 * SECOND)] {
        let id = cluster.skew(n1(), skew(text)).unwrap();
        seen(&cluster, n1(), text, |read| (read - by_ns).abs() <= 1_000).await;
        assert_ahead(&lines(&teller, n1()).await, by_ns, text);
        assert_ahead(&lines(&teller, n2()).await, 0, "the neighbour");
        assert_eq!(cluster.clock_read(n2()), Some(0));
        let witnessed = cluster.unskew(n1(), id).unwrap();
        assert!(witnessed.confirmed && witnessed.readings > 0, "{witnessed:?}");
        seen(&cluster, n1(), "the true time", |read| read == 0).await;
        assert_ahead(&lines(&teller, n1()).await, 0, "healed");
    }
    drifts(&teller, &cluster).await;
    let (wall, monotonic) = (SystemTime::now().duration_since(host.0).unwrap(), host.1.elapsed());
    assert!(wall.abs_diff(monotonic) < Duration::from_millis(100), "the machine's clock: {wall:?} in {monotonic:?}");
    teller.stop(cluster).await;
}

async fn drifts(teller: &Teller, cluster: &Cluster) {
    let id = cluster.skew(n1(), skew("drift +10%")).unwrap();
    let began = teller.now_ns();
    let told = for_a_while(teller, n1(), Duration::from_secs(2)).await;
    assert_rate(&told, 0.1, "what it gains", |line| line.ahead_ns, |line| line.arrived_ns);
    let witnessed = cluster.unskew(n1(), id).unwrap();
    assert!(witnessed.confirmed, "{witnessed:?}");
    // Exactly a tenth of the time, by its own account.
    let elapsed = (teller.now_ns() - began) as f64;
    assert!((witnessed.most_ns as f64 / elapsed - 0.1).abs() < 0.02, "{witnessed:?} in {elapsed} ns");
}

/// The lines that arrive in so long a time.
async fn for_a_while(teller: &Teller, node: NodeId, time: Duration) -> Vec<Told> {
    let from_ns = teller.now_ns();
    tokio::time::sleep(time).await;
    arrive(teller, node, 5).await;
    // The earliest line may have been written before.
    teller.told(node).into_iter().filter(|told| told.arrived_ns > from_ns).skip(1).collect()
}

/// How fast something goes: the middle one of the rates between lines that are half of the time apart, for any single line may have
/// been held up on its way.
fn assert_rate(told: &[Told], wanted: f64, what: &str, of: impl Fn(&Told) -> i64, by: impl Fn(&Told) -> i64) {
    let (earlier, later) = told.split_at(told.len() / 2);
    let pairs = earlier.iter().zip(later);
    let rates = pairs.map(|(one, other)| (of(other) - of(one)) as f64 / (by(other) - by(one)) as f64);
    let rate = middle(rates.collect());
    assert!((rate - wanted).abs() < 0.02, "{what} goes at a rate of {rate}, not {wanted}: {told:?}");
}

/// The middle one of them.
fn middle<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).unwrap());
    values[values.len() / 2]
}

/// The kernel shows of every process of the nodes who traces it.
fn assert_nobody_attached(teller: &Teller) {
    let started = teller.seen(|event| match event {
        RunEvent::NodeStarted { pid, .. } => Some(*pid),
        _ => None,
    });
    assert!(!started.is_empty());
    for pid in started {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(status.contains("TracerPid:\t0\n"), "{status}");
        let memory = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let pages: Vec<&str> = memory.lines().filter(|line| line.contains("memfd:dsjepsen-clock")).collect();
        assert_eq!(pages.len(), 2, "{memory}");
        assert!(pages[0].contains(" r--s ") && pages[1].contains(" rw-s "), "{pages:?}");
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let open: Vec<_> = open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect();
        assert!(!open.iter().any(|path| path.to_string_lossy().contains("dsjepsen-clock")), "{open:?}");
    }
}

/// etcd's own time: a key with a time to live is answered with the time at which it will end.
fn etcd_ahead_ns(cluster: &Cluster, node: NodeId) -> i64 {
    const TTL_NS: i64 = 1_000 * SECOND;
    let mut stream = TcpStream::connect((cluster.network().subnet().node(node), shell::PORT)).unwrap();
    write!(stream, "PUT /v2/keys/key?value=1&ttl=1000 HTTP/1.0\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let now = wall_ns();
    let expiration = answer.split_once("\"expiration\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let expiration: jiff::Timestamp = expiration.unwrap_or_else(|| panic!("{answer}")).0.parse().unwrap();
    i64::try_from(expiration.as_nanosecond()).unwrap() - TTL_NS - now
}

async fn etcd() {
    let teller = Teller::etcd();
    let cluster = teller.start(2).await;
    assert_nobody_attached(&teller);
    let near = |ahead: i64, wanted: i64| assert!((ahead - wanted).abs() < LATE_NS, "{ahead} ns ahead, not {wanted}");
    near(etcd_ahead_ns(&cluster, n1()), 0);
    for (text, by_ns) in [("+100s", 100 * SECOND), ("-7s", -7 * SECOND)] {
        let id = cluster.skew(n1(), skew(text)).unwrap();
        near(etcd_ahead_ns(&cluster, n1()), by_ns);
        near(etcd_ahead_ns(&cluster, n2()), 0);
        assert!(cluster.unskew(n1(), id).unwrap().confirmed);
    }
    cluster.skew(n1(), skew("drift +10%")).unwrap();
    let (first, began) = (etcd_ahead_ns(&cluster, n1()), Instant::now());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let gained = (etcd_ahead_ns(&cluster, n1()) - first) as f64;
    let rate = gained / began.elapsed().as_nanos() as f64;
    assert!((rate - 0.1).abs() < 0.05, "it gained {gained} ns");
    teller.stop(cluster).await;
}

async fn restarted() {
    let teller = Teller::new(Language::C, &[], Addressing::PerLink);
    let cluster = teller.start(1).await;
    cluster.skew(n1(), skew("+1h")).unwrap();
    cluster.skew(n1(), skew("bump -1s")).unwrap();
    seen(&cluster, n1(), "an hour", |read| (read - 3_599 * SECOND).abs() < 1_000).await;
    cluster.kill(n1()).await.unwrap();
    cluster.restart(n1()).await.unwrap();
    assert_ahead(&lines(&teller, n1()).await, 3_599 * SECOND, "after a restart");
    teller.stop(cluster).await;
}

async fn forked() {
    let teller = Teller::new(Language::C, &["fork"], Addressing::PerLink);
    let cluster = teller.start(1).await;
    cluster.skew(n1(), skew("-1h")).unwrap();
    seen(&cluster, n1(), "an hour less", |read| (read + 3_600 * SECOND).abs() < 1_000).await;
    assert_ahead(&lines(&teller, n1()).await, -3_600 * SECOND, "a child");
    teller.stop(cluster).await;
}

async fn wrapped() {
    let teller = Teller::new(Language::C, &[], Addressing::SharedNames);
    let cluster = teller.start(2).await;
    assert_nobody_attached(&teller);
    cluster.skew(n2(), skew("+100s")).unwrap();
    seen(&cluster, n2(), "100 s", |read| (read - 100 * SECOND).abs() < 1_000).await;
    assert_ahead(&lines(&teller, n2()).await, 100 * SECOND, "behind wrappers");
    assert_ahead(&lines(&teller, n1()).await, 0, "the neighbour");
    teller.stop(cluster).await;
}

async fn behind_a_script() {
    let teller = Teller::behind_a_script(1);
    let cluster = teller.start(1).await;
    assert_nobody_attached(&teller);
    let id = cluster.skew(n1(), skew("+100s")).unwrap();
    seen(&cluster, n1(), "100 s", |read| (read - 100 * SECOND).abs() < 1_000).await;
    assert_ahead(&lines(&teller, n1()).await, 100 * SECOND, "behind a script");
    assert!(cluster.unskew(n1(), id).unwrap().confirmed);
    teller.stop(cluster).await;

    // The program that the script becomes has the true time where nobody asked for more, and that is seen.
    let teller = Teller::behind_a_script(0);
    let cluster = teller.start(1).await;
    lines(&teller, n1()).await;
    let id = cluster.skew(n1(), skew("+100s")).unwrap();
    assert_ahead(&lines(&teller, n1()).await, 0, "not followed");
    let witnessed = cluster.unskew(n1(), id).unwrap();
    assert!(!witnessed.confirmed && witnessed.readings == 0, "{witnessed:?}");
    teller.stop(cluster).await;
}

async fn every_way() {
    let teller = Teller::new(Language::C, &[], Addressing::PerLink);
    let cluster = teller.start(1).await;
    cluster.skew(n1(), skew("+100s")).unwrap();
    seen(&cluster, n1(), "100 s", |read| read == 100 * SECOND).await;
    for line in &lines(&teller, n1()).await[1..] {
        let [wall, day, seconds, raw, ..] = line.clocks[..] else { panic!("{line:?}") };
        assert!((day - wall).abs() < SECOND / 4, "gettimeofday: {line:?}");
        assert!((-2 * SECOND..SECOND / 4).contains(&(seconds - wall)), "time: {line:?}");
        assert!((raw + 100 * SECOND - wall).abs() < SECOND / 4, "a system call is not skewed: {line:?}");
    }
    // The run's clock is the machine's monotonic one; both go alike, while the wall clock runs at half the rate.
    cluster.skew(n1(), skew("drift -50%")).unwrap();
    let told = for_a_while(&teller, n1(), Duration::from_secs(1)).await;
    assert_rate(&told, 0.5, "the wall clock", |line| line.clocks[0], |line| line.clocks[4]);
    assert_rate(&told, 1.0, "CLOCK_MONOTONIC", |line| line.clocks[4], |line| line.arrived_ns);
    teller.stop(cluster).await;
}

async fn strobe() {
    let teller = Teller::new(Language::C, &[], Addressing::PerLink);
    let cluster = teller.start(1).await;
    let id = cluster.skew(n1(), skew("strobe +10s 50ms")).unwrap();
    until("it is seen", || cluster.witnessed(n1(), id).unwrap().confirmed).await;
    let jumps = |ahead: &[i64]| ahead.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) > 5_000_000_000).count();
    let of_lines = || teller.told(n1()).iter().map(|line| line.ahead_ns).collect::<Vec<_>>();
    until("the program tells of jumps", || jumps(&of_lines()) >= 2).await;
    let of_events = || {
        teller.seen(|event| match event {
            RunEvent::ClockRead { ahead_ns, .. } => Some(*ahead_ns),
            _ => None,
        })
    };
    until("a strobe is told as one", || jumps(&of_events()) >= 2).await;
    let told = teller.told(n1());
    let near = |ahead: i64, wanted: i64| (wanted - LATE_NS..=wanted + EARLY_NS).contains(&ahead);
    let between: Vec<_> =
        told.iter().filter(|line| !near(line.ahead_ns, 0) && !near(line.ahead_ns, 10 * SECOND)).collect();
    assert!(between.is_empty(), "neither here nor there: {between:?}");
    cluster.unskew(n1(), id).unwrap();
    seen(&cluster, n1(), "the true time", |read| read == 0).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(cluster.clock_read(n1()), Some(0), "it went on");
    teller.stop(cluster).await;
}

/// A node that reads its clock, and has started another program beside itself.
async fn supervised(beside: &str) {
    let teller = Teller::new(Language::C, &[beside], Addressing::PerLink);
    let cluster = teller.start(1).await;
    let is_there = |all: &[Unreached]| all.len() == 1 && all[0].has_a_say == (beside != "help");
    until("the other program is found", || is_there(&cluster.unreached(n1()))).await;
    let told = teller.follow(&cluster, "clock(n1, +60s) at 300ms for 1s").await;
    let [_, injected, _, healed] = &told[..] else { panic!("{told:?}") };
    let evidence = |of: &FaultDetail| of.evidence["n1"].clone();
    for of in [injected, healed] {
        assert!(evidence(of).contains("last 60.000 s ahead; ") && evidence(of).contains("exe (process "), "{of:?}");
    }
    let confirmed = match beside {
        "serve" => [false, false],
        // That it did not run is known at the end alone.
        "hold" => [false, true],
        _ => [true, true],
    };
    assert_eq!([injected.confirmed, healed.confirmed], confirmed, "{} and {}", evidence(injected), evidence(healed));
    teller.stop(cluster).await;
}

async fn skewed_while_down() {
    let teller = Teller::new(Language::C, &[], Addressing::PerLink);
    let cluster = teller.start(1).await;
    let told = teller.follow(&cluster, "kill(n1) at 100ms for 900ms; clock(n1, +60s) at 200ms for 1500ms").await;
    let of_clock: Vec<&FaultDetail> = told.iter().filter(|detail| detail.id == 2).collect();
    let [_, injected, _, healed] = of_clock[..] else { panic!("{told:?}") };
    assert_eq!((&*injected.evidence["n1"], injected.confirmed), ("did not read its clock, is down", false));
    assert!(healed.confirmed && healed.evidence["n1"].ends_with("last 60.000 s ahead"), "{healed:?}");
    teller.stop(cluster).await;
}

async fn never_reads() {
    let teller = Teller::silent();
    let cluster = teller.start(1).await;
    let id = cluster.skew(n1(), skew("+60s")).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let witnessed = cluster.unskew(n1(), id).unwrap();
    assert!(!witnessed.confirmed && witnessed.readings == 0 && witnessed.last_ns.is_none(), "{witnessed:?}");
    teller.stop(cluster).await;
}

fn whole_run() {
    let store = Store::new();
    let output = store.decide(
        "--workload lock --target ttl-lock --nodes 3 --nemesis clock(n1,+60s) --time-limit 8 --nemesis-interval 1 --seed 1 \
         --recovery-time 1",
    );
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output));
    let read = |name: &str| std::fs::read_to_string(store.latest().join(name)).unwrap();
    let lines = |name: &str| read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();

    let journal = lines("journal.jsonl");
    let undo = json!([{"undo": "unskew", "node": "n1", "skew": "offset", "by_ns": 60 * SECOND}]);
    assert_eq!(journal[1]["undo"], undo);
    let faults: Vec<_> = lines("history.jsonl").into_iter().filter(|event| event["f"] == "clock").collect();
    let [_, injected, _, healed] = &faults[..4] else { panic!("{faults:?}") };
    for (event, action) in [(injected, "inject"), (healed, "heal")] {
        let detail = &event["value"];
        assert_eq!((detail["action"].as_str(), detail["confirmed"].as_bool()), (Some(action), Some(true)), "{detail}");
        let seen = detail["evidence"]["n1"].as_str().unwrap();
        assert!(seen.starts_with("read its clock ") && seen.ends_with("last 60.000 s ahead"), "{seen}");
    }

    let mut most = BTreeMap::new();
    for event in lines("events.jsonl").iter().filter(|event| event["event"] == "clock-read") {
        let most = most.entry(event["node"].as_str().unwrap().to_owned()).or_insert(0);
        *most = event["ahead_ns"].as_i64().unwrap().max(*most);
    }
    assert_eq!(most.remove("n1"), Some(60 * SECOND));
    assert!(most.values().all(|ahead| *ahead == 0), "{most:?}");
    assert!(read("index.html").contains("Skew of the nodes’ clocks over time"));
}

/// The machine's wall-clock time in ns since 1970.
fn wall_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64
}
