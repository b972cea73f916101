//! Lays a run along the line of the counter's values, and explains why it cannot be: two operations whose values lie too close
//! together or too far apart for what was added between them.

use dsjepsen_history::{Figure, Finding, Index, Nanos};

use super::account::{Account, Addition, some_of};
use super::drawing::Drawing;
use crate::argument::Argument as _;
use crate::assignment::{Contradiction, Known, Unknown, contradiction};
use crate::words::{between, count, moment};

/// How many additions a proof names; the rest is counted.
const NAMED: usize = 8;

/// An operation whose place in the line is known.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The operation that shows it, as a position in the history.
    position: usize,
    /// Whether it is an addition.
    adds: bool,
}

/// The operations of a run by what is known of their places.
pub(super) struct Line<'a> {
    account: &'a Account<'a>,
    known: Vec<Known>,
    places: Vec<Place>,
    unknown: Vec<Unknown>,
    additions: Vec<&'a Addition>,
}

/// What speaks of the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Reads.
    pub(super) reads: bool,
    /// The values that additions were answered with.
    pub(super) results: bool,
}

impl<'a> Line<'a> {
    /// The line of a run that only increments.
    pub(super) fn of(account: &'a Account<'a>, told: Told) -> Self {
        let mut line =
            Self { account, known: Vec::new(), places: Vec::new(), unknown: Vec::new(), additions: Vec::new() };
        for read in account.reads.iter().filter(|_| told.reads) {
            let value = i128::from(read.value);
            let (invoked, returned) = (read.invoked.index, read.completed.index);
            line.known.push(Known { before: value, after: value, invoked, returned });
            line.places.push(Place { position: read.position, adds: false });
        }
        for addition in &account.additions {
            let invoked = addition.invoked.index;
            match (addition.told().filter(|_| told.results), addition.answer) {
                (Some((before, after)), Some(answer)) => {
                    line.known.push(Known { before, after, invoked, returned: answer.completed.index });
                    line.places.push(Place { position: answer.position, adds: true });
                }
                (_, answer) => {
                    let returned = answer.map(|answer| answer.completed.index);
                    line.unknown.push(Unknown { delta: u64::try_from(addition.delta).unwrap_or(0), invoked, returned });
                    line.additions.push(addition);
                }
            }
        }
        line
    }

    /// Why there is no such line of values.
    pub(super) fn contradiction(&self) -> Option<Contradiction> {
        contradiction(&self.known, &self.unknown)
    }

    /// Explains it.
    pub(super) fn explain(&self, rule: &'static str, found: Contradiction) -> Finding {
        match found {
            Contradiction::Overlap { first, second } => self.overlap(rule, first, second),
            Contradiction::TooLittle { from, to } => self.too_little(rule, from, to),
            Contradiction::TooMuch { from, to } => self.too_much(rule, from, to),
        }
    }

    fn overlap(&self, rule: &'static str, first: usize, second: usize) -> Finding {
        let account = self.account;
        let (low, high) = (self.known[first], self.known[second]);
        let places = [self.places[first].position, self.places[second].position];
        let sentence = match (self.places[first].adds, self.places[second].adds) {
            (true, true) if low.after == high.after => {
                format!("Two additions were both answered with the value {}.", value(high.after))
            }
            (true, true) => format!(
                "Two additions overlap: one led from {} to {}, the other from {} to {}.",
                value(low.before),
                value(low.after),
                value(high.before),
                value(high.after)
            ),
            _ => format!(
                "A read showed {}, over which an addition had led from {} to {}.",
                value(high.before),
                value(low.before),
                value(low.after)
            ),
        };
        let (one, other) = (self.assumed(first), self.shown(second));
        let steps = vec![
            account.step("Let", format!("{one}."), Some(places[0])),
            account.step(
                "Then",
                format!(
                    "nothing else leads over or stands between the values {} and {}.",
                    value(low.before),
                    value(low.after)
                ),
                None,
            ),
            account.step("However", format!("{other}: a contradiction."), Some(places[1])),
        ];
        Finding {
            detail: "One of the two was made on a value that the other had already changed: an addition is lost."
                .to_owned(),
            steps,
            timeline: Some(Drawing::new(account).operations(places).finish(None)),
            ..Finding::invalid(rule, sentence, account.proof(places))
        }
    }

