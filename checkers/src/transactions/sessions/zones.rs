//! What real time alone says of the order of each key's versions, in near-linear time.
//!
//! A version with its readers is a cluster (Gibbons and Korach, SIAM J. Comput. 1997). Where somebody of one cluster had completed
//! before somebody of another was invoked, the one version comes before the other, so all who read the former come before the
//! writer of the latter. Saturation would find that too, but with clocks of all transactions.

use std::ops::Range;

use dsjepsen_history::Index;

use super::base::{Base, INITIAL};
use super::chains::Times;
use super::circle::{Forced, Inferred};

/// How many clusters right before one are linked to it. There are more than processes only where much is in doubt.
const LINKS_MAX: usize = 64;

/// A version, its writer and its readers.
#[derive(Debug)]
struct Cluster {
    key: u32,
    /// Who wrote it, or [`INITIAL`].
    writer: u32,
    /// Its readers, a range of all.
    readers: Range<usize>,
    /// When the first of them had surely taken effect. The initial version had before all.
    end: Option<Index>,
    /// When the last of them was invoked, and who that is.
    latest: Option<(Index, u32)>,
}

/// What is asked of real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// The order of writers alone, which holds also where a transaction's reads and its writes are at two moments.
    Writers,
    /// Also who missed what, where each transaction is at one moment.
    All,
}

/// Adds what follows from clusters of one key: the order of their writers, and then that readers of the earlier missed the later.
/// Where somebody wrote on top of what it read, all others who read the same missed that too.
pub(super) fn order_by_time(base: &Base<'_>, inferred: &mut Inferred<'_>, says: Says) {
    let clusters = Clusters::of(base);
    // Enough for stores of any use, and a bound where everything is in doubt.
    let most = 8 * base.history.len() + 1_000_000;
    let (mut visible, mut missed) = (Vec::new(), Vec::new());
    for of_key in clusters.all.chunk_by(|a, b| a.key == b.key) {
        for (earlier, later) in links(of_key) {
            if missed.len() < most {
                clusters.follow(&of_key[earlier], &of_key[later], &mut visible, &mut missed);
            }
        }
        for cluster in of_key {
            clusters.updated(base, cluster, &mut missed);
        }
    }
    inferred.extend(visible);
    if says == Says::All {
        inferred.extend(missed);
    }
}

struct Clusters<'a> {
    times: &'a Times,
    /// In the order of their keys.
    all: Vec<Cluster>,
    readers: Vec<u32>,
}

impl<'a> Clusters<'a> {
    fn of(base: &'a Base<'_>) -> Self {
        let (times, versions) = (&base.times, base.versions);
        let mut reads: Vec<(u32, u32)> = Vec::new();
        for reader in base.all() {
            reads.extend(base.reads(reader).iter().map(|read| (read.version, reader)));
        }
        reads.sort_unstable();
        reads.dedup();
        let mut clusters = Self { times, all: Vec::new(), readers: reads.iter().map(|read| read.1).collect() };
        let mut start = 0;
        for version in 0..versions.count() {
            let count = reads[start..].iter().take_while(|read| read.0 == version).count();
            let readers = start..start + count;
            start += count;
            let key = versions.key(version);
            let writer = match versions.final_writer(version) {
                Some(writer) => writer,
                None if version == base.initial[key as usize] => INITIAL,
                None => continue,
            };
            let members =
                || clusters.readers[readers.clone()].iter().copied().chain((writer != INITIAL).then_some(writer));
            let end = if writer == INITIAL { Some(0) } else { members().filter_map(|member| times.end(member)).min() };
            let latest = members().filter_map(|member| Some((times.invoked(member)?, member))).max();
            clusters.all.push(Cluster { key, writer, readers, end, latest });
        }
        clusters
    }

    /// What follows where one cluster comes right before another.
    fn follow(&self, earlier: &Cluster, later: &Cluster, visible: &mut Vec<Forced>, missed: &mut Vec<Forced>) {
        let Some((_, latest)) = later.latest else { return };
        let key = earlier.key;
        if later.writer == INITIAL {
            // Nothing comes before the initial version.
            visible.push(Forced { from: latest, to: earlier.writer, key, reader: latest });
            return;
        }
        // What real time says by itself need not be inferred.
        let is_new = |&from: &u32| from != later.writer && !self.times.precedes(from, later.writer);
        if earlier.writer != INITIAL && latest != later.writer && latest != earlier.writer && is_new(&earlier.writer) {
            visible.push(Forced { from: earlier.writer, to: later.writer, key, reader: latest });
        }
        let readers = self.readers[earlier.readers.clone()].iter().copied().filter(is_new);
        missed.extend(readers.map(|reader| Forced { from: reader, to: later.writer, key, reader }));
    }

    fn updated(&self, base: &Base<'_>, cluster: &Cluster, missed: &mut Vec<Forced>) {
        let readers = &self.readers[cluster.readers.clone()];
        let mut updates = readers.iter().copied().filter(|&reader| base.written(reader, cluster.key).is_some());
        let Some(first) = updates.next() else { return };
        let miss = |reader: u32, to: u32| Forced { from: reader, to, key: cluster.key, reader };
        let others = readers.iter().copied().filter(|&reader| reader != first && !self.times.precedes(reader, first));
        missed.extend(others.map(|reader| miss(reader, first)));
        // Of two that wrote on top of one version neither can come first.
        missed.extend(updates.next().map(|second| miss(first, second)));
    }
}

/// Pairs of places in a key's clusters of which the first comes before the second, without those that follow from others.
fn links(of_key: &[Cluster]) -> Vec<(usize, usize)> {
    let mut by_end: Vec<(Index, usize)> =
        of_key.iter().enumerate().filter_map(|(place, cluster)| Some((cluster.end?, place))).collect();
    by_end.sort_unstable();
    // Among the first so many: the two of which somebody was invoked last. A pair with either of them follows from a third.
    let mut last_two: Vec<[Option<(Index, usize)>; 2]> = Vec::with_capacity(by_end.len() + 1);
    last_two.push([None, None]);
    for &(_, place) in &by_end {
        let [mut last, mut second] = last_two[last_two.len() - 1];
        let own = of_key[place].latest.map(|(invoked, _)| (invoked, place));
        if own > last {
            (last, second) = (own, last);
        } else if own > second {
            second = own;
        }
        last_two.push([last, second]);
    }
    let mut links = Vec::new();
    for (later, cluster) in of_key.iter().enumerate() {
        let Some((invoked, _)) = cluster.latest else { continue };
        let before = by_end.partition_point(|&(end, _)| end < invoked);
        let cover = last_two[before].into_iter().flatten().find(|&(_, place)| place != later);
        let uncovered = by_end[..before].iter().rev().take(LINKS_MAX);
        let uncovered = uncovered.take_while(|&&(end, _)| cover.is_none_or(|(invoked, _)| end >= invoked));
        let earlier = uncovered.map(|&(_, place)| place).chain(cover.map(|(_, place)| place));
        links.extend(earlier.filter(|&place| place != later).map(|place| (place, later)));
    }
    links.sort_unstable();
    links.dedup();
    links
}
