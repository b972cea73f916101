//! Failure detectors.

use std::collections::BTreeSet;

use dsjepsen_checkers::failure_detector::{
    DetectorHistory, DetectorOptions, Suspicion, Trouble, TroubleInterval, Watch, check_failure_detector,
    detector_quality,
};
use dsjepsen_history::{Gravity, Index, Judgement, Moment, Nanos, NodeId, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::Draw;
use crate::fuzz;
use crate::witness::{broken, validate};

const MS: Nanos = 1_000_000;

/// The clock of these tests: so much goes by from one index to the next.
const TICK: Nanos = 4;

fn at(index: Index, tick: Nanos) -> Moment {
    Moment { index, time: index * tick }
}

#[derive(Debug, Clone, Default)]
struct Script {
    troubles: Vec<TroubleInterval>,
    watches: Vec<Watch>,
    suspicions: Vec<Suspicion>,
}

impl Script {
    /// n1 watches n2 for so many ms.
    fn watched(ms: u64) -> Self {
        let (monitor, target) = (NodeId::at(0), NodeId::at(1));
        let watch = Watch { monitor, target, from: at(0, MS), to: at(ms, MS), suspected: false };
        Self { watches: vec![watch], ..Self::default() }
    }

    fn trouble(mut self, node: usize, trouble: Trouble, from: u64, to: impl Into<Option<u64>>) -> Self {
        let to = to.into().map(|to| at(to, MS));
        self.troubles.push(TroubleInterval { node: NodeId::at(node), peer: None, trouble, from: at(from, MS), to });
        self
    }

    fn suspected(mut self, from: u64, to: impl Into<Option<u64>>) -> Self {
        let (monitor, target) = (NodeId::at(0), NodeId::at(1));
        self.suspicions.push(Suspicion { monitor, target, at: at(from, MS), suspected: true });
        self.suspicions.extend(to.into().map(|to| Suspicion { monitor, target, at: at(to, MS), suspected: false }));
        self
    }

    fn history(&self) -> DetectorHistory<'_> {
        DetectorHistory { troubles: &self.troubles, watches: &self.watches, suspicions: &self.suspicions }
    }

    fn check(&self, options: &DetectorOptions) -> Judgement {
        check_failure_detector(&self.history(), options)
    }

    fn named(&self, named: &dyn Fn(Index) -> bool) -> Self {
        let mut kept = self.clone();
        kept.troubles.retain(|trouble| named(trouble.from.index));
        kept.suspicions.retain(|suspicion| named(suspicion.at.index));
        kept
    }
}

const BOUND: DetectorOptions = DetectorOptions { detection_bound: Some(10 * MS), accurate: false, wake: 5 * MS };
const ACCURATE: DetectorOptions = DetectorOptions { detection_bound: None, accurate: true, wake: 5 * MS };

#[track_caller]
fn is(judgement: &Judgement, rule: &str, operations: &[Index]) {
    assert_eq!(judgement.verdict, Gravity::Invalid, "{judgement:#?}");
    assert_eq!((&*judgement.findings[0].rule, &*judgement.findings[0].operations), (rule, operations));
}

#[test]
fn a_crash_is_suspected_in_time_and_for_good() {
    let crashed = |to: Option<u64>| Script::watched(100).trouble(1, Trouble::Crashed, 20, to);
    assert_eq!(crashed(None).suspected(28, None).check(&BOUND).verdict, Gravity::Valid);
    is(&crashed(None).check(&BOUND), "failure-detector.completeness", &[20]);
    is(&crashed(None).suspected(33, None).check(&BOUND), "failure-detector.completeness", &[20, 33]);
    let wavering = crashed(None).suspected(25, 40).suspected(45, None).check(&BOUND);
    is(&wavering, "failure-detector.completeness", &[20, 40, 45]);
    assert_eq!(wavering.findings[0].sentence, "n1 trusted n2 20 ms after it had crashed, where 10 ms are allowed.");
    assert_eq!(crashed(Some(60)).suspected(25, 64).check(&BOUND).verdict, Gravity::Valid);
    let short = crashed(Some(29)).check(&BOUND);
    assert_eq!(short.findings[0].reason, Some(UnknownReason::NoObservations), "shorter than the bound");
    // A monitor that was down itself has the bound once it is back.
    let down = crashed(None).trouble(0, Trouble::Crashed, 15, 50).suspected(64, None);
    assert_eq!(down.check(&BOUND).verdict, Gravity::Valid);
}

