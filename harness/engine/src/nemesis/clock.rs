//! `clock`: nodes whose wall clock is off, jumps to and fro, or runs too fast or too slow. Only the processes of these nodes see
//! it; the machine and the other nodes keep their time.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_history::{Band, NodeId, Pattern, PlannedFault};
use rand::RngExt;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::selector::{Chosen, Selector, where_and_value, whose_and};
use super::{Aim, Fault, Observed, Scene, Undo};
use crate::clocks::{Skew, SkewId, Witnessed, clocks_available};
use crate::cluster::Unreached;
use crate::random::Random;
use crate::target::Unavailable;

/// The fault `clock`.
pub(super) const FAULT: Clock = Clock;

pub(super) struct Clock;

/// How long the nodes are waited for to read their clocks; what they read later is told at the heal.
const READ_TIME: Duration = Duration::from_millis(500);
/// The pause between two looks at them.
const LOOK: Duration = Duration::from_millis(5);

/// So many processes that it does not reach are named.
const MOST_NAMED: usize = 5;

/// Whose clock is skewed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Params {
    whose: Chosen,
    #[serde(flatten)]
    skew: Skew,
}

impl Params {
    /// Reads what a plan holds. What is neither whose clock is meant nor of the skew is an error.
    fn read(params: &Value) -> Result<Self, String> {
        let (whose, skew) = whose_and(params).map_err(|error| {
            format!(
                r#"{error}; a clock takes whose ("leader" or {{"nodes": ["n1"]}}) and its skew, as in the plan of a run"#
            )
        })?;
        Ok(Self { whose, skew })
    }
}

/// Whose CLOCK_MONOTONIC a fault of a plan makes go too fast (too slowly, if negative), and by how many parts per million.
pub(super) fn monotonic_drift(planned: &PlannedFault) -> Option<(Chosen, i64)> {
    let of_clock = (planned.fault == FAULT.name()).then_some(&planned.params)?;
    // What cannot be read is never put in force either.
    let Params { whose, skew } = Params::read(of_clock).ok()?;
    Some((whose, skew.monotonic_ppm()?))
}

#[async_trait]
impl Fault for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn about(&self) -> &'static str {
        "skews the wall clocks of nodes, as only they see it (CLOCK_REALTIME; the rate of CLOCK_MONOTONIC only where it is named)"
    }

    fn arguments(&self) -> Cow<'static, str> {
        "one, minority (default), majority, all, leader, or nodes as in `n1 n3`; then, behind a comma, the skew: `+60s`, `bump -7s`, \
         `strobe +2s 50ms`, `drift +10%` (default: one of these by the seed), or `monotonic drift +10%` with --skew-monotonic"
            .into()
    }

    fn band(&self) -> Band {
        Band {
            name: "clock".to_owned(),
            label: "clock skewed".to_owned(),
            light: "#2f7470".to_owned(),
            dark: "#7cc2bd".to_owned(),
            pattern: Pattern::Dashes,
        }
    }

    fn available(&self) -> Result<(), Unavailable> {
        clocks_available()
    }

    fn needs_own_clocks(&self) -> bool {
        true
    }

    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String> {
        let (whose, skew) = read(argument.unwrap_or_default())?;
        let whose = whose.choose(nodes, random)?;
        let skew = skew.unwrap_or_else(|| any_skew(random));
        Ok(Aim { target: format!("{whose}, {skew}"), params: json!(Params { whose, skew }) })
    }

    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String> {
        let params = Params::read(params)?;
        params.whose.check(nodes)?;
        params.skew.check()
    }

    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>> {
        let Params { whose, skew } = Params::read(&planned.params).ok()?;
        let nodes = scene.nodes(&whose).await?;
        Some(nodes.into_iter().map(|node| Undo::Unskew { node, skew, id: None, unreached: Vec::new() }).collect())
    }

    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed {
        let mut begun = Vec::new();
        let mut observed = Observed { confirmed: true, ..Observed::default() };
        for undo in aimed.iter_mut() {
            let Undo::Unskew { node, skew, id, unreached } = undo else { continue };
            *unreached = scene.cluster.unreached(*node);
            *id = scene.cluster.skew(*node, *skew);
            match *id {
                Some(id) => begun.push((*node, *skew, id)),
                None => {
                    observed.confirmed = false;
                    observed.evidence.insert(node.to_string(), "was started without a clock of its own".to_owned());
                }
            }
        }
        let deadline = Instant::now() + READ_TIME;
        let waits = begun.iter().map(|(node, _, id)| scene.until_witnessed(*node, *id, deadline));
        let seen = futures_util::future::join_all(waits).await;
        for ((node, _, _), seen) in begun.iter().zip(seen) {
            // Whoever has not run since may do so in a moment, so that at this time nobody is spared.
            let beside = Beside::of(scene.cluster.unreached(*node), &[]);
            observed.confirmed &= seen.confirmed && beside.count.is_empty();
            let down = scene.down(*node);
            observed.evidence.insert(node.to_string(), format!("{}{beside}{down}", in_words(&seen)));
        }
        observed
    }
}

