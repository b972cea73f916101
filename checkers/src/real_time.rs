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

/// Tells of every operation whose key does not go with the largest of those that had completed before it began, where `bad(largest,
/// own)` says so: `fell(earlier, later)`, as positions, in the order in which the later ones began.
///
/// Gibbons and Korach (Testing Shared Memories, SIAM J. Comput. 26(4), 1997) order clusters by the same scan. O(n log n).
pub(crate) fn falls<K: Ord + Copy>(
    operations: &[Keyed<K>],
    bad: impl Fn(K, K) -> bool,
    mut fell: impl FnMut(usize, usize),
) {
    let mut begun: Vec<usize> = (0..operations.len()).collect();
    let mut ended: Vec<(Index, usize)> =
        begun.iter().filter_map(|&position| Some((operations[position].completed?, position))).collect();
    begun.sort_unstable_by_key(|&position| operations[position].invoked);
    ended.sort_unstable();
    let mut ended = ended.into_iter().peekable();
    let mut largest: Option<usize> = None;
    for later in begun {
        while let Some((_, position)) = ended.next_if(|&(completed, _)| completed < operations[later].invoked) {
            if largest.is_none_or(|other| operations[other].key < operations[position].key) {
                largest = Some(position);
            }
        }
        if let Some(earlier) = largest.filter(|&earlier| bad(operations[earlier].key, operations[later].key)) {
            fell(earlier, later);
        }
    }
}
