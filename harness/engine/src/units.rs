//! Lengths of time and amounts of data as people write them: a number, perhaps with a fraction, and its unit, without a space.
//! They are read exactly; what is below the smallest unit (a nanosecond, a byte) is dropped.

use std::time::Duration;

/// Units of time with their ns.
pub(crate) const UNITS: [(&str, i64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a length of time in ns: `50ms`, `1.5s`. One that is longer than can be told is as long as can be told.
///
/// # Errors
/// What is wrong with it, as the end of a sentence: "takes …", "needs …".
pub fn read_time(word: &str) -> Result<u64, String> {
    const FORM: &str = "a number with its unit, without a space between: `500ms`, `3s`, `1.5m` (or `min`)";
    if word.is_empty() {
        return Err(format!("needs a time behind it, {FORM}"));
    }
    let (number, unit) = parted(word);
    if read_decimal(number, 1).is_none() {
        return Err(format!("takes {FORM}, not `{word}`"));
    }
    let Some((_, unit_ns)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(match unit {
            "" => format!("takes a time with its unit: `{word}s`, `{word}ms` or `{word}m`"),
            _ => format!("takes a time in `ns`, `us`, `ms`, `s`, `m` (or `min`) or `h`, not in `{unit}`"),
        });
    };
    let ns = read_decimal(number, unit_ns.unsigned_abs()).unwrap_or_default();
    Ok(u64::try_from(ns).unwrap_or(u64::MAX))
}

/// Reads a length of time: `50ms`.
pub(crate) fn read_duration(word: &str) -> Option<Duration> {
    read_time(word).ok().filter(|ns| *ns < u64::MAX).map(Duration::from_nanos)
}

/// Reads a length of time with its sign, in ns: `+60s`, `-1.5s`.
pub(crate) fn read_signed(word: &str) -> Option<i64> {
    with_sign(word, |size| read_time(size).ok().and_then(|ns| i64::try_from(ns).ok()))
}

/// Reads what has a sign before it, which is not left away.
pub(crate) fn with_sign(word: &str, read: impl Fn(&str) -> Option<i64>) -> Option<i64> {
    match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(size), _) => read(size),
        (None, Some(size)) => read(size).map(|size| -size),
        (None, None) => None,
    }
}

/// Reads an amount of data in bytes, the units being powers of ten: `64kB`, `1.5MB`, `800kbit`.
pub(crate) fn read_bytes(word: &str) -> Option<u64> {
    const FACTORS: [(&str, u64); 6] =
        [("kbit", 125), ("Mbit", 125_000), ("B", 1), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
    let (number, unit) = parted(word);
    let (_, factor) = FACTORS.iter().find(|(name, _)| *name == unit)?;
    read_decimal(number, *factor).and_then(|bytes| u64::try_from(bytes).ok())
}

/// A number and the unit behind it.
fn parted(word: &str) -> (&str, &str) {
    word.split_at(word.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(word.len()))
}

/// Reads so many of a unit, `12` or `0.5`, as whole parts of which the unit has `parts`; what is less than a part is dropped.
pub(crate) fn read_decimal(number: &str, parts: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // Fifteen digits are below a part of every unit, and nothing overflows.
    let fraction = &fraction[..fraction.len().min(15)];
    let scale = 10_u128.pow(fraction.len() as u32);
    let (whole, fraction): (u128, u128) = (whole.parse().unwrap_or(u128::MAX), fraction.parse().ok()?);
    let parts = u128::from(parts);
    Some(whole.saturating_mul(parts).saturating_add(fraction * parts / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_amounts_are_read_with_their_units() {
        assert_eq!((read_signed("-1.5s"), read_signed("+2h")), (Some(-1_500_000_000), Some(7_200_000_000_000)));
        assert_eq!(read_duration("50ms"), Some(Duration::from_millis(50)));
        assert_eq!(read_bytes("64kB"), Some(64_000));
        assert_eq!(read_bytes("8kbit"), Some(1_000));
        assert_eq!(read_bytes("12B"), Some(12));
        for bad in ["", "ms", "5", "-5ms", "+5ms", "nans", "infms", "5 ms", "1e3ms", "5.ms", "99999999999999h"] {
            assert_eq!(read_duration(bad), None, "{bad}");
        }
        for bad in ["", "5s", "+", "+-5s", "99999999999999h", "+99999999999999h"] {
            assert_eq!(read_signed(bad), None, "{bad}");
        }
        for bad in ["B", "12", "-1kB", "infMB", "1e3kB", "99999999999999999999B"] {
            assert_eq!(read_bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_exact() {
        for (word, ns) in [
            ("1s", 1_000_000_000),
            ("0.1s", 100_000_000),
            ("3.000000001s", 3_000_000_001),
            ("2min", 120_000_000_000),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("9007199254.740993001s", 9_007_199_254_740_993_001),
        ] {
            assert_eq!(read_time(word), Ok(ns), "{word}");
        }
        assert_eq!(read_time("0.00000000000000000000001s"), Ok(0));
        assert_eq!(read_time(&format!("{}s", "9".repeat(60))), Ok(u64::MAX));
        assert_eq!(read_bytes("4.611686018427387905GB"), Some(4_611_686_018));
    }

    #[test]
    fn what_is_no_time_is_told_with_what_is() {
        for (word, says) in [
            ("", "needs a time"),
            ("3", "`3s`"),
            ("3x", "not in `x`"),
            ("-3s", "number with its unit"),
            (".5s", "`500ms`"),
        ] {
            let error = read_time(word).unwrap_err();
            assert!(error.contains(says), "{word}: {error}");
        }
    }
}
