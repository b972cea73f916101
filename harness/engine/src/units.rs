//! Lengths of time and amounts of data as people write them.

use std::time::Duration;

/// Units of time with their ns, the longest first, so that `ms` is not read as `s`.
pub(crate) const UNITS: [(&str, i64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a length of time in ns, with or without a sign: `50ms`, `-1.5s`.
pub(crate) fn read_ns(word: &str) -> Option<i64> {
    let (number, unit) = UNITS.iter().find_map(|(unit, ns)| Some((word.strip_suffix(unit)?, *ns)))?;
    rounded(number.parse::<f64>().ok()? * unit as f64)
}

/// Reads a length of time that is not negative: `50ms`.
pub(crate) fn read_duration(word: &str) -> Option<Duration> {
    read_ns(word).and_then(|ns| u64::try_from(ns).ok()).map(Duration::from_nanos)
}

/// Reads an amount of data in bytes, the units being powers of ten: `64kB`, `1.5MB`, `800kbit`.
pub(crate) fn read_bytes(word: &str) -> Option<u64> {
    const FACTORS: [(&str, f64); 6] =
        [("kbit", 125.0), ("Mbit", 125e3), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1.0)];
    let (number, factor) = FACTORS.iter().find_map(|(unit, factor)| Some((word.strip_suffix(unit)?, *factor)))?;
    rounded(number.parse::<f64>().ok()? * factor).and_then(|bytes| u64::try_from(bytes).ok())
}

/// The nearest whole number, if it is one that can be told.
pub(crate) fn rounded(number: f64) -> Option<i64> {
    (number.abs() < i64::MAX as f64).then(|| number.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_amounts_are_read_with_their_units() {
        assert_eq!(read_ns("-1.5s"), Some(-1_500_000_000));
        assert_eq!(read_duration("50ms"), Some(Duration::from_millis(50)));
        assert_eq!(read_bytes("64kB"), Some(64_000));
        assert_eq!(read_bytes("8kbit"), Some(1_000));
        assert_eq!(read_bytes("12B"), Some(12));
        for bad in ["", "ms", "5", "-5ms", "nans", "infms", "5 ms"] {
            assert_eq!(read_duration(bad), None, "{bad}");
        }
        for bad in ["B", "12", "-1kB", "infMB"] {
            assert_eq!(read_bytes(bad), None, "{bad}");
        }
    }
}
