//! Reads and additions that contradict each other, by plain sums.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome};

/// Among so many additions around a read those are left out one by one that are not needed.
const MOST_TRIED: usize = 300;

/// An addition, or a read that was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dated<'a> {
    pub(super) operation: &'a ForeignOperation,
    /// What was added, or what was shown.
    pub(super) amount: i128,
    /// When it surely had happened.
    ended: Option<u32>,
}

impl Dated<'_> {
    fn began(&self) -> u32 {
        self.operation.invoked
    }

    /// Whether it had ended when another began.
    pub(super) fn ended_before(&self, other: &Self) -> bool {
        self.ended.is_some_and(|ended| ended < other.began())
    }
}

/// What was added to a counter, and what reads of it showed. What failed is left out.
#[derive(Debug)]
pub(super) struct Account<'a> {
    /// The value at first.
    pub(super) first: i128,
    pub(super) adds: Vec<Dated<'a>>,
    pub(super) reads: Vec<Dated<'a>>,
}

/// A read that shows less than it must, or more than it may.
#[derive(Debug)]
pub(super) struct Witness<'w, 'a> {
    /// The read from whose value is reckoned; else it is the first value.
    pub(super) from: Option<&'w Dated<'a>>,
    pub(super) to: &'w Dated<'a>,
    /// Whether it shows too little: whether what is reckoned is the least that it must show.
    pub(super) is_floor: bool,
    /// Additions that surely count, as many as are needed. They lead away from what was shown.
    pub(super) surely: Vec<Dated<'a>>,
    /// All additions that may count and lead towards what was shown.
    pub(super) possibly: Vec<Dated<'a>>,
    /// The first value, where there is no first read.
    first: i128,
}

impl Witness<'_, '_> {
    /// How many operations it is made of.
    pub(super) fn length(&self) -> usize {
        usize::from(self.from.is_some()) + self.surely.len() + self.possibly.len()
    }

    fn change(&self) -> i128 {
        self.surely.iter().chain(&self.possibly).map(|addition| addition.amount).sum()
    }

    /// The least or the most that the read may show.
    pub(super) fn bound(&self) -> i128 {
        match self.from {
            Some(from) => from.amount + self.change(),
            None => self.floor(&self.surely),
        }
    }