#[test]
fn only_what_is_up_reachable_and_in_time_is_a_mistake() {
    let mistaken = Script::watched(100).suspected(30, 34);
    let judgement = mistaken.check(&ACCURATE);
    is(&judgement, "failure-detector.mistake", &[30]);
    let told = "n1 suspected n2 for 4 ms while it was up, reachable and in time.";
    assert_eq!(judgement.findings[0].sentence, told);
    for trouble in [Trouble::Crashed, Trouble::Unreachable, Trouble::Slow] {
        for node in [0, 1] {
            let excused = mistaken.clone().trouble(node, trouble, 28, 32);
            assert_eq!(excused.check(&ACCURATE).verdict, Gravity::Valid, "{trouble:?} of {node}");
        }
    }
    // A cut from others excuses nothing, and a suspicion that outlives its cause becomes a mistake.
    let mut elsewhere = mistaken.trouble(1, Trouble::Unreachable, 28, 32);
    elsewhere.troubles[0].peer = Some(NodeId::at(2));
    is(&elsewhere.check(&ACCURATE), "failure-detector.mistake", &[30]);
    let clings = Script::watched(100).trouble(1, Trouble::Slow, 20, 30).suspected(25, 50);
    is(&clings.check(&ACCURATE), "failure-detector.mistake", &[20, 25]);
}

#[test]
fn suspicions_are_told_apart_and_partitions_are_no_mistakes() {
    let script = Script::watched(200)
        .trouble(1, Trouble::Crashed, 10, 20)
        .trouble(1, Trouble::Unreachable, 40, 50)
        .trouble(1, Trouble::Slow, 70, 80)
        .trouble(0, Trouble::Slow, 100, 110)
        .suspected(14, 22)
        .suspected(45, 51)
        .suspected(75, 79)
        .suspected(83, 84)
        .suspected(105, 106)
        .suspected(150, 153)
        .suspected(160, 161);
    let quality = detector_quality(&script.history(), 5 * MS);
    let classes = [quality.of_crashed, quality.of_unreachable, quality.of_slow, quality.in_wake, quality.by_troubled];
    assert_eq!((classes, quality.mistakes), ([1, 1, 1, 1, 1], 2));
    assert_eq!(quality.detection.all(), [4 * MS]);
    assert_eq!(quality.recurrence.all(), [10 * MS]);
    assert_eq!(quality.duration.all(), [MS, 3 * MS]);
    assert_eq!(quality.good_period.all(), [7 * MS]);
    assert_eq!(quality.well, (200 - 4 * 15) * MS);
    assert_eq!(quality.mistaken, 4 * MS);
    assert!((quality.query_accuracy().unwrap() - (1.0 - 4.0 / 140.0)).abs() < 1e-12);
    let judgement = script.check(&BOUND);
    let figure = |name| judgement.figures.iter().find(|figure| figure.name == name).unwrap().value.clone();
    assert_eq!(figure("detection time"), "min 4 ms, median 4 ms, p99 4 ms, max 4 ms of only 1 sample");
}

#[test]
fn percentiles_are_those_of_the_nearest_rank() {
    let mut script = Script::watched(1_000);
    for length in 1..=4 {
        script = script.suspected(length * 100, length * 100 + length);
    }
    let quality = detector_quality(&script.history(), 0);
    let at = |percent| quality.duration.percentile(percent).unwrap() / MS;
    assert_eq!([at(0), at(50), at(51), at(99), at(100)], [1, 2, 3, 4, 4]);
    assert_eq!(quality.duration.mean(), Some(2_500_000));
    assert_eq!(quality.detection.percentile(50), None);
}

