//! Which seeds: so many, or from one to another.

use std::str::FromStr;

use jiff::civil::Date;

use crate::seeds::last_seed;

/// `6`, or `31..36` with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seeds {
    Count(u64),
    Range(u64, u64),
}

/// The most seeds of a matrix: beyond it, somebody mistyped.
const MOST: u64 = 100_000;

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            part.trim()
                .parse::<u64>()
                .map_err(|_| format!("`{text}` is neither a number of seeds nor a range as `31..36`"))
        };
        let seeds = match text.split_once("..") {
            Some((from, to)) => Self::Range(number(from)?, number(to.trim_start_matches('='))?),
            None => Self::Count(number(text)?),
        };
        let count = match seeds {
            Self::Count(count) => count,
            Self::Range(from, to) if from <= to => to.abs_diff(from).saturating_add(1),
            Self::Range(from, to) => return Err(format!("`{text}` is empty: say {to}..{from}")),
        };
        match count {
            0 => Err("no seed is no run: use 1 or more".to_owned()),
            1..=MOST => Ok(seeds),
            _ => Err(format!("{count} seeds are too many: use at most {MOST}")),
        }
    }
}

/// The first of so many seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstSeed {
    Number(u64),
    Today,
}

/// A date as the number of days since 1970-01-01.
///
/// # Errors
/// Where it is none, or before that.
pub(super) fn read_day(text: &str) -> Result<u64, String> {
    let date: Date = text.parse().map_err(|_| format!("`{text}` is no date: write it as in 2026-11-21"))?;
    let days = Date::constant(1970, 1, 1).duration_until(date).as_secs().div_euclid(DAY_S);
    u64::try_from(days).map_err(|_| format!("`{text}` is before 1970"))
}

/// The date so many days after 1970-01-01.
pub(super) fn date_of(day: u64) -> String {
    let seconds = i64::try_from(day).unwrap_or(i64::MAX).saturating_mul(DAY_S);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// This day, UTC, as the number of days since 1970-01-01.
pub(super) fn this_day() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second() / DAY_S).unwrap_or_default()
}

const DAY_S: i64 = 86_400;

impl FromStr for FirstSeed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "today" => Ok(Self::Today),
            _ => text.parse().map(Self::Number).map_err(|_| format!("`{text}` is no number, and not `today`")),
        }
    }
}

impl Seeds {
    /// The seeds in order. `day` is the number of days since 1970-01-01, UTC.
    ///
    /// # Errors
    /// Where a range has its first seed already, or so many seeds would pass the greatest number.
    pub(super) fn list(self, first: Option<FirstSeed>, day: u64) -> Result<Vec<u64>, String> {
        let (from, count) = match (self, first) {
            (Self::Range(from, to), None) => (from, to - from + 1),
            (Self::Range(from, to), Some(_)) => {
                return Err(format!(
                    "seeds {from}..{to} and a first seed do not go together: leave `seed` away, or say how many"
                ));
            }
            (Self::Count(count), None) => (1, count),
            (Self::Count(count), Some(FirstSeed::Number(from))) => (from, count),
            (Self::Count(count), Some(FirstSeed::Today)) => (day.saturating_mul(count), count),
        };
        Ok((from..=last_seed(from, count)?).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_both_ends_and_nights_share_none() {
        let list = |text: &str, first: Option<FirstSeed>, day| text.parse::<Seeds>().unwrap().list(first, day).unwrap();
        assert_eq!(list("31..36", None, 0), [31, 32, 33, 34, 35, 36]);
        assert_eq!(list("7..7", None, 0), [7]);
        assert_eq!(list("3", None, 0), [1, 2, 3]);
        assert_eq!(list("3", Some(FirstSeed::Number(9)), 0), [9, 10, 11]);
        assert_eq!(list("3", Some(FirstSeed::Today), 20_778), [62_334, 62_335, 62_336]);
        assert_eq!(list("3", Some(FirstSeed::Today), 20_779)[0], 62_337);
    }

    #[test]
    fn a_day_is_its_date() {
        for (day, date) in [(0, "1970-01-01"), (20_778, "2026-11-21"), (20_779, "2026-11-22"), (11_016, "2000-02-29")] {
            assert_eq!((read_day(date), date_of(day).as_str()), (Ok(day), date));
        }
        assert_eq!(read_day(&date_of(this_day())), Ok(this_day()));
        assert!(read_day("1969-12-31").unwrap_err().contains("before"));
        assert!(read_day("yesterday").unwrap_err().contains("2026-11-21"));
    }

    #[test]
    fn what_is_no_seed_is_refused_with_the_mend() {
        for (text, says) in [("36..31", "31..36"), ("0", "1 or more"), ("a..b", "31..36"), ("1..9999999", "at most")] {
            let error = text.parse::<Seeds>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!("tomorrow".parse::<FirstSeed>().unwrap_err().contains("today"));
        let (three, greatest) = (Seeds::Count(3), FirstSeed::Number(u64::MAX));
        assert!(three.list(Some(greatest), 0).unwrap_err().contains("the greatest one"));
        assert_eq!(Seeds::Count(1).list(Some(greatest), 0), Ok(vec![u64::MAX]));
        assert!(Seeds::Range(1, 2).list(Some(FirstSeed::Today), 1).is_err());
    }
}
