//! Pairing held against an obvious oracle: all events in a list, put in order first, each completion compared with all operations.

use std::collections::BTreeSet;

use super::*;

/// An operation as the oracle makes it.
struct Drawn {
    process: ForeignProcess,
    f: Option<Text>,
    call: Value,
    reply: Value,
    outcome: ForeignOutcome,
    invoked: usize,
    completed: Option<usize>,
    /// Error, filled, bare.
    flags: [bool; 3],
    line: u32,
    is_open: bool,
}

/// The operations in few words, the positions of named events, the times, and the notes' beginnings.
type Facts = (Vec<String>, Vec<usize>, Vec<i64>, usize);

fn agree(call: &Value, reply: &Value) -> bool {
    match (call.as_list(), reply.as_list()) {
        _ if call.is_nil() || reply.is_nil() => true,
        (Some(call), Some(reply)) => {
            call.len() <= reply.len() && call.iter().zip(reply).all(|(call, reply)| agree(call, reply))
        }
        _ => call == reply,
    }
}

/// The oracle. An error says no more than its line.
fn oracle(events: &[ForeignEvent], rules: PairingRules) -> Result<Facts, u32> {
    let mut events = events.to_vec();
    let is_own = |event: &ForeignEvent| {
        let same = events.iter().filter(|other| other.index == event.index).count();
        event.index.is_some_and(|index| index >= 0) && same == 1
    };
    let has_own_order = events.iter().all(is_own);
    let was = events.clone();
    if has_own_order {
        events.sort_by_key(|event| event.index);
    }
    let indices: Vec<i64> = was.iter().filter_map(|event| event.index.filter(|index| *index >= 0)).collect();
    let goes_back = !indices.is_sorted();
    let mut notes = usize::from(events != was) + usize::from(goes_back && !has_own_order);
    let (mut operations, mut named): (Vec<Drawn>, Vec<usize>) = (Vec::new(), Vec::new());
    let (mut overlaps, mut dropped) = (false, false);
    // The last indeterminate operations of processes that have invoked none since.
    let mut given_up: Vec<usize> = Vec::new();
    let (mut clients, mut bystanders): (Vec<Text>, BTreeSet<Text>) = (Vec::new(), BTreeSet::new());
    for (position, event) in events.iter().enumerate() {
        let mut event = event.clone();
        if let ForeignProcess::Named(name) = event.process.clone()
            && name.to_lowercase() != "nemesis"
        {
            if event.event_type != EventType::Info && !clients.contains(&name) {
                if bystanders.contains(&name) {
                    return Err(event.line);
                }
                clients.push(name.clone());
            }
            match clients.iter().position(|client| *client == name) {
                Some(place) => event.process = ForeignProcess::Client(i64::MIN + place as i64),
                None => _ = bystanders.insert(name),
            }
        }
        let event = &event;
        let open: Vec<usize> = (0..operations.len())
            .filter(|place| operations[*place].is_open && operations[*place].process == event.process)
            .collect();
        let is_stated = event.process != ForeignProcess::Unstated;
        let outcome = match event.event_type {
            _ if matches!(event.process, ForeignProcess::Named(_)) => {
                named.extend(rules.keeps_named.then_some(position));
                continue;
            }
            EventType::Invoke if !open.is_empty() && is_stated && !rules.may_overlap => return Err(event.line),
            EventType::Invoke if open.len() >= 1000 => return Err(event.line),
            EventType::Invoke => {
                overlaps |= is_stated && !open.is_empty();
                given_up.retain(|place: &usize| operations[*place].process != event.process);
                operations.push(drawn(event, position));
                continue;
            }
            EventType::Ok => ForeignOutcome::Ok,
            EventType::Fail => ForeignOutcome::Fail,
            EventType::Info => ForeignOutcome::Info,
        };
        let of_kind: Vec<usize> = open
            .iter()
            .copied()
            .filter(|place| {
                let asked = &operations[*place].f;
                asked.is_none() || event.f.is_none() || *asked == event.f
            })
            .collect();
        if of_kind.is_empty() {
            let told = given_up.iter().rev().find(|place| operations[**place].process == event.process);
            let again = told.is_some_and(|place| {
                let told = &operations[*place];
                (told.f.is_none() || event.f.is_none() || told.f == event.f) && agree(&told.call, &event.value)
            });
            if again || (is_stated && !open.is_empty()) || !rules.may_be_bare {
                return Err(event.line);
            }
            let reply = event.value.clone();
            let flags = [event.has_error, false, true];
            let alone = drawn(event, position);
            operations.push(Drawn { reply, outcome, flags, completed: Some(position), is_open: false, ..alone });
            continue;
        }
        let is_only = is_stated && of_kind.len() == 1;
        let fitting: Vec<usize> =
            of_kind.into_iter().filter(|place| is_only || agree(&operations[*place].call, &event.value)).collect();
        let is_clear = fitting.iter().all(|place| operations[*place].call == operations[fitting[0]].call);
        if fitting.is_empty() || !is_clear {
            if outcome != ForeignOutcome::Info {
                return Err(event.line);
            }
            dropped = true;
            continue;
        }
        for place in fitting.iter().filter(|_| fitting.len() > 1) {
            operations[*place].flags[2] = true;
        }
        finish(&mut operations[fitting[0]], event, position, outcome);
        if is_stated && outcome == ForeignOutcome::Info {
            given_up.push(fitting[0]);
        }
    }
    let alone = operations.iter().filter(|operation| operation.completed == Some(operation.invoked)).count();
    let some_alone = alone > 0 && alone < operations.len();
    notes += usize::from(!clients.is_empty()) + bystanders.len().min(5);
    notes += usize::from(overlaps) + usize::from(dropped) + usize::from(some_alone);
    let times: Option<Vec<i64>> = events.iter().map(|event| event.time).collect();
    Ok((operations.iter().map(shown).collect(), named, times.unwrap_or_default(), notes))
}

