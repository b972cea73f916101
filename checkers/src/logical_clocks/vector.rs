//! Vector clocks: one event came before another iff its stamp is smaller.

use dsjepsen_history::{Finding, Index, Judgement, Step};

use super::log::{Log, NONE};
use super::{ClockEvent, EventKind};
use crate::argument::step;
use crate::broken::{Broken, counting, malformed, proven};

const CHECKER: &str = "vector-clock";
const MISSED: &str = "vector-clock.missed-order";
const CLAIMED: &str = "vector-clock.claimed-order";

/// Events with their vector stamps, which all have one entry for each process. All stamps lie in one arena.
#[derive(Debug, Clone)]
pub struct VectorLog {
    processes: u32,
    events: Vec<ClockEvent<()>>,
    entries: Vec<u64>,
}

impl VectorLog {
    /// A log of so many processes.
    pub fn new(processes: u32) -> Self {
        Self { processes, events: Vec::new(), entries: Vec::new() }
    }

    /// Adds an event, in any order. A stamp that is too short is filled up with 0, and what is too long is cut off.
    pub fn push(&mut self, process: u32, at: Index, kind: EventKind, stamp: impl IntoIterator<Item = u64>) {
        self.events.push(ClockEvent { process, at, kind, stamp: () });
        self.entries.extend(stamp.into_iter().chain(std::iter::repeat(0)).take(self.processes as usize));
    }
}

/// Judges `vector-clock.missed-order` (one event came before another, and their stamps do not say so) and `vector-clock.claimed-order`
/// (stamps say so of events of which neither came before the other, or the other way round), for all pairs of events. Stamps of
/// different events must differ too, else either would claim to come before the other.
///
/// The reference is the vector clock itself (Mattern, Virtual time and global states of distributed systems, 1989), recomputed from the log. For all pairs it is
/// enough to compare each event with two of each process: the last that came before it, and the next one. Where stamps rise along
/// each process, those before the one are smaller still, and those after the other no smaller. Where they do not, order is missed, and
/// what is claimed is not judged. n events of p processes take n·p
/// comparisons of stamps, and n·p numbers of memory.
pub fn check_vector(vectors: &VectorLog) -> Judgement {
    let processes = vectors.processes;
    if let Some(stranger) = vectors.events.iter().find(|event| event.process >= processes) {
        let problem = format!("Process {} has no place in stamps of {processes} entries.", stranger.process);
        return malformed(CHECKER, problem);
    }
    let log = match Log::of(&vectors.events) {
        Ok(log) => log,
        Err(problem) => return malformed(CHECKER, problem),
    };
    let mut broken = Broken::default();
    let judge = Judge::of(vectors, &log);
    let judged = judge.all(&mut broken);
    let figures = vec![
        counting("events", log.events.len() as u64),
        counting("processes", u64::from(processes)),
        counting("comparisons of stamps", judged),
    ];
    let nothing = (judged == 0).then(|| "There are no two events to compare, so nothing was judged.".to_owned());
    broken.judgement(CHECKER, log.events.len() as u64, nothing, figures)
}

struct Judge<'a> {
    vectors: &'a VectorLog,
    log: &'a Log<'a, ()>,
    width: usize,
    /// The entries of each event's stamp begin here, by the order of the log.
    stamps: Vec<usize>,
    /// The events of each process, in order.
    lines: Vec<Vec<u32>>,
    /// How many events of each process came before each event, itself included.
    reference: Vec<u32>,
}

impl<'a> Judge<'a> {
    fn of(vectors: &'a VectorLog, log: &'a Log<'a, ()>) -> Self {
        let width = vectors.processes as usize;
        let mut order: Vec<usize> = (0..vectors.events.len()).collect();
        order.sort_unstable_by_key(|&place| vectors.events[place].at);
        let stamps = order.into_iter().map(|place| place * width).collect();
        let mut lines = vec![Vec::new(); width];
        let mut reference = vec![0_u32; log.events.len() * width];
        for (place, event) in log.events.iter().enumerate() {
            let (earlier, own) = reference.split_at_mut(place * width);
            for other in log.predecessors(place) {
                let known = &earlier[other * width..][..width];
                own.iter_mut().zip(known).for_each(|(own, &known)| *own = (*own).max(known));
            }
            let line = &mut lines[event.process as usize];
            line.push(place as u32);
            own[event.process as usize] = line.len() as u32;
        }
        Self { vectors, log, width, stamps, lines, reference }
    }

    fn stamp(&self, event: usize) -> &[u64] {
        &self.vectors.entries[self.stamps[event]..][..self.width]
    }

