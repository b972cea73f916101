//! The faults of a matrix. A comma outside of brackets ends one schedule and begins the next. Within one, `;` is that of the language of
//! `test`, which says by it everything that it says by a comma; and `+` joins faults that act at the same time.
//!
//! Nothing in the language of `test` has a `+` outside of brackets, and each of its commas may be a semicolon: so every schedule can
//! be named, and what is asked for reads as it does in the matrix that is drawn of it.

use std::time::Duration;

/// The schedules that a list names, blanks around them taken away.
///
/// # Errors
/// Where nothing stands between two commas.
pub(super) fn split_list(list: &str) -> Result<Vec<String>, String> {
    let parts: Vec<String> = split_outside(list, ',').into_iter().map(|part| part.trim().to_owned()).collect();
    match parts.iter().any(String::is_empty) {
        true => {
            Err(format!("`{list}` names nothing before, behind or between its commas: take one away, or say `none`"))
        }
        false => Ok(parts),
    }
}

/// A schedule as `test` takes it: faults that are joined by `+` begin and end together, in the rhythm that `interval` gives to those that take
/// turns, or with the times behind the last of them.
///
/// # Errors
/// Where times stand behind another fault than the last of those that are joined.
pub(super) fn schedule(cell: &str, interval: Duration) -> Result<String, String> {
    let clauses = split_outside(cell, ';').into_iter().map(|clause| together(clause.trim(), interval));
    Ok(clauses.collect::<Result<Vec<_>, _>>()?.join("; "))
}

fn together(clause: &str, interval: Duration) -> Result<String, String> {
    let mut parts = split_outside(clause, '+');
    let last = match parts.pop() {
        Some(last) if !parts.is_empty() => last.trim(),
        _ => return Ok(clause.to_owned()),
    };
    let (last, times) = last.split_at(end_of_fault(last));
    let mut times = times.trim().to_owned();
    if !times.split_whitespace().any(|word| matches!(word, "every" | "at")) {
        times = format!("{times} every {}ms", 2 * interval.as_millis()).trim_start().to_owned();
    }
    let mut faults = Vec::new();
    for fault in parts.into_iter().map(str::trim).chain([last]) {
        if fault.is_empty() {
            return Err(format!("`{clause}`: the name of a fault is missing beside a `+`"));
        }
        if end_of_fault(fault) < fault.len() {
            return Err(format!(
                "`{clause}`: of faults that are joined by `+`, only the last has times behind it, which are those of all"
            ));
        }
        faults.push(format!("{fault} {times}"));
    }
    Ok(faults.join("; "))
}

/// Where a fault's name and brackets end.
fn end_of_fault(text: &str) -> usize {
    let mut depth = 0_i32;
    for (place, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return place + 1;
                }
            }
            _ if depth > 0 => {}
            _ if letter.is_whitespace() && !text[place..].trim_start().starts_with('(') => return place,
            _ => {}
        }
    }
    text.len()
}

/// Parts a text at a letter, but not within brackets.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth <= 0 && letter == separator
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use dsjepsen_engine::nemesis::{faults, parse_nemesis, plan_faults};
    use dsjepsen_history::NodeId;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(1500);

    #[test]
    fn a_comma_ends_a_schedule_but_not_in_brackets() {
        let parts = |list: &str| split_list(list).unwrap();
        assert_eq!(parts("none, pause(n2,n3) ,clock(n1, +60s)"), ["none", "pause(n2,n3)", "clock(n1, +60s)"]);
        assert_eq!(
            parts("pause; kill at 5s,restart(one, with x(y,z))"),
            ["pause; kill at 5s", "restart(one, with x(y,z))"]
        );
        for wrong in ["pause,", ",pause", "pause,,kill", ""] {
            assert!(split_list(wrong).unwrap_err().contains("none"), "{wrong}");
        }
    }

    #[test]
    fn what_is_joined_acts_at_once() {
        let of = |cell: &str| schedule(cell, INTERVAL).unwrap();
        assert_eq!(of("pause"), "pause");
        assert_eq!(of("pause+partition"), "pause every 3000ms; partition every 3000ms");
        assert_eq!(
            of("clock(n1, +60s) + delay(n1 > n2, 50ms +- 10ms)"),
            "clock(n1, +60s) every 3000ms; delay(n1 > n2, 50ms +- 10ms) every 3000ms"
        );
        assert_eq!(of("pause (one)+kill for 2s every 8s"), "pause (one) for 2s every 8s; kill for 2s every 8s");
        assert_eq!(of("pause+kill for 500ms"), "pause for 500ms every 3000ms; kill for 500ms every 3000ms");
        assert_eq!(of("pause+kill at 1s for 1s; flap"), "pause at 1s for 1s; kill at 1s for 1s; flap");
        assert_eq!(of("limit(one, files +0)"), "limit(one, files +0)");
        for wrong in ["pause for 2s+kill", "pause+", "+pause", "pause + +kill"] {
            assert!(schedule(wrong, INTERVAL).is_err(), "{wrong}");
        }
    }

    /// Whatever `test` can be told, a matrix can.
    #[test]
    fn a_semicolon_says_what_a_comma_says() {
        let nodes: Vec<NodeId> = (0..5).map(NodeId::at).collect();
        let plan = |text: &str| {
            let seconds = Duration::from_secs;
            plan_faults(&parse_nemesis(text).unwrap(), &nodes, 7, seconds(60), seconds(2)).unwrap()
        };
        assert_eq!(
            plan("pause(one),kill,partition; flap at 5s"),
            plan(&schedule("pause(one); kill; partition; flap at 5s", INTERVAL).unwrap())
        );
        for fault in faults() {
            assert!(!fault.name().contains(['+', ',', ';']), "{}", fault.name());
        }
        let both = plan(&schedule("pause(one)+partition", Duration::from_secs(2)).unwrap());
        assert!(both.chunks(2).all(|pair| pair[0].start_ns == pair[1].start_ns && pair[0].heal_ns == pair[1].heal_ns));
        assert!(both.len() >= 20);
    }
}
