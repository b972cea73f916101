//! Makes one operation of several attempts under one idempotency key: Jepsen knows no such keys, and would count each.

use std::collections::{BTreeMap, HashMap};

use super::{JepsenShape, shape};
use crate::{EventType, OpenLine, Process, ProcessLabel};

/// One attempt: where its events stand, and how it ended.
struct Attempt {
    invoked: usize,
    completed: Option<(usize, EventType)>,
}

impl Attempt {
    fn ended(&self, outcome: EventType) -> Option<usize> {
        self.completed.filter(|completed| completed.1 == outcome).map(|completed| completed.0)
    }
}

/// The events with all attempts at one operation made one: invoked at the first, ok at the first that is.
///
/// Attempts that failed before any other surely did nothing, and stand for themselves. The process of the first of the rest has retired
/// where a second was needed, so the success of a later one can be written as its own.
pub(super) fn merge(mut lines: Vec<OpenLine>, shapes: &[JepsenShape]) -> Vec<OpenLine> {
    let mut dropped = vec![false; lines.len()];
    for attempts in attempts(&lines, shapes).into_values() {
        let mut rest = attempts.into_iter().skip_while(|attempt| attempt.ended(EventType::Fail).is_some());
        let Some(first) = rest.next() else { continue };
        let mut is_ok = first.ended(EventType::Ok).is_some();
        for later in rest {
            dropped[later.invoked] = true;
            let Some((completed, _)) = later.completed else { continue };
            if later.ended(EventType::Ok).is_some() && !is_ok {
                is_ok = true;
                lines[completed].process = lines[first.invoked].process;
                lines[completed].node = lines[first.invoked].node;
                if let Some((own, _)) = first.completed {
                    dropped[own] = true;
                }
            } else {
                dropped[completed] = true;
            }
        }
    }
    lines.into_iter().zip(dropped).filter(|(_, dropped)| !dropped).map(|(line, _)| line).collect()
}

/// The attempts at each operation, in the order of their invocations.
fn attempts(lines: &[OpenLine], shapes: &[JepsenShape]) -> BTreeMap<(String, String), Vec<Attempt>> {
    let mut all: BTreeMap<(String, String), Vec<Attempt>> = BTreeMap::new();
    let mut open: HashMap<(Process, &str), (String, String)> = HashMap::new();
    for (place, line) in lines.iter().enumerate() {
        let (ProcessLabel::Client(process), Some(member)) = (line.process, shape(shapes, &line.f).attempts_at) else {
            continue;
        };
        if line.event_type == EventType::Invoke {
            let name = (line.f.clone(), super::member_of(&line.value, member).to_string());
            open.insert((process, &line.f), name.clone());
            all.entry(name).or_default().push(Attempt { invoked: place, completed: None });
        } else if let Some(name) = open.remove(&(process, line.f.as_str()))
            && let Some(attempt) = all.get_mut(&name).and_then(|attempts| {
                let own = |attempt: &&mut Attempt| lines[attempt.invoked].process == line.process;
                attempts.iter_mut().rev().find(own)
            })
        {
            attempt.completed = Some((place, line.event_type));
        }
    }
    all
}
