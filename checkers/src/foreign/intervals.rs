//! Makes operations of intervals: those of PolyLin and fptlin, in which each has a start and an end.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignInterval, ForeignIntervals, ForeignOperation, Text, Value};

/// What PolyLin and fptlin write where there is nothing to be taken or seen.
const EMPTY: i64 = -1;

/// The beginnings of the methods that may find nothing. To any other -1 is a value like any other.
const TAKES: [&str; 4] = ["deq", "pop", "poll", "peek"];

/// The operations, in the order of their starts. One value is itself, several are a list, none and "empty" are nil.
///
/// **An end comes before another's start at the same time**; both formats are meant so. An operation that takes no time stands
/// between the two; several of them at one time are concurrent.
pub(super) fn operations(intervals: ForeignIntervals) -> Vec<ForeignOperation> {
    let mut points: Vec<(i64, u8, usize)> = Vec::with_capacity(2 * intervals.operations.len());
    for (place, interval) in intervals.operations.iter().enumerate() {
        let takes_time = interval.start < interval.end;
        points.push((interval.start, if takes_time { 3 } else { 1 }, place));
        points.push((interval.end, if takes_time { 0 } else { 2 }, place));
    }
    points.sort_unstable();
    let mut spans: Vec<[u32; 2]> = vec![[0, 0]; intervals.operations.len()];
    for (position, &(_, kind, place)) in points.iter().enumerate() {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        match kind {
            1 | 3 => spans[place][0] = position,
            _ => spans[place][1] = position,
        }
    }
    // All operations of a method share its word.
    let mut methods: BTreeMap<&Text, Text> = BTreeMap::new();
    let mut operations: Vec<ForeignOperation> = Vec::with_capacity(intervals.operations.len());
    for (place, (interval, span)) in intervals.operations.iter().zip(spans).enumerate() {
        let method = methods.entry(&interval.method).or_insert_with(|| Text::new(interval.method.to_lowercase()));
        operations.push(operation(place, interval, method, span));
    }
    operations.sort_by_key(|operation| operation.invoked);
    operations
}

fn operation(place: usize, interval: &ForeignInterval, method: &Text, span: [u32; 2]) -> ForeignOperation {
    let may_be_empty = TAKES.iter().any(|takes| method.starts_with(takes));
    let value = match interval.values.as_slice() {
        [] => Value::Nil,
        [EMPTY] if may_be_empty => Value::Nil,
        [value] => Value::Integer(*value),
        values => Value::list(values.iter().copied().map(Value::Integer).collect::<Vec<_>>()),
    };
    // PolyLin names no processes; each operation stands for itself.
    let process = interval.process.unwrap_or_else(|| i64::try_from(place).unwrap_or(i64::MAX));
    ForeignOperation::succeeded(process, method.clone(), value, span, interval.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(times: &[(i64, i64)]) -> Vec<(u32, u32)> {
        let interval = |&(start, end): &(i64, i64)| ForeignInterval {
            process: Some(0),
            method: Text::new("PUSH"),
            values: vec![1],
            start,
            end,
            line: 1,
        };
        let intervals = ForeignIntervals { model: None, operations: times.iter().map(interval).collect() };
        let operations = operations(intervals);
        operations.iter().map(|operation| (operation.invoked, operation.completed().unwrap())).collect()
    }

    #[test]
    fn an_end_comes_before_a_start_of_the_same_time() {
        assert_eq!(spans(&[(0, 2), (2, 3)]), [(0, 1), (2, 3)]);
        assert_eq!(spans(&[(0, 2), (1, 3)]), [(0, 2), (1, 3)]);
    }

    #[test]
    fn what_takes_no_time_stands_between_an_end_and_a_start() {
        assert_eq!(spans(&[(2, 3), (2, 2), (0, 2)]), [(0, 1), (2, 3), (4, 5)]);
        // Two at one moment are concurrent.
        assert_eq!(spans(&[(2, 2), (2, 2)]), [(0, 2), (1, 3)]);
    }
}
