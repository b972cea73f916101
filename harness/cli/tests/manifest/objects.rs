//! Of an object without an order: the operations of the file that a finding names are put
//! in every order on an object of a few lines of plain code.

use std::collections::HashSet;

use dsjepsen_history::foreign::{
    ForeignBody, ForeignHistory, ForeignOperation, ForeignOutcome, Format, Value, split_keys,
};
use serde_json::Value as Json;

use super::witness::ensure;

/// What an operation asks and shows, and when it was: with no end, where nobody knows whether it was.
#[derive(Debug, Clone)]
struct Shown {
    /// Which of the objects it is of.
    key: usize,
    method: String,
    call: Value,
    reply: Value,
    is_ok: bool,
    from: u64,
    to: Option<u64>,
}

/// Shows that the operations that a row's verdict names have no order.
pub(crate) fn shows(history: &ForeignHistory, row: &Json, named: &HashSet<u64>) -> Result<(), String> {
    let model = row["model"].as_str().unwrap_or_default();
    let (state, wildcard) = first(model).ok_or_else(|| format!("no object is known here as {model}"))?;
    let heeds_misses = history.format == Format::JepsenUtilLog;
    let (mut shown, others): (Vec<Shown>, Vec<Shown>) =
        all(history)?.into_iter().partition(|operation| named.contains(&operation.from));
    ensure(shown.len() == named.len(), "operations are named that the file does not hold")?;
    shown.retain(|operation| {
        let is_open = operation.to.is_none();
        let reads = matches!(operation.method.as_str(), "read" | "get");
        !(reads && (is_open || wildcard && operation.reply.is_nil()))
    });
    let counts = heeds_misses || shown.iter().all(|operation| operation.is_ok || operation.to.is_none());
    ensure(counts, "an operation is named that failed")?;
    let mut moments = shown.iter().filter_map(|operation| operation.to);
    let contradicts = moments.any(|moment| {
        let (shown, others) = (until(moment, &shown), until(moment, &others));
        let (shown, overwritten) = closed(model, shown, others);
        let object = Object { model, shown: &shown, others: &[], overwritten };
        !object.goes_on(&mut vec![false; shown.len()], &state, &mut HashSet::new())
    });
    ensure(contradicts, "the operations that it names have an order")
}

/// The operations that had begun by a moment. Of those that were answered later, each may already have taken effect; what failed
/// later shows nothing yet.
fn until(moment: u64, all: &[Shown]) -> Vec<Shown> {
    let late = |operation: &Shown| operation.to.is_some_and(|to| to > moment);
    let begun = all.iter().filter(|operation| operation.from <= moment && (operation.is_ok || !late(operation)));
    begun.map(|operation| Shown { to: operation.to.filter(|to| *to <= moment), ..operation.clone() }).collect()
}

/// What is left of the named operations without those that depend on others: of the rest, whatever the others did, the order in
/// which all took effect is one. With it, of each, whether it may have met a value of a register that none of them wrote.
fn closed(model: &str, mut shown: Vec<Shown>, mut others: Vec<Shown>) -> (Vec<Shown>, Vec<bool>) {
    loop {
        let object = Object { model, shown: &shown, others: &others, overwritten: Vec::new() };
        let end = shown.iter().filter_map(|operation| operation.to).max().unwrap_or_default();
        let counts = |other: &&Shown| {
            let is_of_it = shown.iter().any(|operation| operation.key == other.key);
            is_of_it && other.from < end && (other.is_ok || other.to.is_none())
        };
        let depends = |&place: &usize| others.iter().filter(counts).any(|other| object.needs(place, other));
        if let Some(place) = (0..shown.len()).find(depends) {
            let dependent = shown.remove(place);
            others.push(dependent);
            continue;
        }
        let writes = |other: &&Shown| matches!(other.method.as_str(), "write" | "cas");
        let meets = |place| others.iter().filter(counts).filter(writes).any(|other| object.may_meet(other, place));
        let overwritten = (0..shown.len()).map(meets).collect();
        return (shown, overwritten);
    }
}

