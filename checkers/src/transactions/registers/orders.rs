//! What is known of the order of each register's versions, under the assumptions that were asked for.

use dsjepsen_history::Index;

use super::RegisterOptions;
use super::versions::{Access, Versions};
use crate::transactions::anomaly::Anomaly;
use crate::transactions::components::{Filtered, components};
use crate::transactions::edges::in_order;
use crate::transactions::graph::{GraphBuilder, Label, Labels};
use crate::transactions::sessions::Older;
use crate::transactions::verdict::Cases;

/// Pairs of versions of which the first comes before the second. That the initial version comes before all others is not among them.
#[derive(Debug)]
pub(super) struct VersionOrder {
    starts: Vec<u32>,
    pairs: Vec<(u32, u32)>,
}

type Source = (&'static str, Vec<(u32, u32)>);

impl VersionOrder {
    /// Collects what each assumption says. Where one contradicts what is known already, that is an anomaly, and it is left out.
    pub(super) fn infer(versions: &Versions<'_>, assume: &RegisterOptions, cases: &mut Cases<'_>) -> Self {
        let mut sources: Vec<Source> = Vec::new();
        if assume.writes_follow_reads {
            let follow = |access: &Access| Some((access.read?, access.write?));
            sources.push(("writes follow reads", versions.accesses.iter().filter_map(follow).collect()));
        }
        if assume.sequential_keys {
            sources.push(("every session sees versions in one order", by_session(versions)));
        }
        if assume.linearizable_keys {
            sources.push(("every key is linearizable", by_real_time(versions)));
        }
        if !assume.transaction_order.is_empty() {
            sources.push((
                "transactions wrote in the order that the store tells",
                by_rank(versions, &assume.transaction_order),
            ));
        }
        let mut pairs = Vec::new();
        for (assumption, mut more) in sources {
            more.retain(|(first, second)| first != second);
            for key in contradictions(versions, &pairs, &more, assumption, cases) {
                more.retain(|&(first, _)| versions.key(first) != key);
            }
            pairs.append(&mut more);
        }
        // The initial version comes first anyway.
        pairs.retain(|&(first, _)| !versions.is_initial(first));
        pairs.sort_unstable();
        pairs.dedup();
        let mut starts = vec![0_u32; versions.count() as usize + 1];
        for &(first, _) in &pairs {
            starts[first as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self { starts, pairs }
    }

    /// The versions known to come after one.
    pub(super) fn next_of<'a>(&'a self, versions: &Versions<'_>, version: u32) -> impl Iterator<Item = u32> + 'a {
        let first = versions.is_initial(version).then(|| versions.of_key(versions.key(version)));
        let later = first.map(|range| range.start + 1..range.end).into_iter().flatten();
        let range = self.starts[version as usize] as usize..self.starts[version as usize + 1] as usize;
        later.chain(self.pairs[range].iter().map(|pair| pair.1))
    }

    /// Those that come from the assumptions, by their order.
    pub(super) fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    /// Who wrote before whom, where both took effect.
    pub(super) fn writers(&self, versions: &Versions<'_>) -> Vec<Older> {
        let older = |&(first, second): &(u32, u32)| {
            let (before, after) = (versions.final_writer(first)?, versions.final_writer(second)?);
            (before != after).then(|| Older { key: versions.key(first), before, after })
        };
        self.pairs.iter().filter_map(older).collect()
    }

    pub(super) fn precedes(&self, versions: &Versions<'_>, first: u32, second: u32) -> bool {
        self.next_of(versions, first).any(|next| next == second)
    }
}

/// The keys where an assumption makes the order of versions go in a circle.
fn contradictions(
    versions: &Versions<'_>,
    known: &[(u32, u32)],
    more: &[(u32, u32)],
    assumption: &str,
    cases: &mut Cases<'_>,
) -> Vec<u32> {
    let mut builder = GraphBuilder::new(versions.count());
    for key in versions.history.numbers_of_keys() {
        let range = versions.of_key(key);
        for version in range.start + 1..range.end {
            builder.edge(range.start, version, Label::WriteWrite);
        }
    }
    for &(first, second) in known.iter().chain(more) {
        builder.edge(first, second, Label::WriteWrite);
    }
    let graph = builder.finish();
    let circles = components(&Filtered { graph: &graph, labels: Labels::of(&[Label::WriteWrite]) });
    let mut keys = Vec::new();
    for circle in circles {
        let key = versions.key(circle[0]);
        keys.push(key);
        let touches =
            |access: &&Access| [access.read, access.write].iter().flatten().any(|version| circle.contains(version));
        let of_key = versions.accesses.iter().filter(|access| access.key == key);
        let mut involved: Vec<u32> = of_key.filter(touches).map(|access| access.transaction).take(4).collect();
        involved.dedup();
        cases.add(Anomaly::CyclicVersions, &involved, || {
            let name = versions.history.key_name(key);
            let shown: Vec<_> = circle
                .iter()
                .take(8)
                .map(|&version| crate::transactions::text::value_or_initial(versions.history, versions.value(version)))
                .collect();
            let sentence =
                format!("The versions {} of key {name} come before each other, in a circle.", shown.join(", "));
            (sentence, format!("If {assumption}, each of these versions comes before itself: a contradiction."))
        });
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The version that a transaction left a key at, so far as it saw.
fn last(access: &Access) -> Option<u32> {
    access.write.or(access.read)
}

/// The version at which a transaction met a key first.
fn first(access: &Access) -> Option<u32> {
    access.read.or(access.write)
}

fn taking_part<'a>(versions: &'a Versions<'_>) -> impl Iterator<Item = &'a Access> {
    versions.accesses.iter().filter(|access| versions.takes_part[access.transaction as usize])
}

fn by_session(versions: &Versions<'_>) -> Vec<(u32, u32)> {
    let history = versions.history;
    let mut accesses: Vec<&Access> = taking_part(versions).collect();
    accesses.sort_by_key(|access| (access.key, history.process(access.transaction), access.transaction));
    let pair = |pair: &[&Access]| {
        let (a, b) = (pair[0], pair[1]);
        let together = a.key == b.key && history.process(a.transaction) == history.process(b.transaction);
        (together && in_order(history, a.transaction, b.transaction)).then(|| Some((last(a)?, first(b)?)))?
    };
    accesses.windows(2).filter_map(pair).collect()
}

fn by_real_time(versions: &Versions<'_>) -> Vec<(u32, u32)> {
    let history = versions.history;
    let mut accesses: Vec<&Access> = taking_part(versions).collect();
    accesses.sort_by_key(|access| access.key);
    let mut pairs = Vec::new();
    for of_key in accesses.chunk_by(|a, b| a.key == b.key) {
        let mut events: Vec<(Index, bool, usize)> = Vec::with_capacity(2 * of_key.len());
        for (at, access) in of_key.iter().enumerate() {
            if let Some((invoked, completed)) = history.interval(access.transaction) {
                events.push((invoked, false, at));
                events.extend(completed.map(|completed| (completed, true, at)));
            }
        }
        events.sort_unstable();
        // Those that completed and that none of those precede that completed later.
        let mut frontier: Vec<usize> = Vec::new();
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); of_key.len()];
        for (_, completes, at) in events {
            if completes {
                frontier.retain(|earlier| !before[at].contains(earlier));
                frontier.push(at);
                before[at] = Vec::new();
            } else {
                let links = frontier.iter().filter_map(|&earlier| Some((last(of_key[earlier])?, first(of_key[at])?)));
                pairs.extend(links);
                before[at] = frontier.clone();
            }
        }
    }
    pairs
}

fn by_rank(versions: &Versions<'_>, ranks: &[Option<i64>]) -> Vec<(u32, u32)> {
    let ranked = |access: &Access| {
        let rank = ranks.get(access.transaction as usize).copied().flatten()?;
        Some((access.key, rank, access.write?))
    };
    let mut writes: Vec<_> = taking_part(versions).filter_map(ranked).collect();
    writes.sort_unstable();
    writes.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].2, pair[1].2)).collect()
}
