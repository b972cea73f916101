//! What is wrong with a clock, as plain data, and what several of them make together.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{UNITS, read_decimal, read_signed, read_time, with_sign};

/// A year, in ns.
const YEAR_NS: i64 = 365 * 24 * 3_600 * 1_000_000_000;
/// No skew may lead out of the years that every program can count in (1970 to 2262).
const MOST_NS: i64 = 10 * YEAR_NS;
/// What shows less is taken for the machine's own clock, read to the microsecond; also by the report.
pub(super) const LEAST_SEEN_NS: i64 = 10_000;
/// The least that a clock may be off: twice what is seen, so that no reading of it can be mistaken.
const LEAST_NS: i64 = 2 * LEAST_SEEN_NS;
/// A drift this far below the true rate would let time stand still.
const LEAST_PPM: i64 = -900_000;
/// Ten times too fast.
const MOST_PPM: i64 = 9_000_000;
/// CLOCK_MONOTONIC may run half as fast, or half as fast again. Beyond that, nothing could be said of a lease any more.
const MOST_MONOTONIC_PPM: i64 = 500_000;
const LEAST_STROBE: Duration = Duration::from_millis(1);
const MOST_STROBE: Duration = Duration::from_secs(10);

/// A hundredth, in millionths.
const PPM_OF_PERCENT: i64 = 10_000;

/// What is done to a node's clock: the wall clock, but for one that names CLOCK_MONOTONIC. While nothing else is done to it, an offset and a bump look alike; they differ in
/// what becomes of a skew that the clock has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "skew", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Skew {
    /// It shows the true time and this many ns more (less, if negative), whatever it showed before.
    Offset {
        /// In ns.
        by_ns: i64,
    },
    /// It jumps once by this many ns from what it shows, and goes on from there as it went.
    Bump {
        /// In ns.
        by_ns: i64,
    },
    /// It jumps by this many ns, and back, and again.
    Strobe {
        /// In ns.
        by_ns: i64,
        /// The time between two jumps, in ns.
        every_ns: i64,
    },
    /// It runs too fast (too slow, if negative) by this many microseconds a second.
    Drift {
        /// In parts per million.
        ppm: i64,
    },
    /// CLOCK_MONOTONIC runs too fast (too slow, if negative), and with it CLOCK_MONOTONIC_RAW and CLOCK_BOOTTIME; the wall clock does
    /// not. Once it is over, the clock goes at its right rate from where it has come to: it never goes back.
    MonotonicDrift {
        /// In parts per million.
        ppm: i64,
    },
}

impl Skew {
    /// The forms in which [`FromStr`] reads a skew, for help texts.
    pub const FORMS: &'static str =
        "`+60s` (an offset), `bump -7s`, `strobe +2s 50ms`, `drift +10%` or `monotonic drift +10%`";

