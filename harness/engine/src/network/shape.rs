//! What the rules of a flow do to data that pass: how long each piece waits, how much may leave at once, and after how much the
//! connection breaks.
//!
//! Nothing here is random by itself: how long a piece waits is a function of its place in its connection, so that it can be asked
//! again at any moment, under whatever rules hold then.

use std::f64::consts::TAU;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::rules::{Effect, RuleId};

/// What one segment carries on Ethernet, in bytes; one that is lost takes no more with it.
const SEGMENT: usize = 1460;

/// How long the stack waits before it sends a lost segment again; twice as long each further time. (Linux: TCP_RTO_MIN.)
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// A segment that is lost so often is given up on.
const MOST_LOSSES: u32 = 8;

/// How long something takes, as it varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Always as long.
    Constant(Duration),
    /// Anything between two lengths alike.
    Uniform {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// Around a mean; never less than nothing.
    Normal {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// Mostly short, sometimes long.
    Exponential {
        /// The mean.
        mean: Duration,
    },
}

impl Distribution {
    /// The length that two independent numbers between 0 and 1 stand for.
    fn at(self, [one, other]: [f64; 2]) -> Duration {
        let seconds = match self {
            Self::Constant(by) => return by,
            Self::Uniform { from, to } => from.as_secs_f64() + one * to.saturating_sub(from).as_secs_f64(),
            // Box and Muller, 1958.
            Self::Normal { mean, deviation } => {
                let standard = (-2.0 * (1.0 - one).ln()).sqrt() * (TAU * other).cos();
                mean.as_secs_f64() + standard * deviation.as_secs_f64()
            }
            Self::Exponential { mean } => -(1.0 - one).ln() * mean.as_secs_f64(),
        };
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
    }
}

/// A piece of a stream: the seed of its connection and direction, and its number there.
pub(super) type Piece = (u64, u64);

/// Which kind of rule keeps back what could leave by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// As much has passed on the flow as its rate allows.
    Rate,
    /// The pause behind a slice is not over.
    Slice,
}

/// What the rules in force on a flow come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// The rules that make pieces wait.
    lags: Vec<(RuleId, Effect)>,
    /// Bytes a second that may pass on all connections together.
    pub(super) rate: Option<u64>,
    /// Bytes that may leave a connection at once, and the pause after them.
    pub(super) slice: Option<(usize, Duration)>,
    /// Bytes after which a connection breaks.
    pub(super) most: Option<u64>,
    /// Whether pieces are lost one by one.
    loses: bool,
}

impl Shape {
    pub(super) fn of(effects: &[(RuleId, Effect)]) -> Self {
        let mut shape = Self::default();
        for &(rule, effect) in effects {
            match effect {
                Effect::Blackhole | Effect::Reset | Effect::HalfClose { .. } => {}
                Effect::Delay { .. } => shape.lags.push((rule, effect)),
                Effect::Loss { .. } => {
                    shape.loses = true;
                    shape.lags.push((rule, effect));
                }
                Effect::Rate { bytes_per_second } => {
                    let rate = bytes_per_second.max(1);
                    shape.rate = Some(shape.rate.map_or(rate, |other| other.min(rate)));
                }
                Effect::Slice { bytes, gap } => {
                    let (least, longest) = shape.slice.unwrap_or((bytes, gap));
                    shape.slice = Some((least.min(bytes).max(1), longest.max(gap)));
                }
                Effect::ResetAfter { bytes } => {
                    shape.most = Some(shape.most.map_or(bytes, |other| other.min(bytes)));
                }
            }
        }
        shape
    }

    /// Whether it is a rule of this effect that limits: of several rates the least does, of several slices those that are the
    /// smallest and those with the longest pause.
    pub(super) fn is_limited_by(&self, limit: Limit, effect: Effect) -> bool {
        match (limit, effect) {
            (Limit::Rate, Effect::Rate { bytes_per_second }) => self.rate == Some(bytes_per_second.max(1)),
            (Limit::Slice, Effect::Slice { bytes, gap }) => {
                self.slice.is_some_and(|(least, longest)| bytes.max(1) == least || gap == longest)
            }
            _ => false,
        }
    }

    /// Whether pieces may have to wait.
    pub(super) fn is_late(&self) -> bool {
        !self.lags.is_empty()
    }

    /// Whether whatever comes may leave at once.
    pub(super) fn is_free(&self) -> bool {
        !self.is_late() && self.rate.is_none() && self.slice.is_none() && self.most.is_none()
    }

    /// The most bytes that make one piece.
    pub(super) fn piece(&self) -> usize {
        if self.loses { SEGMENT } else { usize::MAX }
    }

