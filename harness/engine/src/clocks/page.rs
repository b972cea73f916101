//! The page that the controller shares with the processes of one node: settings, which they may only read, and behind them
//! their own readings. A process that goes mad can spoil no more than what is said of its own clock.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use super::raw::SharedWords;
use super::skew::Setting;

/// What a page of memory is on every machine that this runs on.
pub(super) const PAGE_BYTES: usize = 4096;
const PAGE_WORDS: usize = PAGE_BYTES / size_of::<u64>();
const BYTES: NonZeroUsize = NonZeroUsize::new(2 * PAGE_BYTES).expect("more than none");

/// The page (two, to be exact: one for each direction).
#[derive(Debug)]
pub(super) struct ClockPage {
    shared: SharedWords,
}

/// What the processes of a node say of their readings since the last setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Readings {
    /// How many there were, at least.
    pub(super) count: u64,
    /// The true time of the last one, in ns since 1970.
    pub(super) true_ns: i64,
    /// What was added to it, in ns.
    pub(super) added_ns: i64,
}

impl ClockPage {
    /// A page that adds nothing.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { shared: SharedWords::new(BYTES)? })
    }

    /// Puts a setting in force, and begins to count readings anew. To be called by one thread at a time.
    ///
    /// Every store is a release, so that nobody sees the number of a setting before the setting.
    pub(super) fn put(&self, setting: Setting) {
        let next = self.number().wrapping_add(1);
        let (slot, readings) = (self.setting(next), self.readings_of(next));
        for (word, value) in slot.iter().zip([setting.base_ns, setting.offset_ns, setting.rate]) {
            word.store(value.cast_unsigned(), Ordering::Release);
        }
        for word in readings {
            word.store(0, Ordering::Release);
        }
        self.shared.words()[0].store(next, Ordering::Release);
    }

    /// The readings since the last setting.
    pub(super) fn readings(&self) -> Readings {
        let [count, true_time, added] =
            [0, 1, 2].map(|place| self.readings_of(self.number())[place].load(Ordering::Acquire));
        Readings { count, true_ns: true_time.cast_signed(), added_ns: added.cast_signed() }
    }

    /// What others map of it.
    pub(super) fn shared(&self) -> &SharedWords {
        &self.shared
    }

    /// Notes a reading as a process of the node does.
    #[cfg(test)]
    pub(super) fn note(&self, true_ns: i64, added_ns: i64) {
        let readings = self.readings_of(self.number());
        readings[1].store(true_ns.cast_unsigned(), Ordering::Release);
        readings[2].store(added_ns.cast_unsigned(), Ordering::Release);
        readings[0].fetch_add(1, Ordering::AcqRel);
    }

    fn number(&self) -> u64 {
        self.shared.words()[0].load(Ordering::Acquire)
    }

    fn setting(&self, number: u64) -> &[AtomicU64] {
        let begin = if number & 1 == 0 { 4 } else { 8 };
        &self.shared.words()[begin..begin + 3]
    }

    fn readings_of(&self, number: u64) -> &[AtomicU64] {
        let begin = PAGE_WORDS + if number & 1 == 0 { 0 } else { 8 };
        &self.shared.words()[begin..begin + 3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_takes_the_other_place_and_starts_without_readings() {
        let page = ClockPage::new().unwrap();
        let words = || page.shared.words().iter().map(|word| word.load(Ordering::Relaxed)).collect::<Vec<_>>();
        page.put(Setting { base_ns: 1, offset_ns: -2, rate: 3 });
        assert_eq!((words()[0], &words()[8..11]), (1, &[1, u64::MAX - 1, 3][..]));
        for (word, value) in page.readings_of(1).iter().zip([5, 6, 7]) {
            word.store(value, Ordering::Relaxed);
        }
        assert_eq!(page.readings(), Readings { count: 5, true_ns: 6, added_ns: 7 });
        page.put(Setting { base_ns: 4, offset_ns: 5, rate: 6 });
        assert_eq!((words()[0], &words()[4..7], &words()[8..9]), (2, &[4, 5, 6][..], &[1][..]));
        assert_eq!(page.readings().count, 0);
        page.put(Setting::default());
        assert_eq!(page.readings().count, 0, "what was read long ago does not count");
    }
}
