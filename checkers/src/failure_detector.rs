//! Failure detectors: does every crash come to be suspected, and nobody else, and how fast and how often wrongly.
//!
//! Completeness and accuracy are those of Chandra and Toueg (Unreliable failure detectors, JACM 43(2), 1996), the figures those of
//! Chen, Toueg and Aguilera (On the quality of service of failure detectors, IEEE Transactions on Computers 51(5), May 2002,
//! 561-580). Both speak of processes that crash or do not. Here the controller also knows who was cut off and who was slow, so
//! suspicions are told apart in three classes: of a crash, of the unreachable, of the slow. Only a suspicion of a node that is up,
//! reachable and in time, by a monitor that is so too, is a mistake.

mod pair;
mod quality;
mod rules;

use dsjepsen_history::{Figure, Finding, Judgement, Moment, Nanos, NodeId, UnknownReason};

use crate::broken::{Broken, counting, malformed};
use crate::words::duration;
use pair::Pair;

pub use quality::{DetectorQuality, Samples, detector_quality};

const CHECKER: &str = "failure-detector";

/// What was wrong with a node, as the controller made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// It was not running.
    Crashed,
    /// Messages between it and its peer were lost.
    Unreachable,
    /// It ran late: paused, or its messages delayed.
    Slow,
}

/// A time in which something was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TroubleInterval {
    /// The node.
    pub node: NodeId,
    /// Between it and this one; none for all others. Of a crash it says nothing.
    pub peer: Option<NodeId>,
    /// What was wrong.
    pub trouble: Trouble,
    /// From when on it may have been so. It names the interval.
    pub from: Moment,
    /// Until when it was; none where it never ended.
    pub to: Option<Moment>,
}

/// What a monitor thought of a node from some moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspicion {
    /// Who thought so.
    pub monitor: NodeId,
    /// Of whom.
    pub target: NodeId,
    /// Since when.
    pub at: Moment,
    /// Whether it suspected a crash, or trusted.
    pub suspected: bool,
}

/// A time in which a monitor's suspicions of a node were recorded without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Who suspects.
    pub monitor: NodeId,
    /// Whom.
    pub target: NodeId,
    /// Its begin.
    pub from: Moment,
    /// Its end.
    pub to: Moment,
    /// Whether the node was suspected at its begin.
    pub suspected: bool,
}

/// All that is known of a detector and of its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorHistory<'a> {
    /// What was wrong, in any order.
    pub troubles: &'a [TroubleInterval],
    /// What was watched. Watches of one pair do not overlap.
    pub watches: &'a [Watch],
    /// What was thought, in any order.
    pub suspicions: &'a [Suspicion],
}

/// What is promised of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DetectorOptions {
    /// A node that crashed is suspected this long after, in ns, and as long as it is down. Without it detection times are figures.
    pub detection_bound: Option<Nanos>,
    /// Whether nobody is ever suspected by mistake. Without it mistakes are figures.
    pub accurate: bool,
    /// For how long after a trouble has ended, in ns, a suspicion is still put down to it.
    pub wake: Nanos,
}