    /// How long a piece waits.
    pub(super) fn lag(&self, piece: Piece) -> Duration {
        self.lags_of(piece).map(|(_, lag)| lag).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// The rules for which a piece waits, and how long for each.
    pub(super) fn lags_of(&self, piece: Piece) -> impl Iterator<Item = (RuleId, Duration)> {
        let lag = move |(place, &(rule, effect)): (usize, &(RuleId, Effect))| {
            let numbers = [0, 1].map(|which| number(piece, place, which));
            let lag = match effect {
                Effect::Delay { by } => by.at(numbers),
                Effect::Loss { per_million } => stall(f64::from(per_million) / 1e6, numbers[0]),
                _ => Duration::ZERO,
            };
            (rule, lag)
        };
        self.lags.iter().enumerate().map(lag).filter(|(_, lag)| !lag.is_zero())
    }
}

/// How long a segment is late that is lost with this probability each time it is sent, for a number between 0 and 1.
fn stall(probability: f64, number: f64) -> Duration {
    let mut losses = 0;
    let mut left = probability;
    while number < left && losses < MOST_LOSSES {
        losses += 1;
        left *= probability;
    }
    RETRANSMISSION * (2_u32.pow(losses) - 1)
}

/// A number from 0 on and below 1 that belongs to a piece, a rule, and one of its dice.
fn number(piece: Piece, place: usize, which: u8) -> f64 {
    let mut hasher = DefaultHasher::new();
    (piece, place, which).hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: u64 = 20_000;

    /// Mean and standard deviation of a delay, in seconds.
    fn moments(effect: Effect) -> (f64, f64) {
        let shape = Shape::of(&[(RuleId::for_tests(1), effect)]);
        let lags: Vec<f64> = (0..PIECES).map(|number| shape.lag((7, number)).as_secs_f64()).collect();
        let mean = lags.iter().sum::<f64>() / PIECES as f64;
        let variance = lags.iter().map(|lag| (lag - mean).powi(2)).sum::<f64>() / PIECES as f64;
        (mean, variance.sqrt())
    }

    fn is_near(one: f64, other: f64) -> bool {
        (one - other).abs() <= 0.05 * other
    }

    #[test]
    fn delays_have_the_moments_that_are_asked_for() {
        let ms = Duration::from_millis;
        let delay = |by| moments(Effect::Delay { by });
        assert!(is_near(delay(Distribution::Constant(ms(30))).0, 0.03));
        let (mean, deviation) = delay(Distribution::Uniform { from: ms(20), to: ms(80) });
        assert!(is_near(mean, 0.05) && is_near(deviation, 0.06 / 12_f64.sqrt()), "{mean} {deviation}");
        let (mean, deviation) = delay(Distribution::Normal { mean: ms(100), deviation: ms(10) });
        assert!(is_near(mean, 0.1) && is_near(deviation, 0.01), "{mean} {deviation}");
        let (mean, deviation) = delay(Distribution::Exponential { mean: ms(40) });
        assert!(is_near(mean, 0.04) && is_near(deviation, 0.04), "{mean} {deviation}");
    }

    #[test]
    fn segments_are_lost_as_often_as_is_asked_for() {
        let shape = Shape::of(&[(RuleId::for_tests(1), Effect::Loss { per_million: 100_000 })]);
        let late: Vec<Duration> =
            (0..PIECES).map(|number| shape.lag((3, number))).filter(|lag| !lag.is_zero()).collect();
        assert!(is_near(late.len() as f64, 0.1 * PIECES as f64), "{}", late.len());
        let twice = late.iter().filter(|lag| **lag > RETRANSMISSION).count();
        assert!((150..250).contains(&twice), "{twice} of {} were lost again", late.len());
        assert!(late.iter().all(|lag| *lag >= RETRANSMISSION));
    }

    #[test]
    fn rules_of_a_kind_compose() {
        let rules = [Effect::Rate { bytes_per_second: 5_000 }, Effect::Rate { bytes_per_second: 2_000 }]
            .into_iter()
            .chain([1, 2].map(|ms| Effect::Delay { by: Distribution::Constant(Duration::from_millis(ms)) }))
            .map(|effect| (RuleId::for_tests(1), effect));
        let shape = Shape::of(&rules.collect::<Vec<_>>());
        assert_eq!(shape.rate, Some(2_000));
        assert_eq!(shape.lag((1, 1)), Duration::from_millis(3));
        assert!(shape.is_late() && !shape.is_free() && Shape::of(&[]).is_free());
    }

    #[test]
    fn of_several_rules_of_a_kind_those_limit_that_set_what_holds() {
        let rate = |bytes_per_second| Effect::Rate { bytes_per_second };
        let slice = |bytes, ms| Effect::Slice { bytes, gap: Duration::from_millis(ms) };
        let limit = |rules: &[Effect], limit, effect| {
            let rules: Vec<_> = rules.iter().map(|effect| (RuleId::for_tests(1), *effect)).collect();
            Shape::of(&rules).is_limited_by(limit, effect)
        };
        let rates = [rate(5_000), rate(2_000)];
        assert!(limit(&rates, Limit::Rate, rates[1]) && !limit(&rates, Limit::Rate, rates[0]));
        assert!(!limit(&rates, Limit::Slice, rates[1]));
        let slices = [slice(16, 1), slice(100, 5), slice(100, 1)];
        let limiting = slices.map(|effect| limit(&slices, Limit::Slice, effect));
        assert_eq!(limiting, [true, true, false]);
        assert!(!limit(&slices, Limit::Rate, slices[0]));
    }
}
