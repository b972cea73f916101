//! The clock of one node, through all its restarts: which skews are in force, and what its processes read.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kind::Kind;
use super::page::{ClockPage, Readings, Settings};
use super::skew::{Begun, LEAST_SEEN_NS, Setting, Skew, grown, rate_of};

/// What may lie between a reading as it should be and as it is: `gettimeofday` counts in microseconds.
const TOLERANCE_NS: i64 = 1_000;
/// A skew is seen where the clock would show something else by more than this without it. A reading that is off by the
/// tolerance is still one that the report takes for skewed.
const SEEN_NS: i64 = LEAST_SEEN_NS + TOLERANCE_NS;

/// A skew in force on a node's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkewId(u64);

/// What was seen of a skew, as read back from inside the node's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Witnessed {
    /// Whether it is of CLOCK_MONOTONIC and those that go with it, and not of the wall clock.
    pub monotonic: bool,
    /// How often the processes read the clock while it was in force, at least.
    pub readings: u64,
    /// How far the last reading was ahead of the true time, in ns, if one was as it should be.
    pub last_ns: Option<i64>,
    /// The least that was seen.
    pub least_ns: i64,
    /// The most.
    pub most_ns: i64,
    /// The last reading that was not as it should be, if none was as it should be since.
    pub strange_ns: Option<i64>,
    /// Whether the processes saw the skew, and not merely read a clock.
    pub confirmed: bool,
}

/// What a node's processes read last of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastRead {
    /// How far ahead, in ns.
    pub(crate) ahead_ns: i64,
    /// How often they have read it in all.
    pub(crate) times: u64,
    /// The least and the most that they read last before a change: a strobing clock jumps faster than it is looked at.
    pub(crate) before_changes: Option<(i64, i64)>,
}

/// A node's clock.
#[derive(Debug)]
pub(crate) struct NodeClock {
    page: ClockPage,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: Vec<Live>,
    last_id: u64,
    settings: Settings,
    /// Of the page's counts, how many were seen.
    counted: [u64; Kind::ALL.len()],
    /// All readings of the wall clock that were ever seen.
    total: u64,
    /// The least and the most that was read last before a setting was changed, since somebody asked.
    before_changes: Option<(i64, i64)>,
}

#[derive(Debug)]
struct Live {
    id: SkewId,
    begun: Begun,
    /// When it began, by each clock.
    since_ns: [i64; Kind::ALL.len()],
    seen: Witnessed,
    /// Of a clock that strobes, whether it was seen back, and seen away.
    ends_seen: [bool; 2],
}