#[test]
fn what_was_not_watched_is_unknown() {
    let reason = |script: &Script, options| script.check(options).findings[0].reason;
    assert_eq!(reason(&Script::default(), &ACCURATE), Some(UnknownReason::NoObservations));
    assert_eq!(reason(&Script::watched(100), &BOUND), Some(UnknownReason::NoObservations), "no crash");
    let neither = DetectorOptions { accurate: false, ..ACCURATE };
    assert_eq!(reason(&Script::watched(100), &neither), Some(UnknownReason::NoObservations));
    assert_eq!(reason(&Script::watched(100).suspected(101, None), &ACCURATE), Some(UnknownReason::CheckerError));
}

/// What can be seen at one moment between two events.
struct Look<'a> {
    script: &'a Script,
    watch: &'a Watch,
    wake: Nanos,
}

impl Look<'_> {
    fn lasts(trouble: &TroubleInterval, at: Nanos, wake: Nanos) -> bool {
        trouble.from.time < at && trouble.to.is_none_or(|to| at < to.time + wake)
    }

    fn ours(&self, trouble: &TroubleInterval) -> bool {
        let Watch { monitor, target, .. } = *self.watch;
        let other = if trouble.node == monitor { target } else { monitor };
        let between = trouble.trouble == Trouble::Crashed || trouble.peer.is_none_or(|peer| peer == other);
        (trouble.node == monitor || trouble.node == target) && between
    }

    fn well(&self, at: Nanos) -> bool {
        !self.script.troubles.iter().any(|trouble| self.ours(trouble) && Self::lasts(trouble, at, self.wake))
    }

    fn monitor_fit(&self, at: Nanos) -> bool {
        let own = |trouble: &&TroubleInterval| {
            trouble.node == self.watch.monitor && trouble.trouble != Trouble::Unreachable && self.ours(trouble)
        };
        !self.script.troubles.iter().filter(own).any(|trouble| Self::lasts(trouble, at, self.wake))
    }

    fn suspected(&self, at: Nanos) -> bool {
        let ours = self
            .script
            .suspicions
            .iter()
            .filter(|one| (one.monitor, one.target) == (self.watch.monitor, self.watch.target) && one.at.time < at);
        ours.max_by_key(|one| one.at.index).map_or(self.watch.suspected, |one| one.suspected)
    }
}

/// Looks at every moment of every watch.
fn oracle(script: &Script, options: &DetectorOptions) -> (BTreeSet<&'static str>, [u64; 3]) {
    let (mut rules, mut figures) = (BTreeSet::new(), [0; 3]);
    for watch in &script.watches {
        let look = Look { script, watch, wake: options.wake };
        let moments = || (watch.from.time + 1..watch.to.time).step_by(2);
        let mut before = false;
        for at in moments() {
            let mistaken = look.well(at) && look.suspected(at);
            figures[0] += u64::from(mistaken && !before);
            figures[1] += u64::from(look.well(at)) * 2;
            figures[2] += u64::from(mistaken) * 2;
            before = mistaken;
            rules.extend((mistaken && options.accurate).then_some("failure-detector.mistake"));
        }
        let crashes = script.troubles.iter().filter(|one| one.node == watch.target && one.trouble == Trouble::Crashed);
        for crash in crashes {
            let mut since = 0;
            for at in moments() {
                let attended = Look::lasts(crash, at, 0) && look.monitor_fit(at);
                since = if attended { since + 2 } else { 0 };
                let due = options.detection_bound.is_some_and(|bound| since > bound);
                rules.extend((due && !look.suspected(at)).then_some("failure-detector.completeness"));
            }
        }
    }
    (rules, figures)
}