fn drawn(event: &ForeignEvent, position: usize) -> Drawn {
    Drawn {
        process: event.process.clone(),
        f: event.f.clone(),
        call: event.value.clone(),
        reply: Value::Nil,
        outcome: ForeignOutcome::Info,
        invoked: position,
        completed: None,
        flags: [false; 3],
        line: event.line,
        is_open: true,
    }
}

fn finish(operation: &mut Drawn, event: &ForeignEvent, position: usize, outcome: ForeignOutcome) {
    let fills = outcome == ForeignOutcome::Ok && operation.call.is_nil() && !event.value.is_nil();
    if fills {
        operation.call = event.value.clone();
    }
    operation.flags[0] = event.has_error;
    operation.flags[1] = fills;
    operation.f = operation.f.clone().or_else(|| event.f.clone());
    operation.reply = event.value.clone();
    operation.outcome = outcome;
    operation.completed = Some(position);
    operation.is_open = false;
}

fn shown(it: &Drawn) -> String {
    let process = match it.process {
        ForeignProcess::Client(number) => Some(number),
        _ => None,
    };
    let span = (it.invoked, it.completed);
    format!("{process:?} {:?} {} {} {:?} {span:?} {:?} {}", it.f, it.call, it.reply, it.outcome, it.flags, it.line)
}

fn facts(paired: &Paired) -> Facts {
    let shown = |it: &ForeignOperation| {
        let flags = [it.has_error(), it.is_filled(), it.is_bare()];
        let span = (it.invoked, it.completed());
        format!(
            "{:?} {:?} {} {} {:?} {span:?} {flags:?} {}",
            it.process(),
            it.f,
            it.call,
            it.reply,
            it.outcome,
            it.line
        )
    };
    let named = paired.named.iter().map(|(position, _)| *position as usize).collect();
    (paired.operations.iter().map(shown).collect(), named, paired.times.iter().collect(), paired.notes.len())
}

/// Pairs events one by one and as the oracle does; both come to the same.
pub(super) fn agrees_with_the_oracle(events: &[ForeignEvent], rules: PairingRules) {
    let line = |error: &ForeignError| match error {
        ForeignError::Malformed { place: Place::Line { line, .. }, .. } => *line,
        other => panic!("{other}"),
    };
    let came = pair(events.to_vec(), "events", rules);
    assert_eq!(came.as_ref().map(facts).map_err(line), oracle(events, rules), "{rules:?}\n{events:#?}");
}