    /// What lies between two of the known by its own value.
    fn known_between(&self, after: i128, before: i128) -> i128 {
        let inside = |point: &&Known| point.before >= after && point.after <= before;
        self.known.iter().filter(inside).map(|point| point.after - point.before).sum()
    }

    fn too_little(&self, rule: &'static str, from: Option<usize>, to: usize) -> Finding {
        let account = self.account;
        let (after, returned) =
            from.map_or((0, None), |from| (self.known[from].after, Some(self.known[from].returned)));
        let (before, invoked) = (self.known[to].before, self.known[to].invoked);
        let rise = before - after;
        let inside = |addition: &Unknown| {
            returned.is_none_or(|returned| addition.invoked > returned)
                && addition.returned.is_some_and(|end| end < invoked)
        };
        let (certain, sum) = self.matching(inside);
        let known = self.known_between(after, before);
        let needed = known + sum;
        let mut named = Vec::new();
        let mut reached = known;
        for &addition in &certain {
            if reached > rise || named.len() == NAMED {
                break;
            }
            named.push(addition);
            reached += i128::from(addition.delta);
        }
        let (low, high) = (value(after), value(self.known[to].after));
        let sentence = if rise < 0 {
            format!("The counter fell from {low} to {high}, though it was only added to.")
        } else {
            format!(
                "The counter rose from {low} by {}, though {} was surely added meanwhile.",
                value(rise),
                value(needed)
            )
        };
        let mut steps = vec![account.step("Let", format!("{}.", self.start(from)), self.position(from))];
        if let Some(text) = self.in_words(&named, certain.len(), "be asked for after that and be acknowledged") {
            steps.push(account.step("And let", text, named.first().map(|addition| addition.shown())));
        }
        let required = format!("whoever asks after all that must see at least {}.", value(after + needed));
        steps.push(account.step("Then", required, None));
        let position = self.places[to].position;
        steps.push(account.step("However", format!("{}: a contradiction.", self.shown(to)), Some(position)));
        let figures =
            vec![Figure::new("rise of the counter", value(rise)), Figure::new("surely added meanwhile", value(needed))];
        self.finding(rule, sentence, (steps, figures), (from, to), &named)
    }

    fn too_much(&self, rule: &'static str, from: Option<usize>, to: usize) -> Finding {
        let account = self.account;
        let (after, invoked) = from.map_or((0, None), |from| (self.known[from].after, Some(self.known[from].invoked)));
        let (before, returned) = (self.known[to].before, self.known[to].returned);
        let rise = before - after;
        let inside = |addition: &Unknown| {
            addition.invoked < returned
                && invoked.is_none_or(|invoked| addition.returned.is_none_or(|end| end > invoked))
        };
        let (possible, sum) = self.matching(inside);
        let most = sum + self.known_between(after, before);
        let sentence = format!(
            "The counter rose from {} by {}, though at most {} can have been added meanwhile.",
            value(after),
            value(rise),
            value(most)
        );
        let named: Vec<_> = possible.iter().copied().take(NAMED).collect();
        let mut steps = vec![account.step("Let", format!("{}.", self.start(from)), self.position(from))];
        let when = if from.is_some() {
            "from the start of that to the end of what follows"
        } else {
            "before the end of what follows"
        };
        let text = self
            .in_words(&named, possible.len(), &format!("be the only ones under way {when}"))
            .unwrap_or_else(|| format!("no other addition be under way {when}."));
        steps.push(account.step("And let", text, named.first().map(|addition| addition.shown())));
        let allowed = format!("no more than {} can be seen.", value(after + most));
        steps.push(account.step("Then", allowed, None));
        let position = self.places[to].position;
        let shown = match self.places[to].adds {
            true => format!("{}, so it found {}", self.shown(to), value(before)),
            false => self.shown(to),
        };
        steps.push(account.step("However", format!("{shown}: a contradiction."), Some(position)));
        let figures =
            vec![Figure::new("rise of the counter", value(rise)), Figure::new("possibly added meanwhile", value(most))];
        self.finding(rule, sentence, (steps, figures), (from, to), &named)
    }