fn agree(script: &Script, options: &DetectorOptions) {
    let judgement = script.check(options);
    let (rules, figures) = oracle(script, options);
    assert_eq!(broken(&judgement), rules, "{options:?} {script:#?} {judgement:#?}");
    let quality = detector_quality(&script.history(), options.wake);
    assert_eq!([quality.mistakes, quality.well, quality.mistaken], figures, "{script:#?}");
    validate(&judgement, |named| script.named(named).check(options));
}

/// Two nodes that watch each other with a detector that knows the truth two ticks later at most, and a third.
fn history(bytes: &[u8]) -> Script {
    let mut draw = Draw::new(bytes);
    let mut script = Script::default();
    for number in 0..draw.below(4) {
        let from = 1 + draw.below(8);
        let to = from + 1 + draw.below(8);
        let trouble = [Trouble::Crashed, Trouble::Crashed, Trouble::Unreachable, Trouble::Slow][draw.below(4) as usize];
        script.troubles.push(TroubleInterval {
            node: NodeId::at(draw.below(3) as usize),
            peer: Some(NodeId::at(draw.below(3) as usize)).filter(|_| draw.one_in(2)),
            trouble,
            from: at(from * 20 + number * 4, TICK),
            to: Some(at(to * 20 + number * 4, TICK)).filter(|_| !draw.one_in(4)),
        });
    }
    for (monitor, target) in [(0, 1), (1, 0)] {
        let (monitor, target) = (NodeId::at(monitor), NodeId::at(target));
        script.watches.push(Watch { monitor, target, from: at(0, TICK), to: at(400, TICK), suspected: false });
        let mut now = false;
        for index in 0..100 {
            let index = index * 4 + 1 + 2 * u64::from(target == NodeId::at(0));
            let down = script.troubles.iter().any(|one| {
                let lasts = one.from.index < index && one.to.is_none_or(|to| index < to.index);
                one.node == target && one.trouble == Trouble::Crashed && lasts
            });
            if down != now {
                now = down;
                script.suspicions.push(Suspicion { monitor, target, at: at(index, TICK), suspected: now });
            }
        }
    }
    script
}

fn spoil(script: &mut Script, bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    for _ in 0..draw.below(5) {
        let place = draw.below(4) as usize;
        if draw.one_in(2) && place < script.suspicions.len() {
            script.suspicions.remove(place);
            continue;
        }
        let monitor = draw.below(2) as usize;
        let (monitor, target) = (NodeId::at(monitor), NodeId::at(1 - monitor));
        // These indices are nobody else's: those of troubles are multiples of 4, those of the detector odd.
        let at = at(2 + 4 * draw.below(98), TICK);
        if script.suspicions.iter().any(|one| one.at.index == at.index) {
            continue;
        }
        script.suspicions.push(Suspicion { monitor, target, at, suspected: draw.one_in(2) });
    }
    if draw.one_in(4) {
        script.watches[0].suspected = true;
    }
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_suspicions_are_judged_as_the_oracle_judges_them(
        bytes in vec(any::<u8>(), 0..40),
        changes in vec(any::<u8>(), 24),
        bound in 0_u64..4,
        wake in 0_u64..4,
        accurate: bool,
    ) {
        let mut script = history(&bytes);
        spoil(&mut script, &changes);
        let detection_bound = (bound > 0).then(|| [6, 38, 78][bound as usize - 1]);
        agree(&script, &DetectorOptions { detection_bound, accurate, wake: [0, 2, 38, 158][wake as usize] });
    }

    #[test]
    fn a_detector_that_knows_the_truth_is_never_invalid(bytes in vec(any::<u8>(), 0..40)) {
        let script = history(&bytes);
        let options = DetectorOptions { detection_bound: Some(18), accurate: true, wake: 18 };
        agree(&script, &options);
        prop_assert!(broken(&script.check(&options)).is_empty(), "{:#?}", script);
    }
}
