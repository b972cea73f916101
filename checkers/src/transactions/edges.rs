//! The order of transactions that needs no look inside of them: sessions and real time.

use dsjepsen_history::Index;

use super::graph::{GraphBuilder, Label};
use super::history::{Outcome, TransactionHistory};

/// Lets each transaction precede the next one of its session.
///
/// Failed transactions are no part of the order. An indeterminate one is: its process did not go on before it gave up. Where a file
/// shows two transactions of one process at the same time, they are left unordered.
pub(super) fn by_process(history: &TransactionHistory, takes_part: &[bool], builder: &mut GraphBuilder) {
    let mut in_sessions: Vec<u32> = history.numbers().filter(|&number| takes_part[number as usize]).collect();
    in_sessions.sort_by_key(|&number| history.process(number));
    for pair in in_sessions.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        if history.process(first) == history.process(second) && in_order(history, first, second) {
            builder.edge(first, second, Label::Process);
        }
    }
}

/// Whether of two transactions of one process, in the order of the file, the first really came first.
pub(super) fn in_order(history: &TransactionHistory, first: u32, second: u32) -> bool {
    let (a, b) = (history.transaction(first), history.transaction(second));
    let bare = a.bare || b.bare;
    // After an indeterminate transaction a process retires, so what follows under its name has no place we know of.
    a.outcome == Outcome::Ok && (bare || history.precedes(first, second))
}

/// Lets each transaction that completed precede all that were invoked later.
///
/// One relay stands for each moment at which invocations follow completions: a transaction leads into the relay of its completion,
/// that one into the next, and each into the transactions invoked before the one after it. So it costs a few edges a transaction,
/// where a reduced order of `p` processes would need up to `p` each.
pub(super) fn by_real_time(history: &TransactionHistory, takes_part: &[bool], builder: &mut GraphBuilder) {
    // Invocations before completions at one index: imported files may give both the same, and then nothing is known.
    let mut events: Vec<(Index, bool, u32)> = Vec::with_capacity(2 * history.len());
    for number in history.numbers().filter(|&number| takes_part[number as usize]) {
        if let Some((invoked, completed)) = history.interval(number) {
            events.push((invoked, false, number));
            events.extend(completed.map(|completed| (completed, true, number)));
        }
    }
    events.sort_unstable_by_key(|&(at, completes, number)| (at, completes, number));
    let (mut relay, mut used) = (None, true);
    for (_, completes, number) in events {
        match (completes, relay) {
            (true, Some(current)) if !used => builder.edge(number, current, Label::Realtime),
            (true, earlier) => {
                let fresh = builder.relay();
                if let Some(earlier) = earlier {
                    builder.edge(earlier, fresh, Label::Through);
                }
                builder.edge(number, fresh, Label::Realtime);
                (relay, used) = (Some(fresh), false);
            }
            (false, Some(current)) => {
                builder.edge(current, number, Label::Through);
                used = true;
            }
            (false, None) => {}
        }
    }
}