/// `SELECTOR`, `SKEW` or `SELECTOR, SKEW`; names of nodes may be separated by commas, too.
fn read(argument: &str) -> Result<(Selector, Option<Skew>), String> {
    let (whose, skew) = where_and_value(argument, str::parse::<Skew>)?;
    let whose = whose.unwrap_or("minority").parse();
    Ok((whose.map_err(|why: String| format!("{why}; and a skew is {}", Skew::FORMS))?, skew))
}

/// Some skew of the wall clock: small ones and large ones alike, forwards and backwards.
fn any_skew(random: &mut Random) -> Skew {
    const MS: i64 = 1_000_000;
    let sign = if random.random() { 1 } else { -1 };
    // From 64 ms to 262 s, each doubling as often as the next; finer steps would show nothing more.
    let by_ns = sign * (MS << random.random_range(6..=18));
    match random.random_range(0..4) {
        0 => Skew::Offset { by_ns },
        1 => Skew::Bump { by_ns },
        2 => Skew::Strobe { by_ns, every_ns: MS << random.random_range(3..=8) },
        _ => Skew::Drift { ppm: sign * (1_000 << random.random_range(0..=8)) },
    }
}

impl Scene {
    /// Until the node's processes have seen the skew, or the time is over.
    async fn until_witnessed(&self, node: NodeId, id: SkewId, deadline: Instant) -> Witnessed {
        loop {
            let seen = self.cluster.witnessed(node, id).unwrap_or_default();
            if seen.confirmed || Instant::now() >= deadline {
                return seen;
            }
            sleep(LOOK).await;
        }
    }

    /// Takes a skew away; says what was seen of it, and whether it was seen at all.
    pub(super) fn unskew(&self, node: NodeId, id: SkewId, earlier: &[Unreached]) -> (String, bool) {
        let beside = Beside::of(self.cluster.unreached(node), earlier);
        match self.cluster.unskew(node, id) {
            Some(seen) => {
                let words = format!("{}{beside}{}", in_words(&seen), self.down(node));
                (words, seen.confirmed && beside.count.is_empty())
            }
            None => ("was not skewed".to_owned(), false),
        }
    }
}

/// The processes of a node that its clock did not reach.
struct Beside {
    /// Those for which what the others read does not count.
    count: Vec<Unreached>,
    /// Those that have no say, or did not run.
    idle: Vec<Unreached>,
}

impl Beside {
    /// Parts them, by what they were earlier.
    fn of(unreached: Vec<Unreached>, earlier: &[Unreached]) -> Self {
        let matters = |process: &Unreached| process.has_a_say && !process.has_not_run_since(earlier);
        let (count, idle) = unreached.into_iter().partition(matters);
        Self { count, idle }
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |processes: &[Unreached]| {
            let names: Vec<String> = processes.iter().take(MOST_NAMED).map(ToString::to_string).collect();
            let more = processes.len().saturating_sub(MOST_NAMED);
            names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
        };
        if !self.count.is_empty() {
            let names = named(&self.count);
            write!(
                out,
                "; not confirmed, for {names} has the machine's time: the node must become it by `exec` (`wrappers`)"
            )?;
        }
        if !self.idle.is_empty() {
            write!(out, "; {} has the machine's time, but no part in what is served", named(&self.idle))?;
        }
        Ok(())
    }
}

/// What was seen of a skew, in words.
fn in_words(seen: &Witnessed) -> String {
    let times = if seen.readings == 1 { "once".to_owned() } else { format!("{} times", seen.readings) };
    let clock = if seen.monotonic { "CLOCK_MONOTONIC" } else { "its clock" };
    match (seen.last_ns, seen.strange_ns) {
        (None, None) => format!("did not read {clock}"),
        (None, Some(strange)) => {
            format!("read {clock} {times}, and not as it was set: last {}", ahead(strange))
        }
        (Some(last), _) if seen.most_ns - seen.least_ns < 1_000_000 => {
            format!("read {clock} {times}, last {}", ahead(last))
        }
        (Some(last), _) => format!(
            "read {clock} {times}, from {} to {}, last {}",
            ahead(seen.least_ns),
            ahead(seen.most_ns),
            ahead(last)
        ),
    }
}

