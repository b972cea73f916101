//! All that serializability forces, before any order is searched.

use super::base::{Base, INITIAL};
use super::circle::{Forced, Inferred};
use super::clocks::Clocks;
use super::visible::Writers;
use crate::interrupt::Interrupt;

/// Adds forced edges until nothing new follows, or there is a circle, or there were so many rounds, or there is no more time: what was
/// inferred by then holds.
///
/// Where a reader read a key from a writer, any other writer of the key comes before that writer or after that reader. If it is
/// known to come before the reader, it is the former; if it is known to come after the writer, the latter.
pub(super) fn saturate(base: &Base<'_>, inferred: &mut Inferred<'_>, rounds: usize, interrupt: &Interrupt) {
    let writers = Writers::of(base);
    for _ in 0..rounds {
        let edges: Vec<_> = inferred.edges().map(|(from, to, _)| (from, to)).collect();
        let (Some(past), Some(future)) = (Clocks::past(base, &edges), Clocks::future(base, &edges)) else { return };
        // What follows from the edges that there are need not be one.
        let is_new = |forced: &Forced| {
            let (chain, place) = base.places[forced.from as usize].expect("a transaction that took effect");
            past.of(forced.to)[chain as usize] <= place
        };
        let mut more = Vec::new();
        for reader in base.all() {
            for read in base.reads(reader) {
                for (chain, places) in writers.of_key(read.key) {
                    let at = |place: u32| base.chains[chain as usize][place as usize];
                    if read.writer != INITIAL {
                        let seen = past.of(reader)[chain as usize];
                        let last =
                            places.partition_point(|&place| place < seen).checked_sub(1).map(|last| at(places[last]));
                        let forced = last.filter(|&last| last != read.writer).map(|last| Forced {
                            from: last,
                            to: read.writer,
                            key: read.key,
                            reader,
                        });
                        more.extend(forced.filter(is_new));
                    }
                    let from = if read.writer == INITIAL { 0 } else { future.of(read.writer)[chain as usize] };
                    let next = places.get(places.partition_point(|&place| place < from)).map(|&place| at(place));
                    let forced = next.filter(|&next| next != reader).map(|next| Forced {
                        from: reader,
                        to: next,
                        key: read.key,
                        reader,
                    });
                    more.extend(forced.filter(is_new));
                }
            }
        }
        if !inferred.extend(more) || interrupt.is_raised() {
            return;
        }
    }
}
