//! Anomalies of registers that show without any graph.

use super::versions::{Access, Versions};
use crate::transactions::anomaly::Anomaly;
use crate::transactions::history::{MicroOperation, Outcome};
use crate::transactions::text::value_or_initial;
use crate::transactions::verdict::{Cases, Options};

/// Finds them all.
pub(super) fn find(versions: &Versions<'_>, options: &Options, cases: &mut Cases<'_>) {
    let history = versions.history;
    for number in history.numbers().filter(|&number| history.outcome(number) == Outcome::Ok) {
        internal(versions, number, cases);
        for &step in history.steps(number) {
            if let MicroOperation::Read { key, value: Some(value) } = step {
                read(versions, number, key, value, options, cases);
            }
        }
    }
    lost_updates(versions, cases);
}

/// Keys of which two values were read that nobody wrote, nil among them: only one can be the initial state.
pub(super) fn initial_states(versions: &Versions<'_>, cases: &mut Cases<'_>) {
    let history = versions.history;
    let mut first: Vec<Option<(u32, u32)>> = vec![None; history.key_count()];
    for number in history.numbers().filter(|&number| history.outcome(number) == Outcome::Ok) {
        for &step in history.steps(number) {
            let MicroOperation::Read { key, value } = step else { continue };
            let version = versions.version(key, value);
            if versions.writer(version).is_some() {
                continue;
            }
            let &mut (other, reader) = first[key as usize].get_or_insert((version, number));
            if other != version {
                let readers = [reader, number];
                cases.add(Anomaly::GarbageRead, if reader == number { &readers[1..] } else { &readers }, || {
                    let name = |version| value_or_initial(history, versions.value(version));
                    let (key, one, other) = (history.key_name(key), name(other), name(version));
                    let second = if reader == number { "T1" } else { "T2" };
                    (
                        format!("Reads of key {key} show {one} and {other}, and nobody wrote either."),
                        format!(
                            "T1 read {one} of key {key} and {second} read {other}, and only one of them can be the initial state: \
                             a contradiction."
                        ),
                    )
                });
            }
        }
    }
}

/// A read that is not what the transaction itself read or wrote last.
fn internal(versions: &Versions<'_>, number: u32, cases: &mut Cases<'_>) {
    let history = versions.history;
    let mut seen: Vec<(u32, Option<u32>)> = Vec::new();
    for (at, &step) in history.steps(number).iter().enumerate() {
        let (key, value, reads) = match step {
            MicroOperation::Read { key, value } => (key, value, true),
            MicroOperation::Write { key, value } => (key, Some(value), false),
            _ => continue,
        };
        let Some(last) = seen.iter_mut().find(|last| last.0 == key) else {
            seen.push((key, value));
            continue;
        };
        let expected = std::mem::replace(&mut last.1, value);
        if reads && expected != value {
            if history.steps(number)[..at].iter().any(|step| step.written().is_some_and(|(other, _)| other == key)) {
                cases.misses_own_write();
            }
            cases.add(Anomaly::Internal, &[number], || {
                let (name, read, expected) =
                    (history.key_name(key), value_or_initial(history, value), value_or_initial(history, expected));
                (
                    format!("A transaction read {read} of key {name}, where it had read or written {expected} itself."),
                    format!("T1 did nothing to key {name} in between: a contradiction."),
                )
            });
            return;
        }
    }
}

fn read(versions: &Versions<'_>, number: u32, key: u32, value: u32, options: &Options, cases: &mut Cases<'_>) {
    let history = versions.history;
    let names = || (history.key_name(key), history.value_name(value));
    let Some((writer, intermediate)) = versions.writer(versions.version(key, Some(value))) else {
        if options.garbage_reads && !options.hidden_writes {
            cases.add(Anomaly::GarbageRead, &[number], || {
                let (key, value) = names();
                (
                    format!("A read of key {key} shows {value}, which nobody wrote."),
                    format!("T1 read {value} of key {key}, and no transaction tried to write it: a contradiction."),
                )
            });
        }
        return;
    };
    if writer == number {
        let reads_first = history.steps(number).iter().find_map(|&step| match step {
            MicroOperation::Read { .. } if step == (MicroOperation::Read { key, value: Some(value) }) => Some(true),
            MicroOperation::Write { .. } if step.written() == Some((key, value)) => Some(false),
            _ => None,
        });
        if reads_first == Some(true) {
            cases.add(Anomaly::FutureRead, &[number], || {
                let (key, value) = names();
                (
                    format!("A transaction read {value} of key {key} before it wrote it."),
                    format!("T1 writes {value} to key {key} only after it read it: a contradiction."),
                )
            });
        }
    } else if history.outcome(writer) == Outcome::Fail {
        cases.add(Anomaly::G1a, &[writer, number], || {
            let (key, value) = names();
            (
                format!("A read of key {key} shows {value}, whose transaction failed."),
                format!("T2 read {value} of key {key}, which T1 never wrote, since it failed: a contradiction."),
            )
        });
    }
    if intermediate && writer != number {
        cases.add(Anomaly::G1b, &[writer, number], || {
            let (key, value) = names();
            (
                format!("A read of key {key} shows {value}, which its transaction overwrote itself."),
                format!("T2 read {value} of key {key}, where T1 wrote more before it committed: a contradiction."),
            )
        });
    }
}

fn lost_updates(versions: &Versions<'_>, cases: &mut Cases<'_>) {
    let history = versions.history;
    let ok = |access: &&Access| history.outcome(access.transaction) == Outcome::Ok;
    let update = |access: &Access| access.write.and(access.read).map(|read| (read, access.transaction));
    let mut updates: Vec<(u32, u32)> = versions.accesses.iter().filter(ok).filter_map(update).collect();
    updates.sort_unstable();
    for group in updates.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        cases.add(Anomaly::LostUpdate, &[group[0].1, group[1].1], || {
            let key = history.key_name(versions.key(group[0].0));
            let value = value_or_initial(history, versions.value(group[0].0));
            (
                format!("{} transactions read {value} of key {key}, and all of them wrote it anew.", group.len()),
                format!("T1 and T2 both updated the {value} that they read of key {key}: one update was lost."),
            )
        });
    }
}
