//! Completeness and accuracy.

use dsjepsen_history::{Finding, Nanos};

use super::TroubleInterval;
use super::pair::{Interval, Pair, Point, end, later, point};
use crate::argument::step;
use crate::broken::{Broken, proven};
use crate::words::{between, duration, moment};

const COMPLETENESS: &str = "failure-detector.completeness";
const MISTAKE: &str = "failure-detector.mistake";

/// Judges the crashes of a node; says how many were watched for longer than the bound.
///
/// A crash that is not suspected as it should be counts once for each monitor.
pub(super) fn completeness(pair: &Pair<'_>, bound: Nanos, broken: &mut Broken) -> u64 {
    let mut judged = 0;
    for (crash, interval) in pair.crashes() {
        let due: Vec<Interval> = pair
            .attended(interval)
            .into_iter()
            .map(|part| Interval { from: later(part.from, bound), to: part.to })
            .filter(|part| part.from < part.to)
            .collect();
        judged += u64::from(!due.is_empty());
        let trusted = due.iter().find_map(|part| Some((part, trusted(pair, *part)?)));
        if let Some((part, at)) = trusted {
            broken.note(COMPLETENESS, crash.from.index, || tell_trusted(pair, crash, *part, at, bound));
        }
    }
    judged
}

/// From when on the target was trusted in an interval in which it had to be suspected.
fn trusted(pair: &Pair<'_>, due: Interval) -> Option<Point> {
    let Some(suspected) = pair.suspicion_from(due.from) else { return Some(due.from) };
    if suspected.interval.from > due.from {
        return Some(due.from);
    }
    (suspected.interval.to < due.to).then_some(suspected.interval.to)
}

fn tell_trusted(pair: &Pair<'_>, crash: &TroubleInterval, due: Interval, at: Point, bound: Nanos) -> Finding {
    let (monitor, target) = (pair.watch.monitor, pair.watch.target);
    let crashed = crash.from.time;
    let suspicion = pair.suspicion_from(at).filter(|suspected| suspected.interval.from < due.to);
    let sentence = format!(
        "{monitor} trusted {target} {} after it had crashed, where {} are allowed.",
        between(crashed, at.0),
        duration(bound)
    );
    let detail = match suspicion {
        Some(suspected) if suspected.interval.from > at => {
            format!("It suspected the crash only at {}.", moment(suspected.interval.from.0))
        }
        Some(_) => "It had suspected the crash, and trusted again while the node was down.".to_owned(),
        None => format!("It did not suspect it until {}, when the crash or the watch ended.", moment(due.to.0)),
    };
    let mut steps = vec![step("Let", format!("{target} crash at {}.", moment(crashed)), Some(crash.from.index))];
    let before = |trouble: &&&TroubleInterval| end(trouble, pair.wake) < due.from;
    if let Some(trouble) = pair.monitor.iter().rev().find(before).filter(|trouble| end(trouble, 0) > point(crash.from))
    {
        let text = format!("{monitor} itself be in trouble from {} on, for a while.", moment(trouble.from.time));
        steps.push(step("And let", text, Some(trouble.from.index)));
    }
    let then = format!("{monitor} suspects it from {} until {}.", moment(due.from.0), moment(due.to.0));
    steps.push(step("Then", then, None));
    let event = if at > due.from { Some(at.1) } else { pair.trust_before(at) };
    steps.push(step("However", format!("{monitor} trusted it at {}.", moment(at.0)), event));
    let late = suspicion.filter(|suspected| suspected.interval.from > at).and_then(|suspected| suspected.begun);
    if let Some(begun) = late {
        steps.push(step("However", "it suspected it only later.".to_owned(), Some(begun)));
    }
    proven(COMPLETENESS, sentence, detail, steps)
}

/// Judges the suspicions of a node; says whether it was ever watched while all was well.
pub(super) fn accuracy(pair: &Pair<'_>, broken: &mut Broken) -> bool {
    for mistake in mistakes(pair) {
        broken.note(MISTAKE, mistake.begun.unwrap_or(mistake.interval.from.1), || tell_mistake(pair, &mistake));
    }
    !pair.good.is_empty()
}

/// A time in which a node was suspected though all was well.
pub(super) struct Mistake {
    pub(super) interval: Interval,
    /// The event by which the suspicion began.
    pub(super) begun: Option<u64>,
    /// Whether the suspicion began while all was well, and not before.
    pub(super) fresh: bool,
    /// Whether trust ended it, and not a trouble or the end of the watch.
    pub(super) corrected: bool,
    /// The stretch in which all was well, by its place.
    pub(super) stretch: usize,
}

/// The mistakes of a pair, in order.
pub(super) fn mistakes(pair: &Pair<'_>) -> Vec<Mistake> {
    let (mut stretch, mut found) = (0, Vec::new());
    for suspected in &pair.suspected {
        while pair.good.get(stretch).is_some_and(|good| good.to <= suspected.interval.from) {
            stretch += 1;
        }
        for (place, good) in pair.good.iter().enumerate().skip(stretch) {
            if good.from >= suspected.interval.to {
                break;
            }
            let interval =
                Interval { from: good.from.max(suspected.interval.from), to: good.to.min(suspected.interval.to) };
            if interval.from < interval.to {
                found.push(Mistake {
                    interval,
                    begun: suspected.begun,
                    fresh: suspected.interval.from >= good.from,
                    corrected: suspected.trusted_again && suspected.interval.to <= good.to,
                    stretch: place,
                });
            }
        }
    }
    found
}

fn tell_mistake(pair: &Pair<'_>, mistake: &Mistake) -> Finding {
    let (monitor, target) = (pair.watch.monitor, pair.watch.target);
    let Interval { from, to } = mistake.interval;
    let sentence =
        format!("{monitor} suspected {target} for {} while it was up, reachable and in time.", between(from.0, to.0));
    let detail = if mistake.fresh {
        format!("The suspicion began at {}.", moment(from.0))
    } else {
        "The suspicion is older; what might have caused it was over.".to_owned()
    };
    let text =
        format!("{target} be up, reachable from {monitor} and in time from {} to {}.", moment(from.0), moment(to.0));
    let troubles = pair.troubles.iter().chain(&pair.monitor);
    let cause = troubles.filter(|trouble| end(trouble, pair.wake) <= from).max_by_key(|trouble| trouble.to);
    let over = cause.filter(|_| !mistake.fresh).map(|trouble| trouble.from.index);
    // A suspicion as old as the watch has no event of its own.
    let begun = mistake.begun.or(Some(pair.watch.from.index));
    let steps = vec![
        step("Let", text, over),
        step("Then", format!("{monitor} trusts it all that time."), None),
        step("However", format!("it suspected it from {} on.", moment(from.0)), begun),
    ];
    proven(MISTAKE, sentence, detail, steps)
}