    /// Whether the stamps say that the one event came before the other, or is it.
    fn claims(&self, one: usize, other: usize) -> bool {
        self.stamp(one).iter().zip(self.stamp(other)).all(|(one, other)| one <= other)
    }

    fn all(&self, broken: &mut Broken) -> u64 {
        let mut judged = 0;
        // Only where stamps rise along each process do two comparisons stand for all, and the proof for itself.
        let rises =
            self.lines.iter().all(|line| line.windows(2).all(|two| self.claims(two[0] as usize, two[1] as usize)));
        for event in 0..self.log.events.len() {
            for (process, line) in self.lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
                let known = self.reference[event * self.width + process] as usize;
                let own = process == self.log.events[event].process as usize;
                let last = known.checked_sub(if own { 2 } else { 1 }).map(|place| line[place] as usize);
                let next = line.get(known).map(|&place| place as usize);
                judged += u64::from(last.is_some()) + u64::from(next.is_some());
                if let Some(last) = last.filter(|&last| !self.claims(last, event)) {
                    broken.note(MISSED, self.later(last, event), || self.tell_missed(last, event));
                }
                if let Some(next) = next.filter(|&next| rises && self.claims(next, event)) {
                    broken.note(CLAIMED, self.later(next, event), || self.tell_claimed(next, event));
                }
            }
        }
        judged
    }

    fn later(&self, one: usize, other: usize) -> Index {
        self.log.events[one.max(other)].at
    }

    /// How the one event came before the other: the messages on the way, as the events that sent and received them.
    fn chain(&self, first: usize, last: usize) -> Vec<usize> {
        let process = self.log.events[first].process as usize;
        let number = self.reference[first * self.width + process];
        let knows = |event: u32| event != NONE && self.reference[event as usize * self.width + process] >= number;
        let (mut chain, mut event) = (vec![last], last);
        while event != first {
            let (before, sent) = (self.log.before[event], self.log.sent[event]);
            if knows(before) {
                event = before as usize;
                continue;
            }
            chain.extend([event, sent as usize]);
            event = sent as usize;
        }
        chain.push(first);
        chain.dedup();
        chain.reverse();
        chain
    }

    fn told(&self, event: usize) -> String {
        let ClockEvent { process, at, kind, .. } = *self.log.events[event];
        let what = match kind {
            EventKind::Local => "an event".to_owned(),
            EventKind::Send(message) => format!("the sending of message {message}"),
            EventKind::Receive(message) => format!("the receipt of message {message}"),
        };
        format!("{what} by process {process} at index {at} (stamp {:?})", self.stamp(event))
    }

    fn tell_missed(&self, first: usize, last: usize) -> Finding {
        let (earlier, later) = (self.log.events[first], self.log.events[last]);
        let sentence = format!(
            "An event of process {} came before one of process {}, and their stamps do not say so.",
            earlier.process, later.process
        );
        let detail = format!("The stamps are {:?} and {:?}.", self.stamp(first), self.stamp(last));
        let lead = |number| if number == 0 { "Let" } else { "And let" };
        let mut steps: Vec<Step> = self
            .chain(first, last)
            .into_iter()
            .enumerate()
            .map(|(number, event)| {
                let text = format!("there be {}.", self.told(event));
                step(lead(number), text, Some(self.log.events[event].at))
            })
            .collect();
        steps.push(step(
            "Then",
            "each of these came before the next, so the first stamp is below the last.".to_owned(),
            None,
        ));
        steps.push(step("However", "it is not.".to_owned(), Some(later.at)));
        self.log.complete(proven(MISSED, sentence, detail, steps))
    }

    fn tell_claimed(&self, one: usize, other: usize) -> Finding {
        let (claimed, event) = (self.log.events[one], self.log.events[other]);
        let equal = self.stamp(one) == self.stamp(other);
        let what = if equal { "equal" } else { "in order" };
        let sentence = format!(
            "The stamps of events of processes {} and {} are {what}, though the first did not come before the second.",
            claimed.process, event.process
        );
        let detail = format!("The stamps are {:?} and {:?}.", self.stamp(one), self.stamp(other));
        let steps = vec![
            step("Let", format!("there be {}.", self.told(one)), Some(claimed.at)),
            step("And let", format!("there be {}.", self.told(other)), Some(event.at)),
            step("Then", "no chain of messages leads from the first to the second.".to_owned(), None),
            step("However", format!("their stamps are {what}."), Some(event.at)),
        ];
        self.log.complete(proven(CLAIMED, sentence, detail, steps))
    }
}