impl NodeClock {
    /// A clock that shows the true time.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { page: ClockPage::new()?, state: Mutex::default() })
    }

    /// The inode of the file without a name that its processes have mapped.
    pub(crate) fn page_inode(&self) -> io::Result<u64> {
        self.page.shared().inode()
    }

    pub(super) fn page(&self) -> &ClockPage {
        &self.page
    }

    /// Puts a skew in force, for the processes of the node that run and for those that will.
    pub(crate) fn begin(&self, skew: Skew) -> SkewId {
        let mut state = self.lock();
        state.look(&self.page);
        state.last_id += 1;
        let id = SkewId(state.last_id);
        let since_ns = Kind::ALL.map(Kind::now_ns);
        let begun = Begun { skew, at_ns: since_ns[Kind::Wall as usize], away: true };
        let seen = Witnessed { monotonic: skew.monotonic_ppm().is_some(), ..Witnessed::default() };
        state.live.push(Live { id, begun, since_ns, seen, ends_seen: [false; 2] });
        state.put(&self.page);
        id
    }

    /// Takes a skew away, and says what was seen of it; `None` where it is not in force.
    pub(crate) fn end(&self, id: SkewId) -> Option<Witnessed> {
        let mut state = self.lock();
        state.look(&self.page);
        let position = state.live.iter().position(|live| live.id == id)?;
        let live = state.live.remove(position);
        state.put(&self.page);
        Some(live.seen)
    }

    /// Lets a strobing clock jump; `false` once the skew is no longer in force.
    pub(crate) fn strobe(&self, id: SkewId) -> bool {
        let mut state = self.lock();
        state.look(&self.page);
        let Some(live) = state.live.iter_mut().find(|live| live.id == id) else { return false };
        live.begun.away = !live.begun.away;
        state.put(&self.page);
        true
    }

    /// What was seen of a skew so far.
    pub(crate) fn witnessed(&self, id: SkewId) -> Option<Witnessed> {
        let mut state = self.lock();
        state.look(&self.page);
        state.live.iter().find(|live| live.id == id).map(|live| live.seen)
    }

    /// What the processes read last, and since this was asked before; `None` where they have read nothing since the last
    /// setting.
    pub(crate) fn last_read(&self) -> Option<LastRead> {
        let mut state = self.lock();
        state.look(&self.page);
        let readings = self.page.readings(Kind::Wall);
        (readings.count > 0).then(|| LastRead {
            ahead_ns: readings.added_ns,
            times: state.total,
            before_changes: state.before_changes.take(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes down what the processes read since the last look.
    fn look(&mut self, page: &ClockPage) {
        for kind in Kind::ALL {
            let readings = page.readings(kind);
            let new = readings.count.saturating_sub(self.counted[kind as usize]);
            if new == 0 {
                continue;
            }
            self.counted[kind as usize] = readings.count;
            self.total += if kind == Kind::Wall { new } else { 0 };
            let wanted = self.settings[kind as usize].added_at(readings.true_ns);
            let otherwise = |which| self.otherwise(which, kind, readings.true_ns, wanted);
            let otherwise: Vec<Option<i64>> = (0..self.live.len()).map(otherwise).collect();
            for (live, otherwise) in self.live.iter_mut().zip(otherwise) {
                if let Some(otherwise) = otherwise {
                    live.take(new, readings, wanted, otherwise);
                }
            }
        }
    }

    /// What would be added to this true time, and not `wanted`, if one of the skews were not in force; or, of a clock that strobes, if
    /// it were at the other end. `None` where that skew is of another clock.
    fn otherwise(&self, which: usize, kind: Kind, true_ns: i64, wanted: i64) -> Option<i64> {
        let live = &self.live[which];
        match (kind, live.begun.skew.monotonic_ppm()) {
            (Kind::Wall, None) => {}
            (Kind::Wall, Some(_)) | (Kind::Monotonic | Kind::Raw | Kind::Boot, None) => return None,
            (Kind::Monotonic | Kind::Raw | Kind::Boot, Some(ppm)) => {
                let run_ns = true_ns.wrapping_sub(live.since_ns[kind as usize]);
                return Some(wanted.wrapping_sub(grown(run_ns, rate_of(ppm))));
            }
        }
        let skews = self.live.iter().enumerate().filter_map(|(place, live)| match live.begun.skew {
            _ if place != which => Some(live.begun),
            Skew::Strobe { .. } => Some(Begun { away: !live.begun.away, ..live.begun }),
            Skew::Offset { .. } | Skew::Bump { .. } | Skew::Drift { .. } | Skew::MonotonicDrift { .. } => None,
        });
        Some(Setting::of(skews, true_ns).offset_ns)
    }

    /// Puts in force what all skews make together.
    fn put(&mut self, page: &ClockPage) {
        let last = page.readings(Kind::Wall);
        if last.count > 0 {
            let (least, most) = self.before_changes.unwrap_or((last.added_ns, last.added_ns));
            self.before_changes = Some((least.min(last.added_ns), most.max(last.added_ns)));
        }
        let wall = Setting::of(self.live.iter().map(|live| live.begun), Kind::Wall.now_ns());
        self.settings[Kind::Wall as usize] = wall;
        let rate = rate_of(self.live.iter().filter_map(|live| live.begun.skew.monotonic_ppm()).sum());
        if rate == self.settings[Kind::Monotonic as usize].rate {
            page.put(&self.settings);
        } else {
            let mut settings = self.settings;
            self.settings = page.put_held(|| {
                for kind in Kind::NEVER_BACK {
                    settings[kind as usize] = settings[kind as usize].turned(rate, kind.now_ns());
                }
                settings
            });
        }
        self.counted = [0; Kind::ALL.len()];
    }
}

impl Live {
    /// Takes down readings, of which the last is told. A skew is seen where a clock without it would show something else: one
    /// that does nothing beside the others, or is hidden by them, is not.
    fn take(&mut self, new: u64, readings: Readings, wanted: i64, otherwise: i64) {
        let seen = &mut self.seen;
        seen.readings += new;
        let added = readings.added_ns;
        // Threads that read at one moment may have written one word each, and a slow one may come with an older setting.
        if added.saturating_sub(wanted).saturating_abs() > TOLERANCE_NS {
            seen.strange_ns = Some(added);
            return;
        }
        let first = seen.last_ns.is_none();
        seen.least_ns = if first { added } else { seen.least_ns.min(added) };
        seen.most_ns = if first { added } else { seen.most_ns.max(added) };
        seen.last_ns = Some(added);
        seen.strange_ns = None;
        if wanted.abs_diff(otherwise) <= SEEN_NS.unsigned_abs() {
            return;
        }
        seen.confirmed |= match self.begun.skew {
            Skew::Offset { .. } | Skew::Bump { .. } | Skew::Drift { .. } | Skew::MonotonicDrift { .. } => true,
            Skew::Strobe { .. } => {
                self.ends_seen[usize::from(self.begun.away)] = true;
                self.ends_seen == [true; 2]
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn only_readings_as_they_should_be_confirm_a_skew() {
        let clock = NodeClock::new().unwrap();
        let id = clock.begin("+60s".parse().unwrap());
        let now = Kind::Wall.now_ns();
        assert_eq!(clock.witnessed(id), Some(Witnessed::default()));
        for wrong in [-60 * S, 0, 60 * S + 2_000] {
            clock.page().note(Kind::Wall, now, wrong);
            let seen = clock.witnessed(id).unwrap();
            assert!(!seen.confirmed && seen.strange_ns == Some(wrong) && seen.last_ns.is_none(), "{seen:?}");
        }
        // `gettimeofday` loses what is less than a microsecond.
        clock.page().note(Kind::Wall, now, 60 * S - 999);
        let seen = clock.end(id).unwrap();
        assert!(seen.confirmed && seen.readings == 4 && seen.strange_ns.is_none(), "{seen:?}");
        assert_eq!((clock.end(id), clock.witnessed(id)), (None, None));
    }

    #[test]
    fn a_strobe_is_confirmed_by_both_its_ends_and_a_drift_once_it_has_drifted() {
        let clock = NodeClock::new().unwrap();
        let id = clock.begin("strobe +2s 50ms".parse().unwrap());
        clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 2 * S);
        assert!(!clock.witnessed(id).unwrap().confirmed);
        assert!(clock.strobe(id));
        clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 0);
        assert!(clock.end(id).unwrap().confirmed);
        assert!(!clock.strobe(id), "it has ended");

        let id = clock.begin("drift +10%".parse().unwrap());
        let now = Kind::Wall.now_ns();
        let setting = clock.lock().settings[0];
        for (later, confirmed) in [(0, false), (S, true)] {
            let at = now + later;
            clock.page().note(Kind::Wall, at, setting.added_at(at));
            // Just begun, it may have come further than the least that counts on a machine that is held up.
            let seen = clock.witnessed(id).unwrap();
            assert!(seen.confirmed == confirmed || seen.most_ns > LEAST_SEEN_NS, "{seen:?}");
        }
        assert!(clock.end(id).unwrap().confirmed);
    }

    /// What is seen of each of these skews, which begin one after the other, by readings of the clock as it is set.
    fn seen_together(skews: &[&str], strobes: usize) -> Vec<bool> {
        let clock = NodeClock::new().unwrap();
        let ids: Vec<SkewId> = skews.iter().map(|skew| clock.begin(skew.parse().unwrap())).collect();
        for jump in 0..=strobes {
            for id in ids.iter().filter(|_| jump > 0) {
                clock.strobe(*id);
            }
            // Later than now, so that a drift has come to something.
            let at = Kind::Wall.now_ns() + S;
            let setting = clock.lock().settings[0];
            clock.page().note(Kind::Wall, at, setting.added_at(at));
        }
        ids.into_iter().map(|id| clock.end(id).unwrap().confirmed).collect()
    }

    #[test]
    fn of_skews_that_overlap_only_those_are_confirmed_that_the_clock_shows() {
        for (skews, confirmed) in [
            (&["+60s", "-7s"][..], &[false, true][..]),
            (&["+60s", "+60s"], &[false, false]),
            (&["bump +7s", "+60s"], &[false, true]),
            // Either alone would show the same.
            (&["bump +60s", "+60s"], &[false, false]),
            (&["+60s", "bump -7s"], &[true, true]),
            (&["+60s", "bump -60s"], &[true, true]),
            (&["drift +10%", "+60s"], &[false, true]),
            (&["+60s", "drift +10%"], &[true, true]),
        ] {
            assert_eq!(seen_together(skews, 0), confirmed, "{skews:?}");
        }
        // An offset hides a strobe, and a bump that comes and goes is no strobe.
        assert_eq!(seen_together(&["strobe +2s 50ms", "+60s"], 3), [false, true]);
        assert_eq!(seen_together(&["+60s", "strobe +2s 50ms"], 0), [true, false]);
        assert_eq!(seen_together(&["+60s", "strobe +2s 50ms"], 1), [true, true]);
        let clock = NodeClock::new().unwrap();
        let strobe = clock.begin("strobe +2s 50ms".parse().unwrap());
        clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 2 * S);
        clock.begin("bump +2s".parse().unwrap());
        clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 4 * S);
        assert!(!clock.end(strobe).unwrap().confirmed, "it was never seen back");
    }

    #[test]
    fn the_least_skew_that_may_be_asked_for_is_seen_and_drawn_as_one() {
        for text in ["+20us", "-20us", "bump +20us", "strobe +20us 1ms"] {
            let clock = NodeClock::new().unwrap();
            let id = clock.begin(text.parse().unwrap());
            for _ in 0..2 {
                // What `gettimeofday` makes of it.
                let at = Kind::Wall.now_ns();
                let added = (at + clock.lock().settings[0].added_at(at)).div_euclid(1_000) * 1_000 - at;
                clock.page().note(Kind::Wall, at, added.max(clock.lock().settings[0].added_at(at) - 999));
                clock.strobe(id);
            }
            let seen = clock.end(id).unwrap();
            assert!(seen.confirmed && seen.most_ns.max(-seen.least_ns) >= LEAST_SEEN_NS, "{text}: {seen:?}");
        }
        let refused = "+19us".parse::<Skew>().unwrap_err();
        assert!(refused.contains("20 µs"), "{refused}");
    }

    #[test]
    fn what_was_read_before_a_change_is_told_once() {
        let clock = NodeClock::new().unwrap();
        assert_eq!(clock.last_read(), None);
        let id = clock.begin("strobe +2s 50ms".parse().unwrap());
        for _ in 0..2 {
            clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 2 * S);
            clock.strobe(id);
            clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 0);
            clock.strobe(id);
        }
        clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 2 * S);
        let read = LastRead { ahead_ns: 2 * S, times: 5, before_changes: Some((0, 2 * S)) };
        assert_eq!(clock.last_read(), Some(read));
        assert_eq!(clock.last_read(), Some(LastRead { before_changes: None, ..read }));
    }

    /// The setting of a clock, as its processes go by it.
    fn setting(clock: &NodeClock, kind: Kind) -> Setting {
        clock.lock().settings[kind as usize]
    }

    #[test]
    fn a_drift_of_the_monotonic_clock_is_seen_in_its_readings_alone_and_ends_where_it_has_come_to() {
        let clock = NodeClock::new().unwrap();
        let wall = clock.begin("+60s".parse().unwrap());
        for kind in Kind::NEVER_BACK {
            let before_ns = kind.now_ns();
            let id = clock.begin("monotonic drift +10%".parse().unwrap());
            let set = setting(&clock, kind);
            let left_ns = set.offset_ns;
            assert!(set.base_ns >= before_ns && set.floor_ns == set.base_ns);
            clock.page().note(Kind::Wall, Kind::Wall.now_ns(), 60 * S);
            assert_eq!(clock.witnessed(id), Some(Witnessed { monotonic: true, ..Witnessed::default() }));
            // As it would be without the drift.
            clock.page().note(kind, set.base_ns + S, left_ns);
            let seen = clock.witnessed(id).unwrap();
            assert!(!seen.confirmed && seen.strange_ns == Some(left_ns), "{seen:?}");
            clock.page().note(kind, set.base_ns + S, set.added_at(set.base_ns + S));
            let seen = clock.end(id).unwrap();
            let gained = seen.last_ns.unwrap() - left_ns;
            assert!(seen.confirmed && (gained - S / 10).abs() <= 1 && seen.readings == 2, "{seen:?}");
            let healed = setting(&clock, kind);
            assert_eq!(healed.rate, 0);
            assert_eq!(healed.offset_ns, set.added_at(healed.base_ns), "what it has gained stays");
            assert!(healed.offset_ns > left_ns);
        }
        assert!(clock.end(wall).unwrap().confirmed);
    }

    #[test]
    fn a_skew_of_the_wall_clock_leaves_the_monotonic_one_as_it_is_set() {
        let clock = NodeClock::new().unwrap();
        let both = ["monotonic drift +10%", "monotonic drift -4%"].map(|skew| clock.begin(skew.parse().unwrap()));
        let set = setting(&clock, Kind::Monotonic);
        assert_eq!(set.rate, rate_of(60_000), "both together");
        let strobe = clock.begin("strobe +2s 50ms".parse().unwrap());
        assert!(clock.strobe(strobe) && clock.end(strobe).is_some());
        assert_eq!(setting(&clock, Kind::Monotonic), set);
        // Either is seen by what the clock would show without it.
        let at = set.base_ns + S;
        clock.page().note(Kind::Monotonic, at, set.added_at(at));
        assert!(both.iter().all(|id| clock.witnessed(*id).unwrap().confirmed));
        assert_eq!(clock.last_read(), None, "nobody has read the wall clock");
    }
}