fn ahead(ns: i64) -> String {
    if ns.unsigned_abs() < 500_000 {
        return "the true time".to_owned();
    }
    let seconds = ns.unsigned_abs() as f64 / 1e9;
    format!("{seconds:.3} s {}", if ns < 0 { "behind" } else { "ahead" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    fn resolve(argument: &str, seed: u64) -> Result<(String, Params), String> {
        let nodes: Vec<_> = (0..5).map(NodeId::at).collect();
        let aim = FAULT.resolve(Some(argument), &nodes, &mut stream(seed, Purpose::Schedule, 0))?;
        Ok((aim.target, Params::read(&aim.params).unwrap()))
    }

    #[test]
    fn whose_clock_and_how_may_each_be_left_to_the_seed() {
        let (target, params) = resolve("n1, +60s", 1).unwrap();
        assert_eq!(target, "n1, +60s");
        assert_eq!(params, Params { whose: Chosen::Nodes(vec![NodeId::at(0)]), skew: "+60s".parse().unwrap() });
        assert_eq!(resolve("n1,n3, strobe -2s 50ms", 1).unwrap().0, "n1 n3, strobe -2s 50ms");
        assert_eq!(resolve("leader, drift +10%", 1).unwrap().0, "leader, drift +10%");
        let (target, params) = resolve("n1, monotonic drift +10%", 1).unwrap();
        assert_eq!(target, "n1, monotonic drift +10%");
        let plan = json!({"whose": {"nodes": ["n1"]}, "skew": "monotonic-drift", "ppm": 100_000});
        assert_eq!(json!(params), plan);
        assert!(matches!(resolve("monotonic drift -1%", 1).unwrap().1.whose, Chosen::Nodes(nodes) if nodes.len() == 2));
        assert!(matches!(resolve("drift -1%", 1).unwrap().1.whose, Chosen::Nodes(nodes) if nodes.len() == 2));
        for seed in 0..200 {
            let (_, params) = resolve("all", seed).unwrap();
            params.skew.check().unwrap();
        }
    }

    #[test]
    fn a_plan_that_was_edited_is_read_to_the_last_field() {
        let check = |params: Value| FAULT.check(&params, &[NodeId::at(0)]);
        assert_eq!(check(json!({"whose": "leader", "skew": "offset", "by_ns": 60_000_000_000_i64})), Ok(()));
        for (bad, names) in [
            (json!({"whose": "leader", "skew": "offset", "by_ns": 60_000_000_000_i64, "every_ns": 5}), "every_ns"),
            (json!({"whose": "leader", "skew": "offset", "by": 60_000_000_000_i64}), "`by`"),
            (json!({"who": "leader", "skew": "offset", "by_ns": 60_000_000_000_i64}), "whose"),
            (json!({"whose": "leader", "skew": "offset", "by_ns": 5_000}), "20 µs"),
            (json!({"whose": "leader", "skew": "monotonic-drift", "ppm": 500_001}), "+50 %"),
            (json!({"whose": "leader", "skew": "monotonic-offset", "by_ns": 5_000_000}), "monotonic-offset"),
            (json!("leader"), "whose"),
        ] {
            let error = check(bad.clone()).unwrap_err();
            assert!(error.contains(names), "{bad}: {error}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_the_words_that_do() {
        for (argument, part) in [
            ("n1, +60", "strobe +2s 50ms"),
            ("somebody", "minority"),
            ("n9, +60s", "no node n9"),
            ("n1, drift -95%", "-90 %"),
            ("+60", "bump -7s"),
            ("n1, bump", "bump -7s"),
            ("n1, monotonic +60s", "jumps on no real machine"),
            ("n1, monotonic bump -7s", "hang if it did"),
            ("monotonic strobe +2s 50ms", "`monotonic drift +10%`"),
            ("n1, monotonic drift", "`monotonic drift +10%`"),
            ("n1, monotonic drift +60%", "-50 % to +50 %"),
        ] {
            let error = resolve(argument, 1).unwrap_err();
            assert!(error.contains(part), "{argument}: {error}");
        }
    }

    #[test]
    fn evidence_tells_what_was_read_and_not_what_was_asked() {
        let seen = Witnessed { readings: 12, last_ns: Some(60_000_000_000), ..Witnessed::default() };
        let seen = Witnessed { least_ns: 60_000_000_000, most_ns: 60_000_000_000, ..seen };
        assert_eq!(in_words(&seen), "read its clock 12 times, last 60.000 s ahead");
        let moving = Witnessed { least_ns: -2_000_000_000, ..seen };
        assert_eq!(
            in_words(&moving),
            "read its clock 12 times, from 2.000 s behind to 60.000 s ahead, last 60.000 s ahead"
        );
        assert_eq!(
            in_words(&Witnessed { readings: 1, least_ns: 0, ..seen }),
            "read its clock once, from the true time to 60.000 s ahead, last 60.000 s ahead"
        );
        let monotonic = Witnessed { monotonic: true, last_ns: Some(300_000_000), most_ns: 300_000_000, ..moving };
        let monotonic = Witnessed { least_ns: 0, ..monotonic };
        assert_eq!(
            in_words(&monotonic),
            "read CLOCK_MONOTONIC 12 times, from the true time to 0.300 s ahead, last 0.300 s ahead"
        );
        let strange = Witnessed { readings: 3, strange_ns: Some(-60_000_000_000), ..Witnessed::default() };
        assert_eq!(in_words(&strange), "read its clock 3 times, and not as it was set: last 60.000 s behind");
        assert_eq!(in_words(&Witnessed::default()), "did not read its clock");
    }
}