/// What an object holds at first, and whether a read of nil says nothing.
pub(crate) fn first(model: &str) -> Option<(Vec<Value>, bool)> {
    let (name, option) = model.split_once('(').unwrap_or((model, ""));
    Some(match (name, option.trim_end_matches(')')) {
        ("register" | "cas-register", "init=0") => (vec![Value::Integer(0)], true),
        ("register" | "cas-register", _) => (vec![Value::Nil], false),
        ("kv-get-put-append", _) => (vec![Value::string("")], false),
        ("set" | "stack" | "queue" | "deque" | "unordered-queue" | "pqueue" | "priorityqueue" | "semaphore", _) => {
            (Vec::new(), false)
        }
        _ => return None,
    })
}

fn all(history: &ForeignHistory) -> Result<Vec<Shown>, String> {
    let of = |key: usize, operation: &ForeignOperation| Shown {
        key,
        method: operation.f.as_deref().unwrap_or_default().to_owned(),
        call: operation.call.clone(),
        reply: operation.reply.clone(),
        is_ok: operation.outcome == ForeignOutcome::Ok,
        from: operation.invoked.into(),
        to: operation.completed().filter(|_| operation.outcome != ForeignOutcome::Info).map(u64::from),
    };
    match &history.body {
        ForeignBody::Operations(paired) if history.format == Format::EdnLinesKv => {
            let split = split_keys(paired.operations.clone(), "").map_err(|problem| problem.to_string())?;
            let keys = split.keys.values().enumerate();
            Ok(keys.flat_map(|(key, operations)| operations.iter().map(move |operation| of(key, operation))).collect())
        }
        ForeignBody::Operations(paired) => Ok(paired.operations.iter().map(|operation| of(0, operation)).collect()),
        ForeignBody::Intervals(intervals) => {
            let mut points = Vec::new();
            for (place, interval) in intervals.operations.iter().enumerate() {
                // An end is earlier than a start at the same time.
                let [start, end] = if interval.start < interval.end { [3, 0] } else { [1, 2] };
                points.extend([(interval.start, start, place), (interval.end, end, place)]);
            }
            points.sort_unstable();
            let rank = |at: i64, place: usize| {
                points.iter().position(|point| (point.0, point.2) == (at, place)).map(|rank| rank as u64)
            };
            let shown = intervals.operations.iter().enumerate().map(|(place, interval)| {
                let value = interval.values.first().map_or(Value::Nil, |&value| Value::Integer(value));
                Shown {
                    key: 0,
                    method: interval.method.to_lowercase(),
                    call: value.clone(),
                    reply: value,
                    is_ok: true,
                    from: rank(interval.start, place).unwrap_or_default(),
                    to: rank(interval.end, place),
                }
            });
            Ok(shown.collect())
        }
        ForeignBody::Sessions(_) => Err("transactions are no operations on one object".into()),
    }
}

/// Whether it puts a value into a container.
fn is_put(operation: &Shown) -> bool {
    let method = operation.method.as_str();
    matches!(method, "add" | "insert") || ["push", "enq"].iter().any(|put| method.starts_with(put))
}

/// What it puts into a container, or takes out.
fn value(operation: &Shown) -> &Value {
    if is_put(operation) { &operation.call } else { &operation.reply }
}

/// Whether that says that the container was empty.
fn is_nothing(value: &Value) -> bool {
    value.is_nil() || *value == Value::Integer(-1)
}

type Tried = HashSet<(Vec<bool>, Vec<Value>)>;

/// The operations on an object of this model.
struct Object<'a> {
    model: &'a str,
    shown: &'a [Shown],
    /// The other operations of the file.
    others: &'a [Shown],
    /// Of each, whether it may have met a value of a register that none of these operations wrote.
    overwritten: Vec<bool>,
}