    /// Whether it can be done.
    ///
    /// # Errors
    /// A sentence about what is out of range.
    pub fn check(&self) -> Result<(), String> {
        match *self {
            Self::Offset { by_ns } | Self::Bump { by_ns } | Self::Strobe { by_ns, .. }
                if !(LEAST_NS.unsigned_abs()..=MOST_NS.unsigned_abs()).contains(&by_ns.unsigned_abs()) =>
            {
                Err(format!("a clock may be off by {} µs to ten years: less could not be seen", LEAST_NS / 1_000))
            }
            Self::Strobe { every_ns, .. }
                if !(LEAST_STROBE.as_nanos()..=MOST_STROBE.as_nanos())
                    .contains(&u128::try_from(every_ns).unwrap_or(0)) =>
            {
                Err("a clock strobes every 1 ms to 10 s".to_owned())
            }
            Self::Drift { ppm } if ppm == 0 || !(LEAST_PPM..=MOST_PPM).contains(&ppm) => {
                Err("a clock may drift by -90 % to +900 %, and by more than nothing".to_owned())
            }
            Self::MonotonicDrift { ppm } if ppm == 0 || !(-MOST_MONOTONIC_PPM..=MOST_MONOTONIC_PPM).contains(&ppm) => {
                Err("CLOCK_MONOTONIC may drift by -50 % to +50 %, and by more than nothing".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// By how much CLOCK_MONOTONIC runs too fast, in parts per million; `None` where it goes at its right rate.
    pub(crate) fn monotonic_ppm(&self) -> Option<i64> {
        if let Self::MonotonicDrift { ppm } = self { Some(*ppm) } else { None }
    }

    /// The time between two jumps of a strobe.
    pub(crate) fn strobes_every(&self) -> Option<Duration> {
        match self {
            Self::Strobe { every_ns, .. } => Some(Duration::from_nanos(u64::try_from(*every_ns).unwrap_or(u64::MAX))),
            _ => None,
        }
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset { by_ns } => write!(out, "{}", Signed(*by_ns)),
            Self::Bump { by_ns } => write!(out, "bump {}", Signed(*by_ns)),
            Self::Strobe { by_ns, every_ns } => write!(out, "strobe {} {}", Signed(*by_ns), Plain(*every_ns)),
            Self::Drift { ppm } => write!(out, "drift {}", Rate(*ppm)),
            Self::MonotonicDrift { ppm } => write!(out, "monotonic drift {}", Rate(*ppm)),
        }
    }
}

impl FromStr for Skew {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let unreadable = || format!("`{text}` is no skew of a clock: use {}", Self::FORMS);
        let signed = |word: &str| read_signed(word).ok_or_else(unreadable);
        let unsigned = |word: &str| read_time(word).ok().and_then(|ns| i64::try_from(ns).ok()).ok_or_else(unreadable);
        let skew = match words[..] {
            [by] => Self::Offset { by_ns: signed(by)? },
            ["offset", by] => Self::Offset { by_ns: signed(by)? },
            ["bump", by] => Self::Bump { by_ns: signed(by)? },
            ["strobe", by, every] => Self::Strobe { by_ns: signed(by)?, every_ns: unsigned(every)? },
            ["drift", rate] => Self::Drift { ppm: read_ppm(rate).ok_or_else(unreadable)? },
            ["monotonic", "drift", rate] => Self::MonotonicDrift { ppm: read_ppm(rate).ok_or_else(unreadable)? },
            ["monotonic", "drift"] => return Err(unreadable()),
            ["monotonic", ..] => {
                return Err(format!(
                    "`{text}`: CLOCK_MONOTONIC jumps on no real machine, and waits until a time on it would hang if it did; only \
                     its rate can be wrong, as in `monotonic drift +10%`"
                ));
            }
            _ => return Err(unreadable()),
        };
        skew.check()?;
        Ok(skew)
    }
}

fn read_ppm(word: &str) -> Option<i64> {
    let (number, parts) = word
        .strip_suffix('%')
        .map(|number| (number, PPM_OF_PERCENT))
        .or_else(|| Some((word.strip_suffix("ppm")?, 1)))?;
    let read = |size: &str| read_decimal(size, parts.unsigned_abs()).and_then(|ppm| i64::try_from(ppm).ok());
    with_sign(number, read).or_else(|| read(number))
}

/// A rate with its sign, in percent where those are whole.
struct Rate(i64);

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ppm if ppm % PPM_OF_PERCENT == 0 => write!(out, "{:+}%", ppm / PPM_OF_PERCENT),
            ppm => write!(out, "{ppm:+}ppm"),
        }
    }
}

/// A time with its sign, in the largest unit in which it is a whole number.
struct Signed(i64);

impl fmt::Display for Signed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 0 {
            out.write_str("+")?;
        }
        Plain(self.0).fmt(out)
    }
}

struct Plain(i64);

