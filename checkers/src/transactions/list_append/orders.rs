//! What lists tell of the order in which transactions wrote, and what they leave open.

use super::versions::Versions;
use crate::transactions::sessions::Older;

/// What is known: the elements of a list were appended in their order, and what nobody read was appended after them.
pub(super) fn known(versions: &Versions<'_>) -> Vec<Older> {
    let mut known = Vec::new();
    for key in versions.history.numbers_of_keys() {
        let mut writers = versions.writers(key as usize).to_vec();
        writers.dedup();
        let mut add = |before, after| {
            if before != after && versions.commits(before) && versions.commits(after) {
                known.push(Older { key, before, after });
            }
        };
        writers.windows(2).for_each(|pair| add(pair[0], pair[1]));
        if let Some(&last) = writers.last() {
            versions.unobserved(key as usize).for_each(|append| add(last, append.transaction));
        }
    }
    known
}

/// Whether some versions of a key are not in a known order: two transactions appended to it, and nobody read either.
pub(super) fn are_open(versions: &Versions<'_>) -> bool {
    (0..versions.history.key_count()).any(|key| {
        let mut writers = versions.unobserved(key).map(|append| append.transaction);
        writers.next().is_some_and(|first| writers.any(|other| other != first))
    })
}
