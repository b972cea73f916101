//! Transactions in words.

use dsjepsen_history::{Index, Step};

use super::history::{List, MicroOperation, Outcome, TransactionHistory};
pub(super) use crate::argument::step;

/// How many steps of a transaction, and how many elements of a list, are written out.
const SHOWN: usize = 12;

/// The invocations of some transactions, in order.
pub(super) fn proof(history: &TransactionHistory, transactions: &[u32]) -> Vec<Index> {
    let mut indices: Vec<_> = transactions.iter().map(|&number| history.transaction(number).invoked).collect();
    indices.sort_unstable();
    indices.dedup();
    indices
}

/// `Let T1 = …`, `And let T2 = …`. The numbers are places in `transactions`, counted from 1.
pub(super) fn in_words(history: &TransactionHistory, transactions: &[u32]) -> Vec<Step> {
    let told = |(at, &number): (usize, &u32)| {
        let transaction = history.transaction(number);
        let outcome = match transaction.outcome {
            Outcome::Ok => "",
            Outcome::Fail => ", which failed",
            Outcome::Info => ", whose answer never came",
        };
        let text =
            format!("T{} = {}, by process {}{outcome}.", at + 1, written_out(history, number), transaction.process);
        step(if at == 0 { "Let" } else { "And let" }, text, Some(transaction.invoked))
    };
    transactions.iter().enumerate().map(told).collect()
}

/// `[append(x, 1), read(y) = [3, 4]]`.
pub(super) fn written_out(history: &TransactionHistory, number: u32) -> String {
    let steps = history.steps(number);
    let mut words: Vec<_> = steps.iter().take(SHOWN).map(|&step| one(history, step)).collect();
    if steps.len() > SHOWN {
        words.push(format!("… {} more", steps.len() - SHOWN));
    }
    format!("[{}]", words.join(", "))
}

fn one(history: &TransactionHistory, operation: MicroOperation) -> String {
    let key = history.key_name(operation.key());
    match operation {
        MicroOperation::Append { value, .. } => format!("append({key}, {})", history.value_name(value)),
        MicroOperation::Write { value, .. } => format!("write({key}, {})", history.value_name(value)),
        MicroOperation::Read { value, .. } => format!("read({key}) = {}", value_or_initial(history, value)),
        MicroOperation::ReadList { list, .. } => format!("read({key}) = {}", list_in_words(history, list)),
        MicroOperation::Unread { .. } => format!("read({key})"),
    }
}

/// A value, or `nil` for the initial one.
pub(super) fn value_or_initial(history: &TransactionHistory, value: Option<u32>) -> String {
    value.map_or_else(|| "nil".to_owned(), |value| history.value_name(value))
}

/// A list; of a long one its end, where what is disputed mostly is.
pub(super) fn list_in_words(history: &TransactionHistory, list: List) -> String {
    let elements = history.elements(list);
    let hidden = elements.len().saturating_sub(SHOWN);
    let shown: Vec<_> = elements[hidden..].iter().map(|&element| history.value_name(element)).collect();
    match hidden {
        0 => format!("[{}]", shown.join(", ")),
        _ => format!("[… {hidden} more, {}]", shown.join(", ")),
    }
}