/// Judges what is promised of `failure-detector.completeness` and `failure-detector.mistake`, and tells the quality of service in
/// figures. O(n log n) in the suspicions, times the troubles that touch each pair.
///
/// A crash is judged as far as it was watched by a monitor that was itself in order: a monitor that recovers has the bound once more.
pub fn check_failure_detector(history: &DetectorHistory<'_>, options: &DetectorOptions) -> Judgement {
    if let Some(problem) = misfit(history) {
        return malformed(CHECKER, problem);
    }
    let mut broken = Broken::default();
    let (mut crashes, mut good) = (0, 0);
    let pairs = Pair::all(history, options.wake);
    for pair in &pairs {
        if let Some(bound) = options.detection_bound {
            crashes += rules::completeness(pair, bound, &mut broken);
        }
        if options.accurate {
            good += u64::from(rules::accuracy(pair, &mut broken));
        }
    }
    let quality = quality::of(&pairs);
    let mut findings = Vec::new();
    let mut unknown = |sentence: &str| findings.push(Finding::unknown(UnknownReason::NoObservations, sentence));
    if options.detection_bound.is_none() && !options.accurate {
        unknown("Neither a bound of detection nor accuracy is promised, so there are figures only.");
    }
    if options.detection_bound.is_some() && crashes == 0 {
        unknown("No crash was watched for longer than the bound of detection, so completeness was not judged.");
    }
    if options.accurate && good == 0 {
        unknown("No pair was watched while all was well, so accuracy was not judged.");
    }
    let judged = history.suspicions.len() as u64;
    let mut judgement = broken.judgement(CHECKER, judged, None, figures(&quality, options, crashes));
    judgement.findings.extend(findings);
    let mut merged = Judgement::new(CHECKER, judged, judgement.findings);
    merged.figures = judgement.figures;
    merged.assumptions =
        vec![format!("What is suspected up to {} after a trouble is put down to it.", duration(options.wake))];
    merged
}

fn misfit(history: &DetectorHistory<'_>) -> Option<String> {
    let reversed = |trouble: &&TroubleInterval| trouble.to.is_some_and(|to| to.index <= trouble.from.index);
    if let Some(trouble) = history.troubles.iter().find(reversed) {
        return Some(format!("The trouble of {} at index {} ends before it begins.", trouble.node, trouble.from.index));
    }
    let mut watches: Vec<&Watch> = history.watches.iter().collect();
    watches.sort_unstable_by_key(|watch| (watch.monitor, watch.target, watch.from));
    if let Some(watch) = watches.iter().find(|watch| watch.to.index <= watch.from.index) {
        return Some(format!("The watch of {} by {} ends before it begins.", watch.target, watch.monitor));
    }
    let overlap = |pair: &[&Watch]| {
        (pair[0].monitor, pair[0].target) == (pair[1].monitor, pair[1].target) && pair[0].to.index > pair[1].from.index
    };
    if let Some(pair) = watches.windows(2).find(|pair| overlap(pair)) {
        return Some(format!("{} is watched by {} twice at one time.", pair[0].target, pair[0].monitor));
    }
    let watched = |suspicion: &Suspicion| {
        let key = (suspicion.monitor, suspicion.target);
        let after = watches.partition_point(|watch| {
            (watch.monitor, watch.target, watch.from.index) <= (key.0, key.1, suspicion.at.index)
        });
        after
            .checked_sub(1)
            .map(|place| watches[place])
            .is_some_and(|watch| (watch.monitor, watch.target) == key && suspicion.at.index <= watch.to.index)
    };
    let stray = history.suspicions.iter().find(|suspicion| !watched(suspicion))?;
    Some(format!("What {} thought of {} at index {} was not watched.", stray.monitor, stray.target, stray.at.index))
}

fn figures(quality: &DetectorQuality, options: &DetectorOptions, crashes: u64) -> Vec<Figure> {
    let mut figures = vec![
        Figure::new("detection time", quality.detection.told()),
        counting("crashes not suspected at their end", quality.undetected),
        counting("suspicions of the crashed", quality.of_crashed),
        counting("suspicions of the unreachable", quality.of_unreachable),
        counting("suspicions of the slow", quality.of_slow),
        counting("suspicions in the wake of a trouble", quality.in_wake),
        counting("suspicions by a monitor in trouble", quality.by_troubled),
        counting("mistakes", quality.mistakes),
        Figure::new("mistake recurrence time", quality.recurrence.told()),
        Figure::new("mistake duration", quality.duration.told()),
        Figure::new("good period", quality.good_period.told()),
        Figure::new("mistake rate", quality.rate_told()),
        Figure::new("query accuracy probability", quality.accuracy_told()),
    ];
    if options.detection_bound.is_some() {
        figures.push(counting("crashes judged against the bound of detection", crashes));
    }
    figures
}
