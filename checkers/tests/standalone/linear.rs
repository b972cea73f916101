//! The definition of linearizability, tried out: is there an order of all effects that respects real time and that the object allows?

use dsjepsen_checkers::Outcome;
use dsjepsen_history::Index;

/// When an operation began and ended, and how.
pub(crate) type Span = (Index, Option<Index>, Outcome);

/// Whether operations can have taken effect one after the other. `step` gives the state after the operation with this number, or none
/// where the object does not allow it.
pub(crate) fn linearizable<S: Clone>(spans: &[Span], initial: S, step: &dyn Fn(&S, usize) -> Option<S>) -> bool {
    search(spans, &mut vec![false; spans.len()], &initial, step)
}

fn search<S: Clone>(spans: &[Span], done: &mut Vec<bool>, state: &S, step: &dyn Fn(&S, usize) -> Option<S>) -> bool {
    let open =
        |done: &[bool]| (0..spans.len()).filter(|&one| !done[one] && spans[one].2 == Outcome::Ok).collect::<Vec<_>>();
    let must = open(done);
    if must.is_empty() {
        return true;
    }
    (0..spans.len()).any(|next| {
        let before = |&other: &usize| other != next && spans[other].1 < Some(spans[next].0);
        if done[next] || spans[next].2 == Outcome::Fail || must.iter().any(before) {
            return false;
        }
        let Some(state) = step(state, next) else { return false };
        done[next] = true;
        let found = search(spans, done, &state, step);
        done[next] = false;
        found
    })
}
