//! CLOCK_MONOTONIC at a wrong rate: what programs see of it while it lasts and afterwards, and that it never goes back.

use std::time::Duration;

use dsjepsen_engine::target::Addressing;
use dsjepsen_engine::{Cluster, SkewId};

use super::{
    EARLY_NS, SECOND, assert_ahead, assert_nobody_attached, assert_rate, for_a_while, lines, middle, n1, n2, seen, skew,
};
use crate::common::{Store, check, decided, read_json, text};
use crate::programs::{Language, Teller, Told};

/// Where a program tells CLOCK_MONOTONIC, and a program in C the others and how often one of them went back.
const MONOTONIC: usize = 4;
const TRUE_MONOTONIC: usize = 5;
const COARSE: usize = 6;
const RAW: usize = 7;
const BOOT: usize = 8;
const WENT_BACK: usize = 9;

/// CLOCK_MONOTONIC goes at this rate, by when lines arrive.
fn goes(told: &[Told], wanted: f64, what: &str) {
    assert_rate(told, wanted, what, |line| line.clocks[MONOTONIC], |line| line.arrived_ns);
}

/// How far CLOCK_MONOTONIC is beyond the run's clock, but for what is the same at all times.
fn beyond(told: &[Told]) -> i64 {
    middle(told.iter().map(|line| line.clocks[MONOTONIC] - line.arrived_ns).collect())
}

fn never_back(teller: &Teller, node: dsjepsen_history::NodeId) {
    let told = teller.told(node);
    for pair in told.windows(2) {
        assert!(pair[1].clocks[MONOTONIC] >= pair[0].clocks[MONOTONIC], "{node} went back: {pair:?}");
    }
}

/// A program sees CLOCK_MONOTONIC gain a tenth while it lasts, and keep what it gained; its wall clock and its neighbour do not.
pub(crate) async fn drifts(language: Language) {
    let teller = Teller::new(language, &[], Addressing::PerLink);
    let cluster = teller.start(2).await;
    assert_nobody_attached(&teller);
    let before = beyond(&lines(&teller, n1()).await);
    let id = cluster.skew(n1(), skew("monotonic drift +10%")).unwrap();
    let began_ns = teller.now_ns();
    let told = for_a_while(&teller, n1(), Duration::from_secs(2)).await;
    goes(&told, 1.1, "CLOCK_MONOTONIC");
    assert_ahead(&told, 0, "the wall clock");
    goes(&for_a_while(&teller, n2(), Duration::from_secs(1)).await, 1.0, "the neighbour's");

    let elapsed_ns = (teller.now_ns() - began_ns) as f64;
    let witnessed = cluster.unskew(n1(), id).unwrap();
    assert!(witnessed.confirmed && witnessed.monotonic && witnessed.strange_ns.is_none(), "{witnessed:?}");
    assert!((witnessed.most_ns as f64 / elapsed_ns - 0.1).abs() < 0.02, "{witnessed:?} in {elapsed_ns} ns");
    let told = for_a_while(&teller, n1(), Duration::from_millis(1_500)).await;
    goes(&told, 1.0, "CLOCK_MONOTONIC once it is over");
    let gained = beyond(&told) - before;
    let kept = gained - witnessed.most_ns;
    assert!(kept.abs() < SECOND / 10, "it keeps what it has gained: {gained} ns, {witnessed:?}");
    assert_ahead(&told, 0, "the wall clock afterwards");
    seen(&cluster, n1(), "the true time", |read| read == 0).await;
    assert_eq!(cluster.clock_read(n2()), Some(0));
    never_back(&teller, n1());
    never_back(&teller, n2());
    teller.stop(cluster).await;
}

/// Begins a skew, and waits until the program has seen it.
async fn begin(cluster: &Cluster, text: &str) -> SkewId {
    let id = cluster.skew(n1(), skew(text)).unwrap();
    crate::common::until("it is seen", || cluster.witnessed(n1(), id).unwrap().confirmed).await;
    id
}

/// While two threads ask without a pause, the rate changes again and again: no clock goes back, and those that are counted alike
/// gain alike.
pub(crate) async fn never_goes_back() {
    let teller = Teller::new(Language::C, &["steady"], Addressing::PerLink);
    let cluster = teller.start(1).await;
    let untouched = lines(&teller, n1()).await[1];
    for rate in ["+50%", "-50%", "+10%", "-300ppm"].into_iter().cycle().take(40) {
        let first = begin(&cluster, &format!("monotonic drift {rate}")).await;
        // Another beside it, and the wall clock too: each change must keep what the others have come to.
        let second = begin(&cluster, "monotonic drift -20%").await;
        let wall = cluster.skew(n1(), skew("bump -7s")).unwrap();
        for id in [second, first] {
            assert!(cluster.unskew(n1(), id).unwrap().strange_ns.is_none());
        }
        cluster.unskew(n1(), wall).unwrap();
    }
    let fast = begin(&cluster, "monotonic drift +50%").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(cluster.unskew(n1(), fast).unwrap().confirmed);
    let told = *lines(&teller, n1()).await.last().unwrap();
    assert_eq!(told.clocks[WENT_BACK], 0, "{told:?}");
    never_back(&teller, n1());
    let gained = |clock: usize| {
        let since = told.clocks[clock] - untouched.clocks[clock];
        since - (told.clocks[TRUE_MONOTONIC] - untouched.clocks[TRUE_MONOTONIC])
    };
    let of_monotonic = gained(MONOTONIC);
    assert!(of_monotonic > SECOND / 10, "{told:?}");
    for clock in [COARSE, RAW, BOOT] {
        // The coarse clock is late by a tick, and the program may have been held up between two looks.
        assert!((gained(clock) - of_monotonic).abs() < EARLY_NS * 4, "clock {clock}: {told:?} after {untouched:?}");
    }
    teller.stop(cluster).await;
}

