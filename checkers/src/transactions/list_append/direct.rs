//! Anomalies of lists that show without any graph: in one transaction, in one read, or in the order of one key.

use super::versions::{Longest, NOBODY, Place, Versions};
use crate::transactions::anomaly::Anomaly;
use crate::transactions::history::{List, MicroOperation, Outcome, TransactionHistory};
use crate::transactions::text::list_in_words;
use crate::transactions::verdict::{Cases, Options};

/// Finds them all.
pub(super) fn find(versions: &Versions<'_>, options: &Options, cases: &mut Cases<'_>) {
    let history = versions.history;
    let orders: Vec<_> = (0..history.key_count()).map(|key| KeyOrder::of(versions, key)).collect();
    let hidden_writes = options.hidden_writes;
    let mut judge = Judge {
        versions,
        hidden_writes,
        history,
        orders,
        memory: Memory::new(history.key_count()),
        updates: Vec::new(),
    };
    for number in history.numbers().filter(|&number| history.outcome(number) == Outcome::Ok) {
        judge.transaction(number, cases);
    }
    judge.lost_updates(cases);
    for number in history.numbers().filter(|&number| versions.commits(number)) {
        swapped_appends(versions, number, cases);
    }
    dirty_updates(versions, cases);
}

/// Appends of one transaction to one key that took effect in another order, or of which only a later one did.
///
/// Adya's versions of one writer stand in the order in which it wrote them, so this is a circle of versions. (Elle does not look for it.)
fn swapped_appends(versions: &Versions<'_>, number: u32, cases: &mut Cases<'_>) {
    let history = versions.history;
    let steps = history.steps(number);
    for (at, (key, value)) in steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.written()?))) {
        let append = versions.append(key, value).filter(|append| append.intermediate);
        let next = steps[at + 1..].iter().filter_map(|step| step.written()).find(|later| later.0 == key);
        let (Some(append), Some((_, later))) = (append, next) else { continue };
        let Some(second) = versions.append(key, later).filter(|second| second.version != 0) else { continue };
        // What nobody read comes after all that somebody read.
        if append.version == 0 || append.version > second.version {
            let reader = versions.longest[key as usize].map_or(number, |longest| longest.reader);
            let shown = if reader == number { vec![number] } else { vec![number, reader] };
            cases.add(Anomaly::CyclicVersions, &shown, || {
                let (key, first, second) = (history.key_name(key), history.value_name(value), history.value_name(later));
                (format!("A transaction appended {first} and then {second} to key {key}, and the list holds {second} without {first} before it."),
                 format!("T1 appended {first} before {second}, and key {key} shows {second} without {first} before it: a contradiction."))
            });
        }
    }
}

/// What is wrong with the longest read of a key, from which version on.
#[derive(Debug, Clone, Copy)]
struct KeyOrder {
    first_aborted: u32,
    first_garbage: u32,
}

impl KeyOrder {
    fn of(versions: &Versions<'_>, key: usize) -> Self {
        let first = |wrong: &dyn Fn(u32) -> bool| {
            let at = versions.writers(key).iter().position(|&writer| wrong(writer));
            at.map_or(u32::MAX, |at| at as u32 + 1)
        };
        Self {
            first_aborted: first(&|writer| writer != NOBODY && versions.history.outcome(writer) == Outcome::Fail),
            first_garbage: first(&|writer| writer == NOBODY),
        }
    }
}

/// What a transaction did to a key so far.
#[derive(Debug, Clone, Copy, Default)]
struct Touched {
    /// The last list that it read.
    read: Option<List>,
    /// The place of that read, or of the start, after which its own appends count.
    since: usize,
    /// How many appends came after it.
    appended: usize,
    /// Whether the first thing it did was a read, and of which version.
    first_read: Option<u32>,
    wrote: bool,
}

/// What the transaction at hand did to each key, forgotten at once when the next one begins.
struct Memory {
    stamps: Vec<u32>,
    touched: Vec<Touched>,
    now: u32,
}

impl Memory {
    fn new(keys: usize) -> Self {
        Self { stamps: vec![u32::MAX; keys], touched: vec![Touched::default(); keys], now: 0 }
    }

    fn get(&mut self, key: u32) -> (&mut Touched, bool) {
        let at = key as usize;
        let fresh = self.stamps[at] != self.now;
        if fresh {
            self.stamps[at] = self.now;
            self.touched[at] = Touched::default();
        }
        (&mut self.touched[at], fresh)
    }
}