impl Object<'_> {
    /// Whether an operation says something of another, so that to leave that out may make it impossible: of a register one that
    /// wrote what it found, of a text one whose part it found, of a container one with its value.
    fn needs(&self, place: usize, other: &Shown) -> bool {
        let one = &self.shown[place];
        let finds = |value: &Value| {
            self.may_meet(other, place)
                && match one.method.as_str() {
                    "read" => one.reply == *value,
                    "cas" => (one.is_ok || one.to.is_none()) && one.call.as_list().is_some_and(|cas| cas[0] == *value),
                    _ => false,
                }
        };
        let text = |value: &Value| value.as_word().unwrap_or_default().to_owned();
        let refuses = |one: &Shown| one.method == "decr" && one.reply == Value::Integer(0);
        match other.method.as_str() {
            "read" | "get" => false,
            method if method.starts_with("peek") => false,
            "write" => finds(&other.call),
            "cas" => other.call.as_list().is_none_or(|cas| finds(&cas[1])),
            "put" | "append" => one.method == "get" && text(&one.reply).contains(&text(&other.call)),
            "add" => one.method == "read" && one.reply.as_collection().is_some_and(|all| all.contains(&other.call)),
            "incr" => true,
            "decr" => refuses(one) && !refuses(other),
            _ if !other.is_ok && !is_put(other) => true,
            _ => value(one) == value(other) && !is_nothing(value(one)),
        }
    }

    /// Whether the operations that are not done can follow: each answered one must, and only after all that had ended when it began.
    fn goes_on(&self, done: &mut Vec<bool>, state: &[Value], tried: &mut Tried) -> bool {
        let shown = self.shown;
        let waits = |done: &[bool], place: usize| !done[place] && shown[place].to.is_some();
        if !(0..shown.len()).any(|place| waits(done, place)) {
            return true;
        }
        if !tried.insert((done.clone(), state.to_vec())) {
            return false;
        }
        (0..shown.len()).any(|place| {
            let ended = |other: usize| waits(done, other) && shown[other].to.is_some_and(|to| to < shown[place].from);
            if done[place] || (0..shown.len()).any(ended) {
                return false;
            }
            let mut after = state.to_vec();
            done[place] = true;
            let goes_on = self.steps(place, &mut after) && self.goes_on(done, &after, tried);
            done[place] = false;
            goes_on
        })
    }

    /// Whether an operation of a register can find what another left: it did not begin too late, and nothing between the two set the
    /// register, or shows that it held something else by then.
    fn may_meet(&self, other: &Shown, place: usize) -> bool {
        let one = &self.shown[place];
        let left = other.call.as_list().map_or(&other.call, |cas| &cas[1]);
        let parts = |between: &Shown| {
            let is_between = between.key == one.key
                && between.is_ok
                && between.to.is_some_and(|to| to < one.from)
                && other.to.is_some_and(|to| to < between.from);
            is_between && (between.method != "read" || !between.reply.is_nil() && between.reply != *left)
        };
        one.to.is_none_or(|to| other.from < to) && !self.shown.iter().chain(self.others).any(parts)
    }

    /// Lets an operation take effect; `false` where it cannot have ended so.
    fn steps(&self, place: usize, state: &mut Vec<Value>) -> bool {
        let Shown { method, call, reply, is_ok, to, .. } = &self.shown[place];
        match method.as_str() {
            "read" if self.model == "set" => {
                let mut all = reply.as_collection().unwrap_or_default().to_vec();
                all.sort_unstable();
                let mut held = state.clone();
                held.sort_unstable();
                return held == all;
            }
            "add" if state.contains(call) => {}
            "read" | "get" => return state[0] == *reply,
            "write" | "put" => state[0] = call.clone(),
            "append" => state[0] = Value::string(&[&state[0], call].map(|text| text.as_word().unwrap_or("")).concat()),
            "cas" => match call.as_list() {
                Some([from, _]) if !is_ok && to.is_some() => return self.overwritten[place] || state[0] != *from,
                Some([from, into]) if state[0] == *from => state[0] = into.clone(),
                _ => return false,
            },
            "push_front" => state.insert(0, call.clone()),
            "add" | "push" | "enq" | "enqueue" | "push_back" | "insert" | "incr" => state.push(call.clone()),
            "decr" if *reply == Value::Integer(0) => return state.is_empty(),
            "decr" => return state.pop().is_some(),
            method => {
                if is_nothing(reply) {
                    return state.is_empty();
                }
                let Some(at) = self.next(method, reply, state).filter(|&at| state[at] == *reply) else { return false };
                if !method.starts_with("peek") {
                    state.remove(at);
                }
            }
        }
        true
    }

    /// The place of the value that is taken, or looked at.
    fn next(&self, method: &str, reply: &Value, state: &[Value]) -> Option<usize> {
        match (self.model, method) {
            ("unordered-queue", _) => state.iter().position(|held| held == reply),
            ("pqueue" | "priorityqueue", _) => (0..state.len()).max_by_key(|&at| state[at].as_integer()),
            ("queue", _) | ("deque", "pop_front" | "peek_front") => (!state.is_empty()).then_some(0),
            ("stack", _) | ("deque", "pop_back" | "peek_back") => state.len().checked_sub(1),
            _ => panic!("no {} knows a {method}", self.model),
        }
    }
}
