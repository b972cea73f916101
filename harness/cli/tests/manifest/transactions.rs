//! Of Elle's transactions: a circle is followed edge by edge, each looked up in what its two transactions did; what shows without a
//! circle is looked up at once.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value, read_value};
use serde_json::Value as Json;

use super::witness::{ensure, has_circle};

/// Shows that the named transactions have the anomaly that the rule names.
pub(crate) fn shows(all: &[ForeignOperation], named: &[&ForeignOperation], row: &Json) -> Result<(), String> {
    let model = row["model"].as_str().unwrap_or_default();
    let options = model.find('{').and_then(|at| read_value(&model[at..]).ok()).unwrap_or(Value::Nil);
    let history = History { all: all.iter().map(Transaction::of).collect(), options };
    let named: Vec<Transaction<'_>> = named.iter().map(|operation| Transaction::of(operation)).collect();
    let anomaly = row["rule"].as_str().and_then(|rule| rule.strip_prefix("transactions.")).unwrap_or_default();
    let any = |holds: &dyn Fn(&Transaction<'_>, &Transaction<'_>) -> bool| {
        let mut pairs = named.iter().flat_map(|first| named.iter().map(move |second| (first, second)));
        pairs.any(|(first, second)| first.invoked() != second.invoked() && holds(first, second))
    };
    let is_there = match anomaly {
        "internal" => named.iter().any(Transaction::contradicts_itself),
        "duplicate-elements" => named.iter().any(|reader| history.repeats(reader)),
        "G1a" => any(&|failed, reader| {
            let was_read = |&(key, value): &_| reader.read_of(key).any(|list| list.contains(value));
            failed.failed() && failed.writes().any(|write| was_read(&write))
        }),
        "dirty-update" => any(&|failed, committed| {
            let pairs = failed.writes_with(committed);
            failed.failed() && committed.is_ok() && pairs.iter().any(|&(key, a, b)| history.shows_in_order(key, a, b))
        }),
        "lost-update" => any(&|one, other| {
            let same = |key| one.met_first(key).is_some_and(|read| other.met_first(key) == Some(read));
            one.is_ok() && other.is_ok() && one.writes_with(other).iter().any(|&(key, ..)| same(key))
        }),
        "cyclic-versions" => history.versions_go_in_a_circle(&named),
        _ => return history.follow(&named, row["cycle"].as_array().map_or(&[], Vec::as_slice), anomaly),
    };
    ensure(is_there, "the transactions that it names do not have the anomaly")
}

/// A transaction with its steps: whether each writes, its key, and its value. What was asked to be read, and not answered, is none.
struct Transaction<'a> {
    operation: &'a ForeignOperation,
    steps: Vec<(bool, &'a Value, &'a Value)>,
}

impl<'a> Transaction<'a> {
    fn of(operation: &'a ForeignOperation) -> Self {
        let is_ok = operation.outcome == ForeignOutcome::Ok;
        let steps = if is_ok { &operation.reply } else { &operation.call };
        let step = |step: &'a Value| {
            let step = step.as_list()?;
            let writes = matches!(step.first()?.as_word()?, "w" | "write" | "append");
            Some((writes, step.get(1)?, step.get(2).unwrap_or(&Value::Nil)))
        };
        let steps = steps.as_list().unwrap_or_default().iter().filter_map(step);
        Self { operation, steps: steps.filter(|step| is_ok || step.0).collect() }
    }

    fn invoked(&self) -> u64 {
        self.operation.invoked.into()
    }

    fn is_ok(&self) -> bool {
        self.operation.outcome == ForeignOutcome::Ok
    }

    fn failed(&self) -> bool {
        self.operation.outcome == ForeignOutcome::Fail
    }

    fn writes(&self) -> impl Iterator<Item = (&'a Value, &'a Value)> {
        self.steps.iter().filter(|step| step.0).map(|&(_, key, value)| (key, value))
    }

    /// What it and another wrote to one key.
    fn writes_with(&self, other: &Self) -> Vec<(&'a Value, &'a Value, &'a Value)> {
        let both =
            |(key, value)| other.writes().filter(move |write| write.0 == key).map(move |write| (key, value, write.1));
        self.writes().flat_map(both).collect()
    }

    /// What it read of a key, each read as a list of what was there: of a register the value alone, of an initial state nothing.
    fn read_of(&self, key: &Value) -> impl Iterator<Item = &'a [Value]> {
        self.steps.iter().filter(move |step| !step.0 && step.1 == key).map(|step| match step.2 {
            Value::Nil => &[],
            Value::List(_) => step.2.as_list().unwrap_or_default(),
            value => std::slice::from_ref(value),
        })
    }

    /// What it read of a key before it wrote any.
    fn met_first(&self, key: &Value) -> Option<&'a Value> {
        self.steps.iter().find(|step| step.1 == key).filter(|step| !step.0).map(|step| step.2)
    }

    /// Whether a read of a register shows something else than the transaction had last read or written.
    fn contradicts_itself(&self) -> bool {
        self.steps.iter().enumerate().any(|(at, (writes, key, value))| {
            let last = self.steps[..at].iter().rfind(|earlier| earlier.1 == *key);
            !matches!(value, Value::List(_)) && !writes && last.is_some_and(|last| last.2 != *value)
        })
    }

    /// Whether it had succeeded before the other began, so far as the file says when that was.
    fn precedes(&self, other: &Self) -> bool {
        let is_known = self.is_ok() && !self.operation.is_bare() && !other.operation.is_bare();
        is_known && self.operation.completed().is_some_and(|ended| ended < other.operation.invoked)
    }

    /// Whether one process ran it before the other. Of completions alone the file tells the order.
    fn is_followed_by(&self, other: &Self) -> bool {
        let is_one = self.operation.process().is_some() && self.operation.process() == other.operation.process();
        let is_bare = self.operation.is_bare() || other.operation.is_bare();
        let in_order = is_bare && self.is_ok() && self.operation.completed() < other.operation.completed();
        is_one && (in_order || self.precedes(other))
    }
}

