//! One scan that many judges need: whether what grows with real time ever fell.

use dsjepsen_history::Index;

/// An operation with what must not fall: whoever begins after it completed is held against its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keyed<K> {
    /// The index of its invocation.
    pub(crate) invoked: Index,
    /// The index of its completion; none where it may take effect at any time.
    pub(crate) completed: Option<Index>,
    /// What grows.
    pub(crate) key: K,
}

/// Tells of every one of `count` operations whose key does not go with the largest of those that had completed before it began, where
/// `bad(largest, own)` says so: `fell(earlier, later)`, as positions, in the order in which the later ones began.
///
/// Gibbons and Korach (Testing Shared Memories, SIAM J. Comput. 26(4), 1997) order clusters by the same scan. O(n log n).
pub(crate) fn falls<K: Ord + Copy>(
    count: usize,
    operation: impl Fn(usize) -> Keyed<K>,
    bad: impl Fn(K, K) -> bool,
    mut fell: impl FnMut(usize, usize),
) {
    let mut begun: Vec<u32> = Vec::with_capacity(count);
    let mut ended: Vec<(Index, u32)> = Vec::with_capacity(count);
    for (number, position) in (0..).zip(0..count) {
        begun.push(number);
        ended.extend(operation(position).completed.map(|completed| (completed, number)));
    }
    begun.sort_unstable_by_key(|&position| operation(position as usize).invoked);
    ended.sort_unstable();
    let mut ended = ended.into_iter().peekable();
    let mut largest: Option<(K, usize)> = None;
    for later in begun {
        let later = later as usize;
        let Keyed { invoked, key: own, .. } = operation(later);
        while let Some((_, position)) = ended.next_if(|&(completed, _)| completed < invoked) {
            let position = position as usize;
            let key = operation(position).key;
            if largest.is_none_or(|(other, _)| other < key) {
                largest = Some((key, position));
            }
        }
        if let Some((_, earlier)) = largest.filter(|&(largest, _)| bad(largest, own)) {
            fell(earlier, later);
        }
    }
}