    /// What of it went wrong, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let (earlier, later) = (self.from.map_or(self.first, |from| from.amount), self.to.amount);
        let change = match (self.change(), self.is_floor) {
            (0, true) => "nothing that may have been added between lowers the counter".to_owned(),
            (0, false) => "nothing that may have been added between raises the counter".to_owned(),
            (change, true) => format!("at least {change} was added between"),
            (change, false) => format!("at most {change} can have been added between"),
        };
        format!("Reads showed {earlier} and then {later}, but {change}.")
    }

    /// Why an addition counts.
    pub(super) fn place(&self, addition: &Dated<'_>) -> &'static str {
        let is_sure = self.surely.iter().any(|sure| sure.began() == addition.began());
        match (is_sure, self.from.is_some()) {
            (true, true) => "it began after the one read had ended, and ended before the other began",
            (true, false) if addition.ended_before(self.to) => "it had ended when the read began",
            (true, false) => "it ended while the read was under way",
            (false, true) => "it may have come between the reads",
            (false, false) => "it began before the read had ended, and may count",
        }
    }

    /// The least (or most) that the counter was at any time of the read, by these additions and those that may count.
    fn floor(&self, surely: &[Dated<'_>]) -> i128 {
        let sign = if self.is_floor { 1 } else { -1 };
        let began = self.to.began();
        let mut changes: Vec<(u32, i128)> = Vec::with_capacity(surely.len() + self.possibly.len());
        changes.extend(surely.iter().map(|one| (one.ended.unwrap_or(u32::MAX).max(began), sign * one.amount)));
        changes.extend(self.possibly.iter().map(|one| (one.began().max(began), sign * one.amount)));
        changes.sort_unstable();
        let at_first: i128 = changes.iter().filter(|(at, _)| *at == began).map(|(_, change)| change).sum();
        let (mut now, mut least) = (sign * self.first + at_first, sign * self.first + at_first);
        for (_, change) in changes.iter().filter(|(at, _)| *at > began) {
            now += change;
            least = least.min(now);
        }
        sign * least
    }

    /// Whether the additions leave no room for what was shown.
    fn is_broken(&self, surely: &[Dated<'_>]) -> bool {
        let floor = self.floor(surely);
        if self.is_floor { self.to.amount < floor } else { self.to.amount > floor }
    }
}

impl<'a> Account<'a> {
    /// Reads operations whose values are whole numbers: what was read before.
    pub(super) fn of(first: i128, operations: &'a [ForeignOperation]) -> Self {
        let (mut adds, mut reads) = (Vec::new(), Vec::new());
        for operation in operations {
            let is_ok = operation.outcome == ForeignOutcome::Ok;
            let ended = operation.completed().filter(|_| is_ok);
            let dated = |amount: i64| Dated { operation, amount: amount.into(), ended };
            match operation.f.as_deref() {
                _ if operation.outcome == ForeignOutcome::Fail => {}
                Some("add") => adds.extend(operation.call.as_integer().map(dated)),
                _ if is_ok => reads.extend(operation.reply.as_integer().map(dated)),
                _ => {}
            }
        }
        Self { first, adds, reads }
    }

    /// What all additions are multiples of; 0 where all are 0, and `None` where there is none.
    pub(super) fn divisor(&self) -> Option<i128> {
        self.adds.iter().map(|addition| addition.amount.abs()).reduce(|mut left, mut right| {
            while right != 0 {
                (left, right) = (right, left % right);
            }
            left
        })
    }

    /// Why a read is out of its bounds.
    pub(super) fn bound<'w>(&self, read: &'w Dated<'a>) -> Option<Witness<'w, 'a>> {
        let ended = read.ended?;
        [true, false].into_iter().find_map(|is_floor| {
            let leads_away = |addition: &&Dated<'a>| (addition.amount > 0) == is_floor && addition.amount != 0;
            let leads_towards = |addition: &&Dated<'a>| (addition.amount < 0) == is_floor && addition.amount != 0;
            let possibly = self.adds.iter().filter(leads_towards).filter(|addition| addition.began() < ended);
            let mut witness = Witness {
                from: None,
                to: read,
                is_floor,
                surely: Vec::new(),
                possibly: possibly.copied().collect(),
                first: self.first,
            };
            let sure = || self.adds.iter().filter(leads_away);
            let before: Vec<Dated<'a>> = sure().filter(|addition| addition.ended_before(read)).copied().collect();
            let all: Vec<Dated<'a>> =
                sure().filter(|addition| addition.ended.is_some_and(|at| at < ended)).copied().collect();
            let surely = [before, all].into_iter().find(|surely| witness.is_broken(surely))?;
            witness.surely = needed(&witness, surely);
            Some(witness)
        })
    }

    /// Why two reads cannot both be right, the one after the other.
    pub(super) fn pair<'w>(&self, from: &'w Dated<'a>, to: &'w Dated<'a>) -> Option<Witness<'w, 'a>> {
        let (began, ended) = (from.ended?, to.ended?);
        let never = |sign: i128| self.adds.iter().all(|addition| sign * addition.amount >= 0);
        let rise = to.amount - from.amount;
        let is_after = from.ended_before(to) || (rise > 0 && never(1)) || (rise < 0 && never(-1));
        if !is_after || from.began() == to.began() {
            return None;
        }
        [true, false].into_iter().find_map(|is_floor| {
            let sign = if is_floor { 1 } else { -1 };
            let may_lie_between =
                |one: &&Dated<'a>| one.ended.is_none_or(|at| at > from.began()) && one.began() < ended;
            let lies_between = |one: &&Dated<'a>| one.began() > began && one.ended_before(to);
            let possibly: Vec<Dated<'a>> =
                self.adds.iter().filter(|one| sign * one.amount < 0).filter(may_lie_between).copied().collect();
            let mut sure: Vec<Dated<'a>> =
                self.adds.iter().filter(|one| sign * one.amount > 0).filter(lies_between).copied().collect();
            sure.sort_by_key(|one| -sign * one.amount);
            let mut room = sign * rise - possibly.iter().map(|one| sign * one.amount).sum::<i128>();
            let mut surely = Vec::new();
            for one in sure {
                if room < 0 {
                    break;
                }
                room -= sign * one.amount;
                surely.push(one);
            }
            (room < 0).then_some(Witness { from: Some(from), to, is_floor, surely, possibly, first: self.first })
        })
    }
}

/// Of additions that leave no room for what a read showed, as few as do: the largest.
fn needed<'a>(witness: &Witness<'_, 'a>, mut surely: Vec<Dated<'a>>) -> Vec<Dated<'a>> {
    surely.sort_by_key(|one| std::cmp::Reverse(one.amount.abs()));
    let enough = |length: &usize| witness.is_broken(&surely[..*length]);
    // More of them leave no more room.
    let (mut low, mut high) = (0, surely.len());
    while low < high {
        let middle = low.midpoint(high);
        if enough(&middle) { high = middle } else { low = middle + 1 }
    }
    surely.truncate(high);
    let mut place = surely.len();
    while place > 0 && surely.len() <= MOST_TRIED {
        place -= 1;
        let one = surely.remove(place);
        if !witness.is_broken(&surely) {
            surely.insert(place, one);
        }
    }
    surely
}