impl fmt::Display for Plain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Minutes and hours are for people to write; a plan is read beside plots in seconds.
        let whole = UNITS[..4].iter().rev().find(|(_, ns)| self.0 % ns == 0);
        let (unit, ns) = whole.copied().unwrap_or(UNITS[0]);
        write!(out, "{}{unit}", self.0 / ns)
    }
}

/// What a clock adds to the true time: `offset_ns` at `base_ns`, and then ever more by `rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Setting {
    /// No earlier true time is known to the clock. One that never goes back has it from the moment at which it was set: whoever asked
    /// the kernel before, or is told a coarser time, is told that moment's.
    pub(super) floor_ns: i64,
    /// A true time, in ns of the clock.
    pub(super) base_ns: i64,
    /// In ns.
    pub(super) offset_ns: i64,
    /// In units of 2^-32.
    pub(super) rate: i64,
}

impl Setting {
    /// What is added to this true time; to the ns what the patched process adds.
    pub(super) fn added_at(&self, true_ns: i64) -> i64 {
        let from_ns = true_ns.max(self.floor_ns);
        let grown = grown(from_ns.wrapping_sub(self.base_ns), self.rate);
        from_ns.wrapping_sub(true_ns).wrapping_add(self.offset_ns).wrapping_add(grown)
    }

    /// What a clock that never goes back adds once its rate is another: no more than before at this very moment.
    pub(super) fn turned(&self, rate: i64, now_ns: i64) -> Self {
        Self { floor_ns: now_ns, base_ns: now_ns, offset_ns: self.added_at(now_ns), rate }
    }

    /// What these skews, in the order in which they began, make of the wall clock together from `now_ns` on.
    pub(super) fn of(skews: impl Iterator<Item = Begun>, now_ns: i64) -> Self {
        let start = Self { base_ns: now_ns, ..Self::default() };
        skews.fold(start, |before, begun| match begun.skew {
            Skew::Offset { by_ns } => Self { offset_ns: by_ns, ..start },
            Skew::Bump { by_ns } => Self { offset_ns: before.offset_ns.wrapping_add(by_ns), ..before },
            Skew::Strobe { by_ns, .. } if begun.away => {
                Self { offset_ns: before.offset_ns.wrapping_add(by_ns), ..before }
            }
            Skew::Strobe { .. } | Skew::MonotonicDrift { .. } => before,
            Skew::Drift { ppm } => {
                let rate = rate_of(ppm);
                let offset_ns = before.offset_ns.wrapping_add(grown(now_ns.wrapping_sub(begun.at_ns), rate));
                Self { offset_ns, rate: before.rate + rate, ..before }
            }
        })
    }
}

/// A skew that began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) skew: Skew,
    /// When, in true ns since 1970.
    pub(super) at_ns: i64,
    /// Whether a strobing clock is away from where it was.
    pub(super) away: bool,
}

/// A rate in units of 2^-32.
pub(super) fn rate_of(ppm: i64) -> i64 {
    ((i128::from(ppm) << 32) / 1_000_000) as i64
}

