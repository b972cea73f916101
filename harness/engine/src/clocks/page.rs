//! The page that the controller shares with the processes of one node: settings, which they may only read, and behind them
//! their own readings. A process that goes mad can spoil no more than what is said of its own clock.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::kind::Kind;
use super::raw::SharedWords;
use super::skew::Setting;

/// What a page of memory is on every machine that this runs on.
pub(super) const PAGE_BYTES: usize = 4096;
const PAGE_WORDS: usize = PAGE_BYTES / size_of::<u64>();
/// A number with this bit is of settings that are just being changed: whoever asks for the time waits.
const CHANGING: u64 = 1 << 63;
/// The words between one clock and the next, and between one of the two places and the other.
const CLOCK_WORDS: usize = 4;
const PLACE_WORDS: usize = CLOCK_WORDS * Kind::ALL.len();
const BYTES: NonZeroUsize = NonZeroUsize::new(2 * PAGE_BYTES).expect("more than none");

/// The page (two, to be exact: one for each direction).
#[derive(Debug)]
pub(super) struct ClockPage {
    shared: SharedWords,
}

/// What each clock of a node adds, by [`Kind`].
pub(super) type Settings = [Setting; Kind::ALL.len()];

/// What the processes of a node say of their readings of one clock since the last setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Readings {
    /// How many there were, at least.
    pub(super) count: u64,
    /// The true time of the last one, in ns of the clock.
    pub(super) true_ns: i64,
    /// What was added to it, in ns.
    pub(super) added_ns: i64,
}

impl ClockPage {
    /// A page that adds nothing.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { shared: SharedWords::new(BYTES)? })
    }

    /// Puts settings in force that change nothing but the wall clock, and begins to count readings anew. To be called by one
    /// thread at a time.
    ///
    /// Every store is a release, so that nobody sees the number of a setting before the setting.
    pub(super) fn put(&self, settings: &Settings) {
        let next = self.number().wrapping_add(1) & !CHANGING;
        for kind in Kind::ALL {
            let Setting { floor_ns, base_ns, offset_ns, rate } = settings[kind as usize];
            for (word, value) in self.setting(next, kind).iter().zip([floor_ns, base_ns, offset_ns, rate]) {
                word.store(value.cast_unsigned(), Ordering::Release);
            }
            for word in self.readings_of(next, kind) {
                word.store(0, Ordering::Release);
            }
        }
        self.shared.words()[0].store(next, Ordering::Release);
    }

    /// As [`put`](Self::put), of settings that change clocks which never go back. While they are made, nobody is told the time:
    /// so whoever was told it by the settings before asked the kernel before the time from which on the new ones hold. It is a moment
    /// in which two or three clocks are read.
    pub(super) fn put_held(&self, make: impl FnOnce() -> Settings) -> Settings {
        let words = self.shared.words();
        words[0].store(self.number() | CHANGING, Ordering::SeqCst);
        words[1].store(1, Ordering::SeqCst);
        // No clock may be read before others see that they must wait.
        fence(Ordering::SeqCst);
        let settings = make();
        self.put(&settings);
        settings
    }

    /// The readings of a clock since the last setting.
    pub(super) fn readings(&self, kind: Kind) -> Readings {
        let [count, true_time, added] =
            [0, 1, 2].map(|place| self.readings_of(self.number(), kind)[place].load(Ordering::Acquire));
        Readings { count, true_ns: true_time.cast_signed(), added_ns: added.cast_signed() }
    }

    /// What others map of it.
    pub(super) fn shared(&self) -> &SharedWords {
        &self.shared
    }

    /// Notes a reading as a process of the node does.
    #[cfg(test)]
    pub(super) fn note(&self, kind: Kind, true_ns: i64, added_ns: i64) {
        let readings = self.readings_of(self.number(), kind);
        readings[1].store(true_ns.cast_unsigned(), Ordering::Release);
        readings[2].store(added_ns.cast_unsigned(), Ordering::Release);
        readings[0].fetch_add(1, Ordering::AcqRel);
    }

    fn number(&self) -> u64 {
        self.shared.words()[0].load(Ordering::Acquire) & !CHANGING
    }

    fn setting(&self, number: u64, kind: Kind) -> &[AtomicU64] {
        let begin = PLACE_WORDS + place(number, kind);
        &self.shared.words()[begin..begin + 4]
    }

    fn readings_of(&self, number: u64, kind: Kind) -> &[AtomicU64] {
        let begin = PAGE_WORDS + place(number, kind);
        &self.shared.words()[begin..begin + 3]
    }
}

fn place(number: u64, kind: Kind) -> usize {
    (number & 1) as usize * PLACE_WORDS + kind as usize * CLOCK_WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(wall: [i64; 4], monotonic: [i64; 4]) -> Settings {
        let of = |[floor_ns, base_ns, offset_ns, rate]: [i64; 4]| Setting { floor_ns, base_ns, offset_ns, rate };
        [of(wall), of(monotonic), Setting::default(), Setting::default()]
    }

    #[test]
    fn each_setting_takes_the_other_place_and_starts_without_readings() {
        let page = ClockPage::new().unwrap();
        let words = || page.shared.words().iter().map(|word| word.load(Ordering::Relaxed)).collect::<Vec<_>>();
        page.put(&settings([0, 1, -2, 3], [0; 4]));
        assert_eq!((&words()[..2], &words()[32..36]), (&[1, 0][..], &[0, 1, u64::MAX - 1, 3][..]));
        page.note(Kind::Wall, 6, 7);
        page.note(Kind::Monotonic, 8, 9);
        assert_eq!(page.readings(Kind::Wall), Readings { count: 1, true_ns: 6, added_ns: 7 });
        assert_eq!(page.readings(Kind::Monotonic), Readings { count: 1, true_ns: 8, added_ns: 9 });
        page.put(&settings([0, 4, 5, 6], [0; 4]));
        assert_eq!((words()[0], &words()[16..20], &words()[32..34]), (2, &[0, 4, 5, 6][..], &[0, 1][..]));
        assert_eq!(page.readings(Kind::Wall).count, 0);
        page.put(&Settings::default());
        assert_eq!(page.readings(Kind::Wall).count, 0, "what was read long ago does not count");
    }

    #[test]
    fn nobody_is_told_the_time_while_a_clock_that_never_goes_back_is_changed() {
        let page = ClockPage::new().unwrap();
        let number = || page.shared.words()[0].load(Ordering::Relaxed);
        let made = page.put_held(|| {
            assert_eq!(number(), CHANGING);
            assert_eq!(page.shared.words()[1].load(Ordering::Relaxed), 1);
            settings([0; 4], [1, 2, 3, 4])
        });
        assert_eq!((made[1].offset_ns, number()), (3, 1));
        let second: Vec<u64> = page.shared.words()[36..40].iter().map(|word| word.load(Ordering::Relaxed)).collect();
        assert_eq!(second, [1, 2, 3, 4]);
    }
}