    fn finding(
        &self,
        rule: &'static str,
        sentence: String,
        (steps, figures): (Vec<dsjepsen_history::Step>, Vec<Figure>),
        (from, to): (Option<usize>, usize),
        named: &[&Addition],
    ) -> Finding {
        let account = self.account;
        let mut positions: Vec<_> = self.position(from).into_iter().collect();
        positions.extend(named.iter().map(|addition| addition.shown()));
        positions.push(self.places[to].position);
        let conflict = from.map(|from| self.conflict(from, to));
        Finding {
            detail: self.detail(from, to),
            steps,
            figures,
            timeline: Some(Drawing::new(account).operations(positions.iter().copied()).finish(conflict)),
            ..Finding::invalid(rule, sentence, account.proof(positions))
        }
    }

    fn conflict(&self, from: usize, to: usize) -> (Nanos, Nanos) {
        let times = |known: usize| {
            let operation = &self.account.operations[self.places[known].position];
            (operation.invoked.time, operation.completed.map_or(self.account.end.time, |at| at.time))
        };
        let (one, other) = (times(from), times(to));
        (one.0.min(other.0), one.1.max(other.1))
    }

    fn detail(&self, from: Option<usize>, to: usize) -> String {
        let account = self.account;
        let Some(from) = from else { return String::new() };
        let (first, second) = (self.places[from].position, self.places[to].position);
        let ended = account.operations[first].completed.map_or(0, |at| at.time);
        let asked = account.operations[second].invoked.time;
        if self.known[from].returned < self.known[to].invoked {
            let (one, other) = (account.who(first), account.who(second));
            format!("{} asked {} after the answer to {one}.", capital(&other), between(ended, asked))
        } else {
            String::new()
        }
    }

    fn matching(&self, counts: impl Fn(&Unknown) -> bool) -> (Vec<&'a Addition>, i128) {
        let chosen: Vec<_> = self.unknown.iter().zip(&self.additions).filter(|(unknown, _)| counts(unknown)).collect();
        let sum = chosen.iter().map(|(unknown, _)| i128::from(unknown.delta)).sum();
        (chosen.into_iter().map(|(_, addition)| *addition).collect(), sum)
    }

    /// The additions of a step; nothing where there are none.
    fn in_words(&self, named: &[&Addition], all: usize, what: &str) -> Option<String> {
        let indices: Vec<Index> = named.iter().map(|addition| self.account.index(addition.shown())).collect();
        (!named.is_empty()).then(|| format!("{} (additions) {what}.", some_of(&indices, all as u64)))
    }

    fn position(&self, known: Option<usize>) -> Option<usize> {
        known.map(|known| self.places[known].position)
    }

    fn start(&self, from: Option<usize>) -> String {
        from.map_or_else(|| "the counter begin at 0".to_owned(), |from| self.assumed(from))
    }

    /// What one of the known did and saw, as it is assumed: `process 3 on n1 add 2 and be answered 57, at 10.640 s`.
    fn assumed(&self, known: usize) -> String {
        self.told_of(known, "add", "be")
    }

    /// The same, as it was.
    fn shown(&self, known: usize) -> String {
        self.told_of(known, "added", "was")
    }

    fn told_of(&self, known: usize, add: &str, be: &str) -> String {
        let Place { position, adds } = self.places[known];
        let who = self.account.who(position);
        let point = self.known[known];
        let at = moment(self.account.operations[position].completed.map_or(0, |at| at.time));
        if adds {
            format!(
                "{who} {add} {} and {be} answered {}, at {at}",
                value(point.after - point.before),
                value(point.after)
            )
        } else {
            format!("{who} read {}, at {at}", value(point.before))
        }
    }
}

/// A value, with commas between the thousands.
pub(super) fn value(value: i128) -> String {
    let digits = u64::try_from(value.unsigned_abs()).map_or_else(|_| value.unsigned_abs().to_string(), count);
    if value < 0 { format!("-{digits}") } else { digits }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
