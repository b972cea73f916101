//! One monitor and one node, watched for a time: when all was well, and when the one suspected the other.

use dsjepsen_history::{Index, Moment, Nanos};

use super::{DetectorHistory, Suspicion, Trouble, TroubleInterval, Watch};

/// A point in time: events at one time are told apart by their index.
pub(super) type Point = (Nanos, Index);

/// From one point to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: Point,
    pub(super) to: Point,
}

impl Interval {
    /// Its length in ns.
    pub(super) fn length(self) -> Nanos {
        self.to.0.saturating_sub(self.from.0)
    }
}

/// A suspicion from its begin to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspected {
    pub(super) interval: Interval,
    /// The event by which it began; none where the watch began so.
    pub(super) begun: Option<Index>,
    /// Whether trust ended it, and not the end of the watch.
    pub(super) trusted_again: bool,
}

/// A watched pair.
pub(super) struct Pair<'a> {
    pub(super) watch: &'a Watch,
    pub(super) whole: Interval,
    /// What was wrong with the target or between the two.
    pub(super) troubles: Vec<&'a TroubleInterval>,
    /// What was wrong with the monitor itself.
    pub(super) monitor: Vec<&'a TroubleInterval>,
    /// When nothing was wrong, nor had been shortly before; in order.
    pub(super) good: Vec<Interval>,
    pub(super) suspected: Vec<Suspected>,
    pub(super) wake: Nanos,
}

pub(super) fn point(moment: Moment) -> Point {
    (moment.time, moment.index)
}

/// So much later; after all that happens at that time.
pub(super) fn later(point: Point, by: Nanos) -> Point {
    if by == 0 { point } else { (point.0.saturating_add(by), Index::MAX) }
}

/// The end of a trouble, with so much added.
pub(super) fn end(trouble: &TroubleInterval, wake: Nanos) -> Point {
    trouble.to.map_or((Nanos::MAX, Index::MAX), |to| later(point(to), wake))
}

impl<'a> Pair<'a> {
    /// All that were watched.
    pub(super) fn all(history: &DetectorHistory<'a>, wake: Nanos) -> Vec<Self> {
        let mut suspicions: Vec<&Suspicion> = history.suspicions.iter().collect();
        suspicions.sort_unstable_by_key(|suspicion| (suspicion.monitor, suspicion.target, suspicion.at));
        history
            .watches
            .iter()
            .map(|watch| {
                let key = |suspicion: &&Suspicion| (suspicion.monitor, suspicion.target, suspicion.at.index);
                let from = (watch.monitor, watch.target, watch.from.index);
                let to = (watch.monitor, watch.target, watch.to.index);
                let start = suspicions.partition_point(|suspicion| key(suspicion) < from);
                let stop = suspicions.partition_point(|suspicion| key(suspicion) <= to);
                Self::of(watch, history.troubles, &suspicions[start..stop.max(start)], wake)
            })
            .collect()
    }

    fn of(watch: &'a Watch, troubles: &'a [TroubleInterval], suspicions: &[&Suspicion], wake: Nanos) -> Self {
        let whole = Interval { from: point(watch.from), to: point(watch.to) };
        let mut pair = Self {
            watch,
            whole,
            troubles: Vec::new(),
            monitor: Vec::new(),
            good: Vec::new(),
            suspected: suspected(watch, whole, suspicions),
            wake,
        };
        let ours = |peer: Option<_>, other| peer.is_none_or(|peer| peer == other);
        for trouble in
            troubles.iter().filter(|trouble| point(trouble.from) < whole.to && end(trouble, wake) > whole.from)
        {
            let cut = trouble.trouble != Trouble::Crashed;
            if trouble.node == watch.target && (!cut || ours(trouble.peer, watch.monitor)) {
                pair.troubles.push(trouble);
            } else if trouble.node == watch.monitor && (!cut || ours(trouble.peer, watch.target)) {
                // A cut is of both: the monitor is in order, and so is the target, but for each other.
                let side = if trouble.trouble == Trouble::Unreachable { &mut pair.troubles } else { &mut pair.monitor };
                side.push(trouble);
            }
        }
        pair.troubles.sort_by_key(|trouble| trouble.from);
        pair.monitor.sort_by_key(|trouble| trouble.from);
        pair.good = pair.good();
        pair
    }

    fn good(&self) -> Vec<Interval> {
        let mut troubles: Vec<&TroubleInterval> = self.troubles.iter().chain(&self.monitor).copied().collect();
        troubles.sort_by_key(|trouble| trouble.from);
        without(self.whole, troubles.into_iter().map(|trouble| (point(trouble.from), end(trouble, self.wake))))
    }

    /// The parts of an interval in which the monitor was in order.
    pub(super) fn attended(&self, whole: Interval) -> Vec<Interval> {
        without(whole, self.monitor.iter().map(|trouble| (point(trouble.from), end(trouble, self.wake))))
    }

    /// When the target was down, as far as it was watched.
    pub(super) fn crashes(&self) -> impl Iterator<Item = (&'a TroubleInterval, Interval)> {
        let crashes = self.troubles.iter().copied().filter(|trouble| trouble.trouble == Trouble::Crashed);
        crashes.filter_map(|crash| {
            let interval =
                Interval { from: point(crash.from).max(self.whole.from), to: end(crash, 0).min(self.whole.to) };
            (interval.from < interval.to).then_some((crash, interval))
        })
    }

    /// The last event by which trust returned, up to a point.
    pub(super) fn trust_before(&self, at: Point) -> Option<Index> {
        let place = self.suspected.partition_point(|suspected| suspected.interval.to <= at);
        let last = self.suspected.get(place.checked_sub(1)?)?;
        last.trusted_again.then_some(last.interval.to.1)
    }

    /// The suspicion in force at a point, or the first after it.
    pub(super) fn suspicion_from(&self, at: Point) -> Option<&Suspected> {
        let place = self.suspected.partition_point(|suspected| suspected.interval.to <= at);
        self.suspected.get(place)
    }
}

/// What is left of an interval without others, which are in the order of their begins.
fn without(whole: Interval, others: impl Iterator<Item = (Point, Point)>) -> Vec<Interval> {
    let mut left = Vec::new();
    let mut from = whole.from;
    for (begin, end) in others {
        if from < begin.min(whole.to) {
            left.push(Interval { from, to: begin.min(whole.to) });
        }
        from = from.max(end);
    }
    if from < whole.to {
        left.push(Interval { from, to: whole.to });
    }
    left
}

fn suspected(watch: &Watch, whole: Interval, suspicions: &[&Suspicion]) -> Vec<Suspected> {
    let mut found = Vec::new();
    let mut open = watch.suspected.then_some((whole.from, None));
    for suspicion in suspicions {
        let at = point(suspicion.at);
        match open {
            None if suspicion.suspected => open = Some((at, Some(suspicion.at.index))),
            Some((from, begun)) if !suspicion.suspected => {
                found.push(Suspected { interval: Interval { from, to: at }, begun, trusted_again: true });
                open = None;
            }
            _ => {}
        }
    }
    if let Some((from, begun)) = open {
        found.push(Suspected { interval: Interval { from, to: whole.to }, begun, trusted_again: false });
    }
    found
}