/// What a rate makes of a time; rounded down, as a shift of bits does.
pub(super) fn grown(ns: i64, rate: i64) -> i64 {
    ((i128::from(ns) * i128::from(rate)) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn skews_are_read_and_written_in_the_same_words() {
        for (text, skew) in [
            ("+60s", Skew::Offset { by_ns: 60 * S }),
            ("-7s", Skew::Offset { by_ns: -7 * S }),
            ("bump -250ms", Skew::Bump { by_ns: -S / 4 }),
            ("strobe +2s 50ms", Skew::Strobe { by_ns: 2 * S, every_ns: S / 20 }),
            ("drift -500ppm", Skew::Drift { ppm: -500 }),
            ("drift -20%", Skew::Drift { ppm: -200_000 }),
            ("monotonic drift +10%", Skew::MonotonicDrift { ppm: 100_000 }),
            ("monotonic drift -150ppm", Skew::MonotonicDrift { ppm: -150 }),
        ] {
            assert_eq!(text.parse::<Skew>().as_ref(), Ok(&skew));
            assert_eq!(skew.to_string(), text);
        }
        assert_eq!("drift 10%".parse(), Ok(Skew::Drift { ppm: 100_000 }));
        assert_eq!("drift +10%".parse(), Ok(Skew::Drift { ppm: 100_000 }));
        assert_eq!("offset +1.5m".parse(), Ok(Skew::Offset { by_ns: 90 * S }));
    }

    #[test]
    fn what_is_no_skew_is_refused() {
        for bad in
            ["", "60s", "+60", "+s", "bump", "strobe +2s", "strobe +2s 0ms", "strobe +2s 1h", "drift 0%", "+0s", "-5us"]
        {
            assert!(bad.parse::<Skew>().is_err(), "{bad:?}");
        }
        for bad in ["+99999999h", "drift -95%", "drift +901%", "+NaNs", "+infs", "bump +1e30s"] {
            assert!(bad.parse::<Skew>().is_err(), "{bad:?}");
        }
        for bad in ["monotonic drift 0%", "monotonic drift -51%", "monotonic drift +51%", "monotonic drift"] {
            assert!(bad.parse::<Skew>().is_err(), "{bad:?}");
        }
        for jump in ["monotonic +60s", "monotonic bump -7s", "monotonic strobe +2s 50ms", "monotonic offset +1s"] {
            let refused = jump.parse::<Skew>().unwrap_err();
            assert!(
                refused.contains("jumps on no real machine") && refused.contains("monotonic drift +10%"),
                "{refused}"
            );
        }
    }

    fn begun(skew: &str, at_ns: i64) -> Begun {
        Begun { skew: skew.parse().unwrap(), at_ns, away: true }
    }

    #[test]
    fn an_offset_forgets_what_was_before_and_a_bump_does_not() {
        let added = |skews: &[Begun], now: i64| Setting::of(skews.iter().copied(), now).added_at(now);
        let drift = begun("drift +10%", 0);
        assert!((added(&[drift], 10 * S) - S).abs() < 10, "a tenth of the time since it began");
        assert_eq!(added(&[drift, begun("-7s", 0)], 10 * S), -7 * S);
        assert!((added(&[drift, begun("bump -7s", 0)], 10 * S) + 6 * S).abs() < 10);
        let strobe = begun("strobe +2s 50ms", 0);
        assert_eq!(added(&[begun("+1s", 0), strobe], S), 3 * S);
        assert_eq!(added(&[begun("+1s", 0), Begun { away: false, ..strobe }], S), S);
        assert_eq!(added(&[], S), 0);
    }

    #[test]
    fn a_drift_goes_on_when_the_setting_is_made_anew() {
        let skews = [begun("drift -25%", 0)];
        let early = Setting::of(skews.iter().copied(), S).added_at(100 * S);
        let late = Setting::of(skews.iter().copied(), 99 * S).added_at(100 * S);
        assert!((early - late).abs() <= 2 && (late + 25 * S).abs() < 10, "{early} {late}");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Whatever its rates are and whenever they change, a clock that never goes back does not, also where it is told by
        /// whoever asked the kernel a while ago, or asks for the coarse time.
        #[test]
        fn a_clock_that_never_goes_back_does_not(
            rates in proptest::collection::vec((-500_000_i64..500_000, 0..10 * S), 1..8),
            late in 0..S,
        ) {
            let (mut setting, mut now, mut shown) = (Setting::default(), 1_000 * S, i64::MIN);
            for (ppm, lasts) in rates {
                let before = now + setting.added_at(now);
                setting = setting.turned(rate_of(ppm), now);
                assert_eq!(now + setting.added_at(now), before, "no jump at a change");
                for at in [now - late, now - 1, now, now + 1, now + lasts / 2, now + lasts] {
                    let shows = at + setting.added_at(at);
                    assert!(shows >= shown, "{shows} after {shown}");
                    shown = shows;
                }
                now += lasts;
            }
        }
    }
}