struct History<'a> {
    all: Vec<Transaction<'a>>,
    options: Value,
}

impl History<'_> {
    /// Whether some read shows one element of a list before another, or without it.
    fn shows_in_order(&self, key: &Value, first: &Value, second: &Value) -> bool {
        self.all.iter().flat_map(|reader| reader.read_of(key)).any(|list| {
            let at = |element: &Value| list.iter().position(|other| other == element);
            at(first).is_some_and(|first| at(second).is_none_or(|second| first < second))
        })
    }

    /// Whether it read a list that holds twice what was appended once.
    fn repeats(&self, reader: &Transaction<'_>) -> bool {
        reader.steps.iter().filter(|step| !step.0).any(|&(_, key, list)| {
            let list = list.as_list().unwrap_or_default();
            let all = || self.all.iter().flat_map(Transaction::writes);
            let once = |element: &Value| all().filter(|write| *write == (key, element)).count() == 1;
            list.iter().enumerate().any(|(at, element)| list[..at].contains(element) && once(element))
        })
    }

    /// Whether it succeeded, or somebody read what it wrote.
    fn took_effect(&self, transaction: &Transaction<'_>) -> bool {
        let was_read = |(key, value): (&Value, &Value)| {
            self.all.iter().flat_map(|reader| reader.read_of(key)).any(|list| list.contains(value))
        };
        transaction.is_ok() || !transaction.failed() && transaction.writes().any(was_read)
    }

    /// Whether the order of a register's versions is told: by a transaction that read the one and wrote the other, or by the store.
    fn is_told(&self, key: &Value, before: &Value, after: &Value) -> bool {
        let updates = |one: &Transaction<'_>| {
            one.is_ok() && one.met_first(key) == Some(before) && one.writes().any(|write| write == (key, after))
        };
        let follow = !matches!(self.options.get("wfr-keys?"), None | Some(Value::Nil | Value::Bool(false)));
        let rank = |value: &Value| {
            let writer = self.all.iter().find(|one| one.writes().any(|write| write == (key, value)))?;
            let at = Value::Integer(writer.operation.completed()?.into());
            let ranks = self.options.get("transaction-order")?.as_map()?;
            ranks.iter().find(|rank| rank.0 == at)?.1.as_integer()
        };
        follow && self.all.iter().any(updates) || rank(before).zip(rank(after)).is_some_and(|(one, other)| one < other)
    }

    /// Whether real time leads from a version of a register back to it. Only where every key is said to be linearizable.
    fn versions_go_in_a_circle(&self, named: &[Transaction<'_>]) -> bool {
        let mut edges = Vec::new();
        for (first, second) in named.iter().flat_map(|first| named.iter().map(move |second| (first, second))) {
            for &(_, key, met) in second.steps.iter().filter(|_| first.precedes(second)) {
                let is_first = second.steps.iter().find(|step| step.1 == key).is_some_and(|step| step.2 == met);
                let left = first.steps.iter().rfind(|step| step.1 == key && is_first && step.2 != met);
                edges.extend(left.map(|left| [(key, left.2), (key, met)]));
            }
        }
        let mut versions: Vec<(&Value, &Value)> = edges.iter().flatten().copied().collect();
        versions.sort_unstable();
        versions.dedup();
        let place = |version| versions.binary_search(&version).unwrap_or_default();
        let edges: Vec<(usize, usize)> = edges.iter().map(|&[from, to]| (place(from), place(to))).collect();
        self.options.get("linearizable-keys?") == Some(&Value::Bool(true)) && has_circle(versions.len(), &edges)
    }

    /// Follows a circle: through named transactions alone, each edge there, and of no other kinds than the anomaly has.
    fn follow(&self, named: &[Transaction<'_>], cycle: &[Json], anomaly: &str) -> Result<(), String> {
        let next = cycle.iter().skip(1).chain(cycle.first());
        ensure(cycle.iter().zip(next).all(|(edge, next)| edge["to"] == next["from"]), "its edges are no circle")?;
        for edge in cycle {
            let end = |side: &str| named.iter().find(|one| edge[side] == one.invoked());
            let (from, to) = end("from").zip(end("to")).ok_or("an edge leads to what is not named")?;
            ensure(self.took_effect(from) && self.took_effect(to), "a transaction took no effect")?;
            ensure(from.invoked() != to.invoked() && self.holds(edge, from, to), &format!("no such edge: {edge}"))?;
        }
        let kinds: Vec<&str> = cycle.iter().map(|edge| edge["kind"].as_str().unwrap_or_default()).collect();
        ensure(is_of(anomaly, &kinds), &format!("{kinds:?} is no {anomaly}"))
    }

    /// Whether what an edge says is seen in its two transactions. Lists only grow: who read one without what was appended came first.
    fn holds(&self, edge: &Json, from: &Transaction<'_>, to: &Transaction<'_>) -> bool {
        let is = |value: &Value, name: &str| edge[name].as_str() == Some(value.to_string().as_str());
        let wrote =
            |one: &Transaction<'_>, name: &str| one.writes().any(|(key, value)| is(key, "key") && is(value, name));
        let mut both = from.writes_with(to).into_iter().filter(|write| is(write.0, "key"));
        let lists = self.all.iter().flat_map(|one| &one.steps).any(|step| matches!(step.2, Value::List(_)));
        let missed = |(key, after): (&Value, &Value)| {
            let reads = || from.read_of(key);
            let is_before = |list: &&[Value]| list.last().map_or(edge["before"].is_null(), |last| is(last, "before"));
            let is_older = |list: &[Value]| match list.last() {
                Some(last) if !lists => self.is_told(key, last, after),
                _ => !list.contains(after),
            };
            is(key, "key") && is(after, "after") && reads().filter(is_before).any(is_older)
        };
        match edge["kind"].as_str().unwrap_or_default() {
            "session" => from.is_followed_by(to),
            "real-time" => from.precedes(to),
            "read" => to.steps.iter().filter(|step| is(step.1, "key")).any(|step| {
                wrote(from, "before")
                    && to.read_of(step.1).any(|list| list.last().is_some_and(|last| is(last, "after")))
            }),
            "missed" => to.writes().any(missed),
            "overwrote" => both.any(|(key, before, after)| {
                let in_order = if lists { Self::shows_in_order } else { Self::is_told };
                is(before, "before") && is(after, "after") && in_order(self, key, before, after)
            }),
            _ => false,
        }
    }
}

/// Whether a circle of such edges, one after another, is an anomaly of that name.
fn is_of(anomaly: &str, kinds: &[&str]) -> bool {
    let (name, order) = ["-process", "-realtime"]
        .iter()
        .find_map(|order| Some((anomaly.strip_suffix(order)?, *order)))
        .unwrap_or((anomaly, ""));
    let has = |kind: &str| kinds.contains(&kind);
    let missed = kinds.iter().filter(|kind| **kind == "missed").count();
    let next = kinds.iter().skip(1).chain(kinds.first());
    let in_a_row = kinds.iter().zip(next).any(|pair| pair == (&"missed", &"missed"));
    let orders = (!has("session") || !order.is_empty()) && (!has("real-time") || order == "-realtime");
    let is_named = match name {
        "G0" => missed == 0 && !has("read"),
        "G1c" => missed == 0,
        "G-single-item" => missed == 1,
        "G-nonadjacent-item" => missed > 0 && !in_a_row,
        "G2-item" => missed > 0,
        _ => false,
    };
    is_named && orders && !has("visible")
}
