//! Lamport's clock condition: stamps rise along what came before what.

use std::fmt::Display;

use dsjepsen_history::{Finding, Judgement};

use super::log::Log;
use super::{ClockEvent, EventKind};
use crate::argument::step;
use crate::broken::{Broken, counting, malformed, proven};

const CHECKER: &str = "lamport-clock";
const PROCESS: &str = "lamport-clock.process-order";
const MESSAGE: &str = "lamport-clock.message-order";

/// The names under which the condition is judged.
pub(super) struct Names {
    pub(super) checker: &'static str,
    pub(super) process: &'static str,
    pub(super) message: &'static str,
}

/// Judges `lamport-clock.process-order` and `lamport-clock.message-order`: a later event of a process and the receipt of a message have
/// larger stamps than what came right before. By transitivity that is the clock condition for all pairs. O(n log n).
///
/// Nothing follows from one stamp being smaller: that is what vector clocks are for.
pub fn check_lamport<S: Ord + Display>(events: &[ClockEvent<S>]) -> Judgement {
    let log = match Log::of(events) {
        Ok(log) => log,
        Err(problem) => return malformed(CHECKER, problem),
    };
    let mut broken = Broken::default();
    let judged = condition(&log, &Names { checker: CHECKER, process: PROCESS, message: MESSAGE }, &mut broken);
    judgement(broken, &Names { checker: CHECKER, process: PROCESS, message: MESSAGE }, &log, judged)
}

/// Closes a judgement of the condition.
pub(super) fn judgement<S>(broken: Broken, names: &Names, log: &Log<'_, S>, judged: u64) -> Judgement {
    let received = log.events.iter().filter(|event| matches!(event.kind, EventKind::Receive(_))).count();
    let figures = vec![
        counting("events", log.events.len() as u64),
        counting("messages received", received as u64),
        counting("pairs of neighbours judged", judged),
    ];
    let nothing = (judged == 0).then(|| "No event comes right after another, so nothing was judged.".to_owned());
    broken.judgement(names.checker, log.events.len() as u64, nothing, figures)
}

/// Judges the condition; says how many pairs it looked at.
pub(super) fn condition<S: Ord + Display>(log: &Log<'_, S>, names: &Names, broken: &mut Broken) -> u64 {
    let mut judged = 0;
    for (place, event) in log.events.iter().enumerate() {
        for other in log.predecessors(place) {
            judged += 1;
            let earlier = log.events[other];
            if earlier.stamp < event.stamp {
                continue;
            }
            let by_message = log.sent[place] as usize == other;
            let rule = if by_message { names.message } else { names.process };
            broken.note(rule, event.at, || log.complete(tell(rule, earlier, event, by_message)));
        }
    }
    judged
}

fn tell<S: Display>(rule: &'static str, earlier: &ClockEvent<S>, later: &ClockEvent<S>, by_message: bool) -> Finding {
    let (sentence, detail, first, second) = match later.kind {
        EventKind::Receive(message) if by_message => (
            format!(
                "Message {message} was received at stamp {}, though it was sent at stamp {}.",
                later.stamp, earlier.stamp
            ),
            format!("Process {} sent it to process {}.", earlier.process, later.process),
            format!("process {} send message {message} at stamp {}.", earlier.process, earlier.stamp),
            format!("process {} received it at stamp {}.", later.process, later.stamp),
        ),
        _ => (
            format!("The stamps of process {} did not rise: {}, then {}.", later.process, earlier.stamp, later.stamp),
            format!("The two events are at indices {} and {}.", earlier.at, later.at),
            format!("process {} stamp an event {}.", earlier.process, earlier.stamp),
            format!("it stamped the next {}.", later.stamp),
        ),
    };
    let steps = vec![
        step("Let", first, Some(earlier.at)),
        step("Then", "what comes after that has a larger stamp.".to_owned(), None),
        step("However", second, Some(later.at)),
    ];
    proven(rule, sentence, detail, steps)
}
