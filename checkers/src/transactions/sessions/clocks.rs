//! Which transactions of each session come before, and which after, each transaction.

use super::base::Base;

/// One entry for each node and chain.
#[derive(Debug)]
pub(super) struct Clocks {
    chains: usize,
    entries: Vec<u32>,
}

impl Clocks {
    fn new(base: &Base<'_>, entry: u32) -> Self {
        let chains = base.chains.len();
        Self { chains, entries: vec![entry; chains * base.nodes as usize] }
    }

    /// How many entries of 4 bytes they take.
    pub(super) fn size(base: &Base<'_>) -> usize {
        base.chains.len().saturating_mul(base.nodes as usize)
    }

    /// The entries of a transaction, by chain.
    pub(super) fn of(&self, number: u32) -> &[u32] {
        &self.entries[number as usize * self.chains..][..self.chains]
    }

    /// For each transaction and chain, how many transactions of the chain come before it. None where there is a circle.
    pub(super) fn past(base: &Base<'_>, edges: &[(u32, u32)]) -> Option<Self> {
        let order = Order::of(base, edges)?;
        let mut clocks = Self::new(base, 0);
        for &number in &order.sorted {
            let place = place(base, number);
            for &next in order.after(number) {
                let (from, to) = clocks.two(number, next);
                for (to, &from) in to.iter_mut().zip(from) {
                    *to = (*to).max(from);
                }
                if let Some((chain, place)) = place {
                    to[chain as usize] = to[chain as usize].max(place + 1);
                }
            }
        }
        Some(clocks)
    }

    /// For each transaction and chain, the place of the first transaction of the chain that comes after it; `u32::MAX` where none
    /// does. None where there is a circle.
    pub(super) fn future(base: &Base<'_>, edges: &[(u32, u32)]) -> Option<Self> {
        let order = Order::of(base, edges)?;
        let mut clocks = Self::new(base, u32::MAX);
        for &number in order.sorted.iter().rev() {
            for &next in order.after(number) {
                let place = place(base, next);
                let (to, from) = clocks.two(next, number);
                for (from, &to) in from.iter_mut().zip(to) {
                    *from = (*from).min(to);
                }
                if let Some((chain, place)) = place {
                    from[chain as usize] = from[chain as usize].min(place);
                }
            }
        }
        Some(clocks)
    }

    fn two(&mut self, read: u32, written: u32) -> (&[u32], &mut [u32]) {
        let chains = self.chains;
        let (read, written) = (read as usize * chains, written as usize * chains);
        let (low, high) = self.entries.split_at_mut(read.max(written));
        if read < written {
            (&low[read..read + chains], &mut high[..chains])
        } else {
            (&high[..chains], &mut low[written..written + chains])
        }
    }
}

/// Where a transaction stands; relays stand nowhere.
fn place(base: &Base<'_>, node: u32) -> Option<(u32, u32)> {
    base.places.get(node as usize).copied().flatten()
}

/// The transactions and relays, each after all that come before it.
struct Order {
    starts: Vec<u32>,
    targets: Vec<u32>,
    sorted: Vec<u32>,
}

impl Order {
    fn of(base: &Base<'_>, edges: &[(u32, u32)]) -> Option<Self> {
        let count = base.nodes as usize;
        let mut starts = vec![0_u32; count + 1];
        let mut waits_for = vec![0_u32; count];
        for &(from, to) in edges {
            starts[from as usize + 1] += 1;
            waits_for[to as usize] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let (mut next, mut targets) = (starts.clone(), vec![0; edges.len()]);
        for &(from, to) in edges {
            targets[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        }
        let relays = base.history.numbers().end..base.nodes;
        let nodes = base.transactions() + relays.len();
        let sorted = base.all().chain(relays).filter(|&node| waits_for[node as usize] == 0).collect();
        let mut order = Self { starts, targets, sorted };
        let mut at = 0;
        while let Some(&number) = order.sorted.get(at) {
            at += 1;
            for edge in order.starts[number as usize]..order.starts[number as usize + 1] {
                let target = order.targets[edge as usize];
                waits_for[target as usize] -= 1;
                if waits_for[target as usize] == 0 {
                    order.sorted.push(target);
                }
            }
        }
        (order.sorted.len() == nodes).then_some(order)
    }

    fn after(&self, number: u32) -> &[u32] {
        &self.targets[self.starts[number as usize] as usize..self.starts[number as usize + 1] as usize]
    }
}
