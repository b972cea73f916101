//! Unique ids: no id is given out twice and, where that is promised, ids rise.
//!
//! Only ids that a client got are judged: of an answer that never came nobody knows the id.

use std::fmt::Display;

use dsjepsen_history::{Figure, Index, Judgement, Process, Step};

use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, counting, impossible, malformed, proven};
use crate::real_time::{Keyed, falls};

const CHECKER: &str = "unique-ids";
const REPEATED: &str = "unique-ids.repeated";
const FALLING: &str = "unique-ids.falling";

/// One id asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation<I> {
    /// Who asked.
    pub process: Process,
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion; none where there was none.
    pub completed: Option<Index>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was given; `Some` where the operation is ok.
    pub id: Option<I>,
}

/// Whether ids rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Rising {
    /// They come in any order.
    #[default]
    No,
    /// Each process gets larger ids than it got before.
    PerProcess,
    /// Whoever asks after an id was given gets a larger one.
    InRealTime,
}

/// Judges `unique-ids.repeated` and, where it is promised that ids rise, `unique-ids.falling`. O(n log n).
pub fn check_unique_ids<I: Ord + Display>(operations: &[Generation<I>], rising: Rising) -> Judgement {
    if let Some(problem) = impossible(operations.iter().map(|asked| (asked.invoked, asked.completed, asked.outcome))) {
        return malformed(CHECKER, problem);
    }
    let mut given: Vec<Given<'_, I>> = Vec::with_capacity(operations.len());
    for asked in operations.iter().filter(|asked| asked.outcome == Outcome::Ok) {
        let Some(id) = Given::of(asked) else {
            return malformed(CHECKER, format!("Operation {} is said to be ok, but without an id.", asked.invoked));
        };
        given.push(id);
    }
    let mut broken = Broken::default();
    let (mut repeated, mut falling) = (0, 0);
    fallen(&given, rising, |earlier, later| {
        falling += 1;
        broken.note(FALLING, later.completed, || tell_falling(earlier, later, rising));
    });
    let mut by_id: Vec<u32> = positions(&given);
    by_id.sort_unstable_by(|&one, &other| {
        let (one, other) = (&given[one as usize], &given[other as usize]);
        one.id.cmp(other.id).then(one.completed.cmp(&other.completed))
    });
    for pair in by_id.windows(2) {
        let (earlier, later) = (&given[pair[0] as usize], &given[pair[1] as usize]);
        if earlier.id == later.id {
            repeated += 1;
            broken.note(REPEATED, later.completed, || tell_repeated(earlier, later));
        }
    }
    let figures = vec![
        counting("ids", given.len() as u64),
        counting("ids given again", repeated),
        counting("ids that fell", falling),
        displacement(&given, &by_id),
    ];
    let nothing = given.is_empty().then(|| "No id was given, so nothing was judged.".to_owned());
    broken.judgement(CHECKER, given.len() as u64, nothing, figures)
}

/// An id that a client got.
struct Given<'a, I> {
    process: Process,
    invoked: Index,
    completed: Index,
    id: &'a I,
}

impl<'a, I> Given<'a, I> {
    fn of(asked: &'a Generation<I>) -> Option<Self> {
        let (completed, id) = (asked.completed?, asked.id.as_ref()?);
        Some(Self { process: asked.process, invoked: asked.invoked, completed, id })
    }

    fn told(&self, lead: &'static str, what: &str) -> Step
    where
        I: Display,
    {
        let text = format!("process {} {what} id {} at index {}.", self.process, self.id, self.completed);
        step(lead, text, Some(self.invoked))
    }
}

fn positions<I>(given: &[Given<'_, I>]) -> Vec<u32> {
    (0_u32..).zip(given).map(|(position, _)| position).collect()
}

fn fallen<'a, I: Ord>(
    given: &'a [Given<'a, I>],
    rising: Rising,
    mut fell: impl FnMut(&'a Given<'a, I>, &'a Given<'a, I>),
) {
    let keyed = |id: &Given<'a, I>| Keyed { invoked: id.invoked, completed: Some(id.completed), key: id.id };
    let falling = |high, low| high > low;
    match rising {
        Rising::No => {}
        Rising::InRealTime => {
            let told = |earlier: usize, later: usize| fell(&given[earlier], &given[later]);
            falls(given.len(), |position| keyed(&given[position]), falling, told);
        }
        Rising::PerProcess => {
            let mut order: Vec<&Given<'a, I>> = given.iter().collect();
            order.sort_unstable_by_key(|given| (given.process, given.invoked));
            for group in order.chunk_by(|one, other| one.process == other.process) {
                let told = |earlier: usize, later: usize| fell(group[earlier], group[later]);
                falls(group.len(), |position| keyed(group[position]), falling, told);
            }
        }
    }
}

/// How many places the id furthest out of order lies from where it would be, were ids given in their order.
fn displacement<I>(given: &[Given<'_, I>], by_id: &[u32]) -> Figure {
    let mut by_time = positions(given);
    by_time.sort_unstable_by_key(|&position| given[position as usize].completed);
    let mut place = vec![0_u32; given.len()];
    for (at, &position) in (0..).zip(&by_time) {
        place[position as usize] = at;
    }
    let furthest = (0_u32..).zip(by_id).map(|(at, &position)| at.abs_diff(place[position as usize])).max();
    counting("places by which an id is out of order at most", furthest.unwrap_or(0) as u64)
}

fn tell_repeated<I: Display>(earlier: &Given<'_, I>, later: &Given<'_, I>) -> dsjepsen_history::Finding {
    let id = later.id;
    let sentence =
        format!("Id {id} was given twice: to process {}, then to process {}.", earlier.process, later.process);
    let detail = format!("The answers came at indices {} and {}.", earlier.completed, later.completed);
    let then = step("Then", "nobody else is given that id, ever.".to_owned(), None);
    let steps = vec![earlier.told("Let", "be given"), then, later.told("However", "was given")];
    proven(REPEATED, sentence, detail, steps)
}

fn tell_falling<I: Display>(earlier: &Given<'_, I>, later: &Given<'_, I>, rising: Rising) -> dsjepsen_history::Finding {
    let sentence = format!(
        "The ids fell from {} to {}, though process {} asked for the second after the first had been given.",
        earlier.id, later.id, later.process
    );
    let detail =
        format!("The first was given at index {}, the second asked for at {}.", earlier.completed, later.invoked);
    let who = if rising == Rising::PerProcess { "the same process" } else { "anybody" };
    let then = format!("{who} who asks after that is given a larger one.");
    let steps = vec![
        earlier.told("Let", "be given"),
        step("Then", then, None),
        later.told("However, asking later,", "was given"),
    ];
    proven(FALLING, sentence, detail, steps)
}