/// A node that is started again goes on with the clocks that it had, as a machine does on which a process is started again.
pub(crate) async fn after_a_restart() {
    let teller = Teller::new(Language::C, &[], Addressing::PerLink);
    let cluster = teller.start(1).await;
    let id = begin(&cluster, "monotonic drift +50%").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    cluster.kill(n1()).await.unwrap();
    cluster.restart(n1()).await.unwrap();
    let told = for_a_while(&teller, n1(), Duration::from_secs(1)).await;
    let ahead = |line: &Told| line.clocks[MONOTONIC] - line.clocks[TRUE_MONOTONIC];
    assert!(ahead(&told[0]) > SECOND / 5, "{told:?}");
    assert_rate(&told, 0.5, "what it gains", ahead, |line| line.clocks[TRUE_MONOTONIC]);
    never_back(&teller, n1());
    assert!(cluster.unskew(n1(), id).unwrap().confirmed);
    teller.stop(cluster).await;
}

/// The nemesis records what was read, and of which clock.
pub(crate) async fn recorded() {
    let teller = Teller::new(Language::C, &[], Addressing::PerLink);
    let cluster = teller.start(2).await;
    let told = teller.follow(&cluster, "clock(n1, monotonic drift +10%) at 200ms for 1s").await;
    let [_, injected, _, healed] = &told[..] else { panic!("{told:?}") };
    assert!(injected.confirmed && healed.confirmed, "{injected:?} {healed:?}");
    let evidence = &healed.evidence["n1"];
    assert!(evidence.starts_with("read CLOCK_MONOTONIC ") && evidence.ends_with(" s ahead"), "{evidence}");
    assert_eq!(healed.evidence.len(), 1, "{healed:?}");
    teller.stop(cluster).await;

    let teller = Teller::silent();
    let cluster = teller.start(1).await;
    let told = teller.follow(&cluster, "clock(n1, monotonic drift +10%) at 200ms for 1s").await;
    let [_, injected, _, healed] = &told[..] else { panic!("{told:?}") };
    assert!(!injected.confirmed && !healed.confirmed, "{injected:?} {healed:?}");
    assert!(healed.evidence["n1"].starts_with("did not read CLOCK_MONOTONIC"), "{healed:?}");
    teller.stop(cluster).await;
}

/// Locks under a drift are judged by leases that end early by it; the run warns, in its events and on its page, and its plan and
/// command say what was done.
pub(crate) fn whole_run() {
    let nemesis = "clock(minority, monotonic drift +10%)";
    let line = "--workload lock --target raft --nodes 3 --time-limit 8 --nemesis-interval 1 --seed 1 --recovery-time 1";
    let store = Store::new();
    let refused = store.test(line).args(["--nemesis", nemesis]).output().unwrap();
    assert_eq!(refused.status.code(), Some(254), "{}", text(&refused));
    assert!(text(&refused).contains("say --skew-monotonic") && !store.path().exists(), "{}", text(&refused));

    let output = decided(store.test(line).args(["--nemesis", nemesis, "--skew-monotonic"]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = store.latest();
    let read = |name: &str| std::fs::read_to_string(run.join(name)).unwrap();
    let events = read("events.jsonl");
    let warned = events.lines().any(|line| line.contains(r#""event":"warning""#) && line.contains("CLOCK_MONOTONIC"));
    assert!(warned, "{events}");
    assert!(read("index.html").contains("waits until a time on it"), "the page does not warn");
    let plan = read_json(&run.join("plan.json"));
    assert_eq!(plan["faults"][0]["params"]["skew"], "monotonic-drift");
    assert_eq!(plan["command"].as_array().unwrap().last().unwrap(), "--skew-monotonic");
    let history = read("history.jsonl");
    assert!(history.contains("read CLOCK_MONOTONIC "), "{history}");
    let (code, verdict, error) = check(&run);
    assert_eq!((code, &verdict), (0, &read_json(&run.join("verdict.json"))), "{error}");
    let assumed = verdict["checkers"].to_string();
    assert!(assumed.contains("100,000 parts per million"), "{assumed}");
}
