//! Small parts of a large history, in which all that a level forces can be inferred.
//!
//! Whoever takes transactions out of an order that a level allows has one still, if nobody is left that read from them. So where a
//! part has no order, the whole has none, and the part is what is shown.

use super::base::{Base, INITIAL};
use crate::transactions::history::{MicroOperation, TransactionHistory};

/// The order in which transactions ended.
pub(super) struct Windows<'a> {
    base: &'a Base<'a>,
    by_end: Vec<u32>,
    /// Where each stands there.
    places: Vec<u32>,
}

impl<'a> Windows<'a> {
    pub(super) fn of(base: &'a Base<'a>) -> Self {
        let by_end = base.by_end();
        let mut places = vec![u32::MAX; base.history.len()];
        for (place, &number) in (0..).zip(&by_end) {
            places[number as usize] = place;
        }
        Self { base, by_end, places }
    }

    /// So many transactions that ended before and after one, and what those wrote that they read from.
    pub(super) fn around(&self, number: u32, reach: usize) -> TransactionHistory {
        let base = self.base;
        let place = self.places[number as usize] as usize;
        let inside = &self.by_end[place.saturating_sub(reach)..self.by_end.len().min(place + reach + 1)];
        let mut members: Vec<(u32, bool)> = inside.iter().map(|&member| (member, true)).collect();
        let sources = inside.iter().flat_map(|&member| base.reads(member)).map(|read| read.writer);
        let sources: Vec<(u32, bool)> =
            sources.filter(|&writer| writer != INITIAL).map(|writer| (writer, false)).collect();
        members.extend(sources);
        // Of a member that is read from too, all counts.
        members.sort_unstable_by_key(|&(member, is_whole)| (member, !is_whole));
        members.dedup_by_key(|member| member.0);
        let is_written = |step: &MicroOperation| matches!(step, MicroOperation::Write { .. });
        base.history.part(
            members
                .into_iter()
                .map(|(member, is_whole)| (member, move |step: &MicroOperation| is_whole || is_written(step))),
        )
    }
}