struct Judge<'a> {
    versions: &'a Versions<'a>,
    hidden_writes: bool,
    history: &'a TransactionHistory,
    orders: Vec<KeyOrder>,
    memory: Memory,
    /// Who read a version first and then appended to its key: `(key, version, transaction)`.
    updates: Vec<(u32, u32, u32)>,
}

impl Judge<'_> {
    fn transaction(&mut self, number: u32, cases: &mut Cases<'_>) {
        self.memory.now = number;
        let mut contradicted = false;
        for (at, &step) in self.history.steps(number).iter().enumerate() {
            match step {
                MicroOperation::Append { key, value } => self.append(number, at, key, value, cases),
                MicroOperation::ReadList { key, list } => {
                    if self.contradicts(number, at, key, list) {
                        contradicted = true;
                        if self.memory.get(key).0.wrote {
                            cases.misses_own_write();
                        }
                    }
                    self.read(number, key, list, cases);
                    let place = self.versions.place(key, self.history.elements(list));
                    let (touched, fresh) = self.memory.get(key);
                    if fresh && let Place::Version(version) = place {
                        touched.first_read = Some(version);
                    }
                    (touched.read, touched.since, touched.appended) = (Some(list), at, 0);
                }
                _ => {}
            }
        }
        if contradicted {
            cases.add(Anomaly::Internal, &[number], || {
                (
                    "A transaction read a list that contradicts what it had read and appended itself.".to_owned(),
                    "T1 did nothing in between that explains the difference: a contradiction.".to_owned(),
                )
            });
        }
    }

    fn append(&mut self, number: u32, at: usize, key: u32, value: u32, cases: &mut Cases<'_>) {
        let history = self.history;
        let (touched, fresh) = self.memory.get(key);
        touched.appended += 1;
        let was_read = !fresh && touched.read.is_some();
        let first = !std::mem::replace(&mut touched.wrote, true);
        if let (true, Some(version)) = (first, touched.first_read) {
            self.updates.push((key, version, number));
        }
        let read_before = |step: &MicroOperation| match *step {
            MicroOperation::ReadList { key: other, list } => other == key && history.elements(list).contains(&value),
            _ => false,
        };
        if was_read && history.steps(number)[..at].iter().any(read_before) {
            cases.add(Anomaly::FutureRead, &[number], || {
                let (key, value) = (history.key_name(key), history.value_name(value));
                (
                    format!("A transaction read {value} of key {key} before it appended it."),
                    format!("T1 appends {value} to key {key} only after it read it: a contradiction."),
                )
            });
        }
    }

    /// Whether a read is not what the last read and the appends since make.
    fn contradicts(&mut self, number: u32, at: usize, key: u32, list: List) -> bool {
        let history = self.history;
        let (&mut touched, fresh) = self.memory.get(key);
        if fresh {
            // It stays fresh for the caller, who asks again.
            self.memory.stamps[key as usize] = u32::MAX;
            return false;
        }
        let elements = history.elements(list);
        let Some(own) = elements.len().checked_sub(touched.appended) else { return true };
        let appended = history.steps(number)[touched.since..at].iter().filter_map(|step| match *step {
            MicroOperation::Append { key: other, value } if other == key => Some(value),
            _ => None,
        });
        let (base, end) = elements.split_at(own);
        touched.read.is_some_and(|read| history.elements(read) != base) || !appended.eq(end.iter().copied())
    }

    fn read(&self, number: u32, key: u32, list: List, cases: &mut Cases<'_>) {
        let elements = self.history.elements(list);
        let Some(&last) = elements.last() else { return };
        let place = self.versions.place(key, elements);
        let order = self.orders[key as usize];
        let (aborted, garbage) = match place {
            Place::Version(version) => (order.first_aborted <= version, order.first_garbage <= version),
            Place::Nowhere => (true, true),
        };
        if aborted {
            self.aborted_read(number, key, elements, cases);
        }
        if garbage && !self.hidden_writes {
            self.garbage_read(number, key, elements, cases);
        }
        if let Some(append) = self.versions.append(key, last)
            && append.intermediate
            && append.transaction != number
        {
            cases.add(Anomaly::G1b, &[append.transaction, number], || {
                let (key, value) = (self.history.key_name(key), self.history.value_name(last));
                (
                    format!(
                        "A read of key {key} ended with {value}, which was not the last that its transaction appended."
                    ),
                    format!("T2 read key {key} when T1 had appended {value} and not yet the rest: a contradiction."),
                )
            });
        }
        let repeats = self.versions.longest[key as usize].is_some_and(|longest| longest.repeats);
        if (place == Place::Nowhere || repeats) && has_duplicates(elements) {
            cases.add(Anomaly::DuplicateElements, &[number], || {
                let key = self.history.key_name(key);
                (
                    format!("A read of key {key} holds an element twice."),
                    format!(
                        "Each element was appended to key {key} once, and T1 read {}: a contradiction.",
                        list_in_words(self.history, list)
                    ),
                )
            });
        }
        if let (Place::Nowhere, Some(longest)) = (place, self.versions.longest[key as usize]) {
            self.incompatible(number, key, list, longest, cases);
        }
    }

    fn aborted_read(&self, number: u32, key: u32, elements: &[u32], cases: &mut Cases<'_>) {
        let failed = elements.iter().find_map(|&element| {
            let append = self.versions.append(key, element)?;
            (self.history.outcome(append.transaction) == Outcome::Fail).then_some((element, append.transaction))
        });
        if let Some((element, writer)) = failed {
            cases.add(Anomaly::G1a, &[writer, number], || {
                let (key, value) = (self.history.key_name(key), self.history.value_name(element));
                (
                    format!("A read of key {key} shows {value}, whose transaction failed."),
                    format!("T2 read {value} of key {key}, which T1 never appended, since it failed: a contradiction."),
                )
            });
        }
    }

    fn garbage_read(&self, number: u32, key: u32, elements: &[u32], cases: &mut Cases<'_>) {
        let unknown = elements.iter().find(|&&element| self.versions.append(key, element).is_none());
        if let Some(&element) = unknown {
            cases.add(Anomaly::GarbageRead, &[number], || {
                let (key, value) = (self.history.key_name(key), self.history.value_name(element));
                (
                    format!("A read of key {key} shows {value}, which nobody appended."),
                    format!("T1 read {value} of key {key}, and no transaction tried to append it: a contradiction."),
                )
            });
        }
    }

    fn incompatible(&self, number: u32, key: u32, list: List, longest: Longest, cases: &mut Cases<'_>) {
        let known = self.history.elements(longest.list);
        // A list whose only fault is an element that it holds twice is told as such.
        if longest.repeats && known.starts_with(self.history.elements(list)) {
            return;
        }
        cases.add(Anomaly::IncompatibleOrder, &[longest.reader, number], || {
            let name = self.history.key_name(key);
            let (first, second) = (list_in_words(self.history, longest.list), list_in_words(self.history, list));
            (format!("Two reads of key {name} cannot come from one order of its appends."),
             format!("T1 read {first} of key {name}, T2 read {second}, and neither begins with the other: a contradiction."))
        });
    }

    fn lost_updates(&mut self, cases: &mut Cases<'_>) {
        self.updates.sort_unstable();
        for group in self.updates.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|group| group.len() > 1) {
            cases.add(Anomaly::LostUpdate, &[group[0].2, group[1].2], || {
                let key = self.history.key_name(group[0].0);
                let others = group.len() - 1;
                (format!("{} transactions read one version of key {key}, and all of them appended to it.", others + 1),
                 format!("T1 and T2 both updated what they read of key {key}, and neither saw the other: one update was lost."))
            });
        }
    }
}

/// A committed append on top of an aborted one, perhaps with indeterminate ones between.
fn dirty_updates(versions: &Versions<'_>, cases: &mut Cases<'_>) {
    let history = versions.history;
    for key in 0..history.key_count() {
        let mut aborted = None;
        for &writer in versions.writers(key).iter().filter(|&&writer| writer != NOBODY) {
            match (history.outcome(writer), aborted) {
                (Outcome::Fail, None) => aborted = Some(writer),
                (Outcome::Ok, Some(failed)) => {
                    cases.add(Anomaly::DirtyUpdate, &[failed, writer], || {
                        let key = history.key_name(key as u32);
                        (
                            format!("A committed append to key {key} lies on top of an aborted one."),
                            format!(
                                "T2 appended to key {key} after T1, which failed and left no trace: a contradiction."
                            ),
                        )
                    });
                    aborted = None;
                }
                _ => {}
            }
        }
    }
}

fn has_duplicates(elements: &[u32]) -> bool {
    let mut sorted = elements.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}
