//! Sums of additions up to any moment, each found in logarithmic time.

use dsjepsen_history::Index;

use super::account::Account;

/// What had been added up to each of many moments.
#[derive(Debug)]
struct Cumulative {
    /// Moments with the sum up to and including each, in order.
    steps: Vec<(Index, i128)>,
}

impl Cumulative {
    fn of(amounts: impl Iterator<Item = (Index, i128)>) -> Self {
        let mut steps: Vec<_> = amounts.collect();
        steps.sort_unstable();
        let mut sum = 0;
        for (_, amount) in &mut steps {
            sum += *amount;
            *amount = sum;
        }
        Self { steps }
    }

    fn before(&self, index: Index) -> i128 {
        let later = self.steps.partition_point(|&(at, _)| at < index);
        if later == 0 { 0 } else { self.steps[later - 1].1 }
    }
}

/// Upward and downward additions, by when they were surely, and when they were possibly made.
#[derive(Debug)]
pub(super) struct Sums {
    sure_up: Cumulative,
    sure_down: Cumulative,
    possible_up: Cumulative,
    possible_down: Cumulative,
}

impl Sums {
    /// Of all additions of a run.
    pub(super) fn of(account: &Account<'_>) -> Self {
        let amounts = |up: bool| {
            let additions = account.additions.iter();
            additions.filter(move |addition| if up { addition.delta > 0 } else { addition.delta < 0 })
        };
        let sure = |up| {
            let answered = amounts(up).filter_map(|addition| Some((addition.answer?.completed.index, addition.delta)));
            Cumulative::of(answered.map(|(at, delta)| (at, i128::from(delta))))
        };
        let possible = |up| Cumulative::of(amounts(up).map(|addition| (addition.invoked.index, addition.delta.into())));
        Self {
            sure_up: sure(true),
            sure_down: sure(false),
            possible_up: possible(true),
            possible_down: possible(false),
        }
    }

    /// The smallest and largest value that a read may show that was invoked at `from` and answered at `to`, where reads show
    /// the present.
    pub(super) fn present(&self, from: Index, to: Index) -> (i128, i128) {
        let least = self.sure_up.before(from) + self.possible_down.before(to);
        let most = self.possible_up.before(to) + self.sure_down.before(from);
        (least, most)
    }

    /// The same where a read may show any past: then every addition may be missing that had been sent.
    pub(super) fn past(&self, to: Index) -> (i128, i128) {
        (self.possible_down.before(to), self.possible_up.before(to))
    }
}
