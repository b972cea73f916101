//! What lists tell of the order in which transactions wrote, and what they leave open.

use super::versions::Versions;
use crate::transactions::registers::versions::Versions as LastElements;
use crate::transactions::sessions::Older;

/// Who wrote before whom: the elements of a list were appended in their order, and what nobody read was appended after them.
pub(super) fn writers(versions: &Versions<'_>) -> Vec<Older> {
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

/// The same of versions, each of which is known by its last element.
pub(super) fn pairs(versions: &Versions<'_>, last_elements: &LastElements<'_>) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for key in versions.history.numbers_of_keys() {
        let version = |value: u32| last_elements.version(key, Some(value));
        let values = versions.values(key as usize);
        pairs.extend(values.windows(2).map(|pair| (version(pair[0]), version(pair[1]))));
        if let Some(&last) = values.last() {
            pairs.extend(versions.unobserved(key as usize).map(|append| (version(last), version(append.value))));
        }
    }
    pairs
}

/// Whether the versions of every key are in a known order: of no key two transactions appended what nobody read.
pub(super) fn are_known(versions: &Versions<'_>) -> bool {
    (0..versions.history.key_count()).all(|key| {
        let mut writers = versions.unobserved(key).map(|append| append.transaction);
        writers.next().is_none_or(|first| writers.all(|other| other == first))
    })
}
