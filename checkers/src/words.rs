//! Figures in words: times, durations and counts as every explanation writes them.

use dsjepsen_history::Nanos;
pub(crate) use dsjepsen_history::thousands as count;

const NANOS_PER_MILLI: Nanos = 1_000_000;

/// A point in time, in seconds with three digits: `10.640 s`.
pub(crate) fn moment(at: Nanos) -> String {
    let ms = rounded_ms(at);
    format!("{}.{:03} s", count(ms / 1000), ms % 1000)
}

/// The time from one point to another: `642 ms`, and from 1 s on `1.864 s`.
///
/// It is the difference of the two points as [`moment`] writes them, so that a reader who subtracts gets the same figure.
pub(crate) fn between(from: Nanos, to: Nanos) -> String {
    if to.saturating_sub(from) < NANOS_PER_MILLI {
        return "less than 1 ms".to_owned();
    }
    let ms = rounded_ms(to) - rounded_ms(from);
    if ms >= 1_000 { moment(ms * NANOS_PER_MILLI) } else { format!("{} ms", count(ms)) }
}

/// A length of time in the same form.
pub(crate) fn duration(length: Nanos) -> String {
    if length == 0 { "0 ms".to_owned() } else { between(0, length) }
}

/// A count with its noun, whose plural takes an `s`: `1 hold`, `4,197 holds`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

fn rounded_ms(time: Nanos) -> u64 {
    time / NANOS_PER_MILLI + u64::from(time % NANOS_PER_MILLI >= NANOS_PER_MILLI / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_reports_write_them() {
        assert_eq!(moment(10_640_000_000), "10.640 s");
        assert_eq!(moment(1_234_567_499_999), "1,234.567 s");
        assert_eq!(between(14_668_000_000, 15_310_000_000), "642 ms");
        assert_eq!(between(0, 1_864_000_000), "1.864 s");
        assert_eq!(between(1_000_000_000, 13_300_000_000), "12.300 s");
        assert_eq!(between(5, 5), "less than 1 ms");
        assert_eq!(duration(0), "0 ms");
        assert_eq!(count(4_197_000), "4,197,000");
        assert_eq!(counted(1, "hold"), "1 hold");
        assert_eq!(counted(0, "hold"), "0 holds");
    }

    #[test]
    fn a_duration_agrees_with_the_written_moments() {
        let (from, to) = (1_000_400_000, 2_000_600_000);
        assert_eq!((moment(from).as_str(), moment(to).as_str()), ("1.000 s", "2.001 s"));
        assert_eq!(between(from, to), "1.001 s");
    }
}
